"""Random numbers as a function of a counter: no state, no order, the same on every engine.

Dropout asks for the bits of (seed, purpose, step, sample, unit) and gets the same answer in NumPy,
Numba and JAX, on one thread or many, in a run that was resumed and in a batch that was split. The
generator is Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw 2011, "Parallel random
numbers: as easy as 1, 2, 3"): additions, rotations and exclusive ors of 32-bit words, which every
array library has.

The key holds (seed, purpose, step); the counter holds (sample, pair of units). A call gives two
words: one for the even and one for the odd unit of the pair.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# what a stream is for; dropout adds the layer number, so that layers are independent
PURPOSES = {
    "dropout": 0,
    "shuffle": 1 << 16,
    "initial": 2 << 16,
    "split": 3 << 16,
    "feedback": 4 << 16,
}

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
_MASK = 0xFFFFFFFF


def key_of(seed: int, purpose: int, step: int) -> tuple[int, int]:
    """Return the two key words of (seed, purpose, step).

    They are themselves the output of Threefry, so that neighbouring seeds, purposes and steps
    share nothing.
    """
    outer = threefry(seed & _MASK, (seed >> 32) & _MASK, purpose & _MASK, (step >> 32) & _MASK)
    return threefry(*outer, step & _MASK, 0)


def threefry(k0: int, k1: int, x0: int, x1: int) -> tuple[int, int]:
    """Threefry-2x32-20 on plain integers: the definition that the array form is tested against."""
    keys = (k0, k1, k0 ^ k1 ^ PARITY)
    x0, x1 = (x0 + k0) & _MASK, (x1 + k1) & _MASK
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            x0 = (x0 + x1) & _MASK
            x1 = ((x1 << rotation) | (x1 >> (32 - rotation))) & _MASK
            x1 ^= x0
        x0 = (x0 + keys[(group + 1) % 3]) & _MASK
        x1 = (x1 + keys[(group + 2) % 3] + group + 1) & _MASK
    return x0, x1


def random_bits(xp: Any, key: tuple[Any, Any], samples: Any, units: int) -> Any:
    """Return 32 random bits for each (sample, unit): uint32 of shape (n, units).

    Parameters
    ----------
    key : two numbers below 2³²
        From `key_of`.
    samples : (n,) integer array
        The rows' numbers in the whole data, not in the batch.
    units : int
        How many bits a sample needs.
    """
    pairs = (units + 1) // 2
    word = xp.uint32
    k0, k1 = xp.asarray(key[0], dtype=word), xp.asarray(key[1], dtype=word)
    keys = (k0, k1, k0 ^ k1 ^ xp.asarray(PARITY, dtype=word))
    x0 = xp.broadcast_to(samples.astype(word)[:, None] + k0, (samples.shape[0], pairs))
    x1 = xp.broadcast_to(xp.arange(pairs, dtype=word)[None, :] + k1, x0.shape)
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = (x1 << word(rotation)) | (x1 >> word(32 - rotation))
            x1 = x1 ^ x0
        x0 = x0 + keys[(group + 1) % 3]
        x1 = x1 + (keys[(group + 2) % 3] + xp.full((1,), group + 1, dtype=word))
    return xp.stack([x0, x1], axis=-1).reshape(x0.shape[0], 2 * pairs)[:, :units]


def dropout_mask(
    xp: Any,
    key: tuple[Any, Any],
    samples: Any,
    units: int,
    rate: float,
    dtype: Any,
    members: int = 1,
) -> Any:
    """Return 0 where a unit is dropped and 1 / (1 - rate) where it is kept: (members · n, units).

    A unit is dropped where its 32 bits, read as a whole number, are below rate · 2³². Unit j of
    member m is unit m · units + j to the generator.
    """
    kept = xp.asarray(1 / (1 - rate), dtype=dtype)
    return mask_from(xp, key, samples, units, drop_threshold(rate), kept, members)


def mask_from(
    xp: Any, key: tuple[Any, Any], samples: Any, units: int, threshold: Any, kept: Any, members: int
) -> Any:
    """Return 0 where a unit's bits are below the threshold and `kept` elsewhere; see above."""
    bits = random_bits(xp, key, samples, members * units)
    bits = bits.reshape(samples.shape[0], members, units).swapaxes(0, 1).reshape(-1, units)
    return xp.where(bits >= xp.asarray(threshold, dtype=xp.uint32), kept, xp.zeros_like(kept))


def drop_threshold(rate: float) -> int:
    """Return rate · 2³² as a whole number below 2³²."""
    return min(int(np.floor(rate * 2.0**32)), _MASK)
