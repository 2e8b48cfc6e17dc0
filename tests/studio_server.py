"""A studio that runs as a process of its own, and tabs that speak to it without a browser.

A `Tab` does what NiceGUI's script does: it loads the page, opens the web socket, tells events of
the page's script, and hears what the server sends.
"""

import gzip
import io
import json
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import polars as pl


@contextmanager
def served(*options):
    """Run a studio and yield its address; it must say nothing but where it is."""
    with process(*options) as (found, _):
        yield found


@contextmanager
def process(*options):
    """Run a studio and yield its address and process."""
    command = [sys.executable, "-m", "clearprop", "studio", "--port", "0", "--no-browser"]
    command += ["--most-mb", "1", *options]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found, server.stderr.read()
        wait_for(found[0])
        yield found[0], server
    finally:
        server.terminate()
        said = server.communicate(timeout=15)[1]
    assert "Traceback" not in said, said


def wait_for(address):
    """Wait until a server that has said its address listens there."""
    host, port = re.search(r"//([^/:]+):(\d+)", address).groups()
    for _ in range(300):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(address)


def memory(server):
    """Return what a process holds, in MB."""
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000


def bombs():
    """Files of less than 1 MB that unpack to much: many rows; long texts; many cells."""
    cells = io.BytesIO()
    frame = pl.select(pl.repeat(0, 150_000).alias(f"c{k}") for k in range(250))
    frame.write_parquet(cells, compression="zstd")
    return {
        "rows.csv.gz": _packed(b"1,2\n" * 1_000_000, 20),
        "long.csv.gz": _packed((b"x" * 40_000 + b",2\n") * 100, 80),
        "cells.parquet": cells.getvalue(),
    }


def _packed(piece, times):
    """A table of two columns that holds a piece so many times, packed."""
    packed = io.BytesIO()
    with gzip.open(packed, "wb", 6) as file:
        file.write(b"a,b\n")
        for _ in range(times):
            file.write(piece)
    return packed.getvalue()


class Tab:
    """A tab without a browser. It hears and answers pings on a thread of its own, until `deaf`."""

    def __init__(self, address, origin=None):
        from websockets.sync.client import connect

        self.address = address.partition("?")[0]
        with urllib.request.urlopen(address, timeout=20) as answer:
            page = answer.read().decode()
        self.client = re.search(r"'client_id': '([^']+)'", page)[1]
        self._listeners = {}
        for found in re.finditer(r'"listener_id":"([^"]+)","type":"(\w+)"', page):
            element = re.findall(r'"(\d+)":\{"tag"', page[: found.start()])[-1]
            self._listeners.setdefault(found[2], (int(element), found[1]))
        query = {
            "client_id": self.client, "tab_id": self.client, "document_id": self.client,
            "implicit_handshake": "true", "next_message_id": 0, "EIO": 4,
            "transport": "websocket",
        }  # fmt: skip
        host = self.address.split("/")[2]
        small = socket.create_connection(host.split(":"), timeout=20)
        # so that what is not read is soon felt on the other side
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._open = connect(
            f"ws://{host}/_nicegui_ws/socket.io/?{urlencode(query)}", sock=small,
            origin=origin or f"http://{host}", max_size=None, compression=None,
        )  # fmt: skip
        self._socket = self._open.__enter__()
        assert self._socket.recv().startswith("0")
        self._socket.send("40")
        self.key, self.gone, self._deaf = None, False, False
        self._calls = queue.Queue()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        from websockets.exceptions import ConnectionClosed

        while not self._deaf:
            try:
                text = self._socket.recv(timeout=0.2)
            except TimeoutError:
                continue
            except ConnectionClosed:
                self.gone = True
                return
            if text == "2":
                self._socket.send("3")
            elif text.startswith("42"):
                name, value = json.loads(text[2:])
                if name == "run_javascript":
                    self._calls.put(value["code"])

    def tell(self, name, *values):
        """Emit an event of the page's script."""
        element, listener = self._listeners[name]
        event = {
            "id": element, "client_id": self.client, "listener_id": listener,
            "args": [json.dumps(value) for value in values],
        }  # fmt: skip
        self._socket.send("42" + json.dumps(["event", event]))

    def hear(self, method, seconds=60):
        """Return the next call of a method of the page's script."""
        end = time.monotonic() + seconds
        while True:
            code = self._calls.get(timeout=max(0.01, end - time.monotonic()))
            if f'"{method}"' in code:
                return code

    def begin(self):
        """Begin a session, and wait for its first frame."""
        self.tell("ready", False)
        self.key = re.search(r'"open", \["([\w-]+)"', self.hear("open"))[1]
        self.hear("frame")
        return self

    def answers_in(self):
        """Return how long a wish for a frame takes to be answered, in seconds."""
        began = time.perf_counter()
        self.tell("key", "forward")
        self.tell("want", None)
        self.hear("frame")
        return time.perf_counter() - began

    def never_reads(self, seconds):
        """Ask for frames all the time and read none, until the server hangs up; return how long."""
        from websockets.exceptions import ConnectionClosed

        self._deaf = True
        self._thread.join()
        began = time.monotonic()
        try:
            while time.monotonic() < began + seconds:
                for _ in range(5):
                    self.tell("key", "forward")
                    self.tell("want", None)
                self._socket.send("3")  # and says that it is there
                time.sleep(0.02)
        except ConnectionClosed:
            return time.monotonic() - began
        return None

    def close(self):
        """Close the tab as a browser does when it dies: without a word."""
        self._deaf = True
        self._open.__exit__(None, None, None)
