"""Tables larger than memory: read group by group, in an order of chance, within a bound.

`Stream` is a table in Parquet or Arrow files, cut into `Piece`s that are small beside the bound;
`buffers_of` says in which order an epoch reads them; `Summary` gathers in one pass what encoding,
targets and held-out rows need; `ahead` reads the next while somebody works on the last.

May import NumPy, Polars, `clearprop.tables` and `clearprop.errors`.
"""

from clearprop.tables.streams.ahead import ahead
from clearprop.tables.streams.memory import LIBRARIES, bytes_of, give_back, in_words
from clearprop.tables.streams.order import Buffer, buffers_of, visits_of
from clearprop.tables.streams.parts import Part, Shares
from clearprop.tables.streams.stream import Piece, Stream
from clearprop.tables.streams.summary import Columns, Rows, Summary, summarise, weights_in
from clearprop.tables.streams.writing import write_frames

__all__ = [
    "LIBRARIES",
    "Buffer",
    "Columns",
    "Part",
    "Piece",
    "Rows",
    "Shares",
    "Stream",
    "Summary",
    "ahead",
    "buffers_of",
    "bytes_of",
    "give_back",
    "in_words",
    "summarise",
    "visits_of",
    "weights_in",
    "write_frames",
]
