r"""A formula as LaTeX mathematics, for documents and for Markdown.

Only commands that MathJax and KaTeX know as well are used, so that Markdown can take the same text.
In documents a role becomes a colour, `\textcolor{cp-error}{…}`, which their preamble defines.

Public names: `escaped`, `tex_of`.
May import: `formulas`, `layout`, `numbers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Grid,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Script,
    Sign,
    Stack,
    Symbol,
    Total,
)
from clearprop.explanation.numbers import figure
from clearprop.explanation.render.layout import (
    Pair,
    alignments,
    bracketed,
    has_chips,
    is_index,
    is_tall,
    pairs_of,
)
from clearprop.explanation.scenes.palette import PALETTE

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi",
    "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "varphi", "χ": "chi", "ψ": "psi",
    "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Π": "Pi",
    "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_SIGNS = {
    "∂": "partial", "∇": "nabla", "∑": "sum", "·": "cdot", "⋅": "cdot", "×": "times",
    "⊙": "odot", "∘": "circ", "≈": "approx", "≠": "neq", "≤": "leq", "≥": "geq", "→": "to",
    "←": "leftarrow", "↦": "mapsto", "⇒": "Rightarrow", "∈": "in", "∞": "infty", "√": "surd",
    "…": "ldots", "⋯": "cdots", "⋮": "vdots", "⋱": "ddots", "±": "pm", "÷": "div",
    "‖": "Vert", "ℓ": "ell", "∝": "propto", "⊤": "top", "½": "tfrac12", "∣": "mid",
    "✓": "checkmark",
}  # fmt: skip
COMMANDS = {**_GREEK, **_SIGNS}
_LITERAL = {"−": "-", "′": "'", "″": "''", "\u00a0": " "}
_IN_TEXT = {
    "−": "$-$", "\u00a0": "~", "°": r"$^\circ$", "µ": r"$\mu$", "¼": r"$\tfrac14$",
    "✗": r"$\times$", "<": "$<$", ">": "$>$", "|": "$|$",
}  # fmt: skip
_SUPERS = dict(zip("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾ⁿˡᵀ′", "-+0123456789()nlT'", strict=True))
_FEET = dict(zip("₋₊₀₁₂₃₄₅₆₇₈₉ₗᵢⱼₖₘₙₐₒₕₓₜ", "-+0123456789lijkmnaohxt", strict=True))
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
}  # fmt: skip
_MARKS = "".join((*COMMANDS, "−"))
_UPRIGHT = re.compile(
    f"(?P<sign>[{_MARKS}])|(?P<head>[{''.join(_SUPERS)}]+)|(?P<foot>[{''.join(_FEET)}]+)"
    f"|(?P<text>[^{_MARKS}{''.join(_SUPERS)}{''.join(_FEET)}]+)"
)
_POWER = re.compile(r"×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")


@dataclass(frozen=True)
class Flavour:
    """What differs between documents and Markdown.

    Markdown takes a backslash before a punctuation mark away, so that its lines end in a word; it
    has no colours, and no exact place for the labels above a matrix.
    """

    newline: str
    far_newline: str
    is_document: bool


MARKDOWN = Flavour(r" \cr ", r" \cr ", is_document=False)
DOCUMENT = Flavour(r" \\ ", r" \\ \noalign{\smallskip} ", is_document=True)


def tex_of(formula: Formula, flavour: Flavour = MARKDOWN) -> str:
    """Return a formula as LaTeX mathematics, without dollar signs."""
    return _Setter(flavour).set(bracketed(formula))


def escaped(text: str) -> str:
    """Return text in which nothing is a command to LaTeX; mathematical signs become commands.

    Letters beyond ASCII stay as they are.
    """
    text = "".join(_SPECIAL.get(letter, letter) for letter in text)
    text = _runs(text, _SUPERS, "^")
    text = _runs(text, _FEET, "_")
    for letter, command in COMMANDS.items():
        text = text.replace(letter, f"$\\{command}$")
    for letter, inside in _IN_TEXT.items():
        text = text.replace(letter, inside)
    return text


def _runs(text: str, table: dict[str, str], mark: str) -> str:
    """Return text with runs of small digits written as powers or feet."""
    return re.sub(
        f"[{''.join(table)}]+",
        lambda run: f"${mark}{{{''.join(table[letter] for letter in run[0])}}}$",
        text,
    )


def _letters(text: str) -> str:
    """Return a name in mathematics: signs as commands, one letter in italics, words upright."""
    pieces = []
    for piece in re.findall(r"[A-Za-z]+|\d+|.", text):
        if piece in COMMANDS:
            pieces.append(f"\\{COMMANDS[piece]} ")
        elif piece in _LITERAL:
            pieces.append(_LITERAL[piece])
        elif piece.isascii() and piece.isalpha():
            pieces.append(piece if len(piece) == 1 else rf"\mathrm{{{piece}}}")
        elif piece.isdigit() or piece in "()+-,.;:=<>|/*!'[]":
            pieces.append(piece)
        else:
            pieces.append(rf"\text{{{_SPECIAL.get(piece, piece)}}}")
    return "".join(pieces)


def _upright(text: str) -> str:
    """Return text inside mathematics; signs in it become commands."""
    pieces = []
    for run in re.finditer(_UPRIGHT, text):
        kind, part = run.lastgroup, run[0]
        if kind == "sign":
            pieces.append(f"\\{COMMANDS[part]} " if part in COMMANDS else _LITERAL[part])
        elif kind == "head":
            pieces.append(f"{{}}^{{{''.join(map(_SUPERS.__getitem__, part))}}}")
        elif kind == "foot":
            pieces.append(f"{{}}_{{{''.join(map(_FEET.__getitem__, part))}}}")
        else:
            inside = "".join(_SPECIAL.get(letter, letter) for letter in part)
            pieces.append(rf"\text{{{inside}}}")
    return "".join(pieces)


def _number(number: Number) -> str:
    text = figure(number.value, number.digits)
    if text == "NaN":
        return r"\mathrm{NaN}"
    text = _POWER.sub(
        lambda found: rf" \times 10^{{{''.join(_SUPERS[mark] for mark in found[1])}}}", text
    )
    return text.replace("−", "-").replace("∞", r"\infty ")


@dataclass(frozen=True)
class _Setter:
    flavour: Flavour

    def set(self, formula: Formula) -> str:
        """Return a formula in its colour."""
        if has_chips(formula) and isinstance(formula, Stack | Row | Group | Total):
            text = self.chips(pairs_of(formula))
        else:
            text = _NODES[type(formula)](self, formula)
        return self.toned(text, formula.role)

    def toned(self, text: str, role: str) -> str:
        if not self.flavour.is_document or role not in PALETTE or not text:
            return text
        return rf"\textcolor{{cp-{role}}}{{{text}}}"

    def symbol(self, symbol: Symbol) -> str:
        sub = f"_{{{self.tag(symbol.sub)}}}" if symbol.sub else ""
        sup = f"^{{{self.tag(symbol.sup)}}}" if symbol.sup else ""
        base = _letters(symbol.name)
        return (f"{{{base}}}" if (sub or sup) and len(base) > 1 else base) + sub + sup

    def tag(self, text: str) -> str:
        if is_index(text):
            return text.replace("−", "-")
        return _letters(text) if re.fullmatch(r"[\W\d]*[A-Za-z]?[\W\d]*", text) else _upright(text)

    def row(self, formula: Row) -> str:
        return " ".join(map(self.set, formula.parts))

    def fraction(self, formula: Fraction) -> str:
        return rf"\frac{{{self.set(formula.top)}}}{{{self.set(formula.bottom)}}}"

    def script(self, formula: Script) -> str:
        sub = f"_{{{self.set(formula.sub)}}}" if formula.sub is not None else ""
        sup = f"^{{{self.set(formula.sup)}}}" if formula.sup is not None else ""
        return f"{{{self.set(formula.base)}}}{sub}{sup}"

    def group(self, formula: Group) -> str:
        first, last = map(_bracket, formula.brackets)
        left, right = (r"\left", r"\right") if is_tall(formula.body) else ("", "")
        return f"{left}{first} {self.set(formula.body)} {right}{last}"

    def total(self, formula: Total) -> str:
        return rf"\sum_{{{self.set(formula.over)}}} {self.set(formula.body)}"

    def grid(self, formula: Grid) -> str:
        """Return a matrix; its labels stand beside and above it, in small letters."""
        cells = [[self.set(cell) for cell in row] for row in formula.rows]
        body = rf"\left[ {self.array('r' * len(cells[0]), cells)} \right]"
        if formula.column_labels:
            columns = zip(formula.column_labels, zip(*formula.rows, strict=True), strict=True)
            names = [self.label_above(name, column) for name, column in columns]
            body = rf"\overset{{{self.array('r' * len(names), [names])}}}{{{body}}}"
        if formula.row_labels:
            names = [rf"\scriptstyle {_upright(name)}" for name in formula.row_labels]
            body = self.array("r", [[name] for name in names]) + " " + body
        return body

    def label_above(self, name: str, column: Sequence[Formula]) -> str:
        """Return the label of a matrix's column, in a document as wide as the column."""
        label = rf"\scriptstyle {_upright(name)}"
        if not self.flavour.is_document:
            return label
        widest = max((self.set(cell) for cell in column), key=lambda text: len(_bare(text)))
        return rf"\hphantom{{{widest}}}\llap{{${label}$}}"

    def lines(self, formula: Lines) -> str:
        sides = "".join(side[0] for side in alignments(formula.rows))
        rows = [[self.cell(cell) for cell in row] for row in formula.rows]
        return self.array(sides, rows, self.flavour.far_newline)

    def cell(self, formula: Formula) -> str:
        text = self.set(formula)
        return rf"\displaystyle {text}" if is_tall(formula) else text

    def chips(self, pairs: list[Pair]) -> str:
        """Return symbols above numbers, column by column."""
        above = [self.line_of(pair, pair.above) for pair in pairs]
        below = [self.line_of(pair, pair.below) for pair in pairs]
        return self.array("c" * len(pairs), [above, below])

    def line_of(self, pair: Pair, formula: Formula | None) -> str:
        if formula is None:
            return ""
        if pair.kind == "sign":
            return self.set(formula)
        return self.toned(rf"\displaystyle {self.set(formula)}", pair.role)

    def array(self, sides: str, rows: Sequence[Sequence[str]], newline: str = "") -> str:
        inside = (newline or self.flavour.newline).join(" & ".join(cells) for cells in rows)
        return rf"\begin{{array}}{{{sides}}} {inside} \end{{array}}"


def _bare(text: str) -> str:
    """Return what of LaTeX text takes room, more or less."""
    return re.sub(r"\\textcolor\{[^}]*\}|\\[a-z]+|[{} ]", "", text)


def _bracket(mark: str) -> str:
    return {"{": r"\lbrace", "}": r"\rbrace", "‖": r"\Vert"}.get(mark, mark)


_NODES: dict[type, Callable[[_Setter, Any], str]] = {
    Symbol: _Setter.symbol,
    Number: lambda setter, formula: _number(formula),
    Label: lambda setter, formula: _upright(formula.text),
    Sign: lambda setter, formula: _letters(formula.text),
    Row: _Setter.row,
    Fraction: _Setter.fraction,
    Script: _Setter.script,
    Group: _Setter.group,
    Total: _Setter.total,
    Grid: _Setter.grid,
    Lines: _Setter.lines,
}
