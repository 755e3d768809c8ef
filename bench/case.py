"""What is compared: a case has entries, an entry makes a runner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from .bar import Bar

Arrays = dict[str, np.ndarray]
Kind = Literal["ours", "peer", "reference"]


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Runner:
    """A contender that is ready to run.

    Attributes
    ----------
    run : what is timed; it returns when its results are there
    read : the results of one run as arrays, for the check of agreement; None takes no part
    reset : back to the first state, before that check
    measure : returns the figure itself, in the case's unit, instead of being timed
    """

    run: Callable[[], Any]
    read: Callable[[Any], Arrays] | None = None
    reset: Callable[[], None] = nothing
    measure: Callable[[], float] | None = None


@dataclass(frozen=True)
class Entry:
    """A contender's name, whether it is ours, and how to prepare it on this case's data."""

    name: str
    make: Callable[[], Runner]
    kind: Kind = "peer"


@dataclass(frozen=True)
class Case:
    """Contenders on the same data. The first entry of kind "ours" is the one that is judged.

    Attributes
    ----------
    unit : "s" or "B": what medians are in
    rounds : at most this many interleaved rounds
    tolerance : of the check of agreement, relative to the largest magnitude
    facts : sizes and dtypes, kept with the result
    """

    name: str
    entries: list[Entry]
    tolerance: float = 1e-9
    bars: tuple[Bar, ...] = ()
    unit: str = "s"
    rounds: int = 25
    facts: dict[str, Any] = field(default_factory=dict)


def measured(figure: Callable[[], float]) -> Callable[[], Runner]:
    """The maker of a runner that reports a figure itself."""
    return lambda: Runner(nothing, measure=figure)
