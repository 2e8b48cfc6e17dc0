"""Cold starts: seconds from starting Python to a fitted iris model, and the one-off compile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time

from benchmarks.options import Options
from benchmarks.pool import ROOT, environment
from benchmarks.statistics import Spread

IRIS = "from sklearn.datasets import load_iris"
FIT = """
import warnings
warnings.simplefilter("ignore")
{first}
{second}
MLPClassifier(max_iter=200, random_state=0).fit(*load_iris(return_X_y=True))
"""
CLASS = "from {module} import MLPClassifier"
OURS, THEIRS = CLASS.format(module="clearprop"), CLASS.format(module="sklearn.neural_network")
# scripts that import the data set first are compared; in the other order clearprop holds the
# collector while scikit-learn is imported, which changes the time
SCRIPTS = {
    "clearprop": FIT.format(first=IRIS, second=OURS),
    "scikit-learn": FIT.format(first=IRIS, second=THEIRS),
    "clearprop, imported first": FIT.format(first=OURS, second=IRIS),
    "scikit-learn, import alone": THEIRS,
    "clearprop, import alone": OURS,
}
COMPILE = """
import json, time
from benchmarks.peers.ours import Trainer
from benchmarks.problems import Case, Problem
problem = Problem.of(Case((4, 10, 3), 32, 4))
began, cpu = time.perf_counter(), time.process_time()
Trainer(problem, 1).train(0, 4)
print(json.dumps([time.perf_counter() - began, time.process_time() - cpu]))
"""


def _run(script: str, **variables: str) -> tuple[float, str]:
    """Return the seconds of a fresh Python process that runs a script, and what it printed.

    Python keeps the bytecode of what it imports, whatever this shell says, as it does for a user.
    """
    variables["PYTHONDONTWRITEBYTECODE"] = ""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(None) | variables, cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return time.perf_counter() - began, done.stdout


def run(options: Options) -> dict:
    """Measure cold fits by turns, then a compile into an empty folder."""
    options.say("cold starts: a fitted iris model, kernels compiled before")
    times: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    for turn in range(options.repeats + 1):
        for name, script in SCRIPTS.items():
            seconds = _run(script)[0]
            if turn:  # the first one compiles and fills the disk's cache
                times[name].append(seconds)
    spreads = {name: vars(Spread.of(taken)) for name, taken in times.items()}
    options.say("cold starts: compiling the kernel into an empty folder")
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = json.loads(_run(COMPILE, CLEARPROP_CACHE=os.path.join(folder, "new"))[1])
    return {
        "seconds": spreads,
        "ratio": spreads["clearprop"]["median"] / spreads["scikit-learn"]["median"],
        "compile": {"wall_seconds": wall, "cpu_seconds": cpu, "dtype": "float32"},
    }
