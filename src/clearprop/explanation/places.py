"""Which parameter: its layer, the unit it leads into, the one it leads from, its array.

A place is what names stand for (`names`), what keys of marks and chips are made of, and an entry of
the flat parameter vector. The arrays' own way to write it is `W1[1, 2]`, `b1[1]`, counted from 0 as
in NumPy, and `g2[1] @3` for what member 3 has for itself.

Public names: `Place`, `source_of`, `units_of`.
May import: `clearprop.network`, `clearprop.errors`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from clearprop.errors import SettingError
from clearprop.network import Network, Segment, Waves

# arrays of weights' kind, with two places; all that are neither W nor b
_MATRICES, _OTHERS = "WUfp", "Ucgtfp"
# letters of keys: those of a parameter and of its gradient
_KEYS = {"W": "w", "b": "b", "U": "u", "c": "q", "g": "k", "t": "t", "f": "r", "p": "p"}
_ENTRY = re.compile(r"([WUbcgtfp])(\d+)(r?)\s*\[\s*(\d+)\s*(?:,\s*(\d+)\s*)?\](?:\s*@(\d+))?")


@dataclass(frozen=True, order=True)
class Place:
    """Which parameter: a weight from unit `source`, or a bias.

    Attributes
    ----------
    layer : int
        1 for the first.
    unit : int
        The unit that it leads into, counted from 0: the row of its array, which in a layer with
        gates is gate · units + unit, and in f and p the column.
    source : int or None
        The unit that it leads from, counted from 0, in a periodic layer the number of the
        frequency; None for a bias, a gain and a slope.
    array : str
        `"U"` where it leads from the layer's own units one step before, `"c"` for the bias inside a
        GRU's reset gate, `"g"`, `"t"`, `"f"`, `"p"`; empty for W and b.
    way : int
        1 for the way back of a layer that goes both ways through time.
    member : int
        Whose it is, counted from 0, where each member of the network has its own.
    """

    layer: int
    unit: int
    source: int | None
    array: str = ""
    way: int = 0
    member: int = 0

    @property
    def is_bias(self) -> bool:
        """Whether it is a bias."""
        return self.source is None and not self.array

    @property
    def letter(self) -> str:
        """The letter of its array: W, U, b, c, g, t, f or p."""
        return self.array or ("b" if self.is_bias else "W")

    @property
    def array_name(self) -> str:
        """Its array's name: `W1`, `U1r`."""
        return f"{self.letter}{self.layer}{'r' * self.way}"

    @property
    def key(self) -> str:
        """What marks, chips and cells of this parameter are tied together by."""
        return f"{_KEYS[self.letter]}{self._numbers}"

    @property
    def gradient_key(self) -> str:
        """The same for its gradient."""
        letter = f"g{_KEYS[self.array]}" if self.array else "g"
        return f"{letter}{self._numbers}"

    @property
    def _numbers(self) -> str:
        source = "" if self.source is None else f".{self.source}"
        return f"{self.layer}{'r' * self.way}.{self.unit}{source}"

    @property
    def entry_name(self) -> str:
        """What it is in the arrays: `W1[3, 7]` is row 3, column 7 of W1."""
        where = f"{self.unit}" if self.source is None else f"{self.unit}, {self.source}"
        return f"{self.array_name}[{where}]"

    def shape(self, network: Network) -> tuple[int, ...]:
        """Return the shape of its array, of one member where each has its own."""
        segment = self.segment(network)
        return segment.shape[int(segment.own) :]

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
        segment, shape = self.segment(network), self.shape(network)
        start = segment.start + self.member * math.prod(shape)
        if self.source is None:
            return start + self.unit
        # matrices are stored column by column
        return start + self.source * shape[0] + self.unit

    @classmethod
    def of_entry(cls, network: Network, entry: int) -> Place:
        """Return the parameter at a place in the flat vector."""
        for segment in network.segments:
            if segment.start <= entry < segment.stop:
                letter, way = segment.name[0], int(segment.name.endswith("r"))
                array = letter if letter in _OTHERS else ""
                shape = segment.shape[int(segment.own) :]
                member, place = divmod(entry - segment.start, math.prod(shape))
                if len(shape) == 1:
                    return cls(segment.layer, place, None, array, way, member)
                source, unit = divmod(place, shape[0])
                return cls(segment.layer, unit, source, array, way, member)
        raise SettingError(f"The network has {network.size} parameters; there is no entry {entry}.")

    @classmethod
    def of_text(cls, network: Network, text: str) -> Place | None:
        """Return the parameter that is written as its arrays have it: `W1[3, 7]`.

        None where the text is of another kind.

        Raises
        ------
        SettingError
            If the network has no such parameter, or the array not so many places.
        """
        found = _ENTRY.fullmatch(text)
        if found is None:
            return None
        kind, layer, back, unit, source, member = found.groups()
        if (kind in _MATRICES) != (source is not None):
            raise SettingError(
                "A weight is W1[unit, source], a bias b1[unit], counted from 0. Of other arrays f "
                "and p have two places, g, t and c one."
            )
        array = kind if kind in _OTHERS else ""
        index = None if source is None else int(source)
        whose = int(member) - 1 if member else 0
        return cls(int(layer), int(unit), index, array, len(back), whose).checked(network)

    def checked(self, network: Network) -> Place:
        """Return it as it is.

        Raises
        ------
        SettingError
            If the network has no such parameter.
        """
        layers = len(network.layers)
        if not 1 <= self.layer <= layers:
            raise SettingError(f"The network has layers 1 to {layers}, but {self.layer} came.")
        members = network.members if self.segment(network).own else 1
        if not 0 <= self.member < members:
            raise SettingError(
                f"{self.array_name} is had by members 1 to {members}, but @{self.member + 1} came."
            )
        shape = self.shape(network)
        if not 0 <= self.unit < shape[0]:
            raise self._missing(network, shape)
        if self.source is not None and not 0 <= self.source < shape[1]:
            raise self._missing(network, shape)
        return self

    def _missing(self, network: Network, shape: tuple[int, ...]) -> SettingError:
        operation = network.operations[self.layer - 1]
        if operation.kind != "dense" or self.array:
            return SettingError(
                f"{self.array_name} has the shape {shape}, so there is no {self.entry_name}."
            )
        return SettingError(
            f"Layer {self.layer} has weights from {operation.fan_in} units into "
            f"{operation.units}, so there is none from {self.source} into {self.unit}."
        )


def source_of(network: Network, place: Place) -> int | None:
    """Return the unit of the layer before whose signal a parameter takes up.

    None for biases, and for what stands behind an activation.
    """
    operation = network.operations[place.layer - 1]
    if place.is_bias or place.array == "t":
        return None
    if isinstance(operation, Waves):
        made = 1 if place.array else operation.features - 1
        return operation.columns[place.unit // made]
    return place.unit if place.source is None else place.source


def units_of(network: Network, place: Place) -> tuple[int, ...]:
    """Return the units of its layer that a parameter moves: one, or all of a column's waves."""
    waves = network.operations[place.layer - 1]
    if not isinstance(waves, Waves):
        return (place.unit,)
    made = waves.features - 1
    rows = range(place.unit * made, (place.unit + 1) * made) if place.array else (place.unit,)
    return tuple(_waves_unit(waves, row) for row in rows)


def _waves_unit(waves: Waves, row: int) -> int:
    """Return the unit of a periodic layer that a row of its W and b leads into."""
    column, made = divmod(row, waves.features - 1)
    return column * waves.features + 1 + made
