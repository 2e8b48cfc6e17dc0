"""Threefry-2x32-20 in a kernel: the bits of `equations.chance`, computed where they are used."""

from __future__ import annotations

import numpy as np

from clearprop.engines.native.low_level import part, stretch
from clearprop.engines.native.mathematics import FAST
from clearprop.engines.native.pointwise import multiply

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
def _fill_pair(key, samples, pair, threshold, keep, even, odd):
    """Write the masks of the two units that share a call of the generator."""
    k0, k1, zero = key[0], key[1], keep - keep
    # all whole numbers have 32 bits: beside wider ones half of each register would be empty
    for i in range(len(samples)):
        x0, x1 = threefry(k0, k1, samples[i], _U32(pair))
        even[i] = keep if x0 >= threshold else zero
        odd[i] = keep if x1 >= threshold else zero


@part()
def drop_units(key, samples, threshold, keep, arrays, spare, unit, first):
    """Hand on a ⊙ mask of the units from `unit` on, for samples in columns from `first` on.

    `arrays` are a, which is read, the mask and the output. A pair of units shares a call of the
    generator. The first unit may be the odd one of its pair and the last the even one; `spare` is a
    row for what their partners would get.
    """
    a, mask, output = arrays
    units, stop = len(mask), first + len(samples)
    for pair in range(unit // 2, (unit + units + 1) // 2):
        even, odd = 2 * pair - unit, 2 * pair - unit + 1
        above = stretch(mask, even, first, stop) if even >= 0 else spare
        below = stretch(mask, odd, first, stop) if odd < units else spare
        _fill_pair(key, samples, pair, threshold, keep, above, below)
        # while the nearest cache holds them
        for j in range(max(even, 0), min(odd + 1, units)):
            drawn, handed_on = stretch(mask, j, first, stop), stretch(output, j, first, stop)
            multiply(stretch(a, j, first, stop), drawn, handed_on)
