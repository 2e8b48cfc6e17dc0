"""Runs that are broken off go on to the same bits; what a folder of checkpoints survives."""

from __future__ import annotations

import os
import resource
import signal
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clearprop import (
    LSTM,
    Checkpoints,
    Dense,
    Network,
    Settings,
    Watch,
    load,
    save,
)
from clearprop.engines import Block, Recipe
from clearprop.equations import Adam, Momentum
from clearprop.errors import FileError, SettingError
from clearprop.files import Checkpoint
from clearprop.training import (
    Adaptive,
    Batches,
    Epoch,
    InOrder,
    Run,
    Shuffled,
    Stopping,
    Validation,
)

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(60, 3))
Y = (X @ np.ones((3, 1)) + 0.3 * RANDOM.normal(size=(60, 1))).astype(np.float64)
DENSE = Network(3, (Dense(5, "tanh", dropout=0.3), Dense(1)), "half_squared_error", "float64")
STEPS = Network(2, (LSTM(3), Dense(1)), "half_squared_error", "float64", readout="every")


@pytest.fixture(autouse=True)
def step_by_step(monkeypatch):
    # an event a step or two, so that there is a moment to stop at everywhere
    monkeypatch.setattr("clearprop.training.loop.GRAIN", 1e-9)


def dense(recipe=Recipe(Adam(0.02), batch_size=16, epochs=6), **changes):  # noqa: B008
    stopping = Stopping("validation_loss", patience=2, tolerance=0, restore_best=True)
    asked = {"engine": "reference", "orders": Shuffled(1), "stopping": stopping, "seed": 3}
    settings = Settings(recipe, **{**asked, **changes})
    held = Validation(Block.of(DENSE, X[40:], Y[40:]), score=lambda out: -float(np.abs(out).sum()))
    return Run(DENSE, Block.of(DENSE, X[:40], Y[:40]), settings, validation=held)


def recorded():
    # stops by its own adaptive schedule, and records
    recipe = Recipe(Momentum(0.3), Adaptive(minimum=0.01), batch_size=16, epochs=40)
    watch = Watch((0, 4), every=3, snapshots=4)
    return dense(recipe=recipe, stopping=Stopping(patience=1, tolerance=0.01), watch=watch)


def in_pieces():
    random = np.random.default_rng(0)
    x = [random.normal(size=(n, 2)) for n in (7, 3, 5, 6, 2)]
    block = Block.of(STEPS, x, [row[:, :1].cumsum(axis=0) for row in x])
    recipe = Recipe(Adam(0.05), batch_size=2, epochs=3, truncate=2)
    return Run(STEPS, block, Settings(recipe, "reference", stopping=Stopping(patience=99)))


def native():
    return dense(engine="native", threads=2, watch=Watch((1,)))


RUNS = {"dense": dense, "recorded": recorded, "in pieces": in_pieces, "native": native}


class BrokenOffError(Exception):
    pass


def broken_off(run, folder, moment, every="1 step"):
    """Let a run go until so many events are over, and break it off like a power cut."""
    seen = []

    def strike(event):
        seen.append(event)
        if len(seen) > moment:
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        run.finish([strike], Checkpoints(folder, every, resume=True))


def same(one, two):
    """Assert that two outcomes are equal, apart from time."""
    assert one.parameters.vector.tobytes() == two.parameters.vector.tobytes()
    assert one.state.vector.tobytes() == two.state.vector.tobytes()
    assert one.state.slots.tobytes() == two.state.slots.tobytes()
    assert one.stop == two.stop
    curves = [replace(outcome.history, seconds=[]) for outcome in (one, two)]
    assert curves[0] == curves[1]
    if one.recording is not None:
        for name in ("steps", "values", "snapshot_steps", "snapshots"):
            assert np.array_equal(getattr(one.recording, name), getattr(two.recording, name))


@pytest.mark.parametrize("name", RUNS)
def test_broken_off_at_any_moment_ends_with_the_same_bits(name, tmp_path):
    make = RUNS[name]
    whole = make().finish()
    events = len(list(make().events()))
    assert events > 12
    for number, moment in enumerate(range(0, events - 1, max(1, events // 8))):
        folder = tmp_path / str(number)
        broken_off(make(), folder, moment)
        # and once more, a little further on
        if moment + 3 < events:
            broken_off(make(), folder, min(3, events - moment - 2))
        same(whole, make().finish([], Checkpoints(folder, resume=True)))
        # a run that is over is over, and says the same again
        same(whole, make().finish([], Checkpoints(folder, resume=True)))


def test_what_is_kept_when(tmp_path):
    kept = Checkpoints(tmp_path / "a", "2 epochs", keep=2)
    dense(stopping=Stopping(patience=99)).finish([], kept)
    # 3 steps an epoch, six epochs; in-use is the lock's
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["in-use", "step-000000000012.checkpoint", "step-000000000018.checkpoint"]
    found = load(tmp_path / "a" / names[1])
    assert isinstance(found, Checkpoint)
    assert (found.network, found.snapshot.state.epoch, found.snapshot.stop) == (DENSE, 4, None)
    assert load(tmp_path / "a" / names[2]).snapshot.stop.reason == "finished"
    steps = Checkpoints(tmp_path / "b", "4 steps", keep=99)
    dense(stopping=Stopping(patience=99)).finish([], steps)
    names = sorted(path.name[10:17] for path in (tmp_path / "b").glob("step*"))
    assert names == ["0000004", "0000008", "0000012", "0000016", "0000018"]
    now = iter(range(0, 10_000, 25))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clearprop.files.checkpoints.time.monotonic", lambda: next(now))
        timed = Checkpoints(tmp_path / "c", "2 minutes", keep=99)
        dense(stopping=Stopping(patience=99)).finish([], timed)
    # 25 seconds an event, four events an epoch: at 125, 250, 375, 500 and 600 seconds
    steps = sorted(int(path.name[10:17]) for path in (tmp_path / "c").glob("step*"))
    assert steps == [4, 8, 12, 15, 18]


@pytest.mark.parametrize("every", ["often", 0, True, "1.5 steps", "-1", "3 days", 2.5])
def test_what_every_may_be(every):
    with pytest.raises(SettingError, match="every must be a number of epochs"):
        Checkpoints("x", every)
    with pytest.raises(SettingError, match="keep must be a whole number"):
        Checkpoints("x", keep=0)


def test_other_data_or_settings_are_refused(tmp_path):
    kept = Checkpoints(tmp_path, resume=True)
    broken_off(dense(), tmp_path, 5)
    cases = {
        r"seed \(3 then, 4 now\)": dense(seed=4),
        r"engine \(reference then, native now\)": dense(engine="native"),
        r"recipe: epochs \(6 then, 7 now\)": dense(
            recipe=Recipe(Adam(0.02), batch_size=16, epochs=7)
        ),
        r"orders \(Shuffled\(seed=1\) then, InOrder\(\) now\)": dense(orders=InOrder()),
        r"stopping \(another than then\)": dense(stopping=Stopping(patience=7)),
    }
    other = dense()
    other.block = replace(other.block, y=other.block.y + 1e-9)
    cases[r"training targets \(another than then\)"] = other
    fewer = dense()
    fewer.validation = Validation(Block.of(DENSE, X[41:], Y[41:]), fewer.validation.score)
    cases["validation inputs .*; validation targets"] = fewer
    for words, run in cases.items():
        with pytest.raises(SettingError, match=f"other data or settings.*What differs: {words}"):
            run.finish([], kept)
    # and nothing has been touched
    dense().finish([], kept)


def test_an_earlier_run_is_not_written_over(tmp_path):
    broken_off(dense(), tmp_path, 5)
    with pytest.raises(FileError, match=r"holds checkpoints of an earlier run\. Go on from them"):
        dense().finish([], Checkpoints(tmp_path))


def test_two_runs_on_one_folder(tmp_path):
    kept, messages = Checkpoints(tmp_path, resume=True), []

    def another(event):
        if isinstance(event, Epoch) and event.epoch == 2:
            with pytest.raises(FileError, match=rf"in use by process {os.getpid()} on .*Two runs"):
                dense().finish([], kept)
            messages.append("refused")

    same(dense().finish([another], kept), dense().finish())
    assert messages == ["refused"]


def damage(path, kind):
    data = bytearray(path.read_bytes())
    if kind == "cut off":
        data = data[: len(data) // 2]
    elif kind == "flipped":
        data[-3] ^= 4
    elif kind == "empty":
        data = b""
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["cut off", "flipped", "empty", "of another kind"])
def test_falls_back_to_the_last_whole_one(tmp_path, kind):
    broken_off(dense(), tmp_path, 12)
    newest = max(tmp_path.glob("step*"))
    if kind == "of another kind":
        save(dense().finish().parameters, newest)
    damage(newest, kind)
    broken = newest.read_bytes()
    with pytest.warns(RuntimeWarning, match=f"cannot be used and is left alone: .*{newest.name}"):
        broken_off(dense(), tmp_path, 0)
    assert newest.read_bytes() == broken
    told = []
    same(dense().finish([], Checkpoints(tmp_path, resume=True, say=told.append)), dense().finish())
    assert "left alone" in told[0]
    assert "Going on from" in told[1]
    assert "1 epochs are done" in told[1] or "2 epochs are done" in told[1]


def test_no_whole_one_is_no_new_beginning(tmp_path):
    broken_off(dense(), tmp_path, 12)
    for path in tmp_path.glob("step*"):
        damage(path, "flipped")
    told = []
    with pytest.raises(FileError, match=r"None of the 3 checkpoints in .* is whole"):
        dense().finish([], Checkpoints(tmp_path, resume=True, say=told.append))
    assert len(told) == 3


@pytest.mark.parametrize("fault", ["fsync", "replace"])
def test_a_disk_that_is_full_at_times(tmp_path, monkeypatch, fault):
    real, count = getattr(os, fault), iter(range(10_000))

    def sometimes(*arguments, **options):
        if next(count) % 3 == 1:
            raise OSError(28, "No space left on device")
        return real(*arguments, **options)

    monkeypatch.setattr(os, fault, sometimes)
    told = []
    kept = Checkpoints(tmp_path, "1 step", resume=True, say=told.append)
    same(dense().finish([], kept), dense().finish())
    assert any("no checkpoint could be kept; training goes on" in text for text in told)
    assert not list(tmp_path.glob(".clearprop*"))
    monkeypatch.undo()
    same(dense().finish([], Checkpoints(tmp_path, resume=True)), dense().finish())


def test_a_limit_of_the_system_in_mid_write(tmp_path):
    broken_off(dense(), tmp_path, 7)
    before = {path: path.read_bytes() for path in tmp_path.glob("step*")}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    told = []
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        kept = Checkpoints(tmp_path, resume=True, say=told.append)
        outcome = dense().finish([], kept)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    same(outcome, dense().finish())
    assert "File too large" in told[-1]
    assert {path: path.read_bytes() for path in tmp_path.glob("step*")} == before


def test_a_folder_that_can_only_be_read():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        broken_off(dense(), folder, 7)
        before = sorted(path.name for path in folder.iterdir())
        (folder / "in-use").chmod(0o444)
        for path in folder.glob("step*"):
            path.chmod(0o444)
        folder.chmod(0o555)
        told = []
        with as_somebody_else():
            kept = Checkpoints(folder, resume=True, say=told.append)
            same(dense().finish([], kept), dense().finish())
            with pytest.raises(FileError, match="no checkpoints can be kept there"):
                dense().finish([], Checkpoints(folder / "new", resume=True))
        folder.chmod(0o755)
        assert "keeps no new checkpoints" in told[0]
        assert sorted(path.name for path in folder.iterdir()) == before


class as_somebody_else:  # noqa: N801
    """The super-user may write anywhere, so it becomes nobody for a while."""

    def __enter__(self):
        self.before = os.geteuid()
        if self.before == 0:
            os.seteuid(65534)

    def __exit__(self, *problem):
        if self.before == 0:
            os.seteuid(0)


def test_what_a_killed_process_left_is_swept_away(tmp_path):
    broken_off(dense(), tmp_path, 7)
    (tmp_path / ".clearprop-0123.tmp").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("mine")
    dense().finish([], Checkpoints(tmp_path, resume=True))
    assert {path.name for path in tmp_path.iterdir() if "step" not in path.name} == {
        "in-use",
        "notes.txt",
    }


def test_ctrl_c_leaves_a_last_checkpoint(tmp_path):
    def interrupt(event):
        if isinstance(event, Batches) and event.step == 7:
            os.kill(os.getpid(), signal.SIGINT)

    stopped = dense().finish([interrupt], Checkpoints(tmp_path, "5 hours"))
    assert stopped.stop.reason == "interrupted"
    assert [path.name for path in tmp_path.glob("step*")] == ["step-000000000007.checkpoint"]
    same(dense().finish([], Checkpoints(tmp_path, resume=True)), dense().finish())


def test_a_listener_that_stops_a_run_does_not_end_it(tmp_path):
    stop = dense().finish([lambda event: isinstance(event, Epoch)], Checkpoints(tmp_path)).stop
    assert stop.reason == "listener"
    same(dense().finish([], Checkpoints(tmp_path, resume=True)), dense().finish())


def test_a_crafted_checkpoint_is_held_against_the_run(tmp_path):
    """A right digest and the right fingerprint, and numbers that a kernel would follow."""
    broken_off(dense(), tmp_path, 7)
    path = max(tmp_path.glob("step*"))
    good = load(path)

    def forged(**changes):
        return replace(good.snapshot, state=replace(good.snapshot.state, **changes))

    short = good.snapshot.state.vector[:-1]
    cases = [
        (forged(position=41), "position must lie between 0 and 40"),
        (forged(epoch=7), "epoch must lie between 0 and 6"),
        (forged(vector=short), r"parameters float64 of shape \(26,\) was expected"),
        (forged(slots=short), "slots float64"),
        (forged(vector=good.snapshot.state.vector.astype("f4")), "but float32"),
        (forged(piece=1), "carried states without a piece"),
    ]
    for snapshot, words in cases:
        for other in tmp_path.glob("step*"):
            other.unlink()
        save(replace(good, snapshot=snapshot), path)
        with pytest.raises(FileError, match=f"does not fit this run.*{words}"):
            dense().finish([], Checkpoints(tmp_path, resume=True))


def test_a_checkpoint_of_the_first_version_is_still_gone_on_with(tmp_path):
    """Its file was written once and is kept; numbers may round otherwise on another machine."""
    sample = Path(__file__).parent / "samples" / "checkpoint-1.bin"
    (tmp_path / "step-000000000006.checkpoint").write_bytes(sample.read_bytes())
    found = dense().finish([], Checkpoints(tmp_path, resume=True, say=lambda text: None))
    whole = dense().finish()
    np.testing.assert_allclose(found.parameters.vector, whole.parameters.vector, rtol=1e-9)
    assert found.stop == whole.stop
