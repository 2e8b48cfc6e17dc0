"""Training on an accelerator: clearprop's xla engine beside PyTorch, with MFU.

Two networks: 784-512-256-10 with batches of 128, where launching kernels is what costs, and five
layers of 64 units with batches of 2¹⁸ rows, where memory is. clearprop runs in float32, TF32 and
bf16; PyTorch eagerly, by `torch.compile`, and with the step recorded as a CUDA graph, each in
float32 and TF32. All in one run, in turns; medians over the rounds count.

MFU is the share of the accelerator's rate that the products of a step reach: their operations over
the step's time, over the rate of the largest product that is tried on the same device in the same
precision. So it needs no data sheet.

Without a GPU that JAX or PyTorch can use the section is skipped with the reason. `DEVICE = "cpu"`
runs the same code there, which is how it is tested.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np

from benchmarks.options import Options
from benchmarks.problems import Case, Problem, products
from benchmarks.tables import Table

DEVICE = "gpu"
CASES = (
    Case((784, 512, 256, 10), 128, 469, rate=1e-4),
    Case((64, 64, 64, 64, 64, 64), 1 << 18, 8, rate=1e-4),
)
# seconds of a turn, and the rows and columns of the product that MFU is measured by
TURN, SQUARE = 0.5, 8192

Train = Callable[[int], None]


def run(options: Options) -> dict:
    """Return the figures, or why there are none."""
    reason = _missing()
    if reason:
        options.say(f"accelerator: skipped, {reason}")
        return {"skipped": reason, "cases": []}
    # PyTorch needs a part of the memory as well
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    rates = {precision: _rate(precision) for precision in ("float32", "tf32", "bf16")}
    cases = []
    for case in CASES[:1] if options.quick else CASES:
        options.say(f"accelerator: {case.name}")
        cases.append(_case(case, rates, options.repeats))
    return {"device": _device_name(), "rates": rates, "cases": cases}


def tables(section: dict) -> list[Table]:
    """Return a table a case; one line with the reason where nothing was measured."""
    if "skipped" in section:
        about = f"Skipped: {section['skipped']}."
        return [Table("On an accelerator", ["what"], about=about)]
    found = []
    for case in section["cases"]:
        title = f"On an accelerator ({section['device']}): {case['name']}"
        table = Table(title, ["what", "precision", "µs a step", "s an epoch", "MFU"])
        for row in case["ways"]:
            step = row["step"]
            told = f"{1e6 * step:,.1f}", f"{step * case['steps']:.3f}", f"{row['mfu']:.1%}"
            table.add(row["way"], row["precision"], *told)
        found.append(table)
    return found


def _missing() -> str:
    """Return why nothing can be measured; empty where it can."""
    if find_spec("jax") is None:
        return "JAX is not installed: pip install 'clearprop[gpu]'"
    import jax

    try:
        jax.devices(DEVICE)
    except RuntimeError:
        return f"JAX finds no {DEVICE} on this machine"
    return ""


def _device_name() -> str:
    import jax

    return str(jax.devices(DEVICE)[0].device_kind)


def _rate(precision: str) -> float:
    """Return the operations a second of a large product."""
    import jax

    from clearprop.engines.xla.products import in_precision

    size = SQUARE if DEVICE == "gpu" else 256
    device = jax.devices(DEVICE)[0]
    square = jax.device_put(np.ones((size, size), dtype=np.float32), device)
    product = jax.jit(in_precision(DEVICE, precision, lambda a, b: a @ b))
    jax.block_until_ready(product(square, square))
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        jax.block_until_ready(product(square, square))
        taken.append(time.perf_counter() - began)
    return 2 * size**3 / min(taken)


def _case(case: Case, rates: dict[str, float], repeats: int) -> dict:
    problem = Problem.of(case)
    operations = sum(2 * product.multiplications for product in products(case))
    seconds: dict[tuple[str, str], list[float]] = {}
    trainers = dict(_trainers(problem))
    for train in trainers.values():
        train(2)
    for _ in range(repeats):
        for name, train in trainers.items():
            seconds.setdefault(name, []).append(_step_seconds(train))
    ways = []
    for (way, precision), taken in seconds.items():
        step = median(taken)
        mfu = operations / step / rates[precision]
        ways.append({"way": way, "precision": precision, "step": step, "mfu": mfu})
    return {"name": case.name, "steps": case.steps, "ways": ways}


def _step_seconds(train: Train) -> float:
    began = time.perf_counter()
    train(1)
    steps = max(1, min(512, int(TURN / max(1e-6, time.perf_counter() - began))))
    began = time.perf_counter()
    train(steps)
    return (time.perf_counter() - began) / steps


def _trainers(problem: Problem) -> Iterator[tuple[tuple[str, str], Train]]:
    """Yield what trains: a function that takes so many steps and waits for the last one."""
    for precision in ("float32", "tf32", "bf16"):
        yield ("clearprop", precision), _ours(problem, precision)
    if find_spec("torch") is None:
        return
    import torch

    if DEVICE == "gpu" and not torch.cuda.is_available():
        return
    for precision in ("float32", "tf32"):
        yield ("PyTorch eager", precision), _torch(problem, precision, "eager")
        yield ("torch.compile", precision), _torch(problem, precision, "compile")
        if DEVICE == "gpu":
            yield ("CUDA graph", precision), _torch(problem, precision, "graph")


def _ours(problem: Problem, precision: str) -> Train:
    from clearprop import Dense, Network, Parameters
    from clearprop.engines import Block, Hardware, Recipe, build
    from clearprop.equations import Adam

    case = problem.case
    layers = [Dense(units, "relu") for units in case.units[1:-1]]
    network = Network(
        case.units[0], (*layers, Dense(case.units[-1], "softmax")), "cross_entropy", "float32"
    )
    recipe = Recipe(Adam(case.rate), batch_size=case.batch, epochs=1_000_000)
    engine = build("xla", network, recipe, hardware=Hardware(DEVICE, precision))
    block = Block.of(network, problem.x, problem.y)
    state = engine.initial_state(Parameters.initial(network))

    def train(steps: int) -> None:
        nonlocal state
        while steps:
            if state.position >= block.visits:
                state.position = 0
            state, record = engine.advance(state, block, steps)
            steps -= len(record.losses)

    return train


def _torch(problem: Problem, precision: str, way: str) -> Train:
    import torch

    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"  # a graph keeps what it began with
    device, case = "cuda" if DEVICE == "gpu" else "cpu", problem.case
    x, y = (torch.from_numpy(array).to(device) for array in (problem.x, problem.y))
    sizes = zip(case.units[:-1], case.units[1:], strict=True)
    layers = [part for a, b in sizes for part in (torch.nn.Linear(a, b), torch.nn.ReLU())]
    model = torch.nn.Sequential(*layers[:-1]).to(device)
    options = {"capturable": True} if way == "graph" else {"fused": True}
    optimiser = torch.optim.Adam(model.parameters(), case.rate, **options)
    loss_of = torch.nn.functional.cross_entropy

    def forward(x: Any, y: Any) -> Any:
        return loss_of(model(x), y)

    compiled = torch.compile(forward) if way == "compile" else forward

    def step(x: Any, y: Any) -> Any:
        optimiser.zero_grad(set_to_none=way != "graph")
        loss = compiled(x, y)
        loss.backward()
        optimiser.step()
        return loss

    taken = _recorded(step, x[: case.batch], y[: case.batch]) if way == "graph" else step
    number = 0

    def train(steps: int) -> None:
        nonlocal number
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        loss: Any = 0.0
        for _ in range(steps):
            rows = slice(number * case.batch, (number + 1) * case.batch)
            loss = taken(x[rows], y[rows])
            number = (number + 1) % case.steps
        float(loss)

    return train


def _recorded(step: Callable[[Any, Any], Any], x: Any, y: Any) -> Callable[[Any, Any], Any]:
    """Return the step as a CUDA graph that reads from fixed places."""
    import torch

    given_x, given_y = x.clone(), y.clone()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step(given_x, given_y)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step(given_x, given_y)

    def replayed(x: Any, y: Any) -> Any:
        given_x.copy_(x)
        given_y.copy_(y)
        graph.replay()
        return loss

    return replayed
