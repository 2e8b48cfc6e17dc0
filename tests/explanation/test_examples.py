"""Worked examples: their numbers, against those of the origin texts and against formulas."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from clearprop.errors import SettingError
from clearprop.explanation.examples import EXAMPLES, example
from clearprop.explanation.formulas import Label, Number
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Check, Page, Span
from clearprop.explanation.scenes.scene import Scene

LANGUAGES = ("en", "zh")


@cache
def _page(name: str, lang: str) -> Page:
    return example(name).page(lang)


def _parts(node: object) -> Iterator[object]:
    """Yield what a page is made of, pictures apart."""
    if isinstance(node, tuple | list):
        for item in node:
            yield from _parts(item)
    elif is_dataclass(node) and not isinstance(node, Scene):
        yield node
        for f in fields(node):
            yield from _parts(getattr(node, f.name))


_FIGURE = re.compile(r"[−-]?\d[\d,]*\.?\d*(?:×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
_PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")


def _shown_numbers(page: Page) -> list[Decimal]:
    """Return every number on a page as it is shown, with its digits."""
    texts = []
    for part in _parts(page):
        if isinstance(part, Number):
            texts.append(figure(part.value, part.digits))
        elif isinstance(part, Span | Label):
            texts.append(part.text)
    found = [match for text in texts for match in _FIGURE.findall(text)]
    return [Decimal(f.translate(_PLAIN).replace(",", "").replace("×10", "e")) for f in found]


def _shows(shown: list[Decimal], wanted: str) -> bool:
    """Whether a number is shown to at least the digits given, or in full."""
    figure_wanted = Decimal(wanted)
    unit = Decimal(1).scaleb(figure_wanted.as_tuple().exponent)
    for number in shown:
        fine = number.as_tuple().exponent <= figure_wanted.as_tuple().exponent
        if number == figure_wanted or (fine and abs(number - figure_wanted) <= unit / 2):
            return True
    return False


# every figure that is given of example G, and those that A and E have of it
# fmt: off
FIGURES_OF_G = [
    "0.05", "0.10", "0.01", "0.99", "0.15", "0.20",
    "0.25", "0.30", "0.35", "0.40", "0.45", "0.50",
    "0.55", "0.60", "0.5", "0.3775", "0.593269992", "0.596884378",
    "1.105905967", "0.751365070", "0.772928465", "0.298371109", "0.74136507", "0.186815602",
    "0.082167041", "0.35891648", "0.408666186", "0.511301270", "0.561370121", "0.036350306",
    "0.241300709", "0.000438568", "0.149780716", "0.19956143", "0.24975114", "0.29950229",
    "0.291027774", "10000", "3.5102e-5", "0.015914", "0.984064", "-0.18801026",
    "-0.21422494", "-0.24551028", "-0.27878325", "0.149817639", "0.00226835", "0.00043857",
]
# fmt: on


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("wanted", FIGURES_OF_G)
def test_every_figure_of_g_is_on_its_page_to_the_digits_given(wanted, lang):
    assert _shows(_shown_numbers(_page("two-two-two", lang)), wanted)


def test_a_figure_that_is_off_in_its_last_digit_would_be_missed():
    shown = _shown_numbers(_page("two-two-two", "en"))
    for wrong in ("0.593269993", "1.105905966", "0.149780717", "3.5103e-5", "0.149817638"):
        assert not _shows(shown, wrong)


@pytest.mark.parametrize("name", EXAMPLES)
def test_all_claims_on_a_page_hold_and_both_languages_tell_the_same(name):
    english, chinese = (_page(name, lang) for lang in LANGUAGES)
    assert [s.key for s in english.sections] == [s.key for s in chinese.sections]
    assert len({s.key for s in english.sections}) == len(english.sections)
    for page in (english, chinese):
        checks = [part for part in _parts(page) if isinstance(part, Check)]
        assert all(check.ok for check in checks)
    numbers = [
        sorted(p.value for p in _parts(page) if isinstance(p, Number) and not math.isnan(p.value))
        for page in (english, chinese)
    ]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_are_in_the_language_asked_for(name, lang):
    page = _page(name, lang)
    assert page.lang == lang
    for text in (page.title, page.lead, *(s.title for s in page.sections)):
        said = "".join(getattr(part, "text", "") for part in text)
        assert bool(re.search("[\u4e00-\u9fff]", said)) == (lang == "zh")


@pytest.mark.parametrize("letter", ["A", "E", "G", "H"])
def test_letters_of_the_texts_figures_are_names_too(letter):
    assert example(letter).letter == letter


def test_an_unknown_example_is_refused_with_those_there_are():
    with pytest.raises(SettingError, match="Did you mean 'perceptron'"):
        example("perzeptron")
    # an example without a letter is not what an empty name stands for
    with pytest.raises(SettingError, match="no example ''"):
        example("")


# G


def test_ten_thousand_updates_take_g_where_the_engine_takes_it():
    way = example("G").descent()
    steps = way.steps.tolist()
    assert way.losses[steps.index(1)] == pytest.approx(0.291027774, abs=5e-10)
    assert way.losses[-1] == pytest.approx(3.5102e-5, abs=5e-10)
    trace = example("G").explain().trace
    np.testing.assert_array_equal(way.vectors[steps.index(1)], trace.vector + trace.update)
    after = example("G").explain_after().trace
    assert after.a[-1][0] == pytest.approx([0.015914, 0.984064], abs=5e-7)


# A


def test_shares_of_an_error_are_in_proportion_to_the_weights():
    one = example("A")
    (w_ce, w_de), (w_cf, w_df) = one.parameters.weights[1]
    trace = one.explain().trace
    err_e, err_f = one.y[0] - trace.a[-1][0]
    err_c = w_ce / (w_ce + w_de) * err_e + w_cf / (w_cf + w_df) * err_f
    err_d = w_de / (w_ce + w_de) * err_e + w_df / (w_cf + w_df) * err_f
    assert err_c + err_d == pytest.approx(err_e + err_f)
    (shares,) = (s for s in _page(one.name, "en").sections if s.key == "shares")
    shown = [p.value for p in _parts(shares.blocks) if isinstance(p, Number)]
    for value in (err_c, err_d, w_ce / (w_ce + w_de)):
        assert np.isclose(shown, value, rtol=1e-12).any()
    (without,) = (s for s in _page(one.name, "en").sections if s.key == "transposed")
    shown = [p.value for p in _parts(without.blocks) if isinstance(p, Number)]
    for value in (w_ce * err_e + w_cf * err_f, w_de * err_e + w_df * err_f):
        assert np.isclose(shown, value, rtol=1e-12).any()
    # the two steps must be told apart by their numbers
    assert not np.isclose([w_ce + w_de, w_cf + w_df], 1).any()


# E


def _series(one):
    """The picture series by its own formulas: w' = w + η δ f'(e) x, δ carried without slope."""
    weights = one.parameters.weights
    signals, slopes = [one.x[0]], []
    for W in weights:
        signals.append(1 / (1 + np.exp(-W @ signals[-1])))
        slopes.append(signals[-1] * (1 - signals[-1]))
    errors = [one.y[0] - signals[-1]]
    for W in reversed(weights[1:]):
        errors.insert(0, W.T @ errors[0])
    pieces = zip(weights, errors, slopes, signals[:-1], strict=True)
    return errors, [W + 0.5 * np.outer(e * s, x) for W, e, s, x in pieces]


def test_the_pictures_steps_are_those_of_their_formulas():
    one = example("E")
    errors, updated = _series(one)
    page = _page("perceptron", "en")
    for key, wanted in (("back", errors), ("update", updated)):
        (section,) = (s for s in page.sections if s.key == key)
        shown = np.array([p.value for p in _parts(section.blocks) if isinstance(p, Number)])
        for value in np.concatenate([np.ravel(array) for array in wanted]):
            assert np.isclose(shown, value, rtol=1e-12).any(), key
    trace = one.explain().trace
    exact = trace.network.operations[0].weight.view(trace.vector + trace.update)
    assert not np.allclose(exact, updated[0], rtol=1e-3)
    # and for the last layer they are exact
    exact = trace.network.operations[2].weight.view(trace.vector + trace.update)
    np.testing.assert_allclose(exact, updated[2], rtol=1e-12)


def test_the_series_has_a_picture_for_each_of_its_steps():
    sections = {s.key: s for s in _page("perceptron", "en").sections}
    pictures = {
        key: sum(hasattr(block, "scene") for block in sections[key].blocks)
        for key in ("forward", "error", "back", "update")
    }
    assert pictures == {"forward": 6, "error": 2, "back": 5, "update": 6}


# logistic regression


def test_logistic_regression_ends_where_scikit_learn_does():
    from sklearn.linear_model import LogisticRegression

    one = example("logistic")
    other = LogisticRegression(C=1e9, tol=1e-10, max_iter=10_000).fit(one.x, one.y[:, 0])
    way = one.descent()
    probabilities = np.clip(other.predict_proba(one.x)[:, 1], 1e-12, 1 - 1e-12)
    y = one.y[:, 0]
    lowest = -np.mean(y * np.log(probabilities) + (1 - y) * np.log(1 - probabilities))
    assert lowest <= way.losses[-1] <= lowest * 1.001
    assert way.vectors[-1] == pytest.approx([*other.coef_[0], other.intercept_[0]], rel=0.02)


def test_the_row_that_contradicts_is_the_one_named():
    one = example("logistic")
    # sample 6 has less of both than sample 7, and passed
    assert (one.x[6] < one.x[7]).all()
    assert (one.y[6], one.y[7]) == (1, 0)


# ten layers


def test_ten_sigmoid_layers_learn_nothing_where_relu_does():
    from clearprop.explanation.examples.ten_layers import relu_descent

    one = example("ten-layers")
    sigmoid, relu = one.descent(), relu_descent(one)
    assert sigmoid.losses[-1] == pytest.approx(0.125, abs=1e-4)
    assert relu.losses[-1] < 1e-3
    np.testing.assert_array_equal(sigmoid.vectors[0], relu.vectors[0])
    assert one.explain().health.total < 0.25**9 * 100
    assert one.explain().beside("relu").total > 0.1
