"""Explanation: every number of a network accounted for, in the book's terms.

The idea: an engine has computed every number already. `explain(model, X, y)` keeps its Trace, and
this room reads from it, names what it finds, and shows how it hangs together. It computes nothing
that the Trace holds already. From the numbers to what a person sees there are four steps, each
plain data that the next one reads:

    analyses    frozen dataclasses of NumPy arrays, one question a file (below)
    chapters/   an analysis becomes a Section: sentences, formulas, tables, pictures
    scenes/     a picture as data: positions, marks, colours, texts
    render/     printers that only paint: terminal, Markdown, LaTeX, MathML, SVG, HTML

    explanation.py     Explanation, explain: the one object and its analyses
    views.py           what explanations of rows and of sequences share: ledger, check, pages
    through_time/      SequenceExplanation: networks of sequences, step by step of time
    places.py          which parameter: its layer, unit, source and array
    names.py           what units and parameters are called: `h1.2<-x3`
    numbers.py         how numbers are shown, on every surface
    formulas.py        mathematics as data
    pages.py           pages, sections and blocks as data
    words/             the catalogue of all text, one folder a language
    notation.py        activations and losses written out; letters of layers
    quantities.py      numbers of the network with their letters, keys and roles
    matrices.py        arrays as matrices in formulas; what of a wide layer is shown
    documents.py       the JSON form

    neurons.py         the forward pass neuron by neuron; the loss term by term
    carrying.py        errors carried back four ways, held against the gradient
    paths.py           the chain rule of one parameter, and all its paths
    path_factors.py    what a path is made of, factor by factor
    best_paths.py      the largest of all paths, and the sum of all
    jacobians.py       the local derivatives that paths multiply
    unfolding.py       the loss as one nested expression, from back to front
    mistakes.py        what goes wrong when weights are updated too early
    deltas.py          BP1 to BP4 as matrices, and what they share
    counting.py        how many multiplications each way of writing the gradient takes
    tallies.py         the three ways run with numbers that count their products
    ledger.py          one step of one parameter, old value to new; its history
    contributions.py   the gradient of a parameter as a sum over the batch
    landscape.py       the loss along parameters, and the run's path on it
    planes.py          the plane of two parameters, or of a run's two main directions
    terrain.py         the loss at many points of it
    health.py          vanishing gradients, dead and saturated units, the verdict
    parallel.py        what can run at the same time, and how long it took
    gradient_check.py  back-propagation against finite differences
    attributions.py    how much each column of a table moved a prediction
    output_slopes.py   outputs and their slopes, from an engine's backward pass
    integrals.py       integrated gradients: the rule
    rerun.py           a trace's own rows as a block, for what is computed anew

    examples/          worked examples with numbers, each a page
    exercises/         numbers asked for instead of told

May import: `clearprop.files`, `clearprop.tables`, `clearprop.training`, `clearprop.engines` and
what they may import.
"""

from clearprop.explanation.attributions import Attributions, attributions
from clearprop.explanation.explanation import Explanation, explain
from clearprop.explanation.gradient_check import GradientCheck, check_gradient, slope_of_weight
from clearprop.explanation.health import LayerHealth, health
from clearprop.explanation.names import Names
from clearprop.explanation.path_factors import ChainPath, Factor
from clearprop.explanation.paths import Chain, Term, chain_of
from clearprop.explanation.places import Place
from clearprop.explanation.through_time import SequenceExplanation

__all__ = [
    "Attributions",
    "Chain",
    "ChainPath",
    "Explanation",
    "Factor",
    "GradientCheck",
    "LayerHealth",
    "Names",
    "Place",
    "SequenceExplanation",
    "Term",
    "attributions",
    "chain_of",
    "check_gradient",
    "explain",
    "health",
    "slope_of_weight",
]
