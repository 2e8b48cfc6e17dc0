"""Worked examples: small networks with numbers, each with a page that walks through it.

The idea: each example goes through its part of the two origin texts from beginning to end, and
every number on its page is read from an explanation, as for any other network.

    example.py      Example: the network, its numbers, its page
    descent.py      many steps of gradient descent, with the way they take
    story.py        what pages of examples are written with
    two_two_two.py  G: the 2-2-2 network with numbers (i1, i2 → h1, h2 → o1, o2)
    letters.py      A: the network a, b → c, d → e, f; errors shared out, transposed, exact
    perceptron.py   E: 2-3-2-1, as a series of pictures
    logistic.py     no hidden layer: gradient descent as it stands
    echo.py         a recurrent network of two units over four steps, through time
    ten_layers.py   H: ten sigmoid layers beside ReLU; what can run at the same time

Public names: `EXAMPLES`, `Example`, `example`.
May import: the other modules of the explanation, `clearprop.equations`, `clearprop.training`.
"""

from clearprop.errors import SettingError
from clearprop.explanation.examples.example import Example
from clearprop.explanation.examples.networks import (
    ECHO,
    LETTERS,
    LOGISTIC,
    PERCEPTRON,
    TEN,
    TWO_TWO_TWO,
)
from clearprop.functions.spelling import suggest

__all__ = ["EXAMPLES", "Example", "example"]

EXAMPLES: dict[str, Example] = {
    one.name: one for one in (TWO_TWO_TWO, LETTERS, PERCEPTRON, LOGISTIC, TEN, ECHO)
}


def example(name: str) -> Example:
    """Return a worked example by its name, or by its letter in the origin texts' description.

    Raises
    ------
    SettingError
        If there is none.
    """
    for one in EXAMPLES.values():
        if name and name in (one.name, one.letter):
            return one
    raise SettingError(f"There is no example {name!r}. {suggest(name, EXAMPLES)}")
