"""Make the next item while somebody works on the last one.

Public names: `ahead`. Imports the standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def ahead(make: Callable[[Given], Made], items: Sequence[Given]) -> Iterator[Made]:
    """Yield `make(item)` of each item in order; the next one is made on a thread meanwhile.

    No more than one is made ahead: the one after it is begun when the caller comes back, so that
    two places of memory are enough for whatever is made. An error is raised where its item would
    have come. Whoever leaves early waits for the one that is being made.
    """
    if not items:
        return
    with ThreadPoolExecutor(1, thread_name_prefix="clearprop-reader") as reader:
        waiting = reader.submit(make, items[0])
        for item in items[1:]:
            made = waiting.result()
            waiting = reader.submit(make, item)
            yield made
            del made
        yield waiting.result()
