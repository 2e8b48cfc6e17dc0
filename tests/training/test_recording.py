"""Watching parameters: what is recorded is what the state held at that step, to the bit."""

from dataclasses import replace

import numpy as np
import pytest

from clearprop import CustomLoss, Dense, Network, Parameters, Settings, train
from clearprop.engines import Recipe, build
from clearprop.equations import Adam
from clearprop.errors import SettingError
from clearprop.training import Batches, Run, Stopping, Watch, minimise
from problems import block_for, hidden_network, vector_for

OWN = CustomLoss(lambda y, a: ((a - y) ** 2).sum(axis=1), lambda y, z, a: 2 * (a - y))
NETWORKS = {
    "softmax": hidden_network("tanh", dropout=0.2),
    "single": hidden_network("tanh", "float32"),
    "own loss": Network(4, (Dense(6, "tanh"), Dense(3, "identity")), OWN, "float64"),
}
ENTRIES = (3, 0, 17)
ENGINES = ["reference", "native"]
NEVER = Stopping(patience=np.inf)


def settings(name, epochs=3, **changes):
    # 11 rows in batches of 4 are 3 steps an epoch
    recipe = Recipe(Adam(0.01), batch_size=4, epochs=epochs)
    return Settings(recipe, name, seed=3, stopping=NEVER, **changes)


def states(network, name, epochs=3):
    """The whole vector after every step, the start first, from a run that stops at each."""
    run = Run(network, block_for(network, 11), settings(name, epochs))
    run._pace.steps, run._pace.took = 1, lambda *_: None
    vectors = [run.state.vector.copy()]
    for event in run.events():
        if isinstance(event, Batches):
            vectors.append(run.state.vector.copy())
    return np.array(vectors)


@pytest.mark.parametrize("every", [1, 2, 4])
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("which", NETWORKS)
def test_values_are_the_states_own(which, name, every):
    network = NETWORKS[which]
    watch = Watch(ENTRIES, every=every)
    outcome = train(network, block_for(network, 11), settings(name, watch=watch))
    recording = outcome.recording
    assert recording.entries.tolist() == list(ENTRIES)
    assert recording.steps.tolist() == list(range(0, 10, every))
    wanted = states(network, name)[::every][:, ENTRIES]
    assert recording.values.dtype == wanted.dtype == network.dtype
    assert np.array_equal(recording.values, wanted)
    assert recording.snapshots.shape == (0, network.size)
    steps, values = recording.history(17)
    assert np.array_equal(values, wanted[:, 2])
    assert np.array_equal(steps, recording.steps)
    assert recording.history(1) is None


@pytest.mark.parametrize("name", ENGINES)
def test_snapshots_of_the_start_and_each_epoch(name):
    network = NETWORKS["softmax"]
    block, watch = block_for(network, 11), Watch(snapshots=10)
    recording = train(network, block, settings(name, watch=watch)).recording
    assert recording.snapshot_steps.tolist() == [0, 3, 6, 9]
    assert np.array_equal(recording.snapshots, states(network, name)[::3])
    assert recording.values.shape == (1, 0)
    steps, values = recording.history(5)
    assert steps.tolist() == [0, 3, 6, 9]
    assert np.array_equal(values, recording.snapshots[:, 5])


@pytest.mark.parametrize(
    ("epochs", "kept"),
    [(3, [0, 1, 2, 3]), (4, [0, 2, 4]), (7, [0, 2, 4, 6]), (9, [0, 4, 8]), (40, [0, 16, 32])],
)
def test_beyond_their_number_every_second_snapshot_goes(epochs, kept):
    network = NETWORKS["softmax"]
    watch = Watch(snapshots=4)
    outcome = train(network, block_for(network, 11), settings("reference", epochs, watch=watch))
    assert outcome.recording.snapshot_steps.tolist() == [3 * epoch for epoch in kept]
    assert np.array_equal(outcome.recording.snapshots, states(network, "reference", epochs)[
        outcome.recording.snapshot_steps
    ])  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("which", NETWORKS)
def test_pieces_of_a_run_change_nothing(which, threads):
    network = NETWORKS[which]
    block, recipe = block_for(network, 43), Recipe(Adam(0.01), batch_size=4)
    engine = build("native", network, recipe, threads)
    start = Parameters(network, vector_for(network))
    watch = Watch(ENTRIES, every=3)

    def run(pieces):
        state, steps, values = engine.initial_state(start), [], []
        for count in pieces:
            state, record = engine.advance(state, block, count, watch)
            steps += record.watched_steps.tolist()
            values += record.watched.tolist()
        return steps, values

    whole = run([11])
    assert whole[0] == [3, 6, 9]
    assert run([1] * 11) == run([2, 5, 4]) == whole


def test_watching_changes_no_number():
    network = NETWORKS["softmax"]
    block = block_for(network, 11)
    plain = train(network, block, settings("native"))
    watched = train(network, block, settings("native", watch=Watch(ENTRIES, snapshots=3)))
    assert plain.recording is None
    assert np.array_equal(plain.parameters.vector, watched.parameters.vector)


@pytest.mark.parametrize("name", ENGINES)
def test_a_step_that_is_not_taken_is_not_recorded(name):
    network = NETWORKS["softmax"]
    block = block_for(network, 11)
    block.x[6, 1] = np.nan  # in the second batch
    engine = build(name, network, Recipe(Adam(0.01), batch_size=4))
    state = engine.initial_state(Parameters(network, vector_for(network)))
    state, record = engine.advance(state, block, 3, Watch(ENTRIES))
    assert record.failed
    assert record.watched_steps.tolist() == [1]
    assert np.array_equal(record.watched, state.vector[None, list(ENTRIES)])


def test_lbfgs_records_its_iterations():
    network = NETWORKS["softmax"]
    network = replace(network, layers=tuple(replace(d, dropout=0.0) for d in network.layers))
    chosen = settings("reference", 6, watch=Watch(ENTRIES, every=2, snapshots=8))
    outcome, _ = minimise(network, block_for(network, 11), chosen)
    recording = outcome.recording
    assert recording.steps.tolist() == [0, 2, 4, 6]
    assert recording.snapshot_steps.tolist() == list(range(7))
    assert np.array_equal(recording.snapshots[-1], outcome.parameters.vector)
    assert np.array_equal(recording.values, recording.snapshots[::2][:, ENTRIES])


def test_watches_that_cannot_be():
    network = NETWORKS["softmax"]
    with pytest.raises(SettingError, match=f"between 0 and {network.size - 1}, but {network.size}"):
        Run(network, block_for(network, 5), settings("reference", watch=Watch((network.size,))))
    with pytest.raises(SettingError, match="every must be at least 1"):
        Watch((0,), every=0)
    with pytest.raises(SettingError, match="at least 2"):
        Watch(snapshots=1)
