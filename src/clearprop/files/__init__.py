"""Model files and checkpoints: no pickle in them, versioned, written whole or not at all.

A model turns itself into `Parts`: a kind, plain data, arrays, and parts of its own. The tree goes
into one safetensors file whose header holds the plain data as JSON and a SHA-256 over everything.
`PARTS` is the one table that says which class a kind is; nothing in a file can name code. A file
that is damaged, crafted or of a later version is a `FileError` in plain words.

A checkpoint is such a file, of a run in the middle; `Checkpoints` keeps a folder of them.

May import `clearprop.training` and what stands below it, and NumPy; the estimators only by their
names in `PARTS`, when a file asks for one.
"""

from clearprop.files.checkpoint_parts import Checkpoint
from clearprop.files.checkpoints import Checkpoints
from clearprop.files.models import from_parts, to_parts
from clearprop.files.networks import network_from_document, network_to_document
from clearprop.files.parts import PARTS, Parts
from clearprop.files.reading import describe, load, load_bytes
from clearprop.files.writing import save, save_bytes
from clearprop.storage import replace_file

__all__ = [
    "PARTS",
    "Checkpoint",
    "Checkpoints",
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
