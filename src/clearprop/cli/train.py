"""`clearprop train`: a table in, a trained network out, and an account of both."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearprop.cli.common import (
    check_destination,
    console,
    format_option,
    json_option,
    labels_option,
    load_frame,
    load_tabular,
    print_json,
    target_names,
    warnings_as_lines,
)
from clearprop.errors import SettingError

if TYPE_CHECKING:
    import polars as pl

    from clearprop.explanation import Chain, LayerHealth


class _Units(click.ParamType):
    """`128,64` as a list of whole numbers; `none` for no hidden layer."""

    name = "units"

    def convert(self, value: Any, param: Any, ctx: Any) -> list[int]:
        if isinstance(value, list):
            return value
        if value.strip().lower() in ("", "none"):
            return []
        try:
            units = [int(part) for part in value.split(",")]
        except ValueError:
            units = [0]
        if any(count < 1 for count in units):
            self.fail(f"{value!r} is not a list of layer sizes such as 128,64, or none", param, ctx)
        return units


# options that are handed to the estimator as they are, by their names there
_SETTINGS = {
    "hidden": "hidden_layer_sizes",
    "activation": "activation",
    "loss": "loss",
    "dropout": "dropout",
    "l2": "l2",
    "epochs": "max_epochs",
    "batch_size": "batch_size",
    "learning_rate": "learning_rate",
    "patience": "patience",
    "seed": "random_state",
    "engine": "engine",
    "threads": "threads",
}


@click.command("train")
@click.argument("table")
@click.option("--target", multiple=True, help="The column to predict; may be given several times.")
@click.option(
    "--task", type=click.Choice(["classification", "regression"]), help="Inferred where absent."
)
@click.option("--out", type=click.Path(), help="The model file; TABLE's name with .clearprop.")
@click.option(
    "--from", "start", type=click.Path(), help="Go on with this saved model on the new rows."
)
@click.option("--weight", help="Column of sample weights.")
@click.option("--group", help="Column whose equal values stay together in splits.")
@click.option("--time", help="Column by which the latest rows are held out.")
@click.option("--drop", multiple=True, help="Column to leave out; may be given several times.")
@click.option(
    "--test-share",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of rows held out to measure the model; 0 for none.",
)
@click.option("--hidden", type=_Units(), help="Units of the hidden layers, such as 128,64; or none.")
@click.option("--activation", help="Of the hidden layers: relu, tanh, gelu, …")
@click.option("--loss", help="Cross-entropy or squared error where absent.")
@click.option("--dropout", type=click.FloatRange(0, 1, max_open=True))
@click.option("--l2", type=click.FloatRange(0), help="Penalty ½ l2 Σ w².")
@click.option("--epochs", type=click.IntRange(1), help="At most this many passes over the rows.")
@click.option("--batch-size", type=click.IntRange(1))
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True))
@click.option("--patience", type=click.IntRange(0), help="Epochs without progress to put up with.")
@click.option("--seed", type=int, help="Of splits, start, shuffles and dropout.")
@click.option("--engine", type=click.Choice(["auto", "native", "reference"]))
@click.option("--threads", type=click.IntRange(1))
@click.option("--plot", type=click.Path(), help="Draw the curves to this file (.png, .svg, .pdf).")
@click.option("--quiet", is_flag=True, help="No progress bar and no report.")
@format_option
@labels_option
@json_option
def command(table: str, **options: Any) -> None:
    """Train a network on TABLE.

    TABLE is a CSV, TSV, Parquet, Arrow or JSON Lines file, an NPZ or IDX file of arrays, - for
    standard input, or a table that scikit-learn ships: iris, wine, breast_cancer, digits, diabetes,
    linnerud.
    """
    destination = check_destination(options["out"] or _default_name(table), "--out")
    if options["plot"]:
        check_destination(options["plot"], "--plot")
    _train(table, destination, options)


def _default_name(table: str) -> str:
    stem = "model" if table == "-" else Path(table).name.split(".")[0]
    return f"{stem}.clearprop"


@dataclass(frozen=True)
class _Split:
    """The table's rows for training and for measuring, without the columns that say how."""

    train: pl.DataFrame
    test: pl.DataFrame
    targets: tuple[str, ...]
    fit_options: dict[str, Any]
    train_rows: Any
    test_rows: Any


def _train(table: str, destination: Path, options: dict[str, Any]) -> None:
    from clearprop.files import save
    from clearprop.tables import infer_task, inspect_columns

    previous = load_tabular(options["start"]) if options["start"] else None
    text = previous.encoder_.text_columns if previous else ()
    frame = load_frame(table, options["file_format"], options["labels"], text)
    targets = _targets(frame, options, previous)
    task = infer_task(frame, targets, options["task"] or _task_of(previous))
    screen = console()
    loud = not (options["quiet"] or options["as_json"])
    if loud:
        screen.print(f"[bold]{table}[/bold]: {frame.height:,} rows, {frame.width} columns.")
        screen.print(task.reason)
    apart = _columns_apart(frame, options)
    inputs = frame.drop([*apart, *targets])
    advice = [w.message for w in inspect_columns(inputs, frame.select(targets), task.name)]
    for message in [*task.warnings, *advice]:
        click.echo(f"Note: {message}", err=True)
    split = _split(frame, task, targets, apart, options)
    model = previous or _new_estimator(task.name, options)
    _apply(model, options, continued=previous is not None)
    with warnings_as_lines():
        _fit(model, split, loud=loud)
    metrics = _measure(model, split)
    model.metrics_ = [metric.to_document() for metric in metrics]
    account = _account(model, split)
    model.callbacks = ()
    save(model, destination)
    if options["plot"]:
        _plot(model, options["plot"])
    if options["as_json"]:
        print_json(_document(model, metrics, account, task, destination, advice))
    elif loud:
        _report(screen, model, metrics, account, split, destination)


def _targets(frame: pl.DataFrame, options: dict[str, Any], previous: Any) -> tuple[str, ...]:
    if options["target"]:
        return tuple(options["target"])
    if previous is not None:
        return tuple(target_names(previous))
    raise click.UsageError(
        "Name the column to predict with --target. The table has: "
        f"{', '.join(frame.columns[-12:] if frame.width > 12 else frame.columns)}."
    )


def _task_of(previous: Any) -> Any:
    return None if previous is None else previous._task


def _columns_apart(frame: pl.DataFrame, options: dict[str, Any]) -> list[str]:
    """Return the columns that say something about rows, or are left out: no inputs, all of them."""
    from clearprop.functions.spelling import suggest

    apart = [options[name] for name in ("weight", "group", "time") if options[name]]
    apart += options["drop"]
    for name in apart:
        if name not in frame.columns:
            raise SettingError(f"There is no column {name!r}. {suggest(name, frame.columns)}")
    return list(dict.fromkeys(apart))


def _split(
    frame: pl.DataFrame, task: Any, targets: tuple[str, ...], apart: list[str],
    options: dict[str, Any],
) -> _Split:  # fmt: skip
    import numpy as np

    from clearprop.tables import split_rows

    groups = frame[options["group"]] if options["group"] else None
    time = frame[options["time"]] if options["time"] else None
    single = task.name == "classification" and len(targets) == 1
    strata = frame[targets[0]].to_numpy() if single and time is None else None
    if options["test_share"]:
        train, test = split_rows(
            frame.height, fraction=options["test_share"], seed=options["seed"] or 0,
            strata=strata, groups=groups, time=time,
        )  # fmt: skip
    else:
        train, test = np.arange(frame.height), np.arange(0)
    weights = frame[options["weight"]].cast(float)[train] if options["weight"] else None
    fit_options = {
        "sample_weight": None if weights is None else weights.to_numpy(),
        "groups": None if groups is None else groups[train],
        "time": None if time is None else time[train],
    }
    inputs = frame.drop(apart)
    return _Split(inputs[train], inputs[test], targets, fit_options, train, test)


def _new_estimator(task: str, options: dict[str, Any]) -> Any:
    from clearprop.estimators import TabularClassifier, TabularRegressor

    return TabularClassifier() if task == "classification" else TabularRegressor()


def _apply(model: Any, options: dict[str, Any], *, continued: bool) -> None:
    """Set what the command line said; a model that goes on keeps its shape."""
    given = {_SETTINGS[k]: v for k, v in options.items() if k in _SETTINGS and v is not None}
    fixed = {"hidden_layer_sizes", "activation", "loss", "dropout"} & set(given)
    if continued and fixed:
        raise SettingError(
            f"A model that goes on keeps its network, so --{sorted(fixed)[0].split('_')[0]} cannot "
            f"be given with --from. Train a new model, or leave it out."
        )
    model.set_params(**given, warm_start=continued)


def _fit(model: Any, split: _Split, *, loud: bool) -> None:
    names = list(split.targets)
    inputs, targets = split.train.drop(names), split.train.select(names)
    if not loud:
        model.fit(inputs, targets, **split.fit_options)
        return
    from clearprop.cli.progress import ProgressBar

    with ProgressBar(model.max_epochs) as bar:
        model.callbacks = [bar]
        model.fit(inputs, targets, **split.fit_options)


def _measure(model: Any, split: _Split) -> list[Any]:
    from clearprop.estimators.metrics import measure

    if not split.test.height:
        return []
    names = list(split.targets)
    return measure(
        model, split.test.drop(names), split.test.select(names), split.train.select(names)
    )


# rows of the batch whose gradients are shown
SHOWN_ROWS = 256


@dataclass(frozen=True)
class _Account:
    """Each layer's health on a batch, and one weight's chain rule on its most telling row."""

    layers: list[LayerHealth]
    rows: int
    chain: Chain
    source: str
    row: int
    answer: str
    difference: float


def _account(model: Any, split: _Split) -> _Account:
    import numpy as np

    from clearprop.engines import Recipe, build
    from clearprop.explanation import chain_of_weight, health, strongest_weight

    names = list(split.targets)
    batch = split.train[:SHOWN_ROWS]
    trace = model.trace(batch.drop(names), batch.select(names))
    # the row whose gradient is largest in the first layer, but not one that is hopelessly wrong
    sizes = np.linalg.norm(trace.delta[0], axis=1)
    place = int(np.argsort(sizes)[(len(sizes) * 9) // 10])
    one = batch[place : place + 1]
    single = model.trace(one.drop(names), one.select(names))
    unit, source = strongest_weight(single)
    chain = chain_of_weight(single, 1, unit, source)
    return _Account(
        layers=health(trace),
        rows=batch.height,
        chain=chain,
        source=model.encoder_.feature_names[source],
        row=int(split.train_rows[place]) + 1,
        answer=", ".join(f"{name} = {one[name][0]}" for name in names),
        difference=_difference(model, single, chain, build, Recipe),
    )


def _difference(model: Any, trace: Any, chain: Chain, build: Any, recipe: Any) -> float:
    """Return the central difference of the sample's loss along the chain's weight, in float64."""
    from dataclasses import replace

    import numpy as np

    from clearprop.engines import Block

    network = replace(model.network_, dtype="float64")
    engine = build("reference", network, recipe())
    block = Block(trace.x.astype(np.float64), trace.y.astype(np.float64))
    plain = replace(network, loss=_without_smoothing(network.objective))
    engine = build("reference", plain, recipe())
    weight = plain.operations[chain.layer - 1].weight
    values = []
    for step in (1e-6, -1e-6):
        vector = trace.vector.astype(np.float64)
        weight.view(vector)[chain.unit, chain.source] += step
        values.append(engine.evaluate(vector, block))
    return (values[0] - values[1]) / 2e-6


def _without_smoothing(loss: Any) -> Any:
    """Return the loss for targets that a trace has smoothed already."""
    from dataclasses import replace

    return replace(loss, label_smoothing=0.0) if getattr(loss, "label_smoothing", 0) else loss


def _report(
    screen: Any, model: Any, metrics: list[Any], account: _Account, split: _Split,
    destination: Path,
) -> None:  # fmt: skip
    from clearprop.cli.report import chain_lines, heading, layers_table, metrics_table

    history = model.history_
    screen.print(f"{model.stop_.message} Best epoch: {history.best_epoch} of {len(history)}.")
    if metrics:
        screen.print(heading("How good it is on rows it has not seen"))
        screen.print(metrics_table(metrics, f"{split.test.height:,} held-out rows"))
    screen.print(heading("The network"))
    screen.print(f"{model.network_}   ({model.network_.size:,} parameters)")
    screen.print(layers_table(account.layers, account.rows))
    screen.print(heading("One weight's gradient"))
    screen.print(
        chain_lines(account.chain, account.source, account.row, account.answer, account.difference)
    )
    screen.print(heading("The model"))
    screen.print(f"Saved to [bold]{destination}[/bold]. Predict new rows with:")
    screen.print(f"  clearprop predict {destination} NEW-ROWS.csv", soft_wrap=True)


def _plot(model: Any, path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    axes = model.history_.plot()
    try:
        axes.figure.savefig(path)
    except ValueError as error:
        raise SettingError(f"The plot could not be written to {path!r}: {error}") from error


def _document(
    model: Any, metrics: list[Any], account: _Account, task: Any, destination: Path,
    advice: list[str],
) -> dict[str, Any]:  # fmt: skip
    chain = account.chain
    return {
        "model": str(destination),
        "task": {"name": task.name, "targets": list(task.targets), "reason": task.reason},
        "notes": [*task.warnings, *advice],
        "network": {
            "shape": list(model.network_.shape),
            "summary": str(model.network_),
            "parameters": model.network_.size,
        },
        "stop": asdict(model.stop_),
        "history": model.history_.to_document(),
        "metrics": [metric.to_document() for metric in metrics],
        "layers": [asdict(line) for line in account.layers],
        "gradient": {
            "weight": {"layer": chain.layer, "unit": chain.unit, "source": account.source},
            "row": account.row,
            "signal": chain.signal,
            "slope": chain.slope,
            "delta": chain.delta,
            "product": chain.product,
            "gradient": chain.gradient,
            "finite_difference": account.difference,
        },
    }
