"""Writes gestures.csv: where a hand is, step by step, in gestures made by a formula and chance.

A hand at the angle φ = φ0 + ω t is at (cos φ, sin φ), with ω = 2π / 12 in "circle", -2π / 12 in
"circle back", and at (cos φ, 0.2 sin 2φ) in "wave"; each gesture has a size, a centre, a pace and a
first angle of its own, and every position a little noise. The two circles go through the same
places: only their order tells them apart.
"""

from pathlib import Path

import numpy as np

GESTURES = ("circle", "circle back", "wave")
SERIES = 150


def gestures(seed: int = 1) -> list[str]:
    """Return the lines of the table."""
    draw = np.random.Generator(np.random.Philox(seed))
    lines = ["series,step,x,y,gesture"]
    for series in range(1, SERIES + 1):
        gesture = GESTURES[series % 3]
        steps = int(draw.integers(9, 19))
        pace = draw.uniform(0.7, 1.4) * 2 * np.pi / 12 * (-1 if gesture == "circle back" else 1)
        angle = draw.uniform(0, 2 * np.pi) + pace * np.arange(steps)
        x, y = np.cos(angle), 0.2 * np.sin(2 * angle) if gesture == "wave" else np.sin(angle)
        size, centre = draw.uniform(0.5, 1.5), draw.normal(0, 0.4, 2)
        noise = draw.normal(0, 0.2, (2, steps))
        places = size * np.stack([x, y]) + centre[:, None] + noise
        lines += [
            f"{series},{step + 1},{px:.2f},{py:.2f},{gesture}"
            for step, (px, py) in enumerate(places.T)
        ]
    return lines


if __name__ == "__main__":
    path = Path(__file__).with_suffix(".csv")
    path.write_text("\n".join(gestures()) + "\n", encoding="utf-8")
