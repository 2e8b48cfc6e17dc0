"""The scaling model by hand-worked numbers, and the accelerator section without an accelerator."""

import pytest
from benchmarks.options import Options
from benchmarks.scaling import Measured, report

from benchmarks import accelerator

# 10 ms for 1000 rows and 6 ms for 500: 2 ms, and 8 µs a row
FOUND = Measured(1000, 0.010, 0.006, 0.007, 0.0002, 0.0012, 2_000_000)


def test_the_model_of_a_step():
    assert FOUND.compute(500) == pytest.approx(0.006)
    assert FOUND.compute(125) == pytest.approx(0.003)
    # two devices: two messages of 0.1 ms, and 2 MB at 2 GB/s
    assert FOUND.all_reduce(2) == pytest.approx(0.0012)
    # eight: six messages, and 7/4 of the bytes
    assert FOUND.all_reduce(8) == pytest.approx(0.0006 + 0.00175)
    assert FOUND.step(8, 125) == pytest.approx(0.003 + 0.00235)


def test_the_report_has_a_line_a_number_of_devices():
    lines = report(FOUND)
    assert "1.43 times as fast as one; the model says 7.20 ms" in lines[0]
    assert lines[-1].startswith("| 1,024 | ")
    assert len([line for line in lines if line.startswith("| ") and line[2].isdigit()]) == 6


def test_without_a_gpu_the_section_says_why_it_is_skipped():
    pytest.importorskip("jax")
    import jax

    if jax.default_backend() == "gpu":
        pytest.skip("there is a GPU")
    found = accelerator.run(Options())
    assert "finds no gpu" in found["skipped"]
    assert "Skipped: JAX finds no gpu" in accelerator.tables(found)[0].about
