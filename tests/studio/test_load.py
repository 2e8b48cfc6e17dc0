"""The studio under load and attack, as a process of its own: refused or bounded, and others go on.

The figures in docs/reliability.md are of the same at larger sizes: `benchmarks/studio_load.py`.
"""

import time
import urllib.error
import urllib.request

import pytest

pytest.importorskip("nicegui")
websockets = pytest.importorskip("websockets")

from studio_server import Tab, bombs, memory, process  # noqa: E402

SLOW = 3.0  # seconds; a busy machine is no fault of the server's
GROWTH = 60  # MB that an allocator may keep of what was freed


@pytest.fixture(scope="module")
def server():
    with process("--sessions", "12") as (address, running):
        yield address, running


@pytest.fixture
def other(server):
    """Somebody else's tab, which must stay responsive."""
    tab = Tab(server[0]).begin()
    yield tab
    assert tab.answers_in() < SLOW
    tab.close()


def post(address, path, data, **headers):
    """Return the status and the text of an answer."""
    wish = urllib.request.Request(address + path, data, headers, method="POST")
    try:
        with urllib.request.urlopen(wish, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def send(tab, name, data, what="own"):
    return post(tab.address, f"upload/{tab.key}?name={name}&what={what}", data)


def test_sessions_come_and_go_and_memory_returns(server, other):
    address, running = server
    seen = []
    for turn in range(2):
        for k in range(5):
            tab = Tab(address).begin()
            if k % 4:
                post(address, f"leave/{tab.key}", b"")
            tab.close()
            assert other.answers_in() < SLOW
        if not turn:
            time.sleep(1)
        seen.append(memory(running))
    assert seen[-1] < seen[0] + GROWTH


def test_who_never_reads_is_dropped(server, other):
    address, running = server
    tab, before = Tab(address).begin(), memory(running)
    assert tab.never_reads(60) is not None
    assert memory(running) < before + GROWTH
    assert other.answers_in() < SLOW


def test_bombs_and_broken_files_are_refused(server, other):
    address, running = server
    tab, before = Tab(address).begin(), memory(running)
    small = bombs()
    del small["long.csv.gz"]  # takes its time
    for name, data in small.items():
        assert len(data) < 1_000_000
        assert send(tab, name, data)[0] == 204
        assert name in tab.hear("problem", 90)
    for name, data in (
        ("x.parquet", b"PAR1" + b"\0" * 90),
        ("x.csv", b"\xff\xfe\0"),
        ("x.exe", b""),
    ):
        assert send(tab, name, data)[0] == 204
        assert name in tab.hear("problem", 60)
    for what in ("file", "table", "link"):
        assert send(tab, "x.clearprop", b"\x80\x04pickle", what)[0] == 204
        tab.hear("problem")
    assert send(tab, "x.csv", b"x" * 1_100_000)[0] == 413
    assert memory(running) < before + GROWTH
    assert tab.answers_in() < SLOW, "the session itself goes on"
    tab.close()


def test_strangers_are_refused(server):
    address, _ = server
    tab = Tab(address).begin()
    foreign = {"Origin": "http://evil.example"}
    assert post(address, f"upload/{tab.key}?name=x.csv", b"a,b\n", **foreign)[0] == 403
    assert post(address, "upload/guessed?name=x.csv", b"a,b\n")[0] == 404
    assert post(address, f"upload/{tab.key}?name=x.csv&what=__init__", b"a,b\n")[0] == 404
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(f"{address}take/{tab.key}/everything", timeout=20)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{address}take/guessed/run", timeout=20)
    with pytest.raises(websockets.exceptions.InvalidStatus):
        Tab(address, origin="http://evil.example")
    tab.close()


def load_pages(address, pages):
    for _ in range(pages):
        urllib.request.urlopen(address, timeout=20).read()


def test_pages_without_a_script_are_bounded(server):
    """Whoever loads the page again and again, and never runs it, is told to wait."""
    address, running = server
    before = memory(running)
    with pytest.raises(urllib.error.HTTPError, match="503"):
        load_pages(address, 80)
    assert memory(running) < before + GROWTH


def test_others_need_the_token():
    with process("--host", "0.0.0.0") as (address, _):
        bare, _, token = address.partition("?token=")
        for path in ("", "?token=wrong", "take/x/run", "_nicegui_ws/socket.io/?EIO=4"):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(bare + path, timeout=20)
        assert len(token) > 20
        # as a browser does: the token comes back as a cookie
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert browser.open(address, timeout=20).status == 200
        assert browser.open(bare, timeout=20).status == 200


def test_what_was_sent_long_ago_goes(tmp_path):
    from clearprop.studio.server import MOST_KEPT, make_room

    for k in range(10):
        make_room(tmp_path)
        (tmp_path / f"{k}.csv").write_text("a")
    assert len(list(tmp_path.iterdir())) == MOST_KEPT
