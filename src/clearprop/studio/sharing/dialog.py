"""The dialog from the page's head: what can be taken away, and what can be brought back.

The script of the page (`static/sharing`) fetches what is taken and sends what is brought; here are
the elements, and what they say.

Public names: `SharingDialog`.
May import: `clearprop.studio.tags`, `clearprop.studio.uploads`, `pictures` (its names).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clearprop.studio.sharing.pictures import GROUNDS, PICTURES
from clearprop.studio.tags import Choice, Speech, Tag, button
from clearprop.studio.uploads import SUFFIXES

# what is a button of its own
FILES = ("run", "code", "model", "page")


def word(name: str) -> str:
    """Return the key of a word of this part."""
    return f"studio_sharing.{name}"


class SharingDialog:
    """The dialog of one page."""

    def __init__(self, speech: Speech, do: Callable[..., Any], most_bytes: int) -> None:
        self._speech, self._do, self._limit = speech, do, f"{most_bytes / 1e6:g}"

    def opener(self) -> None:
        """Build the button that opens it."""
        say = self._speech
        opens = button(say, word("button"), data_opens="cp-sharing", id="cp-share")
        say.on(opens, word("button_long"), "title")

    def build(self) -> None:
        """Build the dialog."""
        say = self._speech
        about = {"class_": "sharing", "aria_labelledby": "cp-sharing-title"}
        with Tag("dialog", id="cp-sharing", **about):
            with Tag("div", class_="row"):
                say.on(Tag("h2", id="cp-sharing-title"), word("title"))
                button(say, "close", sign="×", data_closes="", class_="small")
            Tag("p", class_="here problem-text", role="alert", data_problem="")
            Tag("p", class_="here news", role="status", data_news="", id="cp-sharing-news")
            with say.on(Tag("section"), word("take"), "aria-label"):
                say.on(Tag("h3"), word("take"))
                self._link()
                self._files()
                self._pictures()
            with say.on(Tag("section"), word("bring"), "aria-label"):
                say.on(Tag("h3"), word("bring"))
                self._bring()
            for name in ("making", "made", "copied", "link_letters", "too_large"):
                said = Tag("span", hidden="", data_word=name)
                say.on(said, word(name), "data-text", n="{n}", name="{name}", mb=self._limit)

    def _link(self) -> None:
        say = self._speech
        with Tag("div", class_="taking"):
            self._link_button = button(say, word("make_link"), id="cp-make-link", data_take="link")
            self._link_hint = Tag("p", class_="hint")
        with Tag("div", class_="link-made", id="cp-link-made", hidden=""):
            field = Tag("input", type="text", readonly="", id="cp-link", spellcheck="false")
            say.on(field, word("link_field"), "aria-label")
            button(say, word("copy"), id="cp-copy")
            Tag("p", class_="hint", id="cp-link-letters")

    def _files(self) -> None:
        say = self._speech
        for name in FILES:
            with Tag("div", class_="taking"):
                button(say, word(name), data_take=name, id=f"cp-take-{name}")
                say.on(Tag("p", class_="hint"), f"studio_sharing.{name}_long")

    def _pictures(self) -> None:
        say = self._speech
        with Tag("div", class_="pictures"):
            which = [(name, f"studio_sharing.picture_{name}") for name in PICTURES]
            Choice(say, word("picture_of"), which, _nothing, id="cp-picture")
            grounds = [(name, f"studio_sharing.ground_{name}") for name in GROUNDS]
            Choice(say, word("ground"), grounds, _nothing, id="cp-ground")
            for name in ("svg", "png"):
                button(say, word(name), long=f"studio_sharing.{name}_long", data_take=name,
                       id=f"cp-take-{name}")  # fmt: skip

    def _bring(self) -> None:
        say = self._speech
        with Tag("label", class_="field upload"):
            say.on(Tag("span"), word("bring_file"))
            Tag("input", type="file", id="cp-bring", accept=".clearprop", data_sends="file")
        say.on(Tag("p", class_="hint"), word("bring_file_hint"))
        with Tag("div", class_="waiting", id="cp-waiting", hidden="") as self._waiting:
            self._waits = Tag("p", role="status")
            with Tag("label", class_="field upload"):
                say.on(Tag("span"), word("table"))
                Tag("input", type="file", id="cp-bring-table", accept=",".join(SUFFIXES),
                    data_sends="table")  # fmt: skip
            with Tag("div", class_="row"):
                say.on(Tag("p", class_="hint"), word("table_hint"))
                button(say, word("not_this"), lambda: self._do("sharing.leave_model"))
        with Tag("div", class_="bring-link"):
            with Tag("label", class_="field"):
                say.on(Tag("span"), word("bring_link"))
                field = Tag("input", type="text", id="cp-bring-link", autocomplete="off",
                            spellcheck="false")  # fmt: skip
                say.on(field, word("bring_link_hint"), "placeholder")
            button(say, word("open"), id="cp-open-link")
        self._brought = Tag("p", class_="here news", role="status", id="cp-brought", hidden="")

    def show(self, state: dict[str, Any]) -> None:
        """Show where the session stands."""
        say, sharing = self._speech, state["sharing"]
        own = sharing["own_table"]
        self._link_button.put(disabled="" if own else None)
        say.on(self._link_hint, word("link_own_table") if own else word("link_long"))
        waiting = sharing["waiting"]
        self._waiting.put(hidden=None if waiting else "")
        if waiting:
            columns = waiting["columns"]
            shown = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")
            say.on(self._waits, word("waiting"), name=waiting["name"], columns=shown)
        brought = sharing["brought"]
        self._brought.put(hidden=None if brought else "")
        if brought:
            key = f"studio_sharing.brought_{'member' if sharing['members'] > 1 else brought}"
            say.on(self._brought, key, name=sharing["model"], n=sharing["members"])


def _nothing(_: str) -> None:
    """Leave a choice to the script, which reads it when something is taken."""
