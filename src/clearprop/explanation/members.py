"""One member of a network of several, as an ordinary network.

A network with k members minimises the mean of their losses, E = 1/k Σ_m E_m, so that the gradient
that its update used is the mean over the members,

    ∂E/∂θ = 1/k Σ_m ∂E_m/∂θ

and of a parameter that a member has for itself, a gain or one of its output layer, 1/k ∂E_m/∂θ.
What is explained is E_m of one member: its rows of the trace, with its own parameters and with δ
and coefficients times k. The step is that of all.

Public names: `Membership`, `bare_member`, `membership_of`.
May import: `jacobians`, `layer_gradients`, `names`, `places`, `neurons`, `reach`,
`clearprop.engines`, `clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from clearprop.engines import Trace
from clearprop.errors import SettingError
from clearprop.explanation.jacobians import carried_to
from clearprop.explanation.layer_gradients import layer_gradients
from clearprop.explanation.names import Names
from clearprop.explanation.neurons import tolerance
from clearprop.explanation.places import Place
from clearprop.explanation.reach import reach_of
from clearprop.network import Network, Parameters


@dataclass(frozen=True, eq=False)
class Membership:
    """Which member an explanation is of.

    Attributes
    ----------
    trace : Trace
        That of all members.
    names : Names
        Of the network of all members.
    number : int
        The member, counted from 0.
    """

    trace: Trace
    names: Names
    number: int

    @property
    def count(self) -> int:
        """k."""
        return self.trace.network.members

    @cached_property
    def own(self) -> Trace:
        """The member's trace."""
        return _member_trace(self.trace, self.number)

    def place(self, place: Place) -> Place:
        """Return where a parameter of the member stands among those of all."""
        own = place.segment(self.trace.network).own
        return replace(place, member=self.number if own else 0)

    def is_own(self, place: Place) -> bool:
        """Whether no other member has a part in a parameter."""
        return place.segment(self.trace.network).own

    def gradients(self, place: Place) -> np.ndarray:
        """Return ∂E_m/∂θ of each member, (k,); of those alone that have the parameter."""
        found = np.zeros(self.count)
        for number in [self.number] if self.is_own(place) else range(self.count):
            trace = self.own if number == self.number else bare_member(self.trace, number)
            found[number] = reach_of(trace, place).pushes.sum()
        return found

    def adds_up(self, place: Place) -> bool:
        """Whether the mean of `gradients` is what the update used, within rounding."""
        parts = self.gradients(place)
        used = float(self.trace.gradient[self.place(place).entry(self.trace.network)])
        size = sum(
            float(reach_of(bare_member(self.trace, number), place).sizes.sum())
            for number in np.flatnonzero(parts).tolist()
        )
        return (
            abs(float(parts.mean()) - used) <= tolerance(self.trace) * (size / self.count) + 1e-300
        )


def membership_of(trace: Trace, names: Names, member: Any) -> Membership:
    """Return a member of a trace of several.

    Raises
    ------
    SettingError
        If there is no such member.
    """
    count = trace.network.members
    if not isinstance(member, int | np.integer) or not 0 <= member < count:
        raise SettingError(
            f"The network's members are numbered from 0 to {count - 1}, but member={member!r} came."
        )
    whole = replace(names, network=trace.network, aliases={})
    return Membership(trace, whole, int(member))


def bare_member(trace: Trace, number: int) -> Trace:
    """Return a member's trace with the gradient and the update left as they are among all's."""
    network, k = trace.network.member(number), trace.network.members
    n = len(trace.inputs[0]) // k
    rows = slice(number * n, (number + 1) * n)

    def taken(array: np.ndarray) -> np.ndarray:
        return array[rows] if len(array) == k * n else array

    entries = _entries(trace.network, number)
    return replace(
        trace,
        network=network,
        rows=taken(trace.rows),
        vector=trace.vector[entries],
        slots=trace.slots[:, entries],
        x=taken(trace.x),
        y=taken(trace.y),
        coefficients=taken(trace.coefficients) * k,
        inputs=[taken(array) for array in trace.inputs],
        z=[taken(array) for array in trace.z],
        a=[taken(array) for array in trace.a],
        delta=[taken(array) * k for array in trace.delta],
        masks=[None if mask is None else taken(mask) for mask in trace.masks],
        losses=taken(trace.losses),
        gradient=trace.gradient[entries],
        terms={name: term[entries] for name, term in trace.terms.items()},
        update=trace.update[entries],
    )


def _entries(network: Network, number: int) -> np.ndarray:
    """Return where a member's parameters stand among those of all, (size of the member,)."""
    places = Parameters(network, np.arange(network.size, dtype=np.float64))
    return places.member(number).vector.astype(np.int64)


def _member_trace(trace: Trace, number: int) -> Trace:
    """Return a member's trace with the gradient of its own loss."""
    own = bare_member(trace, number)
    gradient, last = np.empty(own.network.size), len(own.z)
    for operation in own.network.operations:
        layer = operation.layer
        carried = carried_to(own, layer) if layer < last else None
        delta = own.delta[layer - 1].astype(np.float64)
        sums = layer_gradients(own, layer, delta, carried)
        for segment, (value, _) in zip(operation.segments, sums.values(), strict=True):
            segment.view(gradient)[...] = value
    return replace(own, gradient=gradient.astype(own.gradient.dtype))
