"""`RNNClassifier`: labels of sequences, or of each of their steps.

Here stand its parameters and what is public; rnn_base.py and base.py hold what it does with them.

Public names: `RNNClassifier`. May import: the other modules of this room, `clearprop.files`,
`clearprop.training`, scikit-learn, NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets

from clearprop.engines import Hardware
from clearprop.errors import DataError, SettingError
from clearprop.estimators.base import keep_parameters
from clearprop.estimators.rnn_base import SequenceEstimator
from clearprop.estimators.rnn_parts import classifier_from_parts, classifier_to_parts
from clearprop.estimators.rnn_settings import CONSTRAINTS
from clearprop.estimators.rows import flat
from clearprop.estimators.scores import probabilities
from clearprop.estimators.settings import SHARE
from clearprop.estimators.step_labels import StepLabels
from clearprop.estimators.tasks import AnyLoss, Classification
from clearprop.files import Parts
from clearprop.training import Keeper, Listener


class RNNClassifier(ClassifierMixin, SequenceEstimator):
    """A recurrent network that tells sequences apart, or labels their steps.

    Sequences come as a list (or object array) of (steps, features) arrays, as one array (sequences,
    steps, features), or as a long table with a column that says which series a row belongs to
    (`sequence_id`) and, better, one with its step (`order_by`). Lengths may differ; batches hold
    sequences of similar length, and nothing is padded. Columns of a table may be numbers, text,
    booleans or dates, with missing values.

    There is one label a sequence, or one a step: seen from y, and kept in `per_step_`.

    **Inputs are standardised inside**: each feature by its mean and standard deviation over all
    steps of all training sequences. They are stored, and travel in the model file; give raw
    numbers. `standardize=False` leaves numbers as they are.

    Parameters
    ----------
    units : int or sequence of int
        Units of the recurrent layers, one upon another.
    cell : {"lstm", "gru", "elman"}, or sequence of these, one a layer
    direction : {"auto", "forward", "backward", "both"}
        Which way layers go through time. With "both" there are `units` for each way. "auto" goes
        both ways where one label is read out of a whole sequence, and forward where each step has
        its own, so that a step is labelled by what came before it.
    readout : {"auto", "last", "mean", "every"}
        What is read out: the state behind the whole sequence, the mean of the states at all steps,
        or each of them. "auto" is the mean for one label a sequence, and every step where y holds
        one label a step.
    dense : int or sequence of int
        Units of dense layers behind the readout; none where empty.
    activation : str
        Of the dense layers.
    dropout : float
        Share of units that a training step drops: of a recurrent layer the same for all steps of a
        sequence, and none of what is fed back.
    loss : str, Loss, CustomLoss or None
        As of `MLPClassifier`; cross-entropy where None.
    label_smoothing : float
        Share of each target that is spread over all classes.
    class_weight : dict, "balanced", list of dicts or None
        Factor on the weight of each class's sequences. Not with one label a step.
    solver : {"adam", "sgd", "rmsprop", "adamw", "lbfgs"}
    alpha : float
        Strength of the L2 penalty ½ alpha Σ w², divided by the sum of weights of a batch.
    batch_size : int or "auto"
        Sequences of a step; "auto" is a tenth of them, but 8 at least and 32 at most.
    learning_rate : {"constant", "invscaling", "adaptive", "cosine", "one_cycle"}
        As of `MLPClassifier`; planned over `max_iter` epochs.
    learning_rate_init : float
    max_iter : int
        Epochs; iterations of L-BFGS.
    clip_norm : float or None
        Bound on the length of the gradient, penalty included.
    truncate : int or None
        Errors are carried back over so many steps at most; see `clearprop.engines.Recipe`.
    momentum : float
        Of `"sgd"`, which is Nesterov's.
    weight_decay : float
        Of `"adamw"`.
    warmup_epochs : float
        Epochs in which the learning rate rises from near 0.
    early_stopping : bool
        Hold `validation_fraction` of the sequences out, unless `fit` is given validation data, and
        stop when `monitor` has not improved by `tol` for `n_iter_no_change` epochs. Not with
        L-BFGS.
    validation_fraction : float
    n_iter_no_change : int or inf
        Epochs without progress after which training stops; without `early_stopping` of the training
        loss.
    tol : float
        What counts as progress.
    monitor : str
        What early stopping watches: `"loss"`, `"score"` (accuracy) or the name of a scikit-learn
        scorer.
    restore_best : bool or None
        End with the parameters of the best epoch by what is watched; None does so with early
        stopping only.
    warm_start : bool
        `fit` goes on from the parameters it left, with the encoding as it is.
    standardize : bool
        See above.
    sequence_id, order_by : str or None
        Columns of a long table: which series a row belongs to, and the step or time by which its
        rows are ordered. Rows out of that order, or a step twice, are an error.
    sort : bool
        Bring the rows of each series into the order of `order_by` first.
    dtype : {"float32", "float64"}
    random_state : int, RandomState or None
        Of initial weights, the split for early stopping, the order of batches, and dropout.
    verbose, progress : bool
        Print a line an epoch; show a progress bar on standard error.
    callbacks : sequence of callables or None
        Each is called with every event of the run; one that returns True stops it.
    checkpoint : Checkpoints or None
        Keep the run in a folder while it goes, and go on from there; see `clearprop.Checkpoints`.
        It needs a `random_state`, and is not for L-BFGS. `partial_fit` keeps none.
    record : "path", list of str, or None
        Keep the parameters over the course of training in `recording_`; as of `MLPClassifier`.
    engine : {"auto", "native", "reference", "xla"}
    threads : int or None
        Of the native engine; as many as pay where None.
    device : {"cpu", "gpu", "tpu"}, Hardware or None
        Of the xla engine; the fastest that is there where None. A `clearprop.engines.Hardware` also
        says how many devices, what they share out, and how much of their memory rows may take.
    precision : {"float32", "tf32", "bf16"}
        Of the xla engine's products in float32; parameters stay float32.

    Attributes
    ----------
    classes_ : (classes,) array
    per_step_ : bool
        Whether there is one label a step.
    network_ : Network
    parameters_ : Parameters
        By name: `parameters_["W1"]`, `parameters_["U1"]`, `parameters_["b1"]`, …
    encoding_ : StepScaler or TableEncoder
        What makes inputs of steps.
    history_ : History
    loss_, best_loss_, loss_curve_, validation_loss_curve_ : as of `MLPClassifier`
    validation_scores_, best_validation_score_ : list of float, float; or None
    recording_ : Recording or None
    n_iter_, t_, n_layers_, n_outputs_, n_features_in_ : int
        Features of a step, or columns of the table.
    feature_names_in_ : array of str
        The columns of the table.
    target_names_ : tuple of str
        Where y named columns of the table.

    Examples
    --------
    >>> import numpy as np
    >>> from clearprop import RNNClassifier
    >>> draw = np.random.default_rng(0)
    >>> X = [draw.normal(size=(steps, 2)) + steps % 2 for steps in draw.integers(3, 9, 40)]
    >>> y = [len(x) % 2 for x in X]
    >>> model = RNNClassifier(8, random_state=0, engine="reference").fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CONSTRAINTS,
        "label_smoothing": [SHARE],
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
    }

    def __init__(
        self,
        units: int | Sequence[int] = (64,),
        cell: str | Sequence[str] = "lstm",
        *,
        direction: str = "auto",
        readout: str = "auto",
        dense: int | Sequence[int] = (),
        activation: str = "relu",
        dropout: float = 0.2,
        loss: AnyLoss = "log_loss",
        label_smoothing: float = 0.0,
        class_weight: Any = None,
        solver: str = "adam",
        alpha: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 0.005,
        max_iter: int = 60,
        clip_norm: float | None = 5.0,
        truncate: int | None = None,
        momentum: float = 0.9,
        weight_decay: float = 0.01,
        warmup_epochs: float = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 10,
        tol: float = 1e-4,
        monitor: str = "loss",
        restore_best: bool | None = None,
        warm_start: bool = False,
        standardize: bool = True,
        sequence_id: str | None = None,
        order_by: str | None = None,
        sort: bool = False,
        dtype: str = "float32",
        random_state: Any = None,
        verbose: bool | int = False,
        progress: bool = False,
        callbacks: Sequence[Listener] | None = None,
        checkpoint: Keeper | None = None,
        record: Sequence[str] | str | None = None,
        engine: str = "auto",
        threads: int | None = None,
        device: str | Hardware | None = None,
        precision: str = "float32",
    ) -> None:
        keep_parameters(self, locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Train on sequences and their labels.

        Parameters
        ----------
        X : list of (steps, features) arrays, array (sequences, steps, features), or long table
        y : labels, one a sequence or one a step
            (n,); or a list of arrays, one as long as each sequence; or (sequences, steps). Of a
            table (rows,), (series,), or the name of one of its columns. An indicator matrix (n,
            labels) means several labels a sequence.
        sample_weight : (n,) array, optional
            One for each sequence.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Sequences to follow the loss on, and to stop early by.

        Raises
        ------
        ValueError
            If data or parameters cannot be used, or training diverges in its first epoch. Messages
            name sequence and step.
        """
        return self._fit(X, y, sample_weight, validation_data=validation_data)

    def _check_targets(self, labels: Any) -> Any:
        check_classification_targets(flat(labels))
        if isinstance(labels, StepLabels) and self.class_weight is not None:
            raise SettingError(
                "class_weight weighs whole sequences, but here each step has a label of its own. "
                "Leave it out, or weigh sequences with sample_weight."
            )
        return labels

    def _task_for(self, y: Any, *, first: bool, incremental: bool) -> Classification:
        labels = flat(y)
        if not first:
            unknown = np.setdiff1d(labels, self.classes_)
            if len(unknown):
                raise DataError(
                    f"warm_start goes on with the classes {list(self.classes_)}, but y has "
                    f"{unknown.tolist()} as well. Set warm_start=False to begin anew."
                )
            return self._task
        if labels.ndim == 1 and len(np.unique(labels)) < 2:
            raise DataError(
                f"y has one class only, {labels.tolist()[0]!r}, so there is nothing to tell apart. "
                f"Add sequences of another class."
            )
        return Classification.of(labels)

    def predict_proba(self, X: Any) -> Any:
        """Return each class's probability in the order of `classes_`, (n, classes).

        Where each step has a label, in the form of `predict` with a last dimension of classes.
        """
        given, outputs = self.raw_outputs(X)
        return self.as_it_came(given, probabilities(outputs))

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of `predict_proba`."""
        chances = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return [np.log(c) for c in chances] if isinstance(chances, list) else np.log(chances)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of labels that are predicted right: of sequences, or of all steps."""
        from sklearn.metrics import accuracy_score

        truth, outputs, weights = self.truth_and_outputs(X, y, sample_weight)
        return float(accuracy_score(truth, self.decoded(outputs), sample_weight=weights))

    def to_parts(self) -> Parts:
        """Return the fitted model as parts of a model file."""
        return classifier_to_parts(self)

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        """Return the model that parts describe; FileError where they do not fit."""
        return classifier_from_parts(cls(), parts)

    def __sklearn_tags__(self) -> Any:
        """Say that several labels a sequence are understood."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
