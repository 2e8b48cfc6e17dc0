"""A snapshot as the end of an address, and back.

    http://127.0.0.1:8265/#run=eNqV…

It stands behind `#`, which browsers send to nobody: not to the server, not to the site that the
page came from, not into a log. The text is base64url of a zlib stream of a run's file. It comes
from anyone, so its size is bounded before it is unpacked and while it is: a text that would grow to
more than its own length can explain is refused before it has.

Public names: `MOST_LETTERS`, `PREFIX`, `pack`, `unpack`.
May import: `snapshots`, `clearprop.files`, `clearprop.studio.told`, the standard library.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import replace

from clearprop.errors import FileError
from clearprop.files import load_bytes, save_bytes
from clearprop.studio.sharing.snapshots import Snapshot
from clearprop.studio.told import ToldError

PREFIX = "#run="
MOST_LETTERS = 1_000_000
# what the packed bytes may grow by: memories of an update rule that are still 0 pack well
MOST_GROWTH, LEAST_ROOM = 8, 100_000
MOST_POINTS = 120  # of the curves
_LETTERS = re.compile(r"[A-Za-z0-9_-]*")


def pack(snapshot: Snapshot) -> str:
    """Return a snapshot as text for the end of an address.

    Raises
    ------
    ToldError
        It has a table of the person's own, or takes more than a link can.
    """
    if snapshot.table is not None:
        raise ToldError("studio_sharing.link_has_table", name=snapshot.table[0])
    points = snapshot.points
    apart = -(-len(points) // MOST_POINTS) or 1
    kept = points[::-apart][::-1]  # the last one in any case
    plain = save_bytes(replace(snapshot, points=kept))
    packed = zlib.compress(plain, 9)
    text = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    if len(text) > MOST_LETTERS or len(plain) > _room(len(packed)):
        raise ToldError("studio_sharing.link_too_long", mb=f"{len(text) / 1e6:.1f}")
    return text


def unpack(text: str) -> Snapshot:
    """Return the snapshot of a link, or of the text behind its `#run=`.

    Raises
    ------
    ToldError
        It is no link of a run, or a damaged one.
    """
    text = text.strip()
    if PREFIX in text:
        text = text.partition(PREFIX)[2]
    text = text.rstrip("=")
    if not text or len(text) > MOST_LETTERS or not _LETTERS.fullmatch(text):
        raise ToldError("studio_sharing.no_link")
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        plain = _unpacked(packed)
        found = load_bytes(plain, "the link")
    except (binascii.Error, zlib.error, FileError) as error:
        raise ToldError("studio_sharing.damaged_link", why=str(error)[:300]) from error
    if not isinstance(found, Snapshot) or found.table is not None:
        raise ToldError("studio_sharing.no_link")
    return found


def _room(packed: int) -> int:
    return LEAST_ROOM + MOST_GROWTH * packed


def _unpacked(packed: bytes) -> bytes:
    """Return what was packed, as long as it keeps within its room."""
    room = _room(len(packed))
    stream = zlib.decompressobj()
    plain = stream.decompress(packed, room + 1)
    if len(plain) > room or not stream.eof or stream.unused_data:
        raise FileError("It is cut off, or unpacks to more than a run takes.")
    return plain
