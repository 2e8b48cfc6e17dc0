"""The controls of a page: data, network, learning; how it goes; one weight; what it gives.

A panel builds its elements once. What a person does with them is a command to the session; what the
session says back (`Desk.to_document`) is what they show.

Public names: `Controls`.
May import: `tags`, `setups`, `session`, `toys`, `uploads`, `clearprop.functions`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from clearprop.equations import CARRIERS, RULES
from clearprop.studio.setups import HIDDEN, LOSSES_OF, MOST_LAYERS, MOST_UNITS, RATES
from clearprop.studio.tags import (
    EMPTY,
    VALUE,
    Choice,
    Numbers,
    Slider,
    Speech,
    Tag,
    button,
    heading,
    weight_search,
)
from clearprop.studio.toys import TOYS
from clearprop.studio.uploads import SUFFIXES
from clearprop.studio.views import SPEEDS

Do = Callable[..., Any]
LADDER = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3, 1, 3, 10)
PENALTIES = (0, 0.00001, 0.0001, 0.001, 0.01, 0.1)
BATCHES = (1, 2, 5, 10, 20, 32, 50, 100, 200, 500)


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


class Controls:
    """All panels of a page.

    Attributes
    ----------
    state : dict
        What the session said last.
    """

    def __init__(self, speech: Speech, do: Do, most_bytes: int) -> None:
        self._speech, self._do, self._limit = speech, do, f"{most_bytes / 1e6:g}"
        self.state: dict[str, Any] = {}

    # building

    def _choose(self, name: str, kind: Callable[[Any], Any] = str) -> Callable[[Any], Any]:
        return lambda value: self._do("choose", {name: kind(value)})

    def data(self) -> None:
        """Build the data's panel."""
        say = self._speech
        heading(say, "data")
        names = [(name, f"data_{name}") for name in TOYS]
        self._data = Choice(say, "data_set", names, self._choose_data, id="cp-data")
        self._target = Choice(say, "target", [], self._choose("target"), id="cp-target")
        self._noise = Slider(say, "noise", (0, 1, 0.05), self._choose("noise", float), _percent)
        self._share = Slider(
            say, "train_share", (0.1, 0.9, 0.05), self._choose("train_share", float), _percent
        )
        self._rows = Numbers(
            say, "rows", (50, 100, 200, 500, 1000, 2000), self._choose("rows", int), id="cp-rows"
        )
        self._rows_said = Tag("p", class_="hint")
        with Tag("label", class_="field upload"):
            say.on(Tag("span"), "upload")
            Tag("input", type="file", id="cp-file", accept=",".join(SUFFIXES))
        say.on(Tag("p", class_="hint"), "upload_hint", limit=self._limit)

    def _choose_data(self, name: str) -> None:
        self._do("choose", {"data": name})

    def network(self) -> None:
        """Build the network's panel."""
        say = self._speech
        heading(say, "network")
        self._layers = Tag("div", class_="layers")
        self._shown: list[list[Any]] | None = None
        with Tag("div", class_="row"):
            self._add = button(say, "add_layer", self._add_layer, id="cp-add-layer")
        self._size = Tag("p", class_="hint", id="cp-size")
        say.on(Tag("p", class_="hint"), "restarts")

    def learning(self) -> None:
        """Build the panel of how it learns."""
        say = self._speech
        heading(say, "learning")
        self._loss = Choice(say, "loss_name", [], self._choose("loss"), id="cp-loss")
        rules = [(name, f"={name}") for name in RULES]
        self._rule = Choice(say, "rule", rules, self._choose_rule, id="cp-rule")
        rate = self._choose("learning_rate", float)
        self._rate = Numbers(say, "learning_rate", LADDER, rate, id="cp-rate")
        batch = self._choose("batch_size", int)
        self._batch = Numbers(say, "batch_size", BATCHES, batch, id="cp-batch")
        self._l2 = Numbers(say, "l2", PENALTIES, self._choose("l2", float), id="cp-l2")
        self._l1 = Numbers(say, "l1", PENALTIES, self._choose("l1", float), id="cp-l1")
        say.on(Tag("p", class_="hint"), "in_flight")
        self._dropout = Slider(
            say, "dropout", (0, 0.9, 0.05), self._choose("dropout", float), _percent
        )
        carriers = [(name, f"carrier_{name}") for name in CARRIERS]
        self._carrier = Choice(say, "carrier", carriers, self._choose("carrier"), id="cp-carrier")
        with Tag("div", class_="row"):
            self._seed = Tag("span", class_="hint", id="cp-seed")
            button(say, "new_seed", self._new_seed, id="cp-new-seed")

    def transport(self) -> None:
        """Build the bar that starts, stops, steps and takes back."""
        say, do = self._speech, self._do
        self._play = button(say, "play", self._toggle, id="cp-play", class_="primary")
        with say.on(Tag("div", class_="steps", role="group"), "transport", "aria-label"):
            for name in ("step_back", "step_sample", "step_batch", "step_epoch", "reset"):
                arguments: tuple[Any, ...] = ("go_by", -1) if name == "step_back" else (name,)
                place = f"cp-{name.replace('_', '-')}"
                button(say, name, partial(do, *arguments), long=f"{name}_long", id=place)
        speeds = [(name, f"speed_{name}") for name in SPEEDS]
        self._speed = Choice(say, "speed", speeds, lambda name: do("set_speed", name),
                             id="cp-speed")  # fmt: skip
        time = Tag("input", type="range", min=0, max=0, value=0, id="cp-time", class_="time")
        say.on(time, "timeline", "aria-label")
        say.on(time, "timeline", "title")
        with Tag("div", class_="counts"):
            for name in ("epoch", "step"):
                with Tag("span"):
                    say.on(Tag("span", class_="word"), name)
                    Tag("b", data_live=name)

    def weight(self) -> None:
        """Build the panel of one weight."""
        say = self._speech
        with Tag("div", class_="weight"):
            with Tag("h2"):
                say.on(Tag("span"), "weight")
                Tag("b", data_live="weight_name", id="cp-weight-name")
            with Tag("label", class_="field"):
                say.on(Tag("span"), "weight_value")
                Tag("input", type="number", step="any", id="cp-weight")
            with Tag("p", class_="pair"):
                say.on(Tag("span"), "weight_gradient")
                Tag("b", data_live="weight_gradient", id="cp-gradient")
            weight_search(say, partial(self._do, "pick_weight"), id="cp-find")

    def metrics(self) -> None:
        """Build the table of how good it is."""
        say = self._speech
        with Tag("table", class_="metrics"):
            say.on(Tag("caption"), "metrics")
            with Tag("thead"), Tag("tr"):
                Tag("td")
                for name in ("on_train", "on_held"):
                    say.on(Tag("th", scope="col"), name)
            with Tag("tbody"):
                for name in ("loss", "score"):
                    with Tag("tr"):
                        head = Tag("th", scope="row")
                        if name == "score":
                            self._score = head
                        say.on(head, "loss" if name == "loss" else "score_share")
                        Tag("td", data_live=name, id=f"cp-{name}-train")
                        Tag("td", data_live=f"held_{name}", id=f"cp-{name}-held")

    def outputs(self) -> None:
        """Build the choice of the output whose surface is shown."""
        act = self._do
        self._output = Choice(
            self._speech, "output", [], lambda text: act("look", {"output": int(text)}),
            id="cp-output",
        )  # fmt: skip

    # what a person does

    def _toggle(self) -> None:
        self._do("pause" if self.state.get("playing") else "play")

    def _choose_rule(self, name: str) -> None:
        self._do("choose", {"rule": name, "learning_rate": RATES[name]})

    def _new_seed(self) -> None:
        self._do("choose", {"seed": int(self.state["setup"]["seed"]) + 1})

    def _hidden(self) -> list[list[Any]]:
        return [list(layer) for layer in self.state["setup"]["hidden"]]

    def _add_layer(self) -> None:
        hidden = self._hidden()
        self._do("choose", {"hidden": [*hidden, list(hidden[-1]) if hidden else [4, "tanh"]]})

    def _set_layer(self, place: int, units: int | None = None, f: str | None = None) -> None:
        hidden = self._hidden()
        now_units, now_f = hidden[place]
        hidden[place] = [min(MOST_UNITS, max(1, units or now_units)), f or now_f]
        self._do("choose", {"hidden": hidden})

    def _remove_layer(self, place: int) -> None:
        hidden = self._hidden()
        del hidden[place]
        self._do("choose", {"hidden": hidden})

    # what the session says

    def show(self, state: dict[str, Any]) -> None:
        """Show where the session stands."""
        self.state = state
        setup, say = state["setup"], self._speech
        say.on(self._play, "pause" if state["playing"] else "play")
        self._play.put(aria_pressed="true" if state["playing"] else "false")
        self._speed.show(state["speed"])
        self._show_data(state)
        self._show_layers(setup["hidden"])
        say.on(self._size, "parameters", network=state["network"], n=state["parameters"])
        self._loss.offer([(name, f"={name}") for name in LOSSES_OF[state["kind"]]])
        self._loss.show(state["loss"])
        self._rule.show(setup["rule"])
        self._carrier.show(setup["carrier"])
        self._rate.show(setup["learning_rate"])
        self._batch.show(setup["batch_size"])
        self._l1.show(setup["l1"])
        self._l2.show(setup["l2"])
        self._dropout.show(setup["dropout"])
        self._seed.say(f"{say('seed')} {setup['seed']}")
        say.on(self._score, "score_r2" if state["kind"] == "number" else "score_share")
        self._output.offer([(str(k), f"={name}") for k, name in enumerate(state["outputs"])])
        self._output.show(str(state["output"]))
        self._shown_if(self._output.tag, len(state["outputs"]) > 1 and state["inputs"] == 2)

    def _show_data(self, state: dict[str, Any]) -> None:
        setup, own = state["setup"], bool(state["columns"])
        names = [(name, f"data_{name}") for name in TOYS]
        self._data.offer([*names, ("table", f"={state['upload']}")] if own else names)
        self._data.show(setup["data"])
        self._target.offer([(name, f"={name}") for name in state["columns"]])
        table = setup["data"] == "table"
        if table:
            self._target.show(setup["target"])
        self._shown_if(self._target.tag, table)
        for control in (self._noise, self._rows):
            self._shown_if(control.tag, not table)
        self._noise.show(setup["noise"])
        self._share.show(setup["train_share"])
        self._rows.show(setup["rows"])
        train, held = state["rows"]
        self._speech.on(self._rows_said, "rows_said", train=train, held=held)

    def _shown_if(self, tag: Tag, shown: bool) -> None:
        label = tag.parent_slot.parent if tag.parent_slot else None
        if isinstance(label, Tag):
            label.put(hidden=None if shown else "")

    def _show_layers(self, hidden: list[list[Any]]) -> None:
        self._add.put(disabled="" if len(hidden) >= MOST_LAYERS else None)
        if hidden == self._shown:
            return
        self._shown = [list(layer) for layer in hidden]
        self._layers.clear()
        with self._layers:
            if not hidden:
                self._speech.on(Tag("p", class_="hint"), "no_layer")
            for place, (units, f) in enumerate(hidden):
                self._layer(place, units, f)

    def _layer(self, place: int, units: int, activation: str) -> None:
        say, named = self._speech, {"layer": place + 1}
        with say.on(Tag("div", class_="layer", role="group"), "layer", "aria-label", **named):
            for key, by, sign in (("fewer", -1, "−"), ("more", 1, "+")):
                if sign == "+":
                    count = Tag("input", type="number", min=1, max=MOST_UNITS, value=units)
                    say.on(count, "units", "aria-label", **named)
                    count.on(
                        "change", lambda event: self._set_layer(place, int(event.args or 1)),
                        js_handler=VALUE,
                    )  # fmt: skip
                step = Tag("button", sign, type="button", class_="small")
                say.on(step, key, "aria-label", **named)
                step.on("click", lambda by=by: self._set_layer(place, max(1, units + by)),
                        js_handler=EMPTY)  # fmt: skip
            select = Tag("select", value=activation)
            say.on(select, "activation", "aria-label", **named)
            with select:
                for name in HIDDEN:
                    Tag("option", name, value=name)
            select.on("change", lambda event: self._set_layer(place, f=str(event.args)),
                      js_handler=VALUE)  # fmt: skip
            away = Tag("button", "×", type="button", class_="small")
            say.on(away, "remove_layer", "aria-label", **named)
            away.on("click", lambda: self._remove_layer(place), js_handler=EMPTY)
