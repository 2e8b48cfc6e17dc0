"""Names with one optional number, as people type them: `"relu"`, `"leaky_relu(0.2)"`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from clearprop.errors import SettingError

# how many names a message lists at most
LISTED = 40

_CALL = re.compile(r"([a-z_0-9]+)\s*(?:\(([^()]+)\))?")


def parse_call(text: str, what: str, names: Iterable[str]) -> tuple[str, float | None]:
    """Split `"name(number)"` into its name, one of `names`, and its number or None.

    Raises
    ------
    SettingError
        If the name is not in `names` or the part in parentheses is not a number.
    """
    match = _CALL.fullmatch(text.strip()) if isinstance(text, str) else None
    name = match.group(1) if match else str(text)
    if match is None or name not in names:
        raise SettingError(f"There is no {what} {text!r}. {suggest(name, names)}")
    if match.group(2) is None:
        return name, None
    try:
        return name, float(match.group(2))
    except ValueError:
        raise SettingError(
            f"The number of {what} {text!r} could not be read. Write it as {name}(0.5)."
        ) from None


def suggest(name: str, names: Iterable[str]) -> str:
    """Return the sentence that lists `names`, led by the one closest to `name`.

    Of very many, as a network's units may be, the first and the last are listed.
    """
    known = list(names)
    near = difflib.get_close_matches(str(name), known, n=1)
    lead = f"Did you mean {near[0]!r}? " if near else ""
    if len(known) > LISTED:
        left_out = f"… {len(known) - LISTED} more …"
        known = [*known[: LISTED // 2], left_out, *known[-LISTED // 2 :]]
    return f"{lead}Known names: {', '.join(known)}."
