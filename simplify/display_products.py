"""Row of the display form: the product of all other elements."""

from __future__ import annotations

import itertools
from typing import Any

from ..algebra.adjoints import moved
from ..algebra.node import Call, Layout, Leaf, Map, Node
from ..algebra.reductions import prod
from ..algebra.scalar import ONE, ZERO, Mul, Pow, Slot, eq, where
from ..algebra.tensor import Tensor
from .contraction_rows import NodeRule
from .factors import reads_of
from .node_rows import reverses
from .rule import ALMOST, product

Read = tuple[Node, tuple]


def product_over_element(composer: Any, x: Map) -> Node | None:
    """The derivative of a product, which is computed without a division, as a textbook has it."""
    if type(x.spec.body) is not Mul:
        return None
    reads, factors = reads_of(x), x.spec.body.args
    for f, g in itertools.permutations(factors, 2):
        before, behind = _before(f, reads), _behind(g, reads)
        if before is not None and before == behind:
            rest = [h for h in factors if h is not f and h is not g]
            return _over(composer, x, rest, *before)
    return None


def _before(e: Any, reads: list[Read]) -> Read | None:
    """The array of which an expression holds the products of all elements before each one."""
    if type(e) is not where or e.args[1] != ONE or not isinstance(e.args[2], Slot):
        return None
    shifted, index = reads[e.args[2].index]
    part = shifted.operands[0] if isinstance(shifted, Layout) else None
    scan = part.operands[0] if isinstance(part, Layout) else None
    if not (isinstance(scan, Call) and scan.spec.routine == "cumprod" and index):
        return None
    meant = moved(Tensor(scan), 1).node
    same = meant.spec == shifted.spec and meant.operands[0].spec == part.spec  # type: ignore[union-attr]
    return (scan.operands[0], index) if same and _at_first(e.args[0], reads, index[-1]) else None


def _at_first(test: Any, reads: list[Read], axis: int) -> bool:
    """Whether a test holds for the first index along an axis."""
    if isinstance(test, Slot):
        a, index = reads[test.index]
        if not isinstance(a, Map) or axis not in index:
            return False
        return _at_first(a.spec.body, reads_of(a), index.index(axis))
    if type(test) is not eq or test.args[1] != ZERO or not isinstance(test.args[0], Slot):
        return False
    a, index = reads[test.args[0].index]
    return isinstance(a, Leaf) and a.spec.kind == "iota" and index == (axis,)


def _behind(e: Any, reads: list[Read]) -> Read | None:
    """The same for all elements behind each one."""
    turned, index = reads[e.index] if isinstance(e, Slot) else (None, ())
    if not (isinstance(turned, Layout) and reverses(turned)):
        return None
    (a,) = turned.operands
    found = _before(a.spec.body, reads_of(a)) if isinstance(a, Map) else None
    if found is None or found[1] != tuple(range(a.ndim)):
        return None
    back = found[0]
    if not (isinstance(back, Layout) and reverses(back)):
        return None
    steps = zip(turned.spec.params, back.spec.params, strict=True)
    return (back.operands[0], index) if all(p[1] == q[1] for p, q in steps) else None


def _over(composer: Any, x: Map, rest: list, a: Node, index: tuple) -> Node:
    """The other factors times the product of a along its last axis, over a."""
    axis = a.ndim - 1
    if isinstance(a, Map) and isinstance(a.spec.body, Slot) and len(a.operands) == 1:
        (a,), (order,) = a.operands, a.spec.indices  # an axis that was moved stands where it stood
        index, axis = tuple(index[t] for t in order), order.index(axis)
    total = tuple(t for k, t in enumerate(index) if k != axis)
    whole = prod(Tensor(a), axis=axis).node
    whole = composer.normal(type(whole)(whole.spec, *whole.operands))
    n = len(x.operands)
    body = product((*rest, Slot(n), Pow(Slot(n + 1), -1)))
    spec = x.spec.with_(body=body, indices=(*x.spec.indices, total, index))
    return composer.normal(Map(spec, *x.operands, whole, a))


PRODUCTS = (
    NodeRule(
        "product-over-element",
        "the product of all x_j but x_i",
        "prod(x)/x_i",
        product_over_element,
        soundness=ALMOST,
        source="definition, where no element is 0",
    ),
)
