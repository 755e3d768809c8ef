"""How long a formula takes: from a cost to the LaTeX of its gradient; public verbs on deep nets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..bar import Bar
from ..case import Case, Entry, measured
from ..fresh import figure

VERBS = ("grad", "latex", "pp", "ascii", "equal", "simplify", "hash", "pickle")
LIMITS = {"median": 0.03, "worst": 0.5}  # seconds


def cases(quick: bool) -> Iterator[Case]:
    for which, limit in LIMITS.items():
        yield one(f"gradient to LaTeX, {which} problem", limit, "problems", which)
    for net, blocks in (("residual", 60), ("attention", 24)):
        count = blocks // 6 if quick else blocks
        for verb in VERBS:
            yield one(f"{verb} of a net of {count} {net} blocks", 1.0, net, str(count), verb)


def one(title: str, limit: float, *arguments: str) -> Case:
    """A figure of a new process, with the most that it may be."""
    entry = Entry("closedform", measured(partial(figure, "formula", *arguments)), "ours")
    return Case(title, [entry], bars=(Bar(limit, "below"),), rounds=3)
