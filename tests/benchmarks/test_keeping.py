"""Figures of several runs stand in one file; those of another machine do not get into it."""

from __future__ import annotations

import json

import pytest
from benchmarks.__main__ import measure, parse

from benchmarks import keeping, machine, sections

RUNS = []


def counted(options):
    """Return a section's figures that tell which run they are of."""
    RUNS.append(options.cases)
    cases = [{"network": name, "rows": 1, "run": len(RUNS)} for name in options.cases]
    return {"cases": cases, "left_out": {f"peer {len(RUNS)}": "not installed"}}


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of results to be, in a benchmark with one section that takes no time."""
    RUNS.clear()
    monkeypatch.setattr(sections.Section, "load", lambda self, what: counted)
    return tmp_path / "2026-01-02.json"


def run(file, cases):
    """Measure that section on these cases."""
    return measure(parse(["--only", "prediction", "--cases", cases, "--into", str(file)]), "x")


def test_cases_that_are_measured_later_join_those_before(file):
    run(file, "2-2-2,64-100-10")
    run(file, "64-100-10,4-10-3")
    found = json.loads(file.read_text())
    assert [(c["network"], c["run"]) for c in found["prediction"]["cases"]] == [
        ("2-2-2", 1),
        ("4-10-3", 2),
        ("64-100-10", 2),
    ]  # fmt: skip - in the order of the table of targets
    assert list(found["prediction"]["left_out"]) == ["peer 1", "peer 2"]
    assert [r["section"] for r in found["runs"]] == ["prediction", "prediction"]
    assert found["stem"] == "2026-01-02"


def test_a_file_of_another_machine_is_refused(file):
    run(file, "2-2-2")
    found = json.loads(file.read_text())
    found["machine"]["processor"] = "an abacus"
    file.write_text(json.dumps(found))
    with pytest.raises(keeping.OtherMachineError, match="processor was an abacus"):
        run(file, "4-10-3")
    assert len(json.loads(file.read_text())["prediction"]["cases"]) == 1


def test_series_are_put_together_and_single_figures_replaced():
    before = {"series": {"rows": {"slope": 1}, "width": {"slope": 2}}}
    assert keeping.merged(before, {"series": {"width": {"slope": 3}}})["series"] == {
        "rows": {"slope": 1}, "width": {"slope": 3},
    }  # fmt: skip
    assert keeping.merged({"ratio": 1}, {"ratio": 2}) == {"ratio": 2}


def test_cases_of_one_section_have_keys_of_their_own():
    one = {"base": "64-100-10 b200", "variant": "tanh"}
    assert keeping.key_of(one) != keeping.key_of({**one, "variant": "relu"})
    assert keeping.key_of({"network": "2-2-2", "rows": 1}) != keeping.key_of(
        {"network": "2-2-2", "rows": 32}
    )
    assert keeping.started("d", "s", machine.describe())["runs"] == []


def test_the_command_line_refuses_a_file_that_is_no_json(capsys):
    with pytest.raises(SystemExit):
        parse(["--into", "results.md"])
    assert "ends with .json" in capsys.readouterr().err
