"""Read a table that anyone may have sent, in a process whose memory and time are bounded.

A small file may unpack to more than a machine holds, and a reader may fail on a crafted one in ways
that no exception tells. So the reader is another process: it may take `MOST_MEMORY` beside what it
begins with, and `MOST_SECONDS`; if it ends badly, that process is all that ends. What it read comes
back as an Arrow file of plain numbers and text.

    python -m clearprop.studio.apart SOURCE RESULT     (as JSON on standard input: limits)

Public names: `read_apart`.
May import: `clearprop.studio.told`, `clearprop.tables`, `clearprop.errors`; Polars.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

MOST_MEMORY = 1_500_000_000  # bytes
MOST_SECONDS = 60
MOST_RESULT = 300_000_000  # bytes


def read_apart(
    path: Path, name: str, most: tuple[int, int], text_columns: Collection[str] = ()
) -> pl.DataFrame:
    """Return a table.

    Parameters
    ----------
    path : Path
        Where it lies; the result is put beside it, and taken away again.
    name : str
        What messages call it.
    most : (int, int)
        Rows, and cells, that it may have.
    text_columns : collection of str
        Columns that stay text.

    Raises
    ------
    DataError
        It is no table, or a larger one than may be; the message says which.
    """
    import polars as pl

    from clearprop.errors import DataError
    from clearprop.studio.told import ToldError

    result = path.with_name(f"{path.name}.read")
    wish = {"most": most, "text": list(text_columns)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "clearprop.studio.apart", str(path), str(result)],
            input=json.dumps(wish), text=True, capture_output=True, timeout=MOST_SECONDS + 5,
            env=os.environ | {"POLARS_MAX_THREADS": "1"}, check=False,
        )  # fmt: skip
        if done.returncode == 1 and done.stdout:
            found = json.loads(done.stdout)
            if "rows" in found:
                raise ToldError("studio_problems.rows", name=name, rows=found["rows"], most=most[0])
            if "columns" in found:
                told = {"columns": found["columns"], "most": most[1]}
                raise ToldError("studio_problems.cells", name=name, **told)
            raise DataError(found["problem"].replace(str(path), name))
        if done.returncode or result.stat().st_size > MOST_RESULT:
            raise ToldError("studio_sharing.unpacks_too_large", name=name)
        # from memory, since the file goes
        return pl.read_ipc(io.BytesIO(result.read_bytes()))
    except subprocess.TimeoutExpired as error:
        raise ToldError("studio_sharing.takes_too_long", name=name, seconds=MOST_SECONDS) from error
    finally:
        result.unlink(missing_ok=True)


def _bound() -> None:
    """Bound this process's memory and time, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    held = Path("/proc/self/statm")
    if held.exists():
        now = int(held.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + MOST_MEMORY, now + MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_RESULT, MOST_RESULT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(source: str, result: str, wish: dict[str, Any]) -> dict[str, int]:
    """Read a table; return the measure by which it is too large, if by any."""
    from clearprop.tables import read_table

    _bound()
    frame = read_table(source, text_columns=wish["text"])
    rows, cells = wish["most"]
    if frame.height > rows:
        return {"rows": frame.height}
    if frame.height * frame.width > cells:
        return {"columns": frame.width}
    frame.write_ipc(result)
    return {}


def _main() -> int:
    from clearprop.errors import ClearpropError

    source, result = sys.argv[1:]
    try:
        found: dict[str, Any] = _read(source, result, json.load(sys.stdin))
    except ClearpropError as error:
        found = {"problem": str(error)}
    if found:
        json.dump(found, sys.stdout)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(_main())
