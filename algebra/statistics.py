"""Averages, quantiles and covariances, and reductions that leave out NaN, with NumPy's names."""

from __future__ import annotations

from typing import Any

from . import build
from .axes import axis_of, moveaxis
from .choices import isnan, maximum, where
from .dtypes import FLOAT64, promote
from .elementwise import sqrt
from .errors import ExpressionError, ShapeError
from .gathering import sort, take
from .joining import concatenate
from .origin import here
from .products import matmul
from .reductions import all as all_of
from .reductions import count_nonzero, prod, std, var
from .stacking import atleast_2d
from .tensor import Tensor, as_tensor
from .words import along, call, named

NAN, INF = float("nan"), float("inf")


def average(x: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Tensor:
    """Mean along axes, weighted: sum(w*x)/sum(w).

    Parameters
    ----------
    weights : of the shape of x, or a vector along the one axis.

    Raises ShapeError for weights of another shape.
    """
    x = as_tensor(x)
    if weights is None:
        return x.mean(axis, keepdims=keepdims)
    w = as_tensor(weights)
    if w.ndim != x.ndim:
        k = axis_of(x, axis) if axis is not None else None
        if k is None or w.ndim != 1:
            raise ShapeError(
                f"average of {build.describe(x.node)} with weights of {w.ndim} axes",
                where=here(),
                fix="give weights of the same shape, or a vector and its axis",
            )
        w = w.dimshuffle(*(0 if j == k else "x" for j in range(x.ndim)))
    w = w if w.dtype.kind == "f" else w.astype(FLOAT64)
    both = w + 0 * x  # the weights, broadcast
    result = (w * x).sum(axis, None, keepdims) / both.sum(axis, None, keepdims)
    axes = build.axes_of(x.node, axis)
    text = along("average", x, axes, keepdims)[:-1] + ", weights={1})"
    return named(result, text, x, as_tensor(weights))


def median(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The middle element along an axis, the mean of the middle two; NaN if there is a NaN.

    Refused for no elements, where NumPy gives NaN.
    """
    x = as_tensor(x)
    if axis is None:
        found = median(x.flatten(), 0)
        return named(_kept(found, x, keepdims), along("median", x, range(x.ndim), keepdims), x)
    k = axis_of(x, axis)
    source = x if x.dtype.kind == "f" else x.astype(FLOAT64)
    ordered = sort(moveaxis(source, k, -1), -1)
    n = as_tensor(x.shape[k])
    middle = take(ordered, (n - 1) // 2, -1) * 0.5 + take(ordered, n // 2, -1) * 0.5
    last = ordered[..., -1]
    result = where(isnan(last), last, middle)
    if keepdims:
        result = result.dimshuffle(*(j - (j > k) if j != k else "x" for j in range(x.ndim)))
    return named(result, along("median", x, (k,), keepdims), x)


def _kept(result: Tensor, x: Tensor, keepdims: bool) -> Tensor:
    return result.dimshuffle(*("x",) * x.ndim) if keepdims else result


# ---------------------------------------------------------------- without NaN


def nansum(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Sum along axes of what is not NaN."""
    x = as_tensor(x)
    return _shown(_filled(x, 0).sum(axis, dtype, keepdims), "nansum", x, axis, keepdims)


def nanprod(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Product along axes of what is not NaN."""
    x = as_tensor(x)
    return _shown(prod(_filled(x, 1), axis, dtype, keepdims), "nanprod", x, axis, keepdims)


def nanmean(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Mean along axes of what is not NaN; NaN where there is nothing else."""
    x = as_tensor(x)
    if x.dtype.kind != "f":
        return x.mean(axis, dtype, keepdims)
    result = _filled(x, 0).sum(axis, dtype, keepdims) / _present(x, axis, keepdims)
    return _shown(result, "nanmean", x, axis, keepdims)


def nanvar(
    x: Any, axis: Any = None, dtype: Any = None, ddof: int = 0, keepdims: bool = False
) -> Tensor:
    """Variance along axes of what is not NaN, over its count - ddof."""
    x = as_tensor(x)
    if x.dtype.kind != "f":
        return var(x, axis, dtype, ddof, keepdims)
    centred = x - nanmean(x, axis, keepdims=True)
    count = _present(x, axis, keepdims)
    squares = _filled(centred * centred, 0).sum(axis, dtype, keepdims)
    enough = count > ddof
    result = where(enough, squares / where(enough, count - ddof, 1), x.dtype.type(NAN))
    return _shown(result, "nanvar", x, axis, keepdims, ddof)


def nanstd(
    x: Any, axis: Any = None, dtype: Any = None, ddof: int = 0, keepdims: bool = False
) -> Tensor:
    """Standard deviation along axes of what is not NaN: the square root of `nanvar`."""
    x = as_tensor(x)
    if x.dtype.kind != "f":
        return std(x, axis, dtype, ddof, keepdims)
    result = sqrt(nanvar(x, axis, dtype, ddof, keepdims))
    return _shown(result, "nanstd", x, axis, keepdims, ddof)


def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Largest element along axes that is not NaN; NaN where there is nothing else."""
    return _extreme("nanmax", as_tensor(x), axis, keepdims)


def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Smallest element along axes that is not NaN; NaN where there is nothing else."""
    return _extreme("nanmin", as_tensor(x), axis, keepdims)


def _extreme(word: str, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    largest = word == "nanmax"
    source = _filled(x, -INF if largest else INF)
    result = source.max(axis, keepdims) if largest else source.min(axis, keepdims)
    if x.dtype.kind == "f":
        nothing = all_of(isnan(x), axis, keepdims)
        result = where(nothing, x.dtype.type(NAN), result)
    return _shown(result, word, x, axis, keepdims)


def _filled(x: Tensor, value: Any) -> Tensor:
    return where(isnan(x), x.dtype.type(value), x) if x.dtype.kind == "f" else x


def _present(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    """How many elements are not NaN, in the dtype of x."""
    return count_nonzero(~isnan(x), axis, keepdims=keepdims).astype(x.dtype)


def _shown(
    result: Tensor, word: str, x: Tensor, axis: Any, keepdims: bool, ddof: int = 0
) -> Tensor:
    text = along(word, x, build.axes_of(x.node, axis), keepdims)
    return named(result, text[:-1] + f", ddof={ddof})" if ddof else text, x)


# ---------------------------------------------------------------- covariances, integrals


def cov(x: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None) -> Tensor:
    """Covariances of variables: one per row, or per column if `rowvar` is False.

    Over the count of observations less ddof: 1 by default, 0 with `bias`.
    """
    rows = _variables(x, y, rowvar)
    less = ddof if ddof is not None else 0 if bias else 1
    centred = rows - rows.mean(1, keepdims=True)
    result = matmul(centred, centred.T) / maximum(as_tensor(rows.shape[1]) - less, 0)
    result = result.dimshuffle() if rows.shape[0] == 1 else result
    return named(result, call("cov", None, rowvar=rowvar), as_tensor(x)) if y is None else result


def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Tensor:
    """Correlations of variables: one per row, or per column if `rowvar` is False."""
    rows = _variables(x, y, rowvar)
    centred = rows - rows.mean(1, keepdims=True)
    scaled = centred / sqrt((centred * centred).sum(1, None, True))
    result = matmul(scaled, scaled.T)
    result = result.dimshuffle() if rows.shape[0] == 1 else result
    return (
        named(result, call("corrcoef", None, rowvar=rowvar), as_tensor(x)) if y is None else result
    )


def _variables(x: Any, y: Any, rowvar: bool) -> Tensor:
    """Variables by rows, observations by columns."""
    found = []
    for part in (x,) if y is None else (x, y):
        given = as_tensor(part)
        if given.ndim > 2:
            raise ShapeError(
                f"covariances of {build.describe(given.node)}, which has {given.ndim} axes",
                where=here(),
                fix="give a matrix, or a vector",
            )
        given = given.astype(FLOAT64)  # as in NumPy
        found.append(atleast_2d(given) if rowvar or given.ndim < 2 else given.T)
    return concatenate(found) if y is not None else found[0]


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """Integral along an axis by the trapezoidal rule, over places x, or dx apart."""
    y = as_tensor(y)
    k = axis_of(y, axis)
    if y.dtype.kind not in "f":
        y = y.astype(promote([(y.dtype, False), (FLOAT64, False)])[0])
    moved = moveaxis(y, k, -1)
    heights = moved[..., 1:] + moved[..., :-1]
    if x is not None:
        places = as_tensor(x)
        if places.ndim not in (1, y.ndim):
            raise ExpressionError(
                f"trapezoid over places with {places.ndim} axes",
                where=here(),
                fix="give a vector, or an array of the shape of y",
            )
        places = places if places.ndim == 1 else moveaxis(places, k, -1)
        dx = places[..., 1:] - places[..., :-1]
    return (heights * dx * 0.5).sum(-1)
