"""The worked examples as a guided tour, and their exercises.

The pages are those of `clearprop example`, a leaf at a time, with a picture of the network beside
the text; the exercises are those of `clearprop exercises`. Nothing is written anew here.

    pane.py       the page's part: NiceGUI elements
    guide.py      `Tour`: what the pane shows, and its commands
    booklets.py   an example's leaves and exercises as HTML, made once a language
    leaves.py     a page cut into leaves
"""
