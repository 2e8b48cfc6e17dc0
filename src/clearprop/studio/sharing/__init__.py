"""Take away and bring back: a run as a link, a file, code, a model, a picture, a page.

The idea: what a person takes away is made from a `Snapshot`, a copy of where the run stands that
no thread changes any more; so nothing is made on the session's thread but that copy. What a person
brings back is data from anyone: it has the form of a model file (`clearprop.files`), whose every
length, name and number is checked, and a link is such a file, packed.

    dialog.py      the dialog on the page: NiceGUI elements
    share.py       Sharing: the part of a desk; opens what was brought
      takings.py     what can be taken away, each from a snapshot: name, type, bytes
        code.py        Python that makes the network and trains it
        models.py      the file that `clearprop predict`, `explain` and `info` read
        pictures.py    scenes as SVG, and the page of the explanation
      links.py       a snapshot as the end of an address, and back
      opening.py     a model that was trained elsewhere, with its table
      snapshots.py   Snapshot, and how it is a part of a file

Going on from a snapshot gives the bits that going on from the original gives: it holds parameters,
what the update rule remembers, the place in the epoch, the seed, and how the engine runs. Data of
`toys` are made again from their seed. A person's own table goes into the file, and never into a
link.

May import: what the studio may; NiceGUI in `dialog` alone.
"""
