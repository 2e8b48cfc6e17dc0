"""The studio under load and attack, with figures: what docs/reliability.md reports.

    python -m benchmarks.studio_load [--sessions 200] [--only sessions,reader,bombs]

A server as a process of its own, tabs without a browser (tests/studio_server.py). Beside all that
happens one more tab goes on and is asked for a frame all the time; shown is how long it waited.

    sessions   opened and dropped, three quarters of them with a word, the others without
    reader     a tab that asks for frames and never reads them
    bombs      files of less than 1 MB that unpack to much more
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent.parent / "tests")]

from studio_server import Tab, bombs, memory, process  # noqa: E402

SEVERAL = 24  # sessions that may be open


class Beside:
    """A tab that goes on beside the others, on a thread of its own."""

    def __init__(self, address: str) -> None:
        self._tab = Tab(address).begin()
        self.waited: list[float] = []
        self._on = True
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while self._on:
            self.waited.append(self._tab.answers_in())
            time.sleep(0.05)

    def told(self) -> str:
        """Return how long it waited for frames."""
        middle, longest = statistics.median(self.waited), max(self.waited)
        return f"median {1000 * middle:.0f} ms, longest {1000 * longest:.0f} ms"

    def end(self) -> None:
        """Leave."""
        self._on = False
        self._thread.join()
        self._tab.close()


@contextmanager
def studio() -> Iterator[tuple[str, Any]]:
    """Yield the address and the process of a studio."""
    with process("--sessions", str(SEVERAL)) as found:
        yield found


def leave(tab: Tab) -> None:
    """Say that a tab is closed, as its script does."""
    wish = urllib.request.Request(f"{tab.address}leave/{tab.key}", b"", method="POST")
    urllib.request.urlopen(wish, timeout=30).close()


def sessions(address: str, server: Any, count: int) -> None:
    """Open and drop sessions."""
    seen = []
    began = time.perf_counter()
    for k in range(count):
        tab = Tab(address).begin()
        if k % 4:
            leave(tab)
        tab.close()
        if k % 4 == 0:
            time.sleep(0.2)  # until it is missed
        if (k + 1) % (count // 4) == 0:
            seen.append(memory(server))
    print(f"  {count} sessions in {time.perf_counter() - began:.0f} s; memory after each quarter:",
          ", ".join(f"{one:.0f}" for one in seen), "MB")  # fmt: skip


def reader(address: str, server: Any, _: int) -> None:
    """Ask for frames and read none."""
    tab, before = Tab(address).begin(), memory(server)
    most, ended = [before], threading.Event()
    watch = threading.Thread(target=_watch, args=(server, most, ended), daemon=True)
    watch.start()
    took = tab.never_reads(60)
    ended.set()
    watch.join()
    told = "was NOT dropped in 60 s" if took is None else f"was dropped after {took:.1f} s"
    print(f"  it {told}; memory grew by {max(most) - before:.0f} MB meanwhile")


def _watch(server: Any, seen: list[float], ended: threading.Event) -> None:
    while not ended.wait(0.05):
        seen.append(memory(server))


def unpacking(address: str, server: Any, _: int) -> None:
    """Send files that unpack to much more."""
    tab = Tab(address).begin()
    for name, data in bombs().items():
        before, began = memory(server), time.perf_counter()
        wish = urllib.request.Request(
            f"{tab.address}upload/{tab.key}?name={name}", data, method="POST"
        )
        urllib.request.urlopen(wish, timeout=30).close()
        told = tab.hear("problem", 90)
        print(f"  {name}, {len(data) / 1e3:.0f} kB: refused after "
              f"{time.perf_counter() - began:.1f} s, the server's memory {before:.0f} → "
              f"{memory(server):.0f} MB: {told[:160]}")  # fmt: skip
    tab.close()


PARTS: dict[str, Callable[[str, Any, int], None]] = {
    "sessions": sessions,
    "reader": reader,
    "bombs": unpacking,
}


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--only", default=",".join(PARTS))
    given = parser.parse_args()
    with studio() as (address, server):
        for name in given.only.split(","):
            beside = Beside(address)
            time.sleep(2)
            base = memory(server)
            print(f"{name}:", flush=True)
            PARTS[name](address, server, given.sessions)
            time.sleep(8)  # until the last ones are missed
            print(f"  memory {base:.0f} → {memory(server):.0f} MB; the tab beside waited "
                  f"{beside.told()}", flush=True)  # fmt: skip
            beside.end()


if __name__ == "__main__":
    main()
