"""Plain HTML elements that speak the page's language, and controls made of them.

A control is the browser's own: a select, a slider, a button. So the keyboard, screen readers and
phones work with it as people know it.

Public names: `Choice`, `EMPTY`, `Numbers`, `Slider`, `Speech`, `Tag`, `VALUE`, `button`, `heading`,
`weight_search`.
May import: NiceGUI, `clearprop.explanation.words`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from nicegui import ui

from clearprop.explanation.numbers import figure
from clearprop.explanation.words import words

VALUE = "(event) => emit(event.target.value)"
EMPTY = "() => emit()"


class Tag(ui.element):
    """An element by its name, with attributes and, where it has no children, a text."""

    def __init__(self, tag: str, text: str = "", **attributes: Any) -> None:
        super().__init__(tag)
        for name, value in attributes.items():
            # `class_` and `for_` are words of Python
            self.props[name.rstrip("_").replace("_", "-")] = value
        if text:
            self.say(text)

    def say(self, text: str) -> None:
        """Show a text."""
        if self._text != text:
            self._text = text
            self.update()

    def put(self, **attributes: Any) -> None:
        """Set attributes; None takes one away. The page is told where something differs."""
        before = dict(self.props)
        for name, value in attributes.items():
            name = name.rstrip("_").replace("_", "-")
            if value is None:
                self.props.pop(name, None)
            else:
                self.props[name] = value
        # what a person has typed or chosen is not in `props`, so a value is told again
        if before != dict(self.props) or "value" in attributes:
            self.update()


class Speech:
    """Everything on a page that is said in its language, so that it can be said in the other."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        # by the element and the attribute: the element itself, the key, the values
        self._said: dict[tuple[int, str], tuple[Tag, str, dict[str, Any]]] = {}
        self._most = 1000

    def __call__(self, key: str, **values: Any) -> str:
        """Return an entry of the words: the studio's own, or with a dot that of another chapter."""
        return words(self.lang)(key if "." in key else f"studio.{key}", **values)

    def on(self, tag: Tag, key: str, attribute: str = "", **values: Any) -> Tag:
        """Say something on an element: as its text, or as an attribute."""
        if len(self._said) > self._most:
            self._forget()
        self._said[tag.id, attribute] = tag, key, values
        self._write(tag, key, attribute, values)
        return tag

    def switch(self, lang: str) -> None:
        """Say everything in another language."""
        self.lang = lang
        self._forget()
        for (_, attribute), (tag, key, values) in self._said.items():
            self._write(tag, key, attribute, values)

    def _forget(self) -> None:
        """Forget elements that are no more."""
        self._said = {at: one for at, one in self._said.items() if not one[0].is_deleted}
        self._most = 2 * len(self._said) + 100

    def _write(self, tag: Tag, key: str, attribute: str, values: dict[str, Any]) -> None:
        text = self(key, **values)
        if attribute:
            tag.put(**{attribute.replace("-", "_"): text})
        else:
            tag.say(text)


def heading(speech: Speech, key: str) -> Tag:
    """Return the heading of a panel."""
    return speech.on(Tag("h2"), key)


def button(
    speech: Speech,
    key: str,
    act: Callable[[], Any] | None = None,
    *,
    long: str = "",
    sign: str = "",
    **attributes: Any,
) -> Tag:
    """Return a button: its word, or a sign with the word as its name; `long` tells more."""
    tag = Tag("button", sign, type="button", **attributes)
    if sign:
        speech.on(tag, key, "aria-label")
    else:
        speech.on(tag, key)
    if long or sign:
        speech.on(tag, long or key, "title")
    if act is not None:
        tag.on("click", act, js_handler=EMPTY)
    return tag


def weight_search(speech: Speech, find: Callable[[str], Any], **attributes: Any) -> None:
    """Build a field for a parameter's name, which is told when it is entered."""
    with Tag("label", class_="field"):
        speech.on(Tag("span"), "weight_find")
        tag = Tag("input", type="search", autocomplete="off", **attributes)
        speech.on(tag, "weight_find_hint", "placeholder")

    def entered(event: Any) -> None:
        name = str(event.args).strip()
        if name:
            find(name)

    tag.on("change", entered, js_handler=VALUE)


class Choice:
    """A select with its label."""

    def __init__(
        self,
        speech: Speech,
        label: str,
        options: Iterable[tuple[str, str]],
        act: Callable[[str], Any],
        **attributes: Any,
    ) -> None:
        self._speech = speech
        with Tag("label", class_="field"):
            speech.on(Tag("span"), label)
            self.tag = Tag("select", **attributes)
        self.tag.on("change", lambda event: act(str(event.args)), js_handler=VALUE)
        self._options: list[tuple[str, str]] = []
        self.offer(options)

    def offer(self, options: Iterable[tuple[str, str]]) -> None:
        """Offer values, each with a key of the words, or with `=text` as it stands."""
        options = list(options)
        if options == self._options:
            return
        self._options = options
        self.tag.clear()
        with self.tag:
            for value, said in options:
                option = Tag("option", value=value)
                if said.startswith("="):
                    option.say(said[1:])
                else:
                    self._speech.on(option, said)

    def show(self, value: str) -> None:
        """Show a value, which is offered from now on if it was not."""
        if value not in [known for known, _ in self._options]:
            self.offer([*self._options, (value, f"={value}")])
        self.tag.put(value=value)


class Numbers(Choice):
    """A select of numbers on a ladder."""

    def __init__(
        self,
        speech: Speech,
        label: str,
        ladder: Sequence[float],
        act: Callable[[float], Any],
        **attributes: Any,
    ) -> None:
        options = [(repr(float(value)), f"={value:g}") for value in ladder]
        super().__init__(speech, label, options, lambda text: act(float(text)), **attributes)

    def show(self, value: Any) -> None:
        """Show a number."""
        if repr(float(value)) not in [known for known, _ in self._options]:
            self.offer([*self._options, (repr(float(value)), f"={figure(float(value))}")])
        self.tag.put(value=repr(float(value)))


class Slider:
    """A slider with its label and its value beside it."""

    def __init__(
        self,
        speech: Speech,
        label: str,
        bounds: tuple[float, float, float],
        act: Callable[[float], Any],
        told: Callable[[float], str] = "{:g}".format,
    ) -> None:
        low, high, step = bounds
        self._told = told
        with Tag("label", class_="field slider"):
            # an `output` here would be what the label belongs to
            with Tag("span"):
                speech.on(Tag("span"), label)
                self._value = Tag("b", class_="told")
            self.tag = Tag("input", type="range", min=low, max=high, step=step)
        self.tag.on("change", lambda event: act(float(cast(str, event.args))), js_handler=VALUE)
        self.tag.on(
            "input", lambda event: self._value.say(told(float(event.args))), js_handler=VALUE,
            throttle=0.05,
        )  # fmt: skip

    def show(self, value: float) -> None:
        """Show a value."""
        self.tag.put(value=value)
        self._value.say(self._told(value))
