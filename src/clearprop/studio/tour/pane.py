"""The page's part of the tour: which example and page, picture and text, an answer's field.

Public names: `TourPane`.
May import: NiceGUI, `tags`, `clearprop.explanation`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import Any, ClassVar

from nicegui import ui

from clearprop.explanation.examples import EXAMPLES
from clearprop.studio.tags import VALUE, Choice, Speech, Tag, button

CHECKED_EVERY = 0.25  # seconds, while one types


class TourPane:
    """A page of an example, or an exercise."""

    from_script: ClassVar[frozenset[str]] = frozenset({"go_by"})

    def __init__(self, speech: Speech, do: Callable[..., Any]) -> None:
        self._speech, self._do = speech, do

    def build(self) -> None:
        """Build the elements."""
        script = files("clearprop.studio").joinpath("static/tour.js").read_text(encoding="utf-8")
        ui.add_head_html(f"<script>{script}</script>")
        self._head()
        with Tag("div", class_="cp spread", data_apart=""):
            Tag("div", class_="beside", data_html="tour-picture")
            with Tag("div", class_="told"):
                Tag("h2", tabindex="-1", data_live="tour-title")
                Tag("div", data_html="tour-text")
                self._exercise()
        self._speech.on(Tag("p", class_="hint"), "tour.keys")

    def _head(self) -> None:
        say, do = self._speech, self._do
        with Tag("div", class_="tour-head"):
            self._example = Choice(
                say, "tour.example", [], lambda name: do("tour.open", name), id="cp-example"
            )
            self._page = Choice(
                say, "tour.contents", [], lambda text: do("tour.go_to", int(text)), id="cp-leaf"
            )
            with Tag("div", class_="turns"):
                back, on = partial(do, "tour.go_by", -1), partial(do, "tour.go_by", 1)
                self._back = button(say, "tour.previous", back, sign="←", id="cp-previous-leaf")
                self._on = button(say, "tour.next", on, sign="→", id="cp-next-leaf")
                with Tag("div", class_="way"):
                    Tag("span", data_live="tour-at", id="cp-leaf-at", role="status")
                    self._progress = Tag("progress", max=1, value=0)
                    say.on(self._progress, "tour.contents", "aria-label")
                self._to_exercises = button(
                    say, "tour.to_exercises", partial(do, "tour.begin_exercises"),
                    id="cp-to-exercises",
                )  # fmt: skip
        Tag("p", class_="hint", data_live="tour-lead")

    def _exercise(self) -> None:
        """Build the field for an answer and what is said of it."""
        say, do = self._speech, self._do
        with Tag("div", class_="exercise", hidden="") as self._asked:
            with Tag("label", class_="field"):
                say.on(Tag("span"), "tour.answer")
                typed = Tag(
                    "input", type="text", inputmode="text", id="cp-answer", maxlength=40,
                    autocomplete="off", spellcheck="false",
                )  # fmt: skip
            typed.on(
                "input", lambda event: do("tour.answer", str(event.args)), js_handler=VALUE,
                throttle=CHECKED_EVERY, leading_events=False,
            )  # fmt: skip
            Tag("div", data_html="tour-verdict", id="cp-verdict", role="status")
            with Tag("div", class_="row"):
                button(say, "tour.solve", partial(do, "tour.tell_solution"), id="cp-solve")
                button(say, "tour.others", partial(do, "tour.ask_others"), id="cp-others")
                Tag("b", data_live="tour-score", id="cp-right")
            Tag("div", data_html="tour-solution", id="cp-solution")

    def show(self, state: dict[str, Any]) -> None:
        """Show what the session said."""
        shown, say = state["tour"], self._speech
        titles_of = {name: _plain(one.title(say.lang)) for name, one in EXAMPLES.items()}
        self._example.offer([(name, f"={title}") for name, title in titles_of.items()])
        self._example.show(shown["example"])
        titles, at = shown["titles"], shown["at"]
        self._page.offer([(str(k), f"={k + 1}. {title}") for k, title in enumerate(titles)])
        last = max(0, len(titles) - 1)
        if titles:
            self._page.show(str(min(at, last)))
        self._asked.put(hidden=None if shown["asked"] else "")
        self._progress.put(max=max(1, last), value=at)
        # not disabled, or the keyboard would lose its place
        self._back.put(aria_disabled="true" if at <= 0 else None)
        self._on.put(aria_disabled="true" if at >= last else None)
        self._to_exercises.put(hidden="" if shown["asked"] or not titles else None)


def _plain(text: Any) -> str:
    return "".join(getattr(part, "text", "") for part in text)
