"""Threefry-2x32-20 in a kernel: the bits of `equations.chance`, computed where they are used."""

from __future__ import annotations

import numpy as np

from clearprop.engines.native.low_level import part
from clearprop.engines.native.mathematics import FAST

_PARITY = np.uint32(0x1BD11BDA)
_U32 = np.uint32


@part()
def _turn(x0, x1, left):
    x0 = _U32(x0 + x1)
    x1 = _U32(_U32(x1 << left) | _U32(x1 >> _U32(_U32(32) - left)))
    return x0, _U32(x1 ^ x0)


@part()
def _four(x0, x1, odd):
    if odd:
        x0, x1 = _turn(x0, x1, _U32(17))
        x0, x1 = _turn(x0, x1, _U32(29))
        x0, x1 = _turn(x0, x1, _U32(16))
        return _turn(x0, x1, _U32(24))
    x0, x1 = _turn(x0, x1, _U32(13))
    x0, x1 = _turn(x0, x1, _U32(15))
    x0, x1 = _turn(x0, x1, _U32(26))
    return _turn(x0, x1, _U32(6))


@part()
def threefry(k0, k1, x0, x1):
    """Return the two words of counter (x0, x1) under key (k0, k1)."""
    k2 = _U32(k0 ^ k1 ^ _PARITY)
    x0, x1 = _U32(x0 + k0), _U32(x1 + k1)
    x0, x1 = _four(x0, x1, False)
    x0, x1 = _U32(x0 + k1), _U32(x1 + _U32(k2 + _U32(1)))
    x0, x1 = _four(x0, x1, True)
    x0, x1 = _U32(x0 + k2), _U32(x1 + _U32(k0 + _U32(2)))
    x0, x1 = _four(x0, x1, False)
    x0, x1 = _U32(x0 + k0), _U32(x1 + _U32(k1 + _U32(3)))
    x0, x1 = _four(x0, x1, True)
    x0, x1 = _U32(x0 + k1), _U32(x1 + _U32(k2 + _U32(4)))
    x0, x1 = _four(x0, x1, False)
    return _U32(x0 + k2), _U32(x1 + _U32(k0 + _U32(5)))


@part()
def layer_key(seed, layer, step):
    """Return the key of a layer's dropout at a step: `equations.key_of` with purpose `layer`."""
    low, high = _U32(seed & 0xFFFFFFFF), _U32((seed >> 32) & 0xFFFFFFFF)
    a, b = threefry(low, high, _U32(layer), _U32((step >> 32) & 0xFFFFFFFF))
    return threefry(a, b, _U32(step & 0xFFFFFFFF), _U32(0))


@part(fastmath=FAST)
def fill_mask(key, rows, first, threshold, keep, mask, unit):
    """Write the masks of the units from `unit` on: mask is (units, n), samples are rows + first.

    A pair of units shares a call of the generator; the first unit may be the odd one of its pair.
    """
    units, n = mask.shape
    zero = keep - keep
    for pair in range(unit // 2, (unit + units + 1) // 2):
        even, odd = 2 * pair - unit, 2 * pair - unit + 1
        if even >= 0 and odd < units:
            for i in range(n):
                x0, x1 = threefry(key[0], key[1], _U32(rows[i] + first), _U32(pair))
                mask[even, i] = keep if x0 >= threshold else zero
                mask[odd, i] = keep if x1 >= threshold else zero
            continue
        for i in range(n):
            x0, x1 = threefry(key[0], key[1], _U32(rows[i] + first), _U32(pair))
            if even >= 0:
                mask[even, i] = keep if x0 >= threshold else zero
            else:
                mask[odd, i] = keep if x1 >= threshold else zero
