"""A worked example: a small network with its numbers, and the page that walks through it.

Public names: `Example`.
May import: the other modules of the explanation.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop.engines import Recipe
from clearprop.errors import SettingError
from clearprop.explanation.examples.descent import Descent, descend
from clearprop.explanation.explanation import explain
from clearprop.explanation.names import Names
from clearprop.explanation.pages import Page
from clearprop.explanation.words import words
from clearprop.network import Network, Parameters

if TYPE_CHECKING:
    from clearprop.explanation.pages import Text


@dataclass(frozen=True, eq=False)
class Example:
    """A worked example.

    Attributes
    ----------
    name : str
        What people type: `two-two-two`.
    letter : str
        The letter of its figures in the origin texts' description.
    parameters : Parameters
        Where it starts, in float64, with its network.
    x, y : (n, inputs) and (n, outputs) arrays
    names : Names
        Of units and parameters.
    recipe : Recipe
        How a step is taken: gradient descent over all samples.
    updates : int
        How many updates its page follows; 0 where it stays with the first step.
    module : str
        The module of this folder whose `story` writes the page; its texts are the catalogue's
        file `example_` and the module's name.
    """

    name: str
    letter: str
    parameters: Parameters
    x: np.ndarray
    y: np.ndarray
    names: Names
    recipe: Recipe
    updates: int
    module: str

    @property
    def network(self) -> Network:
        """The network."""
        return self.parameters.network

    def title(self, lang: str = "en") -> Text:
        """Return what it is called."""
        return words(lang).text(f"example_{self.module}.title")

    def lead(self, lang: str = "en") -> Text:
        """Return what it shows, in a sentence."""
        return words(lang).text(f"example_{self.module}.lead")

    def explain(self, *, recorded: bool = False, carrier: str = "exact") -> Any:
        """Return the explanation of its first step, of sequences where its network reads them.

        Parameters
        ----------
        recorded : bool
            Follow its updates first, so that the explanation knows the way they take.
        carrier : str
            How errors are carried back; a name of `clearprop.equations.CARRIERS`.
        """
        recipe = replace(self.recipe, carrier=carrier)
        explanation = explain(self.parameters, self.x, self.y, names=self.names, recipe=recipe)
        if not recorded:
            return explanation
        return replace(explanation, recording=self.descent().recording)

    def explain_after(self) -> Any:
        """Return the explanation of the step after all its updates."""
        after = self.descent().parameters
        return explain(after, self.x, self.y, names=self.names, recipe=self.recipe)

    def descent(self, carrier: str = "exact") -> Descent:
        """Return the way that its updates take; computed once.

        Raises
        ------
        SettingError
            If its page follows no updates.
        """
        if not self.updates:
            raise SettingError(f"The page of {self.name!r} stays with the first step.")
        return _descent(self, carrier)

    def page(self, lang: str = "en") -> Page:
        """Return the page that walks through it.

        Raises
        ------
        SettingError
            If there is no such language.
        """
        module = importlib.import_module(f"{__package__}.{self.module}")
        say = words(lang)
        sections = tuple(module.story(self, say))
        return Page(self.title(lang), self.lead(lang), sections, lang)


@cache
def _descent(example: Example, carrier: str) -> Descent:
    rate = example.recipe.rule.learning_rate
    start, x, y = example.parameters, example.x, example.y
    return descend(start, x, y, rate, example.updates, carrier=carrier)
