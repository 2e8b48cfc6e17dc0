"""PyTorch's modules by name: what `nn.Sequential` prints, and code that makes it.

    Sequential(
      (0): Linear(in_features=4, out_features=10, bias=True)
      (1): ReLU()
      (2): Linear(in_features=10, out_features=3, bias=True)
    )

Public names: `MODULES`, `Module`, `call_of`, `parse_modules`.
May import: `clearprop.functions`, `clearprop.errors`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from clearprop.errors import SettingError
from clearprop.functions import Activation

# PyTorch's activation → ours
MODULES = {
    "Identity": "identity",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "SELU": "selu",
    "GELU": "gelu",
    "SiLU": "silu",
    "Mish": "mish",
    "Softplus": "softplus",
    "Softmax": "softmax",
}
# what else a network of ours can be made of
_OTHERS = ("Linear", "Dropout", "Exp")
# arguments that change what a module computes → the value under which it is ours
_FIXED = {"GELU": ("approximate", "none"), "Softplus": ("beta", "1")}
_NUMBERS = {"LeakyReLU": ("negative_slope", 0.01), "ELU": ("alpha", 1.0)}

_LINE = re.compile(r"^\s*\((\w+)\): (\w+)\((.*)\)\s*$")


@dataclass(frozen=True)
class Module:
    """One module of a sequence.

    Attributes
    ----------
    name : str
        "0", "1", …, or as somebody called it.
    kind : str
        Its class.
    arguments : dict of str to str
        As printed; those without a name are "0", "1", ….
    """

    name: str
    kind: str
    arguments: dict[str, str]

    @property
    def activation(self) -> Activation:
        """The activation that it is."""
        if self.kind == "Exp":
            return Activation("exp")
        if self.kind in _FIXED:
            name, value = _FIXED[self.kind]
            came = self.arguments.get(name, value).strip("'\"")
            if came not in (value, f"{value}.0"):
                raise SettingError(
                    f"Module {self.name} is {self.kind}({name}={came}), which clearprop does not "
                    f"have; it has {name}={value}."
                )
        if self.kind not in _NUMBERS:
            return Activation(MODULES[self.kind])
        name, usual = _NUMBERS[self.kind]
        return Activation(MODULES[self.kind], float(self.arguments.get(name, usual)))


def parse_modules(printed: str) -> list[Module]:
    """Read what `print(model)` shows of an `nn.Sequential`.

    Raises
    ------
    SettingError
        It shows none, or a module that a network of dense layers cannot have.
    """
    found = []
    for line in printed.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        name, kind, arguments = match.groups()
        if kind not in (*MODULES, *_OTHERS):
            raise SettingError(
                f"Module {name} is {kind}, which a network of dense layers cannot have. Known are "
                f"{', '.join((*_OTHERS[:2], *MODULES))}."
            )
        found.append(Module(name, kind, _arguments(arguments)))
    if not found:
        raise SettingError(
            f"Expected what print(model) shows of an nn.Sequential, as '(0): Linear(…)' line by "
            f"line, but {printed[:80]!r} came."
        )
    return found


def call_of(activation: Activation) -> str | None:
    """Return the call that makes an activation's module, with "nn." before it; None of identity."""
    if activation.name == "identity":
        return None
    if activation.name == "exp":
        return "Exp()"
    kind = next(kind for kind, name in MODULES.items() if name == activation.name)
    if activation.name == "softmax":
        return "nn.Softmax(dim=-1)"
    if kind in _NUMBERS:
        return f"nn.{kind}({_NUMBERS[kind][0]}={activation.alpha!r})"
    return f"nn.{kind}()"


def _arguments(text: str) -> dict[str, str]:
    found = {}
    for place, part in enumerate(part.strip() for part in text.split(",") if part.strip()):
        name, named, value = part.partition("=")
        found[name if named else str(place)] = value if named else part
    return found
