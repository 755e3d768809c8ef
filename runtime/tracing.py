"""Which operation of the graph as written a wrong value begins with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..algebra.build import place
from ..algebra.node import Node
from .extents import Sizes, unified
from .forms import Forms
from .interpreter import Interpreter

LONGEST = 60  # characters of a formula in a message
MOST = 1000  # operations that are compared one by one

Values = dict[Any, np.ndarray]


def formula(x: Node) -> str:
    """An operation as it was written, and its line."""
    from ..algebra.written import written

    text = written(x)
    line = f" ({place(x.origin)})" if x.origin else ""
    return (text if len(text) <= LONGEST else f"{text[:LONGEST]}...") + line


def first_wrong(
    forms: Forms, values: Values, sizes: Sizes, wrong: Callable[[np.ndarray], str]
) -> tuple[Node, str] | None:
    """The first operation as written whose value is wrong although its operands are not, and what
    is."""
    found: list[tuple[Node, str]] = []
    bad: set[Node] = set()

    def watch(x: Node, value: np.ndarray) -> None:
        if text := wrong(value):
            bad.add(x)
            if not found and not any(a in bad for a in x.operands):
                found.append((x, text))

    forms.written.run(values, sizes, watch)
    return found[0] if found else None


def first_different(
    forms: Forms,
    values: Values,
    sizes: Sizes,
    differs: Callable[[np.ndarray, np.ndarray], bool],
) -> Node | None:
    """The first operation as written whose compute form has another value; None if none has, or
    there are too many to compare."""
    from ..simplify.passes import compute_form

    nodes = [x for x in forms.written.order if x.operands]
    if len(nodes) > MOST:
        return None
    old: dict[Node, np.ndarray] = {}
    forms.written.run(values, sizes, old.__setitem__)
    new = compute_form(unified(nodes, forms.extents, {}), soundness=forms.soundness)
    found = Interpreter(new.outputs).run(forms.translated(values), sizes)
    pairs = zip(nodes, found, strict=True)
    return next((x for x, value in pairs if differs(old[x], value)), None)
