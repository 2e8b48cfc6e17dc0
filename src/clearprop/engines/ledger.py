"""What is written down of a step on every engine: masks, named update terms, watched parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from clearprop import equations as eq
from clearprop.engines.contracts import Block, Recipe, Record, TrainState, Watching
from clearprop.network import Network


def dropout_masks(
    network: Network,
    state: TrainState,
    block: Block,
    rows: np.ndarray,
    factor: float | None = 1.0,
) -> list[Any]:
    """Return the mask of each layer for these rows at this step, None where nothing is dropped.

    `factor` is what the step's rates are multiplied by; nothing is dropped where it is None.
    """
    masks: list[Any] = []
    for operation in network.operations:
        if factor is None or not operation.dropout:
            masks.append(None)
            continue
        key = eq.key_of(state.seed, eq.chance.PURPOSES["dropout"] + operation.layer, state.step)
        numbers, rate = rows + block.first_row, operation.dropout * factor
        given = (key, numbers, operation.units, rate, network.dtype, network.members)
        masks.append(eq.dropout_mask(np, *given))
    return masks


def update_terms(
    network: Network,
    recipe: Recipe,
    state: TrainState,
    gradient: np.ndarray,
    constants: np.ndarray,
    penalty_factor: float,
) -> tuple[eq.updates.Terms, eq.updates.Slots]:
    """Return the named terms of the update that a gradient leads to, and the rule's new slots.

    Parameters
    ----------
    gradient : (network.size,) array
        Of the loss, without penalty, before clipping.
    constants : (6,) float64 array
        The step's row of `Engine.step_constants`.
    penalty_factor : float
        What the penalty is multiplied by in this batch.
    """
    given = (network, recipe, state.vector, tuple(state.slots))
    return terms_and_slots(np, *given, gradient, constants.astype(gradient.dtype), penalty_factor)


def terms_and_slots(
    xp: Any,
    network: Network,
    recipe: Recipe,
    vector: Any,
    slots: eq.updates.Slots,
    gradient: Any,
    c: Any,
    penalty_factor: Any,
) -> tuple[eq.updates.Terms, eq.updates.Slots]:
    """Return what `update_terms` returns, on any array namespace; `c` in the gradient's dtype."""
    parts = {"gradient": gradient}
    if recipe.penalty.counts:
        slope = eq.penalty_gradient(xp, network, vector, recipe.penalty)
        parts["penalty"] = (penalty_factor * slope).astype(gradient.dtype)
    if recipe.clip_norm is not None or recipe.clip_value is not None:
        total = sum(parts.values())
        clipped = eq.clip(xp, total, recipe.clip_norm, recipe.clip_value)
        parts["clipping"] = clipped - total
    decayed = vector * eq.objective.weight_mask(xp, network, gradient.dtype)
    terms, slots = recipe.rule.terms(xp, decayed, parts, slots, c)
    rates = rate_factors(network)
    return {name: (term * rates).astype(gradient.dtype) for name, term in terms.items()}, slots


class Notes:
    """What a `Watching` asks for, taken down step by step where steps are taken one by one."""

    def __init__(self, watch: Watching | None) -> None:
        self._watch = watch
        self._entries = list(watch.entries) if watch else []
        self._steps: list[int] = []
        self._values: list[np.ndarray] = []

    def take(self, state: TrainState) -> None:
        """Copy the watched parameters of a state, if its step is one of those to copy."""
        if self._watch is not None and state.step % self._watch.every == 0:
            self._steps.append(state.step)
            self._values.append(state.vector[self._entries])

    def added_to(self, record: Record) -> Record:
        """Return a record with what was taken down."""
        if self._watch is None:
            return record
        values = np.array(self._values).reshape(-1, len(self._entries))
        return replace(record, watched_steps=np.array(self._steps, dtype=np.int64), watched=values)


def rate_factors(network: Network) -> np.ndarray:
    """Return the learning-rate factor of each parameter, (network.size,)."""
    return np.concatenate(
        [np.full(s.stop - s.start, s.rate, dtype=network.dtype) for s in network.segments]
    )
