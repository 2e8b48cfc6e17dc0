"""The network as a frozen description, and its parameters as one flat vector with named views.

The idea: a `Network` says what is computed; it holds no numbers that training changes. Those live
in one flat vector, the same for engines, files, optimisers and checkpoints, laid out by `Segment`s
in the order W1, b1, W2, b2, …. `Parameters` gives views of that vector by the book's names.

On paper W^l has shape (units of l, units of l-1), so that z = W a + b. In the vector it is stored
column by column (Fortran order): `weights[l]` is a view of that shape, and its transpose is the
C-contiguous (fan_in, units) array that scikit-learn calls `coefs_`. A recurrent layer has U^l as
well, from its own units one step earlier, between W^l and b^l.

A network *lowers* to a tuple of `Operation`s, one per layer, which is what engines run.

    dense.py         Dense
    front.py         Scaling, Periodic: what may stand before the first dense layer
    recurrent.py     Recurrent (Elman), GRU, LSTM: layers whose units are fed back to them
    operations.py    Segment, Operation, Waves, Recurrence and its Ways: what layers lower to
    description.py   Network
    parameters.py    Parameters;  starts.py: how they start, which may depend on the data

May import: `clearprop.functions`, `clearprop.errors`, NumPy.
"""

from clearprop.functions.initialisers import INITIALISERS
from clearprop.network.dense import Dense
from clearprop.network.description import DTypeName, Layer, Network
from clearprop.network.front import FrontLayer, Periodic, Scaling
from clearprop.network.operations import Operation, Recurrence, Segment, Waves, Way
from clearprop.network.parameters import Parameters
from clearprop.network.recurrent import GRU, LSTM, Recurrent, RecurrentLayer

__all__ = [
    "GRU",
    "INITIALISERS",
    "LSTM",
    "DTypeName",
    "Dense",
    "FrontLayer",
    "Layer",
    "Network",
    "Operation",
    "Parameters",
    "Periodic",
    "Recurrence",
    "Recurrent",
    "RecurrentLayer",
    "Scaling",
    "Segment",
    "Waves",
    "Way",
]
