"""Model files: one file, no pickle in it, versioned, written whole or not at all.

A model turns itself into `Parts`: a kind, plain data, arrays, and parts of its own. The tree goes
into one safetensors file whose header holds the plain data as JSON and a SHA-256 over everything.
`PARTS` is the one table that says which class a kind is; nothing in a file can name code. A file
that is damaged, crafted or of a later version is a `FileError` in plain words.

May import `clearprop.network`, `clearprop.functions`, `clearprop.storage`, `clearprop.errors` and
NumPy; the estimators only by their names in `PARTS`, when a file asks for one.
"""

from clearprop.files.models import from_parts, to_parts
from clearprop.files.networks import network_from_document, network_to_document
from clearprop.files.parts import PARTS, Parts
from clearprop.files.reading import describe, load, load_bytes
from clearprop.files.writing import save, save_bytes
from clearprop.storage import replace_file

__all__ = [
    "PARTS",
    "Parts",
    "describe",
    "from_parts",
    "load",
    "load_bytes",
    "network_from_document",
    "network_to_document",
    "replace_file",
    "save",
    "save_bytes",
    "to_parts",
]
