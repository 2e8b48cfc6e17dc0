"""Printers: a page as data becomes terminal text, Markdown, LaTeX or one HTML page.

They only paint. What is said, in which order and with which numbers was settled by the chapters;
a printer adds nothing but the few words of its own (`words`, file `print`).

    layout.py     what all printers of formulas agree on: brackets, alignment, chips
    mathml.py     a formula as MathML
    texmath.py    a formula as LaTeX mathematics
    svg.py        a scene as SVG
    html.py       a page as one self-contained HTML file, or as a fragment for notebooks
                  (page.css, blocks.css, page.js)
    terminal.py   a page for Rich: formulas (typesetting.py out of boxes.py, inline.py), pictures
                  (canvas.py), sentences (prose.py)
    markdown.py   a page as GitHub's Markdown
    latex.py      a page as a LaTeX document (tikz.py its pictures)

May import: `pages`, `formulas`, `numbers`, `words`, `scenes`.
"""
