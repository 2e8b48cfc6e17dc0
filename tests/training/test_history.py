"""The curves of a run as a notebook shows them."""

from clearprop.training import Epoch, History


def test_a_notebook_shows_its_curves():
    history = History()
    for epoch, loss in enumerate((3.0, 1.0, 0.5), 1):
        history.add(Epoch(epoch, 3, loss, loss, None, None, 1.0, 0.1 * epoch, True))
    svg = history._repr_svg_()
    assert svg.startswith("<?xml")
    assert svg.count('<g id="line2d_') >= 1
    assert "fell from 3 to 0.5" in svg
