"""`LiveNetwork`: the widget.

Public names: `LiveNetwork`.
May import: `picturing`, `clearprop.studio.painting`, `clearprop.explanation`, `clearprop.training`,
`clearprop.importing`, `clearprop.errors`; anywidget and traitlets (the extra `notebook`).
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

from clearprop.errors import SettingError
from clearprop.explanation.render.html import palette_style
from clearprop.explanation.scenes.palette import DARK, LIGHT
from clearprop.explanation.words import LANGUAGES
from clearprop.functions.spelling import suggest
from clearprop.importing import import_extra
from clearprop.notebook.picturing import Picturing
from clearprop.studio.painting import painter_script, painter_style
from clearprop.studio.wire import RAMP
from clearprop.training import Event, Running, Stop

anywidget = import_extra("anywidget", "notebook", "A live network in a notebook")
traitlets = import_extra("traitlets", "notebook", "A live network in a notebook")

_Widget: Any = anywidget.AnyWidget
_STATIC = Path(__file__).parent / "static"
# what the hosts put on a page that is dark, or light, whatever the system is
_DARK = ('[data-jp-theme-light="false"]', "body.vscode-dark", "html[theme=dark]", ".dark")
_LIGHT = ('[data-jp-theme-light="true"]', "body.vscode-light", "html[theme=light]", ".light")


class LiveNetwork(_Widget):
    """A network that is seen while it learns: a listener of any run, and a widget.

    Parameters
    ----------
    row : int
        The training row whose signals and errors are drawn, counted from 0.
    weight : str, optional
        The parameter whose strongest path of the chain rule is lit, by its name, `h1.2<-x3`; the
        first weight where absent.
    lang : {"en", "zh"}
    frames : float
        Pictures a second, at most. Drawing one takes some milliseconds of the run's time; all of
        them take a fifth of it at most.

    Raises
    ------
    SettingError
        An argument makes no sense; at the beginning of a run, the row or the weight is none of it.
    MissingExtraError
        On import: anywidget is not installed, `pip install 'clearprop[notebook]'`.

    Notes
    -----
    While a cell runs, the notebook's page takes no orders to Python, but shows what Python sends.
    What is seen is the Trace of the step that the run would take next on that row. Of recurrent
    networks and of networks with members the curves are shown, and no picture. A copy that
    scikit-learn makes for a search shows its fits in the same place; one in another process is
    silent.
    """

    _css = traitlets.Unicode().tag(sync=True)
    _esm = traitlets.Unicode().tag(sync=True)
    ramp = traitlets.List(RAMP).tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)

    def __init__(
        self, *, row: int = 0, weight: str | None = None, lang: str = "en", frames: float = 8.0
    ) -> None:
        if lang not in LANGUAGES:
            raise SettingError(f"There is no language {lang!r}. {suggest(lang, LANGUAGES)}")
        if isinstance(row, bool) or not isinstance(row, int) or row < 0:
            raise SettingError(f"row must be a whole number from 0 on, but {row!r} came.")
        if not frames > 0:
            raise SettingError(f"frames must be above 0, but {frames!r} came.")
        super().__init__(_esm=_script(), _css=_style())
        self._row, self._weight, self._lang = row, weight, lang
        self._pause, self._due = 1 / frames, 0.0
        self._picturing: Picturing | None = None

    def begin(self, running: Running) -> None:
        """Take in that a run begins."""
        if self._row >= running.block.rows:
            raise SettingError(
                f"There is no row {self._row} to draw: the run learns from {running.block.rows} "
                f"rows, counted from 0."
            )
        self._picturing = Picturing(running, self._row, self._weight, self._lang)
        self._draw()

    def __call__(self, event: Event) -> None:
        """Take in an event."""
        if self._picturing is None:
            return
        self._picturing.hear(event)
        if isinstance(event, Stop) or time.perf_counter() >= self._due:
            self._draw()

    def fitted(self, model: Any) -> None:
        """Take in that an estimator is fitted: its units' names are known now."""
        if self._picturing is not None:
            self._picturing.name(dict(model.unit_names()))
            self._draw()

    def _draw(self) -> None:
        assert self._picturing is not None
        began = time.perf_counter()
        self.frame = self._picturing.frame()
        now = time.perf_counter()
        self._due = now + max(self._pause, 4 * (now - began))

    def __deepcopy__(self, memo: dict[int, Any]) -> LiveNetwork:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _Silent, ()


class _Silent:
    """What a widget is in another process: a listener that shows nothing."""

    def __call__(self, event: Event) -> None: ...


@cache
def _script() -> str:
    return painter_script() + (_STATIC / "live.js").read_text(encoding="utf-8")


@cache
def _style() -> str:
    own = ".clearprop-live"
    dark = [f"{host} {own}" for host in _DARK]
    light = [f"{host} {own}" for host in _LIGHT]
    return "\n".join([
        palette_style(LIGHT, own),
        f"@media (prefers-color-scheme: dark) {{ {palette_style(DARK, own)} }}",
        palette_style(LIGHT, ", ".join(light)), palette_style(DARK, ", ".join(dark)),
        painter_style(), (_STATIC / "live.css").read_text(encoding="utf-8"),
    ])  # fmt: skip
