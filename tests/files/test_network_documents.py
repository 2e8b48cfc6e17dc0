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
from clearprop.functions.initialisers import BIAS_STARTS, RECURRENT_INITIALISERS
from clearprop.network import GRU, INITIALISERS, LSTM, Dense, Network, Periodic, Recurrent, Scaling

NUMBER = st.floats(1e-300, 1e300)
HIDDEN = [name for name, kind in ACTIVATIONS.items() if kind.derivative is not None]


@st.composite
def layers(draw, names=HIDDEN, dropout=True, front=False):
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
        *([draw(st.booleans()), draw(st.floats(0, 10))] if front else [False, 1.0]),
        draw(st.sampled_from(BIAS_STARTS)),
    )


@st.composite
def front_layers(draw, inputs):
    columns = draw(st.lists(st.integers(0, inputs - 1), min_size=1, max_size=4, unique=True))
    numbers = draw(st.integers(1, 2**20)), draw(st.integers(2, 2**20)), draw(NUMBER)
    scaling = Scaling(draw(st.floats(0, 10)), draw(st.sampled_from(["auto", "ones", "signs"])))
    both = Periodic(tuple(columns), *numbers, draw(st.floats(0, 10))), scaling
    return draw(st.sampled_from([(), both[:1], both[1:], both]))


@st.composite
def recurrent_layers(draw):
    kind = draw(st.sampled_from([Recurrent, GRU, LSTM]))
    own = {}
    if kind is Recurrent:
        own["activation"] = Activation("leaky_relu", draw(NUMBER))
    if kind is LSTM:
        own["forget_bias"] = draw(st.floats(-1e300, 1e300))
    return kind(
        draw(st.integers(1, 2**29)),
        draw(st.sampled_from(["forward", "backward", "both"])),
        draw(st.floats(0, 1, exclude_max=True)),
        draw(st.sampled_from(list(RECURRENT_INITIALISERS))),
        draw(NUMBER),
        draw(st.floats(0, 10)),
        **own,
    )


@st.composite
def networks(draw):
    kind = LOSSES[draw(st.sampled_from(list(LOSSES)))]
    smoothing = draw(st.floats(0, 0.9)) if kind.smooths else 0.0
    loss = Loss(kind.name, None if kind.parameter is None else draw(NUMBER), smoothing)
    last = dataclasses.replace(
        draw(layers(["sigmoid"], dropout=False)), activation=kind.match or "sigmoid", units=3
    )
    hidden = draw(st.lists(layers() | recurrent_layers(), max_size=3))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    network = Network(draw(st.integers(1, 2**31 - 1)), (*hidden, last), loss, dtype)
    if network.recurrent:
        readout = draw(st.sampled_from(["last", "every", "mean"]))
        return dataclasses.replace(network, readout=readout)
    front = draw(front_layers(network.inputs))
    hidden = draw(st.lists(layers(front=True), max_size=2))
    network = dataclasses.replace(network, layers=(*front, *hidden, last))
    members = draw(st.integers(1, 2**31 - 1)) if front[-1:] and front[-1].kind == "scaling" else 1
    return dataclasses.replace(network, members=members)


def _refused(good, way, value, match):
    """A sound document with one value put at the end of a way is refused, in few words."""
    document = copy.deepcopy(good)
    place = document
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    with pytest.raises(FileError, match=match) as caught:
        network_from_document(document)
    assert len(str(caught.value)) < 500


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


def test_known_document_of_a_network_of_sequences():
    layers = (LSTM(8, "both", 0.25), GRU(4), Recurrent(3, "backward", activation="elu(0.1)"))
    network = Network(2, (*layers, Dense(1, "identity")), readout="mean")
    document = network_to_document(network)
    shared = {"init": "auto", "rate": 1.0, "bias_rate": 1.0}
    assert document["layers"][:3] == [
        {"kind": "lstm", "units": 8, "direction": "both", "dropout": 0.25, "forget_bias": 1.0}
        | shared,
        {"kind": "gru", "units": 4, "direction": "forward", "dropout": 0.0} | shared,
        {"kind": "elman", "units": 3, "direction": "backward", "dropout": 0.0}
        | {"activation": "elu(0.1)"}
        | shared,
    ]
    assert document["readout"] == "mean"
    # a dense layer is written as it always was
    assert "kind" not in document["layers"][3]


def test_known_document_of_a_network_with_front_layers_and_members():
    hidden = Dense(5, "selu", parametric=True, parametric_rate=0.1, init="std", bias_init="he+5")
    layers = (Periodic((2, 0), sigma=0.5), Scaling(6.0), hidden, Dense(1, "identity"))
    document = network_to_document(Network(3, layers, members=32))
    assert document["members"] == 32
    assert document["layers"][:2] == [
        {"kind": "periodic", "columns": [2, 0], "frequencies": 16, "features": 4}
        | {"sigma": 0.5, "rate": 1.0},
        {"kind": "scaling", "rate": 6.0, "init": "auto"},
    ]
    more = {"parametric": True, "parametric_rate": 0.1, "bias_init": "he+5"}
    assert document["layers"][2] == document["layers"][2] | more
    # a dense layer without these is written as it always was
    assert not more.keys() & document["layers"][3].keys()


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
    _refused(GOOD, way, value, match)


RECURRENT = network_to_document(
    Network(4, (LSTM(10), Recurrent(5), Dense(3, "softmax")), "cross_entropy")
)


@pytest.mark.parametrize(
    ("way", "value", "match"),
    [
        (["readout"], "first", "There is no readout"),
        (["readout"], None, "'readout' of the network"),
        (["readout"], ["last"], "'readout' of the network"),
        (["layers", 0, "kind"], "LSTM", "'kind' of layer 1 to be one of elman, gru, lstm"),
        (["layers", 0, "kind"], ["lstm"], "'kind' of layer 1"),
        (["layers", 0, "kind"], "gru", r"missing: \[\], unknown: \['forget_bias'\]"),
        (["layers", 1, "kind"], "lstm", r"missing: \['forget_bias'\], unknown: \['activation'\]"),
        (["layers", 0, "units"], 0, "'units' of layer 1"),
        (["layers", 0, "direction"], "sideways", "In layer 1: There is no direction"),
        (["layers", 0, "direction"], 1, "'direction' of layer 1"),
        (["layers", 0, "forget_bias"], math.nan, "'forget_bias' of layer 1"),
        (["layers", 0, "init"], "he", "In layer 1: There is no initialiser"),
        (["layers", 1, "activation"], "softmax", "In layer 2: A recurrent layer cannot"),
        (["layers", 1, "dropout"], 1.0, "In layer 2: dropout"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else "",
)
def test_wrong_fields_of_recurrent_layers_are_named(way, value, match):
    _refused(RECURRENT, way, value, match)


FRONT = network_to_document(
    Network(
        4,
        (Periodic((0, 2)), Scaling(), Dense(3, parametric=True), Dense(1, "identity")),
        members=2,
    )
)


@pytest.mark.parametrize(
    ("way", "value", "match"),
    [
        (["members"], 0, "'members' of the network"),
        (["members"], 2.0, "'members' of the network"),
        (["members"], 2**31, "'members' of the network"),
        (["readout"], "last", "is for networks with a recurrent layer"),
        (["layers", 0, "kind"], "waves", "'kind' of layer 1 to be one of elman, .*, scaling"),
        (["layers", 0, "kind"], "scaling", r"missing: \['init'\], unknown: \['columns'"),
        (["layers", 0, "columns"], [], "In layer 1: Periodic needs at least one column"),
        (["layers", 0, "columns"], [0, 0], "In layer 1: Each column .* once, but 0 came twice"),
        (["layers", 0, "columns"], [0, 4], "layer 1 names input 4, but it receives 4"),
        (["layers", 0, "columns"], [-1], "In layer 1: The columns of Periodic"),
        (["layers", 0, "columns"], [True], "'columns' of layer 1"),
        (["layers", 0, "columns"], "0", "'columns' of layer 1"),
        (["layers", 0, "frequencies"], 0, "'frequencies' of layer 1"),
        (["layers", 0, "features"], 1, "In layer 1: features"),
        (["layers", 0, "sigma"], 0, "In layer 1: sigma"),
        (["layers", 0, "rate"], -1, "In layer 1: rate"),
        (["layers", 1, "init"], "zeros", "In layer 2: Gains cannot start as 'zeros'"),
        (["layers", 1, "rate"], "6", "'rate' of layer 2"),
        (["layers", 1, "dropout"], 0.5, r"unknown: \['dropout'\]"),
        (["layers", 2, "parametric"], 1, "'parametric' of layer 3 to be true or false"),
        (["layers", 2, "parametric_rate"], -1, "In layer 3: parametric_rate"),
        (["layers", 2, "bias_init"], "he", "In layer 3: Biases cannot start as 'he'"),
        (["layers", 3, "parametric"], True, "output layer cannot be parametric"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else "",
)
def test_wrong_fields_of_front_layers_and_members_are_named(way, value, match):
    _refused(FRONT, way, value, match)


def test_front_layers_stand_where_they_can():
    dense, output = GOOD["layers"]
    for layers, match in [
        ([dense, *FRONT["layers"][1:2], output], "Put it at the front"),
        ([FRONT["layers"][1]], "the output layer must be dense"),
    ]:
        with pytest.raises(FileError, match=match):
            network_from_document({**GOOD, "layers": layers})
    with pytest.raises(FileError, match="by whose gains they differ, but it has none"):
        network_from_document({**GOOD, "members": 2})
    with pytest.raises(FileError, match="cannot have Scaling, Periodic or parametric"):
        network_from_document(
            {**RECURRENT, "layers": [*FRONT["layers"][1:2], *RECURRENT["layers"]]}
        )


def test_a_readout_without_recurrent_layers_is_refused():
    with pytest.raises(FileError, match="readout='last' is for networks with a recurrent layer"):
        network_from_document({**GOOD, "readout": "last"})


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
