"""Training: the fit loop, schedules, stopping, history.

The idea: a run is a stream of events. `Run.events()` advances an engine and yields `Batches`,
`Epoch` and at last one `Stop`; progress bars, logs, plots, checkpoints and live pages listen to
that stream and nothing here prints. `train` drives a run to its end and returns an `Outcome`.

    settings.py    Settings: how a run goes, apart from the recipe that engines know
    schedules.py   learning rates, dropout and decay over a run
    orders.py      the order in which epochs visit the rows
    sources.py     rows in memory, or block by block from a stream
    stopping.py    when no more is to be gained
    events.py      Batches, Epoch, Stop
    pace.py        Pace: how many steps fill a call of an engine
    running.py     Running: what listeners may see besides
    history.py     the curves of a run, and their plot
    loop.py        Run, train;  outcomes.py  Validation, Outcome
    many.py        seeded, train_many: several runs at once
    snapshots.py   Snapshot: all that a run needs to go on;  fingerprints.py  what it depends on
    tallies.py     sums over the steps of an epoch
    recording.py   Watch, Recording: parameters over the course of a run
    lbfgs.py       full-batch L-BFGS through SciPy
    checks.py      a loss of the user's own, before it is used
    blame.py       where a number that is not finite first arose, and the way out
    interrupts.py  Ctrl-C as a wish to stop, not an explosion

May import: `clearprop.engines` and what that may import; SciPy and matplotlib when used.
"""

from clearprop.training.events import Batches, Epoch, Event, Listener, Stop
from clearprop.training.history import History
from clearprop.training.lbfgs import minimise
from clearprop.training.loop import Run, train
from clearprop.training.many import seeded, train_many
from clearprop.training.orders import ByLength, InOrder, Orders, Shuffled
from clearprop.training.outcomes import Outcome, Validation
from clearprop.training.recording import Recording, Watch
from clearprop.training.running import Running
from clearprop.training.schedules import (
    SCHEDULES,
    Adaptive,
    Cosine,
    CosLog,
    FlatCosine,
    InverseScaling,
    OneCycle,
    WarmUp,
)
from clearprop.training.settings import Settings
from clearprop.training.snapshots import Keeper, Snapshot
from clearprop.training.sources import Source
from clearprop.training.stopping import Stopping

__all__ = [
    "SCHEDULES",
    "Adaptive",
    "Batches",
    "ByLength",
    "CosLog",
    "Cosine",
    "Epoch",
    "Event",
    "FlatCosine",
    "History",
    "InOrder",
    "InverseScaling",
    "Keeper",
    "Listener",
    "OneCycle",
    "Orders",
    "Outcome",
    "Recording",
    "Run",
    "Running",
    "Settings",
    "Shuffled",
    "Snapshot",
    "Source",
    "Stop",
    "Stopping",
    "Validation",
    "WarmUp",
    "Watch",
    "minimise",
    "seeded",
    "train",
    "train_many",
]
