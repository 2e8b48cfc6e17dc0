"""Which epoch is the best, where several are equally good."""

from __future__ import annotations

import numpy as np
import pytest

from clearprop.training import Stopping
from clearprop.training.stopping import Progress


@pytest.mark.parametrize(("latest", "best"), [(False, 2), (True, 4)])
def test_ties_go_to_the_first_or_the_latest_epoch(latest, best):
    progress = Progress(Stopping("validation_score", 1, 0.0, True, latest))
    seen = [progress.see(k, v, np.array([k])) for k, v in enumerate([0.5, 0.7, 0.6, 0.7, 0.1], 1)]
    assert progress.best_epoch == best
    assert progress.best_vector.tolist() == [best]
    assert seen == [True, True, False, latest, False]


def test_a_tie_with_a_tolerance_is_no_progress_to_patience():
    progress = Progress(Stopping("objective", 1, 1e-4, True, latest=True))
    for epoch in (1, 2, 3):
        progress.see(epoch, 1.0, np.zeros(1))
    assert (progress.best_epoch, progress.waited, progress.exhausted) == (3, 2, True)
