"""How a run goes, beside the recipe: engine, seed, order of the rows, stopping."""

from __future__ import annotations

from dataclasses import dataclass, field

from clearprop.engines import Hardware, Recipe
from clearprop.training.orders import Orders, Shuffled
from clearprop.training.recording import Watch
from clearprop.training.stopping import Stopping


@dataclass(frozen=True)
class Settings:
    """How a run goes.

    Attributes
    ----------
    recipe : Recipe
        Update rule, schedule, penalty, batch size, epochs, clipping.
    engine : {"auto", "native", "reference", "xla"}
    threads : int, optional
        Of the native engine; as many as pay where absent.
    seed : int
        Of dropout and random feedback, and of the start where no parameters are given.
    orders : Orders
        The order in which epochs visit the rows.
    stopping : Stopping
        When the run ends before its last epoch, and what it ends with.
    watch : Watch
        Parameters to record over the course of the run; nothing where left alone.
    hardware : Hardware
        On what the xla engine computes, and how exactly.
    """

    recipe: Recipe = field(default_factory=Recipe)
    engine: str = "auto"
    threads: int | None = None
    seed: int = 0
    orders: Orders = field(default_factory=Shuffled)
    stopping: Stopping = field(default_factory=Stopping)
    watch: Watch = field(default_factory=Watch)
    hardware: Hardware = field(default_factory=Hardware)
