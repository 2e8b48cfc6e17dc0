"""What `clearprop train` says at its end, as Rich renderables: metrics, layers, one chain rule."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from clearprop.explanation import Chain, LayerHealth
from clearprop.explanation.numbers import figure

# Okabe-Ito; the same meaning on every surface
SIGNAL, ERROR, UPDATE = "#0072B2", "#CC79A7", "#009E73"
SHOWN_TERMS = 4


def heading(text: str) -> Text:
    """Return a section's title."""
    return Text(f"\n{text}", style="bold")


def metrics_table(metrics: list[Any], held_out: str) -> Table:
    """Return the metrics beside the baseline's; the better of each pair is bold."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=None)
    table.add_column(held_out)
    table.add_column("network", justify="right")
    table.add_column("baseline", justify="right", style="dim")
    for metric in metrics:
        better = metric.baseline is None or (metric.value > metric.baseline) == (
            metric.higher_is_better and metric.value != metric.baseline
        )
        value = Text(figure(metric.value), style="bold" if better else "")
        baseline = "" if metric.baseline is None else figure(metric.baseline)
        arrow = "higher is better" if metric.higher_is_better else "lower is better"
        table.add_row(f"{metric.name} [dim]({arrow})[/dim]", value, baseline)
    return table


def layers_table(layers: list[LayerHealth], rows: int) -> Table:
    """Return a line for each layer's gradient."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("layer")
    table.add_column("units", justify="right")
    table.add_column("‖W‖", justify="right")
    table.add_column("‖∂E/∂W‖", justify="right", style=ERROR)
    table.add_column("‖δ‖", justify="right", style=ERROR)
    table.add_column(f"silent on {rows} rows", justify="right")
    for line in layers:
        table.add_row(
            f"{line.layer} {line.activation}",
            str(line.units),
            figure(line.weight_norm),
            figure(line.gradient_norm),
            figure(line.delta_norm),
            f"{line.dead} of {line.units}" if line.dead else "none",
        )
    return table


def chain_lines(
    chain: Chain, source: str, row: int, output: str, difference: float
) -> RenderableType:
    """Return one weight's gradient, factor by factor, and its three checks.

    Parameters
    ----------
    source : str
        The name of the feature that the weight comes from.
    row : int
        The sample's row in the table.
    output : str
        What the network is asked for, for the sentence.
    difference : float
        The central finite difference.
    """
    unit = f"h{chain.layer}.{chain.unit}" if chain.slope is not None else f"out.{chain.unit}"
    sentence = Text.assemble(
        "How much does the loss of row ",
        (str(row), "bold"),
        f" ({output}) change with the weight from ",
        (source, f"bold {SIGNAL}"),
        " into ",
        (unit, "bold"),
        "?",
    )
    symbols, numbers = _factors(chain)
    formula = Table.grid(padding=(0, 1))
    for _ in symbols:
        formula.add_column(justify="center")
    formula.add_row(*symbols)
    formula.add_row(*numbers)
    parts: list[RenderableType] = [sentence, Padding(formula, (1, 0, 1, 2))]
    if chain.terms:
        parts.append(Padding(_ways(chain), (0, 0, 1, 2)))
    parts.append(_checks(chain, difference))
    return Group(*parts)


def _factors(chain: Chain) -> tuple[list[Text], list[Text]]:
    """Return the symbols and, below each, its number."""
    pairs = [(Text("∂E/∂w"), Text(figure(chain.product), style="bold")), (Text("="), Text("="))]
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


def _ways(chain: Chain) -> Text:
    """Return the error's ways into the unit, the largest first and the rest summed exactly."""
    text = Text("Σ w·δ = ", style=ERROR)
    shown = chain.terms[:SHOWN_TERMS]
    for place, term in enumerate(shown):
        joiner = " + " if place else ""
        text.append(f"{joiner}({figure(term.weight)})({figure(term.delta)})", style="default")
    rest = chain.terms[SHOWN_TERMS:]
    if rest:
        remainder = figure(sum(term.product for term in rest))
        text.append(f" + {remainder} on {len(rest)} smaller ways", style="dim")
    return text


def _checks(chain: Chain, difference: float) -> Text:
    agree = chain.error <= 1e-5
    mark = Text("✓ ", style=UPDATE) if agree else Text("✗ ", style="bold red")
    words = "product of the chain" if chain.slope is None else "Σ paths"
    return Text.assemble(
        mark,
        f"{words} {figure(chain.product, 6)} = gradient from the engine "
        f"{figure(chain.gradient, 6)}; finite difference {figure(difference, 6)}",
    )
