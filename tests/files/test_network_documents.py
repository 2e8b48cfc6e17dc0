"""Networks as documents: exact there and back, and every wrong field named."""

import copy
import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearprop.errors import FileError, SettingError
from clearprop.files import Parts, from_parts, network_from_document, network_to_document
from clearprop.functions import ACTIVATIONS, LOSSES, Activation, Loss
from clearprop.network import INITIALISERS, Dense, Network

NUMBER = st.floats(1e-300, 1e300)
HIDDEN = [name for name, kind in ACTIVATIONS.items() if kind.derivative is not None]


@st.composite
def layers(draw, names=HIDDEN, dropout=True):
    name = draw(st.sampled_from(names))
    alpha = None if ACTIVATIONS[name].alpha is None else draw(NUMBER)
    return Dense(
        draw(st.integers(1, 2**31 - 1)),
        Activation(name, alpha),
        draw(st.floats(0, 1, exclude_max=True)) if dropout else 0.0,
        draw(st.sampled_from(list(INITIALISERS))),
        draw(st.just("ntk") | NUMBER),
        draw(NUMBER),
        draw(st.floats(0, 10)),
    )


@st.composite
def networks(draw):
    kind = LOSSES[draw(st.sampled_from(list(LOSSES)))]
    smoothing = draw(st.floats(0, 0.9)) if kind.smooths else 0.0
    loss = Loss(kind.name, None if kind.parameter is None else draw(NUMBER), smoothing)
    last = dataclasses.replace(
        draw(layers(["sigmoid"], dropout=False)), activation=kind.match or "sigmoid", units=3
    )
    hidden = draw(st.lists(layers(), max_size=3))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    return Network(draw(st.integers(1, 2**31 - 1)), (*hidden, last), loss, dtype)


@given(networks())
def test_every_network_comes_back_equal(network):
    assert network_from_document(network_to_document(network)) == network


def test_known_document():
    network = Network(4, (Dense(10, "elu(0.1)"), Dense(3, "identity", bias_rate=0)), "huber(2)")
    assert network_to_document(network) == {
        "inputs": 4,
        "layers": [
            {
                "units": 10,
                "activation": "elu(0.1)",
                "dropout": 0.0,
                "init": "auto",
                "scale": 1.0,
                "rate": 1.0,
                "bias_rate": 1.0,
            },
            {
                "units": 3,
                "activation": "identity",
                "dropout": 0.0,
                "init": "auto",
                "scale": 1.0,
                "rate": 1.0,
                "bias_rate": 0.0,
            },
        ],
        "loss": {"name": "huber", "parameter": 2.0, "label_smoothing": 0.0},
        "dtype": "float32",
    }


def test_networks_that_could_not_be_read_again_are_not_written():
    with pytest.raises(SettingError, match=r"the number of 'huber' must be above 0, not -1\.0"):
        network_to_document(Network(1, (Dense(1, "identity"),), Loss("huber", -1.0)))
    with pytest.raises(SettingError, match=r"'activation' of layer 1 .* 'relu' takes no number"):
        network_to_document(Network(1, (Dense(1, Activation("relu", 2.0)), Dense(1, "identity"))))
    with pytest.raises(SettingError, match="list of 1 to 10000 layers"):
        network_to_document(Network(1, (Dense(1, "identity"),) * 10_001))
    with pytest.raises(SettingError, match="whole number from 1 to"):
        network_to_document(Network(2**31, (Dense(1, "identity"),)))


GOOD = network_to_document(
    Network(4, (Dense(10, "elu(0.1)"), Dense(3, "softmax")), "cross_entropy")
)


@pytest.mark.parametrize(
    ("way", "value", "match"),
    [
        (["inputs"], 0, "'inputs' of the network"),
        (["inputs"], True, "'inputs' of the network"),
        (["inputs"], 4.0, "'inputs' of the network"),
        (["inputs"], 2**31, "'inputs' of the network"),
        (["inputs"], 10**4000, "'inputs' of the network"),
        (["layers"], [], "'layers' of the network"),
        (["layers"], {}, "'layers' of the network"),
        (["layers", 0], None, "layer 1 to be an object"),
        (["layers", 0, "units"], "10", "'units' of layer 1"),
        (["layers", 0, "units"], -1, "'units' of layer 1"),
        (["layers", 0, "activation"], "relu(1)", "'activation' of layer 1 .* takes no number"),
        (["layers", 0, "activation"], "elu", "'activation' of layer 1 .* takes a number"),
        (["layers", 0, "activation"], "elu(-1)", "'activation' of layer 1 .* above 0"),
        (["layers", 0, "activation"], "elu(nan)", "'activation' of layer 1 .* above 0"),
        (["layers", 0, "activation"], "elu(inf)", "'activation' of layer 1 .* above 0"),
        (["layers", 0, "activation"], "os.system", "There is no activation"),
        (["layers", 0, "activation"], "elu(" + " " * 10**6, "'activation' of layer 1"),
        (["layers", 0, "activation"], "softmax", "described wrongly"),
        (["layers", 0, "activation"], None, "'activation' of layer 1"),
        (["layers", 0, "dropout"], 1.0, "In layer 1: dropout"),
        (["layers", 0, "dropout"], math.nan, "'dropout' of layer 1"),
        (["layers", 0, "dropout"], True, "'dropout' of layer 1"),
        (["layers", 0, "init"], "magic", "In layer 1: There is no initialiser"),
        (["layers", 0, "init"], ["auto"], "'init' of layer 1"),
        (["layers", 0, "scale"], 0, "In layer 1: scale"),
        (["layers", 0, "scale"], "NTK", "'scale' of layer 1"),
        (["layers", 0, "rate"], math.inf, "'rate' of layer 1"),
        (["layers", 0, "rate"], 10**400, "'rate' of layer 1"),
        (["layers", 1, "bias_rate"], -1, "In layer 2: bias_rate"),
        (["layers", 1, "dropout"], 0.5, "output layer cannot have dropout"),
        (["layers", 1, "units"], 1, "softmax over one unit"),
        (["layers", 1, "activation"], "identity", "needs outputs between 0 and 1"),
        (["loss"], "cross_entropy", "'loss' of the network"),
        (["loss", "name"], "__class__", "'name' of 'loss' of the network"),
        (["loss", "name"], [], "'name' of 'loss' of the network"),
        (["loss", "parameter"], 1.0, "'cross_entropy' takes no number"),
        (["loss", "label_smoothing"], 1, "label_smoothing must lie"),
        (["loss"], {"name": "mine", "custom": False}, "'loss' of the network"),
        (["loss"], {"name": 3, "custom": True}, "'loss' of the network"),
        (["dtype"], "float16", "'dtype' of the network"),
        (["dtype"], ["float32"], "'dtype' of the network"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else "",
)
def test_wrong_fields_are_named(way, value, match):
    document = copy.deepcopy(GOOD)
    place = document
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    with pytest.raises(FileError, match=match) as caught:
        network_from_document(document)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("way", [[], ["layers", 1], ["loss"]])
def test_missing_and_unknown_fields(way):
    document = copy.deepcopy(GOOD)
    place = document
    for step in way:
        place = place[step]
    name, value = place.popitem()
    place["surprise"] = value
    with pytest.raises(FileError, match=rf"missing: \['{name}'\], unknown: \['surprise'\]"):
        network_from_document(document)


def test_networks_in_parts_have_nothing_else():
    with pytest.raises(FileError, match="unknown: 'x'"):
        from_parts(Parts("network", GOOD, {}, {"x": Parts("network", GOOD)}))
