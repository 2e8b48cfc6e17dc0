"""Explanations of layers that prepare inputs, learnt activations and members, against JAX."""

from __future__ import annotations

import json

import numpy as np
import pytest
from front_cases import CASES, explained, network_of, trace_of

from clearprop.errors import SettingError
from clearprop.explanation import Names, Place
from clearprop.explanation.documents import from_document, plain
from clearprop.explanation.jacobians import carried_to
from clearprop.explanation.mistakes import early_update
from clearprop.explanation.reach import reach_of


def places(network):
    return [Place.of_entry(network, entry) for entry in range(network.size)]


def apart(got, wanted):
    scale = np.linalg.norm(got) + np.linalg.norm(wanted)
    return np.linalg.norm(np.subtract(got, wanted)) / scale if scale else 0.0


# names


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("case", ["both", "scaling"])
def test_every_parameter_has_a_name_that_can_be_typed(case, members):
    network = network_of(case, members)
    names = Names(network, ("age", "size", "kind=a"), ("no", "yes"))
    found = [names.of(place) for place in places(network)]
    assert len(set(found)) == network.size
    assert [names.find(name) for name in found] == places(network)
    assert [place.entry(network) for place in places(network)] == list(range(network.size))


def test_names_say_what_a_parameter_of_a_front_layer_is():
    names = explained("both").names
    # age becomes age, age~1 and age~2; the others follow
    assert [names.unit(1, k) for k in range(5)] == ["age", "age~1", "age~2", "size", "kind=a"]
    assert names.units(2) == names.units(1)
    assert names.find("age<-gain") == Place(2, 0, None, "g")
    assert names.find("age~2<-gain") == Place(2, 2, None, "g")
    assert names.find("age~2<-age.cos3") == Place(1, 1, 2)
    assert names.find("age~1<-bias") == Place(1, 0, None)
    assert names.find("age.cos4<-frequency") == Place(1, 0, 3, "f")
    assert names.find("age.cos1<-phase") == Place(1, 0, 0, "p")
    assert names.find("h3.2<-age~1") == Place(3, 1, 1)
    assert names.find("h4.3<-slope") == Place(4, 2, None, "t")
    assert names.find("yes<-h4.1") == Place(5, 1, 0)
    assert names.find("g2[4]") == Place(2, 4, None, "g")
    assert names.find("f1[0, 3]") == Place(1, 0, 3, "f")
    with pytest.raises(SettingError, match=r"layer 1 reads from age\.cos1"):
        names.find("age~1<-size")
    with pytest.raises(SettingError, match=r"no unit 'h1\.1'"):
        names.find("h1.1<-age")


def test_members_have_their_own_names():
    names = Names(network_of("both", members=3), ("age", "size", "kind=a"), ("no", "yes"))
    assert names.find("age<-gain@3") == Place(2, 0, None, "g", member=2)
    assert names.find("g2[1]@2") == Place(2, 1, None, "g", member=1)
    assert names.find("yes<-h4.2@2") == Place(5, 1, 1, member=1)
    assert names.find("h3.1<-age") == Place(3, 0, 0)
    with pytest.raises(SettingError, match="members 1 to 3, but @4"):
        names.find("age<-gain@4")


# the gradient, from each sample and from each path


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_what_the_samples_push_is_the_gradient_of_jax(case, dropout):
    trace = trace_of(case, dropout=dropout)
    pushed = [reach_of(trace, place).pushes.sum() for place in places(trace.network)]
    assert apart(pushed, trace.gradient) < 1e-14


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_all_paths_add_up_to_what_a_sample_pushes(case, dropout):
    found = explained(case, dropout=dropout)
    for place in places(found.trace.network):
        chain = found.chain(place, 2, paths=10_000)
        assert chain.agrees, place
        assert chain.batch_agrees, place
        assert len(chain.paths) == chain.count_of_paths
        products = [path.product for path in chain.paths]
        assert apart(sum(products), chain.total) < 1e-12
        assert list(np.abs(products)) == sorted(np.abs(products), reverse=True)
        few = found.chain(place, 2, paths=3).paths
        assert np.allclose([path.product for path in few], products[:3], rtol=1e-12, atol=0)


def test_paths_are_counted_along_the_units_that_are_joined():
    found = explained("both")
    # 2 ends behind each of 2 outputs; then 3 and 4 hidden units; one scaled unit; two waves
    assert found.chain("h3.1<-age").count_of_paths == 2 * 2 * 3
    assert found.chain("size<-gain").count_of_paths == 2 * 2 * 3 * 4
    assert found.chain("age~1<-age.cos2").count_of_paths == 2 * 2 * 3 * 4
    assert found.chain("age.cos2<-frequency").count_of_paths == 2 * 2 * 3 * 4 * 2
    assert found.chain("h3.1<-slope").count_of_paths == 2 * 2 * 3
    first = explained("scaled first")
    # kind=a becomes two units, of which both lead back to its gain; size passes on as one
    assert first.chain("kind=a<-gain").count_of_paths == 2 * 2 * 3 * 4 * 2
    assert first.chain("size<-gain").count_of_paths == 2 * 2 * 3 * 4


def test_factors_of_a_path_are_what_the_layers_do():
    found = explained("both")
    kinds = {
        name: [factor.kind for factor in found.chain(name, 1).paths[0].factors][-4:]
        for name in ("size<-gain", "age~1<-age.cos2", "age.cos2<-frequency", "h3.2<-slope")
    }
    assert kinds["size<-gain"][-2:] == ["weight", "signal"]
    assert kinds["age~1<-age.cos2"][-3:] == ["weight", "gain", "cosine"]
    assert kinds["age.cos2<-frequency"] == ["gain", "weight", "sine", "turn"]
    assert kinds["h3.2<-slope"][-2:] == ["weight", "bent"]
    path = found.chain("age.cos2<-frequency", 1).paths[0]
    x, vector = found.trace.x[1, 0], found.trace.vector
    f, p = (
        found.names.find(f"age.cos2<-{what}").entry(found.trace.network)
        for what in ("frequency", "phase")
    )
    angle = 2 * np.pi * (vector[f] * x + vector[p])
    assert path.factors[-2].value == pytest.approx(-np.sin(angle), rel=1e-12)
    assert path.factors[-1].value == pytest.approx(2 * np.pi * x, rel=1e-12)


def test_the_error_goes_back_to_the_input_as_jax_has_it():
    import jax
    import jax.numpy as jnp
    from front_cases import forward

    for case in CASES:
        trace = trace_of(case)
        network, n = trace.network, len(trace.x)
        nudges = [jnp.zeros((1, n, o.units)) for o in network.operations]

        def loss(x, network=network, trace=trace, nudges=nudges):
            z = forward(network, jnp.asarray(trace.vector), x, nudges, [None] * len(nudges))[-1][1]
            return -jnp.sum(trace.coefficients[:, None] * trace.y * jax.nn.log_softmax(z[0]))

        wanted = np.asarray(jax.grad(loss)(jnp.asarray(trace.x)))
        assert apart(carried_to(trace, 0), wanted) < 1e-14


# the analyses


@pytest.mark.parametrize("case", CASES)
def test_the_four_equations_hold_as_each_layer_has_them(case):
    found = explained(case, dropout=True)
    assert found.deltas.error < 1e-14
    letters = [list(layer.gradients) for layer in found.deltas.layers]
    assert letters[-3:] == [["W", "b", "t"], ["W", "b", "t"], ["W", "b"]]
    if case == "both":
        assert letters[:2] == [["f", "p", "W", "b"], ["g"]]


def test_a_wrong_number_in_a_front_layer_is_told():
    from dataclasses import replace

    trace = trace_of("both")
    for letter in "fpWbg":
        gradient = trace.gradient.copy()
        layer = 2 if letter == "g" else 1
        gradient[trace.network.operations[layer - 1].named(letter).start] += 1e-3
        told = explained("both")
        told = type(told)(replace(trace, gradient=gradient), told.names)
        assert told.deltas.layers[layer - 1].errors[letter] > 1e-6
        name = told.names.entry(trace.network.operations[layer - 1].named(letter).start)
        assert not told.chain(name).batch_agrees
        assert not told.contributions(name).adds_up


@pytest.mark.parametrize("case", CASES)
def test_forward_sums_are_the_engines(case):
    found = explained(case, dropout=True)
    for sample in range(3):
        assert found.forward(sample).error < 1e-14
        assert found.unfolded(sample).agrees
        layer = found.forward(sample).layers[len(CASES[case])]
        assert layer.a_for(layer.z) == pytest.approx(layer.a)
        first = found.forward(sample).layers[0]
        assert first.z_for(first.received) == pytest.approx(first.z)


def test_ledger_contributions_health_and_schedule_know_all_layers():
    found = explained("both")
    for name in ("age<-gain", "age.cos1<-phase", "h3.1<-slope", "age~2<-age.cos1"):
        ledger = found.ledger(name)
        assert ledger.adds_up
        assert ledger.agrees
        assert found.contributions(name).adds_up
    assert found.ledger("age<-gain").segment_rate == 6.0
    assert found.health.error < 1e-12
    assert [line.activation for line in found.health.layers[:2]] == ["periodic", "scaling"]
    names = [task.name for task in found.schedule(measured=False).tasks]
    assert "bp4.1" in names
    assert "bp3.1" not in names
    assert found.counts.shape == (5, 4, 3, 2)
    assert "carriers" not in found.chapters
    with pytest.raises(SettingError, match="dense layers alone"):
        _ = found.carriers


def test_the_early_update_goes_wrong_in_front_layers_too():
    found = early_update(trace_of("both"))
    assert found.layers[-1].angle == pytest.approx(0, abs=1e-6)
    assert found.layers[0].angle > 0
    assert apart(found.right, trace_of("both").vector + trace_of("both").update) < 1e-14


# members


@pytest.mark.parametrize("member", [0, 2])
def test_a_member_is_explained_as_a_network_of_its_own(member):
    found = explained("both", member=member, members=3)
    whole = trace_of("both", members=3)
    assert found.trace.network.members == 1
    assert found.deltas.error < 1e-14
    assert found.forward(1).error < 1e-14
    assert found.trace.loss == pytest.approx(
        3 * np.sum((whole.coefficients * whole.losses).reshape(3, -1)[member])
    )
    for name in ("age<-gain", "h3.1<-age", "age.cos1<-frequency", "yes<-h4.1", "h4.1<-slope"):
        assert found.chain(name).agrees
        assert found.chain(name).batch_agrees
        place = found.names.find(name)
        assert found.membership.adds_up(place)
        ledger = found.ledger(name)
        assert ledger.agrees
        assert ledger.adds_up


def test_the_mean_over_members_is_the_gradient_of_jax():
    whole = trace_of("both", members=3)
    found = [explained("both", member=m, members=3) for m in range(3)]
    network = found[0].trace.network
    for place in places(network):
        here = found[1].membership
        used = whole.gradient[here.place(place).entry(whole.network)]
        assert here.gradients(place).mean() == pytest.approx(used, rel=1e-10, abs=1e-16)
    shared = Place(3, 0, 0)
    parts = found[0].membership.gradients(shared)
    for number, one in enumerate(found):
        entry = shared.entry(network)
        assert one.trace.gradient[entry] == pytest.approx(parts[number], rel=1e-12)


def test_members_that_are_not_there_are_refused():
    with pytest.raises(SettingError, match="0 to 2, but member=3"):
        explained("both", member=3, members=3)
    with pytest.raises(SettingError, match="no members to choose from"):
        explained("both", member=1)


# pages and documents


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    "weight", ["age<-gain", "age.cos2<-frequency", "age~1<-age.cos2", "h3.1<-slope", "h3.2<-age~1"]
)
def test_chapters_are_written_with_all_their_checks(weight, lang):
    from clearprop.explanation.pages import Check, Details

    found = explained("both", members=2)
    chapters = ["forward", "chain", "deltas", "counting", "update", "samples"]
    page = found.page(chapters, weight=weight, sample=1, lang=lang)

    def checks(blocks):
        for block in blocks:
            if isinstance(block, Check):
                yield block
            elif isinstance(block, Details):
                yield from checks(block.blocks)

    for section in page.sections:
        assert all(check.ok for check in checks(section.blocks)), section.name
    for text in (
        found.to_html(chapters=chapters, weight=weight, lang=lang),
        found.to_latex(chapters=chapters, weight=weight, lang=lang),
        found.to_markdown(chapters=chapters, weight=weight, lang=lang),
    ):
        assert "None" not in text
    assert "<svg" in found.to_svg(weight=weight, lang=lang)


def test_the_document_is_the_same_explanation():
    found = explained("both", member=1, members=2)
    read = from_document(json.loads(json.dumps(found.to_document(), allow_nan=False)))
    assert read.membership.number == 1
    assert plain(read.chain("age<-gain")) == plain(found.chain("age<-gain"))
    assert plain(read.ledger("age<-gain")) == plain(found.ledger("age<-gain"))
