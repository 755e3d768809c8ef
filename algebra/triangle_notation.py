"""Triangles in formulas: what is kept where i - j + k >= 0 reads tril(A, k), its mirror triu."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from .factorgraph import Labelled
from .node import Leaf, Map, Node
from .notation import ONE, Apply, Number
from .scalar import Slot, is_number, op
from .view import View, full, whole

# comparison of whole numbers -> (sign, k) of the same as sign * (left - right) + k >= 0
AT_LEAST = {"ge": (1, 0), "gt": (1, -1), "le": (-1, 0), "lt": (-1, -1)}
Reads = Sequence[tuple[Node, Any]]  # per slot of a body: the operand, and the axis of each of its


def triangle(x: Map, e, walk: Callable[..., Labelled]) -> Labelled | None:
    """A choice or an indicator in the body of a matrix that keeps a triangle, else None.

    Parameters
    ----------
    walk : gives the formula of a subexpression (see `bodies`).
    """
    reads = tuple(zip(x.operands, x.spec.indices, strict=True))
    found = kept(e, reads, (0, 1)) if x.ndim == 2 else None
    if found is None:
        return None
    word, k, value = found
    inner = Labelled(ONE) if value is None else walk(value)
    matrix = whole(full(View(inner.formula, inner.labels), x.dims), x.dims)
    args = (matrix, *([Number(Fraction(k))] if k else []))
    return Labelled(Apply(word, args, 2), (0, 1)) if matrix.rank == 2 else None


def kept(e, reads: Reads, axes: Sequence[int]) -> tuple[str, int, Any] | None:
    """`tril` or `triu`, its k, and the expression of which a triangle is kept (None for ones).

    Parameters
    ----------
    axes : that of the rows, and that of the columns.
    """
    test = e.args[0] if op(e) in ("where", "indicator") else None
    found = None if test is None else _compared(test, reads, axes)
    if found is None:
        return None
    word, k = found
    if op(e) == "indicator":
        return word, k, None
    _, yes, no = e.args
    if is_number(no) and no == 0:
        return word, k, yes
    if is_number(yes) and yes == 0:
        return ("triu", k + 1, no) if word == "tril" else ("tril", k - 1, no)
    return None


def _compared(test, reads: Reads, axes: Sequence[int]) -> tuple[str, int] | None:
    """The triangle on which a comparison of the two indices holds; it may be an operand."""
    if isinstance(test, Slot):
        mask, index = reads[test.index]
        if not isinstance(mask, Map) or mask.ndim != 2 or set(index) != set(axes):
            return None
        inner = tuple(zip(mask.operands, mask.spec.indices, strict=True))
        return _compared(mask.spec.body, inner, tuple(map(index.index, axes)))
    if op(test) not in AT_LEAST:
        return None
    sign, k = AT_LEAST[op(test)]
    left, right = (_index(side, reads) for side in test.args)
    if left is None or right is None or {left[0], right[0]} != set(axes):
        return None
    k += sign * (left[1] - right[1])
    below = (left[0] == axes[0]) == (sign > 0)  # row - column + k >= 0
    return ("tril", k) if below else ("triu", -k)


def _index(e, reads: Reads) -> tuple[int, int] | None:
    """The axis whose index an expression is, and a whole number that is added to it."""
    terms = e.args if op(e) == "Add" else (e,)
    slots = [t for t in terms if isinstance(t, Slot)]
    rest = [t for t in terms if is_number(t)]
    if len(slots) != 1 or len(rest) != len(terms) - 1 or not all(t.is_integer for t in rest):
        return None
    a, index = reads[slots[0].index]
    if not (isinstance(a, Leaf) and a.spec.kind == "iota"):
        return None
    return index[0], sum(map(int, rest))
