"""Fits of every kind at once, in threads of a web server and of an event loop: bits as alone."""

from __future__ import annotations

import asyncio
import os
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from clearprop import MLPClassifier, RNNClassifier, TabularClassifier
from clearprop.engines.native import blas, threads

DRAW = np.random.default_rng(4)
X = DRAW.normal(size=(80, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
SERIES = DRAW.normal(size=(20, 6, 2))

FITS = {
    "mlp": lambda seed: MLPClassifier((24,), max_iter=10, n_iter_no_change=99, random_state=seed, threads=2).fit(X, Y),  # noqa: E501
    "rnn": lambda seed: RNNClassifier(4, max_iter=5, n_iter_no_change=99, random_state=seed, threads=2).fit(SERIES, Y[:20]),  # noqa: E501
    "tabular": lambda seed: TabularClassifier((16,), max_epochs=4, members=2, random_state=seed, threads=2).fit(X, Y),  # noqa: E501
}  # fmt: skip


def bits(name, seed):
    return FITS[name](seed).parameters_.vector.tobytes()


@pytest.fixture(scope="module")
def alone():
    return {(name, seed): bits(name, seed) for name in FITS for seed in (0, 1)}


pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def test_requests_to_a_web_server_fit_at_once(alone):
    class Worker(BaseHTTPRequestHandler):
        def do_GET(self):
            _, name, seed = self.path.split("/")
            content = bits(name, int(seed))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Worker)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    found = {}

    def ask(name, seed):
        url = f"http://127.0.0.1:{server.server_port}/{name}/{seed}"
        with urllib.request.urlopen(url, timeout=100) as answer:
            found[name, seed] = answer.read()

    clients = [threading.Thread(target=ask, args=case) for case in alone]
    for client in clients:
        client.start()
    for client in clients:
        client.join(100)
    server.shutdown()
    serving.join()
    server.server_close()
    assert found == alone


def test_an_event_loop_goes_on_while_fits_run_in_its_threads(alone):
    beats = []

    async def beat():
        while True:
            beats.append(None)
            await asyncio.sleep(0.001)

    async def main():
        heart = asyncio.create_task(beat())
        work = [asyncio.to_thread(bits, *case) for case in alone]
        found = await asyncio.gather(*work)
        heart.cancel()
        return dict(zip(alone, found, strict=True))

    # in a thread of its own: a browser's tests leave a loop running in this one
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, main()).result() == alone
    assert len(beats) > 5


def test_no_more_threads_are_left_than_fits_ran_at_once(alone):
    threads._dismiss()
    fits = [threading.Thread(target=bits, args=("mlp", seed)) for seed in (0, 1, 0)]
    for fit in fits:
        fit.start()
    most = 0
    while any(fit.is_alive() for fit in fits):
        most = max(most, sum(thread.name == "clearprop" for thread in threading.enumerate()))
        fits[0].join(0.001)
    # each has its caller's thread and one more
    assert most <= 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_takes_over_no_lock_and_no_count():
    """As a fork would find it in the middle of another thread's call of a kernel."""
    counter = blas._SingleThread()
    libraries = [library for library, _ in counter._before]
    assert libraries == []
    with counter:
        before = list(counter._before)
        counter._lock.acquire()
        counter.start_in_child()
        with counter:
            # what the parent's kernel had set is not taken for what was there before
            assert counter._before == before
        assert counter._users == 0
        counter._users = 1  # the parent's own way out
