"""A Trace: the inputs of one step and every array that an engine computed in it.

It is all that explanations read. A native engine's Trace holds the kernel's own arrays: its
gradient is, to the bit, the one that the update used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop.engines.sequences import Packing
from clearprop.network import Network, Parameters

if TYPE_CHECKING:
    from clearprop.engines.contracts import Recipe


@dataclass(frozen=True)
class Trace:
    """One step of training on one batch of n rows.

    Of a network with k members all arrays have k · n rows, apart from `rows`: those of the first
    member, then those of the second, and so on; c_i is then 1/k of what it is for one.

    Attributes
    ----------
    network : Network
    recipe : Recipe
        How the step was taken: update rule, penalty, clipping, carrier.
    engine : str
        The engine that computed it.
    step : int
        The number of the step, 0 for the first.
    rows : (n,) int array
        The batch's rows in the data.
    vector : (network.size,) array
        The parameters before the update.
    slots : (slots of the rule, network.size) array
        What the update rule remembered before the update.
    x, y : (n, inputs) and (n, outputs) arrays
        The batch and its targets, after label smoothing.
    coefficients : (n,) array
        c_i, with E = Σ c_i E_i.
    inputs, z, a, delta : lists of arrays, one entry a layer
        What the layer received (n, fan_in); weighted inputs, activations before dropout, and
        δ = ∂E/∂z, each (n, units). Where the recipe's carrier is not `"exact"`, δ and `gradient`
        are what training used in the places of ∂E/∂z and ∂E/∂θ.
    masks : list
        Dropout masks (n, units), None for layers without.
    losses : (n,) array
        E_i of each sample.
    penalty : float
        The value of the penalty.
    penalty_factor : float
        What the penalty is multiplied by in this batch; see `Penalty.factor`.
    gradient : (network.size,) array
        ∂E/∂θ of the loss, without penalty, before clipping.
    terms : dict of (network.size,) arrays
        The named terms of the update; their sum is `update` up to rounding.
    update : (network.size,) array
        What the engine added to the parameters.
    rate : float
        η of the step: the rule's learning rate times the schedule's factor.
    constants : (6,) float64 array
        The step's row of `Engine.step_constants`.
    """

    network: Network
    recipe: Recipe
    engine: str
    step: int
    rows: np.ndarray
    vector: np.ndarray
    slots: np.ndarray
    x: np.ndarray
    y: np.ndarray
    coefficients: np.ndarray
    inputs: list[np.ndarray]
    z: list[np.ndarray]
    a: list[np.ndarray]
    delta: list[np.ndarray]
    masks: list[Any]
    losses: np.ndarray
    penalty: float
    penalty_factor: float
    gradient: np.ndarray
    terms: dict[str, np.ndarray]
    update: np.ndarray
    rate: float
    constants: np.ndarray

    @property
    def loss(self) -> float:
        """E = Σ c_i E_i, without penalty."""
        return float(np.sum(self.coefficients * self.losses, dtype=np.float64))

    def weight_gradients(self) -> list[np.ndarray]:
        """Return ∂E/∂W of each layer but front ones, (units, fan_in); see `Parameters.weights`."""
        return Parameters(self.network, self.gradient).weights

    def bias_gradients(self) -> list[np.ndarray]:
        """Return ∂E/∂b of each layer but front ones, (units,); see `Parameters.biases`."""
        return Parameters(self.network, self.gradient).biases


@dataclass(frozen=True)
class SequenceTrace(Trace):
    """One step of training a network with recurrent layers, on a batch of n sequences.

    Up to the readout the rows of `x`, `inputs`, `z`, `a` and `delta` are pairs (sequence, step), N
    in all, as `packing` lays them out; behind it they are sequences, unless every step is read out.
    Of a recurrent layer `z` and `delta` are those of the gates of all its ways, side by side, each
    (N, ways · gates · units), and `a` is h, (N, ways · units), in the order of time. `rows` are the
    sequences, (n,). `coefficients`, `losses` and `y` have one row for each output. Masks are
    (n, units): a unit is dropped for a whole sequence.

    Attributes
    ----------
    packing : Packing
        `packing.of(i)` gives the rows of the batch's sequence i, step by step.
    states : list of dicts of arrays, one a layer
        What a recurrent layer's cell keeps besides h, by name, in the order of time: of an LSTM the
        cell state `"c"`, of a GRU `"q"` (see `equations.cells`), (N, ways · units). Empty for
        others.
    fed_back : list of arrays, one a layer
        δ' = ∂E/∂(U h) of a recurrent layer, of the shape of its δ; None for others.
    before : list of arrays, one a layer
        The state h before each step, of the shape of its h; None for others. In a reverse way it is
        that of the step after.
    begin : int
        The step at which the batch's sequences are entered; above 0 in a later piece of them.
    cut : int or None
        Errors stop at steps that this divides; see `Recipe.truncate`.
    """

    packing: Packing
    states: list[dict[str, np.ndarray]]
    fed_back: list[Any]
    before: list[Any]
    begin: int = 0
    cut: int | None = None
