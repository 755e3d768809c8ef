"""Products of matrices that equal their transposes: half is computed, the other half is read there.

A'DA, the Hessian of every generalised linear model, is one."""

from __future__ import annotations

from collections import Counter

from ..algebra import scalar
from ..algebra.scalar import Mul, where
from .pool import Pool, relabel
from .value import AXIS, Load, Position, Value, at


def is_symmetric(v: Value) -> bool:
    """Whether a product over two axes of one extent stays the same when they are exchanged."""
    if len(v.own) != 2 or AXIS in v.own:
        return False
    a, b = v.own
    names = {t: t for t in v.space} | {a: b, b: a}
    factors = v.expr.args if isinstance(v.expr, Mul) else (v.expr,)
    exchanged = Counter(relabel(f, names) for f in factors)
    return v.space[a] == v.space[b] and exchanged == Counter(factors)


def mirrored(v: Value, pool: Pool) -> Value:
    """The whole of a matrix of which the upper half is computed."""
    a, b = map(at, v.own)
    upper = scalar.le(Position(a), Position(b))
    expr = where(upper, Load(v, (a, b)), Load(v, (b, a)))
    return pool.new(v.own, {t: v.space[t] for t in v.own}, expr, v.dtype, v.compute)
