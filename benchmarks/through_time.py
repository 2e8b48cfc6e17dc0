"""Back through time three ways, and forward by Newton's iteration, beside one step after another.

    python -m benchmarks.through_time [--cells elman,gru,lstm] [--steps 16,256,4096]
                                      [--units 2,8,16,64] [--batch 1,8,64] [--newton] [--repeats 9]
    python -m benchmarks.through_time --model

Of one recurrent layer in float32, on JAX's default device: the medians in microseconds of its way
back (δ and δ' of all steps, without the sums over time, which are the same for all), what the rule
of `engines.xla.choice` takes, and how much slower that is than the fastest. A way whose Jacobians
would take more than 256 MB is left out. `--model` measures nothing: it prints what the operation
counts say of a GPU. docs/parallel-through-time.md reads the figures.
"""

from __future__ import annotations

import argparse
import sys
import time
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np

from clearprop.engines.xla.choice import rule, ways_timed
from clearprop.engines.xla.grid import Grid, GridTime
from clearprop.equations.cells import CELLS
from clearprop.equations.newton import newton_step
from clearprop.equations.scan import multiplications
from clearprop.functions import activation

MOST_BYTES = 256e6
TANH = activation("tanh")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", default="elman,gru,lstm")
    parser.add_argument("--steps", default="16,256,4096")
    parser.add_argument("--units", default="2,8,16,64")
    parser.add_argument("--batch", default="1,8,64")
    parser.add_argument("--newton", action="store_true")
    parser.add_argument("--model", action="store_true")
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    if options.model:
        print(model_table())
        return 0
    table = newton_row if options.newton else back_row
    print(HEADS[options.newton])
    print("|".join("---" for _ in HEADS[options.newton].split("|")[1:-1]).join("||"))
    for cell in options.cells.split(","):
        for units, steps, batch in grid_of(options):
            print(table(cell, units, steps, batch, options.repeats), flush=True)
    return 0


HEADS = {
    False: "| cell | units | steps | batch | serial µs | chain µs | scan µs | rule "
    "| over the fastest | over serial |",
    True: "| cell | units | steps | batch | serial µs | Newton µs | iterations | error |",
}


def grid_of(options: argparse.Namespace) -> list[tuple[int, int, int]]:
    """Return (units, steps, batch) of each row."""
    units, steps, batch = (
        [int(word) for word in text.split(",")]
        for text in (options.units, options.steps, options.batch)
    )
    return [(u, t, n) for u in units for t in steps for n in batch]


# of the model: seconds of a kernel's launch, of a serial step made of kernels of XLA's and of one
# inside a kernel that stays on the device; multiplications and bytes a second; how often the
# Jacobians go through the memory
LAUNCH, STEP, STEP_INSIDE = 4e-6, 20e-6, 2e-6
SPEED, BANDWIDTH, PASSES = 5e12, 3.4e12, 8


def model_table() -> str:
    """Return the scan's time on a GPU by its operation counts, beside both kinds of serial pass."""
    lines = [
        "| numbers of the state | steps | batch | scan µs | of it launches | products | memory "
        "| serial, step by step µs | serial, inside one kernel µs |",
        "|" + "---|" * 9,
    ]
    for size in (2, 16, 64):
        for steps in (64, 1024, 16384):
            for batch in (1, 64):
                count = multiplications(steps, size)
                launches = 3 * count["rounds"] * LAUNCH
                products = batch * (count["matrices"] + count["vectors"]) / SPEED
                memory = PASSES * 4 * batch * steps * size**2 / BANDWIDTH
                times = (launches + products + memory, launches, products, memory)
                work = batch * steps * 4 * size**2 / SPEED
                serial = (steps * STEP + work, steps * STEP_INSIDE + work)
                figures = [f"{1e6 * value:.0f}" for value in (*times, *serial)]
                lines.append("| " + " | ".join(map(str, [size, steps, batch, *figures])) + " |")
    return "\n".join(lines)


def back_row(cell: str, units: int, steps: int, batch: int, repeats: int) -> str:
    """Measure the ways back and return a row of the table."""
    state = units * len(CELLS[cell].states)
    fits = 4 * steps * batch * state**2 < MOST_BYTES
    ways = ("serial", "chain", "scan") if fits else ("serial",)
    shape = (cell, units, TANH, steps, batch)
    taken = ways_timed(*shape, ways=ways, repeats=repeats)
    chosen = rule(cell, units, steps, batch)
    figures = [f"{1e6 * taken[way]:.0f}" if way in taken else "–" for way in HEADINGS]
    over = [taken[chosen] / least - 1 for least in (min(taken.values()), taken["serial"])]
    cells = [cell, units, steps, batch, *figures, chosen, *(f"{100 * x:+.0f} %" for x in over)]
    return "| " + " | ".join(map(str, cells)) + " |"


HEADINGS = ("serial", "chain", "scan")


def newton_row(cell: str, units: int, steps: int, batch: int, repeats: int) -> str:
    """Measure the way forward and return a row of the table."""
    kind, draw = CELLS[cell], np.random.default_rng(0)
    wide = len(kind.gates) * units

    def drawn(*shape: int) -> jax.Array:
        return jnp.asarray(draw.normal(size=shape), dtype="float32")

    s, U = drawn(steps * batch, wide), drawn(wide, units) / units**0.5
    c, lengths = (drawn(units) if cell == "gru" else None), jnp.full(batch, steps)
    start = jnp.zeros((batch, units * len(kind.states)), dtype="float32")

    @jax.jit
    def serial(s: jax.Array, U: jax.Array) -> jax.Array:
        states = GridTime().forward(jnp, kind, TANH, s, U, c, None, Grid(lengths, steps))[1]
        return jnp.concatenate(states, axis=-1).reshape(steps, batch, -1)

    @jax.jit
    def by_newton(s: jax.Array, U: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        def go(carry: tuple) -> tuple:
            guess, _, done = carry
            new = newton_step(jnp, kind, TANH, s.reshape(steps, batch, -1), U, c, start, guess)
            return new, jnp.max(jnp.abs(new - guess)), done + 1

        goes_on = lambda carry: (carry[1] > 1e-5) & (carry[2] < 100)  # noqa: E731
        guess = jnp.zeros((steps, batch, start.shape[1]), dtype="float32")
        return jax.lax.while_loop(goes_on, go, (guess, jnp.float32(jnp.inf), jnp.int32(0)))

    wanted, (found, change, iterations) = serial(s, U), by_newton(s, U)
    error = float(jnp.max(jnp.abs(found - wanted)))
    told = f"{error:.0e}" if float(change) <= 1e-5 else "did not converge"
    figures = [f"{1e6 * _median(run, repeats, s, U):.0f}" for run in (serial, by_newton)]
    cells = [cell, units, steps, batch, *figures, int(iterations), told]
    return "| " + " | ".join(map(str, cells)) + " |"


def _median(run, repeats: int, *given: jax.Array) -> float:
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(run(*given))
        taken.append(time.perf_counter() - began)
    return median(taken)


if __name__ == "__main__":
    sys.exit(main())
