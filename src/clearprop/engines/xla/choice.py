"""Which way errors go back through time: step after step, or by a scan."""

from __future__ import annotations

from clearprop.network import Network


def chosen_time(wanted: str, network: Network, steps: int, count: int) -> str:
    """Return "serial" or "scan" for a grid of this shape."""
    return wanted if wanted != "auto" else "serial"
