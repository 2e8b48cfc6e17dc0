"""A run's figures become tables, verdicts, a page and pictures."""

from __future__ import annotations

import io
import json
import platform
import re
import sys
from pathlib import Path

import pytest
from benchmarks.__main__ import parse
from benchmarks.crew import best_of_families
from benchmarks.keeping import keep
from benchmarks.sections import SECTIONS, Section
from benchmarks.tables import Table, microseconds, significant
from rich.console import Console

from benchmarks import machine, report, targets


def way(family, name, threads, seconds):
    return {
        "family": family, "way": name, "threads": threads, "seconds": seconds, "low": seconds,
        "high": seconds, "least": seconds, "rounds": 5, "calls": 3, "note": "",
    }  # fmt: skip


def case(name, network, work, slower):
    """A measured case in which ours takes 2 µs, PyTorch `slower` times as long."""
    ways = [
        way("clearprop", "native engine", None, 2e-6),
        way("PyTorch eager", "Adam as it comes", 1, slower * 3e-6),
        way("PyTorch eager", "fused Adam", 2, slower * 2e-6),
    ]
    families = best_of_families(ways)
    for figures in families.values():
        figures |= {"gflops": 2e-9 * work / figures["seconds"], "of_limit": 0.625}
    update = {"seconds": 1e-6, "by": "memory, one core", "gigabytes_a_second": 12.0}
    limit = {"seconds": 1.25e-6, "products": [], "update": update, "left_out": {"MKL": "gone"}}
    return {
        "case": {}, "name": name, "network": network, "batch": 200, "multiplications": work,
        "ways": ways,
        "families": families, "limit": limit, "ours": 2e-6, "losses_differ_by": 1e-7,
    }  # fmt: skip


def product(m, n, k, seconds):
    """A product of the limit."""
    return {
        "kind": "z", "layer": 1, "m": m, "n": n, "k": k, "seconds": seconds,
        "gflops": 2e-9 * m * n * k / seconds, "by": "XLA, all cores, in a loop",
    }  # fmt: skip


@pytest.fixture
def results():
    cases = [
        case("64-100-10 b200", "64-100-10", 3_160_000, 12.5),
        case("54-128-128-7 b256", "54-128-128-7", 16_000_000, 4.0),
    ]
    return {
        "date": "2026-01-02", "stem": "2026-01-02", "machine": machine.describe(),
        "runs": [{
            "section": "training", "command": "python -m benchmarks", "minutes": 3.0,
            "repeats": 5, "quick": False, "date": "2026-01-02",
        }],
        "training": {"cases": cases, "left_out": {"Keras on JAX, fit": "keras is not installed"}},
    }  # fmt: skip


def test_a_familys_figure_is_its_fastest_way():
    best = best_of_families(case("x", "64-100-10", 1, 12.5)["ways"])
    assert best["PyTorch eager"]["way"] == "fused Adam"
    assert best["PyTorch eager"]["ratio"] == pytest.approx(12.5)
    assert best["clearprop"]["ratio"] == 1


def test_verdicts_hold_ratios_and_the_limit_against_the_targets(results):
    found = {v.what: v.met for v in targets.verdicts(results)}
    assert found == {
        "64-100-10 b200, PyTorch eager": True,  # 12.5 of 12
        "64-100-10 b200, of the limit": True,  # 62.5 % of 50
        "54-128-128-7 b256, PyTorch eager": False,  # 4 of 5
        "54-128-128-7 b256, of the limit": True,  # 62.5 % of 60
    }


def test_with_mkl_more_is_asked_for():
    measured = case("784-512-256-10 b128", "784-512-256-10", 10, 1.6)
    assert [v.met for v in targets.training({"cases": [measured]})] == [True, False]
    measured["ways"][0]["note"] = "engine native, blas mkl"
    assert [v.wanted for v in targets.training({"cases": [measured]})] == ["≥ 1.8×", "≥ 70%"]


def test_page_has_the_figures_and_who_was_left_out(results):
    page = report.page(results, ["a.svg"])
    assert "| 64-100-10 b200 | 2.00 | 25.0 |" in page
    assert "| 64-100-10 b200 | 12.5× |" in page
    # 2 · 3,160,000 operations in 2 µs; the limit is 1.25 of them
    assert "| 64-100-10 b200 | 3,160 | 253 |" in page
    assert "| 64-100-10 b200 | 62.5 % | 62.5 % |" in page
    assert "- Keras on JAX, fit (training): keras is not installed" in page
    assert "- MKL (limit): gone" in page
    assert "# Targets: 3 of 4 met" in page
    assert "![a.svg](a.svg)" in page


def test_page_tells_who_reached_the_limit(results):
    limit = results["training"]["cases"][0]["limit"]
    limit["products"] = [product(200, 100, 64, 2e-5)]
    page = report.page(results, [])
    told = "| z | 1 | 200, 100, 64 | 20.0 | 128 | XLA, all cores, in a loop |"
    assert f"| 64-100-10 b200 {told}" in page
    assert "| update | – | – | 1.00 | – | 12.0 GB/s, memory, one core |" in page


def test_same_figures_give_the_same_files(results, tmp_path):
    written = [keep(results, tmp_path / name) for name in ("one", "two")]
    names = [path.name for path in written[0]]
    assert names == [
        "2026-01-02.json", "2026-01-02.md", "2026-01-02-training.svg",
        "2026-01-02-training-ratios.svg",
    ]  # fmt: skip
    for one, two in zip(*written, strict=True):
        assert one.read_bytes() == two.read_bytes()
    assert json.loads(written[0][0].read_text())["training"] == results["training"]
    picture = written[0][2].read_text()
    assert ">PyTorch eager<" in picture
    assert ">machine's limit<" in picture.replace("&#x27;", "'")


def test_the_machine_is_described_without_names_or_paths():
    told = json.dumps(machine.describe())
    assert platform.node() not in re.findall(r"[\w.-]+", told)
    assert str(Path.home()) not in told
    assert sys.prefix not in told


def test_tables_are_printed_and_written_alike():
    table = Table("Times", ["case", "µs"], about="Medians.")
    table.add("a|b", "1.50")
    assert table.markdown() == (
        "## Times\n\nMedians.\n\n| case | µs |\n| :-- | --: |\n| a\\|b | 1.50 |\n"
    )
    out = io.StringIO()
    Console(file=out, width=60).print(table.rich())
    assert "a|b" in out.getvalue()
    assert "1.50" in out.getvalue()
    with pytest.raises(ValueError, match="3 cells for 2 columns"):
        table.add("a", "b", "c")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234.5, "1,230"), (0.23456, "0.235"), (12.0, "12.0"), (9.996, "10.0")],
)
def test_numbers_have_three_digits(value, text):
    assert significant(value) == text


def test_microseconds():
    assert microseconds(2.5e-6) == "2.50"


@pytest.mark.parametrize("name", SECTIONS)
def test_all_functions_that_a_section_names_are_there(name):
    section = SECTIONS[name]
    assert callable(section.load("run"))
    assert callable(section.load("tables"))
    for what in ("ways", "verdicts", "pictures"):
        assert getattr(section, what) == "" or callable(section.load(what))
    assert Section("a:b", "c:d").load("pictures") is None


def test_a_target_below_the_limit_says_so(results):
    short = results["training"]["cases"][1]  # 8 µs where 5 × would be 1.6
    assert {v.what: v.note for v in targets.verdicts(results) if not v.met} == {
        "54-128-128-7 b256, PyTorch eager": ""
    }
    short["limit"]["seconds"] = 1.7e-6
    short["limit"]["products"] = [product(100, 100, 10, 1.6e-6)]  # 125 GFLOP/s
    [note] = [v.note for v in targets.verdicts(results) if v.note]
    assert note == "1.60 µs, below the limit of 1.70 µs: cannot be reached with any BLAS here"
    assert "1 of the other 1 ask for less time" in report.page(results, [])
    short["limit"]["products"] = [product(10, 10, 10, 1.6e-6)]
    [note] = [v.note for v in targets.verdicts(results) if v.note]
    assert note.endswith("which at this size is the time of calling BLAS")


def test_the_command_line_names_what_it_does_not_know(capsys):
    assert parse(["--only", "cold", "--cases", "2-2-2"]).sections == ("cold",)
    assert parse(["--quick"]).repeats == 3
    assert parse([]).repeats == 5
    for wrong in (["--only", "nothing"], ["--cases", "3-3"]):
        with pytest.raises(SystemExit):
            parse(wrong)
    assert "no section nothing" in capsys.readouterr().err
