"""Evidence on tables: clearprop's defaults beside the defaults of what people use on tables.

    python -m benchmarks.evidence [--tables iris,…] [--methods "RealMLP-TD",…] [--splits 5]
                                  [--threads 1] [--timed] [--rows FILE.jsonl] [--page FILE.md]

Every fit is one line of the rows' file; what stands there is not fitted again, so a run may stop
and go on, and files of several runs and environments can be put together with `cat`. Accuracy is
taken from all rows, fit times from those of a `--timed` run alone. `--splits 0` only draws.

    data.py      the tables and their splits            methods.py   whom we compare
    measures.py  errors of predictions                  rows.py      the file of fits
    fitting.py   one fit, as a row                      summary.py   ranks, normalised errors, wins
    page.py      tables for the terminal and the page

Peers beside scikit-learn are not needed: what is not installed is left out, and said.
docs/benchmarks.md tells how to install them and what is measured.
"""
