"""Which nodes are written into their consumers, and which must be computed once."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ..algebra import scalar
from ..algebra.graph import topological
from ..algebra.node import Layout, Map, Node, Reduce

CAP = 60  # operations of an inlined body
EXTREMES = ("max", "min", "argmax", "argmin")
BOOL = np.dtype(np.bool_)


def compared(roots: tuple[Node, ...]) -> set[Node]:
    """What extremes are taken of: who compares with an extreme must read the same bits, and the
    same formula rounds differently in different loops."""
    extremes = (x for x in topological(roots) if isinstance(x, Reduce) and x.spec.op in EXTREMES)
    return {a for x in extremes for a in x.operands}


def inlined(roots: tuple[Node, ...], compared: set[Node]) -> set[Node]:
    """Nodes that are written into their consumers: small with all that is written into them, and
    not costly to repeat."""
    uses: Counter = Counter(roots)
    order = topological(roots)
    for x in order:
        uses.update(x.operands)
    weight: dict[Node, int] = {}
    for x in order:
        if x in compared:
            continue
        if isinstance(x, Map) and (x.spec.dtype == x.spec.compute or x.spec.dtype == BOOL):
            total = scalar.size(x.spec.body)
        elif isinstance(x, Layout) and x.spec.op != "reshape":
            total = 3
        else:
            continue
        total += sum(weight.get(a, 0) for a in x.operands)
        if total <= (CAP if uses[x] == 1 else 12):
            weight[x] = total
    return set(weight)
