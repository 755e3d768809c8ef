"""Rows of the display form about extents: a whole number made of them is never smaller than where
every extent is 1, and a sum of distances from a mean is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from ..algebra.node import Contract, Leaf, Map, Node, number_node
from ..algebra.scalar import (
    Add,
    Mul,
    Scalar,
    Slot,
    floor_divide,
    ge,
    gt,
    is_number,
    le,
    lt,
    maximum,
    replace,
    subexpressions,
    where,
)
from .contraction_rows import NodeRule, summed
from .display_sums import split, terms_of
from .factors import contraction, flattened

DEPTH = 4  # operations that are looked through for a bound
# whether a comparison with a number holds for all that is at least `low`; None if it depends
HOLDS: dict[Any, Callable[[Any, Any], bool | None]] = {
    ge: lambda low, number: True if low >= number else None,
    gt: lambda low, number: True if low > number else None,
    le: lambda low, number: False if low > number else None,
    lt: lambda low, number: False if low >= number else None,
}


def least(x: Node, depth: int = DEPTH) -> Fraction | None:
    """What a scalar made of extents is at least, or None; extents are at least 1."""
    if isinstance(x, Leaf):
        return Fraction(1) if x.spec.kind == "dim" else None
    if not isinstance(x, Map) or x.ndim or depth == 0:
        return None
    return _least(x.spec.body, x, depth)


def _least(e: Any, x: Map, depth: int) -> Fraction | None:
    if isinstance(e, Slot):
        return least(x.operands[e.index], depth - 1)
    if is_number(e):
        return Fraction(int(e.p), int(e.q)) if e.is_Rational else None
    if not isinstance(e, Scalar):
        return None
    bounds = [_least(a, x, depth) for a in e.args]
    found = [b for b in bounds if b is not None]
    if len(found) < len(bounds):
        return None
    if type(e) is Add:
        return sum(found, Fraction(0))
    if type(e) is maximum:
        return max(found)
    if type(e) is floor_divide and is_number(e.args[1]) and e.args[1] > 0:
        return Fraction(found[0] // found[1])
    if type(e) is Mul and min(found) >= 0:
        return math.prod(found, start=Fraction(1))
    return None


def known_choice(composer: Any, x: Map) -> Node | None:
    """Of `where(d < 0, d + n, d)` and `max(d - 1, 0)` the one that extents leave."""
    for e in subexpressions(x.spec.body):
        new = _chosen(e, x)
        if new is not None:
            body = replace(x.spec.body, {e: new})
            return composer.normal(Map(x.spec.with_(body=body), *x.operands))
    return None


def _chosen(e: Any, x: Map) -> Any:
    if type(e) is maximum:
        for one, other in (e.args, e.args[::-1]):
            bound = _least(one, x, DEPTH) if is_number(other) else None
            if bound is not None and bound >= Fraction(int(other.p), int(other.q)):
                return one
    if type(e) is where and type(e.args[0]) in HOLDS:
        left, right = e.args[0].args
        bound = _least(left, x, DEPTH) if is_number(right) else None
        holds = None if bound is None else HOLDS[type(e.args[0])](bound, right)
        return None if holds is None else e.args[1] if holds else e.args[2]
    return None


# ---------------------------------------------------------------- distances from a mean


def centred(composer: Any, x: Contract) -> Node | None:
    """sum_i (f_i - sum_k f_k/n) is 0."""
    if not summed(x) or not any(map(_has_sum, _leaves(x))):
        return None
    rank = x.ndim
    factors = flattened(x)
    for k, (a, labels) in enumerate(factors):
        others = {t for j, (_, ls) in enumerate(factors) if j != k for t in ls}
        if not _has_sum(a) or not {t for t in labels if t >= rank} - others:
            continue
        sizes = {t: d for b, ls in factors for t, d in zip(ls, b.dims, strict=True)}
        if not set(range(rank)) <= set(sizes):
            return None
        flat = contraction(x, factors, tuple(range(rank)), sizes)
        terms = terms_of(a.spec.body)
        new = split(composer.scratch, flat, k, a, terms) if 1 < len(terms) <= 4 else None
        if isinstance(new, Map) and is_number(new.spec.body) and new.spec.body == 0:
            return number_node(0, x.dims, x.dtype)
    return None


def _leaves(x: Contract) -> Iterator[Node]:
    """The factors of a contraction and of contractions in it."""
    for a in x.operands:
        yield from _leaves(a) if isinstance(a, Contract) else (a,)


def _has_sum(a: Node) -> bool:
    """Whether a sum over an array may be taken from the array."""
    if not (isinstance(a, Map) and a.dtype == a.spec.compute and a.dtype.kind == "f"):
        return False
    return any(isinstance(b, Contract) for b in a.operands) and type(a.spec.body) is Add


CONTRACTION = (
    NodeRule("centred", "sum_i (x_i - mean(x))", "0", centred, source="definition of the mean"),
)
CHOICES = (
    NodeRule("known-choice", "max(n - 1, 0)", "n - 1", known_choice, source="extents are >= 1"),
)
