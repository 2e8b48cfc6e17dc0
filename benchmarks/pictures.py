"""Pictures of a run, in the package's plot style; the same figures give the same bytes."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

from benchmarks.peers import OURS
from benchmarks.sections import SECTIONS

STYLE = Path(__file__).resolve().parent.parent / "src/clearprop/training/clearprop.mplstyle"
# Okabe and Ito's colours and a mark for each family, so that neither is needed alone
LOOKS = {
    OURS: ("#0072B2", "o"),
    "clearprop engine": ("#56B4E9", "D"),
    "scikit-learn": ("#D55E00", "s"),
    "PyTorch eager": ("#009E73", "^"),
    "torch.compile": ("#009E73", "v"),
    "JAX step": ("#CC79A7", "<"),
    "JAX scan": ("#CC79A7", ">"),
    "JAX jit": ("#CC79A7", ">"),
    "Keras on JAX": ("#E69F00", "P"),
    "NumPy loop": ("#777777", "X"),
    "FANN": ("#D55E00", "s"),
    "Nielsen's method": ("#777777", "X"),
}
# the same colours, dark enough to be read as text on white
AS_TEXT = {
    "#0072B2": "#0069A4", "#D55E00": "#A94A00", "#009E73": "#00704F", "#CC79A7": "#94406E",
    "#E69F00": "#855C00", "#777777": "#5C646E", "#56B4E9": "#0069A4",
}  # fmt: skip
DASHED = ("torch.compile", "JAX step")
LIMIT = "machine's limit"


def _figure(width: float = 7.2, height: float = 4.6) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()


def title(figure: Figure, finding: str) -> None:
    """Write the finding above the whole figure, from its left edge, in as many lines as it takes.

    Above the axes it would begin behind the rows' names and be cut off at the right.
    """
    width = int(11.2 * figure.get_figwidth())  # letters that fit into a line
    figure.suptitle(textwrap.fill(finding, width), x=0.01, ha="left", fontsize=11.5)


def _save(figure: Figure, path: Path) -> None:
    """Write an SVG without a date, with fixed ids and text as text."""
    with mpl.rc_context({"svg.hashsalt": "clearprop", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})


def _line(axes: Any, family: str, xs: list, ys: list) -> None:
    colour, marker = LOOKS.get(family, ("#333333", "."))
    ours = family == OURS
    axes.plot(
        xs, ys, marker=marker, color=colour, markersize=6, linewidth=2.6 if ours else 1.4,
        linestyle="--" if family in DASHED else "-", zorder=3 if ours else 2,
    )  # fmt: skip


def _name_ends(axes: Any, ends: list[tuple[str, float, float, str]]) -> None:
    """Write each line's name behind its end, apart from each other on a log scale."""
    low, high = np.log(axes.get_ylim())
    gap = 0.052 * (high - low)
    places: list[float] = []
    for _, _, y, _ in (ends := sorted(ends, key=lambda end: end[2])):
        places.append(max(np.log(y), places[-1] + gap) if places else np.log(y))
    over = max(0.0, places[-1] - high) if places else 0.0
    for (name, x, _, colour), place in zip(ends, places, strict=True):
        axes.annotate(
            name, (x, np.exp(place - over)), xytext=(10, 0), textcoords="offset points",
            va="center", color=AS_TEXT.get(colour, colour), fontsize=9, annotation_clip=False,
        )  # fmt: skip


def _against_work(cases: list[dict], finding: str, unit: str) -> Figure:
    """Return time over multiplications, one line a family."""
    figure, axes = _figure()
    axes.set(xscale="log", yscale="log")
    cases = sorted(cases, key=lambda case: case["multiplications"])
    ends = []
    for family in dict.fromkeys(f for case in cases for f in case["families"]):
        points = [
            (case["multiplications"], 1e6 * case["families"][family]["seconds"])
            for case in cases
            if family in case["families"]
        ]
        xs, ys = map(list, zip(*points, strict=True))
        _line(axes, family, xs, ys)
        ends.append((family, cases[-1]["multiplications"], ys[-1], LOOKS[family][0]))
    limits = [
        (case["multiplications"], 1e6 * case["limit"]["seconds"])
        for case in cases
        if case.get("limit")
    ]
    if limits:
        xs, ys = zip(*limits, strict=True)
        axes.plot(xs, ys, color="#1B1F24", linestyle=":", linewidth=1.4, zorder=1)
        ends.append((LIMIT, xs[-1], ys[-1], "#1B1F24"))
    axes.set_xlabel(f"multiplications a {unit} (log scale)")
    axes.set_ylabel(f"microseconds a {unit} (log scale)")
    title(figure, finding)
    _name_ends(axes, ends)
    return figure


def _nearest(cases: list[dict]) -> list[float]:
    """Return the nearest peer's ratio in each case."""
    return [
        min(f["ratio"] for name, f in case["families"].items() if not name.startswith(OURS))
        for case in cases
    ]


def _finding(cases: list[dict], doing: str) -> str:
    """Return in a sentence how the nearest peer fares, case by case."""
    nearest = _nearest(cases)
    ahead, low, high = sum(ratio > 1 for ratio in nearest), min(nearest), max(nearest)
    if ahead == len(cases):
        return (
            f"{doing}: clearprop is ahead of every peer, of the nearest {_range(low, high)} times"
        )
    return (
        f"{doing}: clearprop is ahead of every peer in {ahead} of {len(cases)} cases; the nearest "
        f"peer takes {_range(low, high)} times as long"
    )


def _range(low: float, high: float) -> str:
    return f"{low:.2g} to {high:.2g}" if f"{low:.2g}" != f"{high:.2g}" else f"{low:.2g}"


def _ratios(cases: list[dict], finding: str, names: list[str]) -> Figure:
    """Return the ratios as dots, one row a case; left of 1 a peer is faster."""
    figure, axes = _figure(height=1.6 + 0.5 * len(cases))
    axes.set(xscale="log")
    families = [f for f in dict.fromkeys(f for c in cases for f in c["families"]) if f != OURS]
    for family in families:
        points = [
            (case["families"][family]["ratio"], -row)
            for row, case in enumerate(cases)
            if family in case["families"]
        ]
        xs, ys = zip(*points, strict=True)
        colour, marker = LOOKS[family]
        hollow = "none" if family in DASHED else colour
        axes.scatter(
            xs, ys, color=colour, marker=marker, s=44, label=family, zorder=3, facecolors=hollow
        )
    axes.axvline(1, color="#0072B2", linewidth=2, zorder=1)
    axes.set_yticks([-row for row in range(len(cases))], names)
    axes.set_ylim(-len(cases) + 0.4, 0.6)
    axes.set_xlabel("peer's time / clearprop's time (log scale; clearprop is the line at 1)")
    title(figure, finding)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    figure.legend(loc="outside lower center", ncols=min(5, len(families)), fontsize=9)
    return figure


def growth(section: dict) -> dict[str, Figure]:
    """Return the four series beside each other, time and multiplications."""
    figure = Figure(figsize=(9.2, 6.2))
    for axes, (what, found) in zip(
        figure.subplots(2, 2).flat, section["series"].items(), strict=False
    ):
        points = found["points"]
        xs, ys = [p["x"] for p in points], [1e6 * p["seconds"] for p in points]
        axes.set(xscale="log", yscale="log")
        axes.plot(xs, ys, marker="o", color="#0072B2", label="time")
        # the multiplications, moved so that they end where the time ends
        scale = ys[-1] / points[-1]["multiplications"]
        work = [scale * p["multiplications"] for p in points]
        axes.plot(xs, work, color="#D55E00", linestyle="--", label="multiplications (scaled)")
        axes.set_xticks(xs, [f"{x:,}" for x in xs])
        axes.minorticks_off()
        axes.set_xlabel(f"{what} (log scale)")
        axes.set_ylabel(f"µs {'an epoch' if what == 'rows' else 'a step'} (log scale)")
        slopes = f"time {found['slope']:.2f}, work {found['slope_of_multiplications']:.2f}"
        axes.set_title(f"{what.capitalize()}: slope of {slopes}")
        axes.legend(fontsize=8)
    title(figure, _growth_finding(section["series"]))
    return {"growth": figure}


def _growth_finding(series: dict) -> str:
    """Return with what time grows as the work does, more slowly or faster, by the slopes."""
    groups: dict[str, list[str]] = {}
    for what, found in series.items():
        apart = found["slope"] - found["slope_of_multiplications"]
        how = "as" if abs(apart) <= 0.1 else "more slowly than" if apart < 0 else "faster than"
        groups.setdefault(how, []).append(what)
    said = [
        f"{how} the work with {', '.join(whats[:-1])}{' and ' * (len(whats) > 1)}{whats[-1]}"
        for how, whats in groups.items()
    ]
    return "Time grows " + ", ".join(said).replace("as the work", "as the work does", 1)


def training(section: dict) -> dict[str, Figure]:
    """Return times over work, and ratios."""
    cases = section["cases"]
    return {
        "training": _against_work(cases, _finding(cases, "Training"), "step"),
        "training-ratios": _ratios(
            cases, _finding(cases, "Training"), [case["name"] for case in cases]
        ),
    }


def per_sample(section: dict) -> dict[str, Figure]:
    """Return times over work."""
    cases = section["cases"]
    return {"per-sample": _against_work(cases, _finding(cases, "One sample a step"), "step")}


def prediction(section: dict) -> dict[str, Figure]:
    """Return ratios."""
    cases = section["cases"]
    names = [f"{case['network']}, {case['rows']:,} row{'s' * (case['rows'] > 1)}" for case in cases]
    return {"prediction-ratios": _ratios(cases, _finding(cases, "Prediction"), names)}


def draw(results: dict, folder: Path) -> list[str]:
    """Write a run's pictures into a folder; return their names."""
    names = []
    with mpl.style.context(STYLE):
        for name, section in SECTIONS.items():
            found, make = results.get(name), section.load("pictures")
            if not make or not found or not (found.get("cases") or found.get("series")):
                continue
            for name, figure in make(found).items():
                names.append(f"{results['stem']}-{name}.svg")
                _save(figure, folder / names[-1])
    return names
