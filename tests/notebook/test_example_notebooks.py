"""The notebooks in examples/: run anew, they print what they hold; both languages do the same."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the extra `test` is not installed")
client = pytest.importorskip("nbclient", reason="the extra `test` is not installed")

FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
NAMES = sorted(path.name for path in (FOLDER / "en").glob("*.ipynb"))


def read(lang, name):
    return nbformat.read(FOLDER / lang / name, as_version=4)


def printed(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [o.text for o in outputs if o.output_type == "stream" and o.name == "stdout"]


def shown(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [sorted(output.data) for output in outputs if "data" in output]


def without_widget(kinds):
    return [
        [kind for kind in each if kind != "application/vnd.jupyter.widget-view+json"]
        for each in kinds
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_run_anew_prints_the_numbers_that_it_holds(name):
    kept, fresh = read("en", name), read("en", name)
    client.NotebookClient(fresh, timeout=240, kernel_name="python3").execute()
    assert printed(fresh) == printed(kept)
    assert without_widget(shown(fresh)) == without_widget(shown(kept))


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_run_the_same_code_and_print_the_same(name):
    english, chinese = read("en", name), read("zh", name)
    kinds = [cell.cell_type for cell in english.cells]
    assert [cell.cell_type for cell in chinese.cells] == kinds
    codes = [
        [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        for notebook in (english, chinese)
    ]
    assert [code.replace('LANG = "zh"', 'LANG = "en"') for code in codes[1]] == codes[0]
    assert printed(chinese) == printed(english)
    for cell in chinese.cells:
        if cell.cell_type == "markdown":
            assert any("一" <= letter <= "鿿" for letter in cell.source), cell.source


def test_the_numbers_are_those_that_can_be_worked_by_hand():
    # the worked example of the second origin text: E, ∂E/∂w5, the updated w1
    text = "".join(printed(read("en", "back-propagation-in-pictures.ipynb")))
    for number in ("0.29837110", "0.0821670405", "0.149780716", "E = 3.51019e-05"):
        assert number in text, number
