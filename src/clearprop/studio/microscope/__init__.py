"""The microscope: one sample's pass through the network, and a weight's derivation.

What lies under it is a slide: one training row at one state of the run. The slide stays the same
while the run plays, so that training goes on at its full speed and what one reads stands still; it
is taken anew when the run stops, or when asked for.

    pane.py     the page's part: NiceGUI elements
    scope.py    Microscope: what is chosen, which slide lies there, what of it is shown
    slide.py    Slide: everything that can be seen of a row at a state, made when asked for
    figures.py  pictures and texts of a slide that explanations do not have themselves

Everything is read from an engine's Trace of the slide's state. Another way to carry errors back is
another Trace, of a step that would carry them so; nothing is computed here.
"""
