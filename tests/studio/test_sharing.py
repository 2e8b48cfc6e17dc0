"""What is taken away and brought back: the same bits, and nothing from anyone is trusted."""

import copy
import tracemalloc
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearprop.cli import main
from clearprop.errors import ClearpropError, FileError
from clearprop.estimators import RNNRegressor, TabularClassifier
from clearprop.files import load, load_bytes, save, save_bytes
from clearprop.files.containers import lay_out, seal
from clearprop.files.trees import split_parts
from clearprop.studio.desk import Desk
from clearprop.studio.setups import Setup
from clearprop.studio.sharing.links import MOST_LETTERS, PREFIX, pack, unpack
from clearprop.studio.sharing.snapshots import Snapshot
from clearprop.studio.sharing.takings import TAKINGS, Wish, take
from clearprop.studio.told import ToldError, said

SMALL = Setup(hidden=((3, "tanh"),), rows=40)


def desk(setup=SMALL, engine="reference", steps=9):
    work = Desk(setup, engine)
    on(work, steps)
    return work


def on(work, steps):
    for _ in range(steps):
        work.trainer.advance(1)


def taken(work, what, **wish):
    return take(what, work.sharing.hold(), Wish(**wish)).data


def link(work):
    return "http://127.0.0.1:1/" + taken(work, "link").decode()


def bits(work):
    state = work.trainer.state
    return state.vector.tobytes(), state.slots.tobytes(), state.step, state.epoch, state.position


@pytest.fixture
def flowers(tmp_path):
    path = tmp_path / "flowers.csv"
    rows = [f"{i % 7},{(i * 5) % 11},{'abc'[i % 3]}" for i in range(60)]
    path.write_text("\n".join(["one,two,kind", *rows]))
    return path


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("rule", ["gd", "adam"])
def test_going_on_from_a_link_gives_the_same_bits(engine, rule):
    work = desk(replace(SMALL, rule=rule, dropout=0.2, l2=0.01), engine)
    seen = bits(work)
    work.pick_weight("o1<-bias")
    work.pick_row(5)
    work.set_speed("quick")
    again = Desk(engine=engine)
    again.play()
    again.sharing.open_link(link(work))
    assert not again.playing
    assert bits(again) == seen
    assert (again.view.weight, again.view.row, again.speed) == (work.view.weight, 5, "quick")
    assert [p.loss for p in again.trainer.points] == [p.loss for p in work.trainer.points]
    for one in (work, again):
        on(one, 13)
    assert bits(again) == bits(work)
    # back to where it began, and to the very step of the link
    for step in (2, 9):
        for one in (work, again):
            one.go_to(step)
        assert bits(again) == bits(work)
    assert bits(work) == seen


def test_what_was_changed_by_hand_is_in_a_link():
    work = desk()
    work.set_weight(1.5)
    work.choose({"learning_rate": 0.05, "batch_size": 7})
    work.step_sample()
    again = Desk(engine="reference")
    again.sharing.open_link(link(work))
    assert again.trainer.setup == work.trainer.setup
    for one in (work, again):
        on(one, 9)
    assert bits(again) == bits(work)
    again.go_to(0)
    assert again.trainer.state.step == 10, "there is no way back over a change"


def test_a_run_s_file_holds_the_own_table_and_a_link_does_not(flowers):
    work = Desk(SMALL, "reference")
    work.open_table(str(flowers), "mine.csv")
    on(work, 5)
    with pytest.raises(ToldError, match=r"mine\.csv.*run’s file"):
        link(work)
    path = flowers.with_name("run.clearprop")
    path.write_bytes(taken(work, "run"))
    again = Desk(engine="reference")
    again.sharing.open_file(str(path), "run.clearprop")
    assert again.upload.name == "mine.csv"
    assert again.trainer.samples.outputs == ("a", "b", "c")
    for one in (work, again):
        on(one, 9)
        one.choose({"target": "one"})
        on(one, 3)
    assert bits(again) == bits(work)


def test_a_link_is_no_longer_than_browsers_take(monkeypatch):
    work = desk(steps=1)
    monkeypatch.setattr("clearprop.studio.sharing.links.MOST_LETTERS", 500)
    with pytest.raises(ToldError, match="more than browsers"):
        link(work)


def test_a_link_says_what_is_wrong_with_it():
    whole = link(desk(steps=1))
    work = desk(steps=2)
    seen = bits(work)
    for text, said_of_it in (
        ("", "no link"), ("http://somewhere/", "no link"), (f"{PREFIX}ä", "no link"),
        (whole[:-40], "cut off"), (PREFIX + "A" * (MOST_LETTERS + 1), "no link"),
        (PREFIX + urlsafe_b64encode(zlib.compress(b"no file")).decode(), "damaged"),
    ):  # fmt: skip
        with pytest.raises(ToldError, match=said_of_it) as error:
            work.sharing.open_link(text)
        assert "链接" in said(error.value, "zh")
    assert bits(work) == seen


def test_a_link_that_would_unpack_to_more_is_refused_before_it_has():
    bomb = zlib.compress(b"\0" * 300_000_000, 9)
    text = PREFIX + urlsafe_b64encode(bomb).decode()
    tracemalloc.start()
    with pytest.raises(ToldError, match="unpacks to more"):
        unpack(text)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 20 * len(text)


def test_other_files_are_no_links(tmp_path):
    other = save_bytes(desk().trainer.network)
    text = urlsafe_b64encode(zlib.compress(other)).decode().rstrip("=")
    with pytest.raises(ToldError, match="no link of a run"):
        unpack(PREFIX + text)


# untrusted


@pytest.fixture(scope="module")
def whole():
    """The tree of a run's file: document and arrays."""
    held = desk(replace(SMALL, rule="momentum")).sharing.hold()
    return split_parts(held.snapshot.to_parts())


def forged(document, arrays):
    import hashlib

    blank, order = lay_out(document, arrays, "0.1.0")
    data = b"".join(arrays[name].tobytes() for name in order)
    return seal(blank, hashlib.sha256(blank + data).hexdigest()) + data


def attempt(data):
    """Open a file's bytes as a link would; return whether that went well."""
    text = urlsafe_b64encode(zlib.compress(data)).decode().rstrip("=")
    work = Desk(SMALL, "reference")
    try:
        work.sharing.open_link(text)
        if work.trainer.state.step < 100:
            work.go_by(-1)
        on(work, 2)
    except ClearpropError as error:
        if len(str(error)) > 2000:
            pytest.fail("a message that nobody reads")
        return False
    return True


def test_what_was_not_forged_is_opened(whole):
    assert attempt(forged(*whole))


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20),
    st.sampled_from([2**53, 2**60, -1, 0, 1e300, "table", "relu", "native", [], {}, [[1, "tanh"]]]),
    st.lists(st.integers(), max_size=3),
)  # fmt: skip


def places(value, at=()):
    yield at
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*at, name))
    elif isinstance(value, list):
        for k in range(len(value)):
            yield from places(value[k], (*at, k))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_run_with_one_odd_value_is_opened_or_refused(whole, data):
    document = copy.deepcopy(whole[0])
    *way, last = data.draw(st.sampled_from([place for place in places(document) if place]))
    value = document
    for step in way:
        value = value[step]
    value[last] = data.draw(ODD)
    attempt(forged(document, whole[1]))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_arrays_of_another_kind_are_refused(whole, data):
    arrays = dict(whole[1])
    name = data.draw(st.sampled_from(sorted(arrays)))
    shape = data.draw(st.sampled_from([(), (0,), (3,), arrays[name].shape, (1, 6), (2, 6)]))
    kind = data.draw(st.sampled_from(["float64", "float32", "int64", "uint8"]))
    fill = data.draw(st.sampled_from([0, 1, 255, np.nan if "float" in kind else 7]))
    arrays[name] = np.full(shape, fill, kind)
    attempt(forged(whole[0], arrays))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_link_is_refused(whole, data):
    packed = bytearray(zlib.compress(forged(*whole)))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    text = urlsafe_b64encode(bytes(packed[: data.draw(st.integers(0, len(packed)))])).decode()
    try:
        found = unpack(text)
    except ToldError:
        return
    assert urlsafe_b64decode(pack(found) + "==")


# code, models, pictures


@pytest.mark.parametrize(
    "setup",
    [
        replace(SMALL, rule="adam", learning_rate=0.02, seed=5, dropout=0.1, l1=0.001),
        replace(SMALL, data="clusters", hidden=(), loss="cross_entropy", carrier="transposed"),
        replace(SMALL, data="sine", loss="huber", batch_size=7, noise=0.3),
    ],
)
def test_the_code_takes_the_studio_s_steps(setup):
    work = Desk(setup, "native")
    while work.trainer.state.epoch < 3:
        work.step_epoch()
    made = run_code(taken(work, "code").decode())
    assert made["network"] == work.trainer.network
    assert made["outcome"].parameters.vector.tobytes() == work.trainer.state.vector.tobytes()


def test_the_code_trains_with_a_fresh_seed_as_the_studio_does():
    work = Desk(SMALL, "native")
    work.step_epoch()
    code = taken(work, "code").decode().replace("SEED = 1 ", "SEED = 77 ")
    work.choose({"seed": 77})
    work.step_epoch()
    made = run_code(code)
    assert made["outcome"].parameters.vector.tobytes() == work.trainer.state.vector.tobytes()


def run_code(code):
    names = {"__name__": "taken"}
    exec(compile(code, "taken.py", "exec"), names)
    return names


@pytest.mark.parametrize("data", ["xor", "clusters", "sine"])
def test_a_model_file_predicts_what_the_studio_shows(data, tmp_path):
    work = desk(replace(SMALL, data=data), "native")
    (tmp_path / "m.clearprop").write_bytes(taken(work, "model"))
    model = load(tmp_path / "m.clearprop")
    samples = work.trainer.samples
    table = pl.DataFrame(samples.held_x, schema=list(samples.inputs))
    outputs = work.trainer.engine.predict(work.trainer.state.vector, samples.held_x)
    assert np.array_equal(model.raw_outputs(table), outputs)
    answers = model.predict(table)
    if data == "sine":
        assert np.array_equal(answers, outputs[:, 0])
    else:
        right = samples.held_y.argmax(axis=1) if data == "clusters" else samples.held_y[:, 0]
        assert np.mean(answers == right) == work.trainer.measure().held_score


def test_the_command_line_reads_a_model_file(tmp_path, capsys):
    def asked(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        assert ended.value.code == 0
        return capsys.readouterr().out

    work = desk()
    (tmp_path / "m.clearprop").write_bytes(taken(work, "model"))
    samples = work.trainer.samples
    table = pl.DataFrame(samples.held_x, schema=list(samples.inputs))
    table.with_columns(y=pl.Series(samples.held_y[:, 0]).cast(int)).write_csv(tmp_path / "t.csv")
    model, rows = str(tmp_path / "m.clearprop"), str(tmp_path / "t.csv")
    assert "3 tanh" in asked("info", model)
    answers = asked("predict", model, rows)
    assert len(answers.splitlines()) == len(table) + 1
    asked("explain", model, rows, "--svg", str(tmp_path / "p.svg"))
    assert (tmp_path / "p.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_model_of_the_own_table_knows_its_columns(flowers):
    work = Desk(SMALL, "reference")
    work.open_table(str(flowers), "flowers.csv")
    on(work, 5)
    model = load_bytes(taken(work, "model"), "model")
    assert list(model.classes_) == ["a", "b", "c"]
    assert model.score(pl.read_csv(flowers), "kind") > 0


def test_pictures_are_of_what_is_shown_on_either_ground():
    work = desk()
    light, dark = (taken(work, "svg", ground=ground).decode() for ground in ("light", "dark"))
    assert "data:image/png;base64" in light, "the maps in the neurons"
    assert light != dark
    assert "prefers-color-scheme" not in dark
    words = taken(work, "svg", picture="curves", lang="zh").decode()
    assert "训练" in words
    page = taken(work, "page", lang="en").decode()
    assert page.startswith("<!doctype html>")
    assert repr(float(work.trainer.state.vector[0])).replace("-", "−") in page
    with pytest.raises(ToldError):
        Wish(picture="../secret")
    with pytest.raises(ToldError):
        take("everything", work.sharing.hold(), Wish())
    assert set(TAKINGS) == {"link", "run", "code", "model", "svg", "page"}


# models from elsewhere


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model as `clearprop train` makes them: waves, gains, members. And its table."""
    folder = tmp_path_factory.mktemp("trained")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2))
    place = np.where(rng.random(80) < 0.5, "hill", "sea")
    table = pl.DataFrame({"width": x[:, 0], "place": place, "height": x[:, 1]})
    table = table.with_columns(kind=pl.Series(np.where(x[:, 0] > 0, "big", "small")))
    table.write_csv(folder / "table.csv")
    model = TabularClassifier((4, 3), members=2, max_epochs=1, engine="reference").fit(
        table, "kind"
    )
    return model, save(model, folder / "m.clearprop"), folder / "table.csv"


def test_a_model_is_opened_with_its_table_and_trained_on(trained):
    model, path, table = trained
    work = Desk(engine="reference")
    work.sharing.open_file(str(path), "m.clearprop")
    waiting = work.sharing.to_document()["waiting"]
    assert waiting["target"] == "kind"
    assert waiting["columns"] == ["kind", "width", "place", "height"]
    work.sharing.open_table(str(table), "table.csv")
    document = work.sharing.to_document()
    assert (document["brought"], document["members"], document["waiting"]) == ("model", 2, None)
    first = model.parameters_.member(0)
    trainer = work.trainer
    assert trainer.network == first.network
    assert np.array_equal(trainer.state.vector, first.vector)
    frame = pl.read_csv(table)
    x = model.encoder_.transform(frame.drop("kind"), np.float32)
    assert {tuple(row) for row in np.float32(trainer.samples.held_x)} <= {tuple(row) for row in x}
    frames(work)
    on(work, 2)
    frames(work)
    work.reset()
    assert np.array_equal(work.trainer.state.vector, first.vector)
    work.choose({"train_share": 0.5})
    assert work.trainer.network == first.network
    # its file restores it, with the table
    on(work, 3)
    kept = path.with_name("run.clearprop")
    kept.write_bytes(taken(work, "run"))
    again = Desk(engine="reference")
    again.sharing.open_file(str(kept), "run.clearprop")
    for one in (work, again):
        on(one, 4)
    assert bits(again) == bits(work)
    again.reset()
    assert np.array_equal(again.trainer.state.vector, first.vector)
    # another network leaves it
    work.choose({"hidden": [[2, "relu"]]})
    assert work.origin is None


def frames(work):
    from clearprop.studio.frames import Frames

    return Frames().make(work.trainer, work.view)


def test_the_code_of_a_model_begins_with_its_file(trained, monkeypatch):
    _, path, table = trained
    monkeypatch.chdir(path.parent)
    work = Desk(engine="native")
    work.sharing.open_file(str(path), path.name)
    work.sharing.open_table(str(table), table.name)
    work.step_epoch()
    made = run_code(taken(work, "code").decode())
    assert made["network"] == work.trainer.network
    assert made["outcome"].parameters.vector.tobytes() == work.trainer.state.vector.tobytes()


def test_what_cannot_be_opened_is_told(trained, tmp_path, flowers):
    model, path, _ = trained
    work = Desk(engine="reference")
    seen = bits(work)
    with pytest.raises(ToldError, match="model file first"):
        work.sharing.open_table(str(flowers), "flowers.csv")
    work.sharing.open_file(str(path), "m.clearprop")
    with pytest.raises(ToldError, match="no column width"):
        work.sharing.open_table(str(flowers), "flowers.csv")
    work.sharing.leave_model()
    assert work.sharing.to_document()["waiting"] is None
    series = RNNRegressor(2, max_iter=1, engine="reference").fit([np.ones((3, 1))] * 4, np.ones(4))
    with pytest.raises(ToldError, match="network of sequences"):
        work.sharing.open_file(str(save(series, tmp_path / "r")), "r")
    with pytest.raises(ToldError, match="knows no columns"):
        work.sharing.open_file(str(save(model.network_, tmp_path / "n")), "n")
    (tmp_path / "x").write_bytes(b"no model")
    with pytest.raises(FileError):
        work.sharing.open_file(str(tmp_path / "x"), "x")
    wide = TabularClassifier((600,), max_epochs=1, engine="reference").fit(
        pl.read_csv(flowers), "kind"
    )
    with pytest.raises(ToldError, match="up to 8 of 512"):
        work.sharing.open_file(str(save(wide, tmp_path / "w")), "w")
    assert bits(work) == seen


def test_a_snapshot_is_a_copy():
    work = desk()
    held = work.sharing.hold()
    assert isinstance(held.snapshot, Snapshot)
    before = held.snapshot.parameters.vector.copy()
    on(work, 3)
    assert np.array_equal(held.snapshot.parameters.vector, before)
