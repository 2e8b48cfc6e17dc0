"""The command line in Chinese: help, wrong usage, errors; and that nothing was forgotten."""

import ast
import importlib
import json
import re
import tomllib
from pathlib import Path

import pytest
from rich.cells import cell_len

import clearprop
from clearprop.cli import VERBS, main
from clearprop.cli.language import language_of, said, speaking

SOURCE = Path(clearprop.__file__).parent
PLACE = re.compile(r"\{\w+\}")


def table(name):
    return tomllib.loads((SOURCE / "cli" / "zh" / f"{name}.toml").read_text(encoding="utf-8"))


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


@pytest.fixture
def chinese(monkeypatch):
    monkeypatch.setenv("CLEARPROP_LANG", "zh")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_is_chinese_and_as_wide_as_a_terminal(chinese, capsys, verb):
    code, out, _ = run(capsys, *([verb] if verb else []), "--help")
    assert code == 0
    assert out.startswith("用法：clearprop")
    assert "显示这段说明。" in out
    # names of files, of options and of things stay; sentences do not
    assert not re.search(r"\b[A-Za-z]+ (the|of|is|with|for|a|and) [a-z]+\b", out), out
    assert max(map(cell_len, out.splitlines())) <= 80


def test_every_option_and_verb_has_its_sentence():
    options, verbs = table("options"), table("verbs")
    for name in VERBS.values():
        command = importlib.import_module(name).command
        assert command.short_help or command.help.split("\n")[0] in verbs
        for parameter in command.params:
            text = getattr(parameter, "help", None)
            assert text is None or text in options, text


def template(node):
    """Return a string with its places numbered, as catalogues have it; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        places = iter(range(1, 100))
        parts = (
            one.value if isinstance(one, ast.Constant) else f"{{{next(places)}}}"
            for one in node.values
        )
        return "".join(parts)
    return None


def raised(room):
    """Return the templates of all errors and notes of a room."""
    calls = (
        node
        for path in sorted((SOURCE / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and node.args
    )
    for call in calls:
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name.endswith("Error") or name in ("note", "fail", "_failed"):
            text = template(call.args[0])
            if text and " " in text:
                yield text


def numbered(text):
    """Return a template with its named places numbered."""
    places = iter(range(1, 100))
    return PLACE.sub(lambda _: f"{{{next(places)}}}", text)


def test_every_error_of_the_command_line_is_known_and_no_translation_is_stale():
    errors, usage = table("errors"), {numbered(text) for text in table("usage")}
    missing = [text for text in raised("cli") if text not in errors and text not in usage]
    assert missing == []
    # what click says, and what `suggest` answers, is raised elsewhere
    known = {text for room in ("cli", "tables", "files", "explanation") for text in raised(room)}
    stale = [text for text in errors if text not in known and "Did you mean" not in text]
    assert stale == []


def spoken_templates():
    """Return the templates of all that the command line says through `said`, its branches apart."""
    for path in sorted((SOURCE / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "said":
                [given] = node.args
                branches = [given.body, given.orelse] if isinstance(given, ast.IfExp) else [given]
                for text in map(template, branches):
                    # {1} alone: a prefix or a plural is put together by the line itself
                    if text and not text.endswith(
                        ("{2}{3}row{4}", "column{3}", "other{2}", "{1} {2}")
                    ):
                        yield text


def test_all_that_is_said_is_known():
    known = {
        numbered(text) for name in ("usage", "options", "account", "errors") for text in table(name)
    }
    assert [text for text in spoken_templates() if text not in known] == []


@pytest.mark.slow
def test_a_training_is_told_in_chinese(chinese, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(
        "network,y\n" + "".join(f"{k % 7},{'ab'[k % 2]}\n" for k in range(60)), encoding="utf-8"
    )
    code, out, err = run(
        capsys, "train", "t.csv", "--target", "y", "--epochs", "2", "--hidden", "4"
    )
    assert code == 0, err
    for told in ("60 行，2 列", "'y' 是文字，有 2 种取值：分类", "2 轮全部跑完。", "✓ 有限差分"):
        assert told in out, out
    assert "从 network 到" in out, "a column's name is no word of ours"
    sentences = [line for line in out.splitlines() if re.search(r"\b(the|of|with) [a-z]+", line)]
    assert sentences == []


def test_a_translation_fills_in_no_place_that_its_sentence_lacks():
    for name in ("errors", "usage"):
        for english, chinese in table(name).items():
            places, wanted = set(PLACE.findall(chinese)), set(PLACE.findall(english))
            assert places <= wanted, english
            # the plural of a word is all that may be left out
            assert wanted - places <= {"{3}"}, english


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["trian"], "没有命令 'trian'。是不是 'train'？"),
        (["train", "x.csv", "--epochs", "0"], "'--epochs' 的值不对：0 不在范围 x>=1 内。"),
        (["train", "x.csv", "--hidden", "8;4"], "'8;4' 不是 128,64 这样的层大小列表"),
        (["info"], "缺少参数 '模型'。"),
        (["info", "none.clearprop"], "错误：没有文件 'none.clearprop'。请检查路径。"),
        (["train", "none.csv", "--target", "y"], "没有文件 'none.csv'。"),
        (["predict", "m", "--nothing"], "没有选项 '--nothing'。"),
    ],
)
def test_errors_are_chinese_with_the_values_in_their_places(chinese, capsys, arguments, expected):
    code, out, err = run(capsys, *arguments)
    assert code != 0
    assert expected in err, err
    assert out == ""


def test_json_is_for_machines_and_the_same_in_every_language(chinese, capsys):
    _, out, err = run(capsys, "info", "none.clearprop", "--json")
    assert json.loads(out) == {"error": "There is no file 'none.clearprop'. Check the path."}
    assert "没有文件 'none.clearprop'" in err


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ([], {}, "en"),
        ([], {"LANG": "zh_CN.UTF-8"}, "zh"),
        ([], {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ([], {"CLEARPROP_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        (["--lang", "zh", "info"], {}, "zh"),
        (["report", "--lang=en"], {"LANG": "zh_TW"}, "en"),
        (["--lang", "de"], {"LANG": "de_DE"}, "en"),
    ],
)
def test_who_says_in_which_language(arguments, environment, expected):
    assert language_of(arguments, environment) == expected


def test_what_is_not_known_stays_and_what_fills_a_place_is_translated():
    with speaking("zh"):
        assert said("Something else.") == "Something else."
        assert said("Note: --window and --season go with --forecast.").startswith(
            "注意：--window 与"
        )
    assert said("Options") == "Options"


def test_pages_follow_the_language(monkeypatch, capsys):
    monkeypatch.delenv("CLEARPROP_LANG", raising=False)
    _, out, _ = run(capsys, "--lang", "zh", "example")
    assert "网络" in out
    _, out, _ = run(capsys, "--lang", "zh", "example", "--lang", "en")
    assert "The 2-2-2 network" in out or "网络" not in out


@pytest.mark.parametrize(
    "english",
    [
        "Each of the 2 classes has a single row, so none can be held out: add rows.",
        "Expected distinct names of columns; got 'a' more than once.",
        "The prediction of row 3 is not finite (2 such rows).",
        "How the run ended is not told as it should be.",
        "one of a, b",
        "'x' is not a finite number, so it cannot be worked out. Ask for another one.",
    ],
)
def test_a_sentence_that_is_not_known_is_not_taken_apart_by_a_short_one(english):
    with speaking("zh"):
        assert said(english) == english


def test_a_short_sentence_still_takes_its_numbers():
    with speaking("zh"):
        assert said("3 of 1,024") == "1,024 中的 3"
        assert said("12 numeric") == "12 个数值"
        assert said("'a b' is not 'c'.") == "'a b' 不是 'c'。"
