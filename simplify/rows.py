"""The rule sets: which scalar rows apply where."""

from __future__ import annotations

from functools import cache

from .arithmetic import ARITHMETIC, FLATTEN
from .display_rows import DISPLAY, NANS
from .engine import RuleSet
from .scalar_rows import ELEMENTARY, INTEGER
from .stable_rows import STABLE

FLOATING = (*ARITHMETIC, *ELEMENTARY, *STABLE)
DISCRETE = (*FLATTEN, *INTEGER)


@cache
def floating_rules(soundness: str = "real") -> RuleSet:
    """Rows for bodies that compute in floating point."""
    return RuleSet(FLOATING, soundness)


@cache
def discrete_rules(soundness: str = "real") -> RuleSet:
    """The short list for integers and booleans (semantics 2.4)."""
    return RuleSet(DISCRETE, soundness)


@cache
def display_rules(soundness: str = "display") -> RuleSet:
    """Rows of the display form; with "real" those that keep what is said of kinks."""
    return RuleSet((*ARITHMETIC, *ELEMENTARY, *DISPLAY), soundness)


@cache
def derived_rules() -> RuleSet:
    """Rows for the costs of derivatives that are shown, not computed."""
    return RuleSet((*FLOATING, *NANS), "display")


def stage_rules(stage: int) -> RuleSet:
    """Arithmetic only (0), with elementary functions (1), with stable rows (2): the stages that
    `steps` shows.
    """
    return _stages(stage)


@cache
def _stages(stage: int) -> RuleSet:
    groups = (ARITHMETIC, ELEMENTARY, STABLE)[: stage + 1]
    return RuleSet([row for group in groups for row in group])
