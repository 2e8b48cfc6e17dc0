"""Multiplications: formulas against counts by hand and by running; growth."""

from __future__ import annotations

from itertools import product

import chapter_cases as cases
import numpy as np
import pytest

from clearprop.explanation.chapters import counting as chapter
from clearprop.explanation.counting import (
    chain_formula,
    count_multiplications,
    count_paths,
    deltas_formula,
    growth,
    paths_formula,
)
from clearprop.explanation.pages import Span, Table
from clearprop.explanation.tallies import StandIn, Tally, by_chain, by_deltas, by_paths, stand_in
from clearprop.explanation.words import words

SHAPES = [
    (1, 1),
    (3, 1),
    (1, 5),
    (2, 2, 2),
    (2, 3, 2, 1),
    (4, 10, 3),
    (1, 1, 1, 1, 1),
    (5, 1, 5, 1),
    (3, 4, 2, 3, 2),
    *product((1, 2, 4), repeat=4),
]


def test_by_hand():
    # 3-1: each weight ∂E/∂a · f' · a is 2, the bias 1; with δ once 1, then 1 a weight
    counts = count_multiplications((3, 1))
    assert [way.formula for way in counts.ways] == [7, 7, 4]
    # 2-2-2: output weights 2 each and biases 1: 4·2 + 2·1 = 10 in both of the first two ways.
    # A path from a hidden weight is a·f'·w·f'·∂E/∂a, 4 products, one of 2; from a bias 3:
    # 4·2·4 + 2·2·3 = 44. Weight by weight: 2 for both δ^2, 2 + 1 for δ_j, 1 with a:
    # 4·6 + 2·5 = 34. Deltas: 2 + 2·(2 + 1) + 4 + 4 = 16.
    counts = count_multiplications((2, 2, 2))
    assert [way.formula for way in counts.ways] == [54, 44, 16]
    assert counts.parameters == 12
    # each of 6 output parameters has one path, each of 6 hidden ones two
    assert counts.paths_in_all == 18


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_runs_take_what_the_formulas_say(shape):
    counts = count_multiplications(shape)
    for way in counts.ways:
        assert way.counted == way.formula
    assert counts.agrees


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_three_ways_are_one_gradient(shape):
    case = stand_in(shape, 3)
    paths, chain, deltas = (way(case)[1] for way in (by_paths, by_chain, by_deltas))
    assert paths == pytest.approx(deltas, rel=1e-9, abs=1e-12)
    assert chain == pytest.approx(deltas, rel=1e-12, abs=1e-15)


def test_that_gradient_is_the_worked_examples():
    trace = cases.worked_example().trace
    case = StandIn(
        weights=[operation.weight.view(trace.vector) for operation in trace.network.operations],
        signals=[array[0] for array in trace.inputs],
        slopes=[array[0] * (1 - array[0]) for array in trace.a],
        loss_slopes=trace.a[-1][0] - trace.y[0],
    )
    for way in (by_paths, by_chain, by_deltas):
        gradient = way(case)[1]
        assert gradient[0] == pytest.approx(0.000438568, abs=0.5e-9)
        assert gradient[6] == pytest.approx(0.082167041, abs=0.5e-9)


def test_a_tally_counts_numbers():
    tally = Tally()
    assert tally.times(2.0, 3.0) == 6
    assert tally.count == 1
    tally.times(np.ones((4, 3)), np.ones(3))
    assert tally.count == 13


def test_what_would_take_too_long_is_not_run():
    counts = count_multiplications((784, 512, 256, 10))
    assert counts.paths.counted is None
    assert counts.chain.counted is None
    assert counts.paths.formula > counts.paths.bound
    # BP1 10, BP2 256·11 + 512·257, BP4 784·512 + 512·256 + 256·10
    assert counts.deltas.counted == 10 + 256 * 11 + 512 * 257 + 401408 + 131072 + 2560
    assert counts.agrees


def test_counts_beyond_machine_numbers_are_exact():
    shape = (1000,) * 12
    assert count_paths(shape) > 2**63
    assert paths_formula(shape) % 1000 == 0
    last = 11
    # uniform networks: Σ_l n^(L-l+1) (n (2(L-l)+2) + 2(L-l)+1)
    wanted = sum(
        1000 ** (last - m + 1) * (1000 * (2 * (last - m) + 2) + 2 * (last - m) + 1)
        for m in range(1, last + 1)
    )
    assert paths_formula(shape) == wanted


def test_growth_over_depth_and_width():
    found = growth()
    assert found.paths.shape == found.chain.shape == found.deltas.shape == (8, 64)
    assert found.deltas[2, 7] == deltas_formula((8, 8, 8, 8))
    assert found.with_depth(8)["paths"].tolist() == [
        paths_formula((8,) * (d + 1)) for d in range(1, 9)
    ]
    assert found.with_width(3)["chain"][9] == chain_formula((10,) * 4)
    assert found.paths[-1, -1] == paths_formula((64,) * 9)
    # never fewer without sharing
    assert (found.deltas <= found.chain).all()
    assert (found.chain <= found.paths).all()


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 8])
def test_leading_terms(depth):
    n = 10**6
    shape = (n,) * (depth + 1)
    assert paths_formula(shape) / (2 * depth * n ** (depth + 1)) == pytest.approx(1, rel=1e-4)
    assert deltas_formula(shape) / ((2 * depth - 1) * n**2) == pytest.approx(1, rel=1e-4)
    if depth > 2:
        wanted = (depth - 1) * (depth - 2) / 2 * n**4
        assert chain_formula(shape) / wanted == pytest.approx(1, rel=1e-4)
    if depth == 2:
        assert chain_formula(shape) / (2 * n**3) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter(lang):
    explanation = cases.worked_example()
    section = chapter.chapter(explanation, explanation.focus(), words(lang))
    table = next(node for node in cases.walk(section) if isinstance(node, Table))
    told = [cells[-2:] for cells in table.rows]
    assert told == [((Span(number),),) * 2 for number in ("54", "44", "16")]
    assert [check.ok for check in cases.checks(section)] == [True]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_of_a_wide_network(lang):
    explanation = cases.wide()
    section = chapter.chapter(explanation, explanation.focus(), words(lang))
    assert "669,450" in cases.text(section)
    assert "100,000" in cases.text(section)
