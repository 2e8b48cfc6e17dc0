"""What of one pass can run at the same time, and how long each part takes.

A pass is a set of tasks, and each waits for what it reads:

    gather ─ z^1 ─ a^1 ─ … ─ z^L ─ a^L ─ δ^L ─ … ─ δ^1 ─ ∂E/∂W^1 ─ update
                              └ loss      └ ∂E/∂W^L, ∂E/∂b^L ───────┘

Inside a task nothing waits: every sample of the batch and every neuron of the layer is a number of
its own. Its *width* is how many such numbers there are; each is a sum of `depth` products, one
after another. So with processors without end a task takes its depth, and the pass the sum of the
depths along the longest way, the *critical path*: layer after layer forward and layer after layer
back. All work over that sum is the most that the pass can gain from running in parallel (Brent
1974). The graph is data, whatever it comes from: where a network had time steps, each would be a
task that waits for the one before.

δ^L needs a^L and the targets, but not the value of the loss; and W^l may change only when δ^(l-1)
has been computed with it, which is why the update comes last.

Public names: `Schedule`, `Task`, `schedule_of`.
May import: `rerun`, `clearprop.engines`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from clearprop.engines import Trace, TrainState, build
from clearprop.explanation.rerun import rerun_of
from clearprop.network import Network, Operation, Waves

# steps that the engine's measurement repeats
REPEATS = 20

Part = Literal["gather", "z", "a", "loss", "delta", "bp3", "bp4", "update"]


@dataclass(frozen=True)
class Task:
    """One part of a pass whose numbers do not wait for each other.

    Attributes
    ----------
    part : str
        `"gather"` (the rows of the batch are brought together), `"z"`, `"a"`, `"loss"`, `"delta"`,
        `"bp3"` (∂E/∂b), `"bp4"` (∂E/∂W; of a layer that prepares inputs all
        its gradients), `"update"`.
    layer : int
        1 for the first; 0 for what belongs to no layer.
    after : tuple of str
        Names of the tasks that it waits for.
    samples, units : int
        Its width: numbers that can be computed at the same time. `samples` is 1 where the samples
        of the batch are summed.
    work : int
        Products in all; where there are none, additions or values of a function.
    seconds : float or None
        As the engine measured it; None where it was not measured.
    prepares : bool
        The gradients are those of a layer that prepares inputs, all of its arrays together.
    """

    part: Part
    layer: int
    after: tuple[str, ...]
    samples: int
    units: int
    work: int
    seconds: float | None = None
    prepares: bool = False

    @property
    def name(self) -> str:
        """What others wait for: `"z.1"`, `"update"`."""
        return f"{self.part}.{self.layer}" if self.layer else self.part

    @property
    def width(self) -> int:
        """How many numbers can be computed at the same time."""
        return self.samples * self.units

    @property
    def depth(self) -> int:
        """Products one after another in each of them."""
        return -(-self.work // self.width)

    @property
    def is_forward(self) -> bool:
        """Whether it belongs to the way from the input to the loss."""
        return self.part in ("gather", "z", "a", "loss")


@dataclass(frozen=True)
class Schedule:
    """The dependency graph of one pass.

    Attributes
    ----------
    tasks : tuple of Task
        Each after all that it waits for.
    samples : int
        Samples of the batch.
    engine : str
        Whose times are given.
    """

    tasks: tuple[Task, ...]
    samples: int
    engine: str

    def __getitem__(self, name: str) -> Task:
        """Return a task by its name."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Task]:
        return {task.name: task for task in self.tasks}

    @cached_property
    def critical_path(self) -> tuple[Task, ...]:
        """The longest way through the graph: by depth, and by tasks where depths are equal."""
        reached: dict[str, tuple[int, int]] = {}
        came: dict[str, str | None] = {}
        for task in self.tasks:
            before = max(task.after, key=reached.__getitem__, default=None)
            depth, length = reached[before] if before else (0, 0)
            reached[task.name], came[task.name] = (depth + task.depth, length + 1), before
        place: str | None = max(reached, key=reached.__getitem__)
        path: list[Task] = []
        while place:
            path.append(self[place])
            place = came[place]
        return tuple(reversed(path))

    @property
    def length(self) -> int:
        """Tasks on the critical path: what cannot but run one after another."""
        return len(self.critical_path)

    @property
    def work(self) -> int:
        """The work of all tasks."""
        return sum(task.work for task in self.tasks)

    @property
    def critical_work(self) -> int:
        """Products one after another along the critical path."""
        return sum(task.depth for task in self.critical_path)

    @property
    def speedup(self) -> float:
        """How many times faster the pass would be with processors without end."""
        return self.work / max(1, self.critical_work)

    @property
    def widest(self) -> Task:
        """The task with the most numbers at the same time."""
        return max(self.tasks, key=lambda task: task.width)

    @property
    def seconds(self) -> float | None:
        """The measured time of the pass, None where it was not measured."""
        known = [task.seconds for task in self.tasks if task.seconds is not None]
        return sum(known) if known else None


def schedule_of(trace: Trace, measured: bool = True) -> Schedule:
    """Return the dependency graph of the pass that a trace holds.

    Parameters
    ----------
    trace : Trace
    measured : bool
        Let the trace's engine repeat the step and time its parts.
    """
    tasks = tuple(_tasks(trace.network, len(trace.rows)))
    if measured:
        seconds = _measured(trace)
        tasks = tuple(replace(task, seconds=seconds.get((task.part, task.layer))) for task in tasks)
    return Schedule(tasks, len(trace.rows), trace.engine)


def _tasks(network: Network, n: int) -> Iterator[Task]:
    operations, last = network.operations, len(network.operations)
    yield Task("gather", 0, (), n, network.inputs, 0)
    for operation in operations:
        layer, units = operation.layer, operation.units
        before = f"a.{layer - 1}" if layer > 1 else "gather"
        yield Task("z", layer, (before,), n, units, n * _products(operation))
        yield Task("a", layer, (f"z.{layer}",), n, units, n * units)
    yield Task("loss", 0, (f"a.{last}",), n, 1, n * network.outputs)
    for operation in reversed(operations):
        layer, units = operation.layer, operation.units
        if layer == last:
            yield Task("delta", layer, (f"a.{layer}",), n, units, n * units)
        else:
            # what comes back, and the product with the slope
            work = n * (_products(operations[layer]) + units)
            yield Task("delta", layer, (f"delta.{layer + 1}", f"a.{layer}"), n, units, work)
        signal = f"a.{layer - 1}" if layer > 1 else "gather"
        after = (f"delta.{layer}", signal)
        if operation.kind == "dense":
            yield Task("bp3", layer, (f"delta.{layer}",), 1, units, n * units)
            weights = units * operation.fan_in
            yield Task("bp4", layer, after, 1, weights, n * weights)
        else:
            size = sum(segment.stop - segment.start for segment in operation.segments)
            yield Task("bp4", layer, after, 1, size, n * size, prepares=True)
    gradients = tuple(
        f"{part}.{operation.layer}"
        for operation in reversed(operations)
        for part in (("bp4", "bp3") if operation.kind == "dense" else ("bp4",))
    )
    yield Task("update", 0, gradients, 1, network.size, network.size)


def _products(operation: Operation) -> int:
    """Return the products that z of one sample takes, of which as many go back."""
    if operation.kind == "dense":
        return operation.units * operation.fan_in
    if isinstance(operation, Waves):
        return operation.named("W").stop - operation.named("W").start
    return operation.units


def _measured(trace: Trace) -> dict[tuple[str, int], float]:
    """Return the seconds of each (part, layer), as the trace's engine measures them."""
    network, block = rerun_of(trace)
    engine = build(trace.engine, network, trace.recipe)
    state = TrainState(trace.vector.copy(), trace.slots.copy(), engine.plan, step=trace.step)
    times = engine.measure(state, block, np.arange(block.rows), REPEATS)
    return {(time.part, time.layer): time.seconds for time in times}
