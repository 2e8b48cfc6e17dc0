"""Fixtures of the command line's tests."""

from __future__ import annotations

import pytest
from command_line import SHORT, CommandLine, flowers


@pytest.fixture
def clearprop(capsys, monkeypatch, tmp_path):
    """The command line, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def model(clearprop):
    """A model of the flowers, and their table, in the folder."""
    flowers().write_csv("flowers.csv")
    assert clearprop("train", "flowers.csv", "--target", "kind", *SHORT, "--quiet").code == 0
    return "flowers.clearprop"
