"""Probabilities that mean what they say: one temperature for a network, from validation rows.

A network that was trained with smoothed labels, or for too long, is too timid or too bold. Its
output's weighted inputs z are divided by one number T > 0, chosen so that the validation rows' log
loss is least (Guo et al. 2017). Since z = s W a + b, this is the same as dividing the output
layer's W and b by T, and that is what is done: the network itself is calibrated, and what its
explanation shows is what it predicts. Its decisions do not change.

With β = 1 / T the log loss is convex in β, and its slope is Σ w (p(β) - y) · z.

With few rows, all of them right, the least log loss would be that of T = 0. The targets are
therefore those of Platt 1999: of n rows and K classes the right one gets (n + 1) / (n + K), the
others 1 / (n + K) each.

Public names: `Answers`, `calibrates`, `cooled`, `log_loss_at_best`, `temperature_of`.
May import: `clearprop.network`, `clearprop.functions`; NumPy, SciPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from clearprop.functions import Loss
from clearprop.network import Network, Parameters

# bounds of T; a network beyond them has learned nothing, or was asked on rows it had seen
COLDEST, HOTTEST = 0.05, 20.0
# probabilities nearer to 0 than this are taken for it: what float32 tells from 1
_SMALLEST = 6e-8


def calibrates(network: Network) -> bool:
    """Whether a temperature has a meaning: the outputs are probabilities and the loss is theirs."""
    loss, output = network.objective, network.layers[-1].function
    return isinstance(loss, Loss) and loss.kind.smooths and loss.is_match(output)


@dataclass(frozen=True)
class Answers:
    """What a network said of some rows, and what was right.

    Attributes
    ----------
    z : (n, outputs) float64 array
        Log-odds of sigmoid outputs; of a softmax the logarithms of its outputs, which are its
        weighted inputs but for a number that all outputs of a row share.
    y : (n, outputs) float64 array
        Platt's targets.
    weights : (n,) float64 array
        They add up to 1.
    exclusive : bool
        The outputs are a softmax's.
    """

    z: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    exclusive: bool

    @classmethod
    def of(cls, outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> Answers:
        """Take outputs (n, outputs) and targets as a block has them.

        Parameters
        ----------
        targets : (n,) int array of codes, for a softmax; or (n, outputs) array of 0 and 1
        """
        a = np.clip(outputs.astype(np.float64), _SMALLEST, None)
        exclusive = targets.ndim == 1
        rows, classes = len(a), a.shape[1] if exclusive else 2
        wrong = 1 / (rows + classes)
        if exclusive:
            z, hits = np.log(a), targets[:, None] == np.arange(classes)
        else:
            z, hits = np.log(a / np.clip(1 - a, _SMALLEST, None)), targets
        y = wrong + hits * (1 - classes * wrong)
        w = np.ones(rows) if weights is None else weights.astype(np.float64)
        return cls(z, y, w / w.sum(), exclusive)

    def loss(self, beta: float) -> float:
        """Return the mean log loss at β = 1 / T."""
        scaled = beta * self.z
        if self.exclusive:
            # z are logarithms of probabilities, whose powers are far from overflow
            each = np.log(np.exp(scaled).sum(axis=1)) - (self.y * scaled).sum(axis=1)
        else:
            each = (np.logaddexp(0, scaled) - self.y * scaled).sum(axis=1)
        return float(self.weights @ each)

    def slopes(self, beta: float) -> tuple[float, float]:
        """Return the first and second derivative of the loss along β."""
        scaled = beta * self.z
        p = _shares(scaled) if self.exclusive else expit(scaled)
        first = ((p - self.y) * self.z).sum(axis=1)
        if self.exclusive:
            mean = (p * self.z).sum(axis=1, keepdims=True)
            second = (p * (self.z - mean) ** 2).sum(axis=1)
        else:
            second = (p * (1 - p) * self.z**2).sum(axis=1)
        return float(self.weights @ first), float(self.weights @ second)


def _shares(z: np.ndarray) -> np.ndarray:
    """Return the softmax of logarithms of probabilities, at any temperature within the bounds."""
    powers = np.exp(z)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def temperature_of(answers: Answers) -> float:
    """Return the T of the least log loss, between `COLDEST` and `HOTTEST`.

    Newton's method on β, kept inside a bracket that shrinks with each slope seen.
    """
    low, high, beta = 1 / HOTTEST, 1 / COLDEST, 1.0
    rising = answers.slopes(beta)[0] > 0
    if rising and answers.slopes(low)[0] >= 0:
        return HOTTEST
    if not rising and answers.slopes(high)[0] <= 0:
        return COLDEST
    for _ in range(60):
        slope, curvature = answers.slopes(beta)
        low, high = (beta, high) if slope < 0 else (low, beta)
        step = beta - slope / curvature if curvature > 0 else low
        moved = step if low < step < high else (low + high) / 2
        done = abs(moved - beta) <= 1e-6 * beta
        beta = moved
        # the error of a step of Newton's is about the square of the step before
        if done:
            break
    return 1 / beta


def log_loss_at_best(answers: Answers) -> float:
    """Return the log loss that is left when the temperature is the best one.

    What no temperature mends is how well the rows are told apart: the measure by which an epoch is
    chosen (Berta, Holzmüller, Jordan and Bach 2025).
    """
    return answers.loss(1 / temperature_of(answers))


def cooled(parameters: Parameters, temperature: float) -> Parameters:
    """Return parameters whose output layer's weighted inputs are divided by the temperature."""
    found = parameters.copy()
    for segment in found.network.operations[-1].segments:
        segment.view(found.vector)[...] /= temperature
    return found
