"""How the xla engine runs: what it compiles, what it leaves alone, and when it refuses."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Plan, Recipe, build
from clearprop.equations import Adam, GradientDescent, Penalty
from clearprop.errors import EngineError, MissingExtraError, SettingError
from clearprop.network import GRU, LSTM, Recurrent
from problems import apart, block_for, hidden_network, vector_for

jax = pytest.importorskip("jax")

NETWORK = hidden_network("tanh", "float32", dropout=0.2)
RECIPE = Recipe(Adam(), penalty=Penalty(l2=0.1), batch_size=4)


def started(engine, seed=0):
    return engine.initial_state(Parameters(engine.network, vector_for(engine.network)), seed)


def test_nothing_is_compiled_after_the_first_step(compiled):
    from clearprop.engines.xla import programs

    programs.advance.cache_clear()
    recipe = RECIPE
    engine, block = build("xla", NETWORK, recipe), block_for(NETWORK, 22)
    state, _ = engine.advance(started(engine), block, 1)
    assert compiled
    compiled.clear()
    state, record = engine.advance(state, block, 100)
    assert record.rows.tolist() == [4, 4, 4, 4, 2]
    state.position = 0
    engine.recipe = replace(recipe, rule=Adam(0.5, 0.8), penalty=Penalty(l2=3.0), epochs=7)
    order = np.random.default_rng(0).permutation(22)
    engine.advance(state, block.ordered(order), 3)
    # another engine, seed and start, as of the next fit
    other = build("xla", NETWORK, recipe)
    other.advance(started(other, seed=9), block, 600)
    assert not compiled


def test_few_programs_serve_all_lengths(compiled):
    network = Network(2, (GRU(3), Dense(2, "softmax")), "cross_entropy")
    draw = np.random.default_rng(0)
    x = [draw.normal(size=(steps, 2)) for steps in (*range(1, 17), 40)]
    block = Block.of(network, x, draw.integers(0, 2, 17))
    engine = build("xla", network, Recipe(batch_size=1))
    state, record = engine.advance(started(engine), block, 100)
    assert len(record.losses) == 17
    programs = len(compiled)
    assert programs <= 3 + 12  # of 8, 16 and 40 steps, and the copies of arrays to the device
    state.position = 0
    engine.advance(state, block.ordered(draw.permutation(17)), 100)
    assert len(compiled) == programs


def test_one_go_is_many_pieces_to_the_bit():
    block = block_for(NETWORK, 22)

    def run(pieces):
        engine = build("xla", NETWORK, RECIPE)
        state, losses = started(engine, 11), []
        for steps in pieces:
            state, record = engine.advance(state.copy(), block, steps)
            losses += record.losses.tolist()
        assert state.position == 22
        return state.vector.tolist(), losses

    assert run([6]) == run([1] * 6) == run([2, 4])


def test_pieces_of_sequences_that_stop_in_between():
    network = Network(2, (LSTM(3), Dense(1, "identity")), dtype="float64", readout="every")
    draw = np.random.default_rng(0)
    x = [draw.normal(size=(steps, 2)) for steps in (7, 2, 5)]
    block = Block.of(network, x, [draw.normal(size=(len(part), 1)) for part in x])
    recipe = Recipe(batch_size=2, truncate=2)
    found = []
    for name in ("reference", "xla"):
        engine = build(name, network, recipe)
        state = started(engine)
        for steps in (1, 2, 1, 1, 9):
            state, _ = engine.advance(state, block, steps)
            found.append((state.piece, state.position, state.vector.copy(), state.carried))
    half = len(found) // 2
    for wanted, got in zip(found[:half], found[half:], strict=True):
        assert got[:2] == wanted[:2]
        assert apart(got[2], wanted[2]) < 1e-10
        assert (got[3] is None) == (wanted[3] is None)
        assert wanted[3] is None or apart(got[3], wanted[3]) < 1e-10


def test_watched_parameters_are_those_of_their_steps():
    class Watch:
        entries, every = (0, 5), 3

    block = block_for(NETWORK, 30)
    found = []
    for name in ("reference", "xla"):
        engine = build(name, NETWORK, Recipe(batch_size=4))
        state, first = engine.advance(started(engine), block, 2, Watch())
        state, then = engine.advance(state, block, 100, Watch())
        found.append((first, then, state))
    for wanted, got in zip(found[0][:2], found[1][:2], strict=True):
        assert got.watched_steps.tolist() == wanted.watched_steps.tolist()
        assert got.watched == pytest.approx(wanted.watched, rel=1e-4, abs=1e-6)
    assert found[1][1].watched_steps.tolist() == [3, 6]


def test_a_step_that_is_not_finite_is_not_taken():
    block = block_for(NETWORK, 12)
    block.x[9, 2] = np.nan
    for name in ("reference", "xla"):
        engine = build(name, NETWORK, Recipe(GradientDescent(), batch_size=4))
        state, record = engine.advance(started(engine), block, 3)
        assert record.failed
        assert np.isnan(record.losses).tolist() == [False, False, True]
        assert (state.step, state.position) == (2, 8)
        assert np.isfinite(state.vector).all()
        again, record = engine.advance(state, block, 1)
        assert record.failed
        assert again.step == 2


def test_what_fills_up_a_batch_makes_nothing_that_is_not_finite():
    """Outputs that saturate at the biases alone: rows of zeros would make 0 · ∞."""
    layers = (Dense(2, "softmax"),)
    network = Network(1, layers, "binary_cross_entropy", "float32")
    vector = np.array([-300, 300, 300, -300], dtype=np.float32)
    block = Block.of(network, np.ones((3, 1)), np.array([[0.5, 0.5]] * 3))
    engine = build("xla", network, Recipe(GradientDescent(), batch_size=2))
    state = engine.initial_state(Parameters(network, vector))
    _, record = engine.advance(state, block, 2)
    assert record.rows.tolist() == [2, 1]
    assert not record.failed


def test_states_stand_still_where_a_sequence_has_ended():
    """h = 3 h⁻ + x would be 3¹⁰⁰ by the time that the other sequence ends."""
    network = Network(1, (Recurrent(1, activation="identity"), Dense(1, "identity")))
    values = {"W1": [[1.0]], "U1": [[3.0]], "b1": [0.0], "W2": [[1.0]], "b2": [0.0]}
    vector = Parameters.from_names(network, values).vector
    block = Block.of(network, [np.zeros((100, 1)), np.ones((1, 1))], [[0.0], [2.0]])
    for way in ("serial", "chain", "scan"):
        engine = build("xla", network, Recipe(), plan=Plan("xla", through_time=way))
        objective, gradient = engine.gradient(vector, block)
        # E = ½ (1 - 2)² / 2, and δ = -½ at the last step of the second sequence
        assert objective == pytest.approx(0.25)
        assert gradient == pytest.approx([-0.5, 0, -0.5, -0.5, -0.5])


def test_no_rows():
    engine = build("xla", NETWORK, Recipe())
    vector = vector_for(NETWORK)
    assert engine.predict(vector, np.empty((0, 4), dtype=np.float32)).shape == (0, 3)
    block = Block.of(NETWORK, np.empty((0, 4)), np.empty((0, 3)))
    assert engine.evaluate(vector, block) == 0
    state, record = engine.advance(started(engine), block, 5)
    assert (len(record.losses), record.failed, state.step) == (0, False, 0)


def test_precision_is_the_networks_and_the_process_keeps_its_own():
    before = jax.config.jax_enable_x64
    for dtype in ("float64", "float32"):
        network = hidden_network("tanh", dtype)
        engine, block = build("xla", network, Recipe(batch_size=4)), block_for(network, 8)
        state, _ = engine.advance(started(engine), block, 2)
        assert state.vector.dtype == dtype
        assert engine.predict(state.vector, block.x).dtype == dtype
        assert jax.config.jax_enable_x64 == before
        assert jax.numpy.arange(2.0).dtype == ("float64" if before else "float32")


def test_parts_are_measured():
    block = block_for(NETWORK, 8)
    names = []
    for name in ("reference", "xla"):
        engine = build(name, NETWORK, Recipe(batch_size=8))
        state = started(engine)
        parts = engine.measure(state, block, np.arange(8), 1)
        names.append([(part.part, part.layer) for part in parts])
        assert all(part.seconds > 0 for part in parts)
        assert state.step == 0
    assert names[0] == names[1]
    network = Network(2, (GRU(3), Dense(2, "softmax")), "cross_entropy")
    block = Block.of(network, [np.ones((3, 2)), np.ones((1, 2))], [0, 1])
    engine = build("xla", network, Recipe())
    parts = engine.measure(started(engine), block, np.arange(2), 1)
    assert [part.part for part in parts] == ["gather", "forward", "loss", "backward", "update"]


def test_a_way_through_time_that_there_is_not():
    network = Network(2, (GRU(3), Dense(1)))
    engine = build("xla", network, Recipe(), plan=Plan("xla", through_time="scann"))
    with pytest.raises(SettingError, match=r"no way through time 'scann'.*Did you mean 'scan'"):
        engine.predict(vector_for(network), Block.of(network, [np.ones((2, 2))], [[1.0]]).x)


@pytest.mark.parametrize(
    ("cell", "size", "steps", "count", "way"),
    [
        ("gru", 8, 256, 8, "chain"),
        ("gru", 8, 16, 1, "serial"),
        ("gru", 16, 4096, 64, "serial"),
        ("lstm", 2, 4096, 8, "chain"),
        ("lstm", 16, 256, 8, "serial"),
        ("elman", 8, 256, 8, "serial"),
    ],
)
def test_the_rule_takes_the_chain_where_it_was_measured_to_pay(cell, size, steps, count, way):
    from clearprop.engines.xla.choice import rule

    assert rule(cell, size, steps, count) == way


def test_the_fastest_way_is_found_by_timing():
    from clearprop.engines.xla import choice

    seconds = choice.ways_timed("gru", 2, NETWORK.operations[0].activation, 8, 1, repeats=1)
    assert sorted(seconds) == ["chain", "scan", "serial"]
    assert min(seconds.values()) > 0


def test_a_release_that_computes_wrongly_is_refused(monkeypatch, tmp_path):
    from clearprop.engines.xla import XlaEngine, trust

    monkeypatch.setenv("CLEARPROP_CACHE", str(tmp_path))
    monkeypatch.delenv("CLEARPROP_JAX")
    told = [("a network in float32", 3e-2, 1e-4)]
    monkeypatch.setattr(trust, "_comparisons", lambda kind, device: iter(told))
    trust.check_jax.cache_clear()
    try:
        with pytest.raises(EngineError, match=rf"JAX {jax.__version__} computes wrongly.*3.0e-02"):
            XlaEngine(NETWORK, Recipe())
        told[0] = ("a network in float32", 3e-7, 1e-4)
        XlaEngine(NETWORK, Recipe())
        assert (tmp_path / "jax.json").exists()
        # what has passed is not tried again, by another process either
        monkeypatch.setattr(trust, "_comparisons", None)
        trust.check_jax.cache_clear()
        XlaEngine(NETWORK, Recipe())
    finally:
        trust.check_jax.cache_clear()


def test_this_release_computes_rightly_and_a_wrong_product_would_be_found(monkeypatch):
    from clearprop.engines.xla import XlaEngine, passes, programs, trust

    for what, error, bound in trust._comparisons(XlaEngine, "cpu"):
        assert error < bound, what
    right = passes.in_precision

    def wrong(platform, precision, function):
        def go(vector, *rest):
            return right(platform, precision, function)(vector * 1.001, *rest)

        return go

    monkeypatch.setattr(passes, "in_precision", wrong)
    programs.advance.cache_clear()
    try:
        what, error, bound = next(trust._comparisons(XlaEngine, "cpu"))
        assert error > bound
    finally:
        programs.advance.cache_clear()


def test_without_jax_it_says_how_to_get_it(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("clearprop.engines.xla")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'clearprop\[xla\]'"):
        build("xla", NETWORK, Recipe())


def test_importing_clearprop_loads_no_jax():
    code = "import sys, clearprop, clearprop.engines; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
