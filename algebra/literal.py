"""Numbers, arrays and extents that users write into expressions (semantics 4.1, 4.2, 6.4)."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from . import node as nodes
from .dims import Dim, FreshDim
from .dtypes import BOOL, FLOAT64, INT64, dtype_of
from .errors import DTypeError, ExpressionError
from .node import Leaf, LeafSpec, Map, MapSpec, Node
from .origin import here, origin
from .scalar import CLASSES, Slot

Part = tuple[Any, np.dtype, bool]  # node or number, dtype, weak

SHAPING = {Fraction(k) for k in range(-4, 5)} | {Fraction(k, 2) for k in (-3, -1, 1, 3)}


def literal(value: object) -> Part:
    """A number, array or extent that a user wrote.

    Integers, and floats that shape formulas (semantics 4.2), become numbers in bodies; every other
    float becomes a parameter of its own.
    """
    if isinstance(value, np.ndarray | list | tuple):
        leaf = constant_leaf(_array(value))
        return leaf, leaf.dtype, False
    if isinstance(value, bool | np.bool_):
        return sympy.Integer(int(value)), BOOL, not isinstance(value, np.generic)
    if isinstance(value, np.integer):
        return sympy.Integer(int(value)), value.dtype, False
    if isinstance(value, int):
        return sympy.Integer(value), INT64, True
    if isinstance(value, float | np.floating):
        return _float(value)
    if isinstance(value, sympy.Basic):
        return _sympy_literal(value)
    if isinstance(value, numbers.Rational):
        return sympy.Rational(value.numerator, value.denominator), FLOAT64, True
    kind = type(value).__name__
    fix = (
        "complex numbers are not supported; use real arrays"
        if isinstance(value, complex | np.complexfloating)
        else "use numbers, NumPy arrays, lists of numbers, or tensors"
    )
    raise DTypeError(f"cannot use {value!r} of type {kind} in an expression", where=here(), fix=fix)


def _array(value: np.ndarray | list | tuple) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise DTypeError(
            f"{type(value).__name__} {value!r} is not an array: {error}",
            where=here(),
            fix="give rows of equal length",
        ) from None


def constant_leaf(array: np.ndarray) -> Leaf:
    """A captured array: copied, native, never part of source text or hash."""
    if array.dtype.kind not in "biuf":
        raise DTypeError(
            f"an array of dtype {array.dtype}",
            where=here(),
            fix="convert it to a bool, integer or float array",
        )
    dtype = dtype_of(FLOAT64 if array.dtype == np.float16 else array.dtype)
    held = np.array(array, dtype=dtype, order="C", copy=True)
    held.flags.writeable = False
    uid = nodes.fresh_uid()
    leaf = Leaf(LeafSpec("constant", uid, held.shape, dtype, False, None, frozenset()))
    leaf.payload = held
    return leaf


def _float(value: float | np.floating) -> Part:
    weak = not isinstance(value, np.floating)
    given = value.dtype if isinstance(value, np.floating) else FLOAT64
    dtype = dtype_of(FLOAT64 if given == np.float16 else given)
    number = float(value)
    if not np.isfinite(number):
        return _weak(constant_leaf(np.array(number, dtype)), weak), dtype, weak
    exact = Fraction(repr(number))
    if exact in SHAPING and not (number == 0 and np.signbit(number)):
        return sympy.Rational(exact.numerator, exact.denominator), dtype, weak
    leaf = nodes.parameter_leaf(exact)
    if not weak:
        leaf = Leaf(leaf.spec.with_(dtype=dtype, weak=False))
    return leaf, dtype, weak


def _weak(leaf: Leaf, weak: bool) -> Leaf:
    """The constant, as weak as a number of Python is."""
    found = Leaf(leaf.spec.with_(weak=weak))
    found.payload = leaf.payload
    return found


def _sympy_literal(value: sympy.Basic) -> Part:
    if isinstance(value, Dim | FreshDim):
        return nodes.dim_leaf(value), INT64, True
    if isinstance(value, sympy.Integer):
        return value, INT64, True
    if isinstance(value, sympy.Rational):
        return value, FLOAT64, True
    if isinstance(value, sympy.Float):
        return _float(float(value))
    if (
        isinstance(value, sympy.Expr)
        and value.free_symbols
        and all(isinstance(s, Dim | FreshDim) for s in value.free_symbols)
    ):
        return _extent_expression(value)
    if isinstance(value, sympy.Expr) and value.is_number and value.is_real:
        return _float(float(value))
    raise ExpressionError(
        f"the SymPy expression {value} cannot be mixed with tensors",
        where=here(),
        fix="declare its symbols with cf.scalar, cf.vector or cf.matrix, "
        "or pass the whole SymPy expression to cf.function",
    )


EXTENT_ARITHMETIC = {sympy.Add: "Add", sympy.Mul: "Mul", sympy.Pow: "Pow"}


def _extent_expression(value: sympy.Expr) -> Part:
    """Arithmetic on extents, such as 1/(n - 1)."""
    if value.func not in EXTENT_ARITHMETIC:
        raise ExpressionError(
            f"{value} of extents is not supported", where=here(), fix="use +, -, *, / and powers"
        )
    parts = [literal(a) for a in value.args]
    arguments, operands = slotted(parts)
    whole = value.func is not sympy.Pow or bool(value.args[1].is_Integer and value.args[1] >= 0)
    floats = not whole or any(d.kind == "f" for _, d, _ in parts)
    dtype = FLOAT64 if floats else INT64
    body = CLASSES[EXTENT_ARITHMETIC[value.func]](*arguments)
    spec = MapSpec(body, ((),) * len(operands), (), dtype, True, dtype)
    return Map.occur(spec, *operands, origin=origin()), dtype, True


def slotted(parts: Sequence[Part]) -> tuple[list[Slot | sympy.Rational], list[Node]]:
    """Arguments of a body, with a slot for each node, and the nodes."""
    operands = [value for value, _, _ in parts if isinstance(value, Node)]
    slots = map(Slot, itertools.count())
    return [next(slots) if isinstance(v, Node) else v for v, _, _ in parts], operands


def fits(value: Any, dtype: np.dtype) -> bool:
    """Whether a number can be written in an integer dtype; nodes and floats always can."""
    if isinstance(value, Node) or dtype.kind not in "iu":
        return True
    return bool(np.iinfo(dtype).min <= value <= np.iinfo(dtype).max)


def check_fits(value: Any, dtype: np.dtype) -> None:
    """Raise DTypeError for an integer that its dtype cannot hold, as NumPy does."""
    if not fits(value, dtype):
        raise DTypeError(
            f"the integer {value} does not fit {dtype}",
            where=here(),
            fix="convert the tensor with .astype to a wider dtype, or use a float",
        )
