"""Pictures as data: positions, marks, colours and texts, computed here and only painted elsewhere.

    scene.py      Scene and its marks
    palette.py    roles and their colours, light and dark
    network.py    the network with signals forward and errors backward; wide layers folded
    plots.py      curves, bars and heat maps: loss along a weight, norms, contributions
    tasks.py      the dependency graph of a pass and its measured times

May import: NumPy, `clearprop.network`, the analyses of this room, `words`.
"""
