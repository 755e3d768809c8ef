"""Tensors as plain SymPy: a scalar as an expression, small arrays element by element (semantics
7.3).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from . import build, late
from .dims import Extent, show_shape
from .errors import ExpressionError
from .graph import topological
from .names import Names, is_variable
from .node import Contract, Derivative, Layout, Leaf, Map, Node, Reduce
from .origin import here
from .spelling import plain_name
from .sympy_bodies import to_sympy as body_to_sympy

MAX_ELEMENTS = 400  # of a result
MAX_WORK = 20_000  # elements of one intermediate, summed labels included


def to_sympy(tensor) -> Any:
    """A tensor in SymPy's own classes.

    An input of shape () becomes a real symbol, another one indexed symbols such as `x[0]`.
    Derivatives are expanded.

    Returns
    -------
    An expression for shape (), a matrix for one or two axes (a vector is a column), else an array.

    Raises
    ------
    ExpressionError for an extent that is not known and for more than 400 elements.

    >>> import closedform as cf
    >>> x = cf.vector("x", shape=2)
    >>> (x**2).sum().to_sympy()
    x[0]**2 + x[1]**2
    """
    node = tensor if isinstance(tensor, Node) else tensor.node
    if any(isinstance(x, Derivative) for x in topological([node])):
        node = late.call("display", node)
    if _count(node, node.dims) > MAX_ELEMENTS:
        raise _too_large(node, node.dims, MAX_ELEMENTS)
    values = _elements(node)
    if node.ndim == 0:
        return values[()]
    if node.ndim <= 2:
        return sympy.ImmutableMatrix(
            *(values.shape if node.ndim == 2 else (values.size, 1)), list(values.flat)
        )
    return sympy.ImmutableDenseNDimArray(list(values.flat), values.shape)


def _elements(node: Node) -> np.ndarray:
    """The elements as an array of SymPy expressions."""
    order = topological([node])
    names = Names(lambda s: plain_name(s.name, s.primes))
    names.claim(x for x in order if is_variable(x))
    values: dict[Node, np.ndarray] = {}
    for x in order:
        count = _count(x, x.spec.sizes if isinstance(x, Contract) else x.dims)
        if count > MAX_WORK:
            raise _too_large(x, x.dims, MAX_WORK)
        values[x] = (
            _leaf(x, names)
            if isinstance(x, Leaf)
            else ROWS[type(x)](x, [values[a] for a in x.operands])
        )
    return values[node]


def _count(x: Node, dims: tuple[Extent, ...]) -> int:
    if not all(isinstance(d, int) for d in dims):
        raise ExpressionError(
            f"{build.describe(x)} has the symbolic shape {show_shape(x.dims)}, "
            "which SymPy expressions cannot have",
            where=build.place(x.origin) or here(),
            fix="give extents as numbers in shape=, or print the tensor with pp or latex",
        )  # fmt: skip
    return math.prod(dims)  # type: ignore[arg-type]


def _too_large(x: Node, dims: tuple[Extent, ...], limit: int) -> ExpressionError:
    return ExpressionError(
        f"{build.describe(x)} with shape {show_shape(dims)} has more than {limit} elements "
        "to write out",
        where=build.place(x.origin),
        fix="convert a smaller tensor, or print it with pp or latex",
    )


def _filled(shape: tuple[int, ...], value: Callable) -> np.ndarray:
    """An array of objects, by index."""
    result = np.empty(shape, dtype=object)
    for index in itertools.product(*map(range, shape)):
        result[index] = value(index)
    return result


def _leaf(x: Leaf, names: Names) -> np.ndarray:
    kind, value = x.spec.kind, x.spec.value
    if kind == "parameter":
        return _filled((), lambda _: sympy.Rational(value.numerator, value.denominator))
    if kind == "dim":
        return _filled((), lambda _: sympy.Integer(value) if isinstance(value, int) else value)
    if kind == "iota":
        return _filled(x.dims, lambda i: sympy.Integer(i[0]))  # type: ignore[arg-type]
    if kind == "delta":
        return _filled(x.dims, lambda i: sympy.Integer(int(i[0] == i[1])))  # type: ignore[arg-type]
    if kind == "constant":
        return _filled(x.dims, lambda i: _number(x.payload[i]))  # type: ignore[arg-type]
    symbol = names.variable(x)
    name = symbol.name + "'" * symbol.primes
    if not x.dims:
        return _filled(
            (), lambda _: sympy.Symbol(name, real=True, **dict.fromkeys(x.spec.facts, True))
        )
    base = sympy.IndexedBase(sympy.Symbol(name, real=True), shape=x.dims)
    return _filled(x.dims, lambda i: base[i])  # type: ignore[arg-type]


def _number(value: Any) -> Any:
    if value.dtype.kind == "b":
        return sympy.S.true if value else sympy.S.false
    return (
        sympy.Integer(int(value))
        if value.dtype.kind in "iu"
        else sympy.nsimplify(repr(float(value)), rational=True)
        if np.isfinite(value)
        else sympy.sympify(float(value))
    )


def _map(x: Map, values: list[np.ndarray]) -> np.ndarray:
    def at(index: tuple) -> Any:
        slots = [
            v[tuple(0 if t is None else index[t] for t in i)]
            for v, i in zip(values, x.spec.indices, strict=True)
        ]
        return body_to_sympy(x.spec.body, slots)

    return _filled(x.dims, at)  # type: ignore[arg-type]


def _contract(x: Contract, values: list[np.ndarray]) -> np.ndarray:
    spec = x.spec
    summed = [t for t in range(len(spec.sizes)) if t not in spec.out]

    def at(index: tuple) -> Any:
        fixed = dict(zip(spec.out, index, strict=True))
        terms = []
        for rest in itertools.product(*(range(spec.sizes[t]) for t in summed)):
            place = {**fixed, **dict(zip(summed, rest, strict=True))}
            terms.append(
                sympy.Mul(
                    *(
                        v[tuple(place[t] for t in i)]
                        for v, i in zip(values, spec.indices, strict=True)
                    )
                )
            )
        return sympy.Add(*terms)

    return _filled(x.dims, at)  # type: ignore[arg-type]


def _reduce(x: Reduce, values: list[np.ndarray]) -> np.ndarray:
    (value,), spec = values, x.spec
    word = REDUCTIONS.get(spec.op)
    if word is None:
        raise ExpressionError(
            f"{spec.op} has no SymPy expression",
            where=build.place(x.origin),
            fix="convert its operand",
        )
    last = np.moveaxis(value, spec.axes, range(value.ndim - len(spec.axes), value.ndim))
    return _filled(x.dims, lambda i: word(*last[i].flat))  # type: ignore[arg-type]


REDUCTIONS: dict[str, Callable] = {
    "max": sympy.Max, "min": sympy.Min,
    "logsumexp": lambda *a: sympy.log(functools.reduce(lambda s, t: s + sympy.exp(t), a, 0)),
}  # fmt: skip


def _layout(x: Layout, values: list[np.ndarray]) -> np.ndarray:
    (value,), spec = values, x.spec
    if spec.op == "reshape":
        return value.reshape(x.dims)  # type: ignore[arg-type]
    part = value.shape if spec.op == "embed" else x.dims
    places = _places(spec.params, part)  # type: ignore[arg-type]
    if spec.op == "slice":
        return _filled(x.dims, lambda i: value[places(i)])  # type: ignore[arg-type]
    result = _filled(x.dims, lambda i: sympy.Integer(0))  # type: ignore[arg-type]
    for index in itertools.product(*map(range, part)):  # type: ignore[arg-type]
        result[places(index)] = value[index]
    return result


def _places(params: tuple, part: tuple[int, ...]) -> Callable[[tuple], tuple]:
    """From an index of the part to the index of the whole."""

    def place(index: tuple) -> tuple:
        rest = iter(index)
        return tuple(start if step is None else start + step * next(rest) for start, step in params)

    return place


ROWS: dict[type, Callable] = {Map: _map, Contract: _contract, Reduce: _reduce, Layout: _layout}
