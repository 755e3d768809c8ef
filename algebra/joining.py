"""Arrays side by side, cut apart, repeated, rolled and padded, with NumPy's names."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import build, dims
from .axes import axis_of, check_same_rank, expand_dims, repeated
from .build import describe
from .dims import Equality, Extent, show, show_shape
from .dtypes import promote
from .errors import ExpressionError, ShapeError
from .functions import maximum, minimum, neq, where
from .gathering import along_axis, position
from .indexing import basic
from .node import Join, JoinSpec
from .origin import here, origin
from .scalar import absolute
from .tensor import Tensor, apply, as_tensor
from .words import call, named


def concatenate(arrays: Any, axis: Any = 0) -> Tensor:
    """Arrays of one rank side by side along an axis; None flattens them first.

    The result has the common dtype; other extents must agree.

    Raises
    ------
    ShapeError for ranks or extents that differ, ExpressionError for no arrays.

    >>> import closedform as cf
    >>> x, y = cf.tensor("x", (2, "d")), cf.tensor("y", (3, "d"))
    >>> cf.concatenate([x, y]).shape
    (5, d)
    """
    tensors = _listed(arrays, "concatenate")
    if axis is None:
        return concatenate([t.flatten() if t.ndim != 1 else t for t in tensors])
    check_same_rank(tensors, "concatenate")
    k = axis_of(tensors[0], axis)
    if len(tensors) == 1:
        return tensors[0]
    return Tensor(_join(tensors, k))


def _listed(arrays: Any, what: str) -> list[Tensor]:
    if isinstance(arrays, Tensor) and not arrays.ndim:
        raise ShapeError(f"{what} of a scalar", where=here(), fix="give a list of arrays")
    if isinstance(arrays, Tensor) and not isinstance(arrays.shape[0], int):
        raise ExpressionError(
            f"{what} of one array, {describe(arrays.node)} with shape {show_shape(arrays.shape)}",
            where=here(),
            fix=f"give a list of arrays: {what}([a, b])",
        )
    return [as_tensor(a) for a in arrays]


def _join(tensors: Sequence[Tensor], axis: int) -> Join:
    where_ = origin()
    nodes = [t.node for t in tensors]
    shape: list[Extent] = []
    equal: list[Equality] = []
    for k in range(nodes[0].ndim):
        here_dims = [a.dims[k] for a in nodes]
        if k == axis:
            shape.append(dims.added(here_dims))
            continue
        found = dims.unify(here_dims)
        if found is None:
            raise build.shape_conflict([(a, k) for a in nodes], where_)
        shape.append(found[0])
        equal += found[1]
    dtype, weak = promote([(a.dtype, a.weak) for a in nodes])
    spec = JoinSpec(axis, tuple(shape), dtype, weak)
    return Join.occur(spec, *nodes, origin=where_, equalities=tuple(equal))


def stack(arrays: Any, axis: Any = 0) -> Tensor:
    """Arrays of one shape along a new axis.

    >>> import closedform as cf
    >>> u, v = cf.vectors("u", "v", shape="n")
    >>> cf.stack([u, v], axis=1).shape
    (n, 2)
    """
    tensors = _listed(arrays, "stack")
    check_same_rank(tensors, "stack")
    k = axis_of(tensors[0], axis, tensors[0].ndim + 1)
    result = concatenate([expand_dims(t, k) for t in tensors], k)
    places = ", ".join(f"{{{j}}}" for j in range(len(tensors)))
    return named(result, f"stack([{places}], axis={k})", *tensors)


def split(x: Any, indices_or_sections: Any, axis: Any = 0) -> list[Tensor]:
    """Parts of x along an axis: so many equal ones, or cut before each index of a list.

    Raises
    ------
    ShapeError if the extent does not divide; where it is symbolic, the call does.
    """
    x = as_tensor(x)
    k = axis_of(x, axis)
    if isinstance(indices_or_sections, numbers.Integral):
        return _equal_parts(x, int(indices_or_sections), k)
    cuts = [int(i) for i in np.asarray(indices_or_sections).ravel()]
    lead = (slice(None),) * k
    ends = zip([None, *cuts], [*cuts, None], strict=True)
    return [Tensor(basic(x.node, (*lead, slice(a, b)))) for a, b in ends]


def _equal_parts(x: Tensor, count: int, axis: int) -> list[Tensor]:
    extent = x.shape[axis]
    if count < 1 or (isinstance(extent, int) and extent % count):
        raise ShapeError(
            f"split of axis {axis} of {build.describe(x.node)} with extent {show(extent)} into "
            f"{count} equal parts",
            where=here(),
            fix="give a number of parts that divides, or a list of positions",
        )
    parts = x.reshape(*x.shape[:axis], count, -1, *x.shape[axis + 1 :])
    lead = (slice(None),) * axis
    return [
        named(Tensor(basic(parts.node, (*lead, j))), f"split({{0}}, {count}, axis={axis})[{j}]", x)
        for j in range(count)
    ]


def repeat(x: Any, repeats: Any, axis: Any = None) -> Tensor:
    """Every element so many times, one after the other, along an axis or of the flattened array.

    Parameters
    ----------
    repeats : a number, or numbers per element (an array that is known now).
    """
    x = as_tensor(x)
    if axis is None:
        return named(repeat(x.flatten(), repeats, 0), call("repeat", x, repeats=repeats), x)
    k = axis_of(x, axis)
    if isinstance(repeats, Tensor):
        raise ExpressionError(
            f"repeat by the symbolic {build.describe(repeats.node)}",
            where=here(),
            fix="the shape of the result would depend on values: give numbers",
        )
    counts = np.asarray(repeats)
    if counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ShapeError(f"repeats={repeats!r}", where=here(), fix="give whole numbers >= 0")
    if counts.size == 1:
        text = call("repeat", x, repeats=repeats, axis=k)
        return named(_each(x, int(counts.ravel()[0]), k), text, x)
    found = dims.unify([x.shape[k], counts.size])
    if counts.ndim != 1 or found is None:
        raise ShapeError(
            f"{counts.size} repeats for axis {k} of {build.describe(x.node)} with extent "
            f"{show(x.shape[k])}",
            where=here(),
            fix="give one number, or one per element",
        )
    result = along_axis(x, as_tensor(np.repeat(np.arange(counts.size), counts)), k)
    result.node.equalities = found[1]
    return result


def _each(x: Tensor, count: int, axis: int) -> Tensor:
    joined = dims.product((x.shape[axis], count))
    wide = repeated(x, axis + 1, count)
    shape = (*x.shape[:axis], joined, *x.shape[axis + 1 :])
    return Tensor(build.reshape(wide.node, shape))


def tile(x: Any, reps: Any) -> Tensor:
    """x side by side with itself so many times along each axis; axes are added in front."""
    x = as_tensor(x)
    counts = tuple(int(r) for r in np.atleast_1d(np.asarray(reps)))
    if any(r < 0 for r in counts):
        raise ShapeError(f"tile by {reps}", where=here(), fix="give numbers >= 0")
    rank = max(len(counts), x.ndim)
    counts = (1,) * (rank - len(counts)) + counts
    result = x.dimshuffle(*("x",) * (rank - x.ndim), *range(x.ndim))
    for k, r in enumerate(counts):
        if r != 1:
            shape = result.shape
            joined = (*shape[:k], dims.product((r, shape[k])), *shape[k + 1 :])
            result = Tensor(build.reshape(repeated(result, k, r).node, joined))
    return named(result, call("tile", x, reps=reps), x)


def roll(x: Any, shift: Any, axis: Any = None) -> Tensor:
    """Elements moved by `shift` places along axes; what leaves at the end comes back in front."""
    x = as_tensor(x)
    if axis is None:
        return roll(x.flatten(), shift, 0).reshape(*x.shape) if x.ndim != 1 else roll(x, shift, 0)
    result, axes = x, axis if isinstance(axis, list | tuple) else (axis,)
    shifts = shift if isinstance(shift, list | tuple) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(
            f"roll by {shift} along axes {axis}", where=here(), fix="give one shift per axis"
        )
    for s, k in zip(shifts, axes, strict=True):
        place = axis_of(x, k)
        extent = x.shape[place]
        result = along_axis(result, (position(extent) - s) % extent, place)
    return named(result, call("roll", x, shift=shift, axis=axis), x)


MODES = ("constant", "edge", "wrap", "reflect", "symmetric")


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Tensor:
    """x with elements added at both ends of each axis.

    Parameters
    ----------
    pad_width : a number, (before, after) for all axes, or one such pair per axis.
    mode : "constant", "edge", "wrap", "reflect" or "symmetric".
    constant_values : of the mode "constant": a number, a tensor of shape (), or pairs as above.
    """
    x = as_tensor(x)
    if mode not in MODES:
        raise ExpressionError(
            f"pad with mode={mode!r}", where=here(), fix=f"use one of {', '.join(MODES)}"
        )
    widths = _pairs(x, pad_width, "pad_width")
    if any(not isinstance(w, numbers.Integral) or w < 0 for pair in widths for w in pair):
        raise ShapeError(f"pad_width={pad_width}", where=here(), fix="give whole numbers >= 0")
    result = x
    values = _pairs(x, constant_values, "constant_values") if mode == "constant" else ()
    for k, (before, after) in enumerate(widths):
        if before or after:
            result = (
                _filled(result, k, int(before), int(after), *values[k])
                if mode == "constant"
                else along_axis(result, _source(result.shape[k], before, after, mode), k)
            )
    text = call("pad", x, pad_width=pad_width, mode=repr(mode))
    return named(result, text, x)


def _pairs(x: Tensor, given: Any, what: str) -> list[tuple[Any, Any]]:
    """(before, after) per axis."""
    if isinstance(given, Tensor | numbers.Number | np.generic):
        return [(given, given)] * x.ndim
    rows = [tuple(g) if isinstance(g, list | tuple | np.ndarray) else g for g in given]
    if len(rows) == 2 and not any(isinstance(r, tuple) for r in rows):
        return [(rows[0], rows[1])] * x.ndim
    if len(rows) == 1 and not isinstance(rows[0], tuple):
        return [(rows[0], rows[0])] * x.ndim
    if len(rows) == 1:
        rows = rows * x.ndim
    if len(rows) != x.ndim or any(not isinstance(r, tuple) or len(r) > 2 for r in rows):
        raise ShapeError(
            f"{what}={given} for {build.describe(x.node)}, which has {x.ndim} axes",
            where=here(),
            fix="give a number, a pair, or one pair per axis",
        )
    return [(r[0], r[-1]) for r in rows]


def _filled(x: Tensor, axis: int, before: int, after: int, first: Any, last: Any) -> Tensor:
    """Constants at both ends of one axis, in the dtype of x."""
    ends = []
    for width, value in ((before, first), (after, last)):
        shape = (*x.shape[:axis], width, *x.shape[axis + 1 :])
        part = as_tensor(value).astype(x.dtype)
        if part.ndim:
            raise ShapeError("pad with an array as value", where=here(), fix="give numbers")
        ends.append([Tensor(build.view(part.node, (), shape))] if width else [])
    return concatenate([*ends[0], x, *ends[1]], axis)


def _source(extent: Extent, before: int, after: int, mode: str) -> Tensor:
    """Where the elements of a padded axis come from."""
    k = position(dims.added((extent,), int(before) + int(after))) - int(before)
    n = as_tensor(extent)
    if mode == "edge":
        return minimum(maximum(k, 0), n - 1)
    if mode == "wrap":
        return k % n
    if mode == "symmetric":
        k = k % (2 * n)
        return where(k < n, k, 2 * n - 1 - k)
    last = n - 1
    k = k % maximum(2 * last, 1)
    return last - apply(absolute, last - k)


def diff(x: Any, n: int = 1, axis: int = -1) -> Tensor:
    """Differences of neighbours along an axis, n times; booleans give whether they differ."""
    x = as_tensor(x)
    if not isinstance(n, numbers.Integral) or n < 0:
        raise ShapeError(f"diff with n={n!r}", where=here(), fix="give a whole number >= 0")
    k = axis_of(x, axis)
    lead = (slice(None),) * k
    result = x
    for _ in range(int(n)):
        upper = Tensor(basic(result.node, (*lead, slice(1, None))))
        lower = Tensor(basic(result.node, (*lead, slice(None, -1))))
        result = neq(upper, lower) if result.dtype.kind == "b" else upper - lower
    return named(result, call("diff", x, n=n, axis=k), x)


concat = concatenate  # NumPy's other name
