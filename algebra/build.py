"""Building as-written nodes: literals, elementwise operations, contractions, reductions, layouts.

Nothing is evaluated here. Each function checks shapes and dtypes, unifies extents and makes one occurrence that
remembers the user's line.
"""

from __future__ import annotations

import numbers
import os
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import sympy

from . import dims as dim_algebra
from . import node as nodes
from .dims import Dim, Extent, FreshDim, show, show_shape
from .dtypes import BOOL, FLOAT64, INT64, dtype_of, floating, promote, summed
from .errors import DTypeError, ExpressionError, ShapeError
from .node import (
    Contract,
    ContractSpec,
    Layout,
    LayoutSpec,
    Leaf,
    LeafSpec,
    Map,
    MapSpec,
    Node,
    Origin,
    Reduce,
    ReduceSpec,
)
from .scalar import Scalar, Slot

_PACKAGE = __name__.partition(".")[0]
SHAPING = {Fraction(k) for k in range(-4, 5)} | {Fraction(k, 2) for k in (-3, -1, 1, 3)}


def origin() -> Origin | None:
    """File and line of the nearest calling frame outside this package."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name != _PACKAGE and not name.startswith(_PACKAGE + "."):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return None


def place(where: Origin | None) -> str:
    """An origin as errors show it."""
    return (
        f"{os.path.relpath(where[0]) if os.path.isabs(where[0]) else where[0]}:{where[1]}"
        if where
        else ""
    )


def here() -> str:
    """The user's current line, for errors."""
    return place(origin())


# ---------------------------------------------------------------- literals

Operand = "Node | sympy.Rational"


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
    leaf = Leaf(
        LeafSpec("constant", nodes.fresh_uid(), held.shape, dtype, False, None, frozenset())
    )
    leaf.payload = held
    return leaf


def literal(value: object) -> tuple[object, np.dtype, bool]:
    """A number, array or extent that a user wrote: (rational number or node, dtype, weak).

    Integers, and floats that shape formulas (semantics 4.2), become numbers in bodies; every other float becomes a
    parameter of its own.
    """
    if isinstance(value, np.ndarray | list | tuple):
        array = np.asarray(value)
        leaf = constant_leaf(array)
        return leaf, leaf.dtype, False
    if isinstance(value, bool | np.bool_):
        return sympy.Integer(int(value)), BOOL, not isinstance(value, np.generic)
    if isinstance(value, int | np.integer):
        return (
            sympy.Integer(int(value)),
            (value.dtype if isinstance(value, np.generic) else INT64),
            isinstance(value, int),
        )
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


def _float(value) -> tuple[object, np.dtype, bool]:
    weak = not isinstance(value, np.generic) or type(value) is float
    dtype = FLOAT64 if weak else dtype_of(FLOAT64 if value.dtype == np.float16 else value.dtype)
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        leaf = constant_leaf(np.array(number, dtype))
        return leaf, dtype, False
    exact = Fraction(repr(number))
    if exact in SHAPING and not (number == 0 and str(number).startswith("-")):
        return sympy.Rational(exact.numerator, exact.denominator), dtype, weak
    leaf = nodes.parameter_leaf(exact)
    if not weak:
        leaf = Leaf(leaf.spec.with_(dtype=dtype, weak=False))
    return leaf, dtype, weak


def _sympy_literal(value: sympy.Basic) -> tuple[object, np.dtype, bool]:
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
        f"the SymPy expression {value} cannot be mixed with tensors", where=here(),
        fix="declare its symbols with cf.scalar, cf.vector or cf.matrix, or pass the whole SymPy expression to cf.function",
    )  # fmt: skip


def _extent_expression(value: sympy.Expr) -> tuple[object, np.dtype, bool]:
    """Arithmetic on extents, such as 1/(n - 1)."""
    parts = [literal(a) for a in value.args]
    body = {sympy.Add: "Add", sympy.Mul: "Mul", sympy.Pow: "Pow"}.get(value.func)
    if body is None:
        raise ExpressionError(
            f"{value} of extents is not supported", where=here(), fix="use +, -, *, / and powers"
        )
    from .scalar import CLASSES

    node = elementwise(
        CLASSES[body],
        [p for p in parts],
        floats=any(d.kind == "f" for _, d, _ in parts) or value.func is sympy.Pow,
    )
    return node, node.dtype, True


# ---------------------------------------------------------------- elementwise

Part = tuple[object, np.dtype, bool]


def elementwise(
    primitive,
    parts: Sequence[Part],
    *,
    floats: bool | Callable = False,
    boolean: bool = False,
    logical: bool = False,
) -> Node:
    """An as-written Map of one operation.

    primitive  class of `algebra.scalar`, or a function from arguments to a body
    parts      (node or number, dtype, weak) per argument
    floats     compute in floating point even for integers (exp), or the dtype to compute in as a function (/)
    boolean    the result is bool (comparisons); logical: so are the operands
    """
    where = origin()
    arguments, operands = [], []
    for value, _, _ in parts:
        if isinstance(value, Node):
            arguments.append(Slot(len(operands)))
            operands.append(value)
        else:
            arguments.append(value)
    dims, indices, equal = broadcast(operands, where)
    compute, weak = (BOOL, False) if logical else promote([(d, w) for _, d, w in parts])
    if floats:
        compute = floats(compute) if callable(floats) else floating(compute)
    dtype = BOOL if boolean else compute
    body = primitive(*arguments)
    if not operands and not isinstance(body, Scalar) and not isinstance(body, sympy.Rational):
        raise ExpressionError(f"{body} is not a scalar expression", where=place(where))
    return Map.occur(
        MapSpec(body, indices, dims, dtype, weak and not boolean, compute),
        *operands,
        origin=where,
        equalities=equal,
    )


def broadcast(operands: Sequence[Node], where: Origin | None):
    """Extents, index maps and equalities of an elementwise operation; only an extent of 1 broadcasts."""
    rank = max((a.ndim for a in operands), default=0)
    dims: list[Extent] = []
    equal: list[dim_algebra.Equality] = []
    for axis in range(rank):
        here_dims = [
            (a, a.dims[axis - rank + a.ndim]) for a in operands if axis - rank + a.ndim >= 0
        ]
        wide = [d for _, d in here_dims if d != 1]
        found = dim_algebra.unify(wide) if wide else (1, ())
        if found is None:
            raise shape_conflict([(a, axis - rank + a.ndim) for a, d in here_dims if d != 1], where)
        dims.append(found[0])
        equal.extend(found[1])
    indices = tuple(
        tuple(
            None if d == 1 and dims[k + rank - a.ndim] != 1 else k + rank - a.ndim
            for k, d in enumerate(a.dims)
        )
        for a in operands
    )
    return tuple(dims), indices, tuple(equal)


def describe(node: Node) -> str:
    """A node as errors name it."""
    if node.label:
        return repr(node.label)
    if isinstance(node, Leaf):
        return {"constant": "the array constant", "parameter": "the number"}.get(
            node.spec.kind, f"the unnamed {node.spec.kind}"
        )
    return "the result of line " + place(node.origin) if node.origin else "an intermediate"


def shape_conflict(pairs: Sequence[tuple[Node, int]], where: Origin | None) -> ShapeError:
    """The error for axes that must agree and do not; pairs are (operand, axis)."""
    text = " and ".join(
        f"axis {axis} of {describe(a)} with shape {show_shape(a.dims)} has extent {show(a.dims[axis])}"
        for a, axis in pairs
    )
    sizes = {a.dims[axis] for a, axis in pairs}
    fix = "transpose or reshape one of them"
    if 1 not in sizes and any(isinstance(s, Dim) for s in sizes):
        fix = "give both axes the same name in shape=, or transpose or reshape one of them"
    return ShapeError(f"shapes do not match: {text}", where=place(where), fix=fix)


# ---------------------------------------------------------------- contractions, reductions, layouts


def contract(
    operands: Sequence[Node],
    indices: Sequence[tuple[int, ...]],
    out: tuple[int, ...],
    *,
    sizes: dict | None = None,
    dtype=None,
) -> Node:
    """An as-written Contract. Labels are any hashable values; sizes gives the extents of labels that no operand carries."""
    where = origin()
    groups: dict = {}
    for a, labels in zip(operands, indices, strict=True):
        for axis, label in enumerate(labels):
            groups.setdefault(label, []).append((a, axis))
    extents, equal = dict(sizes or {}), []
    for label, pairs in groups.items():
        found = dim_algebra.unify([a.dims[axis] for a, axis in pairs])
        if found is None:
            raise shape_conflict(pairs, where)
        extents[label] = found[0]
        equal.extend(found[1])
    number = {label: k for k, label in enumerate(dict.fromkeys([*out, *groups, *extents]))}
    common, weak = (
        promote([(a.dtype, a.weak) for a in operands]) if dtype is None else (dtype, False)
    )
    if common == BOOL:
        raise DTypeError(
            "a product or sum of booleans",
            where=place(where),
            fix="convert with .astype('int64') or 'float64' first",
        )
    spec = ContractSpec(
        tuple(tuple(number[t] for t in labels) for labels in indices), tuple(number[t] for t in out),
        tuple(extents[t] for t in number), common, weak,
    )  # fmt: skip
    return Contract.occur(spec, *operands, origin=where, equalities=tuple(equal))


def axes_of(a: Node, axis: object) -> tuple[int, ...]:
    """Axes as sorted nonnegative numbers; None means all."""
    if axis is None:
        return tuple(range(a.ndim))
    given = axis if isinstance(axis, tuple | list) else (axis,)
    result = []
    for k in given:
        if not isinstance(k, numbers.Integral) or not -a.ndim <= k < a.ndim:
            raise ShapeError(
                f"axis {k!r} of {describe(a)}, which has {a.ndim} axes",
                where=here(),
                fix=f"use axes from {-a.ndim} to {a.ndim - 1}",
            )
        result.append(int(k) % a.ndim)
    if len(set(result)) != len(result):
        raise ShapeError(
            f"axis {axis!r} names an axis twice", where=here(), fix="name each axis once"
        )
    return tuple(sorted(result))


def total(a: Node, axes: tuple[int, ...], dtype: np.dtype | None = None) -> Node:
    """Sum along axes."""
    every = tuple(range(a.ndim))
    result = dtype or summed(a.dtype)
    if result == BOOL:
        raise DTypeError("a sum with dtype bool", where=here(), fix="use .any(axis)")
    node = contract([a], [every], tuple(k for k in every if k not in axes), dtype=result)
    if a.weak:
        node = Contract.occur(node.spec.with_(weak=True), a, origin=node.origin)
    return node


def reduce(op: str, a: Node, axes: tuple[int, ...]) -> Node:
    """Max, min, argmax, argmin or logsumexp along axes."""
    where = origin()
    if any(a.dims[k] == 0 for k in axes):
        raise ShapeError(f"{op} along an axis of extent 0 of {describe(a)} with shape {show_shape(a.dims)}", where=place(where),
                         fix="reduce along an axis that has elements")  # fmt: skip
    dtype = INT64 if op.startswith("arg") else floating(a.dtype) if op == "logsumexp" else a.dtype
    dims = tuple(d for k, d in enumerate(a.dims) if k not in axes)
    return Reduce.occur(ReduceSpec(op, axes, dims, dtype, False), a, origin=where)


def view(a: Node, indices: tuple[int | None, ...], dims: tuple[Extent, ...]) -> Node:
    """Transpose, new axes, broadcast: axis k of `a` runs along axis indices[k] of the result."""
    spec = MapSpec(Slot(0), (tuple(indices),), tuple(dims), a.dtype, a.weak, a.dtype)
    return Map.occur(spec, a, origin=origin())


def cast(a: Node, dtype: np.dtype) -> Node:
    """A conversion of dtype."""
    every = tuple(range(a.ndim))
    if dtype == BOOL and a.dtype != BOOL:
        from .scalar import ne

        return Map.occur(
            MapSpec(ne(Slot(0), 0), (every,), a.dims, BOOL, False, a.dtype), a, origin=origin()
        )
    return Map.occur(MapSpec(Slot(0), (every,), a.dims, dtype, False, dtype), a, origin=origin())


def reshape(a: Node, dims: tuple[Extent, ...], equal=()) -> Node:
    """The same elements in C order under other extents."""
    return Layout.occur(
        LayoutSpec("reshape", (), dims, a.dtype, a.weak),
        a,
        origin=origin(),
        equalities=tuple(equal),
    )


def sliced(a: Node, params: tuple, dims: tuple[Extent, ...]) -> Node:
    """Basic slices; see LayoutSpec for params."""
    return Layout.occur(LayoutSpec("slice", params, dims, a.dtype, a.weak), a, origin=origin())
