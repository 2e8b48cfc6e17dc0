"""The kinds of table file, how their names end, and how their first bytes show what they are.

Public names: `FORMATS`, `format_of`, `check_signature`. Imports only the standard library and
`clearprop.errors`.
"""

from __future__ import annotations

from pathlib import Path

from clearprop.errors import FileError, SettingError

FORMATS: dict[str, tuple[str, ...]] = {
    "csv": (".csv", ".txt", ".data"),
    "tsv": (".tsv", ".tab"),
    "parquet": (".parquet", ".pq"),
    "arrow": (".arrow", ".feather", ".ipc", ".arrows"),
    "jsonl": (".jsonl", ".ndjson"),
}
"""Each format and the endings of its files' names; the first is the usual one."""

TEXT_FORMATS = ("csv", "tsv", "jsonl")
"""The formats whose files are text, and may be packed with gzip (``.csv.gz``)."""

GZIP = b"\x1f\x8b"
_PARQUET, _ARROW_FILE, _ARROW_STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"

# First bytes, what a file that starts with them is, and what its owner can do.
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (_PARQUET, "a Parquet file", "Say --format parquet, or rename it to end in .parquet."),
    (_ARROW_FILE, "an Arrow file", "Say --format arrow, or rename it to end in .arrow."),
    (_ARROW_STREAM, "an Arrow stream", "Say --format arrow, or rename it to end in .arrow."),
    (b"PK\x03\x04", "a ZIP archive (XLSX and NPZ files are, too)", "Export the table as CSV."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Export the table as CSV."),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV."),
    (b"%PDF", "a PDF document", "Ask its owner for the table as CSV."),
    (b"\x28\xb5\x2f\xfd", "packed with Zstandard", "Unpack it first (unzstd FILE)."),
    (b"BZh", "packed with bzip2", "Unpack it first (bunzip2 FILE)."),
    (b"\xfd7zXZ", "packed with xz", "Unpack it first (unxz FILE)."),
    (b"\xff\xfe", "text in UTF-16", "Save it as UTF-8 (iconv -f utf-16 -t utf-8 FILE)."),
    (b"\xfe\xff", "text in UTF-16", "Save it as UTF-8 (iconv -f utf-16 -t utf-8 FILE)."),
    (b"version https://git-lfs", "a Git LFS pointer", "Fetch the file itself (git lfs pull)."),
    (b"<!doctype html", "an HTML page", "Download the file behind the page's link."),
    (b"<html", "an HTML page", "Download the file behind the page's link."),
    (b"<?xml", "an XML document", "Export the table as CSV."),
)
_OF_FORMAT = {"parquet": (_PARQUET,), "arrow": (_ARROW_FILE, _ARROW_STREAM)}


def format_of(name: str, format: str | None) -> str:
    """Choose the format of a table file: the one that was asked for, or its name's.

    Raises
    ------
    SettingError
        `format` is not one of `FORMATS`.
    FileError
        No format was asked for, and the name ends like none.
    """
    if format is not None:
        if format not in FORMATS:
            raise SettingError(f"Expected one of the formats {_known()}; got {format!r}.")
        return format
    path = Path(name)
    suffix = path.suffix.lower()
    if suffix == ".gz":
        suffix = path.with_suffix("").suffix.lower()
    for known, suffixes in FORMATS.items():
        if suffix in suffixes:
            return known
    raise FileError(
        f"The name of {name!r} does not say what kind of table it is: expected it to end in "
        f"{', '.join(ending for endings in FORMATS.values() for ending in endings)}. "
        f"Say which it is (--format: {_known()})."
    )


def check_signature(head: bytes, name: str, format: str) -> None:
    """Check a file's first bytes against the format that it is about to be read as.

    Raises
    ------
    FileError
        The file is empty, or its first bytes are those of another kind of file.
    """
    if not head:
        raise FileError(f"{name!r} is empty (0 bytes): expected a table with a header and rows.")
    own = _OF_FORMAT.get(format, ())
    if own and head.startswith(own):
        return
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for signature, what, remedy in _SIGNATURES:
        if head.startswith(signature) or start[: len(signature)].lower() == signature:
            raise FileError(_mismatch(name, format, what, remedy))
    if own:
        start_seen = head[:8]
        raise FileError(
            f"Expected {name!r} to be a {_title(format)} file, which starts with "
            f"{' or '.join(repr(magic) for magic in own)}; its first bytes are {start_seen!r}. "
            "It is damaged or of another kind: fetch it again, or say its kind with --format."
        )
    if b"\x00" in head:
        raise FileError(_mismatch(name, format, "binary", "Say its kind with --format."))
    if format == "jsonl" and start.startswith(b"["):
        what = "one JSON array"
        raise FileError(_mismatch(name, format, what, "Write one object a line (jq -c '.[]')."))
    if format in ("csv", "tsv") and start.startswith((b'{"', b'[{"')):
        raise FileError(_mismatch(name, format, "JSON", "Say --format jsonl."))


def _mismatch(name: str, format: str, what: str, remedy: str) -> str:
    return f"Expected {name!r} to be a {_title(format)} file; it is {what}. {remedy}"


def _title(format: str) -> str:
    titles = {"parquet": "Parquet", "arrow": "Arrow", "jsonl": "JSON Lines"}
    return titles.get(format, format.upper())


def _known() -> str:
    return ", ".join(FORMATS)
