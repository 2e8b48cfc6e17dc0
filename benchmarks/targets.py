"""What is to be reached, and whether a run reached it.

Ratios are a peer's time over ours. "with MKL" is what counts where our plan went through MKL.

A ratio asks for a time: what the peer took in this run, divided by the ratio. Where that is less
than the machine's limit of the same run the verdict says so: its products alone take longer than
that with the best BLAS here.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.peers import OURS
from benchmarks.sections import SECTIONS
from benchmarks.tables import microseconds

# network: peer's family, the least ratio; "limit" is ours as a share of the machine's limit
TRAINING = {
    "2-2-2": {"PyTorch eager": 500, "scikit-learn": 500, "JAX scan": 5},
    "4-10-3": {"PyTorch eager": 150, "scikit-learn": 400, "JAX scan": 30},
    "64-100-10": {"PyTorch eager": 12, "scikit-learn": 20, "JAX scan": 5, "limit": 0.5},
    "54-128-128-7": {"PyTorch eager": 5, "scikit-learn": 8, "JAX scan": 3, "limit": 0.6},
    "784-512-256-10": {
        "PyTorch eager": 1.5, "scikit-learn": 5, "JAX scan": 1.5, "limit": 0.7, "with MKL": 1.8,
    },
    "1024-1024-1024-1024-10": {
        "PyTorch eager": 1, "scikit-learn": 1.4, "JAX scan": 1.1, "limit": 0.85, "with MKL": 1.1,
    },
}  # fmt: skip
PER_SAMPLE = {"FANN": 2.0}
# GFLOP/s below which the time of products is that of calling BLAS rather than of multiplying
CALLING = 25.0
PREDICTION = 1.0
VARIANT = 1.3
COLD = 1.3
COMPILE_SECONDS = 15.0


@dataclass(frozen=True)
class Verdict:
    """One target: what, the bound, what was measured, whether it is met, and what it asks for."""

    section: str
    what: str
    wanted: str
    got: str
    met: bool
    note: str = ""


def _ratios(section: str, case: dict, wanted: dict[str, float]) -> list[Verdict]:
    found = []
    for family, least in wanted.items():
        if family in case["families"]:
            ratio = case["families"][family]["ratio"]
            met = ratio >= least
            found.append(
                Verdict(
                    section, f"{case['name']}, {family}", f"≥ {least:g}×", f"{ratio:.3g}×", met,
                    "" if met else _beyond(case, family, least),
                )
            )  # fmt: skip
    return found


def _beyond(case: dict, family: str, least: float) -> str:
    """Return that a ratio asks for less than the machine's limit; nothing where it does not."""
    limit, asked = case.get("limit"), case["families"][family]["seconds"] / least
    if not limit or asked >= limit["seconds"]:
        return ""
    told = f"{microseconds(asked)} µs, below the limit of {microseconds(limit['seconds'])} µs"
    if limit["products"] and _called(limit["products"]):
        return f"{told}, which at this size is the time of calling BLAS"
    return f"{told}: cannot be reached with any BLAS here"


def _called(products: list[dict]) -> bool:
    """Whether most of the time of these products is that of calling BLAS, not of multiplying."""
    total = sum(row["seconds"] for row in products)
    work = sum(row["m"] * row["n"] * row["k"] for row in products)
    return 2e-9 * work / total < CALLING


def _training_case(case: dict) -> list[Verdict]:
    wanted = dict(TRAINING.get(case["network"], {}))
    share, with_mkl = wanted.pop("limit", None), wanted.pop("with MKL", None)
    note = next((way.get("note", "") for way in case["ways"] if way["family"] == OURS), "")
    if with_mkl and "mkl" in note.lower():
        wanted["PyTorch eager"] = with_mkl
    found = _ratios("training", case, wanted)
    if share and case["limit"]:
        got = case["families"][OURS]["of_limit"]
        found.append(
            Verdict("training", f"{case['name']}, of the limit", f"≥ {share:.0%}", f"{got:.0%}",
                    got >= share)
        )  # fmt: skip
    return found


def training(section: dict) -> list[Verdict]:
    """Return the verdicts of all networks."""
    return [verdict for case in section["cases"] for verdict in _training_case(case)]


def per_sample(section: dict) -> list[Verdict]:
    """Return the verdicts beside FANN."""
    return [v for case in section["cases"] for v in _ratios("per-sample", case, PER_SAMPLE)]


def prediction(section: dict) -> list[Verdict]:
    """Return the verdicts of all networks and batches."""
    return [_prediction(case) for case in section["cases"]]


def variants(section: dict) -> list[Verdict]:
    """Return the verdicts of those variants that have a bound."""
    return [
        Verdict("variants", f"{row['base']}, {row['variant']}", f"≤ {VARIANT:g}×",
                f"{row['ratio']:.2f}×", row["ratio"] <= VARIANT)
        for row in section["cases"]
        if row["bounded"]
    ]  # fmt: skip


def _prediction(case: dict) -> Verdict:
    """Ahead of every peer, by the method that people call."""
    others = {k: v for k, v in case["families"].items() if not k.startswith(OURS)}
    name = min(others, key=lambda family: others[family]["ratio"])
    ratio, engine = others[name]["ratio"], others[name]["ratio_to_engine"]
    return Verdict(
        "prediction", f"{case['network']}, {case['rows']:,} rows, nearest peer {name}",
        f"> {PREDICTION:g}×", f"{ratio:.3g}× (engine {engine:.3g}×)", ratio > PREDICTION,
    )  # fmt: skip


def memory(section: dict) -> list[Verdict]:
    """Return whether ours holds no more than it has to."""
    return [
        Verdict("memory", row["way"], f"≤ {section['bound']:g} of what is needed",
                f"{row['of_needed']:.2f}", row["of_needed"] <= section["bound"])
        for row in section["ways"]
        if row["family"] == OURS
    ]  # fmt: skip


def cold(section: dict) -> list[Verdict]:
    """Return the verdicts of a cold start and of the one-off compile."""
    ratio, seconds = section["ratio"], section["compile"]["wall_seconds"]
    return [
        Verdict("cold", "iris from cold beside scikit-learn", f"≤ {COLD:g}×", f"{ratio:.2f}×",
                ratio <= COLD),
        Verdict("cold", "one-off compile", f"≤ {COMPILE_SECONDS:g} s", f"{seconds:.1f} s",
                seconds <= COMPILE_SECONDS),
    ]  # fmt: skip


def verdicts(results: dict) -> list[Verdict]:
    """Return all targets that the sections of a run speak to."""
    found: list[Verdict] = []
    for name, section in SECTIONS.items():
        if name in results and (judge := section.load("verdicts")):
            found += judge(results[name])
    return found
