"""Compiled kernels are kept: found again by other processes, left behind when a source changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba import njit

import clearprop
from clearprop.engines import Recipe
from clearprop.engines.native import NativeEngine, cache, call
from clearprop.engines.native.compiling import KernelCompiler
from clearprop.engines.native.low_level import part
from problems import block_for, hidden_network, vector_for

SOURCE = Path(clearprop.__file__).parents[1]

# a small kernel kept by the very means of the large one, which takes long to compile
SMALL = """
import warnings
import numpy as np
from clearprop.engines.native.cache import is_kept, kept_on_disk
from numba import typeof

def add(x, y):
    return x + y

if __name__ == "__main__":
    kernel = kept_on_disk(add, nogil=True)
    signature = (typeof(1.0), typeof(2.0))
    print("kept" if is_kept(kernel, signature) else "not kept")
    print(kernel(1.0, 2.0))
    print("kept" if is_kept(kernel, signature) else "not kept")
    print("from disk" if kernel.stats.cache_hits else "compiled")
"""


def _run(file, *, folder=None, options=()):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    if folder is not None:
        environment["CLEARPROP_CACHE"] = str(folder)
    return subprocess.run(
        [sys.executable, *options, str(file)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )


@pytest.fixture
def small(tmp_path):
    file = tmp_path / "small.py"
    file.write_text(SMALL)
    return file


def test_a_second_process_compiles_nothing(small, tmp_path):
    folder = tmp_path / "kept"
    first, second = (_run(small, folder=folder, options=["-W", "error"]) for _ in range(2))
    assert first.stdout.split("\n")[:4] == ["not kept", "3.0", "kept", "compiled"], first.stderr
    assert second.stdout.split("\n")[:4] == ["kept", "3.0", "kept", "from disk"], second.stderr
    assert [path.name for path in folder.iterdir()] == [cache.sources_digest()]


def test_processes_that_compile_at_once(small, tmp_path):
    """All begin with an empty folder; what the last one leaves serves whoever comes later."""
    environment = {
        **os.environ, "PYTHONPATH": str(SOURCE), "CLEARPROP_CACHE": str(tmp_path / "kept"),
    }  # fmt: skip
    command = [sys.executable, "-W", "error", str(small)]
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in processes:
        out, error = process.communicate(timeout=120)
        assert out.decode().split("\n")[1:3] == ["3.0", "kept"], error
        assert process.returncode == 0, error
    later = _run(small, folder=tmp_path / "kept", options=["-W", "error"])
    assert later.stdout.split("\n")[:4] == ["kept", "3.0", "kept", "from disk"], later.stderr


def test_a_folder_that_cannot_be_written_to_is_said_and_survived(small, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    result = _run(small, folder=tmp_path / "file" / "kept")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[1] == "3.0"
    assert "RuntimeWarning: Compiled kernels cannot be kept in" in result.stderr
    assert "Set CLEARPROP_CACHE to a folder that can be written to" in result.stderr


TRAIN = """
import numpy as np
from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe
from clearprop.engines.native import NativeEngine
network = Network(4, (Dense(3, "tanh"), Dense(2, "softmax")), "cross_entropy", "float64")
engine = NativeEngine(network, Recipe(batch_size=2))
state = engine.initial_state(Parameters.initial(network))
block = Block.of(network, np.ones((6, 4)), [0, 1, 0, 1, 0, 1])
state, record = engine.advance(state, block, 3)
assert len(record.losses) == 3
"""


def test_the_kernel_of_this_machine_is_not_compiled_again(tmp_path):
    network = hidden_network("tanh")
    NativeEngine(network, Recipe()).gradient(vector_for(network), block_for(network, 4))
    if call._run._cache._impl.locator.get_source_stamp() != cache.sources_digest():
        pytest.skip("a source was edited while the tests ran")
    file = tmp_path / "train.py"
    file.write_text(TRAIN)
    result = _run(file)
    assert result.returncode == 0, result.stderr
    assert "Compiling" not in result.stderr


@pytest.mark.slow
def test_a_first_compilation_is_said_once(tmp_path):
    file = tmp_path / "train.py"
    file.write_text(TRAIN)
    first, second = (_run(file, folder=tmp_path / "kept") for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr
    assert first.stderr.count("Compiling clearprop's kernels for float64") == 1
    assert second.stderr == ""


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of the folders that go into a kernel's stamp."""
    copies = []
    for folder in cache._SOURCES:
        copies.append(tmp_path / folder.name)
        shutil.copytree(folder, copies[-1])
    monkeypatch.setattr(cache, "_SOURCES", tuple(copies))
    return copies


def test_the_stamp_covers_all_that_is_compiled():
    assert {folder.name for folder in cache._SOURCES} == {"native", "equations", "functions"}
    compiled = ("kernel", "products", "pointwise", "losses", "updates", "chance", "mathematics")
    native = Path(cache.__file__).parent
    assert all((native / f"{name}.py").exists() for name in compiled)


def test_the_stamp_changes_with_any_source(sources):
    stamps = {cache.sources_digest()}
    assert stamps == {cache.sources_digest()}
    changed = [path for folder in sources for path in folder.glob("*.py")]
    for path in changed:
        path.write_text(path.read_text() + "\n# a change\n")
        stamps.add(cache.sources_digest())
    assert len(stamps) == len(changed) + 1


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the folder is named otherwise")
def test_where_kernels_are_kept(monkeypatch, tmp_path):
    monkeypatch.delenv("CLEARPROP_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / "clearprop"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.cache_folder() == Path.home() / ".cache" / "clearprop"
    monkeypatch.setenv("CLEARPROP_CACHE", str(tmp_path / "here"))
    assert cache.cache_folder() == tmp_path / "here"


NAMES = """
import os
from clearprop.engines.native import cache
from numba.core.bytecode import FunctionIdentity

print(next(FunctionIdentity._unique_ids), flush=True)
if hasattr(os, "fork"):
    child = os.fork()
    if child == 0:
        print(next(FunctionIdentity._unique_ids), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_no_two_processes_give_the_parts_of_kernels_the_same_names(tmp_path):
    """A linker would take one process's part for the other's: bands of other heights, say."""
    file = tmp_path / "names.py"
    file.write_text(NAMES)
    numbers = []
    for _ in range(2):
        ran = _run(file)
        assert ran.returncode == 0, ran.stderr
        numbers += map(int, ran.stdout.split())
    apart = [abs(a - b) for i, a in enumerate(numbers) for b in numbers[:i]]
    assert len(numbers) >= 2
    assert min(apart) > 10**6


def test_a_part_has_no_machine_code_and_is_in_the_kernel_that_calls_it():
    @part()
    def called(x):
        return x * 3

    @part(inline="always")
    def written_out(x):
        total = 0
        for i in range(x):
            if i % 2:
                total += called(i)
        return total

    @njit(pipeline_class=KernelCompiler)
    def kernel(x):
        return written_out(x) + 1000 * written_out(x + 1) + called(x)

    # 3 (1 + 3), 3 (1 + 3 + 5), 3 · 5
    assert kernel(5) == 12 + 27_000 + 15
    library = called.overloads[called.signatures[0]].library
    names = [function.name for function in library.get_defined_functions()]
    assert [library.get_pointer_to_function(name) for name in names] == [0] * len(names)
