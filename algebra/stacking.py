"""Arrays with as many axes as needed, side by side: NumPy's shorthands for `concatenate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import dims
from .axes import atleast, broadcast_to
from .build import shape_conflict
from .errors import ExpressionError
from .joining import concatenate, stack
from .origin import here, origin
from .tensor import Tensor, as_tensor
from .words import named


def atleast_1d(*arrays: Any) -> Any:
    """Each array, a scalar with an axis of extent 1; one array is returned as it is, no tuple."""
    return _each(arrays, lambda x: atleast(x, 1))


def atleast_2d(*arrays: Any) -> Any:
    """Each array with axes of extent 1 in front, until it has two."""
    return _each(arrays, lambda x: atleast(x, 2))


def atleast_3d(*arrays: Any) -> Any:
    """Each array with three axes or more: a vector becomes (1, n, 1), a matrix (m, n, 1)."""
    return _each(arrays, _three)


def _three(x: Tensor) -> Tensor:
    return (
        x.dimshuffle(0, 1, "x")
        if x.ndim == 2
        else atleast(x, 2).dimshuffle(0, 1, "x")
        if x.ndim < 2
        else x
    )


def _each(arrays: Sequence[Any], widen: Any) -> Any:
    found = tuple(widen(as_tensor(x)) for x in arrays)
    return found[0] if len(found) == 1 else found


def hstack(arrays: Any) -> Tensor:
    """Arrays side by side along the second axis; vectors and scalars along the first."""
    found = [atleast(as_tensor(x), 1) for x in arrays]
    axis = 0 if found and found[0].ndim == 1 else 1
    return _shown(concatenate(found, axis), "hstack", arrays)


def vstack(arrays: Any) -> Tensor:
    """Arrays one below the other; a vector is a row."""
    return _shown(concatenate([atleast(as_tensor(x), 2) for x in arrays]), "vstack", arrays)


def dstack(arrays: Any) -> Tensor:
    """Arrays along a third axis."""
    return _shown(concatenate([_three(as_tensor(x)) for x in arrays], 2), "dstack", arrays)


def column_stack(arrays: Any) -> Tensor:
    """Vectors as columns, and matrices, side by side."""
    found = [as_tensor(x) for x in arrays]
    columns = [x.dimshuffle(0, "x") if x.ndim == 1 else atleast(x, 2) for x in found]
    return _shown(concatenate(columns, 1), "column_stack", arrays)


def append(x: Any, values: Any, axis: Any = None) -> Tensor:
    """x and values side by side along an axis; None flattens both first."""
    return concatenate([x, values], axis)


def _shown(result: Tensor, word: str, arrays: Sequence[Any]) -> Tensor:
    sources = [as_tensor(x) for x in arrays]
    places = ", ".join(f"{{{k}}}" for k in range(len(sources)))
    return named(result, f"{word}([{places}])", *sources)


def broadcast_arrays(*arrays: Any) -> tuple[Tensor, ...]:
    """The arrays, each repeated to their common shape.

    Raises ShapeError if they have none; only an axis declared to have extent 1 is repeated.
    """
    found = [as_tensor(x) for x in arrays]
    rank = max((x.ndim for x in found), default=0)
    shape = []
    for k in range(rank):
        here_ = [(x.node, k - rank + x.ndim) for x in found if k - rank + x.ndim >= 0]
        wide = [(a, j) for a, j in here_ if a.dims[j] != 1]
        common = dims.unify([a.dims[j] for a, j in wide]) if wide else (1, ())
        if common is None:
            raise shape_conflict(wide, origin())
        shape.append(common[0])
    return tuple(broadcast_to(x, tuple(shape)) for x in found)


def meshgrid(*axes: Any, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinates of a grid from one vector per axis; "xy" puts the second axis first.

    Raises ExpressionError for another `indexing`.
    """
    if indexing not in ("xy", "ij"):
        raise ExpressionError(
            f"meshgrid with indexing={indexing!r}", where=here(), fix="use 'xy' or 'ij'"
        )
    rank = len(axes)
    order = [1, 0, *range(2, rank)] if indexing == "xy" and rank > 1 else list(range(rank))
    vectors = [atleast(as_tensor(x), 1) for x in axes]
    pattern = [["x"] * rank for _ in vectors]
    for k, place in enumerate(order):
        pattern[k][place] = 0  # type: ignore[call-overload]
    return broadcast_arrays(*(v.dimshuffle(*p) for v, p in zip(vectors, pattern, strict=True)))


def stacklists(arrays: Any) -> Any:
    """Nested lists of tensors as one tensor: each level of nesting is an axis."""
    if not isinstance(arrays, list | tuple):
        return as_tensor(arrays)
    return stack([stacklists(x) for x in arrays])
