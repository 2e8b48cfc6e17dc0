"""Ctrl-C as a wish to stop: the loop ends after the running steps, and nothing is half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Wish:
    """Whether the user has asked to stop."""

    asked = False


@contextmanager
def interruptible() -> Iterator[Wish]:
    """Inside the `with` block the first Ctrl-C sets `wish.asked`; the second one interrupts.

    Signals reach the main thread only; in any other thread, and where somebody else handles
    Ctrl-C already, nothing is changed.
    """
    wish = Wish()
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not ours:
        yield wish
        return

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if wish.asked:
            raise KeyboardInterrupt
        wish.asked = True

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield wish
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
