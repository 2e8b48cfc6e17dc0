"""`clearprop train --seeds`: a table of scores, and which network is kept."""

import json

import numpy as np
import pytest

from clearprop import load
from clearprop.cli import main

TRAIN = ["train", "iris", "--hidden", "4", "--epochs", "2", "--engine", "native", "--json"]


def trained(capsys, out, *options):
    with pytest.raises(SystemExit) as done:
        main([*TRAIN, "--out", str(out), *options])
    told = capsys.readouterr()
    assert done.value.code == 0, told.err
    return json.loads(told.out)


@pytest.fixture
def model(tmp_path):
    return tmp_path / "model.clearprop"


def test_the_best_seed_is_kept_or_all_of_them(capsys, model):
    told = trained(capsys, model, "--seeds", "3", "--seed", "5", "--of-seeds", "all")
    scores = {entry["seed"]: entry["score"] for entry in told["seeds"]}
    assert list(scores) == [5, 6, 7]
    assert len(set(scores.values())) == 3
    best = max(scores, key=scores.get)
    kept = load(model)
    assert kept.random_state == best
    assert sorted(p.name for p in model.parent.iterdir()) == [
        *(f"model-seed{seed}.clearprop" for seed in scores),
        "model.clearprop",
    ]
    each = load(model.with_stem(f"model-seed{best}"))
    assert np.array_equal(each.parameters_.vector, kept.parameters_.vector)
    # the first seed is what --seed alone trains
    alone = trained(capsys, model, "--seed", "5")
    assert alone["history"]["loss"] == pytest.approx(
        load(model.with_stem("model-seed5")).history_.loss, rel=1e-5
    )
    accuracy = next(m["value"] for m in alone["metrics"] if m["name"] == "accuracy")
    assert told["seeds"][0]["metrics"]["accuracy"] == accuracy


def test_the_mean_of_all_seeds_is_one_model(capsys, model):
    trained(capsys, model, "--seeds", "2", "--of-seeds", "mean")
    assert len(load(model).bagged_) == 2


def test_the_table(capsys, model):
    with pytest.raises(SystemExit):
        main([*TRAIN[:-1], "--seeds", "2", "--out", str(model)])
    said = capsys.readouterr().out
    assert "What the seeds differ by" in said
    lines = [line.split() for line in said.splitlines()]
    assert [line[0] for line in lines if line and line[0] in ("0", "1", "mean", "±")][:4] == [
        "0",
        "1",
        "mean",
        "±",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--of-seeds", "mean"], "Say how many: --seeds N"),
        (["--seeds", "2", "--folds", "3"], "does not go with --folds"),
        (["--seeds", "2", "--search-minutes", "1"], "does not go with --search-minutes"),
    ],
)
def test_options_that_do_not_go_together(capsys, model, options, message):
    with pytest.raises(SystemExit) as done:
        main([*TRAIN, "--out", str(model), *options])
    assert done.value.code == 2
    assert message in capsys.readouterr().err
