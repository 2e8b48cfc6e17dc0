"""What units and parameters are called, in words that people can type.

A unit of hidden layer 1 is `h1.2` (counted from 1), an input `x3` or its column's name, an output
`o1` or its class's name. A weight is named by where it leads to and from, `h1.2<-x3`; a bias is
`h1.2<-bias`. A worked example gives its parameters names of their own (`w5`), which come first.
The arrays' own way, counted from 0 as in NumPy, is understood as well: `W1[1, 2]`, `b1[1]`; and it
is the name of a parameter where units' names leave two meanings, as with a column called `bias`.

A recurrent layer reads its own units as they were one step before, so `h1.2<-h1.1` is a weight of
U. Where a unit has gates, the gate is named behind it: `h1.2.i<-x3`, `h1.2.f<-h1.1`,
`h1.2.o<-bias`; the bias inside a GRU's reset gate is `h1.2.n<-inner`. In a layer that goes both
ways through time the units of the way back are `h1r.1`, `h1r.2`, …, as their arrays are W1r, U1r
and b1r.

Layers before the first dense one keep the names of what they prepare; `h2.1` is a unit of layer 2,
whatever layer 1 is. A scaling's unit is called as its input, and its gain is `age<-gain`. A
periodic layer makes of a column `age` the units `age`, `age~1`, `age~2`, … and reads its cosines
`age.cos1`, `age.cos2`, …: `age~1<-age.cos2` is a weight, `age~1<-bias` a bias,
`age.cos2<-frequency` and `age.cos2<-phase` what is inside the cosine. The learnt part t of an
activation is `h2.1<-slope`. What each member of a network has for itself bears the member's number:
`age<-gain@3`.

Public names: `Names`.
May import: `places`, `clearprop.equations`, `clearprop.network`, `clearprop.functions`,
`clearprop.errors`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

from clearprop.equations import CELLS
from clearprop.errors import SettingError
from clearprop.explanation.places import Place, units_of
from clearprop.functions.spelling import suggest
from clearprop.network import Network, Recurrence, Waves

ARROW = "<-"
BIAS = "bias"
# c, the bias inside a GRU's reset gate
INNER = "inner"
# g of a scaling, t of a parametric layer, f and p of a periodic one
GAIN, SLOPE, FREQUENCY, PHASE = "gain", "slope", "frequency", "phase"
_MEMBER = re.compile(r"(.*)@(\d+)")


@dataclass(frozen=True)
class Names:
    """The names of a network's units and parameters.

    Attributes
    ----------
    network : Network
    inputs, outputs : tuple of str
        Names of the inputs and of the output units; `x1, x2, …` and `o1, o2, …` where empty. Each
        is kept on one line, without space at its ends, so that it can be typed and printed.
    hidden : tuple of tuples of str
        Names of the hidden units, layer by layer; `h1.1, h1.2, …` where empty, and `h1r.1, …` for
        the way back of a layer that goes both ways through time.
    aliases : mapping of str to Place
        Names of single parameters, such as `w5`.
    """

    network: Network
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    hidden: tuple[tuple[str, ...], ...] = ()
    aliases: Mapping[str, Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", _on_a_line(self.inputs))
        object.__setattr__(self, "outputs", _on_a_line(self.outputs))
        given = [self.inputs, *self.hidden, self.outputs]
        wanted = [self.network.inputs, *self.network.shape[1:-1], self.network.outputs]
        if not self.hidden:
            wanted = [wanted[0], wanted[-1]]
        for names, count in zip(given, wanted, strict=True):
            if names and (len(names) != count or len(set(names)) != count):
                raise SettingError(
                    f"{count} different names of units were expected, but {len(names)} came: "
                    f"{', '.join(names[:6])}."
                )

    def unit(self, layer: int, index: int) -> str:
        """Return the name of a unit; layer 0 is the input, `index` counts from 0."""
        last = len(self.network.layers)
        if layer == 0:
            return self.inputs[index] if self.inputs else f"x{index + 1}"
        if layer == last:
            return self.outputs[index] if self.outputs else f"o{index + 1}"
        if self.hidden:
            return self.hidden[layer - 1][index]
        operation = self.network.operations[layer - 1]
        if operation.kind == "scaling":
            return self.unit(layer - 1, index)
        if isinstance(operation, Waves):
            return self._of_waves(operation, index)
        recurrence = self.recurrence(layer)
        if recurrence is not None and index >= recurrence.size:
            return f"h{layer}r.{index - recurrence.size + 1}"
        return f"h{layer}.{index + 1}"

    def _of_waves(self, waves: Waves, index: int) -> str:
        column, feature = divmod(index, waves.features)
        if column >= len(waves.columns):
            other = waves.others[index - len(waves.columns) * waves.features]
            return self.unit(waves.layer - 1, other)
        name = self.unit(waves.layer - 1, waves.columns[column])
        return f"{name}~{feature}" if feature else name

    def cosine(self, waves: Waves, column: int, frequency: int) -> str:
        """Return the name of a cosine: `age.cos2` is that of the second frequency."""
        return f"{self.unit(waves.layer - 1, waves.columns[column])}.cos{frequency + 1}"

    def recurrence(self, layer: int) -> Recurrence | None:
        """Return a layer as a recurrent one, None for others; layer 0 is the input."""
        operation = self.network.operations[layer - 1] if layer else None
        return operation if isinstance(operation, Recurrence) else None

    def waves(self, layer: int) -> Waves | None:
        """Return a layer as a periodic one, None for others; layer 0 is the input."""
        operation = self.network.operations[layer - 1] if layer else None
        return operation if isinstance(operation, Waves) else None

    def units(self, layer: int) -> list[str]:
        """Return the names of a layer's units; layer 0 is the input."""
        return [self.unit(layer, index) for index in range(self.network.shape[layer])]

    def path_of(self, place: Place) -> str:
        """Return `into<-from`, or `W1[1, 2]` where that would stand for two parameters."""
        own = self.network.members > 1 and place.segment(self.network).own
        behind = f"@{place.member + 1}" if own else ""
        into, source = self.into(place), self.source(place)
        # of several that bear a name the first has it
        meant = self._sources(place)[source][0]
        if meant != (place.source, place.array) or into in self._unclear or ARROW in into:
            return place.entry_name + behind
        return f"{into}{ARROW}{source}{behind}"

    def into(self, place: Place) -> str:
        """Return what a parameter leads into: a unit, and its gate where it has several."""
        recurrence = self.recurrence(place.layer)
        if recurrence is None:
            waves = self.waves(place.layer)
            if waves is None:
                return self.unit(place.layer, place.unit)
            if place.array and place.source is not None:
                return self.cosine(waves, place.unit, place.source)
            return self.unit(place.layer, units_of(self.network, place)[0])
        gate, unit = divmod(place.unit, recurrence.size)
        # c has a row a unit, and belongs to the last gate
        gate = -1 if place.array == "c" else gate
        name = self.unit(place.layer, place.way * recurrence.size + unit)
        gates = CELLS[recurrence.cell].gates
        return f"{name}.{gates[gate]}" if len(gates) > 1 else name

    def source(self, place: Place) -> str:
        """Return what a parameter leads from: a unit, or what a bias is called."""
        called = {"c": INNER, "g": GAIN, "t": SLOPE, "f": FREQUENCY, "p": PHASE}.get(place.array)
        if called or place.source is None:
            return called or BIAS
        recurrence, waves = self.recurrence(place.layer), self.waves(place.layer)
        if place.array == "U" and recurrence is not None:
            return self.unit(place.layer, place.way * recurrence.size + place.source)
        if waves is not None:
            return self.cosine(waves, place.unit // (waves.features - 1), place.source)
        return self.unit(place.layer - 1, place.source)

    @cached_property
    def _into(self) -> dict[str, list[Place]]:
        """One parameter of all that lead into the same, by what they lead into.

        It is the bias where there is one, a gain, or a frequency.
        """
        found: dict[str, list[Place]] = {}
        for place in self._stems():
            found.setdefault(self.into(place), []).append(place)
        return found

    def _stems(self) -> Iterator[Place]:
        for operation in self.network.operations:
            layer, units = operation.layer, range(operation.units)
            if operation.kind == "scaling":
                yield from (Place(layer, unit, None, "g") for unit in units)
                continue
            ways = len(operation.ways) if isinstance(operation, Recurrence) else 1
            for way in range(ways):
                rows = range(operation.bias.shape[-1])
                yield from (Place(layer, row, None, way=way) for row in rows)
            if isinstance(operation, Waves):
                pairs = product(range(len(operation.columns)), range(operation.frequencies))
                yield from (Place(layer, column, number, "f") for column, number in pairs)

    @cached_property
    def _unclear(self) -> set[str]:
        """Names that two units bear which weights lead into.

        A unit of a front layer and the one behind it that it becomes may share a name: one has a
        gain, the other weights and a bias.
        """

        def alone(places: list[Place]) -> bool:
            kinds = [self.network.operations[place.layer - 1].kind for place in places]
            return len(places) == 1 or sorted(kinds) == ["periodic", "scaling"]

        return {name for name, places in self._into.items() if not alone(places)}

    def _sources(self, place: Place) -> dict[str, list[tuple[int | None, str]]]:
        """Return what leads into the same as a parameter, by name: (source, array)."""
        waves = self.waves(place.layer)
        column = -1
        if waves is not None:
            if place.array:
                # what is inside one cosine
                return {FREQUENCY: [(place.source, "f")], PHASE: [(place.source, "p")]}
            column = place.unit // (waves.features - 1)
        key = place.layer, place.way, column
        if key not in self._known_sources:
            self._known_sources[key] = self._find_sources(place, waves, column)
        return self._known_sources[key]

    def _find_sources(
        self, place: Place, waves: Waves | None, column: int
    ) -> dict[str, list[tuple[int | None, str]]]:
        layer, way = place.layer, place.way
        operation = self.network.operations[layer - 1]
        if operation.kind == "scaling":
            return {GAIN: [(None, "g")]}
        found: dict[str, list[tuple[int | None, str]]] = {}
        if waves is not None:
            names = [self.cosine(waves, column, k) for k in range(waves.frequencies)]
        else:
            names = self.units(layer - 1)
        for index, name in enumerate(names):
            found.setdefault(name, []).append((index, ""))
        recurrence = self.recurrence(layer)
        if recurrence is not None:
            first = way * recurrence.size
            own = self.units(layer)[first : first + recurrence.size]
            for index, name in enumerate(own):
                found.setdefault(name, []).append((index, "U"))
            if recurrence.ways[way].inner is not None:
                found.setdefault(INNER, []).append((None, "c"))
        if operation.parametric:
            found.setdefault(SLOPE, []).append((None, "t"))
        found.setdefault(BIAS, []).append((None, ""))
        return found

    @cached_property
    def _known_sources(
        self,
    ) -> dict[tuple[int, int, int], dict[str, list[tuple[int | None, str]]]]:
        return {}

    def of(self, place: Place) -> str:
        """Return the shortest name of a parameter: its own, or `into<-from`."""
        for name, other in self.aliases.items():
            if other == place:
                return name
        return self.path_of(place)

    def entry(self, entry: int) -> str:
        """Return the name of an entry of the flat parameter vector."""
        return self.of(Place.of_entry(self.network, entry))

    def find(self, text: str | Place) -> Place:
        """Return the parameter that a name stands for.

        Raises
        ------
        SettingError
            If there is none; the message says what names look like and what is near.
        """
        if isinstance(text, Place):
            return text.checked(self.network)
        if not isinstance(text, str):
            raise SettingError(f"A parameter is asked for by its name, but {text!r} came.")
        text = text.strip()
        if text in self.aliases:
            return self.aliases[text]
        entry = Place.of_text(self.network, text)
        if entry is not None:
            return entry
        if ARROW not in text:
            first = next(self._stems())
            index, array = next(iter(self._sources(first).values()))[0]
            weight = self.path_of(replace(first, source=index, array=array))
            bias = Place(len(self.network.layers), 0, None)
            raise SettingError(
                f"There is no parameter {text!r}. Name a weight by where it leads to and from, "
                f"such as {weight!r}, or a bias, such as "
                f"{self.path_of(first if first.is_bias else bias)!r}.{self._near_alias(text)}"
            )
        text, member = self._without_member(text)
        into, _, source = (part.strip() for part in text.partition(ARROW))
        return replace(self._leading(into, source), member=member).checked(self.network)

    def _without_member(self, text: str) -> tuple[str, int]:
        """Return a name without the member's number, and the member, counted from 0."""
        found = _MEMBER.fullmatch(text) if self.network.members > 1 else None
        return (found[1], int(found[2]) - 1) if found else (text, 0)

    def _leading(self, into: str, source: str) -> Place:
        """Return the parameter that leads from a source into a unit or gate."""
        if into not in self._into:
            raise SettingError(f"There is no unit {into!r}. {suggest(into, list(self._into))}")
        places = self._into[into]
        for place in places:
            for index, array in self._sources(place).get(source, []):
                if array != "c":
                    return replace(place, source=index, array=array)
                segment = replace(place, array="c").segment(self.network)
                row = place.unit - (place.segment(self.network).shape[0] - segment.shape[0])
                if row >= 0:
                    return replace(place, unit=row, array="c")
        layer = places[0].layer
        names = [name for name in self._sources(places[0]) if name != BIAS]
        also = f", and from {BIAS}" if BIAS in self._sources(places[0]) else ""
        raise SettingError(
            f"No weight leads from {source!r} to {into!r}: layer {layer} reads from "
            f"{_some(names)}{also}. {suggest(source, names)}"
        )

    def _near_alias(self, text: str) -> str:
        return f" {suggest(text, list(self.aliases))}" if self.aliases else ""


def _on_a_line(names: Sequence[str]) -> tuple[str, ...]:
    """Return names without line breaks, control characters and space at their ends.

    Names that would become alike stay as they are.
    """
    cleared = tuple(" ".join("".join(map(_printable, name)).split()) for name in names)
    return cleared if len(set(cleared)) == len(set(names)) else tuple(names)


def _printable(letter: str) -> str:
    kind = unicodedata.category(letter)
    return {"Cc": " ", "Zl": " ", "Zp": " ", "Cs": "\ufffd"}.get(kind, letter)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
