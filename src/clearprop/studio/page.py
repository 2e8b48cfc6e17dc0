"""The page of one tab: elements, and a session that lives as long as the tab is open.

The session begins when the page's script has connected, and ends when NiceGUI gives the page up,
some seconds after its tab was closed. What it tells comes from its own thread and is handed to the
server's loop.

Public names: `build`, `style`.
May import: NiceGUI, `backlog`, `drawer`, `painting`, `panels`, `sessions`, `sharing`, `tags`,
`wire`, `clearprop.explanation`.
"""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from nicegui import ui

from clearprop.explanation.render.html import blocks_style, page_script, palette_style
from clearprop.explanation.scenes.palette import DARK, LIGHT
from clearprop.explanation.words import words
from clearprop.studio.backlog import MOST_WAITING, drop, waiting
from clearprop.studio.drawer import Drawer
from clearprop.studio.painting import roles_style
from clearprop.studio.panels import Controls
from clearprop.studio.sessions import FullError, Place, Sessions
from clearprop.studio.sharing.dialog import SharingDialog
from clearprop.studio.tags import Speech, Tag, button, heading
from clearprop.studio.wire import RAMP

_STATIC = Path(__file__).parent / "static"
_TAGS = {"en": "en", "zh": "zh-Hans"}


class Stage(
    ui.element,
    component="static/stage.js",
    esm={f"clearprop-{name}": str(_STATIC / name) for name in ("picture", "microscope", "sharing")},
):
    """The script that paints frames and tells what a person does."""

    def __init__(self) -> None:
        super().__init__()
        self.props["ramp"] = [list(colour) for colour in RAMP]


@cache
def style() -> str:
    """Return the page's style: the palette on both grounds, the layout, and each part's own."""
    dark = palette_style(DARK, ':root[data-scheme="dark"]')
    system = palette_style(DARK, ':root:not([data-scheme="light"])')
    # the page's own first, since its parts differ from it
    static = files(__package__).joinpath("static")
    sheets = sorted(file.name for file in static.iterdir() if file.name.endswith(".css"))
    sheets.sort(key=lambda name: name != "studio.css")
    own = "\n".join(static.joinpath(name).read_text(encoding="utf-8") for name in sheets)
    grounds = (
        f"{palette_style(LIGHT, ':root')}\n{dark}\n:root {{ color-scheme: light; }}\n"
        ':root[data-scheme="dark"] { color-scheme: dark; }\n'
        f"@media (prefers-color-scheme: dark) {{ {system} "
        ':root:not([data-scheme="light"]) { color-scheme: dark; } }\n'
    )
    return grounds + blocks_style() + roles_style() + own


class _Page:
    """One tab."""

    def __init__(self, sessions: Sessions, lang: str, most_bytes: int) -> None:
        self._sessions = sessions
        self._speech = Speech(lang)
        self._controls = Controls(self._speech, self._do, most_bytes)
        self._drawer = Drawer(self._speech, self._do)
        self._sharing = SharingDialog(self._speech, self._do, most_bytes)
        self._place: Place | None = None
        self._loop = asyncio.get_running_loop()
        self._gone = False

    # building

    def build(self) -> None:
        """Build everything."""
        ui.add_css(style())
        # lights what belongs together in formulas and tables, and in pictures with them
        ui.add_head_html(f"<script>{page_script()}</script>")
        say = self._speech
        self._client = ui.context.client
        self._client.on_delete(self._leave)
        with Tag("div", class_="studio"):
            say.on(Tag("a", class_="skip", href="#cp-network"), "skip")
            self._head()
            with say.on(Tag("nav", class_="bar"), "transport", "aria-label"):
                self._controls.transport()
            with Tag("main", class_="centre"):
                self._centre()
            with say.on(Tag("section", class_="setup"), "tab_setup", "aria-label"):
                for panel in ("data", "network", "learning"):
                    with Tag("div", class_="panel"):
                        getattr(self._controls, panel)()
            with say.on(Tag("section", class_="results"), "tab_results", "aria-label"):
                self._results()
            self._drawer.build()
            self._tabs()
            self._help()
            self._sharing.build()
            with Tag("div", class_="problem", id="cp-problem", role="alert", hidden=""):
                say.on(Tag("strong"), "problem")
                Tag("span")
                button(say, "close", sign="×", class_="small")
        self._stage = Stage()
        for name, act in (
            ("ready", self._begin), ("want", self._want), ("shape", self._shape),
            ("weight", lambda key: self._do("pick_weight", key)),
            ("row", lambda row: self._do("pick_row", row)),
            ("value", lambda value: self._do("set_weight", value)),
            ("seek", lambda step: self._do("go_to", step)),
            ("key", self._key), ("drawer", self._drawer.reveal), ("do", self._drawer.from_script),
        ):  # fmt: skip
            self._stage.on(name, lambda event, act=act: act(event.args))

    def _head(self) -> None:
        say = self._speech
        with Tag("header"):
            say.on(Tag("h1"), "title")
            say.on(Tag("p", class_="tagline"), "tagline")
            with Tag("div", class_="push"):
                self._sharing.opener()
                with say.on(Tag("div", class_="switch", role="group"), "theme", "aria-label"):
                    for name in ("auto", "light", "dark"):
                        button(say, f"theme_{name}", data_scheme_to=name)
                other = button(say, "language", self._switch, id="cp-language")
                say.on(other, "language_name", "title")
                button(say, "help", sign="?", data_opens="cp-help", class_="small")

    def _centre(self) -> None:
        say = self._speech
        with Tag("div", class_="panel picture"):
            Tag("div", id="cp-network")
            Tag("p", class_="caption", data_live="caption", id="cp-caption")
            Tag("p", class_="failure", data_live="failure", role="status")
            say.on(Tag("p", class_="hint"), "pick_weight")
        with Tag("div", class_="panel"):
            self._controls.weight()

    def _results(self) -> None:
        say = self._speech
        with Tag("div", class_="panel"):
            heading(say, "answers")
            self._controls.outputs()
            Tag("div", id="cp-answers")
            say.on(Tag("p", class_="hint"), "pick_row")
        with Tag("div", class_="panel"):
            heading(say, "curves")
            Tag("div", id="cp-curves")
        with Tag("div", class_="panel"):
            self._controls.metrics()

    def _tabs(self) -> None:
        with Tag("div", class_="tabs", role="group"):
            for name in ("network", "setup", "results", "drawer"):
                button(self._speech, f"tab_{name}", data_tab_to=name)

    def _help(self) -> None:
        say = self._speech
        with say.on(Tag("dialog", id="cp-help"), "help", "aria-label"):
            heading(say, "help")
            say.on(Tag("p"), "help_picture")
            heading(say, "keys")
            with Tag("dl"):
                for name in ("play", "step", "find", "move", "moment", "zoom", "help"):
                    say.on(Tag("dt"), f"key_{name}")
                    say.on(Tag("dd"), f"key_{name}_long")
            button(say, "close", data_closes="")

    # from the page

    def _begin(self, upright: bool) -> None:
        """Begin the session; after a short break of the connection, go on with it."""
        if self._gone:
            return
        self._say_lang()
        if self._place is None:
            try:
                self._place = self._sessions.open(self._tell)
            except FullError:
                say = self._speech
                text = f"{say('full', n=self._sessions.most)} {say('full_way_out')}"
                self._stage.run_method("problem", text)
                return
            self._do("look", {"lang": self._speech.lang, "upright": bool(upright)})
            self._do("play")
        self._stage.run_method("open", self._place.key)
        self._place.session.want_frame(whole=True)

    def _want(self, _: Any) -> None:
        if self._place is not None:
            self._place.session.want_frame()

    def _shape(self, upright: bool) -> None:
        self._do("look", {"upright": bool(upright)})

    def _key(self, name: str) -> None:
        if name == "play":
            self._do("pause" if self._controls.state.get("playing") else "play")
        elif name == "forward":
            self._do("step_batch")
        elif name == "back":
            self._do("go_by", -1)

    def _do(self, name: str, *arguments: Any) -> None:
        if self._place is not None:
            self._place.session.do(name, *arguments)

    def _switch(self) -> None:
        """Say everything in the other language."""
        lang = "zh" if self._speech.lang == "en" else "en"
        self._speech.switch(lang)
        if self._controls.state:
            self._show(self._controls.state)
        self._say_lang()
        self._do("look", {"lang": lang})

    def _say_lang(self) -> None:
        say = self._speech
        # what the connection itself says where it breaks
        names = ("lost", "reconnects", "too_long", "too_long_more")
        told = [say(f"studio_sharing.{name}") for name in names]
        self._stage.run_method("lang", _TAGS[say.lang], say("title"), told)

    def _leave(self) -> None:
        self._gone = True
        if self._place is not None:
            self._sessions.close(self._place.key)

    # from the session

    def _tell(self, kind: str, value: Any) -> None:
        """Hand what the session's thread tells to the server's loop."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hear, kind, value)

    def _show(self, state: dict[str, Any]) -> None:
        self._controls.show(state)
        self._drawer.show(state)
        self._sharing.show(state)

    def _hear(self, kind: str, value: Any) -> None:
        if self._gone:
            return
        if waiting(self._client.id) > MOST_WAITING:
            # it does not read: what it asked for would be kept for ever
            drop(self._client.id)
            self._leave()
            return
        if kind == "state":
            self._show(value)
        else:
            self._stage.run_method(kind, value)


def build(sessions: Sessions, lang: str, most_bytes: int) -> None:
    """Build the page of a tab in one of the two languages."""
    _Page(sessions, lang, most_bytes).build()


def language_of(header: str, wanted: str | None = None) -> str:
    """Return the language that a browser asks for, by its Accept-Language header."""
    if wanted in _TAGS:
        return str(wanted)
    first = next((part.strip().lower() for part in header.split(",") if part.strip()), "")
    return "zh" if first.startswith("zh") and words("zh") else "en"
