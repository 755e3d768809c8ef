"""Arrays made of numbers and extents, with NumPy's names."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from . import build, dims
from .axes import axis_of, broadcast_to, repeated
from .dims import Extent, FreshDim, show_shape
from .dtypes import INT64, dtype_of
from .errors import DTypeError, ShapeError
from .functions import eq, ge, where, zeros_like
from .gathering import gathered, position
from .node import Layout, LayoutSpec, delta_leaf, number_node
from .origin import here, origin
from .shapes import extent_of, extents
from .tensor import Tensor, as_tensor, power
from .words import call, named


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Zeros of this shape; dtype `config.floatX` by default.

    >>> import closedform as cf
    >>> x = cf.matrix("x", shape=("n", "d"))
    >>> cf.zeros((x.shape[0], 3)).shape
    (n, 3)
    """
    return _constant(0, shape, dtype)


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Ones of this shape; dtype `config.floatX` by default."""
    return _constant(1, shape, dtype)


def _constant(value: int, shape: Any, dtype: Any) -> Tensor:
    return Tensor(number_node(value, extents(shape), dtype_of(dtype)))


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """An array of this shape that is `fill_value` everywhere, which broadcasts."""
    value = as_tensor(fill_value)
    wanted = extents(shape)
    target = value.dtype if dtype is None else dtype_of(dtype)
    result = broadcast_to(value.astype(target), wanted)
    return named(result, f"full({show_shape(wanted)}, {{0}})", value)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """An array of the shape (and dtype) of x that is `fill_value` everywhere."""
    x = as_tensor(x)
    return full(x.shape, fill_value, x.dtype if dtype is None else dtype)


def eye(n: Any, m: Any = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on the k-th diagonal of an n x m matrix, zeros elsewhere."""
    rows = extent_of(n)
    columns = rows if m is None else extent_of(m)
    target = dtype_of(dtype)
    if k == 0 and rows == columns and target.kind == "f":
        return Tensor(delta_leaf(rows, target))
    hit = eq(position(columns), position(rows).dimshuffle(0, "x") + k)
    return named(hit.astype(target), f"eye({dims.show(rows)}, {dims.show(columns)}, k={k})")


identity = eye


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Tensor:
    """Numbers from start (0 by default) to before stop.

    Bounds are numbers; `stop` may be an extent such as `x.shape[0]` if the others are integers.

    Raises
    ------
    ShapeError where the number of elements would depend on values.
    """
    start, stop = (0, start) if stop is None else (start, stop)
    known = all(isinstance(v, numbers.Real) for v in (start, stop, step))
    whole = all(isinstance(v, numbers.Integral) for v in (start, step))
    if known and not (whole and isinstance(stop, numbers.Integral)):
        made: Any = np.arange
        return as_tensor(made(start, stop, step, None if dtype is None else dtype_of(dtype)))
    if not whole or isinstance(stop, Tensor) or step == 0:
        raise ShapeError(
            f"arange({start}, {stop}, {step}): the shape would depend on values",
            where=here(),
            fix="give numbers, or an extent such as x.shape[0] as stop; the step is not 0",
        )
    start, step = int(start), int(step)
    if known:
        length: Extent = len(range(start, int(stop), step))
    else:
        length = _length(extent_of(stop), start, step)
    result = position(length)
    result = result * step if step != 1 else result
    result = result + start if start else result
    target = INT64 if dtype is None else dtype_of(dtype)
    return named(result.astype(target), f"arange({start}, {dims.show(length)}, {step})")


def _length(stop: Extent, start: int, step: int) -> Extent:
    if start == 0 and step == 1:
        return stop
    if start < 0 or step < 0:
        raise ShapeError(
            f"arange({start}, {stop}, {step}) with a symbolic stop",
            where=here(),
            fix="use a start >= 0 and a step > 0, and .flip or arithmetic on the result",
        )
    return FreshDim(("length", stop, start, None, step))


def linspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True) -> Tensor:
    """`num` evenly spaced numbers from start to stop, which may be tensors of shape ()."""
    count = extent_of(num)
    first, last = as_tensor(start), as_tensor(stop)
    if first.ndim or last.ndim:
        raise ShapeError("linspace between arrays", where=here(), fix="give bounds of shape ()")
    if isinstance(count, int) and not isinstance(start, Tensor) and not isinstance(stop, Tensor):
        return as_tensor(np.linspace(start, stop, count, endpoint))
    first, last = (t if t.dtype.kind == "f" else t * 1.0 for t in (first, last))
    k = position(count).astype((first + last).dtype)
    if count == 1 and endpoint:
        return first.dimshuffle("x") + 0 * k
    gaps = as_tensor(count) - 1 if endpoint else as_tensor(count)
    result = first + k * ((last - first) / gaps)
    if endpoint:  # exactly, and also for a single element
        result = where(eq(k, 0), first, where(eq(k, gaps), last, result))
    return named(result, call("linspace", first, last, num=dims.show(count)), first, last)


def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0
) -> Tensor:
    """Powers of base with evenly spaced exponents, from base**start to base**stop."""
    return power(base, linspace(start, stop, num, endpoint))


def tri(n: Any, m: Any = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on and below the k-th diagonal of an n x m matrix, zeros above."""
    rows = extent_of(n)
    columns = rows if m is None else extent_of(m)
    inside = ge(position(rows).dimshuffle(0, "x") + k, position(columns))
    text = f"tri({dims.show(rows)}, {dims.show(columns)}, k={k})"
    return named(inside.astype(dtype_of(dtype)), text)


def one_hot(indices: Any, num: Any, dtype: Any = None) -> Tensor:
    """Per integer k the k-th of `num` unit vectors, along a new last axis.

    An integer that is not from 0 to num - 1 gives zeros.
    """
    k = as_tensor(indices)
    if k.dtype.kind not in "iu":
        raise DTypeError(
            f"one_hot of {build.describe(k.node)} of dtype {k.dtype}",
            where=here(),
            fix="give integers",
        )
    hit = eq(k.dimshuffle(*range(k.ndim), "x"), position(extent_of(num)))
    return named(hit.astype(dtype_of(dtype)), call("one_hot", k, num=num), k)


# ---------------------------------------------------------------- triangles and diagonals


def tril(x: Any, k: int = 0) -> Tensor:
    """The last two axes with zeros above the k-th diagonal."""
    return _triangle("tril", x, k, lambda i, j: ge(i + k, j))


def triu(x: Any, k: int = 0) -> Tensor:
    """The last two axes with zeros below the k-th diagonal."""
    return _triangle("triu", x, k, lambda i, j: ge(j, i + k))


def _triangle(word: str, x: Any, k: int, inside: Any) -> Tensor:
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(
            f"{word} of {build.describe(x.node)} with shape {show_shape(x.shape)}",
            where=here(),
            fix="give a matrix, or a stack of them",
        )
    rows, columns = x.shape[-2:]
    mask = inside(position(rows).dimshuffle(0, "x"), position(columns))
    zero = Tensor(number_node(0, (), x.dtype))
    return named(where(mask, x, zero), call(word, x, **({"k": k} if k else {})), x)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The elements with equal (up to an offset) positions along two axes, as a new last axis."""
    x = as_tensor(x)
    i, j = axis_of(x, axis1), axis_of(x, axis2)
    if i == j:
        raise ShapeError(f"diagonal of axis {i} and itself", where=here(), fix="name two axes")
    rest = [k for k in range(x.ndim) if k not in (i, j)]
    if offset == 0 and x.shape[i] == x.shape[j]:
        label: dict[int, Any] = {k: k for k in range(x.ndim)}
        label[j] = i
        labels = tuple(label[k] for k in range(x.ndim))
        if x.dtype.kind != "b":
            out = (*rest, i)
            return Tensor(build.contract([x.node], [labels], out, dtype=x.dtype))
    below, right = max(-offset, 0), max(offset, 0)
    length = dims.least(_after(x.shape[i], below), _after(x.shape[j], right))
    shape = (*(x.shape[k] for k in rest), length)
    places: list[Tensor | int] = [rest.index(k) if k in rest else 0 for k in range(x.ndim)]
    places[i], places[j] = position(length) + below, position(length) + right
    return named(gathered(x, places, shape), call("diagonal", x, offset=offset), x)


def _after(extent: Extent, start: int) -> Extent:
    """What is left of an axis from a position on."""
    if isinstance(extent, int):
        return max(extent - start, 0)
    return FreshDim(("length", extent, start, None, 1)) if start else extent


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Sum of a diagonal."""
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(
            f"trace of {build.describe(x.node)} with shape {show_shape(x.shape)}",
            where=here(),
            fix="give an array with two axes or more",
        )
    i, j = axis_of(x, axis1), axis_of(x, axis2)
    if offset == 0 and i != j and x.shape[i] == x.shape[j] and x.dtype.kind == "f":
        labels = tuple(i if k == j else k for k in range(x.ndim))
        out = tuple(k for k in range(x.ndim) if k not in (i, j))
        return Tensor(build.contract([x.node], [labels], out))
    return diagonal(x, offset, i, j).sum(-1)


def diag(x: Any, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix, or the matrix with a vector on its k-th diagonal."""
    x = as_tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ShapeError(
            f"diag of {build.describe(x.node)} with shape {show_shape(x.shape)}",
            where=here(),
            fix="give a vector or a matrix; for stacks use cf.diagonal",
        )
    (n,) = x.shape
    if k == 0 and x.dtype.kind == "f":
        delta = delta_leaf(n, x.dtype)
        return named(Tensor(build.contract([x.node, delta], [(0,), (0, 1)], (0, 1))),
                     call("diag", x), x)  # fmt: skip
    hit = eq(position(n), position(n).dimshuffle(0, "x"))
    zero = Tensor(number_node(0, (), x.dtype))
    square = where(hit, repeated(x, 1, n), zero)
    side = dims.added((n,), abs(k))
    if k:
        begin = ((max(-k, 0), 1), (max(k, 0), 1))
        spec = LayoutSpec("embed", begin, (side, side), x.dtype, False)
        square = Tensor(Layout.occur(spec, square.node, origin=origin()))
    return named(square, call("diag", x, k=k), x)


# what NumPy leaves uninitialised is 0
empty, empty_like = zeros, zeros_like
