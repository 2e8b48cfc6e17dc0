"""Python that makes a run's network and trains it as the studio did.

The text is a program: it makes or reads the data, describes the network, and trains for as many
whole epochs as the run has completed. With the same seed it takes the studio's steps; with another
it takes those that the studio would take with that seed. What was changed on the way by hand is not
in it, and the text says so.

Public names: `code_of`.
May import: `snapshots`, `clearprop.files`, `clearprop.network`, `clearprop.studio.samples`.
"""

from __future__ import annotations

import pprint
from string import Template

from clearprop.files import network_to_document
from clearprop.network import Dense, Network
from clearprop.studio.samples import Samples
from clearprop.studio.setups import Setup
from clearprop.studio.sharing.snapshots import Snapshot

_PROGRAM = Template('''\
"""$network on $data, as in clearprop's studio. Run it with Python.

$remark
"""

$imports

SEED = $seed  # another number: another start, other data or another division of them, another order
EPOCHS = $epochs

$described

$samples

recipe = Recipe(
    RULES["$rule"](learning_rate=$learning_rate),
    penalty=Penalty(l1=$l1, l2=$l2),
    batch_size=$batch_size,
    epochs=EPOCHS,
    carrier="$carrier",
)
settings = Settings(
    recipe, seed=SEED, orders=Shuffled(SEED), stopping=Stopping(patience=math.inf)
)
rows = Block.of(network, samples.x, samples.y)
held_out = Block.of(network, samples.held_x, samples.held_y)

outcome = train(network, rows, settings, validation=Validation(held_out)$start)

if __name__ == "__main__":
    history = outcome.history
    print(f"{network}: {network.size} weights and biases, {EPOCHS} epochs")
    print(f"loss {history.loss[-1]:.6g}, on rows held out {history.validation_loss[-1]:.6g}")
''')


def code_of(snapshot: Snapshot, samples: Samples) -> str:
    """Return the program."""
    setup, network = snapshot.setup, snapshot.parameters.network
    imports = ["import math"]
    if setup.data == "table":
        imports += ["from pathlib import Path"]
    imports += ["", *(f"import {name}" for name in (["clearprop"] if snapshot.model else []))]
    imports += [
        "from clearprop.engines import Block, Recipe",
        "from clearprop.equations import RULES, Penalty",
    ]
    described, names = _network(snapshot)
    made, more = _samples(snapshot, samples)
    imports += sorted([*names, *more])
    imports.append("from clearprop.training import Settings, Shuffled, Stopping, Validation, train")
    return _PROGRAM.substitute(
        network=network, data=samples.name.replace("\\", "/").replace('"', "'"),
        remark=_remark(snapshot), imports="\n".join(imports), seed=setup.seed,
        epochs=max(1, snapshot.state.epoch), samples=made, described=described, rule=setup.rule,
        learning_rate=repr(setup.learning_rate), l1=repr(setup.l1), l2=repr(setup.l2),
        batch_size=setup.batch_size, carrier=setup.carrier,
        start=", parameters=start" if snapshot.model else "",
    )  # fmt: skip


def _remark(snapshot: Snapshot) -> str:
    """Say how the program's run and the studio's differ."""
    at = snapshot.state
    if snapshot.whole and not at.position and at.epoch:
        return "It takes the very steps that the studio took."
    if snapshot.whole:
        return (
            f"The studio stood at step {at.step}, within an epoch; the program trains to the end\n"
            f"of {max(1, at.epoch)}, by the very steps that the studio takes."
        )
    return (
        "Something was changed by hand while the studio trained; the program trains from the\n"
        "start, with the settings as they were at last. The very weights are in the run's file:\n"
        'clearprop.load("run.clearprop").parameters'
    )


def _network(snapshot: Snapshot) -> tuple[str, list[str]]:
    """Return the lines that describe the network, and what they import."""
    network = snapshot.parameters.network
    if snapshot.model is not None:
        described = pprint.pformat(network_to_document(network), sort_dicts=False, width=92)
        text = (
            f"# the model's file, as it was opened\nmodel = clearprop.load({_path(snapshot)!r})\n"
            "start = model.parameters_\n"
            "if start.network.members > 1:\n    start = start.member(0)\n"
            f"network = network_from_document({described})"
        )
        return text, ["from clearprop.files import network_from_document"]
    layers = (layer for layer in network.layers if isinstance(layer, Dense))
    lines = "".join(f"    {_layer(layer)},\n" for layer in layers)
    text = (
        f"layers = (\n{lines})\nnetwork = Network({network.inputs}, layers, "
        f'"{network.objective.name}", dtype="{network.dtype}")'
    )
    return text, ["from clearprop.network import Dense, Network"]


def _path(snapshot: Snapshot) -> str:
    return snapshot.model.name if snapshot.model else ""


def _layer(layer: Dense) -> str:
    dropout = f", dropout={layer.dropout!r}" if layer.dropout else ""
    return f'Dense({layer.units}, "{layer.function.name}"{dropout})'


def _samples(snapshot: Snapshot, samples: Samples) -> tuple[str, list[str]]:
    """Return the lines that make the samples, and what they import."""
    setup = snapshot.setup
    if setup.data != "table":
        text = (
            f'samples = toy_samples(\n    "{setup.data}", rows={setup.rows}, noise={setup.noise!r},'
            f" train_share={setup.train_share!r}, seed=SEED\n)"
        )
        return text, ["from clearprop.studio.samples import toy_samples"]
    read = f"table = read_upload(Path({samples.name!r}), {samples.name!r})\n"
    imports = ["from clearprop.studio.uploads import read_upload, table_samples"]
    if snapshot.model is not None:
        read = (
            f"table = replace(\n    {read[8:-1]},\n    encoder=model.encoder_,\n"
            "    fitted=model.target_,\n)\n"
        )
        imports.append("from dataclasses import replace")
    return f"{read}{_divided(setup)}", imports


def _divided(setup: Setup) -> str:
    return (
        f"samples = table_samples(\n    table, {setup.target!r}, train_share={setup.train_share!r},"
        " seed=SEED\n)"
    )


def file_name(network: Network) -> str:
    """Return a name for files about a network, as `clearprop-2-4-3-1`."""
    return f"clearprop-{'-'.join(map(str, network.shape))}"[:60]
