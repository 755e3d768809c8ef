"""Gradients against difference quotients of the cost along a direction, in the wider type.

Central differences of halving steps are extrapolated (Ridders, Advances in Engineering Software 4
(1982) 75), which also says how far the result can be trusted. Near a kink it cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tests.programs.bound import WIDE
from tests.programs.rounding import values

from closedform.runtime.forms import Forms
from closedform.runtime.signature import read

STEPS = 6
FIRST = WIDE.type(2.0**-8)


def complaint(case: Any) -> tuple[str, bool]:
    """What is wrong with the gradient, or ""; and whether a kink is too near to say."""
    wrt = case.program.wrt
    rng = np.random.default_rng([case.program.seed, 99])
    directions = {
        x.name: rng.choice([-1.0, 1.0], x.shape) * rng.uniform(0.5, 1, x.shape)
        for x in case.program.inputs
    }
    cost = _along(case, directions)
    found = case.bounds[-len(wrt) :]
    slopes = [b.value * directions[name] for b, name in zip(found, wrt, strict=True)]
    slope, scale = sum(s.sum() for s in slopes), sum(np.abs(s).sum() for s in slopes)
    with np.errstate(all="ignore"):
        quotient, doubt, kink = extrapolated(cost)
    if not doubt <= 1e-6 * (abs(quotient) + scale):
        return "", True
    if abs(quotient - slope) <= 16 * doubt:
        return "", False
    return (
        ("", True)
        if kink
        else (
            f"the gradient along a direction is {slope!r}, the difference quotient {quotient!r} "
            f"within {float(doubt):.2g}",
            False,
        )
    )


def _along(case: Any, directions: dict[str, np.ndarray]) -> Callable[[Any], Any]:
    """The cost at a distance along the direction."""
    inputs, cost = case.program.graph_of_cost()
    forms = Forms(read(inputs, [cost], None, None), "ignore", "real")
    (root,) = (forms.written.order[k] for k in forms.written._roots)
    sizes, given = forms.sizes(case.arrays), forms.values(case.arrays)
    moving = {
        x.node: directions[i.name]
        for x, i in zip(inputs, case.program.inputs, strict=True)
        if i.name in case.program.wrt
    }

    def at(t: Any) -> Any:
        moved = {x: given[x].astype(WIDE) + t * d for x, d in moving.items()}
        return values([root], {**given, **moved}, sizes)[0]

    return at


def extrapolated(f: Callable[[Any], Any]) -> tuple[Any, Any, bool]:
    """The derivative at 0, how far it may be off, and whether there is a kink."""
    middle, steps = f(WIDE.type(0)), [FIRST / 2**k for k in range(STEPS)]
    ends = [(f(h), f(-h)) for h in steps]
    column = [(up - down) / (2 * h) for (up, down), h in zip(ends, steps, strict=True)]
    up, down = ends[-1]
    noise = np.finfo(WIDE).eps * 64 * (abs(up) + abs(down)) / steps[-1]
    best, doubt = column[-1], WIDE.type(np.inf)
    for level in range(1, STEPS):
        finer = [b + (b - a) / (4**level - 1) for a, b in zip(column, column[1:], strict=False)]
        off = max(abs(finer[-1] - column[-1]), abs(finer[-1] - column[-2])) + noise
        best, doubt = min((best, doubt), (finer[-1], off), key=lambda pair: pair[1])
        column = finer
    bends = [abs(up - 2 * middle + down) / h for (up, down), h in zip(ends, steps, strict=True)]
    return best, doubt, bool(bends[-1] > 0.75 * bends[-2] and bends[-1] > doubt)
