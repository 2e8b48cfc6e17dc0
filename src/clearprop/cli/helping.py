"""Help and errors of usage in the language that is spoken.

Public names: `show_error`, `translated`.
May import: `clearprop.cli.language`; click, Rich's widths of signs.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

import click

from clearprop.cli.language import names, said, spoken, verb_texts

_NAME = re.compile(r"[A-Z]+(?:[:|][A-Z]+)*")
_EXTRA = re.compile(r"(?P<help>.*?)(?:\s\s)?\[(?P<extra>[^\[\]]+)\]", re.DOTALL)
# a sign as wide as two stands alone, with a bracket before it; others keep together as words
_PIECE = re.compile(r"[\[（《“]?[\u3000-\u9fff\uff00-\uffef]|[^\s\u3000-\u9fff\uff00-\uffef]+|\s+")
# what no line begins with
_CLOSING = "，。；：、！？）】》”’"


class _Formatter(click.HelpFormatter):
    """Lays out help whose signs may be two cells wide."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, _named(args), said("Usage:"))

    def write_heading(self, heading: str) -> None:
        mark = "：" if said(heading) != heading else ":"
        self.write(f"{'':>{self.current_indent}}{said(heading)}{mark}\n")

    def write_text(self, text: str) -> None:
        indent = " " * self.current_indent
        for k, paragraph in enumerate(text.split("\n\n")):
            lines = paragraph.split("\n")
            if lines[0] == "\b":
                kept = lines[1:]
            else:
                kept = _wrapped(" ".join(lines), self.width - self.current_indent)
            self.write("\n" * bool(k) + "".join(f"{indent}{line}\n" for line in kept))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        entries = [(_named(first), _explained(second)) for first, second in rows]
        widest = max(
            (width for first, _ in entries if (width := _cells(first)) <= col_max), default=0
        )
        column = self.current_indent + widest + col_spacing
        for first, second in entries:
            head = " " * self.current_indent + first
            lines = _wrapped(second, max(self.width - column, 20)) or [""]
            if _cells(first) > widest:
                self.write(f"{head}\n")
            else:
                lines[0], head = head + " " * (column - _cells(head)) + lines[0], ""
                self.write(f"{lines.pop(0)}\n")
            self.write("".join(f"{' ' * column}{line}\n" for line in lines))


class _Context(click.Context):
    formatter_class = _Formatter


def translated(command: Any) -> Any:
    """Return a click command as it is, or a copy of it whose help is in the language spoken."""
    if spoken() == "en":
        return command
    command = copy.copy(command)
    command.context_class = _Context
    line = command.short_help or (command.help or "").split("\n", 1)[0]
    if texts := verb_texts().get(line):
        command.short_help, command.help = texts["line"], texts["help"].strip("\n")
    command.params = [copy.copy(parameter) for parameter in command.params]
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = said(parameter.help)
    return command


def show_error(error: click.ClickException) -> str:
    """Say what was wrong, on standard error, and return it in English, for JSON."""
    english = error.format_message()
    message = said(english)
    if isinstance(error, click.MissingParameter):
        message = _named(message)
    if spoken() == "en":
        error.show()
        return english
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        hint = f"Try '{context.command_path} --help' for help."
        click.echo(f"{context.get_usage()}\n{said(hint)}\n", err=True)
    click.echo(said(f"Error: {message}"), err=True)
    return english


def _named(text: str) -> str:
    known = names()
    return _NAME.sub(lambda name: known.get(name[0], name[0]), text)


def _explained(text: str) -> str:
    """Return an option's help with what click writes in brackets behind it, translated."""
    found = _EXTRA.fullmatch(text)
    if found is None:
        return said(text)
    extra = "；".join(said(part) for part in found["extra"].split("; "))
    return f"{said(found['help'])} [{extra}]".strip()


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _wrapped(text: str, width: int) -> list[str]:
    """Return lines of at most so many cells; between wide signs a line may end anywhere."""
    lines = [""]
    for piece in _PIECE.findall(" ".join(text.split())):
        stays = piece in _CLOSING or _cells(lines[-1] + piece.rstrip()) <= width
        if stays:
            lines[-1] += piece
        elif piece.strip():
            lines.append(piece)
    return [line.rstrip() for line in lines if line.strip()]
