"""`clearprop train`: a table in, a trained network out, and an account of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from clearprop.cli.loading import load_for_tables, load_table, load_tabular
from clearprop.cli.options import Units, json_option, memory_option, setting, table_options
from clearprop.cli.output import check_destination, console, note, print_json
from clearprop.cli.pages import language_option
from clearprop.cli.processes import process_options, together
from clearprop.cli.trackers import trackers_of, tracking_options

# kinds of picture that matplotlib writes everywhere
PICTURES = (".png", ".svg", ".pdf")


# fmt: off
@click.command("train", short_help="Train a network on a table.")
@click.argument("table", type=click.Path())
@click.option("--target", metavar="COLUMN", multiple=True,
              help="The column to predict; may be given several times.")
@click.option("--task", type=click.Choice(["classification", "regression"]),
              help="What to learn; inferred from the target if absent.")
@click.option("--out", type=click.Path(), metavar="FILE",
              help="The model file; else TABLE's name with .clearprop, here.")
@click.option("--from", "start", type=click.Path(), metavar="MODEL",
              help="Go on with this saved model on the rows of TABLE.")
@click.option("--weight", metavar="COLUMN", help="Sample weights, numbers from 0 on.")
@click.option("--group", metavar="COLUMN", help="Rows of equal value stay together in splits.")
@click.option("--time", metavar="COLUMN", help="The latest rows are held out.")
@click.option("--drop", metavar="COLUMN", multiple=True,
              help="Leave this column out; may be given several times.")
@click.option("--sequence-id", metavar="COLUMN",
              help="Rows are steps of series, and this column says of which: a recurrent network.")
@click.option("--order-by", metavar="COLUMN",
              help="The step or time by which the rows of a series are ordered.")
@click.option("--sort", is_flag=True, help="Sort rows by --order-by first.")
@click.option("--per", type=click.Choice(["series", "step"]),
              help="One answer a series, or one a step; seen from the target if absent.")
@click.option("--forecast", type=click.IntRange(1), metavar="N",
              help="Forecast the target N steps ahead, from its own past.")
@click.option("--window", type=click.IntRange(1), metavar="N",
              help="Steps that a forecast looks back; 64 if absent.")
@click.option("--season", type=click.IntRange(1), metavar="N",
              help="Steps of a season; forecasts are measured beside those of one season ago.")
@click.option("--test-share", type=click.FloatRange(0, 1, max_open=True), metavar="SHARE",
              default=0.2, show_default=True,
              help="Rows held out to measure the model; 0 for none.")
@setting("--hidden", "256,256,256", "Units of the hidden layers; none for no layer. Of recurrent "
         "ones: 64.", type=Units(), metavar="UNITS")
@setting("--cell", "lstm", "Of recurrent layers.", type=click.Choice(["lstm", "gru", "elman"]))
@setting("--activation", "selu; for numbers mish", "Of the hidden layers: relu, tanh, gelu, …",
         metavar="NAME")
@setting("--loss", "cross-entropy or squared error", "What is minimised.", metavar="NAME")
@setting("--dropout", "by table", "Hidden units that are switched off at random.",
         type=click.FloatRange(0, 1, max_open=True), metavar="SHARE")
@setting("--l2", "0.0", "Penalty ½ l2 Σ w².", type=click.FloatRange(0), metavar="NUMBER")
@setting("--epochs", "by rows", "Passes over the rows.", type=click.IntRange(1), metavar="N")
@setting("--batch-size", "by rows", "Rows of one step.", type=click.IntRange(1), metavar="N")
@setting("--learning-rate", "by task", "Of Adam, at its highest.",
         type=click.FloatRange(0, min_open=True), metavar="NUMBER")
@setting("--patience", "no end", "Epochs without progress to put up with.",
         type=click.IntRange(0), metavar="N")
@setting("--members", "1", "Networks that share most weights, trained at once: they answer as one.",
         type=click.IntRange(1), metavar="K")
@setting("--folds", "1", "Train a network on each of N divisions of the rows: they answer as one.",
         type=click.IntRange(1), metavar="N")
@setting("--seed", "0", "Of splits, start, shuffles and dropout.",
         type=click.IntRange(0), metavar="N")
@click.option("--seeds", type=click.IntRange(2), metavar="N",
              help="Train N networks at once that differ in their seeds alone, and compare them.")
@click.option("--of-seeds", type=click.Choice(["best", "mean", "all"]),
              help="What is kept of --seeds: the best network (the default), the mean of all as "
              "one model, or each as a file of its own besides.")
@setting("--engine", "auto", "What computes it.",
         type=click.Choice(["auto", "native", "reference", "xla"]))
@setting("--device", "the fastest there is", "Of the xla engine.",
         type=click.Choice(["cpu", "gpu", "tpu"]))
@setting("--devices", "1; of several processes all", "How many share out the rows of a batch.",
         type=click.IntRange(1), metavar="N")
@setting("--split-neurons", "1", "How many of these share out the neurons of each layer instead.",
         type=click.IntRange(1), metavar="N")
@setting("--device-memory", "half of it", "For rows, in MB; more go there piece by piece.",
         type=click.IntRange(1), metavar="MB")
@setting("--precision", "float32", "Of the xla engine's products; parameters stay float32.",
         type=click.Choice(["float32", "tf32", "bf16"]))
@setting("--threads", "as many as pay", "Of the native engine.",
         type=click.IntRange(1), metavar="N")
@process_options
@click.option("--checkpoint", type=click.Path(), metavar="FOLDER",
              help="Keep the training in this folder while it goes.")
@setting("--every", "1 epoch", 'How often: "5 epochs", "500 steps", "10 minutes".', metavar="N")
@setting("--keep", "3", "How many of the newest checkpoints are kept.", type=click.IntRange(1),
         metavar="N")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in that folder, as "
              "if nothing had happened; begin anew where there is none.")
@click.option("--search-minutes", type=click.FloatRange(0, min_open=True), metavar="MINUTES",
              help="First try other settings at random for so long, and take the best.")
@click.option("--trials", type=click.Path(), metavar="FILE",
              help="Where a search keeps its trials; it goes on from them if they are there.")
@click.option("--plot", type=click.Path(), metavar="FILE",
              help="Draw the curves to this file (.png, .svg, .pdf).")
@click.option("--report", type=click.Path(), metavar="FILE",
              help="Write a report on the model as one HTML page, to read and to send on.")
@tracking_options
@language_option
@click.option("--quiet", is_flag=True, help="No progress bar and no report.")
@memory_option
@table_options
@json_option
def command(table: str, **options: Any) -> None:
    """Train a network on TABLE.

    TABLE is a CSV, TSV, Parquet, Arrow or JSON Lines file, an NPZ or IDX file of arrays, - for
    standard input, or a table that scikit-learn ships: iris, wine, breast_cancer, digits, diabetes,
    linnerud. With --memory it may be a folder of Parquet or Arrow files, larger than memory.

    With --sequence-id the rows of TABLE are steps of series, for a recurrent network; with
    --forecast its target is one series that goes on. Their defaults: 64 units, dropout 0.2 (none
    for numbers), l2 0, learning rate 0.005, 60 epochs.

    What is not said is inferred, and told. Ctrl-C ends the training and keeps the best epoch; with
    --checkpoint, the same command with --resume then goes on where it was.
    """
    # fmt: on
    _check_search(options)
    _check_seeds(options)
    _check_keeping(options)
    if options["processes"] and table == "-":
        raise click.UsageError("--processes needs a TABLE that each of them can read, and not -.")
    with together(options) as index:
        _command(table, {**options, "follows": index > 0})


def _command(table: str, options: dict[str, Any]) -> None:
    """Train; a process that follows another one writes nothing."""
    options = {**options, "device": _hardware(options)}
    destination = check_destination(options["out"] or _default_name(table), "--out", keep=table)
    if options["plot"]:
        _check_picture(options["plot"], table)
    if options["report"]:
        check_destination(options["report"], "--report", keep=table)
    options["listeners"] = [] if options["follows"] else trackers_of(options, table)
    if options["sequence_id"] or options["forecast"]:
        _train_in_time(table, destination, options)
    else:
        _check_single_rows(options)
        _train(table, destination, options)


def _check_search(options: dict[str, Any]) -> None:
    if options["trials"] and not options["search_minutes"]:
        raise click.UsageError("--trials is for a search. Say how long: --search-minutes MINUTES.")
    if options["search_minutes"] and (options["start"] or options["sequence_id"]):
        raise click.UsageError("--search-minutes is for new models of tables with a row a case.")


def _hardware(options: dict[str, Any]) -> Any:
    """Return the estimator's `device`: a name, or all that was said of devices."""
    devices, neurons, memory = (
        options[name] for name in ("devices", "split_neurons", "device_memory")
    )
    if devices is None and neurons is None and memory is None:
        return options["device"]
    from clearprop.engines import Hardware

    memory = None if memory is None else 1_000_000 * memory
    return Hardware(options["device"], memory=memory, devices=devices, neurons=neurons or 1)


def _check_seeds(options: dict[str, Any]) -> None:
    """Refuse options that have no meaning for several seeds, or for one."""
    if options["seeds"] is None:
        if options["of_seeds"] is not None:
            raise click.UsageError("--of-seeds is for several networks. Say how many: --seeds N.")
        return
    others = (
        *("search_minutes", "start", "sequence_id", "forecast", "processes", "checkpoint"),
        *("log", "tensorboard", "mlflow"),
    )
    given = [name for name in others if options[name]]
    if options["folds"] not in (None, 1):
        given.append("folds")
    for name in given:
        shown = {"start": "from"}.get(name, name).replace("_", "-")
        raise click.UsageError(f"--seeds does not go with --{shown}. Leave one out.")


def _check_keeping(options: dict[str, Any]) -> None:
    if options["checkpoint"] is None:
        for name in ("every", "keep", "resume"):
            if options[name]:
                raise click.UsageError(f"--{name} goes with --checkpoint FOLDER.")
    elif options["search_minutes"]:
        raise click.UsageError(
            "--checkpoint is for one training, and a search makes many; it keeps its trials with "
            "--trials FILE. Leave one of them out."
        )


def _keeper(options: dict[str, Any]) -> Any:
    """Return where the training is kept, None for nowhere."""
    from clearprop.files import Checkpoints

    if options["checkpoint"] is None:
        return None
    given = {name: options[name] for name in ("every", "keep") if options[name] is not None}
    how = {"resume": options["resume"], "follows": options["follows"], "say": note}
    return Checkpoints(options["checkpoint"], **how, **given)


def _default_name(table: str) -> str:
    stem = "model" if table == "-" else Path(table).name.split(".")[0]
    return f"{stem or 'model'}.clearprop"


def _check_picture(path: str, table: str) -> None:
    check_destination(path, "--plot", keep=table)
    if Path(path).suffix.lower() not in PICTURES:
        raise click.BadParameter(
            f"{path!r} must end in {', '.join(PICTURES)}.", param_hint="'--plot'"
        )


def _train(name: str, destination: Path, options: dict[str, Any]) -> None:
    from clearprop.cli import report
    from clearprop.cli.account import account_of
    from clearprop.cli.searching import search
    from clearprop.cli.seeds import run_seeds, seeds_table
    from clearprop.cli.training_job import run
    from clearprop.files import save

    loud = not (options["quiet"] or options["as_json"] or options["follows"])
    screen = console()
    previous = load_tabular(options["start"]) if options["start"] else None
    job = _job(name, options, previous)
    if options["search_minutes"]:
        job = search(job, options["search_minutes"], options["trials"])
    if loud:
        report.print_plan(screen, job)
    job.say_notes()
    results = []
    if options["seeds"]:
        keep = options["of_seeds"] or "best"
        results = run_seeds(job, options["seeds"], keep, destination, loud=loud)
    else:
        run(job, options["listeners"], _keeper(options), loud=loud)
    if options["follows"]:
        return
    account = account_of(job)
    save(job.model, destination)
    if options["plot"]:
        _plot(job.model, Path(options["plot"]))
    if options["as_json"]:
        seeds = {"seeds": [result.to_document() for result in results]} if results else {}
        document = {**job.to_document(), **seeds, **account.to_document()}
        print_json({"model": str(destination), **document})
    elif loud:
        if results:
            screen.print(report.heading("What the seeds differ by"))
            screen.print(seeds_table(results, options["of_seeds"] or "best"))
        report.print_outcome(screen, job, account, destination)
    if options["report"]:
        _write_report(job, options)


def _job(name: str, options: dict[str, Any], previous: Any) -> Any:
    """Return the training, of a table in memory or of a stream."""
    from clearprop.cli.loading import Table
    from clearprop.cli.training_job import Job

    if options["memory"]:
        from clearprop.cli.streaming import TRAINING_COPIES, StreamJob, open_within

        table = open_within(name, options, previous, TRAINING_COPIES)
        if not isinstance(table, Table):
            return StreamJob.of_stream(table, options, previous)
    else:
        table = load_table(name, options["file_format"], options["labels"], previous)
    return Job.of(table, options, previous)


def _write_report(job: Any, options: dict[str, Any]) -> None:
    from clearprop.cli.reporting import report_of, write_report

    write_report(report_of(job, options), Path(options["report"]), options["lang"])


def _check_single_rows(options: dict[str, Any]) -> None:
    for name in ("order_by", "sort", "per", "cell", "window", "season"):
        if options[name]:
            raise click.UsageError(
                f"--{name.replace('_', '-')} is for series. Name the column that says which series "
                f"a row belongs to with --sequence-id, or ask for a --forecast."
            )


def _train_in_time(name: str, destination: Path, options: dict[str, Any]) -> None:
    from clearprop.cli import sequence_report
    from clearprop.cli.forecast_job import ForecastJob, run_forecast
    from clearprop.cli.sequence_job import SequenceJob, check_wishes, run_sequences

    check_wishes(options)
    if options["memory"]:
        raise click.UsageError("--memory is for tables of single rows; series are read whole.")
    if options["report"]:
        raise click.UsageError(
            "--report is for tables of single rows. For series: clearprop explain MODEL TABLE "
            "--html FILE."
        )
    previous = load_for_tables(options["start"]) if options["start"] else None
    table = load_table(name, options["file_format"], options["labels"], previous)
    if options["forecast"]:
        job, say = ForecastJob.of(table, options), sequence_report.print_forecast_outcome
        _run_in_time(job, run_forecast, say, destination, options)
    else:
        series = SequenceJob.of(table, options, previous)
        tell = sequence_report.print_sequence_outcome
        _run_in_time(series, run_sequences, tell, destination, options)


def _run_in_time(job: Any, work: Any, say: Any, destination: Path, options: dict[str, Any]) -> None:
    from clearprop.cli.sequence_account import sequence_account
    from clearprop.cli.sequence_report import print_sequence_plan
    from clearprop.files import save

    loud = not (options["quiet"] or options["as_json"] or options["follows"])
    screen = console()
    if loud:
        print_sequence_plan(screen, job)
    job.say_notes()
    job.prepared = job.prepared.kept_by(_keeper(options))
    work(job, options["listeners"], loud=loud)
    if options["follows"]:
        return
    account = sequence_account(job.model, job.prepared.job.rows.block)
    save(job.model, destination)
    if options["plot"]:
        _plot(job.model, Path(options["plot"]))
    if options["as_json"]:
        document = {"model": str(destination), **job.to_document()}
        print_json({**document, "gradient": account.to_document()})
    elif loud:
        say(screen, job, account, destination)


def _plot(model: Any, path: Path) -> None:
    from io import BytesIO

    import matplotlib

    from clearprop.storage import replace_file

    matplotlib.use("Agg")
    picture = BytesIO()
    figure = model.history_.plot().figure
    figure.savefig(picture, format=path.suffix[1:].lower())
    replace_file(path, [picture.getvalue()])
