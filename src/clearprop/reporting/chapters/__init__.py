"""Chapters of a report: what was gathered becomes a section of a page.

Each chapter is one function in a file of its own,

    chapter(report, say) -> Section or None

which opens with a plain sentence on what was found, and computes nothing. None where there is
nothing to tell. All text is from the catalogue, `report.toml`.

May import: the other modules of this room, `clearprop.explanation` (`pages`, `scenes`, `words`).
"""
