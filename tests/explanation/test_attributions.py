"""Contributions of columns, against weights of a linear network, JAX and the predictions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from clearprop import (
    Dense,
    MLPClassifier,
    Network,
    Parameters,
    TabularClassifier,
    TabularRegressor,
)
from clearprop import equations as eq
from clearprop.errors import SettingError, ShapeError
from clearprop.explanation import attributions
from clearprop.explanation.attributions import typical_row
from clearprop.explanation.output_slopes import OutputSlopes
from clearprop.network import LSTM, Periodic, Scaling


def rows_of(inputs, n=6, seed=3):
    return np.random.default_rng(seed).normal(size=(n, inputs))


def table_of(n=80):
    draw = np.random.default_rng(2)
    size, age = draw.normal(50, 9, n), draw.integers(20, 60, n)
    kind = draw.choice(["a", "b", "c", "d"], n, p=[0.1, 0.5, 0.2, 0.2])
    frame = pl.DataFrame({"size": size, "kind": kind, "age": age})
    price = 3000.0 + 90 * size + 400 * (kind == "c") - 5 * age
    return frame, price


def test_a_linear_network_contributes_weight_times_distance():
    network = Network(3, (Dense(2),), dtype="float64")
    W = np.array([[1.0, -2.0, 0.5], [0.3, 0.0, 4.0]])
    parameters = Parameters.from_arrays(network, [W], [np.array([7.0, 8.0])])
    x, start = rows_of(3), np.array([[0.1, 0.2, 0.3]])
    for output in (0, 1):
        found = attributions(parameters, x, start, output=output)
        assert np.allclose(found.values, (x - start) * W[output], rtol=0, atol=1e-12)
        assert np.allclose(found.at_baseline, start @ W[output] + [7.0, 8.0][output])
        assert found.complete.all()
        assert set(found.nodes) == {8}


@pytest.mark.parametrize(
    ("output", "loss"),
    [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"), ("exp", "poisson")],
)
def test_contributions_are_the_integral_of_jax_slopes(output, loss):
    layers = (Dense(7, "tanh", scale="ntk"), Dense(5, "mish"), Dense(3, output))
    network = Network(4, layers, loss, "float64")
    parameters = Parameters.initial(network, 5)
    x, start = rows_of(4), rows_of(4, 1, seed=8)
    found = attributions(parameters, x, start, tolerance=1e-9, output=2)

    def value(row):
        return eq.forward(jnp, network, jnp.asarray(parameters.vector), row[None]).output[0, 2]

    jax.config.update("jax_enable_x64", True)
    shares = (np.arange(4000) + 0.5) / 4000
    for i, row in enumerate(x):
        way = jnp.asarray(start[0] + shares[:, None] * (row - start[0]))
        slope = np.asarray(jax.vmap(jax.grad(value))(way)).mean(axis=0)
        assert np.allclose(found.values[i], (row - start[0]) * slope, rtol=0, atol=2e-7)
    # an engine's slopes end where those of another do
    native = attributions(parameters, x, start, tolerance=1e-9, output=2, engine="native")
    assert np.allclose(native.values, found.values, rtol=0, atol=1e-9)


def test_contributions_add_up_to_the_prediction_in_its_own_unit():
    frame, price = table_of()
    model = TabularRegressor().fit(frame, price)
    found = attributions(model, frame)
    predicted, start = model.predict(frame), model.predict(found.baseline)
    assert found.columns == ("size", "kind", "age")
    assert np.allclose(found.value, predicted)
    assert np.allclose(found.at_baseline, start)
    apart = np.abs(found.values.sum(axis=1) - (predicted - start))
    assert (apart <= 0.011 * np.abs(found.feature_values).sum(axis=1)).all()
    assert found.complete.all()
    # the price goes by 9 · 90 with the size, and by 5 · 12 with the age
    assert found.columns[found.order[0]] == "size"
    assert found.importance[0] > 4 * found.importance[2]
    assert np.allclose(
        found.values[:, 1], found.feature_values[:, found.column_of == 1].sum(axis=1)
    )


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(("output", "loss"), [("softmax", "cross_entropy"), ("identity", "huber")])
@pytest.mark.parametrize("engine", ["reference", "native"])
def test_slopes_go_back_through_front_layers_and_members(members, output, loss, engine):
    layers = (
        Periodic((0, 2), frequencies=3, features=3, sigma=0.3),
        Scaling(),
        Dense(6, "mish", scale="ntk", parametric=True),
        Dense(3, output),
    )
    network = Network(4, layers, loss, "float64", members=members)
    draw = np.random.default_rng(9)
    several = [Parameters(network, draw.normal(size=network.size)) for _ in range(2)]
    probe, x = OutputSlopes(several, engine), rows_of(4)
    for k in (0, 2):
        slopes = probe.slopes(x, k)
        for column in range(4):
            step = 1e-6 * np.eye(4)[column]
            rise = (probe.values(x + step) - probe.values(x - step))[:, k] / 2e-6
            assert np.allclose(
                slopes[:, column], rise, rtol=0, atol=1e-8 * np.abs(slopes).max() + 1e-8
            )
    found = attributions(several[0], x, tolerance=1e-4, output=1, engine=engine)
    assert found.complete.all()
    assert np.abs(found.gap).max() < 1e-3


def test_fewer_nodes_than_it_takes_are_said():
    frame, price = table_of()
    model = TabularRegressor(max_epochs=20, activation="relu").fit(frame, price)
    few = attributions(model, frame, tolerance=1e-5, most=8)
    assert not few.complete.all()
    assert set(few.nodes) == {8}
    many = attributions(model, frame, tolerance=1e-5)
    assert many.nodes.max() == 1024
    assert np.abs(many.gap).max() < 0.1 * np.abs(few.gap).max()


def test_each_row_explains_its_likeliest_class():
    draw = np.random.default_rng(0)
    x = np.vstack([draw.normal(size=(20, 2)) + 3 * np.eye(3)[k, :2] for k in range(3)])
    model = MLPClassifier((8,), solver="lbfgs", alpha=0.1, random_state=0).fit(
        x, np.repeat(["p", "q", "r"], 20)
    )
    found = attributions(model, x)
    shares = model.predict_proba(x)
    assert found.output_names == ("p", "q", "r")
    assert (found.outputs == shares.argmax(axis=1)).all()
    assert np.allclose(found.value, shares.max(axis=1), atol=1e-6)
    named = attributions(model, x, output="q")
    assert set(named.outputs) == {1}
    assert np.allclose(
        named.values[found.outputs == 1], found.values[found.outputs == 1], atol=1e-6
    )


def test_over_several_baselines_contributions_are_means():
    frame, price = table_of()
    model = TabularClassifier(max_epochs=10).fit(frame, price > 7000)
    starts = frame.sample(5, seed=1)
    found = attributions(model, frame.head(4), starts)
    single = [attributions(model, frame.head(4), starts[k : k + 1]) for k in range(5)]
    assert np.allclose(found.values, np.mean([one.values for one in single], axis=0))
    assert np.allclose(found.at_baseline, model.predict_proba(starts)[:, 1].mean())
    assert found.complete.all()


def test_a_row_is_not_moved_from_itself():
    frame, price = table_of()
    model = TabularRegressor(max_epochs=5).fit(frame, price)
    found = attributions(model, frame.head(1), frame.head(1))
    assert not found.values.any()
    assert found.complete.all()


def test_the_typical_row_holds_medians_and_most_frequent_values():
    frame = pl.DataFrame(
        {
            "number": [4.0, None, float("nan"), 1.0, 3.0, 2.0],
            "word": ["b", "a", "b", "a", None, "c"],
            "flag": [True, False, True, True, None, False],
            "empty": pl.Series([None] * 6, dtype=pl.Float64),
            "day": pl.Series([5, 1, 3, 2, 4, 9]).cast(pl.Date),
        }
    )
    row = typical_row(frame).to_dicts()[0]
    assert row["number"] == 2.0
    assert row["word"] == "a"
    assert row["flag"] is True
    assert row["empty"] is None
    assert frame["day"].to_list().index(row["day"]) == 2


def test_what_cannot_be_explained_is_refused():
    network = Network(2, (Dense(1),))
    parameters = Parameters.initial(network)
    with pytest.raises(ShapeError, match=r"\(n, 2\), but an array of shape \(4, 3\)"):
        attributions(parameters, rows_of(3, 4))
    with pytest.raises(SettingError, match="outputs o1, 0 to 0, but output='o2'"):
        attributions(parameters, rows_of(2), output="o2")
    with pytest.raises(SettingError, match="'typical', or rows"):
        attributions(parameters, rows_of(2), "zeros")
    with pytest.raises(SettingError, match="inputs_moved"):
        attributions(Parameters.initial(Network(2, (LSTM(3), Dense(1)))), rows_of(2))
    with pytest.raises(SettingError, match="but Network came"):
        attributions(network, rows_of(2))
