"""How a network's parameters start, layer by layer, and what of it depends on the data.

Two starts look at rows of the data, which are sent through the layers as they are drawn (He et al.
2015 set the variance of z by a rule of thumb; here it is measured). Both are those of RealMLP
(Holzmüller, Grinsztajn and Steinwart 2024):

    "std"    weights are standard normal, then divided by the standard deviation over the rows of
             s w·a, unit by unit, so that each z varies by 1
    "he+5"   b = -Σ_i λ_i z_i over five rows drawn for each unit, with λ uniform over the simplex:
             the place where z + b = 0, the kink of a relu, lies amid the data (Steinwart 2019)

Public names: `drawn`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.errors import SettingError, ShapeError
from clearprop.functions import waves
from clearprop.functions.initialisers import INITIALISERS, RECURRENT_INITIALISERS
from clearprop.network.dense import Dense
from clearprop.network.description import Network
from clearprop.network.front import Periodic, Scaling
from clearprop.network.operations import Operation, Recurrence, Waves

# rows that are looked at, all members' together: enough for a standard deviation to 1 %
ROWS = 8192
# rows amid which a "he+5" bias puts its unit's kink
POINTS = 5


def drawn(network: Network, generator: Any, rows: Any = None) -> np.ndarray:
    """Return the vector of a network that the layers' `init` ask for; see `Parameters.initial`."""
    vector = np.zeros(network.size, dtype=network.dtype)
    wanted = _last_that_looks(network)
    x = _looked_at(network, generator, rows) if wanted else None
    for layer, operation in zip(network.layers, network.operations, strict=True):
        if isinstance(operation, Recurrence):
            _draw_recurrent(vector, layer, operation, generator)
        elif isinstance(layer, Scaling):
            _draw_gains(vector, layer, network, operation, generator)
        elif isinstance(operation, Waves) and isinstance(layer, Periodic):
            _draw_waves(vector, layer, operation, generator)
        elif isinstance(layer, Dense):
            _draw_dense(vector, layer, operation, generator, x)
        if x is not None and operation.layer < wanted:
            x = _handed_on(vector, operation, x)
    return vector


def _last_that_looks(network: Network) -> int:
    """Return the number of the last layer whose start depends on the data; 0 without."""
    looking = [
        number
        for number, layer in enumerate(network.layers, start=1)
        if isinstance(layer, Dense) and (layer.init == "std" or layer.bias_init == "he+5")
    ]
    if looking and network.recurrent:
        raise SettingError(
            f"Layer {looking[0]} starts by looking at rows (init='std' or bias_init='he+5'), but "
            f"the network reads sequences. Choose another start."
        )
    return max(looking, default=0)


def _looked_at(network: Network, generator: Any, rows: Any) -> np.ndarray:
    """Return the rows that are sent through, (members, n, inputs)."""
    if rows is None:
        raise SettingError(
            "The network has layers whose start looks at the data (init='std' or "
            "bias_init='he+5'). Give the rows: Parameters.initial(network, seed, rows)."
        )
    if len(rows.shape) != 2 or rows.shape[1] != network.inputs or not rows.shape[0]:
        raise ShapeError(
            f"The start looks at rows of shape (n, {network.inputs}), n at least 1, but "
            f"{tuple(rows.shape)} came."
        )
    most = max(ROWS // network.members, 256)
    if rows.shape[0] > most:
        rows = rows[np.sort(generator.permutation(rows.shape[0])[:most])]
    x = rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)
    return np.repeat(x[None].astype(np.float64), network.members, axis=0)


def _draw_dense(
    vector: np.ndarray, layer: Dense, operation: Operation, generator: Any, x: np.ndarray | None
) -> None:
    W, b = operation.weight.view(vector), operation.bias.view(vector)
    # one after another where each member has its own
    for weight, bias in zip(W, b, strict=True) if operation.own else [(W, b)]:
        transposed, start = INITIALISERS[layer.init](operation, generator)
        weight[...] = transposed.T
        bias[...] = start
    if layer.init == "std" and x is not None:
        W /= _deviations(operation, W, x)
    if layer.bias_init == "zeros":
        b[...] = 0
    elif layer.bias_init == "normal":
        b[...] = generator.standard_normal(b.shape)
    elif x is not None and layer.bias_init == "he+5":
        b[...] = _amid_the_data(operation, W, x, b.shape, generator)
    if operation.parametric:
        operation.named("t").view(vector)[...] = 1


def _products(operation: Operation, W: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return s W a, (members, n, units), or (1, members · n, units) where they share W."""
    if not operation.own:
        x = x.reshape(1, -1, x.shape[-1])
    return operation.scale * (x @ W.astype(np.float64).swapaxes(-1, -2))


def _deviations(operation: Operation, W: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return what the rows of W are divided by; 1 for a unit that does not vary."""
    spread = _products(operation, W, x).std(axis=1)[..., None]
    spread = np.where(spread > np.finfo(np.float32).tiny, spread, 1.0)
    return (spread if operation.own else spread[0]).astype(W.dtype)


def _amid_the_data(
    operation: Operation, W: np.ndarray, x: np.ndarray, shape: tuple[int, ...], generator: Any
) -> np.ndarray:
    z = _products(operation, W, x)
    size = (POINTS, *shape)
    shares = generator.exponential(1.0, size)
    places = np.floor(generator.uniform(0.0, 1.0, size) * z.shape[1]).astype(np.int64)
    z = z if operation.own else z[0]
    chosen = np.stack([np.take_along_axis(z, p[..., None, :], -2)[..., 0, :] for p in places])
    return -(shares * chosen).sum(axis=0) / shares.sum(axis=0)


def _draw_gains(
    vector: np.ndarray, layer: Scaling, network: Network, operation: Operation, generator: Any
) -> None:
    g = operation.named("g").view(vector)
    before = network.operations[operation.layer - 2] if operation.layer > 1 else None
    init: str = layer.init
    if init == "auto":
        members = "normal" if isinstance(before, Waves) else "signs"
        init = members if operation.own else "ones"
    if init == "ones":
        g[...] = 1
        return
    # the units of one column of a periodic layer have one number
    group = np.arange(operation.units)
    if isinstance(before, Waves):
        columns, kept = len(before.columns), len(before.others)
        ends = np.arange(columns, columns + kept)
        group = np.concatenate([np.repeat(np.arange(columns), before.features), ends])
    size = (*g.shape[:-1], group[-1] + 1)
    drawn = generator.standard_normal(size)
    g[...] = (np.where(drawn < 0, -1.0, 1.0) if init == "signs" else drawn)[..., group]


def _draw_waves(vector: np.ndarray, layer: Periodic, operation: Waves, generator: Any) -> None:
    bound = layer.frequencies**-0.5
    f, p, W, b = (segment.view(vector) for segment in operation.segments)
    f[...] = layer.sigma * generator.standard_normal(f.shape)
    p[...] = generator.uniform(-0.5, 0.5, p.shape)
    W[...] = generator.uniform(-bound, bound, W.shape)
    b[...] = generator.uniform(-bound, bound, b.shape)


def _handed_on(vector: np.ndarray, operation: Operation, x: np.ndarray) -> np.ndarray:
    """Return what a layer makes of (members, n, fan_in) at the start, where t is 1."""
    if operation.kind == "scaling":
        return x * operation.named("g").view(vector)[..., None, :]
    if isinstance(operation, Waves):
        f, p, W, b = (segment.view(vector) for segment in operation.segments)
        rows = x.reshape(-1, x.shape[-1])
        phi = waves.angles(rows[:, list(operation.columns)], f, p)
        made = operation.gathered(np, rows, waves.mixed(np, waves.value(np, phi), W, b))
        return made.reshape(*x.shape[:2], -1)
    W, b = operation.weight.view(vector), operation.bias.view(vector)
    z = operation.scale * (x @ W.T) + b
    return operation.activation.value(np, z)


def _draw_recurrent(vector: np.ndarray, layer: Any, operation: Recurrence, generator: Any) -> None:
    """Draw W, U and b of each way, gate by gate; a GRU's inner bias starts at 0."""
    draw, gates, size = RECURRENT_INITIALISERS[layer.init], layer.gates, operation.size
    for way in operation.ways:
        weight, recurrent, bias = (s.view(vector) for s in way.segments[:3])
        for place in range(len(gates)):
            rows = slice(place * size, (place + 1) * size)
            weight[rows], recurrent[rows], bias[rows] = draw(operation, size, generator)
        if "f" in gates:
            forget = gates.index("f")
            bias[forget * size : (forget + 1) * size] += layer.forget_bias
