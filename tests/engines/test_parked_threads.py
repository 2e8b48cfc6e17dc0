"""The pool of parked threads: reuse, two callers at once, errors, Ctrl-C, fork, exit."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from numba import njit, types

import clearprop
from clearprop.engines.native import threads
from clearprop.engines.native.low_level import CONTROL_SIZE, barrier
from clearprop.engines.native.threads import run_together

SOURCE = Path(clearprop.__file__).parents[1]
SLEEP = types.ExternalFunction("usleep", types.int32(types.uint32))


@njit(nogil=True)
def meet(number, control, team, rounds, pause):
    """Meet the others at so many barriers, the first member after a pause (microseconds)."""
    for _ in range(rounds):
        if number == 0 and pause:
            SLEEP(pause)
        barrier(control, team)
    return 10 + number


def meeting(team, *, rounds=100, pause=0):
    control = np.zeros(CONTROL_SIZE, dtype=np.int64)
    return run_together(meet, team, (control, team, rounds, pause))


def members():
    return {thread for thread in threading.enumerate() if thread.name == "clearprop"}


@pytest.fixture(autouse=True)
def nobody_parked():
    threads._dismiss()
    assert members() == set()
    yield
    threads._dismiss()


def test_threads_are_used_again():
    assert meeting(3) == 10
    crew = members()
    assert len(crew) == 2
    for _ in range(50):
        assert meeting(3) == 10
        assert meeting(2) == 10
    assert members() == crew


def test_one_thread_is_the_callers_own():
    assert run_together(lambda number: threading.get_ident(), 1) == threading.get_ident()
    assert members() == set()
    assert run_together(lambda number: threading.get_ident(), 2) == threading.get_ident()


def test_two_callers_have_crews_of_their_own():
    found = []

    def caller():
        for _ in range(200):
            found.append(meeting(2, rounds=20))

    callers = [threading.Thread(target=caller, daemon=True) for _ in range(4)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(60)
        assert not thread.is_alive()
    assert found == [10] * 800
    assert 1 <= len(members()) <= 4


def test_calls_inside_a_member():
    assert run_together(lambda number: run_together(lambda n: 7 + n, 2), 2) == 7
    assert 2 <= len(members()) <= 3


@pytest.mark.parametrize("guilty", [0, 1, 2])
def test_errors_come_out_when_all_have_ended(guilty):
    ended = []

    def work(number):
        if number == guilty:
            raise ValueError(f"from {number}")
        time.sleep(0.02)
        ended.append(number)
        return number

    with pytest.raises(ValueError, match=f"from {guilty}"):
        run_together(work, 3)
    assert sorted(ended) == sorted({0, 1, 2} - {guilty})
    assert meeting(3) == 10  # and the crew is fit for more
    assert len(members()) == 2


class _Large:
    def __call__(self, number, kept):
        if kept and number:
            raise ValueError("with frames that hold arguments")
        return number


@pytest.mark.parametrize("fails", [False, True])
def test_parked_threads_keep_nothing_alive(fails):
    work = _Large()
    gone = weakref.ref(work)
    try:
        run_together(work, 2, (fails,))
    except ValueError:
        assert fails
    del work
    gc.collect()
    assert gone() is None


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
def test_an_interrupt_waits_for_all_members():
    """Timers go off all over the calls; a member that never came would leave the others waiting."""
    meeting(3)

    class TimeIsUpError(Exception):
        pass

    def on_alarm(number, frame):
        raise TimeIsUpError

    before = signal.signal(signal.SIGALRM, on_alarm)
    interrupted = whole = 0
    began = time.monotonic()
    # others' callbacks of the collector would swallow an alarm that goes off in them
    gc.disable()
    try:
        while interrupted < 300 and time.monotonic() - began < 20:
            control = np.zeros(CONTROL_SIZE, dtype=np.int64)
            # from before the first member is started to after the last has ended
            delay = 1e-6 + 4e-6 * (interrupted % 100)
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                run_together(meet, 3, (control, 3, 8, 0))
                signal.setitimer(signal.ITIMER_REAL, 0)
                whole += 1
            except TimeIsUpError:
                interrupted += 1
            generations = control[8]
            assert generations in (0, 8)  # nobody has begun, or all have ended
            time.sleep(0)
            assert control[8] == generations
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert interrupted >= 20


def test_ctrl_c_is_served_after_a_long_call():
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    control = np.zeros(CONTROL_SIZE, dtype=np.int64)
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        pytest.skip("somebody else handles Ctrl-C")
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run_together(meet, 2, (control, 2, 20, 10_000))
    assert control[8] == 20
    timer.join()


# in a process of its own, since pytest's has threads and forking it would warn
FORK = """
import os, threading, warnings
import numpy as np
from clearprop.engines.native.threads import run_together

def names():
    return [thread.name for thread in threading.enumerate() if thread.name == "clearprop"]

def child():
    assert names() == [], names()
    assert run_together(lambda number: 5 + number, 3) == 5
    assert len(names()) == 2

if __name__ == "__main__":
    warnings.simplefilter("error")
    run_together(lambda number: number, 3)
    assert len(names()) == 2
    busy, stop = threading.Event(), threading.Event()
    wait = lambda number: (busy.set(), stop.wait(20)) and number
    other = threading.Thread(target=run_together, args=(wait, 2))
    other.start()
    busy.wait(20)
    warnings.simplefilter("default")  # here the user's own thread runs, of which Python may warn
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child()
            code = 0
        finally:
            os._exit(code)
    stop.set()
    other.join()
    assert os.waitpid(pid, 0)[1] == 0
    assert run_together(lambda number: 6 + number, 3) == 6
    print("both well")
"""

EXIT = """
import threading
from clearprop.engines.native.threads import run_together
run_together(lambda number: number, 4)
assert threading.active_count() == 4
print("done")
"""


def run(source, tmp_path):
    file = tmp_path / "script.py"
    file.write_text(source)
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", str(file)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_starts_with_none(tmp_path):
    result = run(FORK, tmp_path)
    assert (result.returncode, result.stdout) == (0, "both well\n"), result.stderr


def test_exit_waits_for_nobody_and_says_nothing(tmp_path):
    result = run(EXIT, tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")
