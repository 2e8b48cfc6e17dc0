"""Training on a stream: the same bits as on one block with that order, and everything around it."""

import copy
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from clearprop import Checkpoints, Stream, TabularClassifier, TabularRegressor
from clearprop.engines import Block
from clearprop.errors import SettingError
from clearprop.estimators.metrics import measure
from clearprop.estimators.stream_metrics import _Area, measure_stream
from clearprop.estimators.tabular_network import targets_for_network
from clearprop.training import Batches, InOrder, Run, Stopping

ROWS = 2_000
BOUND = "3GB"
SETTINGS = {"hidden_layer_sizes": (8,), "max_epochs": 2, "batch_size": 64, "threads": 1}


def table():
    random = np.random.default_rng(5)
    n = random.normal(size=(3, ROWS))
    color = random.choice(["red", "green", "blue"], ROWS)
    score = 2 * n[0] + n[1] + (color == "red")
    return pl.DataFrame(
        {
            "a": n[0],
            "b": pl.Series([None if i % 9 == 0 else v for i, v in enumerate(n[1])]),
            "color": color,
            "g": random.integers(0, 50, ROWS),
            "w": random.integers(1, 4, ROWS).astype(float),
            "y": np.where(score + random.logistic(size=ROWS) > 0, "yes", "no"),
            "many": random.choice(["u", "v", "x"], ROWS),
            "z": score + n[2],
            "q": (score > 0).astype(np.int8),
            "r": (n[2] > 0.5).astype(np.int8),
        }
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place, whole = tmp_path_factory.mktemp("rows"), table()
    whole[:1200].write_parquet(place / "1.parquet", row_group_size=110)
    whole[1200:].write_parquet(place / "2.parquet", row_group_size=90)
    return place


def stream(files):
    return Stream(files, BOUND)


def columns(*names):
    """The columns to learn from, for tests that predict a part of the table."""
    return [name for name in table().columns if name not in names]


@pytest.fixture(scope="module")
def prepared(files):
    model = TabularClassifier(**SETTINGS, class_weight="balanced", random_state=3)
    found = model.prepare(stream(files), "y", "w", groups="g")
    found.rows.most = 400  # several buffers, none of which is whole batches
    return found


def in_memory(prepared, epoch):
    """One block that holds the rows of an epoch in its order."""
    rows, encoding = prepared.rows.row_numbers(epoch), prepared.encoding
    frame = table()[rows]
    x = encoding.encoder.transform(frame)
    y = targets_for_network(encoding.target, frame.select("y"))
    return Block.of(encoding.network, x, y, encoding.weights(frame))


def test_blocks_are_the_epoch_in_whole_batches(prepared):
    source = prepared.rows
    for epoch in (0, 1):
        known = in_memory(prepared, epoch)
        seen = 0
        for block in source.blocks(epoch, 0):
            assert block.first_row == seen
            assert block.epoch_rows == source.visits == known.rows
            end = seen + block.rows
            assert np.array_equal(block.x, known.x[seen:end])
            assert np.array_equal(block.y, known.y[seen:end])
            assert np.array_equal(block.weights, known.weights[seen:end])
            assert end == known.rows or end % 64 == 0
            seen = end
        assert seen == known.rows
    assert len(source.fillings(0)) > 3
    numbers = [source.row_numbers(epoch) for epoch in (0, 1)]
    assert not np.array_equal(*numbers)
    train = prepared.divisions[0].rows(table(), 0, "train")
    assert all(np.array_equal(np.sort(found), train) for found in numbers)


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_stream_trains_to_the_same_bits_as_one_block(prepared, engine):
    settings = replace(prepared.settings, engine=engine, stopping=Stopping(patience=np.inf))
    streamed = Run(prepared.network, prepared.rows, settings)
    start = streamed.state.vector.copy()
    streamed.finish()
    # dropout, schedules, weights and the last, smaller batch included: an epoch at a time
    state = None
    for epoch in (0, 1):
        block = in_memory(prepared, epoch)
        one = Run(prepared.network, block, replace(settings, orders=InOrder()), state=state)
        if state is None:
            one.state.vector[...] = start
        for event in one.events():
            if isinstance(event, Batches) and event.rows_done == event.rows:
                break
        state = one.state
        state.epoch, state.position = epoch + 1, 0
    assert np.array_equal(streamed.state.vector, state.vector)
    assert streamed.state.step == state.step
    assert prepared.network.layers[-2].dropout > 0


def test_a_run_goes_on_from_any_position(prepared):
    settings = replace(prepared.settings, engine="reference", stopping=Stopping(patience=np.inf))
    whole = Run(prepared.network, prepared.rows, settings)
    start = whole.state.copy()
    whole.finish()
    for wanted in (1, 7, 23):  # steps, in the first buffers and the last
        first = Run(prepared.network, prepared.rows, settings, state=start.copy())
        first._pace.steps = 1
        first._pace.took = lambda *_: None
        for event in first.events():
            if isinstance(event, Batches) and event.step == wanted:
                break
        assert first.state.position == 64 * wanted
        again = Run(prepared.network, prepared.rows, settings, state=first.state.copy())
        again.finish()
        assert np.array_equal(again.state.vector, whole.state.vector)


def test_a_run_that_was_broken_off_goes_on_from_its_checkpoint(prepared, tmp_path):
    settings = replace(prepared.settings, engine="reference", stopping=Stopping(patience=np.inf))

    def run():
        return Run(prepared.network, prepared.rows, settings)

    def strike(event):
        return isinstance(event, Batches) and event.step >= 7

    whole = run().finish()
    run().finish([strike], Checkpoints(tmp_path, "1 steps"))
    again = run().finish([], Checkpoints(tmp_path, resume=True))
    assert np.array_equal(again.state.vector, whole.state.vector)
    assert again.history.loss == pytest.approx(whole.history.loss)
    other = run()
    other.block = copy.copy(prepared.rows)
    other.block.seed += 1
    with pytest.raises(SettingError, match="pieces and buffers"):
        other.finish([], Checkpoints(tmp_path, resume=True))


def test_class_weights_are_those_of_the_rows_that_are_not_tested(prepared):
    whole, shares = table(), prepared.divisions[0]
    held = np.concatenate([shares.rows(whole, 0, part) for part in ("train", "validation")])
    counts = whole["y"][held].value_counts().sort("y")["count"].to_numpy()
    assert prepared.encoding.factors == pytest.approx(counts.sum() / (2 * counts))


def test_a_classifier_learns_from_a_stream_as_from_a_table(files):
    whole = table().drop("z", "q", "r", "many", "w", "g")
    given = {**SETTINGS, "max_epochs": 8, "drop": ("z", "q", "r", "many", "w", "g")}
    model = TabularClassifier(**given).fit(stream(files), "y")
    known = TabularClassifier(**given).fit(table(), "y")
    assert model.score(stream(files), "y") == pytest.approx(known.score(whole, "y"), abs=0.03)
    assert model.score(stream(files), "y") == model.score(whole, "y") > 0.75
    assert np.array_equal(model.predict(stream(files)), model.predict(whole))
    assert np.array_equal(model.predict_proba(stream(files)), model.predict_proba(whole))
    assert model.temperature_ is not None
    assert model.history_.best_epoch
    assert list(model.feature_names_in_) == columns("y")


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (TabularClassifier, ("y",)),
        (TabularClassifier, ("many",)),
        (TabularClassifier, ("q", "r")),
        (TabularRegressor, ("z",)),
        (TabularRegressor, ("z", "a")),
    ],
)
def test_measures_of_a_stream_are_those_of_the_table(files, kind, target):
    whole, names = table(), list(target)
    model = kind(**{**SETTINGS, "max_epochs": 1}).fit(stream(files), names)
    known = measure(model, whole.drop(names), whole.select(names), whole.select(names))
    if kind is TabularRegressor or len(names) > 1:
        baseline = whole.select(names).to_numpy().mean(axis=0)
    else:
        counts = whole[names[0]].value_counts().sort(names[0])["count"].to_numpy()
        baseline = counts / counts.sum()
    tally = measure_stream(model, stream(files), known=baseline)
    for one, other in zip(tally.metrics(), known, strict=True):
        assert (one.name, one.higher_is_better) == (other.name, other.higher_is_better)
        room = tally.area_error + 1e-12 if one.name == "ROC AUC" else 1e-9
        assert one.value == pytest.approx(other.value, abs=room)
        assert one.baseline == pytest.approx(other.baseline, abs=1e-9)


def test_the_area_in_bins_is_within_its_bound():
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(0)
    marks = random.random(5_000) < 0.1
    # rare and sure: chances crowd near 0 and 1
    chances = (1 / (1 + np.exp(-random.normal(-4 + 5 * marks, 3)))).astype(np.float32)
    for bits, most in ((13, 1e-4), (17, 2e-3)):
        area = _Area(bits)
        area.add(chances[:2000], marks[:2000])
        area.add(chances[2000:], marks[2000:])
        value, error = area.value()
        assert abs(value - roc_auc_score(marks, chances)) <= error <= most


def test_what_needs_the_whole_table_is_refused_with_a_way_out(files):
    model, rows = TabularClassifier(**SETTINGS), stream(files)
    with pytest.raises(SettingError, match="names of columns"):
        model.fit(rows, table()["y"])
    with pytest.raises(SettingError, match="at random or by groups"):
        model.fit(rows, "y", time=table()["a"])
    with pytest.raises(SettingError, match="validation_fraction"):
        TabularClassifier(**SETTINGS, n_cv=3).fit(rows, "y")
    with pytest.raises(SettingError, match="leaves no room"):
        model.fit(Stream(files, "20MB"), "y")
    with pytest.raises(SettingError, match="name of the model's target"):
        TabularClassifier(**{**SETTINGS, "max_epochs": 1}).fit(rows, "y").score(rows, "many")


def test_it_goes_on_from_what_it_has_learned(files):
    model = TabularRegressor(**{**SETTINGS, "max_epochs": 1}).fit(stream(files), "z")
    encoder, before = model.encoder_, model.parameters_.vector.copy()
    model.set_params(warm_start=True, learning_rate=1e-9).fit(stream(files), "z")
    assert model.encoder_ is encoder
    assert model.parameters_.vector == pytest.approx(before, abs=1e-5)
