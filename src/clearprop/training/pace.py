"""How many steps to take in one call of an engine, so that it lasts about as long as is wanted.

Public names: `Pace`.
May import: `clearprop.network`.
"""

from __future__ import annotations

from clearprop.network import Network


class Pace:
    """Learns from the calls so far how many steps fill one.

    Parameters
    ----------
    grain : float
        Seconds that a call should take.
    steps : int
        For the first call.

    Attributes
    ----------
    steps : int
        For the next call.
    """

    def __init__(self, grain: float, steps: int = 1) -> None:
        self._grain, self.steps = grain, steps

    @classmethod
    def guessed(cls, network: Network, batch: int, grain: float) -> Pace:
        """Begin with what a network probably takes: 10 GFLOP/s, six operations a parameter."""
        return cls(grain, max(1, int(grain / (2e-6 + 6e-10 * network.size * batch))))

    def took(self, seconds: float, steps: int) -> None:
        """Learn from a call that took this long."""
        wanted = int(self._grain * max(1, steps) / max(seconds, 1e-6))
        # at most four times as many, since the last steps may have been untypical
        self.steps = max(1, min(wanted, 4 * self.steps))
