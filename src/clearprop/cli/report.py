"""What `clearprop train` says: the plan, the metrics, the layers, one chain rule.

Public names: `print_plan`, `print_outcome`, `better_when`, `features_of`, `heading`, `mark`,
`metrics_table`, `print_lines`, `rows_of`, `table`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from clearprop.cli.account import Account
from clearprop.cli.language import said
from clearprop.cli.training_job import Job
from clearprop.explanation import Chain, LayerHealth
from clearprop.explanation.numbers import figure

# Okabe-Ito; the same meaning on every surface
SIGNAL, ERROR, UPDATE = "#0072B2", "#CC79A7", "#009E73"
SHOWN_TERMS = 4


def table() -> Table:
    """Return an empty table in the house's style."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)


def rows_of(count: int, what: str = "") -> str:
    """Return `1 row` or `2,000 held-out rows`."""
    return said(f"{count:,} {what}{' ' if what else ''}row{'' if count == 1 else 's'}")


def print_plan(screen: Console, job: Job) -> None:
    """Say what will be done: what was asked for, and what was inferred."""
    print_lines(screen, _plan(job))


def print_lines(screen: Console, lines: list[tuple[str, str]]) -> None:
    """Print labels, and beside each what it is."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for label, text in lines:
        grid.add_row(said(label), text)
    screen.print(grid)


def _plan(job: Job) -> list[tuple[str, str]]:
    run = job.prepared.run
    (rows, columns), network, recipe = job.size, run.network, run.settings.recipe
    plan = run.engine.plan
    best = said(f", {job.validation_rows:,} to find the best epoch") if job.validation_rows else ""
    test = said(f", {job.tested:,} held out to measure the model") if job.tested else ""
    threads = said("1 thread" if plan.threads == 1 else f"{plan.threads} threads")
    start = said("goes on from the saved model; ") if job.continued else ""
    folds = len(job.prepared.divisions)
    rate = f"{recipe.rule.learning_rate:g}"
    together = said(f"{folds} networks, one for each fold; ") if folds > 1 else ""
    patience = "" if job.model.patience is None else said(f", patience {job.model.patience:g}")
    return [
        ("Table", said(f"{job.table.name}: {rows_of(rows)}, {columns} columns")),
        ("Task", said(job.task.reason.rstrip("."))),
        ("Rows", said(f"{run.block.rows:,} to learn from") + best + test),
        ("Features", features_of(job.prepared.encoder)),
        ("Network", said(f"{network}   ({network.size:,} parameters, {network.dtype})")),
        (
            "Training",
            f"{start}{together}{network.objective}, "
            + said(
                f"Adam, learning rate {rate}, batches of {recipe.batch_size}, "
                f"{recipe.epochs} epochs"
            )
            + patience,
        ),
        ("Engine", said(f"{plan.engine}, {threads}, seed {run.settings.seed}")),
        *job.further_lines(),
    ]


def features_of(encoder: Any) -> str:
    """Say how many features an encoder makes, and of what."""
    columns = encoder.columns
    kinds = Counter(type(column).__name__.removesuffix("Column").lower() for column in columns)
    left_out = kinds.pop("dropped", 0)
    words = {"number": "numeric", "category": "text", "boolean": "boolean", "date": "date"}
    told = ", ".join(said(f"{count} {words[kind]}") for kind, count in kinds.items())
    more = said(f"; {left_out} not used") if left_out else ""
    plural = "s" * (sum(kinds.values()) > 1)
    return said(f"{encoder.width} from {told} column{plural}") + more


def print_outcome(screen: Console, job: Job, account: Account, destination: Path) -> None:
    """Say what came out."""
    history = job.model.history_
    best = said(f" Best epoch: {history.best_epoch} of {len(history)}.") if len(history) else ""
    screen.print(f"\n{said(job.model.stop_.message)}{best}{_calibration(job.model)}")
    if job.metrics:
        screen.print(heading("How good it is on rows it has not seen"))
        screen.print(metrics_table(job.metrics, rows_of(job.tested, "held-out")))
    screen.print(heading("How the error travels back"))
    screen.print(layers_table(account.layers, account.rows))
    screen.print(heading("One weight's gradient, as a chain rule"))
    screen.print(chain_lines(account))
    screen.print(heading("The model"))
    # names of files are never broken over two lines
    screen.print(said(f"Saved to {destination}. Predict new rows with:"), soft_wrap=True)
    screen.print(f"  clearprop predict {destination} NEW-ROWS.csv", soft_wrap=True)


def _calibration(model: Any) -> str:
    if model.temperature_ is None:
        return ""
    return said(f" Probabilities are calibrated: temperature {model.temperature_:.3g}.")


def heading(text: str) -> Text:
    """Return a heading with an empty line before it."""
    return Text(f"\n{said(text)}", style="bold")


def metrics_table(metrics: list[Any], held_out: str) -> Table:
    """Return the metrics beside the baseline's; the better of each pair is bold."""
    grid = table()
    grid.add_column(held_out)
    grid.add_column(said("network"), justify="right")
    grid.add_column(said("baseline"), justify="right", style="dim")
    grid.add_column("", style="dim")
    for metric in metrics:
        value = Text(figure(metric.value), style="bold" if metric.beats_baseline else "")
        baseline = "" if metric.baseline is None else figure(metric.baseline)
        grid.add_row(said(metric.name), value, baseline, better_when(metric))
    return grid


def better_when(metric: Any) -> str:
    """Say which way a metric is better."""
    return said("higher is better" if metric.higher_is_better else "lower is better")


def layers_table(layers: list[LayerHealth], rows: int) -> Table:
    """Return a line for each layer's gradient."""
    grid = table()
    grid.add_column(said("layer"))
    grid.add_column(said("units"), justify="right")
    grid.add_column("‖W‖", justify="right")
    grid.add_column("‖∂E/∂W‖", justify="right", style=ERROR)
    grid.add_column("‖δ‖", justify="right", style=ERROR)
    grid.add_column(said(f"silent on {rows_of(rows)}"), justify="right")
    for line in layers:
        grid.add_row(
            f"{line.layer} {line.activation}",
            str(line.units),
            figure(line.weight_norm),
            figure(line.gradient_norm),
            figure(line.delta_norm),
            said(f"{line.dead} of {line.units}" if line.dead else "none"),
        )
    return grid


def chain_lines(account: Account) -> RenderableType:
    """Return one weight's gradient, factor by factor, and its checks."""
    chain = account.chain
    unit = account.names.unit(chain.place.layer, chain.place.unit)
    asked = said(
        f"How much does the loss of row {account.row} ({account.answer}) change with the weight "
        f"from {account.source} into {unit}?"
    )
    sentence = Text(asked)
    sentence.highlight_words([account.source], f"bold {SIGNAL}")
    sentence.highlight_words([unit], "bold")
    symbols, numbers = _factors(chain)
    formula = Table.grid(padding=(0, 1))
    for _ in symbols:
        formula.add_column(justify="center", no_wrap=True)
    formula.add_row(*symbols)
    formula.add_row(*numbers)
    parts: list[RenderableType] = [sentence, Padding(formula, (1, 0, 1, 2))]
    if chain.terms:
        parts.append(Padding(_ways(account), (0, 0, 1, 2)))
    return Group(*parts, _checks(account))


def _factors(chain: Chain) -> tuple[list[Text], list[Text]]:
    """Return the symbols and, below each, its number."""
    pairs = [(Text("∂E/∂w"), Text(figure(chain.total), style="bold")), (Text("="), Text("="))]
    pairs.append((Text("a", style=SIGNAL), Text(figure(chain.signal), style=SIGNAL)))
    pairs.append((Text("·"), Text("·")))
    if chain.slope is None:
        pairs.append((Text("δ", style=ERROR), Text(figure(chain.delta), style=ERROR)))
    else:
        total = sum(term.product for term in chain.terms)
        pairs.append((Text("f'(z)"), Text(figure(chain.slope))))
        pairs.append((Text("·"), Text("·")))
        pairs.append((Text("Σ w·δ", style=ERROR), Text(figure(total), style=ERROR)))
    return [symbol for symbol, _ in pairs], [number for _, number in pairs]


def _ways(account: Account) -> Table:
    """Return the error's ways into the unit, the largest first and the rest as one sum."""
    chain, names = account.chain, account.names
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style=ERROR)
    for justify in ("right", "left", "right", "left", "right"):
        grid.add_column(justify=justify, no_wrap=True)
    grid.add_column()
    lead = "Σ w·δ ="
    for term in chain.terms[:SHOWN_TERMS]:
        numbers = (figure(term.weight), "·", figure(term.delta), "=", figure(term.product))
        through = names.unit(chain.place.layer + 1, term.unit)
        grid.add_row(lead, *numbers, Text(said(f"through {through}"), style="dim"))
        lead = ""
    rest = chain.terms[SHOWN_TERMS:]
    if rest:
        total = figure(sum(term.product for term in rest))
        others = Text(said(f"through {len(rest)} other{'s' * (len(rest) > 1)}"), style="dim")
        grid.add_row("", "", "", "", "", total, others)
    return grid


def _checks(account: Account) -> RenderableType:
    chain = account.chain
    several = chain.count_of_paths > 1
    words = said("Σ paths" if several else "product")
    over = said(f", over {chain.count_of_paths:,} paths") if several else ""
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        mark(chain.agrees),
        f"{words} {figure(chain.total, 6)} = {said('gradient from the engine')} "
        f"{figure(chain.gradient, 6)}{over}",
    )
    verb = said("agrees" if account.difference_agrees else "does not agree")
    grid.add_row(
        mark(account.difference_agrees),
        f"{said('finite difference')} {figure(account.difference, 6)} {verb}",
    )
    return grid


def mark(agrees: bool) -> Text:
    """Return a tick or a cross."""
    return Text("✓", style=UPDATE) if agrees else Text("✗", style="bold red")
