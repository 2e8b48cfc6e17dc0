"""The benchmark: clearprop beside every peer that is installed, and beside the machine's limit.

    python -m benchmarks [--only training,…] [--cases 2-2-2,…] [--repeats 5] [--quick]
                         [--out DIR | --into FILE.json]

    problems.py    what is trained, and how much work that is
    peers/         whom we are measured against, one file each
    worker.py      the process of one peer            pool.py    its driver: turns and rounds
    limit.py, xla_products.py    what the machine could reach
    same_work.py   whether all compute the same
    sections.py    the table of sections: training.py, profile.py, prediction.py, variants.py,
                   growth.py, threads.py, memory.py, cold.py
    targets.py     what we mean to reach              machine.py    what it was measured on
    keeping.py     the file of results, and figures put into it later
    tables.py, report.py, pictures.py    figures as tables, a page, plots

docs/benchmarks.md says how it measures and why so. watching.py and explaining.py are scripts of
their own, for what nobody else has.
"""
