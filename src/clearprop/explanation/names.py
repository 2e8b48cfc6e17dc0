"""What units and parameters are called, in words that people can type.

A unit of hidden layer 1 is `h1.2` (counted from 1), an input `x3` or its column's name, an output
`o1` or its class's name. A weight is named by where it leads to and from, `h1.2<-x3`; a bias is
`h1.2<-bias`. A worked example gives its parameters names of their own (`w5`), which come first.
The arrays' own way, counted from 0 as in NumPy, is understood as well: `W1[1, 2]`, `b1[1]`; and it
is the name of a parameter where units' names leave two meanings, as with a column called `bias`.

Public names: `Names`, `Place`.
May import: `clearprop.network`, `clearprop.functions`, `clearprop.errors`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from clearprop.errors import SettingError
from clearprop.functions.spelling import suggest
from clearprop.network import Network

ARROW = "<-"
BIAS = "bias"
_ENTRY = re.compile(r"([Wb])(\d+)\s*\[\s*(\d+)\s*(?:,\s*(\d+)\s*)?\]")


@dataclass(frozen=True, order=True)
class Place:
    """Which parameter: a weight from unit `source` of the layer before, or a bias.

    Attributes
    ----------
    layer : int
        1 for the first.
    unit : int
        The unit that it leads into, counted from 0.
    source : int or None
        The unit that it leads from, counted from 0; None for a bias.
    """

    layer: int
    unit: int
    source: int | None

    @property
    def is_bias(self) -> bool:
        """Whether it is a bias."""
        return self.source is None

    @property
    def key(self) -> str:
        """What marks, chips and cells of this parameter are tied together by."""
        return f"b{self.layer}.{self.unit}" if self.is_bias else self._weight_key()

    def _weight_key(self) -> str:
        return f"w{self.layer}.{self.unit}.{self.source}"

    @property
    def entry_name(self) -> str:
        """What it is in the arrays: `W1[3, 7]` is row 3, column 7 of W1."""
        if self.is_bias:
            return f"b{self.layer}[{self.unit}]"
        return f"W{self.layer}[{self.unit}, {self.source}]"

    def entry(self, network: Network) -> int:
        """Return its place in the flat parameter vector."""
        operation = network.operations[self.layer - 1]
        if self.source is None:
            return operation.bias.start + self.unit
        # W is stored column by column
        return operation.weight.start + self.source * operation.units + self.unit

    @classmethod
    def of_entry(cls, network: Network, entry: int) -> Place:
        """Return the parameter at a place in the flat vector."""
        for operation in network.operations:
            if entry < operation.weight.stop:
                source, unit = divmod(entry - operation.weight.start, operation.units)
                return cls(operation.layer, unit, source)
            if entry < operation.bias.stop:
                return cls(operation.layer, entry - operation.bias.start, None)
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
        Names of the hidden units, layer by layer; `h1.1, h1.2, …` where empty.
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
        return f"h{layer}.{index + 1}"

    def units(self, layer: int) -> list[str]:
        """Return the names of a layer's units; layer 0 is the input."""
        return [self.unit(layer, index) for index in range(self.network.shape[layer])]

    def path_of(self, place: Place) -> str:
        """Return `into<-from`, or `W1[1, 2]` where that would stand for two parameters."""
        into = self.unit(place.layer, place.unit)
        source = BIAS if place.source is None else self._source(place)
        taken = place.source is None and BIAS in self.units(place.layer - 1)
        if taken or into in self._unclear or ARROW in into:
            return place.entry_name
        return f"{into}{ARROW}{source}"

    @cached_property
    def _unclear(self) -> set[str]:
        """Names that two units bear which weights lead into."""
        counts = Counter(name for _, _, name in self._all_units())
        return {name for name, count in counts.items() if count > 1}

    def _source(self, place: Place) -> str:
        assert place.source is not None
        return self.unit(place.layer - 1, place.source)

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
        layer, unit = self._find_unit(into)
        before = self.units(layer - 1)
        if source in before:
            return Place(layer, unit, before.index(source))
        if source == BIAS:
            return Place(layer, unit, None)
        raise SettingError(
            f"No weight leads from {source!r} to {into!r}: layer {layer} reads from "
            f"{_some(before)}, and from {BIAS}. {suggest(source, before)}"
        )

    def _near_alias(self, text: str) -> str:
        return f" {suggest(text, list(self.aliases))}" if self.aliases else ""

    def _of_entry(self, kind: str, layer: str, unit: str, source: str | None) -> Place:
        if (kind == "W") != (source is not None):
            raise SettingError("A weight is W1[unit, source], a bias b1[unit], counted from 0.")
        return self._checked(Place(int(layer), int(unit), None if source is None else int(source)))

    def _checked(self, place: Place) -> Place:
        layers = len(self.network.layers)
        if not 1 <= place.layer <= layers:
            raise SettingError(f"The network has layers 1 to {layers}, but {place.layer} came.")
        operation = self.network.operations[place.layer - 1]
        inside = place.source is None or 0 <= place.source < operation.fan_in
        if not (0 <= place.unit < operation.units and inside):
            raise SettingError(
                f"Layer {place.layer} has weights from {operation.fan_in} units into "
                f"{operation.units}, so there is none from {place.source} into {place.unit}."
            )
        return place

    def _find_unit(self, name: str) -> tuple[int, int]:
        found = [(layer, unit) for layer, unit, other in self._all_units() if other == name]
        if not found:
            names = [other for _, _, other in self._all_units()]
            raise SettingError(f"There is no unit {name!r}. {suggest(name, names)}")
        return found[0]

    def _all_units(self) -> Iterator[tuple[int, int, str]]:
        """Yield (layer, index, name) of the units that weights lead into."""
        for layer in range(1, len(self.network.shape)):
            for index, name in enumerate(self.units(layer)):
                yield layer, index, name


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
