"""Elementwise bodies on intervals: the error that operands have is carried through each primitive,
and what it rounds itself is added.

An error in an argument is carried by evaluating at both ends of its interval. That sees jumps, too:
a comparison that may turn out either way has error 1. How many places a primitive may lose is
what its row of `algebra/operations` promises.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
from tests.exact import EXACT
from tests.programs.bound import (
    WIDE,
    Array,
    Bound,
    converted,
    exactly,
    farthest,
    on_grid,
    rounded,
    shifted,
    spacing,
)

from closedform.algebra.node import Map
from closedform.algebra.operations import OPERATIONS
from closedform.algebra.scalar import PRIMITIVES, Scalar, Slot, is_number, op
from closedform.runtime.numpy_table import NUMPY

DIGITS = 120  # many, for what is added to 1 in between


def mapped(x: Map, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    spec = x.spec
    views = [[_seen(x, k, part) for part in b] for k, b in enumerate(operands)]
    slots = [
        converted(Bound(*view), a.dtype, spec.compute)
        for view, a in zip(views, x.operands, strict=True)
    ]
    truths = [Bound(*v) for v in views]
    found, truth = _Body(slots, truths, spec.compute).of(spec.body)
    made = converted(found, np.dtype(bool) if truth else spec.compute, spec.dtype)
    shape = tuple(map(size, spec.dims))
    return Bound(*(np.broadcast_to(part, shape) for part in made))


def _seen(x: Map, k: int, a: Array) -> Array:
    """An operand with one axis per axis of the result, where it lacks one of extent 1."""
    index, rank = x.spec.indices[k], len(x.spec.dims)
    named = [t for t in index if t is not None]
    first = tuple(0 if t is None else slice(None) for t in index)
    unique = sorted(set(named))
    seen = np.einsum(a[first], named, unique) if named else a[first]
    return seen[tuple(slice(None) if t in named else None for t in range(rank))]


class _Body:
    """A body on intervals: subexpressions are shared."""

    def __init__(self, slots: list[Bound], truths: list[Bound], compute: np.dtype) -> None:
        self.slots, self.truths, self.compute = slots, truths, compute
        self.known: dict[Any, tuple[Bound, bool]] = {}

    def of(self, e: Any) -> tuple[Bound, bool]:
        """The bound of a subexpression, and whether it is a truth value."""
        if isinstance(e, Slot):
            return self.slots[e.index], self.compute.kind == "b"
        if not isinstance(e, Scalar):
            return self._number(e)
        if e not in self.known:
            self.known[e] = self._operation(e), PRIMITIVES[op(e)].boolean
        return self.known[e]

    def _number(self, e: Any) -> tuple[Bound, bool]:
        if not is_number(e):
            return exactly(np.asarray(bool(e))), True
        if self.compute.kind == "f":
            wide = exactly(WIDE.type(e.p) / WIDE.type(e.q))
            return converted(wide, WIDE, self.compute), False
        whole = np.asarray(int(e) % 2**64, np.uint64).astype(self.compute)
        return exactly(whole), self.compute.kind == "b"

    def _read(self, e: Any, truth: bool) -> Bound:
        if truth and isinstance(e, Slot):
            found, kind = self.truths[e.index], self.truths[e.index].value.dtype
        else:
            found, is_truth = self.of(e)
            kind = np.dtype(bool) if is_truth else self.compute
        return converted(found, kind, np.dtype(bool) if truth else self.compute)

    def _operation(self, e: Scalar) -> Bound:
        name = op(e)
        truths = PRIMITIVES[name].truths
        args = [self._read(a, k in truths) for k, a in enumerate(e.args)]
        if name in ("Add", "Mul"):
            return (_sum if name == "Add" else _product)(args, self.compute)
        if name == "Pow" and is_number(e.args[1]) and e.args[1] == -1:
            return _reciprocal(args[0], self.compute)
        return carried(name, args, self.compute, _places(e))


def _sum(args: Sequence[Bound], dtype: np.dtype) -> Bound:
    value, error, size = (sum(parts) for parts in zip(*args, strict=True))
    whole = len(args) < 3 or np.logical_and.reduce(
        np.broadcast_arrays(*(on_grid(a.value) for a in args))
    )
    return rounded(value, error, size, len(args) - 1, dtype, whole)


def _product(args: Sequence[Bound], dtype: np.dtype) -> Bound:
    value = math.prod(a.value for a in args)
    size = math.prod(a.magnitude for a in args)
    plain = math.prod(np.abs(a.value.astype(WIDE)) for a in args)
    upper = math.prod(np.abs(a.value.astype(WIDE)) + a.error for a in args)
    certain = all(a.certain for a in args)
    error = np.zeros(np.shape(value), WIDE) if certain else upper - plain + upper * spacing(WIDE)
    signs = sum(a.value.ndim == 0 and abs(a.value) == 1 and a.certain for a in args)
    return rounded(value, error, size, max(len(args) - 1 - signs, 0), dtype)


def _reciprocal(x: Bound, dtype: np.dtype) -> Bound:
    if dtype.kind != "f":
        return carried("Pow", [x, exactly(np.asarray(-1, dtype))], dtype, 0)
    value = 1 / x.value
    error = farthest(value, [1 / (x.value + x.error), 1 / (x.value - x.error)])
    error = np.where(np.abs(x.value) <= x.error, np.where(x.error > 0, np.inf, 0), error)
    return rounded(value, error, np.abs(value), 1, dtype)


def carried(name: str, args: Sequence[Bound], dtype: np.dtype, places: float) -> Bound:
    """A primitive at the values, and at all corners of the box of errors around them.

    A function that loses more than its last place is as good as the exact one of arguments that
    lost as many.
    """
    values = np.broadcast_arrays(*(a.value for a in args)) if args else []
    value = np.asarray(evaluated(name, values, dtype))
    result_is_truth = value.dtype.kind == "b"
    own = [0 if k < PRIMITIVES[name].orders else places * spacing(dtype) for k in range(len(args))]
    errors = [
        np.asarray(a.error + o * np.abs(a.value.astype(WIDE)))
        for a, o in zip(args, own, strict=True)
    ]
    moving = [k for k, e in enumerate(errors) if e.any()]
    ends, inherited = [], sum(a.error for a in args) > 0
    for corner in itertools.product((1, -1), repeat=len(moving)):
        corners = list(values)
        for k, s in zip(moving, corner, strict=True):
            corners[k] = shifted(values[k], s * errors[k])
        end = np.asarray(evaluated(name, corners, dtype))
        edge = ~np.isfinite(end) & ~inherited  # of the domain, which the value itself is inside
        ends.append(np.where(edge, value, end))
    error = farthest(value, ends if moving else [])
    if name in ("eq", "ne") and moving:
        near = np.abs(values[0].astype(WIDE) - values[1]) <= errors[0] + errors[1]
        error = np.where(near & (errors[0] + errors[1] > 0), 1, error)
    if name in OF_SIGNED_ZERO:  # no rewrite promises the sign of a zero
        k, jump = OF_SIGNED_ZERO[name]
        error = np.where(values[k] == 0, jump * (np.abs(value) + 1), error)
    exact = result_is_truth or PRIMITIVES[name].choice or name in UNROUNDED
    lost = 0 if exact else 2 * places or 1
    whole = values[0] == 0 if name in SATURATING else True
    kind = np.dtype(bool) if result_is_truth else dtype
    return rounded(value, error, np.abs(value.astype(WIDE)), lost, kind, whole)


# words that ask for the sign of a zero: of which argument, and how far that moves them at most
OF_SIGNED_ZERO = {"copysign": (1, 2), "arctan2": (0, 2)}
UNROUNDED = frozenset("abs sign floor ceil trunc rint where indicator copysign".split())
SATURATING = frozenset("tanh erf erfc sigmoid ndtr expm1".split())  # they reach 1 by rounding
SPELLED = {"remainder": "mod", "power": "Pow", "absolute": "abs", "invert": "invert"}
PLACES = {SPELLED.get(row.name, row.name): row.ulps for row in OPERATIONS.values()}


def _places(e: Scalar) -> float:
    """How many last places a primitive may lose, of its result and of its arguments."""
    name = op(e)
    if name == "Pow" and is_number(e.args[1]) and abs(e.args[1]) in (1, 2, 0.5):
        return 0
    return 0 if PRIMITIVES[name].cheap else PLACES[name]


LONG: dict[str, Callable] = {
    **{name: getattr(np, name) for name in "exp exp2 expm1 log log2 log10 log1p cbrt".split()},
    **{name: getattr(np, name) for name in "sin cos tan arcsin arccos arctan arctan2".split()},
    **{name: getattr(np, name) for name in "sinh cosh tanh arcsinh arccosh arctanh".split()},
    **{name: getattr(np, name) for name in "hypot logaddexp floor_divide fmod".split()},
    "mod": np.remainder,
    "pi": lambda: WIDE.type(mpmath.nstr(mpmath.pi(dps=30), 25)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(WIDE.type(0), x),
    "log1mexp": lambda x: np.where(x < 0.7, np.log(-np.expm1(-x)), np.log1p(-np.exp(-x))),
    "Pow": np.power,
}


def evaluated(name: str, values: Sequence[Array], dtype: np.dtype) -> Any:
    """A primitive: integers and truth values as NumPy computes them, floats in the wider type."""
    if dtype.kind != "f" or PRIMITIVES[name].boolean or PRIMITIVES[name].cheap and name != "pi":
        found = NUMPY[name](*values)
        return found.astype(WIDE if dtype.kind == "f" else dtype) if name == "indicator" else found
    if name in LONG:
        return LONG[name](*values)
    return _precise(name, *values)


def _number(x: Any) -> Any:
    high = float(x)
    return mpmath.mpf(high) + mpmath.mpf(float(x - WIDE.type(high)))


def _precise_one(name: str, *args: Any) -> Any:
    if not all(map(np.isfinite, args)):
        return WIDE.type(NUMPY[name](*map(np.float64, args)))
    with mpmath.workdps(DIGITS):
        try:
            found = mpmath.mpf(EXACT[name](*map(_number, args)))
            high = float(found)
            rest = float(found - high) if math.isfinite(high) else 0.0
            return WIDE.type(high) + WIDE.type(rest)
        except (ValueError, ZeroDivisionError, TypeError, OverflowError):
            return WIDE.type(NUMPY[name](*map(np.float64, args)))


_precise = np.vectorize(_precise_one, otypes=[WIDE], excluded=[0])
