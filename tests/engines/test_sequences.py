"""Sequences and their packing, batches of them, truncation, and what a run makes of them."""

import numpy as np
import pytest

from clearprop import GRU, LSTM, Dense, Network, Parameters, Recurrent, train
from clearprop.engines import Block, Packing, Recipe, Sequences, SequenceTrace, build
from clearprop.equations import Adam, GradientDescent
from clearprop.errors import DataError, SettingError, ShapeError
from clearprop.training import Settings
from clearprop.training.blame import find_fault
from problems import apart, vector_for
from sequence_problems import LENGTHS, sequence_block, sequence_network, stacked_network


def test_a_packing_written_out():
    packing = Packing(np.array([3, 1, 2]))
    assert packing.order.tolist() == [0, 2, 1]
    assert packing.sizes.tolist() == [3, 2, 1]
    assert packing.offsets.tolist() == [0, 3, 5, 6]
    assert packing.place.tolist() == [0, 2, 1, 0, 2, 0]
    assert packing.step.tolist() == [0, 0, 0, 1, 1, 2]
    assert packing.first.tolist() == [0, 2, 1]
    assert packing.last.tolist() == [5, 2, 4]
    assert packing.mirror.tolist() == [5, 4, 2, 3, 1, 0]
    assert packing.source.tolist() == [0, 4, 3, 1, 5, 2]
    assert packing.of(2).tolist() == [1, 4]


def test_sequences_are_cut_out_of_the_data():
    parts = [np.arange(2.0 * n).reshape(n, 2) + 100 * n for n in (2, 3, 1)]
    data = Sequences.of(parts)
    chosen = data[[2, 1]]
    assert chosen.lengths.tolist() == [1, 3]
    assert np.array_equal(chosen.values, np.concatenate([parts[2], parts[1]]))
    window = data.window(np.array([0, 1, 2]), 1, 1)
    assert window.kept.tolist() == [0, 1]
    assert np.array_equal(data.values[window.places], [parts[0][1], parts[1][1]])


def test_an_array_of_three_axes_is_a_list_of_its_sequences():
    x = np.random.default_rng(0).normal(size=(4, 3, 2))
    one, other = Sequences.of(x), Sequences.of(list(x))
    assert np.array_equal(one.values, other.values)
    assert np.array_equal(one.starts, other.starts)


def test_padding_changes_nothing():
    """A batch gives what its sequences give one by one."""
    network = sequence_network("gru", "both", "mean")
    engine, vector = build("reference", network, Recipe()), vector_for(network)
    block = sequence_block(network)
    together = engine.predict(vector, block.x)
    alone = [engine.predict(vector, block.x[[i]])[0] for i in range(len(LENGTHS))]
    assert apart(together, alone) < 1e-14


def test_every_step_is_predicted_in_the_order_of_the_data():
    network = stacked_network("lstm")
    engine, vector = build("reference", network, Recipe()), vector_for(network)
    block = sequence_block(network)
    found = engine.predict(vector, block.x)
    parts = [engine.predict(vector, block.x[[i]]) for i in range(len(LENGTHS))]
    assert apart(found, np.concatenate(parts)) < 1e-14


def test_the_loss_is_the_mean_over_steps_of_all_sequences():
    network = stacked_network("elman")
    engine, vector = build("reference", network, Recipe()), vector_for(network)
    block = sequence_block(network)
    squares = (engine.predict(vector, block.x) - block.y) ** 2
    assert engine.evaluate(vector, block) == pytest.approx(
        0.5 * squares.sum() / sum(LENGTHS), rel=1e-13
    )


def test_a_weight_of_two_is_the_sequence_twice():
    network = sequence_network("lstm", "both", "every")
    engine, vector = build("reference", network, Recipe()), vector_for(network)
    block = sequence_block(network, (2, 3, 4))
    counts = np.array([2, 0, 3])
    weighted = Block(block.x, block.y, counts.astype(float))
    repeated = block.ordered(np.repeat(np.arange(3), counts))
    one, other = engine.gradient(vector, weighted), engine.gradient(vector, repeated)
    assert one[0] == pytest.approx(other[0], rel=1e-13)
    assert apart(one[1], other[1]) < 1e-13


def _truncated(w, u, xs, ys, cut):
    """∂E/∂w of h_t = w x_t + u h_(t-1), E = ½ Σ (h_t - y_t)², errors stopped every `cut` steps."""
    h, hs = 0.0, []
    for x in xs:
        h = w * x + u * h
        hs.append(h)
    total, back = 0.0, 0.0
    for t in reversed(range(len(xs))):
        delta = (hs[t] - ys[t]) + back
        total += delta * xs[t]
        back = 0.0 if t % cut == 0 else u * delta
    return total


def test_errors_stop_at_the_borders_of_pieces():
    network = Network(1, (Recurrent(1, "backward", activation="identity"), Dense(1, "identity")),
                      dtype="float64", readout="every")  # fmt: skip
    xs, ys = np.array([0.5, -1.0, 2.0, 0.3, 1.0]), np.array([1.0, 0.0, -1.0, 0.5, 0.2])
    vector = np.array([0.8, 0.6, 0.0, 1.0, 0.0])
    # a way that goes backward sees the sequence turned round, and cuts as it counts its steps
    block = Block.of(network, xs[::-1, None][None], [ys[::-1, None]])
    engine = build("reference", network, Recipe(truncate=2))
    state = engine.initial_state(Parameters(network, vector))
    gradient = engine.trace(state, block, np.array([0])).gradient
    assert gradient[0] == pytest.approx(_truncated(0.8, 0.6, xs, ys, 2) / 5, rel=1e-13)


def test_pieces_are_updates_of_their_own_with_states_carried_over():
    """Against a scalar loop: after each piece of two steps the weights move, the state stays."""
    network = Network(1, (Recurrent(1, activation="identity"), Dense(1, "identity")),
                      dtype="float64", readout="every")  # fmt: skip
    xs, ys = [0.5, -1.0, 2.0, 0.3, 1.0], [1.0, 0.0, -1.0, 0.5, 0.2]
    engine = build("reference", network, Recipe(GradientDescent(0.1), batch_size=1, truncate=2))
    state = engine.initial_state(Parameters(network, np.array([0.8, 0.6, 0.0, 1.0, 0.0])))
    block = Block.of(network, np.array(xs)[None, :, None], [np.array(ys)[:, None]])
    assert engine.steps_left(state, block) == 3
    w, u, b, v, k, carried = 0.8, 0.6, 0.0, 1.0, 0.0, 0.0
    for begin in (0, 2, 4):
        piece = range(begin, min(begin + 2, 5))
        before, after = [], []
        for t in piece:
            before.append(carried)
            carried = w * xs[t] + u * carried + b
            after.append(carried)
        errors = [v * h + k - ys[t] for h, t in zip(after, piece, strict=True)]
        n, back, g = len(errors), 0.0, np.zeros(5)
        for i in reversed(range(n)):
            delta = v * errors[i] + back
            back = u * delta
            g += np.array([delta * xs[piece[i]], delta * before[i], delta,
                           errors[i] * after[i], errors[i]]) / n  # fmt: skip
        w, u, b, v, k = np.array([w, u, b, v, k]) - 0.1 * g
        state, record = engine.advance(state, block, 1)
        assert record.losses[0] == pytest.approx(0.5 * np.mean(np.square(errors)), rel=1e-12)
        assert state.vector == pytest.approx(np.array([w, u, b, v, k]), rel=1e-12)
    assert (state.position, state.piece, state.carried) == (1, 0, None)


def test_a_piece_as_long_as_all_sequences_changes_nothing():
    network = Network(3, (LSTM(4), Dense(2, "identity")), dtype="float64", readout="every")
    block = sequence_block(network)
    runs = []
    for truncate in (None, max(LENGTHS)):
        recipe = Recipe(Adam(0.05), batch_size=2, epochs=3, truncate=truncate)
        runs.append(train(network, block, Settings(recipe, engine="reference")))
    assert np.array_equal(runs[0].state.vector, runs[1].state.vector)


def test_a_trace_adds_up_over_time():
    """∂E/∂W = Σ over steps of δ_t x_tᵀ, ∂E/∂U = Σ δ'_t h_(t-1)ᵀ, from the trace's arrays alone."""
    network = sequence_network("gru", "both")
    engine = build("reference", network, Recipe())
    state = engine.initial_state(Parameters(network, vector_for(network)))
    trace = engine.trace(state, sequence_block(network), np.array([0, 2, 3]))
    assert isinstance(trace, SequenceTrace)
    operation = network.recurrences[0]
    tall = 3 * operation.size
    for k, way in enumerate(operation.ways):
        delta = trace.delta[1][:, k * tall : (k + 1) * tall]
        prime = trace.fed_back[1][:, k * tall : (k + 1) * tall]
        before = trace.before[1][:, k * 5 : (k + 1) * 5]
        W, U, b, c = (segment.view(trace.gradient) for segment in way.segments)
        assert apart(np.einsum("ij,ik->jk", delta, trace.inputs[1]), W) < 1e-13
        assert apart(np.einsum("ij,ik->jk", prime, before), U) < 1e-13
        assert apart(delta.sum(axis=0), b) < 1e-13
        assert apart(prime[:, -5:].sum(axis=0), c) < 1e-13
    # the state before a step is the state after the one before it; it begins at 0
    rows = trace.packing.of(1)
    assert np.array_equal(trace.before[1][rows[1:], :5], trace.a[1][rows[:-1], :5])
    assert np.array_equal(trace.before[1][rows[:-1], 5:], trace.a[1][rows[1:], 5:])
    assert not trace.before[1][rows[0], :5].any()
    assert not trace.before[1][rows[-1], 5:].any()


def test_training_learns_what_needs_memory():
    """The first value of a sequence, told after eight more steps."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(120, 9, 1))
    y = (x[:, 0, 0] > 0).astype(int)
    network = Network(1, (LSTM(8), Dense(2, "softmax")), "cross_entropy", "float64")
    recipe = Recipe(Adam(0.03), batch_size=20, epochs=40)
    settings = Settings(recipe, engine="reference")
    outcome = train(network, Block.of(network, x[:80], y[:80]), settings)
    guessed = outcome.engine.predict(outcome.state.vector, Sequences.of(x[80:])).argmax(axis=1)
    assert np.mean(guessed == y[80:]) >= 0.9


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        ([], DataError, "no sequences"),
        ([np.ones((2, 3)), np.ones((0, 3))], DataError, "Sequence 1 has no steps"),
        ([np.ones((2, 3)), np.ones((2, 4))], ShapeError, "Sequence 1 has 4 values a step"),
        ([np.ones((2, 3)), np.ones(3)], ShapeError, r"sequence 1 has shape \(3,\)"),
        ([np.ones((2, 2))], ShapeError, "3 inputs"),
        (np.ones((2, 3)), ShapeError, "list of"),
        ([np.ones((2, 3)), np.array([[1, 2, 3], [1, np.nan, 3]])], DataError,
         "nan in sequence 1, step 1"),
    ],
)  # fmt: skip
def test_bad_sequences_are_named(x, error, words):
    network = sequence_network("lstm")
    with pytest.raises(error, match=words):
        Block.of(network, x, np.zeros(len(x), dtype=int))


def test_targets_that_do_not_fit_their_sequence_are_named():
    network = stacked_network("lstm")
    x = [np.ones((2, 3)), np.ones((4, 3))]
    with pytest.raises(ShapeError, match="Sequence 1 has 4 steps, but 3 targets came"):
        Block.of(network, x, [np.ones((2, 2)), np.ones((3, 2))])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Network(3, (Dense(2),), readout="last"), "recurrent layer"),
        (lambda: Network(3, (LSTM(2), Dense(1)), readout="first"), "no readout 'first'"),
        (lambda: Network(3, (LSTM(2),)), "output layer must be dense"),
        (lambda: Recurrent(2, activation="softmax"), "output layer only"),
        (lambda: LSTM(2, direction="sideways"), "no direction"),
        (lambda: LSTM(2).with_activation("relu"), "fixed by its gates"),
        (lambda: Recipe(truncate=0), "truncate must be at least 1"),
        (lambda: build("reference", Network(3, (Dense(2),)), Recipe(truncate=3)), "truncate is"),
        (
            lambda: build("reference", sequence_network(), Recipe(carrier="transposed")),
            "back exactly",
        ),
    ],
)
def test_bad_settings_are_named(make, words):
    with pytest.raises(SettingError, match=words):
        make()


def test_what_is_not_finite_is_blamed_on_a_sequence_and_step():
    network = Network(1, (Recurrent(1, activation="identity"), Dense(1, "identity")))
    block = Block.of(network, [np.ones((2, 1)), np.ones((40, 1))], np.zeros((2, 1)))
    engine = build("reference", network, Recipe())
    # h = 1.11 · 10^t leaves float32 (3.4 · 10^38) at step 39
    state = engine.initial_state(Parameters(network, np.array([1, 10, 0, 1, 0], dtype="float32")))
    with np.errstate(all="ignore"):
        fault = find_fault(engine.trace(state, block, np.array([0, 1])))
    assert (fault.operation, fault.layer, fault.sample, fault.time) == ("z", 1, 1, 39)
    assert "layer 1, unit 0, sequence 1, step 39, which is inf" in str(fault)
    state.vector[1] = np.nan
    with np.errstate(all="ignore"):
        fault = find_fault(engine.trace(state, block, np.array([0, 1])))
    assert str(fault) == "U1[0, 0] of layer 1, which is nan"


def test_units_behind_an_every_step_readout_are_dropped_for_whole_sequences():
    network = sequence_network("gru", readout="every", dropout=0.5)
    block = sequence_block(network)
    engine = build("reference", network, Recipe(GradientDescent(0.1)))
    state = engine.initial_state(Parameters(network, vector_for(network)), seed=4)
    trace = engine.trace(state, block, np.arange(block.rows))
    masks = trace.masks[2]
    assert masks.shape == (block.rows, 4)
    assert 0 < np.mean(masks == 0) < 1
    # what the output layer read: each step of a sequence with the mask of its sequence
    assert np.array_equal(trace.inputs[3], trace.a[2] * masks[trace.packing.place])
    # and the error that came back through it
    sent = trace.delta[3] @ Parameters(network, trace.vector).weights[3]
    slope = 1 - trace.a[2] ** 2
    assert apart(trace.delta[2], sent * masks[trace.packing.place] * slope) < 1e-12


@pytest.mark.parametrize("cell", [Recurrent, GRU, LSTM])
def test_a_later_piece_has_the_slope_of_its_own_loss(cell):
    """Against differences of the piece's loss, with the states that were carried to it held."""
    network = Network(2, (cell(3), Dense(2, "identity")), dtype="float64", readout="every")
    block = sequence_block(network, (5, 3, 4))
    engine = build("reference", network, Recipe(GradientDescent(0.1), batch_size=3, truncate=2))
    state = engine.initial_state(Parameters(network, vector_for(network)))
    state, _ = engine.advance(state, block, 1)
    assert (state.piece, state.position) == (1, 0)
    gradient = engine.trace(state, block, np.arange(3)).gradient
    slope = np.empty_like(gradient)
    for place in range(len(slope)):
        losses = []
        for step in (1e-6, -1e-6):
            moved = state.copy()
            moved.vector[place] += step
            losses.append(engine.trace(moved, block, np.arange(3)).loss)
        slope[place] = (losses[0] - losses[1]) / 2e-6
    assert apart(gradient, slope) < 1e-7
