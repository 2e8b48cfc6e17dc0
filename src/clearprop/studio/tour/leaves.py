"""An example's page cut into leaves: a part of the text, and the picture to stand beside it.

A section is a leaf; one that shows the network several times, as it changes, is one leaf for each
picture. Where a section shows no network, the picture that was shown last stays beside the text.

Public names: `Leaf`, `leaves_of`, `without_numbers`.
May import: `clearprop.explanation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from clearprop.explanation.pages import Block, Page, Picture, Section, Text
from clearprop.explanation.scenes.scene import Mark, Scene, Words

# a number in a picture, with the arrow before a new value
_NUMBER = re.compile(r"(?:^|(?<=\s))(?:→ )?−?\d[\d.]*(?:×10[⁻⁰-⁹¹²³]+)?(?=\s|$)")


@dataclass(frozen=True)
class Leaf:
    """A page of the tour.

    Attributes
    ----------
    title : Text
    part, parts : int
        Which leaf of its section it is, from 1, and of how many.
    picture : Picture
        Of the network, the section's own or the one before; the caption is only its own.
    blocks : tuple of Block
        The text, without that picture.
    """

    title: Text
    part: int
    parts: int
    picture: Picture
    blocks: tuple[Block, ...]


def leaves_of(page: Page) -> tuple[Leaf, ...]:
    """Cut a page into leaves; it shows its network at least once."""
    shown = next(picture for section in page.sections for picture in _networks(section.blocks))
    leaves: list[Leaf] = []
    for section in page.sections:
        pieces = list(_pieces(section))
        for part, piece in enumerate(pieces, start=1):
            own = next(_networks(piece), None)
            shown = Picture(shown.scene) if own is None else own
            text = tuple(block for block in piece if block is not own)
            leaves.append(Leaf(section.title, part, len(pieces), shown, text))
    return tuple(leaves)


def _pieces(section: Section) -> Iterator[Sequence[Block]]:
    """Yield a section's blocks, each time with one picture of the network at most."""
    piece: list[Block] = []
    for block in section.blocks:
        if any(_networks((block,))) and any(_networks(piece)):
            yield piece
            piece = []
        piece.append(block)
    yield piece


def _networks(blocks: Iterable[Block]) -> Iterator[Picture]:
    """Yield the pictures that show neurons with their weighted inputs."""
    for block in blocks:
        if isinstance(block, Picture) and any(m.key.startswith("z") for m in block.scene.marks):
            yield block


def without_numbers(scene: Scene) -> Scene:
    """Return a picture of the network that gives no number away, and lights no path."""
    end = len(scene.marks) - scene.legend
    bare = [_bare(mark) for mark in scene.marks[:end] if "halo" not in (mark.role, mark.fill)]
    marks = (*(mark for mark in bare if mark is not None), *scene.marks[end:])
    narrow = None if scene.narrow is None else without_numbers(scene.narrow)
    return replace(scene, marks=marks, narrow=narrow, description="")


def _bare(mark: Mark) -> Mark | None:
    if not mark.key:
        return mark
    if not isinstance(mark, Words):
        return replace(mark, title="")
    text = _NUMBER.sub("", mark.text).strip()
    return replace(mark, text=text, title="") if text else None
