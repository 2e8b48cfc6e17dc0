"""The studio is an extra: nothing loads it unasked, and asking without it says how to get it."""

import subprocess
import sys

import pytest

from clearprop.errors import EngineError, SettingError


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_nothing_else_loads_it():
    done = run(
        "import sys, clearprop, clearprop.cli;"
        "from clearprop import train, explain, TabularClassifier;"
        "import clearprop.studio.desk, clearprop.studio.sessions;"
        "print([name for name in ('nicegui', 'fastapi', 'uvicorn') if name in sys.modules])"
    )
    assert done.stdout == "[]\n", done.stderr


def test_without_it_the_way_to_it_is_told():
    done = run(
        "import sys; sys.modules['nicegui'] = None\n"
        "from clearprop.cli import main; main(['studio', '--no-browser'])"
    )
    assert done.returncode == 1
    assert done.stderr == (
        "Error: The studio needs NiceGUI, which is an extra: pip install 'clearprop[studio]'\n"
    )


def test_where_it_listens_decides_what_it_asks_for():
    options = pytest.importorskip("clearprop.studio.server").Options
    assert options().private
    own = options().rules(None)
    assert own.knows("127.0.0.1:8265")
    assert own.knows("localhost:1")
    assert not own.knows("192.168.0.7:8265")
    open_ = options(host="0.0.0.0", hosts=("Studio.example",))
    assert not open_.private
    assert open_.rules("t").knows("192.168.0.7:8265")
    assert open_.rules("t").knows("studio.example")
    assert not open_.rules("t").knows("evil.example")
    with pytest.raises(SettingError, match="at least 1"):
        options(sessions=0)


def test_a_port_that_is_taken_is_told():
    server = pytest.importorskip("clearprop.studio.server")
    taken = server._listen(server.Options(port=0))
    taken.listen()
    with pytest.raises(EngineError, match="--port"):
        server._listen(server.Options(port=taken.getsockname()[1]))
    taken.close()


def test_names_of_files_sent_are_not_followed():
    server = pytest.importorskip("clearprop.studio.server")
    assert server._suffix("../../etc/passwd") == ""
    assert server._suffix("table.CSV.gz") == ".csv.gz"
    assert server._suffix("a.c/../b.parquet") == ".parquet"
    assert server._suffix("a.c;s") == ""
