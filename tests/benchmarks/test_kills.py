"""A few kills of the campaign in `benchmarks.kills`, with a disk that is full and spoilt files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import clearprop

SOURCE = Path(clearprop.__file__).parents[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_killed_runs_end_with_the_same_bits():
    command = [sys.executable, "-m", "benchmarks.kills", "--kills", "5", "--faults", "--damage"]
    result = subprocess.run(
        [*command, "--only", "small"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    kills, *_, finished, equal = map(int, result.stdout.splitlines()[-1].split()[1:])
    assert kills == 5
    assert finished == equal >= 1
