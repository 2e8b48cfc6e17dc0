"""RNNClassifier and RNNRegressor against the trainer, engines and NumPy underneath."""

import pickle
import warnings

import numpy as np
import pytest
from rnn_cases import ENGINES, classifier, labels, long_table, of_table, regressor, sequences
from rnn_cases import step_labels as labels_of_steps
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.utils import compute_class_weight

from clearprop import GRU, LSTM, Dense, Network, Parameters, Recurrent, load, save
from clearprop.engines import Block, Recipe, Sequences, build
from clearprop.equations import Adam, Penalty
from clearprop.errors import DataError, FileError, SettingError
from clearprop.training import ByLength, Cosine, Run, Settings, Stopping

X = sequences()
Y = labels(X)
NUMBERS = np.array([x[:, 0].sum() for x in X])
STEPS = np.concatenate(X)
STANDARD = [(x - STEPS.mean(axis=0)) / STEPS.std(axis=0) for x in X]
CODES = np.searchsorted(["low", "middle", "top"], Y)


def test_a_fit_is_the_trainer_on_standardised_steps():
    model = classifier(alpha=0.3, clip_norm=0.5, batch_size=7, dtype="float64").fit(X, Y)
    random = np.random.RandomState(0)
    network = Network(
        3,
        (LSTM(5, "both", 0.2), Dense(3, "softmax")),
        "cross_entropy",
        "float64",
        "mean",
    )
    assert model.network_ == network
    start = Parameters.initial(network, random)
    lengths = np.array([len(x) for x in X])
    orders = ByLength(lengths, 7, int(random.randint(2**31)), np.arange(24))
    seed = int(random.randint(2**31))
    recipe = Recipe(
        Adam(0.005, epsilon_hat=True), Cosine(), Penalty(l2=0.3, per_sample=True), 7, 4, 0.5
    )
    block = Block.of(network, STANDARD, CODES)
    settings = Settings(recipe, "reference", None, seed, orders, Stopping(patience=10))
    outcome = Run(network, block, settings, parameters=start).finish()
    np.testing.assert_allclose(model.parameters_.vector, outcome.parameters.vector, rtol=1e-9)
    expected = build("reference", network, recipe).predict(
        outcome.parameters.vector, Sequences.of(STANDARD, "float64")
    )
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-7)
    np.testing.assert_allclose(model.history_.loss, outcome.history.loss, rtol=1e-9)
    assert (model.predict(X) == np.array(["low", "middle", "top"])[expected.argmax(1)]).all()
    assert model.n_iter_ == 4
    assert model.t_ == 4 * 24


@pytest.mark.parametrize(
    ("parameters", "layers", "readout"),
    [
        ({}, (LSTM(5, "both", 0.2), Dense(3, "softmax")), "mean"),
        ({"cell": "gru", "readout": "last"}, (GRU(5, "both", 0.2), Dense(3, "softmax")), "last"),
        (
            {"units": (4, 6), "cell": ["elman", "lstm"], "direction": "backward", "dropout": 0},
            (Recurrent(4, "backward"), LSTM(6, "backward"), Dense(3, "softmax")),
            "mean",
        ),
        (
            {"dense": (7, 4), "activation": "tanh", "dropout": 0.5},
            (LSTM(5, "both", 0.5), Dense(7, "tanh", 0.5), Dense(4, "tanh", 0.5))
            + (Dense(3, "softmax"),),
            "mean",
        ),
    ],
)
def test_parameters_are_the_network(parameters, layers, readout):
    model = classifier(max_iter=1, **parameters).fit(X, Y)
    assert model.network_ == Network(3, layers, "cross_entropy", readout=readout)


@pytest.mark.parametrize("engine", ENGINES)
def test_something_is_learned_on_every_engine(engine):
    model = classifier(max_iter=120, units=8, engine=engine, dropout=0).fit(X, Y)
    assert model.score(X, Y) == accuracy_score(Y, model.predict(X)) > 0.9
    steps = labels_of_steps(X)
    each = classifier(max_iter=150, units=8, engine=engine, dropout=0).fit(X, steps)
    flat = np.concatenate(steps)
    assert each.score(X, steps) == accuracy_score(flat, np.concatenate(each.predict(X))) > 0.9
    numbers = regressor(max_iter=250, units=8, engine=engine, readout="last").fit(X, NUMBERS)
    predicted = numbers.predict(X)
    assert numbers.score(X, NUMBERS) == pytest.approx(r2_score(NUMBERS, predicted))
    assert numbers.score(X, NUMBERS) > 0.9
    assert np.abs(predicted - NUMBERS).mean() < 0.3 * NUMBERS.std()


def test_standardising_is_of_all_steps_and_can_be_left():
    model = classifier().fit(X, Y)
    np.testing.assert_allclose(model.encoding_.means, STEPS.mean(axis=0))
    np.testing.assert_allclose(model.encoding_.scales, STEPS.std(axis=0))
    given = classifier(standardize=False).fit(STANDARD, Y)
    np.testing.assert_allclose(given.parameters_.vector, model.parameters_.vector, atol=1e-5)
    constant = [np.column_stack([x, np.full(len(x), 0.1)]) for x in X]
    assert classifier().fit(constant, Y).encoding_.scales[3] == 1.0
    left = classifier(**of_table(standardize=False)).fit(long_table(STANDARD, kind=Y), "kind")
    np.testing.assert_allclose(left.parameters_.vector, given.parameters_.vector, atol=1e-5)


def test_targets_are_standardised_and_come_back_in_their_units():
    for scale, shift in ((1e6, 3e7), (1e-6, 0.0)):
        model = regressor().fit(X, NUMBERS * scale + shift)
        plain = regressor().fit(X, NUMBERS)
        np.testing.assert_allclose(
            model.predict(X), plain.predict(X) * scale + shift, rtol=1e-4, atol=1e-3 * scale
        )
    np.testing.assert_allclose(model.history_.loss, plain.history_.loss, rtol=1e-4)
    two = np.column_stack([NUMBERS, -3 * NUMBERS])
    assert regressor().fit(X, two).predict(X).shape == (24, 2)
    counts = regressor(loss="poisson", max_iter=40).fit(X, NUMBERS - NUMBERS.min() + 1)
    assert counts.network_.layers[-1].function.name == "exp"
    assert (counts.predict(X) > 0).all()


def test_weights_of_sequences_and_classes():
    weights = np.where(Y == "top", 4.0, 1.0)
    weighted = classifier().fit(X, Y, weights)
    by_class = classifier(class_weight={"low": 1, "middle": 1, "top": 4}).fit(X, Y)
    np.testing.assert_array_equal(weighted.parameters_.vector, by_class.parameters_.vector)
    balanced = classifier(class_weight="balanced").fit(X, Y)
    classes = np.unique(Y)
    found = compute_class_weight("balanced", classes=classes, y=Y)
    factors = dict(zip(classes, found, strict=True))
    same = classifier().fit(X, Y, [factors[label] for label in Y])
    np.testing.assert_array_equal(balanced.parameters_.vector, same.parameters_.vector)
    with pytest.raises(SettingError, match="class_weight weighs whole sequences"):
        classifier(class_weight="balanced").fit(X, labels_of_steps(X))
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(23,\)"):
        classifier().fit(X, Y, np.ones(23))


def test_early_stopping_holds_sequences_out_with_the_classes_shares():
    model = classifier(early_stopping=True, validation_fraction=0.25, max_iter=6).fit(X, Y)
    assert len(model.validation_loss_curve_) == model.n_iter_
    assert model.history_.best_epoch == 1 + int(np.argmin(model.validation_loss_curve_))
    given = classifier(max_iter=3).fit(X, Y, validation_data=(X[:6], Y[:6]))
    loss = log_loss(Y[:6], given.predict_proba(X[:6]), labels=given.classes_)
    assert given.validation_loss_curve_[-1] == pytest.approx(loss, rel=1e-5)
    scored = classifier(early_stopping=True, monitor="balanced_accuracy", max_iter=3).fit(X, Y)
    assert len(scored.validation_scores_) == 3
    steps = labels_of_steps(X)
    each = classifier(early_stopping=True, monitor="score", max_iter=3)
    each.fit(X, steps, np.arange(1, 25), validation_data=(X[:6], steps[:6], np.arange(6)))
    assert each.validation_scores_[-1] == pytest.approx(each.score(X[:6], steps[:6], np.arange(6)))
    with pytest.raises(DataError, match="classes that y has not"):
        classifier().fit(X, Y, validation_data=(X[:2], ["low", "high"]))


def test_warm_start_goes_on():
    model = classifier(warm_start=True).fit(X, Y)
    before, encoding = model.parameters_.vector.copy(), model.encoding_
    model.fit(X[:12], Y[:12])
    assert model.encoding_ is encoding
    assert not np.array_equal(model.parameters_.vector, before)
    assert len(model.history_) == 8
    with pytest.raises(SettingError, match="Put cell, units, direction and dense back"):
        model.set_params(units=6).fit(X, Y)
    with pytest.raises(DataError, match=r"but y has \['other'\] as well"):
        model.set_params(units=5).fit(X, np.where(Y == "low", "other", Y))


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"cell": ["lstm", "gru"]}, r"one for each of units=\(5,\)"),
        ({"cell": ["rnn"]}, "There is no cell 'rnn'. Known cells: elman, gru, lstm"),
        ({"units": (4, 0)}, "units must be whole numbers above 0"),
        ({"units": ()}, "of which there must be one at least"),
        ({"dense": (2.5,)}, "dense must be whole numbers"),
        ({"engine": "fast"}, "engine"),
        ({"cell": "rnn"}, "cell"),
        ({"truncate": 0}, "truncate"),
    ],
)
def test_parameters_out_of_range(parameters, match):
    with pytest.raises(ValueError, match=match):
        classifier(**parameters).fit(X, Y)


def test_lbfgs_and_truncation():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = classifier(solver="lbfgs", max_iter=30, dropout=0, direction="forward").fit(X, Y)
    assert model.score(X, Y) > 0.9
    steps = labels_of_steps(X)
    cut = classifier(truncate=2).fit(X, steps)
    whole = classifier().fit(X, steps)
    assert whole._memory.step == 4 * 3
    # each piece of two steps is an update, and batches have up to seven steps
    assert 4 * 3 * 2 < cut._memory.step <= 4 * 3 * 4


def test_traces_are_of_the_step_that_would_be_taken():
    model = classifier(dtype="float64").fit(X, Y)
    trace = model.trace(X[:5], Y[:5])
    assert trace.rows.tolist() == [0, 1, 2, 3, 4]
    chances = model.predict_proba(X[:5])
    expected = -np.log(chances[np.arange(5), CODES[:5]])
    np.testing.assert_allclose(trace.losses, expected, rtol=1e-9)
    # a central difference of the mean log loss along one weight of the recurrent matrix
    entry = next(s for s in model.network_.segments if s.name == "U1").start + 3
    vector = model.parameters_.vector
    sums = []
    for step in (1e-6, -1e-6):
        vector[entry] += step
        moved = model.predict_proba(X[:5])
        sums.append(-np.log(moved[np.arange(5), CODES[:5]]).mean())
        vector[entry] -= step
    assert (sums[0] - sums[1]) / 2e-6 == pytest.approx(trace.gradient[entry], rel=1e-5, abs=1e-9)


def test_units_have_names_and_recordings_are_kept():
    model = classifier(**of_table(record="path")).fit(long_table(X, kind=Y), "kind")
    assert model.unit_names() == {
        "inputs": ("f0", "f1", "f2"),
        "outputs": ("low", "middle", "top"),
    }
    assert model.recording_ is not None
    assert classifier().fit(X, Y).unit_names() == {"outputs": ("low", "middle", "top")}


MODELS = {
    "arrays": lambda: (classifier(class_weight={"low": 2.0}).fit(X, Y), X),
    "steps": lambda: (classifier(cell="gru", dense=(4,)).fit(X, labels_of_steps(X)), X),
    "table": lambda: (
        classifier(**of_table()).fit(long_table(X, kind=Y), "kind"),
        long_table(X, kind=Y),
    ),
    "numbers": lambda: (regressor(units=[3, 2], cell=["elman", "lstm"]).fit(X, NUMBERS), X),
    "outputs": lambda: (regressor().fit(X, np.column_stack([NUMBERS, NUMBERS**2])), X),
}


@pytest.mark.parametrize("name", MODELS)
def test_pickles_and_model_files_predict_the_same_bits(name, tmp_path):
    model, data = MODELS[name]()
    expected = model.predict(data)
    for other in (pickle.loads(pickle.dumps(model)), load(save(model, tmp_path / "m"))):
        got = other.predict(data)
        pairs = zip(got, expected, strict=True) if isinstance(got, list) else [(got, expected)]
        assert all(np.array_equal(a, b) for a, b in pairs)
        assert other.parameters_.vector.tobytes() == model.parameters_.vector.tobytes()
        assert other.per_step_ == model.per_step_
        assert other.history_.loss == model.history_.loss
        assert other.get_params().keys() == model.get_params().keys()
    assert load(save(other, tmp_path / "again")).network_ == model.network_
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()


@pytest.mark.parametrize(
    ("name", "field", "value", "match"),
    [
        ("arrays", "per_step", True, "is not one it can have"),
        ("arrays", "encoding", {"kind": "steps", "means": [0.0], "scales": [1.0]}, "3 inputs"),
        ("arrays", "encoding", {"kind": "steps", "means": [0.0], "scales": [0.0]}, "positive"),
        ("arrays", "encoding", {"kind": "os"}, "Expected the encoding"),
        ("arrays", "encoding", {"kind": "steps", "means": [True] * 3, "scales": [1.0] * 3}, "list"),
        ("arrays", "label_kind", "binary", "do not fit its network"),
        ("numbers", "target_scales", [-1.0], "positive scale for each"),
        ("numbers", "forecasts", 1, "true or false"),
        ("numbers", "target_names", 3, "could not be rebuilt"),
    ],
)
def test_files_that_do_not_fit_themselves(name, field, value, match):
    from dataclasses import replace

    from clearprop.files import from_parts

    parts = MODELS[name]()[0].to_parts()
    with pytest.raises(FileError, match=match):
        from_parts(replace(parts, document={**parts.document, field: value}))
