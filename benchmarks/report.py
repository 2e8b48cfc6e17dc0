"""A run's figures as tables, and the page of a run: what a reader sees of the file of results."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers import OURS
from benchmarks.prediction import ENGINE
from benchmarks.sections import SECTIONS
from benchmarks.tables import Table, microseconds, significant, times
from benchmarks.targets import verdicts


def _families(cases: Sequence[dict]) -> list[str]:
    return list(dict.fromkeys(family for case in cases for family in case["families"]))


def _by_family(title: str, cases: Sequence[dict], names: Sequence[str], about: str) -> list[Table]:
    """Return times, and ratios, one row a case and one column a family."""
    families = _families(cases)
    micro = Table(f"{title}: microseconds", ["case", *families], about=about)
    ratio = Table(f"{title}: peer's time / ours", ["case", *families[1:]])
    for case, name in zip(cases, names, strict=True):
        figures = [case["families"].get(family) for family in families]
        micro.add(name, *(microseconds(f["seconds"]) if f else "–" for f in figures))
        ratio.add(name, *(times(f["ratio"]) if f else "–" for f in figures[1:]))
    return [micro, ratio]


def _rates(title: str, cases: Sequence[dict], names: Sequence[str]) -> list[Table]:
    """Return each family's GFLOP/s and, where there is a limit, its share of that."""
    families = _families(cases)
    rates = Table(f"{title}: GFLOP/s", ["case", *families])
    shares = Table(f"{title}: % of the machine's limit", ["case", *families])
    for case, name in zip(cases, names, strict=True):
        figures = [case["families"].get(family) for family in families]
        rates.add(name, *(significant(f["gflops"]) if f else "–" for f in figures))
        if case["limit"]:
            shares.add(
                name, *(significant(100 * f["of_limit"]) + " %" if f else "–" for f in figures)
            )
    return [rates, shares] if shares.rows else [rates]


def training(section: dict, title: str = "Training") -> list[Table]:
    """Return times, ratios, and ours beside the limit."""
    cases = section["cases"]
    names = [case["name"] for case in cases]
    tables = _by_family(
        title, cases, names, "A step's median time; each peer at its best way and thread count."
    )
    tables += _rates(title, cases, names)
    work = Table(
        f"{title}: ours",
        ["case", "µs", "quartiles", "multiplications", "GFLOP/s", "limit, µs", "% of limit",
         "losses differ by"],
        about="The limit is the step's matrix products at the best rate of any BLAS here, and the "
        "update's bytes at memory bandwidth.",
    )  # fmt: skip
    for case, name in zip(cases, names, strict=True):
        ours, limit = case["families"][OURS], case["limit"]
        work.add(
            name, microseconds(ours["seconds"]),
            f"{microseconds(ours['low'])} to {microseconds(ours['high'])}",
            f"{case['multiplications']:,}", significant(ours["gflops"]),
            microseconds(limit["seconds"]) if limit else "–",
            f"{100 * ours['of_limit']:.0f} %" if limit else "–",
            f"{case['losses_differ_by']:.0e}",
        )  # fmt: skip
    return [*tables, work]


def per_sample(section: dict) -> list[Table]:
    """Return the same for steps of one sample."""
    return training(section, "Gradient descent, one sample a step")


def ways(section: dict) -> list[Table]:
    """Return every way at every thread count, with its quartiles."""
    rule = section["cases"][0]["case"].get("rule", "adam") if section["cases"] else ""
    table = Table(
        f"Training with {rule}: every way and thread count",
        ["case", "peer", "way", "threads", "µs", "quartiles", "note"],
    )
    for case in section["cases"]:
        for way in case["ways"]:
            table.add(
                case["name"], way["family"], way["way"], way["threads"] or "own choice",
                microseconds(way["seconds"]),
                f"{microseconds(way['low'])} to {microseconds(way['high'])}", way["note"],
            )  # fmt: skip
    return [table, *_limits(section["cases"])]


def _limits(cases: Sequence[dict]) -> list[Table]:
    """Return what the machine's limit is made of, and who reached it."""
    table = Table(
        "The machine's limit: who reached it",
        ["case", "what", "layer", "m, n, k", "µs", "GFLOP/s", "by"],
    )
    for case in cases:
        limit = case["limit"] or {"products": []}
        for row in limit["products"]:
            table.add(
                case["name"], row["kind"], row["layer"], f"{row['m']}, {row['n']}, {row['k']}",
                microseconds(row["seconds"]), significant(row["gflops"]), row["by"],
            )  # fmt: skip
        if limit["products"]:
            update = limit["update"]
            moved = f"{significant(update['gigabytes_a_second'])} GB/s, {update['by']}"
            table.add(case["name"], "update", "–", "–", microseconds(update["seconds"]), "–", moved)
    return [table] if table.rows else []


def prediction(section: dict) -> list[Table]:
    """Return times and ratios, held against the classifier and against the engine."""
    cases = section["cases"]
    names = [f"{case['network']}, {case['rows']:,} rows" for case in cases]
    tables = _by_family(
        "Prediction", cases, names,
        "A call's median time, arrays in, arrays out. clearprop is MLPClassifier.predict_proba, "
        "clearprop engine is engine.predict underneath it.",
    )  # fmt: skip
    families = [f for f in _families(cases) if not f.startswith(OURS)]
    engine = Table(f"Prediction: peer's time / {ENGINE}", ["case", *families])
    for case, name in zip(cases, names, strict=True):
        found = [case["families"].get(family) for family in families]
        engine.add(name, *(times(f["ratio_to_engine"]) if f else "–" for f in found))
    return [*tables, engine]


def variants(section: dict) -> list[Table]:
    """Return what each variant costs beside its base."""
    table = Table(
        "Variants beside the base case",
        ["base", "what", "variant", "base, µs", "variant, µs", "ratio", "quartiles"],
        about="Medians of the rounds' ratios; the base is Adam, ReLU, cross-entropy, float32.",
    )
    for row in section["cases"]:
        table.add(
            row["base"], row["group"], row["variant"], microseconds(row["base_seconds"]),
            microseconds(row["seconds"]), f"{row['ratio']:.2f}×",
            f"{row['low']:.2f} to {row['high']:.2f}",
        )  # fmt: skip
    return [table]


def threads(section: dict) -> list[Table]:
    """Return times by threads."""
    counts = list(section["cases"][0]["seconds"]) if section["cases"] else []
    table = Table(
        "Threads",
        ["case", *(f"{n}, µs" for n in counts), "speed-up", "plan that was chosen"],
        about="Microseconds a step at each thread count, and as the engine chooses.",
    )
    for row in section["cases"]:
        shown = [microseconds(row["seconds"][count]) for count in counts]
        table.add(row["name"], *shown, times(row["speed_up"]), row["plan"])
    return [table]


def growth(section: dict) -> list[Table]:
    """Return a table for each series, with its slope explained."""
    tables = []
    for what, found in section["series"].items():
        table = Table(
            f"Growth with {what}",
            [what, "network", "batch", "µs", "multiplications", "GFLOP/s"],
            about=f"{'An epoch' if what == 'rows' else 'A step'}. Slope of time "
            f"{found['slope']:.2f}, of multiplications {found['slope_of_multiplications']:.2f}. "
            + found["sentence"],
        )
        for p in found["points"]:
            table.add(
                f"{p['x']:,}", p["network"], p["batch"], microseconds(p["seconds"]),
                f"{p['multiplications']:,}",
                significant(2e-9 * p["multiplications"] / p["seconds"]),
            )  # fmt: skip
        tables.append(table)
    return tables


def memory(section: dict) -> list[Table]:
    """Return peaks beside what has to be held."""
    needed = " + ".join(f"{n / 1e6:,.1f} MB of {what}" for what, n in section["needed"].items())
    table = Table(
        f"Memory: {section['network']}, {section['rows']:,} rows, batch {section['batch']}",
        ["peer", "way", "threads", "peak, MB", "of what is needed"],
        about=f"Peak of an epoch over the process before the data. Needed are {needed}.",
    )
    for row in section["ways"]:
        table.add(
            row["family"], row["way"], row["threads"] or "own choice", f"{row['bytes'] / 1e6:,.0f}",
            f"{row['of_needed']:.2f}",
        )  # fmt: skip
    return [table]


def cold(section: dict) -> list[Table]:
    """Return seconds from cold."""
    compiled = section["compile"]
    table = Table(
        "From cold: a fitted iris model",
        ["what", "seconds", "quartiles"],
        about=f"Whole processes, kernels compiled before. clearprop / scikit-learn is "
        f"{section['ratio']:.2f}. The one-off compile ({compiled['dtype']}) takes "
        f"{compiled['wall_seconds']:.1f} s, {compiled['cpu_seconds']:.1f} s of a core.",
    )
    for name, spread in section["seconds"].items():
        table.add(name, f"{spread['median']:.2f}", f"{spread['low']:.2f} to {spread['high']:.2f}")
    return [table]


def _targets(results: dict) -> list[Table]:
    found = verdicts(results)
    if not found:
        return []
    met = sum(verdict.met for verdict in found)
    beyond = sum(bool(verdict.note) for verdict in found)
    table = Table(
        f"Targets: {met} of {len(found)} met",
        ["target", "section", "wanted", "measured", "met", "what it asks for"],
        about=f"{beyond} of the other {len(found) - met} ask for less time than the limit that was "
        "measured in this run." if beyond else "",
    )  # fmt: skip
    for v in found:
        table.add(v.what, v.section, v.wanted, v.got, "yes" if v.met else "**no**", v.note)
    return [table]


def tables(results: dict) -> list[Table]:
    """Return the tables of a run: targets first, then section by section."""
    return [*_targets(results), *_of_sections(results, "tables")]


def _of_sections(results: dict, what: str) -> list[Table]:
    found: list[Table] = []
    for name, section in SECTIONS.items():
        if name in results and (make := section.load(what)):
            found += make(results[name])
    return found


def _machine(machine: dict) -> list[str]:
    caches = ", ".join(f"{level} {size}" for level, size in machine["caches"].items())
    libraries = ", ".join(f"{name} {v}" for name, v in machine["libraries"].items())
    blas = ", ".join(f"{who}: {what}" for who, what in machine["blas"].items())
    return [
        f"- Processor: {machine['processor']} (family/model {machine['family_model']}, "
        f"{machine['architecture']}{', virtual' if machine['virtual'] else ''}), "
        f"{machine['cores']} cores, {' '.join(machine['vectors'])}; a core sees {caches}; "
        f"{machine['memory_gib']} GiB",
        f"- {machine['system']}, Python {machine['python']}; {libraries}",
        f"- BLAS: {blas}",
    ]


def _runs(runs: Sequence[dict]) -> list[str]:
    """Return a line for each command, with its sections in the order of their measuring."""
    by_command: dict[str, list[dict]] = {}
    for run in runs:
        by_command.setdefault(f"{run['date']}, `{run['command']}`", []).append(run)
    return [
        f"- Measured {command}, {of[0]['repeats']} rounds: "
        + ", ".join(f"{run['section']} {run['minutes']:.1f} min" for run in of)
        for command, of in by_command.items()
    ]


def left_out(results: dict) -> dict[str, str]:
    """Return who did not take part, with reasons."""
    found: dict[str, str] = {}
    for name in SECTIONS:
        section = results.get(name, {})
        found |= {f"{who} ({name})": why for who, why in section.get("left_out", {}).items()}
        for case in section.get("cases", []):
            limit = case.get("limit") or {}
            found |= {f"{who} (limit)": why for who, why in limit.get("left_out", {}).items()}
    return found


def page(results: dict, pictures: Sequence[str]) -> str:
    """Return the page of a run in Markdown."""
    lines = [
        f"# Benchmark of {results['date']}", "",
        "docs/benchmarks.md says how to read this.", "", *_machine(results["machine"]),
        *_runs(results["runs"]), "",
    ]  # fmt: skip
    if missing := left_out(results):
        lines += ["Left out:", "", *(f"- {who}: {why}" for who, why in missing.items()), ""]
    lines += [f"![{name}]({name})\n" for name in pictures]
    shown = [*tables(results), *_of_sections(results, "ways")]
    return "\n".join([*lines, *(table.markdown() for table in shown)])
