"""Gradient descent as a picture: the loss along one parameter, and over two directions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.chapters.spans import apart, number, percent
from clearprop.explanation.landscape import FLAT, Slice, Surface
from clearprop.explanation.names import Names
from clearprop.explanation.pages import (
    Block,
    Check,
    Note,
    Paragraph,
    Picture,
    Section,
    Text,
    plain,
)
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.scenes.spots import Spot
from clearprop.explanation.scenes.surface import heat_scene

if TYPE_CHECKING:
    from clearprop.engines import Trace
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words

# units of rounding by which the engine's loss may differ from the curve's
UNITS = 256
# a change of height that is rounding, relative to the height
LEVEL = 1e-13


def chapter(explanation: Explanation, focus: Focus, words: Words) -> Section:
    """Return the slice along the focused parameter, and a surface with the run or the step."""
    found = explanation.slice(focus.weight)
    name = explanation.names.of(focus.weight)
    title = words.text("landscape.title")
    finite = np.isfinite([*found.here, *found.there]).all()
    if found.lowest is None or not finite:
        what = "not_finite" if found.lowest is None else "step_not_finite"
        return Section("landscape", title, (Note(words.text(f"landscape.{what}"), "warning"),))
    blocks: list[Block] = [Paragraph(_lead(found, name, words))]
    blocks.append(Picture(_slice_scene(found, name, words), plain(())))
    blocks.append(Paragraph(_valley(found, name, words)))
    blocks += _remarks(explanation.trace, found, words)
    surface = explanation.surface()
    if np.isfinite(surface.heights).all():
        blocks.append(Paragraph(_about(surface, explanation.names, words)))
        blocks += surface_blocks(surface, explanation.names, words)
    return Section("landscape", title, tuple(blocks))


# along one parameter


def _lead(found: Slice, name: str, words: Words) -> Text:
    what = "lead" if found.penalties is None else "lead_penalty"
    before, after = apart(found.here.height, found.there.height)
    return words.text(f"landscape.{what}", weight=name) + words.text(
        f"landscape.{_course(found)}",
        slope=number(found.slope, "error"),
        before=before,
        after=after,
        step=number(found.there.value - found.here.value, "update"),
    )


def _course(found: Slice) -> str:
    """Return which way the step leads on the curve."""
    if found.there.value == found.here.value:
        return "stays"
    if abs(found.there.height - found.here.height) <= LEVEL * abs(found.here.height):
        return "level"
    return "down" if found.there.height < found.here.height else "up"


def _valley(found: Slice, name: str, words: Words) -> Text:
    """Return where the lowest point lies, and how much of the way there the step is."""
    assert found.lowest is not None
    place, height = found.lowest
    if found.heights.max() - found.heights.min() <= FLAT * abs(found.here.height):
        return words.text("landscape.even", weight=name)
    values = {"weight": name, "place": place, "height": height}
    if not found.inside:
        return words.text("landscape.edge", **values)
    way = place - found.here.value
    step = found.there.value - found.here.value
    if not step or not way:
        return words.text("landscape.valley", **values)
    kind = "part" if step / way > 0 else "away"
    share = percent(abs(step / way))
    return words.text(f"landscape.{kind}", share=share, **values)


def _remarks(trace: Trace, found: Slice, words: Words) -> Iterator[Block]:
    if trace.recipe.carrier != "exact":
        carrier = trace.recipe.carrier
        yield Note(words.text("landscape.carrier", carrier=carrier), "warning")
    if any(mask is not None for mask in trace.masks):
        yield Paragraph(words.text("landscape.dropout"))
    if len(found.rows) < found.samples:
        counts = {"m": len(found.rows), "n": found.samples}
        yield Paragraph(words.text("landscape.some_rows", **counts))
        return
    height, loss = found.here.height, trace.loss + trace.penalty
    size = abs(loss) + float(np.abs(trace.coefficients * trace.losses).sum())
    rounding = UNITS * float(np.finfo(trace.vector.dtype).eps) * size
    checked = words.text("landscape.check", height=height, loss=loss)
    yield Check(checked, abs(height - loss) <= rounding)


def _slice_scene(found: Slice, name: str, words: Words) -> Scene:
    """Return the curve with its tangent and the step on it."""
    before, after = apart(found.here.height, found.there.height)
    ends = {"before": before, "after": after}
    key = found.place.key
    here, there = (
        (point.value, point.height - _level(found)) for point in (found.here, found.there)
    )
    return curve_scene(
        words(f"landscape.slice_{_course(found)}", weight=name, **ends),
        [*_curves(found, words), _tangent(found), _step(here, there)],
        x_label=name,
        y_label=words("landscape.loss" if found.penalties is None else "landscape.change"),
        marks=[
            Spot(*here, words("landscape.here"), "ink", key),
            Spot(*there, words("landscape.there"), "update"),
        ],
        description=words("landscape.slice_text", weight=name, slope=found.slope, **ends),
        lang=words.lang,
    )


def _step(here: tuple[float, float], there: tuple[float, float]) -> Series:
    return Series("", (here[0], there[0]), (here[1], there[1]), "update", ())


def _level(found: Slice) -> float:
    """Return what heights are counted from.

    With a penalty the curves would lie far apart, and flat, by what the other parameters' penalty
    is; counted from where the parameter stands, they show what this one does.
    """
    return 0.0 if found.penalties is None else found.here.height


def _curves(found: Slice, words: Words) -> list[Series]:
    heights = found.heights - _level(found)
    if found.penalties is None:
        return [Series("E", found.values, heights, role="signal", dash=())]
    middle = len(found.values) // 2
    loss = found.losses - found.losses[middle]
    return [
        Series(words("landscape.both"), found.values, heights, role="signal", dash=()),
        Series("E", found.values, loss, role="contrast", dash=(7, 4)),
    ]


def _tangent(found: Slice) -> Series:
    """Return the tangent, as long as it stays near the curve."""
    reach = float(found.values[-1] - found.values[0]) * 0.3
    span = float(np.ptp(found.heights))
    if found.slope:
        reach = min(reach, 0.6 * span / abs(found.slope))
    x = found.here.value + np.array([-reach, reach])
    y = found.here.height - _level(found) + found.slope * np.array([-reach, reach])
    return Series("", x, y, role="error", dash=(5, 3))


# over two directions


def surface_blocks(
    found: Surface, names: Names, words: Words, title: str | None = None
) -> Iterator[Block]:
    """Yield a surface's picture, and on which rows its heights stand where these are not all.

    `title` is what the picture tells; how many steps the run has, where absent.
    """
    yield Picture(_surface_scene(found, names, words, title), _caption(found, words))
    if len(found.rows) < found.samples:
        counts = {"m": len(found.rows), "n": found.samples}
        yield Paragraph(words.text("landscape.some_heights", **counts))


def _labels(found: Surface, names: Names, words: Words) -> tuple[str, str]:
    if found.places is not None:
        first, second = (names.of(place) for place in found.places)
        return first, second
    assert found.shares is not None
    first, second = (
        words(f"landscape.{direction}", share=percent(share))
        for direction, share in zip(("first", "second"), found.shares, strict=True)
    )
    return first, second


def _about(found: Surface, names: Names, words: Words) -> Text:
    if found.shares is not None:
        share, points = percent(sum(found.shares)), len(found.path)
        return words.text("landscape.run", share=share, points=points, steps=int(found.steps[-1]))
    first, second = _labels(found, names, words)
    return words.text(f"landscape.of_{found.chosen}", first=first, second=second)


def _caption(found: Surface, words: Words) -> Text:
    if not found.recorded:
        return words.text("landscape.step_caption")
    return words.text("landscape.run_caption" if found.shares else "landscape.others_moved")


def _surface_scene(found: Surface, names: Names, words: Words, title: str | None) -> Scene:
    first, second = _labels(found, names, words)
    titled = {"first": first, "second": second, "steps": int(found.steps[-1])}
    usual = "landscape.surface_run" if found.recorded else "landscape.surface"
    return heat_scene(
        title or words(usual, **titled),
        found.heights,
        (float(found.first[0]), float(found.first[-1])),
        (float(found.second[0]), float(found.second[-1])),
        x_label=first,
        y_label=second,
        path=(found.path[:, 0].tolist(), found.path[:, 1].tolist()),
        description=words(
            "landscape.surface_text",
            low=float(found.heights.min()),
            high=float(found.heights.max()),
            **titled,
        ),
    )
