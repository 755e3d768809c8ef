"""Extents of axes: an int, a named dim, or a fresh dim (semantics 5).

A dim is a positive SymPy integer symbol. Named dims are rigid: two names never unify. Fresh dims
stand for axes of unknown extent and unify with anything. Unification returns a representative and
the equalities it relied on; it mutates nothing.
"""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import sympy

from .errors import ClosedformError, ShapeError
from .origin import here

_numbers = itertools.count()
_defined: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


def _no_index(self: Extent) -> int:
    """An extent is no number yet: range(n) and np.ones(x.shape) need one."""
    from .errors import ExpressionError
    from .origin import here

    raise ExpressionError(
        f"the extent {show(self)} is symbolic and no integer yet",
        where=here(),
        fix="use cf.arange(n), cf.ones(x.shape) and whole-array operations, or give a number in "
        "shape=",
    )


class Dim(sympy.Symbol):
    """A named extent, a positive integer. Equal names are equal dims."""

    __slots__ = ()
    __index__ = _no_index

    def __new__(cls, name: str) -> Dim:
        return super().__new__(cls, name, integer=True, positive=True)


class FreshDim(sympy.Dummy):
    """An unknown extent, a positive integer; equal only to itself, or to what has its definition.

    definition  None, or how the extent follows from others at run time: ("length" or "start", dim,
                start, stop, step) of a slice, ("quotient", dims, count) of a reshape with -1,
                ("sum", dims, number) of arrays side by side, or ("least", dims, number) of a
                diagonal
    """

    __slots__ = ("__weakref__", "definition")
    __index__ = _no_index

    def __new__(cls, definition: tuple | None = None) -> FreshDim:
        self = _defined.get(definition) if definition is not None else None
        if self is None:
            self = super().__new__(cls, f"?{next(_numbers)}", integer=True, positive=True)
            self.definition = definition
            if definition is not None:
                self = _defined.setdefault(definition, self)
        return self

    def _sympystr(self, printer: object) -> str:
        return show(self)


Extent = int | Dim | FreshDim
SEVERAL = ("quotient", "sum", "least")  # definitions that name several extents
Equality = tuple[Extent, Extent]


def extent(value: object) -> Extent:
    """Read what a user wrote for one axis in `shape=`: a number, a name, None (unknown), or a dim.

    Raises ShapeError for anything else.
    """
    if value is None:
        return FreshDim()
    if isinstance(value, Dim | FreshDim):
        return value
    if isinstance(value, str):
        if not value or len(value) > 100:
            raise ShapeError(
                f"a dim is named {value!r}", where=here(), fix="use a name of 1 to 100 characters"
            )
        return Dim(value)
    if isinstance(value, sympy.Symbol):
        return Dim(value.name)
    number = -1 if isinstance(value, bool) else _number(value)
    if number < 0:
        raise ShapeError(
            f"{value!r} is not an extent",
            where=here(),
            fix="give a number >= 0, a name such as 'n', or None",
        )
    return number


def _number(value: object) -> int:
    """A whole number, or -1."""
    try:
        number = int(value)  # type: ignore[call-overload]
        return number if bool(number == value) else -1
    except (TypeError, ValueError, OverflowError, ClosedformError):
        return -1


def added(dims: Iterable[Extent], number: int = 0) -> Extent:
    """The extent of arrays side by side: the sum of extents and a number."""
    rest = []
    for d in dims:
        if isinstance(d, int):
            number += d
        else:
            rest.append(d)
    if not rest or (len(rest) == 1 and number == 0):
        return rest[0] if rest else number
    return FreshDim(("sum", tuple(rest), number))


def product(dims: Iterable[Extent]) -> Extent:
    """The extent of merged axes."""
    number, rest = 1, []
    for d in dims:
        if isinstance(d, int):
            number *= d
        else:
            rest.append(d)
    if not rest or number == 0:
        return number
    if number == 1:
        return rest[0] if len(rest) == 1 else FreshDim(("quotient", tuple(rest), 1))
    return FreshDim(("quotient", (*rest, number), 1))


def least(first: Extent, second: Extent) -> Extent:
    """The smaller of two extents."""
    if first == second:
        return first
    if isinstance(first, int) and isinstance(second, int):
        return min(first, second)
    rest = tuple(d for d in (first, second) if not isinstance(d, int))
    (bound,) = (d for d in (first, second) if isinstance(d, int)) if len(rest) == 1 else (-1,)
    return FreshDim(("least", rest, bound))


def evaluate(definition: tuple, size: Callable[[Extent], int]) -> int:
    """The run-time value of a dim with this definition; a quotient is rounded down."""
    kind, source, *rest = definition
    if kind in SEVERAL:
        found = [size(d) for d in source]
        if kind == "sum":
            return sum(found) + rest[0]
        if kind == "least":
            return min(found if rest[0] < 0 else [*found, rest[0]])
        return math.prod(found) // rest[0]
    chosen = range(*slice(*rest).indices(size(source)))
    return len(chosen) if kind == "length" else (chosen.start if chosen else 0)


def known(dim: Extent) -> bool:
    """Whether the extent is a number."""
    return isinstance(dim, int)


def unify(dims: list[Extent]) -> tuple[Extent, tuple[Equality, ...]] | None:
    """Representative of extents that must be equal, and the equalities this relies on.

    None if they conflict.
    """
    first = dims[0]
    if all(d is first or d == first for d in dims):
        return first, ()
    best = min(dims, key=_rank)
    equal = tuple((d, best) for d in dict.fromkeys(dims) if d != best)
    for dim, _ in equal:
        if _rank(dim) == _rank(best) and not isinstance(best, FreshDim):
            return None
    return best, equal


def _rank(dim: Extent) -> int:
    """Numbers represent names, names represent fresh dims."""
    if isinstance(dim, int):
        return 0
    if isinstance(dim, Dim):
        return 1
    return 2 if dim.definition is not None else 3


def dims_in(content: Any) -> list[Dim | FreshDim]:
    """Every dim in the record of a node, or in a definition."""
    if isinstance(content, Dim | FreshDim):
        return [content]
    if isinstance(content, tuple):
        return [d for part in content for d in dims_in(part)]
    return []


class Equalities:
    """Union of equalities between extents; `find` gives the representative of a dim."""

    def __init__(self) -> None:
        self._parent: dict[Extent, Extent] = {}

    def find(self, dim: Extent) -> Extent:
        """Representative: a number if the dim is bound to one, else a named dim, else a fresh."""
        root = dim
        while root in self._parent:
            root = self._parent[root]
        while dim != root:
            self._parent[dim], dim = root, self._parent[dim]
        return root

    def join(self, left: Extent, right: Extent) -> bool:
        """Make two dims equal; False if that is impossible."""
        left, right = self.find(left), self.find(right)
        if left == right:
            return True
        if _rank(right) < _rank(left):
            left, right = right, left
        if not isinstance(right, FreshDim) and _rank(left) == _rank(right):
            return False
        if isinstance(left, FreshDim) and self._needs(left, right):
            left, right = right, left  # what a definition is made of stands for it
        self._parent[right] = left
        return True

    def _needs(self, dim: Extent, other: Extent) -> bool:
        """Whether the definition of a dim leads to another one."""
        seen: set[Extent] = set()
        todo = [dim]
        while todo:
            for d in dims_in(getattr(todo.pop(), "definition", None)):
                root = self.find(d)
                if root == other:
                    return True
                if root not in seen:
                    seen.add(root)
                    todo.append(root)
        return False


def show(dim: Extent) -> str:
    """The dim as users read it."""
    if not isinstance(dim, FreshDim):
        return str(dim)
    kind, *rest = dim.definition or ("",)
    if kind == "sum":
        parts = [*map(show, rest[0]), *([str(rest[1])] if rest[1] else [])]
        return " + ".join(parts).replace("+ -", "- ")
    if kind == "quotient" and rest[1] == 1:
        return "*".join(map(show, rest[0]))
    return "?"


def show_shape(dims: tuple[Extent, ...]) -> str:
    """A shape as users read it, such as (n, 3) or (?,)."""
    return "(" + ", ".join(map(show, dims)) + ("," if len(dims) == 1 else "") + ")"
