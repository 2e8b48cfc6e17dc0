"""Outputs of a network and their slopes ∂a_k/∂x, from an engine's own backward pass.

Engines carry back the error of a loss. So the slope of an output is the error of one that has it:

- |a_k - y| with y far below, of a network that has a_k for its only output: ∂E/∂a_k = 1;
- for softmax, whose outputs cannot be had one by one, the cross-entropy of class k: with
  E = -log a_k, ∂a_k/∂x = -a_k ∂E/∂x.

Its δ¹ is read from the engine's Trace and goes one operation further back, to the input. Each
sample's coefficient is divided out again. Where the network has members, its output is the mean of
theirs, and so is the slope.

Public name: `OutputSlopes`.
May import: `jacobians`, `members`, `clearprop.engines`, `clearprop.equations`,
`clearprop.network`, NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from clearprop.engines import Block, Engine, Recipe, Trace, build
from clearprop.equations import GradientDescent
from clearprop.explanation.jacobians import carried_to
from clearprop.explanation.members import bare_member
from clearprop.functions import Loss
from clearprop.network import Dense, Network, Parameters

# a target below all outputs; its loss is still a number of float32
FAR_BELOW = -1e30
# rows of one trace: enough for BLAS, and at most so many numbers
AT_ONCE, NUMBERS = 8192, 1 << 25
# arrays of a trace for each layer: what it received, z, a, δ
ARRAYS = 4


class OutputSlopes:
    """Outputs and their slopes of one network, or of the mean of several.

    Parameters
    ----------
    parameters : sequence of Parameters
        Networks of the same inputs and outputs.
    engine : {"auto", "native", "reference", "xla"}
    """

    def __init__(self, parameters: Sequence[Parameters], engine: str = "auto") -> None:
        self.parameters = tuple(parameters)
        self.engine = engine
        network = self.parameters[0].network
        self.inputs, self.outputs = network.inputs, network.outputs
        self.dtype = np.dtype(network.dtype)
        self._runners = _built(engine, [p.network for p in self.parameters])
        self._probes: dict[int, list[_Probe]] = {}

    @property
    def at_once(self) -> int:
        """Rows that a trace is taken of at a time."""
        return min(_at_once(p.network) for p in self.parameters)

    def values(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs of rows x, (n, outputs), in float64."""
        x = np.ascontiguousarray(x, dtype=self.dtype)
        found = [
            runner.predict(p.vector, x).astype(np.float64)
            for runner, p in zip(self._runners, self.parameters, strict=True)
        ]
        return np.asarray(np.mean(found, axis=0))

    def slopes(self, x: np.ndarray, output: int) -> np.ndarray:
        """Return ∂a_k/∂x of one output k for rows x, (n, inputs), in float64."""
        if output not in self._probes:
            self._probes[output] = self._probes_of(output)
        x = np.ascontiguousarray(x, dtype=self.dtype)
        return np.asarray(np.mean([probe.slopes(x) for probe in self._probes[output]], axis=0))

    def _probes_of(self, output: int) -> list[_Probe]:
        probed = [_probed(p, output) for p in self.parameters]
        runners = _built(self.engine, [p.network for p in probed])
        return [_Probe(p, output, r) for p, r in zip(probed, runners, strict=True)]


@dataclass(frozen=True, eq=False)
class _Probe:
    """One network, with the loss whose error is the slope of one output."""

    parameters: Parameters
    output: int
    runner: Engine

    @property
    def softmax(self) -> bool:
        return not self.parameters.network.layers[-1].function.elementwise

    def slopes(self, x: np.ndarray) -> np.ndarray:
        network = self.parameters.network
        y = np.full(len(x), self.output) if self.softmax else np.full((len(x), 1), FAR_BELOW)
        block = Block.of(network, x, y)
        state = self.runner.initial_state(self.parameters)
        trace = self.runner.trace(state, block, np.arange(len(x)), dropout=False)
        members = network.members
        if members == 1:
            return self._of_one(trace)
        return np.asarray(
            np.mean([self._of_one(bare_member(trace, m)) for m in range(members)], axis=0)
        )

    def _of_one(self, trace: Trace) -> np.ndarray:
        factor = 1 / trace.coefficients.astype(np.float64)
        if self.softmax:
            factor *= -trace.a[-1][:, self.output].astype(np.float64)
        return factor[:, None] * carried_to(trace, 0)


def _at_once(network: Network) -> int:
    numbers = ARRAYS * sum(network.shape) * network.members
    return int(np.clip(NUMBERS // numbers, 64, AT_ONCE))


def _built(engine: str, networks: Sequence[Network]) -> list[Engine]:
    """Return an engine for each network; networks that are described alike share one."""
    found: list[Engine] = []
    for network in networks:
        same = [runner for runner in found if runner.network == network]
        # the plan goes by the rows of a batch
        recipe = Recipe(rule=GradientDescent(1.0), batch_size=_at_once(network))
        found.append(same[0] if same else build(engine, network, recipe))
    return found


def _probed(parameters: Parameters, output: int) -> Parameters:
    """Return parameters of the network whose error is the slope of an output."""
    network = parameters.network
    if network.layers[-1].function.elementwise:
        return _one_output(parameters, output)
    return replace(parameters, network=replace(network, loss=Loss("cross_entropy")))


def _one_output(parameters: Parameters, output: int) -> Parameters:
    """Return the network with one of its outputs, and |a - y| for its loss."""
    network = parameters.network
    *before, head = network.layers
    assert isinstance(head, Dense), "the output layer of every network is dense"
    layers = (*before, replace(head, units=1))
    probe = replace(network, layers=layers, loss="absolute_error")
    own = {segment.name for segment in network.operations[-1].segments}
    arrays = {segment.name: parameters[segment.name] for segment in network.segments}
    for name in own:
        # the units are the last axis of a bias, and the one before of a matrix
        units = -1 if name.startswith("b") else -2
        arrays[name] = np.take(arrays[name], [output], axis=units)
    return Parameters.from_names(probe, arrays)
