"""Reports: what a person would send to a colleague about a network and a table.

The idea: a report is gathered first, as plain data that can be held against other sources, and
drawn afterwards, in one of two languages. It opens with what matters (how good, and beside what)
and ends with how each figure was made.

    gathering.py     Report, report: everything that is told
      answers.py       what a model says of rows, in one form for all tasks
      resampling.py    the bootstrap, and Wilson's interval
      measures.py      measures as functions of how often each row counts
      comparison.py    the network beside other models, with intervals and differences
      baselines.py     the other models: a guess, a linear one, gradient boosting
      mistakes.py      confusion, residuals
      calibration.py   whether chances come true
      coverage.py      whether prediction intervals hold
      permuting.py     importance by shuffling
      columns.py       what became of each column
      telling.py       three rows that are worth a look
    page.py          the page and its order
      chapters/        a section each: sentences, tables, pictures, checks
      pictures.py      pictures that are the report's own, as scenes
      amounts.py       shares and differences as people read them

Importance by gradients and contributions of columns are `clearprop.explanation.attributions`; the
network, its health, pages, scenes, words and printers are that room's as well.

May import: `clearprop.estimators` and what they may import; scikit-learn, threadpoolctl.
"""

from clearprop.reporting.gathering import Limits, Report, report

__all__ = ["Limits", "Report", "report"]
