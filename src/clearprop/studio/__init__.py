"""The studio: a page in the browser on which a network learns while one looks into it.

The idea: what a person does on the page is a command to a session, what the page shows is a frame
from it. A session is one run: a thread of its own advances the package's engine, and takes commands
between two calls of it. The page asks for a frame when it has painted the last one, so a slow page
is sent fewer and a hidden page none. All pictures are scenes, computed here and painted by one
script (`static/picture.js`), which knows scenes and nothing of this server.

From the outside to the inside, each below knows nothing of those above:

    server.py      the process: addresses, token, the web server
      guard.py       who may ask: Host, Origin, token, sizes; plain ASGI, web sockets too
      page.py        the page of one tab: NiceGUI elements, its session
        panels.py      all controls                 tags.py   plain HTML elements that speak the
        drawer.py      the panes below them                   page's language
          microscope/pane.py, …    each pane's elements
    sessions.py    how many there may be; the folder for a session's uploads
    session.py     Session: a thread, its commands, the pace
    desk.py        Desk: the run, what is looked at, and all that can be done to it
      microscope/    one sample's pass, and a weight's derivation
      health/        how the run fares: gradients, saturation, units, landscape
      tour/          the worked examples page by page, and their exercises
      jobs.py        what takes longer than a session's thread may wait
    frames.py      what changed since the last frame
      panes.py       what a pane shows, and how it reaches the page       views.py   View
      drawings.py    the network, live            surfaces.py    what it answers over its inputs
      wire.py        scenes as messages: whole, or what differs
      painting.py    what paints them, for pages of others too
    trainer.py     Trainer: a state that is advanced, edited and taken back, with its curves
      timeline.py    kept states, from which any step is reached again to the bit
    setups.py      Setup: what a person has chosen, checked; network and recipe from it
      samples.py     the rows that are learned from, and those held out
        toys.py        circles, xor, clusters, spiral, plane, multi-Gaussian, sine
        uploads.py     a person's own table

A state is what engines define (`TrainState`), and every step that is ever shown is one of an
engine's. To go back to a step, the latest kept state before it is taken and advanced again: the
same state, plan and rows give the same bits.

Needs the extra `studio` (NiceGUI), which only `server`, `page` and what they build from import:
a pane has its elements in `pane.py`, and knows nothing of NiceGUI elsewhere.
May import: everything but `clearprop.cli`.
"""
