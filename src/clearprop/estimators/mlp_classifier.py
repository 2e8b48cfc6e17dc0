"""`MLPClassifier`: scikit-learn's class, faster and with what it lacks.

Here stand its parameters and what is public; mlp_base.py and base.py hold what it does with them.
Model files are imported where one is asked for: a fit without does not need their import.

Public names: `MLPClassifier`. May import: the other modules of this room, `clearprop.files`,
`clearprop.training`, scikit-learn, NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels

from clearprop.engines import Hardware
from clearprop.estimators.base import keep_parameters
from clearprop.estimators.mlp_base import Perceptron
from clearprop.estimators.scores import probabilities
from clearprop.estimators.settings import CONSTRAINTS, SHARE, is_stochastic
from clearprop.estimators.tasks import AnyLoss, Classification
from clearprop.training import Keeper, Listener

if TYPE_CHECKING:
    from clearprop.files import Parts


class MLPClassifier(ClassifierMixin, Perceptron):
    """A feed-forward network that tells classes apart, in the place of scikit-learn's.

    Parameters, fitted attributes and numbers are those of `sklearn.neural_network.MLPClassifier`:
    for the same `random_state` the weights agree to rounding. What follows `max_fun` below is new,
    and changes nothing where left alone.

    Two classes have one logistic unit, several a softmax, several labels a row a logistic unit
    each. The cross-entropy is computed from z, so that it does not saturate; scikit-learn's is held
    at -log(eps) where a probability underflows.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of the hidden layers; `()` is logistic regression.
    activation : str, or sequence of str, one a hidden layer
        Any name of `clearprop.functions.ACTIVATIONS`, such as `"relu"`, `"logistic"`, `"tanh"`,
        `"gelu"`, `"leaky_relu(0.2)"`.
    solver : {"adam", "sgd", "lbfgs", "rmsprop", "adamw"}
        RMSprop forgets with a decay of 0.9. With AdamW, `alpha` comes on top of `weight_decay`;
        set it to 0 for weight decay alone.
    alpha : float
        Strength of the L2 penalty ½ alpha Σ w², divided by the sum of sample weights of a batch.
    batch_size : int or "auto"
        `"auto"` is min(200, rows).
    learning_rate : {"constant", "invscaling", "adaptive", "cosine", "one_cycle"}
        Adam does not follow `"invscaling"` and `"adaptive"`, as in scikit-learn. The last two are
        planned over `max_iter` epochs.
    learning_rate_init : float
        The learning rate, the highest one where it changes.
    power_t : float
        Power of `"invscaling"`.
    max_iter : int
        Epochs; iterations of L-BFGS.
    shuffle : bool
        Visit the rows in a new order every epoch.
    random_state : int, RandomState or None
        Of initial weights, the split for early stopping, shuffles, dropout, and random feedback.
    tol : float
        What counts as progress, and the gradient at which L-BFGS ends.
    verbose : bool
        Print scikit-learn's lines.
    warm_start : bool
        `fit` goes on from the parameters it left.
    momentum : float
        Of `"sgd"`; 0 is plain gradient descent.
    nesterovs_momentum : bool
    early_stopping : bool
        Hold `validation_fraction` of the rows out, unless `fit` is given validation data, and stop
        when `monitor` has not improved by `tol` for `n_iter_no_change` epochs. Not with L-BFGS.
    validation_fraction : float
    beta_1, beta_2 : float
        Of Adam and AdamW.
    epsilon : float
        Of Adam, AdamW and RMSprop. Adam adds it to √v as scikit-learn does, AdamW to √v̂.
    n_iter_no_change : int or inf
        Epochs without progress after which training stops.
    max_fun : int
        Bound on L-BFGS's evaluations.
    loss : str, Loss or CustomLoss
        `"log_loss"` or None is the cross-entropy that fits the classes; else any loss of
        `clearprop.functions.LOSSES`, or one of your own, which is checked against finite
        differences before it is used.
    label_smoothing : float
        Share of each target that is spread over all classes.
    class_weight : dict, "balanced", list of dicts or None
        As in scikit-learn's other classifiers; multiplied with `sample_weight`. Rows of
        `validation_data` have the weights given with them only.
    dropout : float, or sequence of float, one a hidden layer
        Share of hidden units that a training step drops.
    init : str
        A name of `clearprop.network.INITIALISERS`; `"sklearn"` draws scikit-learn's numbers.
    clip_norm : float or None
        Bound on the length of the gradient, penalty included.
    weight_decay : float
        Of AdamW.
    warmup_epochs : float
        Epochs in which the learning rate rises from near 0.
    restore_best : bool or None
        End with the parameters of the best epoch by what is watched: `monitor` with early stopping,
        else the training loss. None does so with early stopping only.
    monitor : str
        What early stopping watches: `"score"` (accuracy), `"loss"` (the loss on the validation
        rows), or the name of a scikit-learn scorer.
    progress : bool
        Show a progress bar on standard error.
    callbacks : sequence of callables or None
        Each is called with every event of the run (`clearprop.training.Epoch` and others); one that
        returns True stops it.
    checkpoint : Checkpoints or None
        Keep the run in a folder while it goes, and go on from there; see `clearprop.Checkpoints`.
        It needs a `random_state`, and is not for L-BFGS. `partial_fit` keeps none.
    carrier : {"exact", "transposed", "proportional", "random"}
        How errors are carried back. Only `"exact"` is the gradient; the others are taught, or (the
        last) proposed for brains: see `clearprop.equations.carriers`. Not with L-BFGS.
    record : "path", list of str, or None
        Keep the parameters over the course of training in `recording_`: whole vectors of the start
        and of the epochs (`"path"`; at most 200, or 64 MiB), and with a list of names, such as
        `["h1.2<-x3"]`, these parameters after every step as well. Not stored in model files.
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
    coefs_, intercepts_ : lists of arrays, (fan_in, units) and (units,)
        Views of `parameters_`; writing into them changes predictions.
    loss_, best_loss_ : float
    loss_curve_ : list of float
        The objective of each epoch, penalty included. Not with L-BFGS, as in scikit-learn.
    validation_loss_curve_ : list of float or None
        The loss on validation rows, without penalty, where there are such rows.
    validation_scores_, best_validation_score_ : list of float, float; or None
    recording_ : Recording or None
        The parameters over the last call, where `record` asked for it.
    history_ : History
        All curves of all calls, also L-BFGS's.
    n_iter_, t_, n_layers_, n_outputs_, n_features_in_ : int
    feature_names_in_ : array of str
    out_activation_ : str
    network_ : Network
    parameters_ : Parameters

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from clearprop import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((10,), solver="lbfgs", random_state=0).fit(X / 10, y)
    >>> float(model.score(X / 10, y)) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CONSTRAINTS,
        "label_smoothing": [SHARE],
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: AnyLoss = "log_loss",
        label_smoothing: float = 0.0,
        class_weight: Any = None,
        dropout: float | Sequence[float] = 0.0,
        init: str = "sklearn",
        clip_norm: float | None = None,
        weight_decay: float = 0.01,
        warmup_epochs: float = 0,
        restore_best: bool | None = None,
        monitor: str = "score",
        progress: bool = False,
        callbacks: Sequence[Listener] | None = None,
        checkpoint: Keeper | None = None,
        carrier: str = "exact",
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
        """Train on rows and their labels.

        Parameters
        ----------
        X : array, frame or sparse matrix, (n, features)
        y : (n,) labels, or (n, labels) indicator matrix
        sample_weight : (n,) array, optional
        validation_data : (X, y) or (X, y, sample_weight), optional
            Rows to follow the loss on, and to stop early by.

        Raises
        ------
        ValueError
            If data or parameters cannot be used, or training diverges in its first epoch.
        """
        return self._fit(X, y, sample_weight, validation_data=validation_data)

    @available_if(is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Go once over these rows; the optimiser goes on where the last call left it.

        Parameters
        ----------
        X, y, sample_weight : as for `fit`
        classes : (classes,) array, optional
            All labels that will ever come; needed in the first call.
        """
        if classes is not None:
            self._declare(y, classes)
        elif not hasattr(self, "classes_"):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._fit(X, y, sample_weight, incremental=True)

    def _declare(self, y: Any, classes: Any) -> None:
        """Take the classes of a first `partial_fit`, or hold them against the known ones."""
        declared = unique_labels(classes)
        if not hasattr(self, "classes_"):
            multilabel = type_of_target(y).startswith("multilabel")
            self._task = Classification.of(y if multilabel else declared)
            self.classes_ = declared
        elif not np.array_equal(self.classes_, declared):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )

    def _task_for(self, y: Any, *, first: bool, incremental: bool) -> Classification:
        if first and not (incremental and hasattr(self, "_task")):
            return Classification.of(y)
        classes = unique_labels(y)
        if self.warm_start and set(classes) != set(self.classes_):
            raise ValueError(
                f"warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {classes}"
            )
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {classes}."
            )
        return self._task

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return each class's probability, (n, classes), in the order of `classes_`."""
        return probabilities(self._outputs(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of `predict_proba`."""
        chances = self.predict_proba(X)
        return np.log(chances, out=chances)

    def to_parts(self) -> Parts:
        """Return the fitted model as parts of a model file."""
        from clearprop.estimators.mlp_parts import classifier_to_parts

        return classifier_to_parts(self)

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        """Return the model that parts describe; FileError where they do not fit."""
        from clearprop.estimators.mlp_parts import classifier_from_parts

        return classifier_from_parts(cls(), parts)

    def __sklearn_tags__(self) -> Any:
        """Say that several labels a row are understood."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
