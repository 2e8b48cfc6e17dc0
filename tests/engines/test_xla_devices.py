"""The xla engine on devices: which, how many, with how much memory, and in what precision."""

import numpy as np
import pytest

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Hardware, Plan, Recipe, build
from clearprop.equations import Adam, GradientDescent, Penalty
from clearprop.errors import EngineError, SettingError
from clearprop.network import GRU, LSTM
from problems import apart, block_for, hidden_network, vector_for

jax = pytest.importorskip("jax")
ml_dtypes = pytest.importorskip("ml_dtypes")

NETWORK = hidden_network("tanh", "float32", dropout=0.2)
RECIPE = Recipe(Adam(0.01), penalty=Penalty(l2=0.1), batch_size=4)
# of a row of NETWORK on the device: 4 inputs and 3 targets of 4 bytes, and its weight
ROW = 32


def trained(network, block, recipe=RECIPE, epochs=2, **hardware):
    """Train on the xla engine; return the engine, the state and the losses."""
    engine = build("xla", network, recipe, hardware=Hardware(**hardware))
    state = engine.initial_state(Parameters(network, vector_for(network)), 7)
    losses = []
    for epoch in range(epochs):
        state.position = 0
        order = np.random.default_rng(epoch).permutation(block.rows)
        state, record = engine.advance(state, block.ordered(order), 100)
        losses += record.losses.tolist()
    return engine, state, losses


@pytest.fixture(scope="module")
def block():
    return block_for(NETWORK, 22, weighted=True)


@pytest.fixture(scope="module")
def alone(block):
    """What one device makes of it, with all rows on it."""
    return trained(NETWORK, block)


def same(one, other):
    return [a.tolist() for a in (one[1].vector, one[1].slots)] + [one[2]] == [
        a.tolist() for a in (other[1].vector, other[1].slots)
    ] + [other[2]]


# data that do not fit


def test_rows_that_do_not_fit_go_there_piece_by_piece_and_change_no_bit(block, alone, compiled):
    # eight rows at a time, of 22: the last piece is filled up
    engine, state, losses = trained(NETWORK, block, memory=2 * 8 * ROW)
    assert same((engine, state, losses), alone)
    vector = state.vector
    assert engine.evaluate(vector, block) == alone[0].evaluate(vector, block)
    assert (
        engine.gradient(vector, block)[1].tolist() == alone[0].gradient(vector, block)[1].tolist()
    )
    # another epoch compiles nothing, and neither does a start in the middle of a piece
    compiled.clear()
    for position in (0, 4):
        state.position = position
        state, _ = engine.advance(state, block.ordered(np.arange(22)[::-1]), 100)
        assert state.position == 22
    assert not compiled


def test_sequences_that_do_not_fit_go_there_piece_by_piece():
    network = Network(2, (LSTM(3), Dense(2, "softmax")), "cross_entropy", readout="every")
    draw = np.random.default_rng(0)
    lengths = (7, 2, 5, 1, 6, 3)
    x = [draw.normal(size=(steps, 2)) for steps in lengths]
    rows = Block.of(network, x, [draw.integers(0, 2, steps) for steps in lengths])
    recipe = Recipe(batch_size=2, truncate=4)
    whole = trained(network, rows, recipe)
    assert same(trained(network, rows, recipe, memory=300), whole)


# several devices


def test_devices_share_out_rows(block, alone):
    _, state, losses = trained(NETWORK, block, devices=4)
    assert state.plan.engine == "xla"
    assert apart(losses, alone[2]) < 1e-6
    assert apart(state.vector, alone[1].vector) < 1e-6
    # rows that do not fit are shared out as well
    again = trained(NETWORK, block, devices=4, memory=2 * 8 * ROW)
    assert apart(again[1].vector, alone[1].vector) < 1e-6


def test_devices_share_out_sequences_and_the_states_that_are_carried_over():
    network = Network(2, (GRU(3), Dense(1, "identity")), dtype="float64", readout="every")
    draw = np.random.default_rng(0)
    x = [draw.normal(size=(steps, 2)) for steps in (7, 2, 5)]
    rows = Block.of(network, x, [draw.normal(size=(len(part), 1)) for part in x])
    recipe, states = Recipe(batch_size=3, truncate=2), []
    for name, hardware in (("reference", None), ("xla", Hardware(devices=2))):
        engine = build(name, network, recipe, hardware=hardware)
        state = engine.initial_state(Parameters(network, vector_for(network)))
        state, _ = engine.advance(state, rows, 2)
        states.append(state)
    assert apart(states[1].carried, states[0].carried) < 1e-10
    assert apart(states[1].vector, states[0].vector) < 1e-10
    assert states[1].piece == states[0].piece == 2


def test_devices_share_out_neurons(block, alone):
    engine, state, losses = trained(NETWORK, block, devices=4, neurons=2)
    assert apart(losses, alone[2]) < 1e-6
    assert apart(state.vector, alone[1].vector) < 1e-6
    assert state.plan.neurons == 2
    # what one device multiplies: 2 of the 4 rows of a batch, and 3 of the 6 units of layer 1
    assert "f32[2,3]" in _program(engine, block)
    assert "f32[2,6]" in _program(trained(NETWORK, block, epochs=0, devices=2)[0], block)


def _program(engine, block):
    """The products of a step's program as one device runs it."""
    from clearprop.engines.xla import programs
    from clearprop.engines.xla.device import precision
    from clearprop.engines.xla.steps import drops_of, run_of

    with precision("float32"):
        state = engine.initial_state(Parameters(NETWORK, vector_for(NETWORK)))
        run, data = run_of(NETWORK, state, 4), engine.feed.of(block, 4).at(0, 4)
        run = engine.site.put(run)
        drops = drops_of(NETWORK, 0, 0, np.ones(programs.STEPS))
        table = np.zeros((programs.STEPS, 8), dtype=np.float32)
        program = programs.advance(engine.kind(state, 0, 4), 4)
        given = run, data, table, drops, np.empty(0, dtype=np.int32), np.int32(1)
        lines = program.lower(*given).compile().as_text().splitlines()
    return "\n".join(line for line in lines if " dot(" in line)


def test_devices_that_there_are_not():
    with pytest.raises(EngineError, match=r"device='tpu' .* finds none .* \(it has: cpu"):
        build("xla", NETWORK, RECIPE, hardware=Hardware(device="tpu"))
    with pytest.raises(SettingError, match=r"no device 'gpus'.*Did you mean 'gpu'"):
        Hardware(device="gpus")
    with pytest.raises(SettingError, match="9 devices are to work together, but there are 4"):
        build("xla", NETWORK, RECIPE, hardware=Hardware(devices=9))
    with pytest.raises(SettingError, match="no multiple of it"):
        build("xla", NETWORK, RECIPE, hardware=Hardware(devices=3, neurons=2))
    odd = Network(4, (Dense(5), Dense(3, "softmax")), "cross_entropy")
    with pytest.raises(SettingError, match=r"No layer of 4 → .* 2 devices can share"):
        build("xla", odd, RECIPE, hardware=Hardware(devices=2, neurons=2))
    recurrent = Network(2, (GRU(4), Dense(2)))
    with pytest.raises(SettingError, match="neurons of recurrent layers"):
        build("xla", recurrent, RECIPE, hardware=Hardware(devices=2, neurons=2))


def test_a_plan_has_the_last_word_over_devices():
    plan = Plan("xla", device="cpu", precision="bf16")
    assert build("xla", NETWORK, RECIPE, plan=plan).site.precision == "bf16"


# precision


@pytest.mark.parametrize(("name", "least", "most"), [("tf32", 3e-5, 1e-3), ("bf16", 3e-4, 1e-2)])
def test_gradients_are_as_far_from_float32_as_their_products(block, alone, name, least, most):
    """Operands are off by 2⁻¹¹ or 2⁻⁸ of themselves at most; sums over them by less."""
    engine, state, losses = trained(NETWORK, block, precision=name)
    vector = vector_for(NETWORK)
    error = apart(engine.gradient(vector, block)[1], alone[0].gradient(vector, block)[1])
    assert least < error < most
    assert apart(losses, alone[2]) < most
    # parameters and slots are float32 and take steps that bf16 would lose
    assert (state.vector.dtype, state.slots.dtype) == (np.float32, np.float32)
    assert len(np.unique(state.vector - state.vector.astype(ml_dtypes.bfloat16))) > 10


def test_operands_of_products_are_rounded_and_nothing_else():
    network = Network(5, (Dense(3, "identity"),), dtype="float32")
    draw = np.random.default_rng(0)
    vector, x = draw.normal(size=network.size).astype("f4"), draw.normal(size=(8, 5)).astype("f4")
    engine = build("xla", network, Recipe(), hardware=Hardware(precision="bf16"))
    W, b = network.segments[0].view(vector), network.segments[1].view(vector)
    short = [a.astype(ml_dtypes.bfloat16).astype("f8") for a in (x, W)]
    assert apart(engine.predict(vector, x), short[0] @ short[1].T + b) < 1e-7


def test_tiny_steps_reach_the_parameters_in_bf16(block):
    recipe = Recipe(GradientDescent(1e-6), batch_size=22)
    _, state, _ = trained(NETWORK, block, recipe, epochs=1, precision="bf16")
    moved = state.vector - vector_for(NETWORK)
    assert 0 < np.abs(moved).max() < 1e-5


@pytest.mark.parametrize(("name", "asked"), [("tf32", "tf32"), ("bf16", "bf16")])
def test_a_gpu_is_asked_for_its_tensor_cores(name, asked):
    from clearprop.engines.xla.products import in_precision

    a = jax.ShapeDtypeStruct((8, 8), "float32")
    product = jax.jit(in_precision("gpu", name, lambda a, b: a @ b))
    text = product.trace(a, a).lower(lowering_platforms=("cuda",)).as_text()
    assert f"lhs_precision_type = {asked}" in text
    assert "accumulation_type = f32" in text


def test_precision_is_for_float32():
    double = hidden_network("tanh")
    with pytest.raises(SettingError, match="precision='bf16' is for networks in float32"):
        build("xla", double, RECIPE, hardware=Hardware(precision="bf16"))
    with pytest.raises(SettingError, match="no precision 'fp16'"):
        Hardware(precision="fp16")


# a GPU


@pytest.fixture(scope="module")
def gpu():
    try:
        return jax.devices("gpu")[0]
    except RuntimeError:
        pytest.skip("JAX finds no GPU on this machine")


@pytest.mark.gpu
@pytest.mark.parametrize(("name", "bound"), [("float32", 1e-4), ("tf32", 1e-2), ("bf16", 5e-2)])
def test_a_gpu_agrees_with_the_cpu(gpu, block, alone, name, bound):
    engine, state, losses = trained(NETWORK, block, device="gpu", precision=name)
    assert engine.plan.device == "gpu"
    assert apart(losses, alone[2]) < bound
    assert apart(state.vector, alone[1].vector) < bound
