"""What the package asks for: bounds at both ends, and extras that are called as they are named."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_every_dependency_has_two_bounds():
    asked = [*PROJECT["dependencies"]]
    for name in ("notebook", "onnx", "studio", "track", "xla"):
        asked += EXTRAS[name]
    for requirement in asked:
        assert re.fullmatch(r"[A-Za-z-]+>=[0-9.]+,<[0-9.]+", requirement), requirement


def test_extras_are_named_as_they_are_called():
    called = set()
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md"]:
        for names in re.findall(r"clearprop\[([a-z,-]+)\]", path.read_text(encoding="utf-8")):
            called.update(names.split(","))
    assert called <= set(EXTRAS)
    whole = re.fullmatch(r"clearprop\[(.*)\]", EXTRAS["all"][0])
    assert set(whole.group(1).split(",")) == {"notebook", "onnx", "studio", "track", "xla"}
