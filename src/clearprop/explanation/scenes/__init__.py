"""Pictures as data: positions, marks, colours and texts, computed here and only painted elsewhere.

    scene.py      Scene and its marks
    palette.py    roles and their colours, light and dark
    measure.py    how wide a text will be

    network.py    the network with signals forward and errors backward; wide layers folded
    signals.py    the same as a series: one step, neuron by neuron
    neuron.py     one neuron, large, with all its products
      plan.py       what of a step is shown, and what is lit
      layout.py     where units stand; wide and deep networks, narrow pages
      figures.py    the numbers, read from a Trace
      board.py      what parts are drawn on; labels find free places
      halves.py     a unit in two halves        links.py     a weight
      outcome.py    targets and loss            legend.py    what the marks mean
      planes.py     what a neuron gives over the plane of two inputs

    unrolled.py   a network of sequences unrolled in time
      time_layout.py   where its units stand, step beside step, long sequences folded
      time_figures.py  the numbers, read from a trace of sequences
      time_marks.py    units, weights and errors
    step_heat.py  a heat map of steps x units or columns

    plots.py      curves and bars: loss along a weight, norms, contributions
    surface.py    the loss over two parameters, with a run's path
      axes.py       ticks at round numbers       spots.py     title, points pointed out
      contours.py   lines of equal height

    tasks.py      the dependency graph of a pass and its measured times

May import: NumPy, `clearprop.network`, `clearprop.equations`, the analyses of this room, `words`.
"""
