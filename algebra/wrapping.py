"""Positions that count from the end: recognised where a graph is written."""

from __future__ import annotations

from .node import Leaf, Map, Node
from .scalar import ZERO, Add, Slot, lt, where


def unwrapped(x: Node) -> Node:
    """The positions i in `where(i < 0, i + n, i)`, which is what indexing makes of them; else x."""
    if not (isinstance(x, Map) and type(x.spec.body) is where and x.dtype.kind in "iu"):
        return x
    test, other, own = x.spec.body.args
    if not isinstance(own, Slot) or test is not lt(own, ZERO) or type(other) is not Add:
        return x
    rest = [t for t in other.args if t is not own]
    extent = x.operands[rest[0].index] if len(rest) == 1 and isinstance(rest[0], Slot) else None
    known = len(rest) == 1 and getattr(rest[0], "is_Integer", False)
    if not known and not (isinstance(extent, Leaf) and extent.spec.kind == "dim"):
        return x
    found, index = x.operands[own.index], x.spec.indices[own.index]
    return found if index == tuple(range(x.ndim)) else x
