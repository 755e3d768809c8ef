"""Pull-backs of routines: one row each, a function of (call, operand, cotangent, batch).

The cotangent has `batch` more axes in front than the result; operations broadcast over them. A
pull-back is linear in it: `pushforward` transposes it. Operands that are only ever integers have no
derivative.
"""

from __future__ import annotations

from collections.abc import Callable

from .axes import broadcast_to, flip, moveaxis
from .functions import eq, where
from .gathering import along_axis, position
from .matrix_adjoints import MATRIX_ADJOINTS
from .node import Call, Layout, LayoutSpec, Node
from .origin import origin
from .routines import along_last, routine
from .tensor import Tensor

Adjoint = Callable[[Call, int, Tensor, int], Tensor | None]


def moved(x: Tensor, step: int) -> Tensor:
    """The last axis moved by one place: element k is element k - step, or 0."""
    (begin, key) = (1, slice(None, -1)) if step == 1 else (0, slice(1, None))
    part = x[(..., key)]
    params = (*((0, 1) for _ in range(x.ndim - 1)), (begin, 1))
    spec = LayoutSpec("embed", params, x.shape, x.dtype, False)
    return Tensor(Layout.occur(spec, part.node, origin=origin()))


def products_before(x: Tensor) -> Tensor:
    """Along the last axis, the product of all elements before each one; 1 for the first."""
    before = moved(along_last("cumprod", x), 1)
    return where(eq(position(x.shape[-1]), 0), 1, before)


def all_others(a: Node, axis: int) -> Node:
    """Along an axis, the product of all elements but each one, exact also with zeros."""
    x = moveaxis(Tensor(a), axis, -1)
    others = products_before(x) * flip(products_before(flip(x, -1)), -1)
    return moveaxis(others, -1, axis).node


def _cumsum(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """Sums of the cotangent from the end."""
    return flip(along_last("cumsum", flip(g, -1)), -1)


def recurrence(a: Tensor, b: Tensor) -> Tensor:
    """Along the last axis, y_i = a_i y_(i-1) + b_i with y_(-1) = 0."""
    return routine("recurrence", [broadcast_to(a, b.shape), b], b.shape, b.dtype)


def _backwards(a: Tensor, g: Tensor) -> Tensor:
    """u_i = g_i + a_(i+1) u_(i+1): what a recurrence does to its cotangent."""
    return flip(recurrence(flip(moved(a, -1), -1), flip(g, -1)), -1)


def _cumprod(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """d y_i / d x_k is the product of the others up to i: u_k y_(k-1) with u as in `_backwards`."""
    a = Tensor(x.operands[0])
    return _backwards(a, g) * products_before(a)


def _recurrence(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """For b the cotangents u of `_backwards`; for a, u_i y_(i-1)."""
    u = _backwards(Tensor(x.operands[0]), g)
    return u if k == 1 else u * moved(Tensor(x), 1)


def _scatter_add(x: Call, k: int, g: Tensor, batch: int) -> Tensor | None:
    """The rows of the cotangent at the positions."""
    return along_axis(g, Tensor(x.operands[0]), g.ndim - 2) if k == 1 else None


def _none(x: Call, k: int, g: Tensor, batch: int) -> None:
    return None


ADJOINTS: dict[str, Adjoint] = {
    "cumsum": _cumsum,
    "cumprod": _cumprod,
    "recurrence": _recurrence,
    "argsort": _none,
    "scatter_add": _scatter_add,
    "scatter_last": _none,
    **MATRIX_ADJOINTS,
}
