"""Sessions: commands and frames between threads, and what a page that gets the frames shows."""

import queue
import time
from dataclasses import replace

import numpy as np
import pytest

from clearprop.explanation.places import Place
from clearprop.studio.desk import Desk
from clearprop.studio.frames import Frames
from clearprop.studio.samples import toy_samples
from clearprop.studio.session import Session
from clearprop.studio.sessions import FullError, Sessions
from clearprop.studio.toys import TOYS
from clearprop.studio.wire import RAMP, packed


def desk():
    return Desk(engine="reference")


class Page:
    """What a page does with messages: it keeps the marks in order."""

    def __init__(self):
        self.marks = {}

    def receive(self, message):
        if "scene" in message:
            self.marks = {mark["id"]: dict(mark) for mark in message["scene"]["marks"]}
        for name in message.get("drop", ()):
            del self.marks[name]
        for before, mark in message.get("add", ()):
            names = list(self.marks)
            place = len(names) if before is None else names.index(before)
            pairs = list(self.marks.items())
            self.marks = dict([*pairs[:place], (mark["id"], dict(mark)), *pairs[place:]])
        for name, fields in message.get("set", ()):
            for field, value in fields.items():
                if value is None:
                    self.marks[name].pop(field)
                else:
                    self.marks[name][field] = value
        return list(self.marks.values())


@pytest.mark.parametrize("data", list(TOYS))
@pytest.mark.parametrize("f", ["relu", "tanh"])
def test_changes_alone_give_what_a_whole_frame_gives(data, f):
    work = desk()
    work.choose({"data": data, "hidden": [[4, f], [3, f]]})
    frames, pages = Frames(), {name: Page() for name in ("network", "answers", "curves")}
    for step in range(25):
        work.trainer.advance(1)
        if step == 12:
            work.pick_row(5)
        if step == 20:
            work.pick_weight("h2.1<-h1.3")
        frame = frames.make(work.trainer, work.view)
        for name, page in pages.items():
            page.receive(frame[name])
    frames.reset()
    whole = frames.make(work.trainer, work.view)
    for name in ("answers", "curves"):
        assert list(pages[name].marks.values()) == whole[name]["scene"]["marks"]
    # labels of the network keep the places that they had; what they say is the same
    shown = [mark for mark in pages["network"].marks.values() if mark["kind"] != "words"]
    again = [mark for mark in whole["network"]["scene"]["marks"] if mark["kind"] != "words"]
    assert shown == again


def test_a_frame_shows_the_numbers_of_the_state():
    work = desk()
    work.trainer.advance(3)
    work.pick_weight("w2.1.0")
    frame = Frames().make(work.trainer, work.view)
    weight = work.trainer.network.segments[2].view(work.trainer.state.vector)[1, 0]
    assert frame["weight"] == {"key": "w2.1.0", "value": weight}
    edges = [m for m in frame["network"]["scene"]["marks"] if m.get("key") == "w2.1.0"]
    assert any(repr(float(weight)).replace("-", "−") in mark["title"] for mark in edges)
    assert {mark["role"] for mark in edges if mark["kind"] == "line"} == {
        "positive" if weight > 0 else "negative"
    }
    trace = work.trainer.trace(0)
    assert frame["texts"]["weight_gradient"] == repr(
        float(trace.weight_gradients()[1][1, 0])
    ).replace("-", "−")


def test_heat_maps_are_bytes_around_zero():
    rows, columns, bits = packed(np.array([[0.0, 1.0, -1.0, np.nan], [2, -2, 0.5, -0.5]]), 1.0)
    assert (rows, columns) == (2, 4)
    import base64

    assert list(base64.b64decode(bits)) == [127, 254, 0, 255, 254, 0, 190, 64]
    assert RAMP[127] == (255, 255, 255)
    assert RAMP[254] == (0, 114, 178)
    assert RAMP[0] == (213, 94, 0)


class Listener:
    def __init__(self):
        self.heard = queue.Queue()

    def __call__(self, kind, value):
        self.heard.put((kind, value))

    def next(self, kind, seconds=10):
        end = time.monotonic() + seconds
        while True:
            found, value = self.heard.get(timeout=max(0.01, end - time.monotonic()))
            if found == kind:
                return value


def test_a_session_trains_sends_frames_and_ends():
    tell = Listener()
    session = Session(desk, tell)
    session.want_frame()
    first = tell.next("frame")
    assert first["time"] == {"at": 0, "end": 0}
    session.do("set_speed", "full")
    session.do("play")
    seen = 0
    began = time.monotonic()
    while seen < 5:
        session.want_frame()
        frame = tell.next("frame")
        seen += 1
    assert frame["time"]["at"] > 20
    assert time.monotonic() - began > 4 * 0.03, "frames are no more than a screen can show"
    session.do("pause")
    session.do("go_to", 7)
    session.want_frame()
    while tell.next("frame")["time"]["at"] != 7:
        session.want_frame()
    session.close()
    assert session.join(5)
    assert not hasattr(session.desk, "trainer")


def test_nothing_is_made_for_a_page_that_asks_for_nothing():
    tell = Listener()
    session = Session(desk, tell)
    session.want_frame()
    tell.next("frame")
    session.do("set_speed", "full")
    session.do("play")
    with pytest.raises(queue.Empty):
        tell.next("frame", 0.5)
    session.want_frame()
    assert tell.next("frame")["time"]["at"] > 100
    session.close()


def test_what_cannot_be_done_is_told_and_changes_nothing():
    tell = Listener()
    session = Session(desk, tell)
    for command in (
        ("choose", {"learning_rate": -1.0}), ("choose", {"data": "moon"}),
        ("pick_weight", "h9.9<-x1"), ("pick_row", 9999), ("set_weight", float("nan")),
        ("choose", {"data": "table"}), ("choose", {"colour": 1}), ("choose", 3),
    ):  # fmt: skip
        session.do(*command)
        assert tell.next("problem"), command
    session.do("step_batch")
    session.want_frame()
    while tell.next("frame")["time"]["at"] != 1:
        session.want_frame()
    assert session.desk.trainer.setup.data == "xor"
    session.close()


def test_there_are_so_many_sessions_and_no_more():
    sessions = Sessions(2, desk)
    first, second = sessions.open(Listener()), sessions.open(Listener())
    with pytest.raises(FullError):
        sessions.open(Listener())
    (first.folder / "table.csv").write_text("a,b\n")
    sessions.close(first.key)
    assert not first.folder.exists()
    assert first.session.join(5)
    third = sessions.open(Listener())
    assert sessions.get(second.key) is second
    assert sessions.get(first.key) is None
    assert len({first.key, second.key, third.key}) == 3
    sessions.close_all()
    assert len(sessions) == 0


@pytest.mark.parametrize("name", list(TOYS))
def test_toys_are_what_their_names_say(name):
    samples = toy_samples(name, rows=200, noise=0.0, train_share=0.7, seed=3)
    x, y = np.concatenate([samples.x, samples.held_x]), np.concatenate([samples.y, samples.held_y])
    assert (len(samples.x), len(samples.held_x)) == (140, 60)
    if name == "xor":
        assert np.array_equal(y[:, 0] == 1, x[:, 0] * x[:, 1] < 0)
    elif name == "circles":
        assert np.array_equal(y[:, 0] == 1, np.hypot(*x.T) < 0.5)
    elif name == "plane":
        np.testing.assert_allclose(y[:, 0], x.sum(axis=1) / 2)
    elif name == "sine":
        np.testing.assert_allclose(y[:, 0], np.sin(np.pi * x[:, 0]))
    elif name == "spiral":
        # on an arm the angle is the radius's, turned by half a turn for the other class
        angle = np.arctan2(x[:, 0], x[:, 1]) - 3.5 * np.pi * np.hypot(*x.T) - np.pi * y[:, 0]
        np.testing.assert_allclose(np.cos(angle), 1, atol=1e-9)
    elif name == "clusters":
        means = [x[y[:, k] == 1].mean(axis=0) for k in range(3)]
        np.testing.assert_allclose(np.linalg.norm(means, axis=1), 0.6, atol=0.08)
    else:
        assert np.abs(y).max() <= 1.05
    again = toy_samples(name, rows=200, noise=0.0, train_share=0.7, seed=3)
    assert np.array_equal(again.x, samples.x)


def test_a_table_is_learned_from(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 2))
    kinds = np.where(rows[:, 0] > 0, "big", "small")
    lines = [f"{a},{b},{c}" for (a, b), c in zip(rows, kinds, strict=True)]
    path = tmp_path / "sent.csv"
    path.write_text("\n".join(["width,height,kind", *lines]))
    work = desk()
    work.open_table(str(path), "mine.csv")
    trainer = work.trainer
    assert trainer.samples.outputs == ("small",)
    assert trainer.samples.inputs == ("width", "height")
    # the encoding is fitted on the rows to learn from: their median is 0
    np.testing.assert_allclose(np.median(trainer.samples.x, axis=0), 0, atol=1e-6)
    for _ in range(300):
        trainer.advance(20)
    assert trainer.measure().held_score > 0.9
    work.choose({"target": "height"})
    assert work.trainer.samples.kind == "number"
    assert "width" in work.trainer.samples.inputs
    assert replace(work.view, weight=Place(1, 0, 0)) == work.view


def test_only_the_open_pane_is_asked_and_only_news_is_sent():
    work, frames = desk(), Frames()

    def frame():
        return frames.make(work.trainer, work.view, playing=work.playing, pane=work.pane)

    assert frame()["panes"] == {}
    work.look({"pane": "microscope"})
    assert "scene" in frame()["panes"]["microscope"]["pictures"]["pass"]
    assert frame()["panes"] == {}
    work.command("microscope.go_to", 2)
    assert frame()["panes"]["microscope"]["texts"]
    work.look({"pane": ""})
    work.command("microscope.go_to", 3)
    assert frame()["panes"] == {}
