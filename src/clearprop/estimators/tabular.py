"""`TabularClassifier`, `TabularRegressor`: take a table as it comes, encode it and train on it.

They follow scikit-learn's conventions (`fit`, `predict`, `score`, `get_params`, trailing
underscores) and take what people have: a pandas, Polars or PyArrow table with numbers, text,
booleans, dates and missing values. One call encodes and trains; the fitted encoding is plain data
and travels in the model file. Regression targets are standardised inside and handed back in their
own units.

Unlike scikit-learn's classes, `y` may be the name of a column of `X`, or several names; and one
network serves a classifier of one column, of several 0/1 columns, or a regressor of several.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.validation import check_is_fitted

from clearprop.errors import DataError, SettingError
from clearprop.estimators.intervals import interval
from clearprop.estimators.stream_fitting import PreparedStream
from clearprop.estimators.stream_metrics import measured
from clearprop.estimators.tabular_base import Tabular
from clearprop.estimators.tabular_choices import AUTO
from clearprop.estimators.tabular_data import named, target_frame
from clearprop.estimators.tabular_fitting import Prepared
from clearprop.tables import ClassTarget, MultilabelTarget
from clearprop.tables.streams import Stream


class TabularClassifier(ClassifierMixin, Tabular):
    """A classifier for tables as they come.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, or int
        Units of each hidden layer; empty for logistic regression.
    activation : str or "auto"
        Of the hidden layers; see `clearprop.functions.ACTIVATIONS`.
    loss : str, Loss or CustomLoss, optional
        Cross-entropy where absent.
    dropout : float or "auto"
        Of the hidden layers. It stays for half of the run and then falls to 0, as weight decay.
    weight_decay : float or "auto"
        λ of AdamW: beside the gradient's step, θ ← θ - η λ θ.
    l2 : float
        Penalty ½ l2 Σ w² in the loss.
    label_smoothing : float or "auto"
        ε in [0, 1).
    learning_rate : float or "auto"
        Adam's at its highest; it goes up and down in four waves, each twice as long as the last.
    batch_size : int or "auto"
    max_epochs : int or "auto"
        Passes over the rows.
    validation_fraction : float or "auto"
        Share of rows held out to find the best epoch; 0 for none. Tables of fewer than 40 rows
        hold out none, and then the last epoch is kept.
    validation_metric : {"auto", "loss", "log_loss", "accuracy", "roc_auc"}
        What chooses the epoch; of epochs that are equally good it is the last. `"log_loss"` is the
        one that is left when the temperature is the best one.
    patience : float, optional
        Epochs without a better one that are put up with; all epochs are run where absent.
    members : int
        Networks that share all weights but a gain for each feature and the output layer, trained at
        once and averaged (TabM; Gorishniy, Kotelnikov and Babenko 2025). 32 is a good number. A
        step takes nearly as long as that many steps of one network, so more than 6 make fewer
        passes over the rows where `max_epochs` is "auto", and take about as long as 6 fits.
    embeddings : bool or "auto"
        Turn each number into features made of waves before the first layer.
    parametric : bool or "auto"
        Learn how much each unit's activation bends.
    n_cv : int
        Above 1, divide the rows into so many folds and train a network on all but each. Their
        answers are averaged, and every row is a validation row of one of them. Classes keep their
        shares, groups stay together; with `time`, each fold is later than what its network learned.
        5 is worth its price on tables of up to some 100 rows.
    calibrate : bool
        Divide the output layer by the temperature that the validation rows' log loss asks for.
    class_weight : dict or "balanced", optional
        Factor on the weight of each class's rows, in training and in the validation loss;
        "balanced" gives every class the same total.
    drop : sequence of str
        Columns to leave out.
    warm_start : bool
        Let `fit` go on from the fitted parameters, with the encoding as it is; the optimiser
        starts afresh.
    random_state : int, RandomState or None
        Seeds the split, the start, the shuffles and dropout; None is another seed every time.
    engine : {"auto", "native", "reference", "xla"}
    threads : int, optional
    device : {"cpu", "gpu", "tpu"} or Hardware, optional
        Of the xla engine; the fastest that is there where absent. A `clearprop.engines.Hardware`
        also says how many devices, what they share out, and how much of their memory rows may take.
    precision : {"float32", "tf32", "bf16"}
        Of the xla engine's products; parameters stay float32.
    callbacks : iterable of callables
        Each is told every event of the run; one that returns True stops it.
    checkpoint : Checkpoints or None
        Keep the run in a folder while it goes, and go on from there; see `clearprop.Checkpoints`.
        With `n_cv` each network has a folder of its own in it.
    record : "path", list of str, or None
        Keep the parameters over the course of training in `recording_`: whole vectors of the start
        and of the epochs (`"path"`; at most 200, or 64 MiB), and with a list of names, such as
        `["h1.2<-age"]`, these parameters after every step as well. Not stored in model files.

    Notes
    -----
    What "auto" stands for, by the rows that one network learns from (`choices_` says it):

    ===================  =======================================================================
    activation           selu for classes, mish for numbers
    learning_rate        0.04 for classes, 0.1 for numbers
    dropout              0.15
    weight_decay         0.02; 0 without hidden layers
    label_smoothing      0.1 for classes, undone by the temperature afterwards
    batch_size           about 32 up to 500 rows, 64 to 2,000, 128 to 10,000, 256 to 50,000, 512 to
                         200,000, 1,024 to 500,000, else 2,048
    max_epochs           64 up to 50,000 rows, 32 to 200,000, 16 to 500,000, else 8
    validation_fraction  0.15, but 50,000 rows at most
    validation_metric    log_loss for classes, loss for numbers
    embeddings           True; False without hidden layers
    parametric           True; False without hidden layers
    ===================  =======================================================================

    These are the settings of RealMLP-TD (Holzmüller, Grinsztajn and Steinwart 2024) but for fewer
    epochs, smaller steps on small tables, which make up for them, half the rate for numbers, and
    another measure for the best epoch. An epoch count that falls as tables grow bounds the steps:
    1,000,000 rows are some 3,300 steps of 2,048 rows.

    Attributes
    ----------
    classes_ : (classes,) array
        The labels, or for several target columns a list of arrays.
    encoder_ : TableEncoder
    target_ : ClassTarget or MultilabelTarget
    choices_ : Choices
        The parameters with nothing left open; None in models of files from before there were any.
    network_, parameters_ : Network, Parameters
        Of the best epoch; of several folds, the first one's, which is also what is explained.
    bagged_ : tuple of Parameters
        Of all folds.
    temperature_ : float or None
        What the output layers were divided by; None where nothing was calibrated.
    history_ : History
    recording_ : Recording or None
        The parameters over the last fit, where `record` asked for it.
    stop_ : Stop
        Why the run ended.
    n_features_in_, feature_names_in_ : int, (columns,) array
        Columns of the table.
    """

    _task = "classification"
    _kind = "tabular_classifier"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @property
    def classes_(self) -> Any:
        """The labels."""
        check_is_fitted(self, "target_")
        target: Any = self.target_
        if isinstance(target, MultilabelTarget):
            return [np.array([0, 1])] * len(target.names)
        return np.array(target.classes)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities, (n, classes); for several targets (n, targets), each of a 1."""
        return self.shares_of(self.raw_outputs(X))

    def predict(self, X: Any) -> np.ndarray:
        """Return labels, (n,); for several targets 0 or 1, (n, targets)."""
        return self.labels_of(self.raw_outputs(X))

    def shares_of(self, outputs: np.ndarray) -> np.ndarray:
        """Turn the network's outputs (n, outputs) into probabilities."""
        if isinstance(self.target_, ClassTarget) and self.target_.kind == "binary":
            return np.hstack([1 - outputs, outputs])
        return outputs

    def labels_of(self, outputs: np.ndarray) -> np.ndarray:
        """Turn the network's outputs (n, outputs) into labels."""
        shares = self.shares_of(outputs)
        several = isinstance(self.target_, MultilabelTarget)
        return self.target_.decode(shares > 0.5 if several else shares.argmax(axis=1))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows that are predicted right, with all their labels.

        `y` may name columns of X, as for `fit`.
        """
        check_is_fitted(self, "parameters_")
        if isinstance(X, Stream):
            return measured(self, X, y, sample_weight, "accuracy", "all labels right")
        frame, targets = target_frame(X, y)
        truth = self.target_.encode(named(targets, self.target_))
        shares = self.predict_proba(frame)
        several = isinstance(self.target_, MultilabelTarget)
        answers = shares > 0.5 if several else shares.argmax(axis=1)
        return float(accuracy_score(truth, answers, sample_weight=sample_weight))


class TabularRegressor(RegressorMixin, Tabular):
    """A regressor for tables as they come; parameters and attributes as of `TabularClassifier`.

    `class_weight` and `label_smoothing` have no meaning here and raise an error. `errors_` holds
    |y - ŷ| of each fold's validation rows, which `predict_interval` goes by. The target is
    standardised inside, or for a loss of positive outputs (Poisson) divided by its mean, and
    predictions are in the target's own units. Losses in `history_` are those of the standardised
    target.
    """

    _task = "regression"
    _kind = "tabular_regressor"

    def prepare(
        self, X: Any, y: Any, sample_weight: Any = None, **options: Any
    ) -> Prepared | PreparedStream:
        """As for `TabularClassifier`."""
        if self.class_weight is not None or self.label_smoothing not in (AUTO, 0):
            raise SettingError("class_weight and label_smoothing are for classes, not for numbers.")
        return super().prepare(X, y, sample_weight, **options)

    def predict(self, X: Any) -> np.ndarray:
        """Return predictions in the target's own units, (n,) or (n, targets)."""
        return self.labels_of(self.raw_outputs(X))

    def predict_interval(self, X: Any, coverage: float = 0.9) -> np.ndarray:
        """Return the lower and upper end of an interval for each row, (n, 2) or (n, targets, 2).

        A row's target lies in it with about the probability `coverage`, whatever its distribution,
        as long as the row is one like those of the table; see `clearprop.estimators.intervals`.
        Over several targets the probability is each one's own. Sample weights play no part.

        Raises
        ------
        DataError
            There were no validation rows, or too few for so high a coverage.
        """
        check_is_fitted(self, "parameters_")
        if not self.errors_:
            raise DataError(
                "Prediction intervals come from the errors on validation rows, of which there were "
                "none. Train with n_cv=5, with a validation_fraction above 0, or on more rows."
            )
        each = self.target_.decode
        predictions = [np.asarray(each(a)).reshape(len(a), -1) for a in self.outputs_of_each(X)]
        found = np.stack(
            [
                interval([p[:, k] for p in predictions], [e[:, k] for e in self.errors_], coverage)
                for k in range(predictions[0].shape[1])
            ],
            axis=1,
        )
        if self.network_.layers[-1].function.name == "exp":
            found = np.maximum(found, 0)
        return found[:, 0] if found.shape[1] == 1 else found

    def labels_of(self, outputs: np.ndarray) -> np.ndarray:
        """Turn the network's outputs (n, outputs) into the targets' own units."""
        return self.target_.decode(outputs)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², the mean over the targets. `y` may name columns of X, as for `fit`."""
        if isinstance(X, Stream):
            return measured(self, X, y, sample_weight, "R²")
        frame, targets = target_frame(X, y)
        predicted = self.predict(frame)
        truth = named(targets, self.target_)
        self.target_.encode(truth)  # says what is wrong with a value, if anything is
        values = truth.cast(pl.Float64).to_numpy().reshape(predicted.shape)
        return float(r2_score(values, predicted, sample_weight=sample_weight))
