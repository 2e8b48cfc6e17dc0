"""Which number an exercise asks for, in words that people can type.

    z h1 · a h1 · slope h1 · loss · error o1 · delta h1 · carried h1 · share h1
    gradient w5 · path w1 o1 · new w5

The first word is the kind, then come the unit or the parameter, as `names` has them; a path goes on
with the units that it leads through after the first.

Public names: `Asked`, `KINDS`, `asked_of`.
May import: `names`, `places`, `clearprop.functions`, `clearprop.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass

from clearprop.errors import SettingError
from clearprop.explanation.names import Names
from clearprop.explanation.places import Place
from clearprop.functions.spelling import suggest

# kind → what follows it
KINDS = {
    "z": "unit",
    "a": "unit",
    "slope": "unit",
    "loss": "",
    "error": "output",
    "delta": "unit",
    "carried": "hidden",
    "share": "hidden",
    "gradient": "parameter",
    "path": "path",
    "new": "parameter",
}
_OTHER_WORDS = {"δ": "delta", "f'": "slope", "f′": "slope", "E": "loss", "update": "new"}


@dataclass(frozen=True)
class Asked:
    """A number of the network.

    Attributes
    ----------
    kind : str
        A name of `KINDS`.
    layer, unit : int
        The unit, or the one that the parameter leads into; 0 and 0 for the loss.
    place : Place, optional
        The parameter, for gradients, paths and new values.
    route : tuple of int
        For a path: the unit that it passes in each layer after the parameter's own.
    """

    kind: str
    layer: int = 0
    unit: int = 0
    place: Place | None = None
    route: tuple[int, ...] = ()

    @classmethod
    def of_parameter(cls, kind: str, place: Place, route: tuple[int, ...] = ()) -> Asked:
        """Return what asks for a number of a parameter."""
        return cls(kind, place.layer, place.unit, place, route)

    def typed(self, names: Names) -> str:
        """Return the words that ask for this number: `delta h1`."""
        if self.kind == "loss":
            return "loss"
        if self.place is None:
            return f"{self.kind} {names.unit(self.layer, self.unit)}"
        through = [names.unit(self.layer + 1 + k, unit) for k, unit in enumerate(self.route)]
        return " ".join([self.kind, names.of(self.place), *through])


def asked_of(names: Names, text: str) -> Asked:
    """Return the number that words ask for.

    Raises
    ------
    SettingError
        If there is no such kind, unit, parameter or path.
    """
    kind, _, rest = text.strip().partition(" ")
    kind, rest = _OTHER_WORDS.get(kind, kind), rest.strip()
    if kind not in KINDS:
        raise SettingError(
            f"There is no kind of number {kind!r}; name a kind and what it belongs to, such as "
            f"'delta {names.unit(1, 0)}'. {suggest(kind, KINDS)}"
        )
    follows = KINDS[kind]
    if not follows:
        return Asked(kind)
    if not rest:
        raise SettingError(
            f"{kind!r} of what? Name the {follows}, such as {_such_as(names, kind)}."
        )
    if follows == "parameter":
        return Asked.of_parameter(kind, names.find(rest))
    if follows == "path":
        return _path(names, rest)
    return _unit(names, kind, rest)


def _such_as(names: Names, kind: str) -> str:
    place = Place(1, 0, 0)
    last = len(names.network.layers)
    if KINDS[kind] == "parameter":
        return repr(f"{kind} {names.of(place)}")
    if KINDS[kind] == "path":
        return repr(Asked.of_parameter(kind, place, (0,) * (last - 1)).typed(names))
    return repr(f"{kind} {names.unit(last if KINDS[kind] == 'output' else 1, 0)}")


def _unit(names: Names, kind: str, name: str) -> Asked:
    last = len(names.network.layers)
    layers = {"output": [last], "hidden": range(1, last)}.get(KINDS[kind], range(1, last + 1))
    known = {unit: (layer, k) for layer in layers for k, unit in enumerate(names.units(layer))}
    if name not in known:
        what = KINDS[kind] if KINDS[kind] != "unit" else "hidden or output"
        raise SettingError(f"There is no {what} unit {name!r}. {suggest(name, known)}")
    return Asked(kind, *known[name])


def _path(names: Names, text: str) -> Asked:
    place, rest = _place_first(names, text)
    wanted = range(place.layer + 1, len(names.network.layers) + 1)
    route = []
    for layer in wanted:
        units = names.units(layer)
        # names may hold spaces, and one may begin another
        found = [unit for unit in units if f"{rest} ".startswith(f"{unit} ")]
        if not found:
            first = "".join(f" {names.unit(step, 0)}" for step in wanted)
            raise SettingError(
                f"A path from {names.of(place)} passes a unit in each later layer, as in "
                f"'path {names.of(place)}{first}', but for layer {layer} {rest!r} came. "
                f"{suggest(rest, units)}"
            )
        unit = max(found, key=len)
        route.append(units.index(unit))
        rest = rest[len(unit) :].strip()
    if rest:
        raise SettingError(f"The path has reached an output; {rest!r} leads no further.")
    return Asked.of_parameter("path", place, tuple(route))


def _place_first(names: Names, text: str) -> tuple[Place, str]:
    """Split a path's words into the parameter, whose name may hold spaces, and the rest."""
    words = text.split()
    for count in range(len(words), 0, -1):
        try:
            return names.find(" ".join(words[:count])), " ".join(words[count:])
        except SettingError:
            continue
    return names.find(text), ""
