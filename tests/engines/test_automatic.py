"""`engine="auto"`: when an accelerator is asked about, and what decides."""

import json

import pytest

from clearprop import Dense, Network, Parameters
from clearprop.engines import Hardware, Recipe, automatic, build
from clearprop.engines.automatic import Pace, chosen, pace
from clearprop.network import GRU
from problems import block_for, hidden_network, vector_for

NETWORK = hidden_network("tanh", "float32")
# 3000 steps of some 20,000 parameters and 10,000 rows: minutes
LARGE = Network(100, (Dense(200), Dense(3, "softmax")), "cross_entropy")
LONG = Recipe(batch_size=10_000, epochs=300)


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A cache of its own, and engines that are measured."""
    monkeypatch.setenv("CLEARPROP_CACHE", str(tmp_path))
    monkeypatch.delenv("CLEARPROP_PLAN")
    return tmp_path


def decide(monkeypatch, native, xla, network=LARGE, recipe=LONG, **given):
    """What is chosen where the engines keep these paces; and which of them were asked."""
    asked = []
    monkeypatch.setattr(automatic, "pace", lambda name, batch: {"native": native, "xla": xla}[name])

    def build_of(name):
        asked.append(name)
        return name

    options = {"rows": 100_000, "hardware": Hardware(), "found": lambda: "a card", **given}
    rows, hardware, found = (options[name] for name in ("rows", "hardware", "found"))
    return chosen(network, recipe, rows, hardware, build_of, found), asked


def test_the_faster_engine_is_chosen_and_remembered(monkeypatch, fresh):
    slow, fast = Pace(0.0, 0.1), Pace(10.0, 0.01)
    # 1000 steps count as certain: 100 s, or 10 and 10
    assert decide(monkeypatch, slow, fast) == ("xla", ["native", "xla"])
    assert decide(monkeypatch, slow, fast) == ("xla", [])
    assert list(json.loads((fresh / "engines.json").read_text()).values()) == ["xla"]
    # another batch is another question: compiling for 90 s does not pay
    other = Recipe(batch_size=5_000, epochs=300)
    found = decide(monkeypatch, Pace(0.0, 0.05), Pace(90.0, 0.001), recipe=other)
    assert found == ("native", ["native", "xla"])


def test_nothing_is_measured_where_the_answer_is_clear(monkeypatch, fresh):
    paces = Pace(0.0, 1.0), Pace(0.0, 0.1)
    assert decide(monkeypatch, *paces, network=NETWORK, recipe=Recipe()) == ("native", [])
    assert decide(monkeypatch, *paces, found=lambda: None) == ("native", [])
    assert decide(monkeypatch, *paces, rows=None) == ("native", [])
    assert decide(monkeypatch, *paces, hardware=Hardware("cpu")) == ("native", [])
    assert decide(monkeypatch, *paces, hardware=Hardware("gpu")) == ("xla", [])
    assert decide(monkeypatch, *paces, hardware=Hardware(precision="bf16")) == ("xla", [])
    monkeypatch.setenv("CLEARPROP_PLAN", "guess")
    assert decide(monkeypatch, *paces) == ("native", [])


def test_a_machine_without_a_plugin_imports_no_jax(monkeypatch):
    monkeypatch.setattr(automatic, "find_spec", lambda name: name == "jax" or None)
    automatic.accelerator.cache_clear()
    assert automatic.accelerator() is None


def test_paces_are_measured_on_any_engine_and_network(monkeypatch):
    monkeypatch.setattr(automatic, "TRIAL", 0.001)
    recurrent = Network(2, (GRU(3), Dense(2, "softmax")), "cross_entropy")
    for name, network in (("native", NETWORK), ("reference", NETWORK), ("reference", recurrent)):
        found = pace(build(name, network, Recipe(batch_size=8)), 8)
        assert 0 < found.step < 1
        assert found.of(100) == pytest.approx(found.start + 100 * found.step)


def test_the_pace_of_xla_on_a_cpu(monkeypatch):
    """The same code as on a GPU."""
    pytest.importorskip("jax")
    monkeypatch.setattr(automatic, "TRIAL", 0.001)
    found = pace(build("xla", NETWORK, Recipe(batch_size=4)), 4)
    assert found.start > 0
    assert 0 < found.step < 1


def test_a_state_goes_on_with_the_engine_of_its_plan():
    block = block_for(NETWORK, 8)
    state = build("reference", NETWORK, Recipe()).initial_state(
        Parameters(NETWORK, vector_for(NETWORK))
    )
    engine = build("auto", NETWORK, Recipe(), plan=state.plan, rows=block.rows)
    assert engine.name == "reference"
    assert build("auto", NETWORK, Recipe(), rows=8).name == "native"
