"""What a file that is not a model file looks like, from its first bytes.

Public names: `looks_like`. Imports the standard library.
"""

from __future__ import annotations

import codecs

# first bytes → what such a file is
SIGNATURES: dict[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a ZIP archive (as .npz, .xlsx, .skops and PyTorch's .pt files are)",
    b"\x1f\x8b": "a gzip archive",
    b"\x93NUMPY": "a NumPy .npy array",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file (as Keras and netCDF write)",
    b"PAR1": "a Parquet table",
    b"ARROW1": "an Arrow table",
    b"SQLite format 3": "an SQLite database",
    **{
        b"\x80" + bytes([protocol]): "a pickle (as joblib writes), which clearprop never opens"
        for protocol in (2, 3, 4, 5)
    },
}


def looks_like(start: bytes) -> str:
    """Return what a file seems to be, as a noun with its article.

    Parameters
    ----------
    start : bytes
        Its first bytes, up to a few hundred.
    """
    if not start:
        return "an empty file"
    for signature, name in SIGNATURES.items():
        if start.startswith(signature):
            return name
    return "text" if _is_text(start) else "a file of an unknown kind"


def _is_text(start: bytes) -> bool:
    try:
        # incremental, since the cut may have halved the last character
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\t\n\r" for c in text)
