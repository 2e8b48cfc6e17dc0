"""Several runs at once: each is what it would have been alone."""

from dataclasses import replace

import numpy as np
import pytest

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Hardware, Recipe, build
from clearprop.equations import Adam, Penalty
from clearprop.errors import EngineError, SettingError
from clearprop.network import GRU
from clearprop.training import Settings, Stopping, Validation, seeded, train, train_many
from clearprop.training import many as many_runs
from problems import apart, block_for, hidden_network

NETWORK = hidden_network("tanh", "float64", dropout=0.2)
BLOCK = block_for(NETWORK, 22, weighted=True)
HELD = Validation(block_for(NETWORK, 9, seed=2), lambda outputs: -float(np.abs(outputs).sum()))
SETTINGS = Settings(
    Recipe(Adam(0.01), penalty=Penalty(l2=0.1), batch_size=8, epochs=3),
    stopping=Stopping("validation_loss", restore_best=True),
)


def equal(many, settings, network=NETWORK, block=BLOCK, validation=HELD, bound=1e-10):
    for together, own in zip(many, settings, strict=True):
        alone = train(network, block, own, validation=validation)
        assert apart(together.parameters.vector, alone.parameters.vector) < bound
        assert apart(together.state.slots, alone.state.slots) < bound
        assert apart(together.history.loss, alone.history.loss) < bound
        assert apart(together.history.validation_loss, alone.history.validation_loss) < bound
        assert together.stop.best_epoch == alone.stop.best_epoch
        assert together.stop.reason == alone.stop.reason


@pytest.fixture(scope="module", autouse=True)
def _jax():
    pytest.importorskip("jax")


def on(name, settings=SETTINGS, **changes):
    return replace(settings, engine=name, **changes)


def test_seeds_at_once_on_xla():
    settings = seeded(on("xla"), [3, 4, 11])
    many = train_many(NETWORK, BLOCK, settings, validation=HELD)
    equal(many, settings)
    vectors = [outcome.parameters.vector for outcome in many]
    assert apart(vectors[0], vectors[1]) > 0.1
    # when the runs are over, each engine predicts by itself
    outputs = many[1].engine.predict(vectors[1], HELD.block.x)
    oracle = build("reference", NETWORK, SETTINGS.recipe)
    assert apart(outputs, oracle.predict(vectors[1], HELD.block.x)) < 1e-12


def test_settings_that_are_numbers_at_once():
    """Another rate, no penalty, a run that diverges and one that ends early: none disturbs."""
    base, rule = on("xla"), SETTINGS.recipe.rule
    settings = [
        base,
        replace(base, recipe=replace(base.recipe, rule=replace(rule, learning_rate=0.3))),
        replace(base, recipe=replace(base.recipe, penalty=Penalty())),
        replace(base, stopping=replace(base.stopping, patience=0, tolerance=10.0)),
    ]
    many = train_many(NETWORK, BLOCK, settings, validation=HELD)
    assert many[3].stop.reason == "converged"
    equal(many, settings)
    settings = [base, replace(base, seed=4)]
    starts = [Parameters.initial(NETWORK, own.seed, BLOCK.x) for own in settings]
    starts[0].vector[...] = 1e308
    many = train_many(NETWORK, BLOCK, settings, validation=HELD, starts=starts)
    assert many[0].stop.reason == "diverged"
    equal(many[1:], settings[1:])


def test_sequences_at_once():
    network = Network(2, (GRU(3), Dense(2, "softmax")), "cross_entropy", "float64")
    draw = np.random.default_rng(0)
    x = [draw.normal(size=(steps, 2)) for steps in (3, 9, 1, 12, 5)]
    block = Block.of(network, x, draw.integers(0, 2, 5))
    settings = seeded(Settings(Recipe(batch_size=2, epochs=2), "xla"), [0, 1])
    many = train_many(network, block, settings, validation=Validation(block))
    equal(many, settings, network, block, Validation(block))


@pytest.mark.parametrize(("name", "worth"), [("native", 0), ("reference", 0), ("reference", 1e9)])
def test_seeds_side_by_side_and_one_after_another(name, worth, monkeypatch):
    monkeypatch.setattr(many_runs, "WORTH", worth)
    settings = seeded(on(name, threads=1), [3, 4, 11])
    equal(train_many(NETWORK, BLOCK, settings, validation=HELD), settings)


def test_a_listener_ends_all_of_them():
    seen = []

    def listen(event):
        seen.append(event)
        return len(seen) == 2

    many = train_many(
        NETWORK, BLOCK, seeded(on("reference"), [0, 1]), validation=HELD, listeners=[listen]
    )
    assert {outcome.stop.reason for outcome in many} <= {"listener", "finished"}
    assert many[0].stop.reason == "listener"


def test_what_cannot_be_trained_at_once():
    base = on("xla")
    other = replace(base, recipe=replace(base.recipe, batch_size=4))
    with pytest.raises(SettingError, match="may differ in seeds"):
        train_many(NETWORK, BLOCK, [base, other], validation=HELD)
    with pytest.raises(SettingError, match="on one device"):
        train_many(NETWORK, BLOCK, [on("xla", hardware=Hardware(devices=2))] * 2, validation=HELD)
    with pytest.raises(EngineError, match="fit into the device's memory"):
        train_many(NETWORK, BLOCK, [on("xla", hardware=Hardware(memory=100))] * 2, validation=HELD)
    with pytest.raises(SettingError, match="nothing to train"):
        train_many(NETWORK, BLOCK, [])
