"""`clearprop exercises`: numbers of an example or a model asked for instead of told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearprop.cli.explain import explained
from clearprop.cli.options import table_options
from clearprop.cli.output import console
from clearprop.cli.pages import (
    destinations,
    language_option,
    page_files,
    printed,
    show_page,
    write_files,
)
from clearprop.errors import SettingError

if TYPE_CHECKING:
    from clearprop.explanation.exercises import Exercise


@click.command("exercises", short_help="Ask for numbers of an example or a model; check answers.")
@click.argument("source", metavar="EXAMPLE|MODEL")
@click.argument("table", type=click.Path(), required=False)
@click.option(
    "--row",
    type=click.IntRange(1),
    metavar="N",
    default=1,
    show_default=True,
    help="The row of TABLE, from 1, or the sample of an example, that the numbers belong to.",
)
@click.option(
    "--about",
    multiple=True,
    metavar="NUMBER",
    help="Ask for this number, such as 'delta h1', 'gradient w5', 'path w1 o1' or 'new w1'; may "
    "be given several times.",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    metavar="N",
    default=6,
    show_default=True,
    help="How many exercises, where --about names none.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    default=0,
    show_default=True,
    help="Another seed chooses other numbers.",
)
@click.option("--solutions", is_flag=True, help="With the solutions, step by step.")
@click.option(
    "--ask",
    is_flag=True,
    help="Ask one after another and check the answers, line by line from standard input; an "
    "empty line shows the solution.",
)
@language_option
@page_files
@table_options
def command(source: str, table: str | None, **options: Any) -> None:
    """Ask for numbers of EXAMPLE, or of MODEL on a row of TABLE, to be worked out by hand."""
    from clearprop.explanation.exercises import sheet

    kinds = ("html", "markdown", "latex")
    read = (source, table) if table else (source,)
    places = destinations({name: options[name] for name in kinds}, read)
    if options["ask"] and (places or options["solutions"]):
        raise click.UsageError("--ask goes without --solutions and without files.")
    explanation, sample, title = _asked_about(source, table, options)
    exercises = _chosen(explanation, sample, options)
    if options["ask"]:
        _ask(exercises, options["lang"])
        return
    page = sheet(exercises, solutions=options["solutions"], title=title)
    if places:
        write_files(places, lambda kind: printed(page, kind))
    else:
        show_page(page)


def _asked_about(source: str, table: str | None, options: dict[str, Any]) -> tuple[Any, int, str]:
    """Return the explanation that is asked about, of rows or of sequences, its sample and name."""
    from clearprop.explanation.examples import example

    if table is not None:
        explanation, _ = explained(source, table, {**options, "rows": None, "engine": None})
        return explanation, 0, Path(source).stem
    if Path(source).exists():
        raise click.UsageError(
            f"{source!r} is a file. For exercises about a model name a TABLE, too: "
            f"clearprop exercises {source} TABLE."
        )
    one = example(source)
    title = "".join(getattr(part, "text", "") for part in one.title(options["lang"]))
    sample, samples = options["row"] - 1, len(one.x)
    if sample >= samples:
        plural = "s" * (samples > 1)
        raise SettingError(
            f"{one.name} has {samples} sample{plural}, so there is no --row {sample + 1}."
        )
    return one.explain(), sample, title


def _chosen(explanation: Any, sample: int, options: dict[str, Any]) -> list[Exercise]:
    from clearprop.explanation.exercises import exercise, exercises_for

    lang, about = options["lang"], options["about"]
    if about:
        return [exercise(explanation, name, lang=lang, sample=sample) for name in about]
    count, seed = options["count"], options["seed"]
    return exercises_for(explanation, lang=lang, count=count, seed=seed, sample=sample)


def _ask(exercises: list[Exercise], lang: str) -> None:
    """Ask on the terminal; a wrong answer is met with where it parts, and may be tried again."""
    from clearprop.explanation.exercises.sheets import solution_blocks
    from clearprop.explanation.pages import Paragraph
    from clearprop.explanation.render.terminal import rich_of_blocks
    from clearprop.explanation.words import words

    say, screen, right = words(lang), console(), 0
    for place, one in enumerate(exercises, start=1):
        screen.print(rich_of_blocks(_question(one, place, say), lang))
        solved = _answered(one, say, screen)
        if solved is None:
            break
        right += solved
        if not solved:
            screen.print(rich_of_blocks(solution_blocks(one, say), lang))
    score = say.text("exercises.score", right=right, n=len(exercises))
    screen.print(rich_of_blocks((Paragraph(score),), lang))


def _question(one: Exercise, place: int, say: Any) -> tuple[Any, ...]:
    from clearprop.explanation.exercises.sheets import given_text
    from clearprop.explanation.pages import Paragraph, Span

    heading = "".join(part.text for part in say.text("exercises.heading", place=place))
    return (
        Paragraph((Span(heading, "strong"),)),
        Paragraph(one.question),
        Paragraph(given_text(one, say)),
    )


def _answered(one: Exercise, say: Any, screen: Any) -> bool | None:
    """Read answers until one is right, True, or the line is empty, False; None at the end."""
    from clearprop.explanation.exercises import check
    from clearprop.explanation.pages import Math, Paragraph, Span
    from clearprop.explanation.render.terminal import rich_of_blocks

    while (line := _line(f"{say('exercises.answer')}: ")) is not None:
        if not line:
            return False
        try:
            verdict = check(one, line)
        except SettingError as error:
            click.echo(str(error), err=True)
            continue
        mark = Span("✓ ", "update") if verdict.right else Span("✗ ", "negative")
        blocks: list[Any] = [Paragraph((mark, *verdict.said))]
        if verdict.formula is not None:
            blocks.append(Math(verdict.formula))
        screen.print(rich_of_blocks(blocks, one.lang))
        if verdict.right:
            return True
    return None


def _line(prompt: str) -> str | None:
    """Return the next line of standard input; None at its end. Only a terminal sees the prompt."""
    if sys.stdin.isatty():
        click.echo(prompt, nl=False)
    line = sys.stdin.readline()
    return line.strip() if line else None
