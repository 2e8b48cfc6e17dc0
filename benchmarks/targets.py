"""What is to be reached, and whether a run reached it.

Ratios are a peer's time over ours. "with MKL" is what counts where our plan went through MKL.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.peers import OURS

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
PREDICTION = 1.0
VARIANT = 1.3
COLD = 1.3
COMPILE_SECONDS = 15.0


@dataclass(frozen=True)
class Verdict:
    """One target: what, the bound, what was measured, and whether it is met."""

    section: str
    what: str
    wanted: str
    got: str
    met: bool


def _ratios(section: str, case: dict, wanted: dict[str, float]) -> list[Verdict]:
    found = []
    for family, least in wanted.items():
        if family in case["families"]:
            ratio = case["families"][family]["ratio"]
            found.append(
                Verdict(
                    section, f"{case['name']}, {family}", f"≥ {least:g}×", f"{ratio:.3g}×",
                    ratio >= least,
                )
            )  # fmt: skip
    return found


def _training(case: dict) -> list[Verdict]:
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


def _prediction(case: dict) -> Verdict:
    """Ahead of every peer, by the method that people call."""
    others = {k: v for k, v in case["families"].items() if not k.startswith(OURS)}
    name = min(others, key=lambda family: others[family]["ratio"])
    ratio, engine = others[name]["ratio"], others[name]["ratio_to_engine"]
    return Verdict(
        "prediction", f"{case['network']}, {case['rows']:,} rows, nearest peer {name}",
        f"> {PREDICTION:g}×", f"{ratio:.3g}× (engine {engine:.3g}×)", ratio > PREDICTION,
    )  # fmt: skip


def _memory(section: dict) -> list[Verdict]:
    return [
        Verdict("memory", row["way"], f"≤ {section['bound']:g} of what is needed",
                f"{row['of_needed']:.2f}", row["of_needed"] <= section["bound"])
        for row in section["ways"]
        if row["family"] == OURS
    ]  # fmt: skip


def _cold(section: dict) -> list[Verdict]:
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
    for case in results.get("training", {}).get("cases", []):
        found += _training(case)
    for case in results.get("per-sample", {}).get("cases", []):
        found += _ratios("per-sample", case, PER_SAMPLE)
    found += [_prediction(case) for case in results.get("prediction", {}).get("cases", [])]
    for row in results.get("variants", {}).get("cases", []):
        if row["bounded"]:
            found.append(
                Verdict("variants", f"{row['base']}, {row['variant']}", f"≤ {VARIANT:g}×",
                        f"{row['ratio']:.2f}×", row["ratio"] <= VARIANT)
            )  # fmt: skip
    if "memory" in results:
        found += _memory(results["memory"])
    if "cold" in results:
        found += _cold(results["cold"])
    return found
