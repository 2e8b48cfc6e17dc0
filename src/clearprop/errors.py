"""What can go wrong, as one tree.

    ClearpropError
    ├── InputError            what was handed in does not fit         (also a ValueError)
    │   ├── DataError         a value, column or row of the data
    │   ├── ShapeError        an array of another shape than expected
    │   ├── SettingError      a parameter, or a network described wrongly
    │   └── FileError         a file that is not what it should be
    ├── GradientError         a loss whose delta is not the slope of its value
    ├── DivergenceError       a run that left the finite numbers      (also an ArithmeticError,
    │                                                                  and a ValueError)
    ├── EngineError           an engine that cannot do what it was asked (also a RuntimeError)
    └── MissingExtraError     a part that was not installed           (also an ImportError)

Every message says what was expected, what came, where, and the way out. The command line prints
the message alone; it is therefore written as whole sentences.
"""

from __future__ import annotations


class ClearpropError(Exception):
    """The root of every error that clearprop raises on purpose."""


class InputError(ClearpropError, ValueError):
    """What was handed in does not fit: data, shapes, settings or files."""


class DataError(InputError):
    """A value, a column or a row of the data cannot be used."""


class ShapeError(InputError):
    """An array has another shape than the network or the caller's other arrays ask for."""


class SettingError(InputError):
    """A parameter is out of its range, or a network is described wrongly."""


class FileError(InputError):
    """A file is missing, damaged, of another kind than its name says, or of a later version."""


class GradientError(ClearpropError, ValueError):
    """A loss's delta differs from the finite differences of its value."""


class DivergenceError(ClearpropError, ArithmeticError, ValueError):
    """A training run produced a value that is not finite; the message names epoch, layer, unit.

    It is a ValueError as well, which is what scikit-learn's networks raise in its place.
    """


class EngineError(ClearpropError, RuntimeError):
    """An engine cannot run what it was asked to run. No engine falls back to another in silence."""


class MissingExtraError(ClearpropError, ImportError):
    """A part of clearprop was asked for whose dependencies are not installed."""
