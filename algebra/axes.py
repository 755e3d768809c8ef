"""Axes moved, inserted, dropped, reversed and repeated: views, with NumPy's names."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from . import build
from .dims import Extent, show_shape, unify
from .errors import ClosedformError, ExpressionError, ShapeError
from .indexing import basic
from .node import Map
from .origin import here
from .shapes import extents
from .tensor import Tensor, as_tensor
from .words import call, named


def axis_of(x: Tensor, axis: Any, rank: int | None = None) -> int:
    """One axis as a number >= 0, of an array with `rank` axes (those of x by default).

    Raises ShapeError for what is no axis of it.
    """
    rank = x.ndim if rank is None else rank
    try:
        number = operator.index(axis)
    except (TypeError, ClosedformError):
        number = rank
    if not -rank <= number < rank:
        raise ShapeError(
            f"axis {axis!r} of {build.describe(x.node)} with shape {show_shape(x.shape)}",
            where=here(),
            fix=f"use an axis from {-rank} to {rank - 1}" if rank else "give no axis",
        )
    return number % rank


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged.

    >>> import closedform as cf
    >>> cf.swapaxes(cf.tensor("x", ("a", "b", "c")), 0, 2).shape
    (c, b, a)
    """
    x = as_tensor(x)
    i, j = axis_of(x, axis1), axis_of(x, axis2)
    order = list(range(x.ndim))
    order[i], order[j] = j, i
    return named(x.transpose(*order), call("swapaxes", x, axis1=i, axis2=j), x)


def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    """Axes moved to other places; the others keep their order.

    Parameters
    ----------
    source, destination : int, or sequences of equal length.
    """
    x = as_tensor(x)
    old = [axis_of(x, k) for k in (source if isinstance(source, list | tuple) else (source,))]
    new = [
        axis_of(x, k)
        for k in (destination if isinstance(destination, list | tuple) else (destination,))
    ]
    if len(old) != len(new) or len(set(old)) < len(old) or len(set(new)) < len(new):
        raise ShapeError(
            f"moveaxis from {source} to {destination}",
            where=here(),
            fix="name each axis once, and as many destinations as sources",
        )
    order = [k for k in range(x.ndim) if k not in old]
    for place, axis in sorted(zip(new, old, strict=True)):
        order.insert(place, axis)
    if order == list(range(x.ndim)):
        return x
    text = call("moveaxis", x, source=source, destination=destination)
    return named(x.transpose(*order), text, x)


def expand_dims(x: Any, axis: Any) -> Tensor:
    """New axes of extent 1 at these places of the result.

    >>> import closedform as cf
    >>> cf.expand_dims(cf.vector("v", shape="n"), 1).shape
    (n, 1)
    """
    x = as_tensor(x)
    given = axis if isinstance(axis, list | tuple) else (axis,)
    rank = x.ndim + len(given)
    places = {axis_of(x, k, rank) for k in given}
    if len(places) < len(given):
        raise ShapeError(f"axis {axis} names an axis twice", where=here(), fix="name each once")
    rest = iter(range(x.ndim))
    return x.dimshuffle(*("x" if k in places else next(rest) for k in range(rank)))


def squeeze(x: Any, axis: Any = None) -> Tensor:
    """Axes declared to have extent 1 dropped: all of them, or those named.

    Raises ShapeError for an axis that may have another extent.
    """
    x = as_tensor(x)
    if axis is None:
        gone = tuple(k for k, d in enumerate(x.shape) if d == 1)
    else:
        gone = build.axes_of(x.node, axis)
    wide = [k for k in gone if x.shape[k] != 1]
    if wide:
        raise ShapeError(
            f"squeeze of axis {wide[0]} of {build.describe(x.node)} with shape "
            f"{show_shape(x.shape)}",
            where=here(),
            fix="only axes declared to have extent 1 can be dropped: give that axis the extent 1",
        )
    return x.dimshuffle(*(k for k in range(x.ndim) if k not in gone)) if gone else x


def broadcast_to(x: Any, shape: Any) -> Tensor:
    """x repeated along new axes in front and along axes of extent 1.

    Parameters
    ----------
    shape : one entry per axis of the result: numbers, extents such as `y.shape[0]`, or names.

    Raises ShapeError if x does not broadcast to it.
    """
    x, dims = as_tensor(x), extents(shape)
    lead = len(dims) - x.ndim
    found = [None if lead < 0 else unify([a, b]) if a != 1 else (b, ())
             for a, b in zip(x.shape, dims[max(lead, 0):], strict=False)]  # fmt: skip
    if lead < 0 or None in found:
        raise ShapeError(
            f"{build.describe(x.node)} with shape {show_shape(x.shape)} broadcast to "
            f"{show_shape(dims)}",
            where=here(),
            fix="only new axes in front and axes of extent 1 are repeated",
        )
    if x.shape == dims:
        return x
    index = tuple(
        None if d == 1 and dims[lead + k] != 1 else lead + k for k, d in enumerate(x.shape)
    )
    result = build.view(x.node, index, dims)
    equal = tuple(e for f in found if f for e in f[1])
    if equal:
        result = Map.occur(result.spec, x.node, origin=result.origin, equalities=equal)
    return named(Tensor(result), call("broadcast_to", x, shape=show_shape(dims)), x)


def flip(x: Any, axis: Any = None) -> Tensor:
    """The order of elements reversed along axes, all by default."""
    x = as_tensor(x)
    axes = build.axes_of(x.node, axis)
    key = tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(x.ndim))
    return Tensor(basic(x.node, key)) if axes else x


def fliplr(x: Any) -> Tensor:
    """The order of columns reversed: of the second axis."""
    return flip(x, 1)


def flipud(x: Any) -> Tensor:
    """The order of rows reversed: of the first axis."""
    return flip(x, 0)


def rot90(x: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """Turned k times by 90 degrees in the plane of two axes, from the first to the second."""
    x = as_tensor(x)
    i, j = (axis_of(x, a) for a in axes)
    if i == j:
        raise ShapeError(f"rot90 in the plane of axes {axes}", where=here(), fix="name two axes")
    if k % 4 == 2:
        return flip(x, (i, j))
    if k % 4 == 0:
        return x
    turned = swapaxes(flip(x, j), i, j) if k % 4 == 1 else flip(swapaxes(x, i, j), j)
    return named(turned, call("rot90", x, k=k), x)


def matrix_transpose(x: Any) -> Tensor:
    """The last two axes exchanged."""
    return swapaxes(x, -2, -1)


def ravel(x: Any) -> Tensor:
    """All elements in C order along one axis."""
    return as_tensor(x).flatten()


def repeated(x: Tensor, axis: int, extent: Extent) -> Tensor:
    """x with a new axis, along which it is the same."""
    index = tuple(k if k < axis else k + 1 for k in range(x.ndim))
    return Tensor(build.view(x.node, index, (*x.shape[:axis], extent, *x.shape[axis:])))


def atleast(x: Any, rank: int) -> Tensor:
    """x with axes of extent 1 in front until it has that many."""
    x = as_tensor(x)
    return x.dimshuffle(*("x",) * max(rank - x.ndim, 0), *range(x.ndim))


def check_same_rank(tensors: Sequence[Tensor], what: str) -> None:
    """Raise ShapeError unless all arrays have the same number of axes, and there are some."""
    if not tensors:
        raise ExpressionError(f"{what} of no arrays", where=here(), fix="give one or more")
    if len({t.ndim for t in tensors}) > 1:
        shapes = " and ".join(show_shape(t.shape) for t in tensors)
        raise ShapeError(
            f"{what} of arrays with shapes {shapes}",
            where=here(),
            fix="arrays must have the same number of axes: use expand_dims",
        )
