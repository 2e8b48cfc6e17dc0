"""The tour: pages cut into leaves, exercises that give nothing away, answers judged."""

import re

import pytest

from clearprop.explanation.examples import EXAMPLES
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Picture
from clearprop.explanation.scenes.scene import Words
from clearprop.studio.desk import Desk
from clearprop.studio.tour.booklets import booklet, exercise_sheet, practice
from clearprop.studio.tour.leaves import leaves_of


@pytest.fixture(scope="module")
def pages():
    return {name: EXAMPLES[name].page("en") for name in ("two-two-two", "perceptron", "logistic")}


def test_leaves_hold_all_of_a_page_and_each_a_picture(pages):
    for page in pages.values():
        blocks = [block for section in page.sections for block in section.blocks]
        leaves, seen = leaves_of(page), []
        for leaf in leaves:
            assert isinstance(leaf.picture, Picture)
            seen += leaf.blocks
        pictures = [block for block in blocks if not any(block is one for one in seen)]
        assert len(pictures) + len(seen) == len(blocks)
        shown = [leaf.picture.scene for leaf in leaves]
        assert all(any(one.scene is scene for scene in shown) for one in pictures)
        assert [leaf.title for leaf in leaves if leaf.part == 1] == [s.title for s in page.sections]


def test_a_series_of_pictures_is_a_leaf_each(pages):
    leaves = leaves_of(pages["perceptron"])
    parts = [leaf.parts for leaf in leaves if leaf.part == 1]
    # one neuron, the network, six forward, two at the error, one, one, five back, six updates
    assert parts == [1, 1, 6, 2, 1, 1, 5, 6, 1, 1, 1, 1]
    scenes = [id(leaf.picture.scene) for leaf in leaves if leaf.parts == 6][:6]
    assert len(set(scenes)) == 6


def test_what_a_leaf_is_about_stands_out():
    sheets = booklet("two-two-two", "en").sheets
    title = "Backward to w5: three factors"
    w5 = next(sheet for sheet in sheets if sheet.title == title)
    # w5, its gradient's error, slope and signal, and no other weight
    assert "w2.0.0" in w5.about
    assert {"a1.0", "a2.0"} <= set(w5.about)
    assert [key for key in w5.about if key.startswith("w")] == ["w2.0.0"]
    assert 'data-key="w2.0.0"' in w5.picture


@pytest.mark.parametrize("name", ["two-two-two", "logistic", "echo"])
def test_the_picture_of_an_exercise_gives_no_number_away(name):
    book, exercises = booklet(name, "en"), practice(name, "en", 0)
    assert len(exercises) == 6
    texts = {mark.text for mark in book.drawing.marks if isinstance(mark, Words) and mark.key}
    assert not [text for text in texts if re.search(r"\d\.\d", text)]
    assert not [mark for mark in book.drawing.marks if mark.key and mark.title]
    for place, one in enumerate(exercises):
        sheet = exercise_sheet(book, exercises, place)
        assert figure(one.answer) not in re.sub(r"<[^>]+>", " ", sheet.picture)
        drawn = {mark.key for mark in book.drawing.marks if mark.key}
        assert not sheet.about or {number.key for number in one.given} & drawn <= set(sheet.about)


def made(work):
    """Wait for the booklet and return what is shown."""
    work.pane.contents()
    assert work.pane._job.join(30)
    return work.pane.contents()


@pytest.mark.parametrize(
    ("typed", "kind", "en", "zh"),
    [
        ("0.3775", "right", "Right: 0.3775", "0.3775"),
        ("0.384", "close", "keep at least", "位"),
        ("0.0275", "wrong", "the bias is missing", "偏置"),
        ("5", "wrong", "none of the usual mistakes", "从第 1 步"),
        ("-", "unread", "no number yet", "还不是一个数"),
        ("", "unread", "Type your answer", "输入答案"),
    ],
)
def test_an_answer_is_judged_in_both_languages(typed, kind, en, zh):
    work = Desk(engine="reference")
    work.look({"pane": "tour"})
    made(work)
    work.command("tour.begin_exercises")
    # z of h1 = 0.15 · 0.05 + 0.2 · 0.1 + 0.35
    assert "0.05000" in work.pane.contents().html["tour-text"]
    work.command("tour.answer", typed)
    said = work.pane.contents().html["tour-verdict"]
    assert f"verdict {kind}" in said
    assert en in re.sub(r"<[^>]+>", "", said)
    score = work.pane.contents().texts["tour-score"]
    assert score == f"{int(kind == 'right')} of 6 right."
    work.look({"lang": "zh"})
    said = made(work).html["tour-verdict"]
    assert f"verdict {kind}" in said
    assert zh in re.sub(r"<[^>]+>", "", said)


def test_pages_are_turned_within_bounds_and_others_are_asked():
    work = Desk(engine="reference")
    work.look({"pane": "tour"})
    contents = made(work)
    assert contents.texts["tour-at"] == "Page 1 of 24"
    work.command("tour.go_by", -1)
    assert work.pane.contents().texts["tour-at"] == "Page 1 of 24"
    work.command("tour.go_to", 99)
    assert work.pane.contents().texts["tour-at"] == "Page 24 of 24"
    work.command("tour.tell_solution")
    assert "The answer is" in work.pane.contents().html["tour-solution"]
    before = [one.key for one in practice("two-two-two", "en", 0)]
    work.command("tour.ask_others")
    contents = made(work)
    assert [one.key for one in practice("two-two-two", "en", 1)] != before
    assert contents.texts["tour-at"] == "Page 19 of 24"
    assert contents.html["tour-solution"] == ""
    with pytest.raises(Exception, match="logistic"):
        work.command("tour.open", "logistik")
