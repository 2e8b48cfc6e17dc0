"""`clearprop train --processes`: two processes over loopback, and what happens when one dies."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from clearprop.cli import main
from clearprop.cli.processes import together
from problems import apart

pytest.importorskip("jax")

TRAIN = ["train", "iris", "--engine", "xla", "--quiet", "--out"]


def started(arguments):
    """A process that has one device, as CPUs have where nobody asks for more."""
    command = [sys.executable, "-m", "clearprop", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env={**os.environ, "XLA_FLAGS": ""}, **pipes)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes say of a run that one process can make as well."""
    out = tmp_path_factory.mktemp("two") / "model.clearprop"
    arguments = [*TRAIN, str(out), "--hidden", "6", "--epochs", "3", "--json"]
    process = started([*arguments, "--processes", "2"])
    said, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert out.exists()
    return arguments, json.loads(said)


def test_two_processes_have_the_loss_curve_of_one(two, capsys):
    arguments, told = two
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == 0
    alone = json.loads(capsys.readouterr().out)
    for curve in ("loss", "validation_loss"):
        assert apart(told["history"][curve], alone["history"][curve]) < 1e-6
    values = [[metric["value"] for metric in each["metrics"]] for each in (told, alone)]
    assert apart(*values) < 1e-5


def test_a_process_that_dies_ends_the_others_and_the_run_goes_on(tmp_path, capsys):
    out, kept = tmp_path / "model.clearprop", tmp_path / "kept"
    arguments = [*TRAIN, str(out), "--hidden", "none", "--epochs", "600", "--resume", "--json"]
    arguments += ["--checkpoint", str(kept), "--every", "5 steps"]
    process = started([*arguments, "--processes", "2"])
    other = _child_of(process.pid)
    for _ in range(900):
        if kept.exists() and any(kept.glob("step-*")):
            break
        time.sleep(0.1)
    subprocess.run(["kill", "-9", str(other)], check=True)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 1, errors
    assert "Another process of this run has ended" in errors or "is gone" in errors
    assert "--resume" in errors
    assert not out.exists()
    # the same command goes on from there; this time as one process
    with pytest.raises(SystemExit) as done:
        main(arguments)
    told = capsys.readouterr()
    assert done.value.code == 0, told.err
    assert "Going on from" in told.err
    assert len(json.loads(told.out)["history"]["loss"]) == 600
    assert out.exists()


def _child_of(parent):
    for _ in range(300):
        found = subprocess.run(
            ["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False
        ).stdout.split()
        if found:
            return int(found[0])
        time.sleep(0.1)
    raise AssertionError("no second process was started")


def test_a_process_that_is_silent_counts_as_gone(monkeypatch):
    from clearprop.engines.xla import world

    class Store:
        def key_value_set(self, *given, **options):
            pass

    clock = [0.0]
    monkeypatch.setattr(world.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(world.jax, "process_count", lambda: 2)
    watch = world._Watch(patience=20)
    watch._store = Store()
    words = {"clearprop/alive/1": "1"}
    assert watch._silent(words) == ""
    clock[0] = 19.0
    assert watch._silent(words) == ""
    clock[0] = 21.0
    assert "Process 1 of 2 has said nothing for 20 s" in watch._silent(words)
    words["clearprop/alive/1"] = "2"
    assert watch._silent(words) == ""


def test_processes_that_hold_other_rows_are_told(monkeypatch):
    from clearprop.engines.xla import world
    from clearprop.errors import EngineError

    monkeypatch.setattr(world, "_all", lambda number: np.array([number, number + 1]))
    with pytest.raises(EngineError, match="Process 1 holds other rows"):
        world.check_alike(7)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"coordinator": "host:1234"}, "go with --processes"),
        ({"processes": 2, "engine": "auto"}, "is for --engine xla"),
        ({"processes": 2, "folds": 5}, "leave searches and folds out"),
        ({"processes": 2, "process_index": 2, "coordinator": "host:1"}, "numbered from 0 to 1"),
        ({"processes": 2, "process_index": 1}, "go together"),
        ({"processes": "auto", "process_index": 1, "coordinator": "host:1"}, "say how many"),
    ],
)
def test_options_that_do_not_go_together(given, message):
    import click

    names = ("processes", "coordinator", "process_index", "search_minutes", "folds")
    options = {**dict.fromkeys(names), "engine": "xla", **given}
    with pytest.raises(click.UsageError, match=message), together(options):
        pass
