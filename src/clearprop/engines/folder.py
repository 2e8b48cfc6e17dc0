"""The folder in which engines keep what a machine needs to work out only once.

Public names: `cache_folder`, `digest_of`.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder that holds compiled kernels, plans and checks."""
    if chosen := os.environ.get("CLEARPROP_CACHE"):
        return Path(chosen)
    named = {"win32": "LOCALAPPDATA", "darwin": ""}.get(sys.platform, "XDG_CACHE_HOME")
    if base := os.environ.get(named):
        return Path(base) / "clearprop"
    try:
        home = Path.home()
    except RuntimeError:  # a user without a home, as in some containers
        return _own_temporary_folder()
    usual = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
    return home / usual / "clearprop"


@cache
def _own_temporary_folder() -> Path:
    """Return a folder that nobody else can have put files in; it serves this process only."""
    return Path(tempfile.mkdtemp(prefix="clearprop-"))


def digest_of(folders: Iterable[Path]) -> str:
    """Return a digest of all Python files in these folders and below."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
