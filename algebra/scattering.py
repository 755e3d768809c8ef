"""Writing at positions: the adjoint of a gather, and arrays with some elements replaced."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import build, dims
from .axes import broadcast_to
from .build import describe
from .dims import Extent
from .dtypes import BOOL, INT64
from .errors import DTypeError, ExpressionError
from .functions import maximum, where
from .gathering import along_axis, position
from .literal import check_fits
from .node import Gather, Layout, LayoutSpec, Map, Node, number_node
from .origin import here, origin
from .routines import routine
from .scalar import Slot
from .tensor import Tensor, as_tensor, part


class Rows(NamedTuple):
    """What a gather reads, as rows of a matrix.

    positions  (m,) of the rows, one per element of the leading axes of the result
    rows       how many rows the array has; block: extents of one row, shared by array and result
    """

    positions: Tensor
    rows: Extent
    block: tuple[Extent, ...]


def rows_of(x: Gather) -> Rows:
    """The rows that a gather reads: trailing axes that both sides have are one row."""
    shape, along, rank = x.operands[0].dims, x.spec.along, x.ndim
    vary = {k for index in x.spec.indices for k in index}
    same = 0
    while same < min(len(shape), rank) and along[-1 - same] == rank - 1 - same not in vary:
        same += 1
    heads, lead = shape[: len(shape) - same], x.dims[: rank - same]
    given = iter(zip(x.operands[1:], x.spec.indices, strict=True))
    flat: Tensor | None = None
    for extent, axis in zip(heads, along, strict=False):
        index, place = next(given) if axis is None else (position(extent).node, (axis,))
        here_ = Tensor(build.view(index, place, lead))
        flat = here_ if flat is None else flat * extent + here_
    assert flat is not None, "a gather has positions"
    positions = build.reshape(flat.node, (dims.product(lead),))
    return Rows(Tensor(positions), dims.product(heads), shape[len(heads) :])


def scattered(x: Gather, values: Tensor, batch: int) -> Tensor:
    """Zeros of the shape of what x reads, with `values` added where x read them.

    values   of the shape of x, with `batch` more axes in front
    """
    found = rows_of(x)
    front = values.shape[:batch]
    (count,), block = found.positions.shape, dims.product(found.block)
    rows = Tensor(build.reshape(values.node, (*front, count, block)))
    total = routine(
        "scatter_add", [found.positions, rows], (*front, found.rows, block), values.dtype
    )
    return Tensor(build.reshape(total.node, (*front, *x.operands[0].dims)))


def written(x: Any, value: Any, adds: bool) -> Tensor:
    """The array that x was cut out of, with a value set or added there; see `gathering`."""
    base = _base(x)
    given = as_tensor(value)
    number, dtype, weak = part(value)
    if weak and not isinstance(number, Node) and dtype.kind == "i" and base.dtype.kind in "iu":
        check_fits(number, base.dtype)
        given = given.astype(base.dtype)
    if not np.can_cast(given.dtype, base.dtype, "same_kind"):
        raise DTypeError(
            f"{describe(base)} has dtype {base.dtype}, and the new elements have dtype "
            f"{given.dtype}",
            where=here(),
            fix=f"convert them with .astype('{base.dtype}')",
        )
    new = broadcast_to(given.astype(base.dtype), x.shape)
    return Tensor(_put(x.node, base, new, adds))


def _base(x: Any) -> Node:
    """The array that an indexing was applied to."""
    node = x.node if isinstance(x, Tensor) else None
    if node is not None and node.word is not None and node.word.text.startswith("{0}["):
        return node.word.sources[0]
    if isinstance(node, Layout) and node.spec.op == "slice":
        return node.operands[0]
    raise ExpressionError(
        f"set_subtensor of {describe(node) if node is not None else repr(x)}, "
        "which is no indexed array",
        where=here(),
        fix="write cf.set_subtensor(x[index], value)",
    )


def _put(node: Node, base: Node, new: Tensor, adds: bool) -> Node:
    """`base` with new elements where `node`, a chain of slices, views and gathers, reads it."""
    while node is not base:
        inner = node.operands[0]
        old = Tensor(inner)
        if isinstance(node, Gather):
            new = _at_positions(node, old, new, adds)
        elif isinstance(node, Layout):
            new = _at_slice(node, old, new, adds)
        else:
            new = _under_view(node, old, new, adds)
        node, adds = inner, False
    return new.node


def _under_view(node: Node, old: Tensor, new: Tensor, adds: bool) -> Tensor:
    assert isinstance(node, Map) and isinstance(node.spec.body, Slot), "indexing makes views"
    (index,) = node.spec.indices
    back = tuple(index.index(k) if k in index else None for k in range(node.ndim))
    value = Tensor(build.view(new.node, back, old.shape))
    return old + value if adds else value


def _at_slice(node: Layout, old: Tensor, new: Tensor, adds: bool) -> Tensor:
    if adds and old.dtype != BOOL:
        return old + _embedded(node, new)
    ones = Tensor(number_node(1, node.dims, BOOL))
    return where(_embedded(node, ones), _embedded(node, new), old)


def _embedded(node: Layout, new: Tensor) -> Tensor:
    spec = LayoutSpec("embed", node.spec.params, node.operands[0].dims, new.dtype, False)
    return Tensor(Layout.occur(spec, new.node, origin=origin()))


def _at_positions(node: Gather, old: Tensor, new: Tensor, adds: bool) -> Tensor:
    if adds:
        return old + scattered(node, new, 0)
    found = rows_of(node)
    last = routine("scatter_last", [found.positions], (found.rows,), INT64)
    block = dims.product(found.block)
    rows = Tensor(build.reshape(new.node, (*found.positions.shape, block)))
    before = Tensor(build.reshape(old.node, (found.rows, block)))
    chosen = along_axis(rows, maximum(last, 0), 0)
    result = where(last.dimshuffle(0, "x") >= 0, chosen, before)
    return Tensor(build.reshape(result.node, old.shape))
