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

Public names: `Names`, `Place`.
May import: `clearprop.equations`, `clearprop.network`, `clearprop.functions`, `clearprop.errors`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from clearprop.equations import CELLS
from clearprop.errors import SettingError
from clearprop.functions.spelling import suggest
from clearprop.network import Network, Recurrence, Segment

ARROW = "<-"
BIAS = "bias"
# c, the bias inside a GRU's reset gate
INNER = "inner"
_ENTRY = re.compile(r"([WUbc])(\d+)(r?)\s*\[\s*(\d+)\s*(?:,\s*(\d+)\s*)?\]")


@dataclass(frozen=True, order=True)
class Place:
    """Which parameter: a weight from unit `source`, or a bias.

    Attributes
    ----------
    layer : int
        1 for the first.
    unit : int
        The unit that it leads into, counted from 0: the row of its array, which in a layer with
        gates is gate · units + unit.
    source : int or None
        The unit that it leads from, counted from 0; None for a bias.
    array : str
        `"U"` where it leads from the layer's own units one step before, `"c"` for the bias inside a
        GRU's reset gate; empty for W and b.
    way : int
        1 for the way back of a layer that goes both ways through time.
    """

    layer: int
    unit: int
    source: int | None
    array: str = ""
    way: int = 0

    @property
    def is_bias(self) -> bool:
        """Whether it is a bias."""
        return self.source is None

    @property
    def letter(self) -> str:
        """The letter of its array: W, U, b or c."""
        return self.array or ("b" if self.is_bias else "W")

    @property
    def array_name(self) -> str:
        """Its array's name: `W1`, `U1r`."""
        return f"{self.letter}{self.layer}{'r' * self.way}"

    @property
    def key(self) -> str:
        """What marks, chips and cells of this parameter are tied together by."""
        letter = {"W": "w", "b": "b", "U": "u", "c": "q"}[self.letter]
        return f"{letter}{self._numbers}"

    @property
    def gradient_key(self) -> str:
        """The same for its gradient."""
        letter = {"": "g", "U": "gu", "c": "gq"}[self.array]
        return f"{letter}{self._numbers}"

    @property
    def _numbers(self) -> str:
        source = "" if self.is_bias else f".{self.source}"
        return f"{self.layer}{'r' * self.way}.{self.unit}{source}"

    @property
    def entry_name(self) -> str:
        """What it is in the arrays: `W1[3, 7]` is row 3, column 7 of W1."""
        where = f"{self.unit}" if self.is_bias else f"{self.unit}, {self.source}"
        return f"{self.array_name}[{where}]"

    def segment(self, network: Network) -> Segment:
        """Return the array that it stands in.

        Raises
        ------
        SettingError
            If the layer has no such array.
        """
        segments = network.operations[self.layer - 1].segments
        for segment in segments:
            if segment.name == self.array_name:
                return segment
        raise SettingError(
            f"Layer {self.layer} has the arrays {', '.join(s.name for s in segments)}, but "
            f"{self.array_name} came."
        )

    def entry(self, network: Network) -> int:
        """Return its place in the flat parameter vector."""
        segment = self.segment(network)
        if self.source is None:
            return segment.start + self.unit
        # matrices are stored column by column
        return segment.start + self.source * segment.shape[0] + self.unit

    @classmethod
    def of_entry(cls, network: Network, entry: int) -> Place:
        """Return the parameter at a place in the flat vector."""
        for segment in network.segments:
            if segment.start <= entry < segment.stop:
                letter, way = segment.name[0], int(segment.name.endswith("r"))
                array = letter if letter in "Uc" else ""
                if len(segment.shape) == 1:
                    return cls(segment.layer, entry - segment.start, None, array, way)
                source, unit = divmod(entry - segment.start, segment.shape[0])
                return cls(segment.layer, unit, source, array, way)
        raise SettingError(f"The network has {network.size} parameters; there is no entry {entry}.")


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
        recurrence = self.recurrence(layer)
        if recurrence is not None and index >= recurrence.size:
            return f"h{layer}r.{index - recurrence.size + 1}"
        return f"h{layer}.{index + 1}"

    def recurrence(self, layer: int) -> Recurrence | None:
        """Return a layer as a recurrent one, None for others; layer 0 is the input."""
        operation = self.network.operations[layer - 1] if layer else None
        return operation if isinstance(operation, Recurrence) else None

    def units(self, layer: int) -> list[str]:
        """Return the names of a layer's units; layer 0 is the input."""
        return [self.unit(layer, index) for index in range(self.network.shape[layer])]

    def path_of(self, place: Place) -> str:
        """Return `into<-from`, or `W1[1, 2]` where that would stand for two parameters."""
        into, source = self.into(place), self.source(place)
        # of several that bear a name the first has it
        meant = self._sources(place.layer, place.way)[source][0]
        if meant != (place.source, place.array) or into in self._unclear or ARROW in into:
            return place.entry_name
        return f"{into}{ARROW}{source}"

    def into(self, place: Place) -> str:
        """Return what a parameter leads into: a unit, and its gate where it has several."""
        recurrence = self.recurrence(place.layer)
        if recurrence is None:
            return self.unit(place.layer, place.unit)
        gate, unit = divmod(place.unit, recurrence.size)
        # c has a row a unit, and belongs to the last gate
        gate = -1 if place.array == "c" else gate
        name = self.unit(place.layer, place.way * recurrence.size + unit)
        gates = CELLS[recurrence.cell].gates
        return f"{name}.{gates[gate]}" if len(gates) > 1 else name

    def source(self, place: Place) -> str:
        """Return what a parameter leads from: a unit, or what a bias is called."""
        if place.source is None:
            return INNER if place.array == "c" else BIAS
        recurrence = self.recurrence(place.layer)
        if place.array == "U" and recurrence is not None:
            return self.unit(place.layer, place.way * recurrence.size + place.source)
        return self.unit(place.layer - 1, place.source)

    @cached_property
    def _into(self) -> dict[str, list[Place]]:
        """Biases, which every unit and gate has one of, by what they lead into."""
        found: dict[str, list[Place]] = {}
        for operation in self.network.operations:
            ways = len(operation.ways) if isinstance(operation, Recurrence) else 1
            for way in range(ways):
                for row in range(operation.bias.shape[0]):
                    place = Place(operation.layer, row, None, way=way)
                    found.setdefault(self.into(place), []).append(place)
        return found

    @cached_property
    def _unclear(self) -> set[str]:
        """Names that two units bear which weights lead into."""
        return {name for name, places in self._into.items() if len(places) > 1}

    def _sources(self, layer: int, way: int) -> dict[str, list[tuple[int | None, str]]]:
        """Return what parameters of a layer lead from, by name: (source, array)."""
        if (layer, way) not in self._known_sources:
            found: dict[str, list[tuple[int | None, str]]] = {}
            for index, name in enumerate(self.units(layer - 1)):
                found.setdefault(name, []).append((index, ""))
            recurrence = self.recurrence(layer)
            if recurrence is not None:
                first = way * recurrence.size
                own = self.units(layer)[first : first + recurrence.size]
                for index, name in enumerate(own):
                    found.setdefault(name, []).append((index, "U"))
                if recurrence.ways[way].inner is not None:
                    found.setdefault(INNER, []).append((None, "c"))
            found.setdefault(BIAS, []).append((None, ""))
            self._known_sources[layer, way] = found
        return self._known_sources[layer, way]

    @cached_property
    def _known_sources(self) -> dict[tuple[int, int], dict[str, list[tuple[int | None, str]]]]:
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
            return self._checked(text)
        if not isinstance(text, str):
            raise SettingError(f"A parameter is asked for by its name, but {text!r} came.")
        text = text.strip()
        if text in self.aliases:
            return self.aliases[text]
        entry = _ENTRY.fullmatch(text)
        if entry:
            return self._of_entry(*entry.groups())
        if ARROW not in text:
            raise SettingError(
                f"There is no parameter {text!r}. Name a weight by where it leads to and from, "
                f"such as {self.path_of(Place(1, 0, 0))!r}, or a bias, such as "
                f"{self.path_of(Place(1, 0, None))!r}.{self._near_alias(text)}"
            )
        into, _, source = (part.strip() for part in text.partition(ARROW))
        return self._leading(self._find_into(into), into, source)

    def _leading(self, bias: Place, into: str, source: str) -> Place:
        """Return the parameter from a source into what a bias leads into."""
        sources = self._sources(bias.layer, bias.way)
        for index, array in sources.get(source, []):
            if array != "c":
                return replace(bias, source=index, array=array)
            segment = replace(bias, array="c").segment(self.network)
            row = bias.unit - (bias.segment(self.network).shape[0] - segment.shape[0])
            if row >= 0:
                return replace(bias, unit=row, array="c")
        names = [name for name in sources if name != BIAS]
        raise SettingError(
            f"No weight leads from {source!r} to {into!r}: layer {bias.layer} reads from "
            f"{_some(names)}, and from {BIAS}. {suggest(source, names)}"
        )

    def _near_alias(self, text: str) -> str:
        return f" {suggest(text, list(self.aliases))}" if self.aliases else ""

    def _of_entry(self, kind: str, layer: str, back: str, unit: str, source: str | None) -> Place:
        if (kind in "WU") != (source is not None):
            raise SettingError("A weight is W1[unit, source], a bias b1[unit], counted from 0.")
        array = kind if kind in "Uc" else ""
        index = None if source is None else int(source)
        return self._checked(Place(int(layer), int(unit), index, array, len(back)))

    def _checked(self, place: Place) -> Place:
        layers = len(self.network.layers)
        if not 1 <= place.layer <= layers:
            raise SettingError(f"The network has layers 1 to {layers}, but {place.layer} came.")
        shape = place.segment(self.network).shape
        if not 0 <= place.unit < shape[0]:
            raise self._missing(place, shape)
        if place.source is not None and not 0 <= place.source < shape[1]:
            raise self._missing(place, shape)
        return place

    def _missing(self, place: Place, shape: tuple[int, ...]) -> SettingError:
        if self.network.recurrent:
            return SettingError(
                f"{place.array_name} has the shape {shape}, so there is no {place.entry_name}."
            )
        operation = self.network.operations[place.layer - 1]
        return SettingError(
            f"Layer {place.layer} has weights from {operation.fan_in} units into "
            f"{operation.units}, so there is none from {place.source} into {place.unit}."
        )

    def _find_into(self, name: str) -> Place:
        """Return the bias of the unit, or gate, of a name."""
        if name not in self._into:
            raise SettingError(f"There is no unit {name!r}. {suggest(name, list(self._into))}")
        return self._into[name][0]


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
