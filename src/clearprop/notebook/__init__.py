"""Notebooks: a network that is seen while it learns, in a cell.

    live.py        LiveNetwork: a listener of a run, and a widget (anywidget)
    picturing.py   what the widget shows of a run, as data
    static/        the widget's script and style; pictures are painted by the studio's painter

    from clearprop.notebook import LiveNetwork

    live = LiveNetwork()
    live                                                     # last line of a cell: here it is shown
    MLPClassifier(callbacks=[live]).fit(X, y)                # any fit, in this or another cell

Jupyter, JupyterLab, VS Code, marimo and Colab show widgets of anywidget. What is shown goes with
the notebook when it is saved with its widgets' state.

Public names: `LiveNetwork`.
Needs the extra `notebook` (anywidget). May import: everything but `clearprop.cli`; of the studio
only what knows nothing of NiceGUI.
"""

from clearprop.notebook.live import LiveNetwork

__all__ = ["LiveNetwork"]
