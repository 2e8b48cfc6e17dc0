"""What units and parameters are called, and back."""

from __future__ import annotations

import numpy as np
import pytest

from clearprop import Dense, Network, Parameters
from clearprop.errors import SettingError
from clearprop.explanation import Names, Place

NETWORK = Network(3, (Dense(4, "tanh"), Dense(5, "tanh"), Dense(2, "softmax")), "cross_entropy")
PLAIN = Names(NETWORK)
NAMED = Names(
    NETWORK,
    inputs=("age", "mean radius", "bias"),
    outputs=("benign", "malignant"),
    aliases={"w5": Place(1, 3, 0)},
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("h1.2<-x3", Place(1, 1, 2)),
        ("h1.2 <- x3", Place(1, 1, 2)),
        ("h2.5<-h1.4", Place(2, 4, 3)),
        ("o2<-h2.1", Place(3, 1, 0)),
        ("h1.4<-bias", Place(1, 3, None)),
        ("W2[4, 3]", Place(2, 4, 3)),
        ("b3[1]", Place(3, 1, None)),
    ],
)
def test_what_a_name_stands_for(text, place):
    assert PLAIN.find(text) == place
    # the name it is given stands for it as well
    assert PLAIN.find(PLAIN.of(place)) == place


def test_names_of_columns_classes_and_parameters_come_first():
    assert NAMED.find("h1.1<-mean radius") == Place(1, 0, 1)
    assert NAMED.find("malignant<-h2.3") == Place(3, 1, 2)
    assert NAMED.find("w5") == Place(1, 3, 0)
    assert NAMED.of(Place(1, 3, 0)) == "w5"
    assert NAMED.path_of(Place(1, 3, 0)) == "h1.4<-age"
    # a column called bias is meant where there is one
    assert NAMED.find("h1.1<-bias") == Place(1, 0, 2)
    assert NAMED.find("h2.1<-bias") == Place(2, 0, None)


def test_every_entry_of_the_vector_has_its_own_name():
    # each parameter holds its own place in the vector, read back through the matrices
    parameters = Parameters(NETWORK, np.arange(NETWORK.size, dtype=np.float32))
    names = set()
    for entry in range(NETWORK.size):
        place = Place.of_entry(NETWORK, entry)
        assert place.entry(NETWORK) == entry
        layer = place.layer - 1
        if place.source is None:
            assert parameters.biases[layer][place.unit] == entry
        else:
            assert parameters.weights[layer][place.unit, place.source] == entry
        names.add(PLAIN.entry(entry))
    assert len(names) == NETWORK.size


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("w7", "Name a weight by where it leads to and from, such as 'h1.1<-x1'"),
        ("h3.1<-x1", "There is no unit 'h3.1'"),
        ("h2.1<-x1", "layer 2 reads from h1.1, h1.2, h1.3, h1.4, and from bias"),
        ("W4[0, 0]", "layers 1 to 3"),
        ("W1[4, 0]", "from 3 units into 4"),
        ("b1[0, 1]", "A weight is W1"),
    ],
)
def test_names_that_stand_for_nothing(text, part):
    with pytest.raises(SettingError, match=part.replace("[", r"\[").replace(".", r"\.")):
        PLAIN.find(text)


def test_the_nearest_name_is_offered():
    with pytest.raises(SettingError, match="mean radius"):
        NAMED.find("h1.1<-mean radus")


def test_as_many_names_as_units():
    with pytest.raises(SettingError, match="3 different names of units were expected, but 2 came"):
        Names(NETWORK, inputs=("a", "b"))
    with pytest.raises(SettingError, match="2 different names"):
        Names(NETWORK, outputs=("a", "a"))


@pytest.mark.parametrize(
    ("names", "place", "called"),
    [
        # a column called bias: the bias goes by its place in the arrays
        (NAMED, Place(1, 1, None), "b1[1]"),
        (NAMED, Place(1, 1, 2), "h1.2<-bias"),
        (NAMED, Place(2, 1, None), "h2.2<-bias"),
        # a class that is called like a hidden unit
        (Names(NETWORK, outputs=("h1.2", "yes")), Place(3, 0, 4), "W3[0, 4]"),
        (Names(NETWORK, outputs=("h1.2", "yes")), Place(1, 1, 0), "W1[1, 0]"),
        (Names(NETWORK, outputs=("a<-b", "yes")), Place(3, 0, 4), "W3[0, 4]"),
        (Names(NETWORK, inputs=("a<-b", "x", "y")), Place(1, 0, 0), "h1.1<-a<-b"),
    ],
)
def test_a_name_stands_for_one_parameter(names, place, called):
    assert names.of(place) == called
    assert names.find(called) == place


def test_names_are_kept_on_a_line_without_what_cannot_be_printed():
    names = Names(NETWORK, (" lead\nand\ttail ", "ring\x07", "\ud800"), ("a\u2028b", "é"))
    assert names.inputs == ("lead and tail", "ring", "\ufffd")
    assert names.outputs == ("a b", "é")
    assert names.find("h1.1<-lead and tail") == Place(1, 0, 0)
    # two that would become alike stay two
    assert Names(NETWORK, ("a", "a ", "b")).inputs == ("a", "a ", "b")
