"""Reductions along axes, with NumPy's names, dtypes and defaults.

`sum`, `mean`, `max`, `min`, `argmax` and `argmin` are methods of `Tensor`; here is what is made of
them, and the products, logical and cumulative ones.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

from . import build, scalar
from .axes import axis_of, broadcast_to, moveaxis
from .choices import truth
from .dtypes import BOOL, FLOAT64, INT64, dtype_of, summed
from .elementwise import sqrt
from .errors import ExpressionError, ShapeError
from .gathering import broadcast_shape
from .node import Node
from .origin import here
from .routines import along_last
from .tensor import Tensor, as_tensor, compare, reduced
from .words import along, call, named


def prod(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Product along axes; booleans and small integers are widened, the product of nothing is 1.

    The derivative by one element is the product of all others, exact also where elements are 0.
    """
    x = as_tensor(x)
    target = summed(x.dtype) if dtype is None else dtype_of(dtype)
    if target == BOOL:
        raise ExpressionError("a product with dtype bool", where=here(), fix="use .all(axis)")
    source = x if x.dtype == target else x.astype(target)

    def make(a: Node, axes: tuple[int, ...]) -> Node:
        for k in reversed(axes):  # one axis at a time: then the derivative is a scan
            a = build.reduce("prod", a, (k,))
        return a

    return _shown(reduced(source, axis, keepdims, make), "prod", x, axis, keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:  # noqa: A001
    """Whether some element differs from 0; False for no elements."""
    return _logical("any", x, axis, keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:  # noqa: A001
    """Whether every element differs from 0; True for no elements."""
    return _logical("all", x, axis, keepdims)


def _logical(op: str, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    make = lambda a, axes: build.reduce(op, a, axes)  # noqa: E731
    return _shown(reduced(as_tensor(truth(x)), axis, keepdims, make), op, x, axis, keepdims)


def count_nonzero(x: Any, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Number of elements that differ from 0, int64."""
    x = as_tensor(x)
    result = as_tensor(truth(x)).sum(axis, INT64, keepdims)
    return _shown(result, "count_nonzero", x, axis, keepdims)


def var(
    x: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False
) -> Tensor:
    """Variance: the mean squared distance from the mean, over count - ddof.

    Computed from centred values, or about a shifted point where the compiler finds that cheaper;
    never as a difference of two means.
    """
    x = as_tensor(x)
    default = x.dtype if x.dtype.kind == "f" else FLOAT64
    target = default if dtype is None else dtype_of(dtype)
    source = x if x.dtype == target else x.astype(target)
    centred = source - source.mean(axis, keepdims=True)
    result = (centred * centred).mean(axis, keepdims=keepdims)
    if _given(ddof):
        count = _count(x, axis)
        result = result * (count / (count - ddof))
    return _shown(result, "var", x, axis, keepdims, **({"ddof": ddof} if _given(ddof) else {}))


def std(
    x: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False
) -> Tensor:
    """Standard deviation: the square root of `var`; its derivative at 0 is infinite."""
    x = as_tensor(x)
    result = sqrt(var(x, axis, dtype, ddof, keepdims))
    return _shown(result, "std", x, axis, keepdims, **({"ddof": ddof} if _given(ddof) else {}))


def _given(ddof: Any) -> bool:
    return not isinstance(ddof, int | float) or ddof != 0


def _count(x: Tensor, axis: Any) -> Tensor:
    """Number of elements along axes."""
    extents = [as_tensor(x.shape[k]) for k in build.axes_of(x.node, axis)]
    return functools.reduce(operator.mul, extents or [as_tensor(1)])


def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Largest element less the smallest along axes."""
    x = as_tensor(x)
    result = x.max(axis, keepdims) - x.min(axis, keepdims)
    return _shown(result, "ptp", x, axis, keepdims)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:  # noqa: A002
    """Norm of vectors or matrices, as `numpy.linalg.norm`.

    Parameters
    ----------
    x : array of floats or integers.
    ord : None (2-norm of all elements along the axes, Frobenius for matrices), a number, inf, -inf,
        "fro" or "nuc".
    axis : one axis (vector norms), two (matrix norms), or None for all of the array.

    The derivative of a 2-norm at 0 is 0. The matrix norms 2, -2 and "nuc" need singular values.

    Raises
    ------
    ShapeError for a matrix norm of an array without two axes.
    """
    x = as_tensor(x)
    source = x if x.dtype.kind == "f" else x.astype(FLOAT64)
    if ord is None:
        make = lambda a, axes: build.reduce("norm", a, axes)  # noqa: E731
        return _shown(reduced(source, axis, keepdims, make), "norm", x, axis, keepdims)
    if axis is None and x.ndim not in (1, 2):
        raise ShapeError(
            f"norm with ord={ord!r} of {build.describe(x.node)}, which has {x.ndim} axes",
            where=here(),
            fix="give one axis for vector norms or two for matrix norms",
        )
    axes = build.axes_of(x.node, axis) if not isinstance(axis, tuple | list) else tuple(axis)
    if len(axes) == 2:
        from .linalg import matrix_norm

        return matrix_norm(source, ord, axes, keepdims)
    if len(axes) != 1:
        raise ShapeError(f"norm along axes {axes}", where=here(), fix="give one axis or two")
    result = _vector_norm(source, ord, axes[0], keepdims)
    return named(result, call("norm", x, ord=repr(ord), axis=axes[0]), x)


def _vector_norm(x: Tensor, ord: Any, axis: int, keepdims: bool) -> Tensor:  # noqa: A002
    if isinstance(ord, str):
        raise ExpressionError(
            f"a vector norm with ord={ord!r}", where=here(), fix="use None, a number or inf"
        )
    if ord == 2:
        return norm(x, None, axis, keepdims)
    size = abs(x)
    if ord == float("inf"):
        return size.max(axis, keepdims)
    if ord == -float("inf"):
        return size.min(axis, keepdims)
    if ord == 0:
        return compare(scalar.ne, x, 0).sum(axis, x.dtype, keepdims)
    if ord == 1:
        return size.sum(axis, None, keepdims)
    return (size**ord).sum(axis, None, keepdims) ** (1 / ord)


def cumsum(x: Any, axis: Any = None, dtype: Any = None) -> Tensor:
    """Sums of the first elements along an axis, or of the flattened array."""
    return _cumulative("cumsum", x, axis, dtype)


def cumprod(x: Any, axis: Any = None, dtype: Any = None) -> Tensor:
    """Products of the first elements along an axis, or of the flattened array.

    The derivative is exact also where elements are 0.
    """
    return _cumulative("cumprod", x, axis, dtype)


def linear_recurrence(a: Any, b: Any, axis: Any = -1) -> Tensor:
    """Along an axis, y with y_i = a_i y_(i-1) + b_i, starting from y_(-1) = 0.

    The operands broadcast against each other. It is the scan that derivatives of `cumprod` are made
    of.

    >>> import closedform as cf
    >>> a, b = cf.vectors("a", "b", shape=(3,))
    >>> cf.linear_recurrence(a, b).eval({a: [0.5, 0.5, 0.5], b: [1.0, 1.0, 1.0]})
    array([1.  , 1.5 , 1.75])
    """
    from .adjoints import recurrence

    a, b = as_tensor(a), as_tensor(b)
    whole = broadcast_shape([a, b])
    target = (a * b).dtype
    if target == BOOL:
        raise ExpressionError("a recurrence of dtype bool", where=here(), fix="use .astype")
    a, b = (broadcast_to(t.astype(target), whole) for t in (a, b))
    k = axis_of(b, axis)
    result = moveaxis(recurrence(moveaxis(a, k, -1), moveaxis(b, k, -1)), -1, k)
    return named(result, call("linear_recurrence", a, b, axis=k), a, b)


def _cumulative(op: str, x: Any, axis: Any, dtype: Any) -> Tensor:
    x = as_tensor(x)
    target = summed(x.dtype) if dtype is None else dtype_of(dtype)
    if target == BOOL:
        raise ExpressionError(f"{op} with dtype bool", where=here(), fix="use another dtype")
    source = x if x.dtype == target else x.astype(target)
    if axis is None and x.ndim != 1:
        return named(_cumulative(op, source.flatten(), 0, None), call(op, x), x)
    k = axis_of(x, 0 if axis is None else axis)
    result = moveaxis(along_last(op, moveaxis(source, k, -1)), -1, k)
    return named(result, along(op, x, (k,)), x)


def _shown(
    result: Tensor, word: str, x: Tensor, axis: Any, keepdims: bool, **options: Any
) -> Tensor:
    text = along(word, x, build.axes_of(x.node, axis), keepdims)
    more = "".join(f", {k}={v!r}" for k, v in options.items())
    return named(result, f"{text[:-1]}{more})", x)
