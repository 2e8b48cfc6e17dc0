"""Networks of sequences accounted for: what happened at each step of time, read from a trace.

One question a file, each answered by a frozen dataclass of NumPy arrays:

    run.py        one sequence of a trace, as the equations go through it
    forward.py    the forward pass step by step, and what is read out
    sums.py       the gradient of one parameter as a sum over steps
    pairs.py      the same by the step at which the error came in: paths through time
    routes.py     the largest of all paths of an Elman layer, unit by unit
    norms.py      how long the error stays on its way back through time; the verdict
    twins.py      the same with another kind of cell, beside it
    inputs.py     which inputs at which steps moved an output
    gates.py      the gates of one unit over the steps
    serial.py     what must wait for the step before, and what need not

    explanation.py   SequenceExplanation: the one object, its analyses and its views

Steps are counted from 0 in arrays and from 1 on pages. A way that goes back through time is told in
the order of its own time, the last step first.

May import: the other analyses of the room, `clearprop.engines`, `clearprop.equations`,
`clearprop.network`, `clearprop.errors`, NumPy.
"""

from clearprop.explanation.through_time.explanation import SequenceExplanation

__all__ = ["SequenceExplanation"]
