"""Measured plans: what is timed, what wins, what it may cost, and how it is remembered."""

import json
import os
import threading
from dataclasses import asdict, replace

import numpy as np
import pytest

from clearprop import CustomLoss, Dense, Network, Parameters
from clearprop.engines import Block, PartTime, Plan, Recipe, Record, TrainState, build
from clearprop.engines.native import NativeEngine, planning, plans, remembered
from clearprop.engines.native.blas import usable_libraries
from clearprop.engines.native.plans import plan_for
from clearprop.errors import EngineError, SettingError

# a middling layer, a wide one that only BLAS is fit for, a narrow one
NETWORK = Network(
    300, (Dense(400), Dense(4000), Dense(1, "identity")), "half_squared_error", "float32"
)
MIDDLING = Network(64, (Dense(100), Dense(10, "softmax")), "cross_entropy", "float32")
# where the kernels of this run are, before tests say otherwise
KERNELS = os.environ.get("CLEARPROP_CACHE")
LONG = Recipe(batch_size=32, epochs=50)
ROWS = 32 * 40


class Machine:
    """A machine with a clock of its own, on which engines take the time that they are told to."""

    def __init__(self, step=lambda plan: 1e-3, product=lambda plan, layer: 1e-4, share=2.0):
        self.now, self.step, self.product, self.share = 100.0, step, product, share
        self.measured, self.advanced = [], []

    def perf_counter(self):
        return self.now

    def process_time(self):
        """Return the seconds that this process had of its two processors."""
        return self.share * self.now

    def engine_for(self, network):
        machine = self

        class Engine:
            def __init__(self, plan):
                self.plan = plan

            def initial_state(self, parameters):
                return TrainState(parameters.vector, np.zeros((2, network.size)), self.plan)

            def measure(self, state, block, rows, repeats):
                machine.measured.append(self.plan)
                layers = range(1, len(network.layers) + 1)
                found = [("gather", 0, 0.0)]
                found += [("z", layer, machine.product(self.plan, layer)) for layer in layers]
                found += [("bp3", layer, 5.0) for layer in layers]  # the same for every plan
                machine.now += (repeats + 1) * machine.step(self.plan)
                return tuple(PartTime(*entry) for entry in found)

            def advance(self, state, block, steps):
                assert state.rate_factor == 0
                machine.advanced.append((self.plan, steps))
                machine.now += steps * machine.step(self.plan)
                nothing = np.zeros(steps)
                return state, Record(nothing, nothing, nothing)

        return Engine

    def best(self, network=NETWORK, recipe=LONG, threads=None, rows=ROWS):
        return planning.best_plan(network, recipe, threads, rows, self.engine_for(network))


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """An empty memory, two processors, one BLAS; plans are measured where the run is long."""
    monkeypatch.delenv("CLEARPROP_PLAN")
    monkeypatch.setenv("CLEARPROP_BLAS", "openblas")
    monkeypatch.setenv("CLEARPROP_CACHE", str(tmp_path))
    monkeypatch.setattr(planning, "available_threads", lambda: 2)
    monkeypatch.setattr(remembered, "_known", {})
    # sizes from which BLAS is tried, guessed and certain: so low that tests are quick
    monkeypatch.setattr(planning, "BLAS_FROM_AT_LEAST", 2_000)
    monkeypatch.setattr(plans, "BLAS_FROM", 40_000)
    monkeypatch.setattr(planning, "OWN_UP_TO", 30_000_000)


@pytest.fixture
def machine(monkeypatch):
    def make(**times):
        found = Machine(**times)
        monkeypatch.setattr(planning, "time", found)
        return found

    return make


def forget(monkeypatch):
    monkeypatch.setattr(remembered, "_known", {})


def test_the_fastest_way_wins(machine):
    for threads, split in ((1, "none"), (2, "batch"), (2, "neurons")):
        here = machine(
            step=lambda plan, way=(threads, split): (
                1e-3 if (plan.threads, plan.split) == way else 2e-3
            )
        )
        recipe = replace(LONG, batch_size=32 + threads, epochs=50 + len(split))
        plan = here.best(recipe=replace(recipe, carrier="exact"), rows=40 * recipe.batch_size)
        remembered._known.clear()
        remembered.memory_file().unlink()
        assert (plan.threads, plan.split) == (threads, split)


def test_each_layer_gets_its_faster_form(machine):
    # own loops are faster in the first layer; the second is too wide for them, and the third does
    # so little of the work that it is run as guessed
    here = machine(
        step=lambda plan: 1e-3 if plan.blas == (False, True, True) else 2e-3,
        product=lambda plan, layer: 1.0 if plan.blas[layer - 1] else 0.5,
    )
    assert here.best().blas == (False, True, True)
    assert {plan.blas for plan in here.measured} == {(False, True, True), (True, True, True)}
    here = machine(
        step=lambda plan: 1e-3 if plan.blas == (True, True, True) else 2e-3,
        product=lambda plan, layer: 0.5 if plan.blas[layer - 1] else 1.0,
    )
    assert here.best(recipe=replace(LONG, batch_size=64), rows=64 * 40).blas == (True, True, True)
    narrow = Network(40, (Dense(40), Dense(1, "identity")), "half_squared_error")
    here.best(narrow)
    assert {plan.blas for plan in here.measured[-4:]} == {(False, False), (True, False)}
    assert all(not plan.blas[1] for plan, _ in here.advanced[-20:])


def test_a_guess_is_kept_unless_another_plan_clearly_wins(machine):
    guess = plan_for(NETWORK, 32, None)
    for gain, kept in ((0.97, True), (0.9, False)):
        here = machine(step=lambda plan, gain=gain: 1e-3 if plan == guess else gain * 1e-3)
        plan = here.best(recipe=replace(LONG, batch_size=32 if kept else 31), rows=ROWS)
        assert (plan == guess) is kept


def test_one_slow_moment_does_not_decide(machine):
    """The machine is busy for one round, whatever plan it falls on."""
    wanted = Plan("native", 1, "none", (True, True, False))
    turn = iter(range(10_000))

    def step(plan):
        slow = 50 if 20 < next(turn) < 24 else 1
        return slow * (1e-3 if plan.threads == 1 else 2e-3)

    plan = machine(step=step).best()
    assert (plan.threads, plan.split) == (wanted.threads, wanted.split)


def test_plans_that_fall_behind_get_no_more_turns(machine):
    here = machine(step=lambda plan: 1e-3 if plan.split == "batch" else 1.3e-3)
    here.best()
    turns = [plan.split for plan, _ in here.advanced]
    # each turn is two calls: one that does not count, and one that does
    assert turns.count("batch") >= 2 * planning.MOST_ROUNDS
    assert turns.count("none") == 2 * planning.FEWEST_ROUNDS


def test_one_slow_product_does_not_decide(machine):
    turn = iter(range(10_000))

    def product(plan, layer):
        return 9.0 if next(turn) == 0 else 0.5 + plan.blas[layer - 1]

    here = machine(
        step=lambda plan: 1e-3 if plan.blas == (False, True, True) else 2e-3, product=product
    )
    assert here.best().blas == (False, True, True)


@pytest.mark.parametrize("milliseconds", [0.02, 1, 400, 4000])
def test_the_budget_is_kept(machine, milliseconds):
    here = machine(step=lambda plan: milliseconds / 1000)
    here.best(recipe=replace(LONG, epochs=25))
    steps = 40 * 25
    run = steps * milliseconds / 1000
    spent = here.now - 100
    # a trial that has begun is not broken off: two calls of up to 2 ms, or of a step
    slack = 2 * (milliseconds / 1000) + 2 * max(planning.CALL, milliseconds / 1000)
    assert 0 < spent <= min(max(0.05 * run, 0.05), 10) + slack


def test_where_the_time_is_too_short_the_guess_stands(machine):
    # plans of two threads are much slower than guessed, so not all get a turn
    guess = plan_for(NETWORK, 32, 1)
    here = machine(step=lambda plan: 1e-3 if plan == guess else 100.0)
    assert here.best(threads=1) == guess
    assert not remembered.memory_file().exists()


def test_what_is_obvious_or_short_is_not_measured(machine, monkeypatch):
    here = machine()
    tiny = Network(4, (Dense(10), Dense(3, "softmax")), "cross_entropy")
    own = CustomLoss(lambda y, a: ((a - y) ** 2).sum(1), lambda y, z, a: 2 * (a - y), "own")
    with_own_loss = Network(300, (Dense(400), Dense(1, "identity")), own)
    here.best(tiny)
    here.best(with_own_loss)
    here.best(rows=None)
    here.best(rows=32)
    monkeypatch.setenv("CLEARPROP_PLAN", "guess")
    assert here.best() == plan_for(NETWORK, 32)
    assert here.now == 100
    monkeypatch.setenv("CLEARPROP_PLAN", "measure")
    here.best(rows=32)
    assert here.now > 100
    monkeypatch.setenv("CLEARPROP_PLAN", "mesure")
    with pytest.raises(SettingError, match=r"must be 'guess' or 'measure'.*'mesure'"):
        here.best()


def test_threads_that_are_asked_for_are_taken(machine):
    here = machine(step=lambda plan: 1e-3 / plan.threads)
    assert here.best(threads=1).threads == 1
    assert here.best(threads=3).threads == 3
    assert {plan.threads for plan, _ in here.advanced} == {1, 3}


def test_mkl_takes_part_where_the_run_is_long(machine, monkeypatch):
    monkeypatch.setattr(planning, "usable_libraries", lambda: ("openblas", "mkl"))
    here = machine(step=lambda plan: 1e-2 if plan.library == "mkl" else 2e-2)
    assert here.best().library == "mkl"
    here = machine(step=lambda plan: 1e-4)
    here.best(recipe=replace(LONG, batch_size=31), rows=31 * 40)
    assert {plan.library for plan, _ in here.advanced} == {"openblas"}


def test_a_plan_is_measured_once_a_machine(machine, monkeypatch):
    first = machine(step=lambda plan: 1e-3 if plan.split == "batch" else 3e-3)
    plan = first.best()
    second = machine(step=lambda plan: 1e-3 if plan.split == "neurons" else 3e-3)
    assert second.best() == plan
    assert second.best(rows=32) == plan  # a short run takes what is known
    forget(monkeypatch)  # another process
    assert second.best() == plan
    assert second.now == 100
    others = [
        {"recipe": replace(LONG, batch_size=16)},
        {"network": replace(NETWORK, dtype="float64")},
        {"network": replace(NETWORK, layers=(Dense(400), Dense(4001), Dense(1, "identity")))},
        {"threads": 2},
    ]
    for other in others:
        before = second.now
        assert second.best(**other).split == "neurons"
        assert second.now > before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00 not text",
        b"[1, 2",
        b"[]",
        b"null",
        b'{"plans": 3}',
        b'{"plans": {"%s": 3}}',
        b'{"plans": {"%s": {"engine": "native", "threads": "2", "split": "batch", "blas": [], '
        b'"library": "openblas"}}}',
        b'{"plans": {"%s": {"engine": "native", "threads": 0, "split": "batch", "blas": [true], '
        b'"library": "openblas"}}}',
        b'{"plans": {"%s": {"engine": "native", "threads": 1, "split": "none", '
        b'"blas": [true, true, true], "library": "anothers"}}}',
    ],
)
def test_a_file_that_makes_no_sense_is_measured_anew(machine, monkeypatch, content):
    here = machine(step=lambda plan: 1e-3 if plan.split == "batch" else 3e-3)
    plan = here.best()
    (key,) = json.loads(remembered.memory_file().read_bytes())["plans"]
    remembered.memory_file().write_bytes(content.replace(b"%s", key.encode()))
    forget(monkeypatch)
    before = here.now
    assert here.best() == plan
    assert here.now > before
    assert json.loads(remembered.memory_file().read_bytes())["plans"] == {
        key: json.loads(json.dumps(asdict(plan)))
    }


def test_a_plan_of_a_busy_machine_serves_this_process_alone(machine, monkeypatch):
    here = machine(step=lambda plan: 1e-3 if plan.split == "batch" else 3e-3, share=0.7)
    plan = here.best()
    assert plan.split == "batch"
    before = here.now
    assert here.best() == plan
    assert here.now == before
    assert not remembered.memory_file().exists()
    forget(monkeypatch)  # another process, when the machine is quiet
    here.share = 2.0
    assert here.best() == plan
    assert here.now > before
    assert remembered.memory_file().exists()


def test_a_folder_that_cannot_be_written_to_is_survived(machine, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("CLEARPROP_CACHE", str(tmp_path / "file" / "kept"))
    here = machine(step=lambda plan: 1e-3 if plan.split == "batch" else 3e-3)
    plan = here.best()
    before = here.now
    assert here.best() == plan
    assert here.now == before  # this process remembers


def test_processes_that_write_at_once_leave_a_whole_file(monkeypatch):
    plan = plan_for(MIDDLING, 32)
    writers = [
        threading.Thread(
            target=lambda writer=writer: [
                remembered.remember(f"{writer} {n}", plan) for n in range(10)
            ]
        )
        for writer in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    forget(monkeypatch)
    last = {writer: remembered.recall(f"{writer} 9") for writer in range(4)}
    assert plan in last.values()
    assert [path.name for path in remembered.memory_file().parent.iterdir()] == ["plans.json"]
    remembered.remember("more", plan)  # what others wrote stays
    kept = json.loads(remembered.memory_file().read_bytes())["plans"]
    assert set(kept) >= {"more"} | {f"{writer} 9" for writer in last if last[writer]}


def test_the_oldest_plans_go_first(monkeypatch):
    monkeypatch.setattr(remembered, "CAPACITY", 3)
    for key in "abcad":
        remembered.remember(key, plan_for(MIDDLING, 32))
    assert list(json.loads(remembered.memory_file().read_bytes())["plans"]) == ["c", "a", "d"]


def _trained(plan=None, rows=None):
    draw = np.random.default_rng(3)
    block = Block.of(MIDDLING, draw.normal(size=(256, 64)), draw.integers(0, 10, 256))
    recipe = Recipe(batch_size=64, epochs=2)
    engine = build("native", MIDDLING, recipe, plan=plan, rows=rows)
    state = engine.initial_state(Parameters.initial(MIDDLING, 0))
    for _ in range(2):
        state.position = 0
        state, record = engine.advance(state, block, 4)
        assert not record.failed
    return state


@pytest.fixture
def kernels_of_the_machine(monkeypatch, tmp_path):
    """Kernels are found where they are; only plans go to a folder of the test's own.

    There is time enough for measuring, however busy the machine is.
    """
    monkeypatch.delenv("CLEARPROP_CACHE")
    if KERNELS:
        monkeypatch.setenv("CLEARPROP_CACHE", KERNELS)
    monkeypatch.setattr(remembered, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(planning, "LEAST_BUDGET", 60.0)
    monkeypatch.setattr(planning, "MOST_BUDGET", 60.0)


def test_a_run_repeats_under_its_recorded_plan(monkeypatch, kernels_of_the_machine):
    monkeypatch.setenv("CLEARPROP_PLAN", "measure")
    first = _trained(rows=256)
    assert first.plan in remembered._known.values()
    monkeypatch.setenv("CLEARPROP_PLAN", "guess")
    again = _trained(plan=first.plan)
    assert again.plan == first.plan
    assert np.array_equal(again.vector, first.vector)
    assert np.array_equal(again.slots, first.slots)


@pytest.mark.parametrize("loss", ["poisson", "binary_cross_entropy", "huber", "cross_entropy"])
def test_real_plans_are_measured_for_every_kind(monkeypatch, kernels_of_the_machine, loss):
    monkeypatch.setenv("CLEARPROP_PLAN", "measure")
    output = {"poisson": "exp", "huber": "identity", "cross_entropy": "softmax"}
    last = Dense(8, output.get(loss, "sigmoid"))
    network = Network(60, (Dense(50, "gelu", dropout=0.3), last), loss, "float32")
    engine = build("native", network, Recipe(batch_size=100), rows=1000)
    assert engine.plan in remembered._known.values()
    assert engine.plan.library in usable_libraries()


def test_a_plan_of_another_network_is_refused():
    plan = plan_for(MIDDLING, 32)
    for broken in (
        replace(plan, blas=(True,)),
        replace(plan, threads=0),
        replace(plan, threads=2, split="none"),
        replace(plan, threads=1, split="batch"),
        replace(plan, engine="reference"),
        replace(plan, library="none such"),
    ):
        with pytest.raises(EngineError):
            NativeEngine(MIDDLING, Recipe(), broken)
