"""Analyses of networks of sequences, against finite differences, JAX, and scalar work."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sequence_cases import CELLS, Echo, explained, named, truncated

from clearprop import Dense, Network, Parameters
from clearprop.engines import unrolled
from clearprop.engines.sequences import Packing
from clearprop.errors import SettingError
from clearprop.explanation import Place, explain
from clearprop.explanation.examples import example
from clearprop.explanation.gradient_check import loss_of
from clearprop.explanation.through_time import SequenceExplanation
from clearprop.explanation.through_time.run import run_of, way_steps
from clearprop.network import LSTM, Recurrent

READOUTS = ("last", "every", "mean")


def places(found):
    network = found.trace.network
    return [Place.of_entry(network, entry) for entry in range(network.size)]


# names


@pytest.mark.parametrize("cells", CELLS)
def test_every_parameter_has_a_name_that_can_be_typed(cells):
    found = explained(cells)
    names = [found.names.of(place) for place in places(found)]
    assert len(set(names)) == len(names)
    assert [found.names.find(name) for name in names] == places(found)
    entries = [place.entry(found.trace.network) for place in places(found)]
    assert entries == list(range(found.trace.network.size))
    typed = [found.names.find(place.entry_name) for place in places(found)]
    assert typed == places(found)


def test_names_say_gate_step_before_and_way():
    names = explained("gru").names
    network = names.network
    assert names.find("h1.2.r<-x3") == Place(1, 1, 2)
    assert names.find("h1.2.n<-h1.1") == Place(1, 7, 0, "U")
    assert names.find("h1r.3.u<-h1r.1") == Place(1, 5, 0, "U", 1)
    assert names.find("h1.1.n<-inner") == Place(1, 0, None, "c")
    assert names.find("U1r[5, 0]") == Place(1, 5, 0, "U", 1)
    assert names.find("h1.1.n<-inner").entry(network) == network.operations[0].ways[0].inner.start
    with pytest.raises(SettingError, match=r"'h1r.1' to 'h1.2.r'"):
        names.find("h1.2.r<-h1r.1")
    with pytest.raises(SettingError, match="has the shape"):
        names.find("U1[0, 3]")


def test_a_column_named_like_a_unit_keeps_the_name():
    names = named().names
    assert names.find("h1.1.u<-age") == Place(1, 3, 0)
    assert names.of(Place(1, 3, 2)) == "h1.1.u<-h1.1"
    assert names.of(Place(1, 3, 0, "U")) == "U1[3, 0]"
    assert names.find("U1[3, 0]") == Place(1, 3, 0, "U")


# the gradient as a sum, and as pairs of steps


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("cells", CELLS)
def test_sums_and_pairs_are_the_gradient(cells, readout):
    found = explained(cells, readout)
    recurrent = {operation.layer for operation in found.trace.network.recurrences}
    for place in places(found):
        total = sum(found.over_time(place, sequence).total for sequence in range(3))
        gradient = found.trace.gradient[place.entry(found.trace.network)]
        assert total == pytest.approx(gradient, rel=1e-11, abs=1e-15)
        assert found.over_time(place, 0).adds_up
        if place.layer in recurrent:
            pairs = found.pairs(place, 2)
            assert pairs.agrees
            assert pairs.by_distance.sum() == pytest.approx(pairs.gradient, rel=1e-10, abs=1e-14)
            assert pairs.acted[np.argsort(pairs.times)] == pytest.approx(
                found.over_time(place, 2).values, rel=1e-9, abs=1e-14
            )


def test_single_precision_is_read_as_it_is():
    found = explained("stacked", "every", "float32")
    assert all(found.over_time(place, 0).adds_up for place in places(found))
    assert all(found.pairs(place, 2).agrees for place in places(found) if place.layer in (2, 3))


def test_a_changed_number_in_the_trace_changes_what_is_told():
    found = explained("lstm")
    before = found.over_time("h1.1.i<-x1", 0)
    found.trace.delta[0][found.trace.packing.of(0)[2], 0] += 1.0
    after = found.over_time("h1.1.i<-x1", 0)
    apart = after.values - before.values
    assert apart[2] == pytest.approx(before.signals[2])
    assert not after.adds_up


@pytest.mark.parametrize("cells", ["elman", "gru", "lstm"])
def test_pairs_are_products_of_jacobians(cells):
    """Each pair anew: what came in at T, times J of every step between, times this step's slope."""
    found = explained(cells, "every")
    run = run_of(found.trace, 2)
    ways = way_steps(run, 1)
    size = ways.operation.size
    place = Place(1, 1, 0, "U")
    pairs = found.pairs(place, 2)
    states = len(ways.cell.states)
    for T in range(run.steps):
        error = np.concatenate([ways.above[T], np.zeros((states - 1) * size)])
        for t in range(T, -1, -1):
            parts = tuple(part[None] for part in np.split(error, states))
            prime = ways.cell.back(np, ways.f, ways.step(t), ways.U, ways.before(t), parts)[1]
            value = prime[0, 1] * ways.saved.before[0][t, 0]
            assert pairs.values[t, T] == pytest.approx(value, rel=1e-9, abs=1e-15)
            error = ways.jacobian(t).T @ error


def test_errors_that_training_cut_off_are_cut_off_here():
    found = truncated(3)
    for place in places(found)[:20]:
        assert found.pairs(place, 2).agrees
        assert found.over_time(place, 2).adds_up
    values = found.pairs("h1.1<-x1", 2).values
    assert (values[:6, 6] == 0).all()
    assert found.pairs("h1.1<-x1", 0).values[:3, 4].tolist() == [0, 0, 0]
    assert found.pairs("h1.1<-x1", 0).values[3, 4] != 0
    routes = found.routes("h1.1<-x1", 0, paths=100)
    assert len(routes.routes) == routes.count == 1 + 3
    assert routes.rest == pytest.approx(0, abs=1e-15)
    assert not found.check().passed


# unit by unit


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("cells", ["elman", "both"])
def test_all_routes_add_up_and_the_largest_come_first(cells, readout):
    found = explained(cells, readout)
    for name in ("h1.2<-x1", "h1.2<-h1.3", "h1.1<-bias"):
        every = found.routes(name, 0, paths=10**6)
        assert len(every.routes) == every.count
        assert every.remaining == 0
        size = math.fsum(abs(route.product) for route in every.routes)
        assert abs(every.rest) <= 1e-12 * size
        sizes = np.array([abs(route.product) for route in every.routes])
        assert (sizes[1:] <= sizes[:-1] * (1 + 1e-12)).all()
        some = found.routes(name, 0, paths=7)
        assert [r.product for r in some.routes] == pytest.approx(
            [r.product for r in every.routes[:7]], rel=1e-12
        )
        assert some.shown + some.rest == pytest.approx(some.total, rel=1e-12)


def test_the_routes_of_echo_are_those_of_scalar_work():
    found, scalar = example("echo").explain(), Echo()
    wanted = scalar.paths()
    routes = found.routes("w1", 0, paths=100)
    assert routes.count == len(wanted) == 15
    told = {route.units: route.product for route in routes.routes}
    assert told.keys() == {units for units, _ in wanted}
    for units, product in wanted:
        assert told[units] == pytest.approx(product, rel=1e-12)


def test_gates_and_dense_layers_have_no_routes():
    with pytest.raises(SettingError, match="pairs of steps"):
        explained("lstm").routes("h1.1.i<-x1")
    with pytest.raises(SettingError, match="Recurrent layers of this network are 1"):
        explained("lstm").pairs("o1<-h1.1")


# how long the error stays


@pytest.mark.parametrize("cells", ["elman", "backward", "lstm"])
def test_what_is_left_is_what_differences_of_the_loss_say(cells):
    """∂E/∂h_t of the last step's error alone: nudge h_t inside the loop, and run on."""
    found = explained(cells)
    ways = way_steps(run_of(found.trace, 2), 1)
    norms = found.norms(1, 2)
    last, states = len(ways.times) - 1, len(ways.cell.states)

    def read(t, parts):
        state = parts
        for step in range(t + 1, last + 1):
            s = ways.saved.x[step : step + 1] @ ways.way.weight.view(VECTOR).T
            s = s + ways.way.bias.view(VECTOR)
            c = None if ways.way.inner is None else ways.way.inner.view(VECTOR)
            state = ways.cell.step(np, ways.f, s, ways.U, c, state).state
        return float((state[0] * ways.above[last]).sum())

    VECTOR = found.trace.vector
    for t in (0, 3, last):
        parts = tuple(part[t : t + 1].copy() for part in ways.saved.state)
        slopes = []
        for k in range(states):
            for j in range(ways.operation.size):
                moved = []
                for way in (1, -1):
                    nudged = [part.copy() for part in parts]
                    nudged[k][0, j] += way * 1e-6
                    moved.append(read(t, tuple(nudged)))
                slopes.append((moved[0] - moved[1]) / 2e-6)
        assert norms.carried[t] == pytest.approx(np.linalg.norm(slopes), rel=1e-6)


def test_spectra_bound_the_factors():
    for cells in ("elman", "gru", "lstm"):
        norms = explained(cells).norms(1, 2)
        assert (norms.factors <= norms.spectral[1:] * (1 + 1e-12)).all()
        assert (norms.radius <= norms.spectral * (1 + 1e-12)).all()


def recurrent_of(scale, steps=30):
    """A linear recurrent unit pair whose U is `scale` times a rotation."""
    network = Network(
        1, (Recurrent(2, activation="identity"), Dense(1, "identity")), "half_squared_error",
        "float64",
    )  # fmt: skip
    parameters = Parameters.initial(network)
    parameters["U1"][...] = scale * np.array([[0.6, -0.8], [0.8, 0.6]])
    return explain(parameters, np.ones((1, steps, 1)), [[0.0]])


@pytest.mark.parametrize(
    ("scale", "kind"),
    [(0.5, "vanishing"), (0.85, "fading"), (1.0, "steady"), (1.15, "growing"), (1.5, "exploding")],
)
def test_the_verdict_is_that_of_the_power(scale, kind):
    norms = recurrent_of(scale).norms(1)
    assert norms.kind == kind
    assert norms.total == pytest.approx(scale**29)
    assert norms.per_step == pytest.approx(scale)
    assert norms.spectral == pytest.approx(np.full(30, scale))
    assert norms.radius == pytest.approx(np.full(30, scale))
    if scale < 1:
        assert norms.reach == math.ceil(math.log(0.01) / math.log(scale)) or kind == "fading"
    if kind == "fading":
        assert norms.horizon == math.ceil(math.log(1e-3) / math.log(0.85))


def test_one_step_has_no_way_back():
    assert explained("elman").norms(1, 1).kind == "none"


def test_twins_are_fresh_networks_of_each_cell():
    found = explained("elman")
    twins = found.beside(1, 2)
    assert list(twins) == ["elman", "gru", "lstm"]
    network = found.trace.network
    fresh = Network(3, (LSTM(3), Dense(2, "softmax")), "cross_entropy", "float64")
    y = int(np.argmax(found.trace.y[2]))
    own = explain(Parameters.initial(fresh, 0), [found.trace.x[found.trace.packing.of(2)]], [y])
    assert twins["lstm"].left == pytest.approx(own.norms(1, 0).left, rel=1e-12)
    assert network.layers[0].cell == "elman"


# inputs


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("cells", CELLS)
def test_slopes_of_an_output_are_those_of_jax(cells, readout):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    found = explained(cells, readout)
    moved = found.inputs_moved(2, output=1)
    trace, rows = found.trace, found.trace.packing.of(2)
    masks = [None if m is None else m[[2]] for m in trace.masks]
    packing = Packing(np.array([len(rows)]))

    def output(x):
        saved = unrolled.forward(jax.numpy, trace.network, trace.vector, x, packing, masks)
        return saved.output[-1, 1]

    np.testing.assert_allclose(moved.slopes, jax.grad(output)(trace.x[rows]), atol=1e-12)
    assert moved.holds
    assert moved.complete
    assert moved.value == pytest.approx(output(trace.x[rows]))
    assert moved.at_zero == pytest.approx(output(0 * trace.x[rows]))


@pytest.mark.parametrize("cells", CELLS)
def test_the_loss_changes_with_the_inputs_as_differences_say(cells):
    found = explained(cells, "every")
    moved = found.inputs_moved(0)
    trace, rows = found.trace, found.trace.packing.of(0)
    for step, column in ((0, 0), (2, 1), (4, 2)):
        values = []
        for way in (1e-6, -1e-6):
            x = trace.x.copy()
            x[rows[step], column] += way
            values.append(loss_of(replace(trace, x=x))(trace.vector))
        slope = (values[0] - values[1]) / 2e-6
        assert moved.error_slopes[step, column] == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_an_output_that_is_not_read_is_refused():
    with pytest.raises(SettingError, match="read at steps 6 to 6"):
        explained("elman").inputs_moved(2, step=3)
    with pytest.raises(SettingError, match="outputs 0 to 1"):
        explained("elman").inputs_moved(2, output=2)


# gates, what waits, the check, the document


def test_gates_make_the_state():
    gates = explained("lstm").gates(1, 2, 0)
    i, f, g, o = (gates.values[name] for name in "ifgo")
    c = f * gates.before["c"] + i * g
    assert gates.states["c"] == pytest.approx(c)
    assert gates.states["h"] == pytest.approx(o * np.tanh(c))
    gates = explained("backward").gates(1, 0, 2)
    u, n = gates.values["u"], gates.values["n"]
    assert gates.times.tolist() == [6, 5, 4, 3, 2, 1, 0]
    assert gates.states["h"] == pytest.approx((1 - u) * n + u * gates.before["h"])
    with pytest.raises(SettingError, match="no gates"):
        explained("elman").gates(1)


def test_what_waits_is_counted_by_hand():
    serial = explained("lstm").serial(1, 2)
    assert serial["inputs"].multiplications == 7 * 4 * 3 * 3
    assert serial["state"].multiplications == 7 * 4 * 3 * 3
    assert serial["state"].rounds == 7
    assert serial["scan"].multiplications == 2 * 6 * 6**3
    assert serial["scan"].rounds == 6
    assert [part.name for part in serial.parts if not part.waits] == [
        "inputs", "gradient_W", "gradient_U", "handed_on",
    ]  # fmt: skip
    assert serial.waiting_share == pytest.approx(2 / 6)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("cells", CELLS)
def test_the_gradient_check_passes(cells, readout):
    check = explained(cells, readout).check()
    assert check.passed
    assert check.checked > 20


@pytest.mark.parametrize("cells", CELLS)
def test_the_document_is_the_same_explanation(cells):
    found = explained(cells, "every", "float32")
    text = json.dumps(found.to_document(), allow_nan=False)
    again = SequenceExplanation.from_document(json.loads(text))
    assert isinstance(again, SequenceExplanation)
    assert again.to_document() == found.to_document()
    for name in ("x", "y", "vector", "gradient", "losses"):
        np.testing.assert_array_equal(getattr(again.trace, name), getattr(found.trace, name))
    for place in places(found)[::5]:
        np.testing.assert_array_equal(
            again.over_time(place, 2).values, found.over_time(place, 2).values
        )
    assert again.inputs_moved(2).moved == found.inputs_moved(2).moved


def test_names_of_single_parameters_are_in_the_document():
    document = json.loads(json.dumps(example("echo").explain().to_document()))
    assert document["names"]["aliases"]["u12"] == {
        "layer": 1, "unit": 0, "source": 1, "array": "U",
    }  # fmt: skip
    assert document["names"]["aliases"]["w1"] == {"layer": 1, "unit": 0, "source": 0}
    again = SequenceExplanation.from_document(document)
    assert again.names.find("u12") == Place(1, 0, 1, "U")


def test_a_model_is_checked_by_the_public_function():
    from clearprop.explanation import check_gradient

    network = explained("stacked", "every").trace.network
    rng = np.random.default_rng(1)
    X, y = [rng.normal(size=(4, 3)), rng.normal(size=(2, 3))], [[0, 1, 1, 0], [1, 0]]
    check = check_gradient(network, X, [np.array(labels) for labels in y], engine="reference")
    assert check.passed
    assert check.size == network.size


def test_a_piece_that_began_later_is_explained_from_its_states():
    """The second piece of truncated training: its LSTM's cell states are found again."""
    from clearprop.engines import Block, Recipe, build
    from clearprop.equations import GradientDescent

    rng = np.random.default_rng(0)
    network = Network(2, (LSTM(3), Dense(1, "identity")), "half_squared_error", "float64", "every")
    X, y = [rng.normal(size=(8, 2)), rng.normal(size=(7, 2))], [np.ones((8, 1)), np.ones((7, 1))]
    recipe = Recipe(rule=GradientDescent(0.1), batch_size=2, truncate=4)
    engine, block = build("reference", network, recipe), Block.of(network, X, y)
    state = engine.initial_state(Parameters.initial(network, 2))
    state, _ = engine.advance(state, block, 1)
    found = explain(engine.trace(state, block, np.arange(2)))
    assert found.trace.begin == 4
    assert found.check().passed
    carried = state.carried[:, 3:6]
    for place in (0, 1):
        before = run_of(found.trace, place).saved.ways[0][0].before[1][0]
        assert before == pytest.approx(carried[place], rel=1e-12)


def test_what_is_not_there_is_refused():
    found = explained("elman")
    with pytest.raises(SettingError, match="samples 0 to 2"):
        found.over_time("h1.1<-x1", 3)
    with pytest.raises(SettingError, match="another kind of network"):
        found.page(["chain"])
    with pytest.raises(SettingError, match="no chapter 'over_tim'"):
        found.page(["over_tim"])
    with pytest.raises(SettingError, match="another kind of network"):
        found.page(["gates"])


# the worked example


def test_every_number_of_echo_is_that_of_scalar_work():
    found, scalar = example("echo").explain(), Echo()
    steps = found.forward(0)
    assert steps.z[0] == pytest.approx(np.array(scalar.z), rel=1e-13)
    assert steps.a[0] == pytest.approx(np.array(scalar.h), rel=1e-13)
    assert steps.delta[0] == pytest.approx(np.array(scalar.delta), rel=1e-13)
    assert steps.a[1][0, 0] == pytest.approx(scalar.output, rel=1e-13)
    assert steps.losses[0] == pytest.approx(scalar.loss, rel=1e-13)
    values = [scalar.delta[t][0] * scalar.x[t] for t in range(4)]
    assert found.over_time("w1", 0).values == pytest.approx(values, rel=1e-13)
    back = [scalar.delta[t][0] * scalar.before[t][1] for t in range(4)]
    assert found.over_time("u12", 0).values == pytest.approx(back, rel=1e-13)
    nudged = [Echo((0.5 + way, -0.3)).loss for way in (1e-6, -1e-6)]
    assert math.fsum(values) == pytest.approx((nudged[0] - nudged[1]) / 2e-6, rel=1e-8)
    assert found.ledger("w1").new == pytest.approx(0.5 - 0.5 * math.fsum(values), rel=1e-13)
