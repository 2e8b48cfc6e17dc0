"""Schedules against their formulas, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clearprop.engines import Constant, Horizon
from clearprop.errors import SettingError
from clearprop.training import (
    SCHEDULES,
    Adaptive,
    Cosine,
    CosLog,
    FlatCosine,
    InverseScaling,
    OneCycle,
    WarmUp,
)

# 3 epochs of 4 steps over 100 rows
HORIZON = Horizon(rows=100, steps=4, epochs=3)


def at(schedule, *steps):
    return schedule.factors(np.array(steps), HORIZON).tolist()


def test_constant_is_one():
    assert at(Constant(), 0, 7) == [1, 1]


def test_inverse_scaling_renews_every_epoch_as_scikit_learn_does():
    # scikit-learn: learning_rate_init / (t + 1) ** power_t, t = rows seen at the epoch's start
    assert at(InverseScaling(0.5), 0, 3, 4, 8) == pytest.approx(
        [1, 1, 1 / math.sqrt(101), 1 / math.sqrt(201)]
    )


def test_cosine_falls_from_one_to_its_floor():
    assert at(Cosine(0.2), 0, 6, 12, 99) == pytest.approx([1, 0.6, 0.2, 0.2])


def test_one_cycle_rises_then_falls():
    schedule = OneCycle(rise=0.25, start=0.1, end=0.0)
    # the top is at step 3 of 12; half of the rise is at 1.5, half of the fall at 7.5
    assert at(schedule, 0, 3, 12) == pytest.approx([0.1, 1, 0])
    assert schedule.factors(np.array([1.5, 7.5]), HORIZON) == pytest.approx([0.55, 0.5])


def test_coslog_has_waves_that_get_longer():
    # with two waves the factor is ½ - ½ cos(2π log₂(1 + 3t)): 0 at t = 0, 1/3 and 1, and 1 where
    # 1 + 3t = √2 or 2√2
    schedule = CosLog(2)
    assert at(schedule, 0, 4, 12) == pytest.approx([0, 0, 0], abs=1e-12)
    tops = 12 * np.array([math.sqrt(2) - 1, 2 * math.sqrt(2) - 1]) / 3
    assert schedule.factors(tops, HORIZON) == pytest.approx([1, 1])
    # of four waves, a quarter of the run: log₂(1 + 15/4) = 2.2479…
    assert at(CosLog(), 3) == pytest.approx([0.5 - 0.5 * math.cos(2 * math.pi * math.log2(4.75))])
    with pytest.raises(SettingError, match="waves"):
        CosLog(0)


def test_flat_cosine_is_one_for_half_of_the_run():
    assert at(FlatCosine(), 0, 6, 9, 12, 20) == pytest.approx([1, 1, 0.5, 0, 0])
    assert at(FlatCosine(0.25), 3, 6) == pytest.approx([1, 0.5 + 0.5 * math.cos(math.pi / 3)])
    with pytest.raises(SettingError, match="flat"):
        FlatCosine(1.0)


def test_warm_up_is_a_straight_rise_over_the_schedule_that_follows():
    assert at(WarmUp(1.0), 0, 1, 3, 4) == pytest.approx([0.25, 0.5, 1, 1])
    assert at(WarmUp(1.0, Cosine()), 0, 6) == pytest.approx([0.25, 0.5])


def test_adaptive_divides_by_five_until_its_minimum():
    assert Adaptive().on_plateau(1e-3) == pytest.approx(0.2)
    assert Adaptive().on_plateau(1e-6) is None


def test_every_schedule_is_in_the_table_and_begins_between_zero_and_one():
    for name, schedule in SCHEDULES.items():
        assert schedule.name == name
        assert 0 <= schedule().factors(np.array([0]), HORIZON)[0] <= 1


def test_one_cycle_refuses_a_rise_outside_the_run():
    with pytest.raises(SettingError, match="rise"):
        OneCycle(rise=1.0)
