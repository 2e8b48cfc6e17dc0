"""How front layers, and weights and biases that look at the data, start."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from clearprop import Dense, Network, Parameters, Periodic, Scaling
from clearprop.engines import Block, Recipe, build
from clearprop.errors import SettingError, ShapeError
from clearprop.network import LSTM

ROWS = np.random.default_rng(0).gamma(2.0, size=(500, 4)) * [1, 10, 0.1, 3]


def looking(*units, members=1, front=(), **options):
    options = {"init": "std", "bias_init": "he+5", "scale": "ntk"} | options
    layers = [Dense(n, "selu", parametric=True, **options) for n in units[:-1]]
    last = Dense(units[-1], "identity", **options)
    return Network(4, (*front, *layers, last), dtype="float64", members=members)


def traced(parameters):
    """z of each layer on the rows, (members, n, units), with the biases' part taken out."""
    network = parameters.network
    engine = build("reference", network, Recipe(batch_size=len(ROWS)))
    block = Block.of(network, ROWS, np.zeros((len(ROWS), network.outputs)))
    trace = engine.trace(engine.initial_state(parameters), block, np.arange(len(ROWS)))
    found = {}
    for operation, z in zip(network.operations, trace.z, strict=True):
        if operation.kind == "dense":
            b = operation.bias.view(parameters.vector)
            z = z.reshape(network.members, len(ROWS), -1)
            found[operation.layer] = operation, z - b[..., None, :], b
    return found


@pytest.mark.parametrize(
    ("members", "front"),
    [
        (1, ()),
        (1, (Periodic((0, 3)), Scaling())),
        (4, (Scaling(),)),
        (3, (Periodic((1,)), Scaling())),
    ],
)
def test_each_z_varies_by_one_and_its_kink_lies_amid_the_data(members, front):
    network = looking(30, 20, 3, members=members, front=front)
    parameters = Parameters.initial(network, 1, ROWS)
    for operation, z, b in traced(parameters).values():
        if not operation.own:
            z = z.reshape(1, -1, operation.units)
        assert z.std(axis=1) == pytest.approx(1.0, rel=1e-9)
        assert (z.min(axis=1) < -b).all()
        assert (-b < z.max(axis=1)).all()


def test_biases_are_spread_as_means_over_a_simplex():
    # Σ λ² of five uniform shares is 2 / 6 on the average, so b varies by a third of what z does
    parameters = Parameters.initial(looking(4000, 1), 2, ROWS)
    _, z, b = traced(parameters)[1]
    apart = b + z.mean(axis=(0, 1))
    assert np.mean(apart**2) == pytest.approx(1 / 3, rel=0.1)
    assert abs(apart.mean()) < 0.05


def test_rows_may_be_sparse_and_may_not_vary():
    network = looking(6, 2)
    one = Parameters.initial(network, 3, ROWS).vector
    assert np.array_equal(one, Parameters.initial(network, 3, scipy.sparse.csr_array(ROWS)).vector)
    still = Parameters.initial(network, 3, np.ones((5, 4))).vector
    assert np.isfinite(still).all()
    assert np.abs(still).max() < 20


def test_many_rows_are_looked_at_in_part():
    network = looking(6, 2)
    many = np.random.default_rng(1).normal(size=(30_000, 4))
    found = Parameters.initial(network, 3, many)
    assert np.array_equal(found.vector, Parameters.initial(network, 3, many).vector)
    W = found["W1"]
    assert (many @ W.T / 2).std(axis=0) == pytest.approx(1, rel=0.05)


def test_starts_that_look_need_rows_and_rows_that_fit():
    network = looking(6, 2)
    with pytest.raises(SettingError, match="Give the rows"):
        Parameters.initial(network, 0)
    with pytest.raises(ShapeError, match=r"\(n, 4\), n at least 1, but \(3, 5\) came"):
        Parameters.initial(network, 0, np.zeros((3, 5)))
    with pytest.raises(ShapeError, match=r"n at least 1, but \(0, 4\) came"):
        Parameters.initial(network, 0, np.zeros((0, 4)))
    sequences = Network(4, (LSTM(3), Dense(1, "identity", init="std")))
    with pytest.raises(SettingError, match="Layer 2 starts by looking at rows"):
        Parameters.initial(sequences, 0, ROWS)


def test_other_starts_of_biases():
    for name, spread in [("zeros", 0.0), ("normal", 1.0)]:
        network = Network(4, (Dense(5000, "identity", bias_init=name, init="sklearn"),))
        b = Parameters.initial(network, 0)["b1"]
        assert b.std() == pytest.approx(spread, rel=0.05)


def test_waves_start_as_their_formula_says():
    layer = Periodic((0, 1, 2), frequencies=400, features=9, sigma=0.5)
    network = Network(3, (layer, Dense(1, "identity")), dtype="float64")
    found = Parameters.initial(network, 1)
    assert found["f1"].std() == pytest.approx(0.5, rel=0.06)
    # uniform over a turn, and within ±1/√400
    for name, half in [("p1", 0.5), ("W1", 0.05), ("b1", 0.05)]:
        assert np.abs(found[name]).max() <= half
        assert found[name].std() == pytest.approx(half / 3**0.5, rel=0.3 if name == "b1" else 0.06)


def test_gains_start_at_one_or_at_signs_or_at_normal_numbers_a_column():
    dense = Dense(1, "identity")
    alone = Network(40, (Scaling(), dense))
    assert (Parameters.initial(alone, 0)["g1"] == 1).all()
    members = Network(40, (Scaling(), dense), members=8)
    g = Parameters.initial(members, 0)["g1"]
    assert set(np.unique(g)) == {-1.0, 1.0}
    assert abs(g.mean()) < 0.25
    behind_waves = Network(40, (Periodic((3, 7), features=4), Scaling(), dense), members=500)
    g = Parameters.initial(behind_waves, 0)["g2"]
    assert g.shape == (500, 46)
    assert g.std() == pytest.approx(1, rel=0.05)
    for column in (slice(0, 4), slice(4, 8)):
        assert (g[:, column] == g[:, column][:, :1]).all()
    assert len(np.unique(g[0])) == 2 + 38


def test_members_have_heads_of_their_own_and_share_the_rest():
    network = looking(5, 2, members=3, front=(Scaling(),))
    whole = Parameters.initial(network, 0, ROWS)
    for m in range(3):
        own = whole.member(m)
        assert np.array_equal(own["W2"], whole["W2"])
        assert np.array_equal(own["g1"], whole["g1"][m])
        assert np.array_equal(own["W3"], whole["W3"][m])
        assert np.array_equal(own["b3"], whole["b3"][m])
    assert not np.array_equal(whole["W3"][0], whole["W3"][1])
    with pytest.raises(SettingError, match="numbered from 0 to 2, but 3 came"):
        whole.member(3)


def test_segments_put_back_what_they_show():
    network = looking(5, 2, members=3, front=(Periodic((1, 2)), Scaling()))
    vector = np.arange(network.size, dtype=np.float64)
    for segment in network.segments:
        view = segment.view(vector)
        assert view.shape == segment.shape
        assert np.shares_memory(view, vector)
        assert np.array_equal(segment.flat(view), vector[segment.start : segment.stop])
