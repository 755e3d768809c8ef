"""Extents of a function: which are equal, what they are at a call, and what a conflict says.

A function owns the union of the equalities of its graph (semantics 5.1). `Extents` collects them
once; `Extents.bind` reads the shapes of one call.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..algebra.build import describe, place
from ..algebra.dims import (
    SEVERAL,
    Dim,
    Equalities,
    Extent,
    FreshDim,
    dims_in,
    evaluate,
    show,
)
from ..algebra.errors import CallError, ShapeError
from ..algebra.graph import topological
from ..algebra.node import Leaf, Node


class Axis(NamedTuple):
    """An axis that gave an extent its value."""

    leaf: Leaf
    axis: int
    size: int


class Sizes:
    """The extents of one call; calling it with a dim gives a number."""

    def __init__(self, extents: Extents) -> None:
        self._extents = extents
        self.bound: dict[Extent, Axis] = {}
        self._defined: dict[Extent, int] = {}

    def __call__(self, dim: Extent) -> int:
        root = dim if isinstance(dim, int) else self._extents.find(dim)
        if isinstance(root, int):
            return root
        if root in self.bound:
            return self.bound[root].size
        if root not in self._defined:
            self._defined[root] = self._derive(root, dim)
        return self._defined[root]

    def _derive(self, root: Extent, dim: Extent) -> int:
        for d in (root, dim, *self._extents.definitions.get(root, ())):
            if isinstance(d, FreshDim) and d.definition is not None and not self._names(d, root):
                return self.defined(d)
        raise ShapeError(
            f"the extent {show(dim)} follows from no argument",
            fix="give this axis a number or the name of an input's axis in shape=",
        )

    def _names(self, dim: FreshDim, root: Extent) -> bool:
        """Whether the definition of a dim is by the very extent, as in n = n + n, which only the
        other definitions can decide."""
        assert dim.definition is not None
        kind, of, *_ = dim.definition
        named = of if kind in SEVERAL else (of,)
        return any(not isinstance(d, int) and self._extents.find(d) is root for d in named)

    def defined(self, dim: FreshDim) -> int:
        """Return the run-time value of a dim that is defined by others."""
        assert dim.definition is not None
        kind, of, count = dim.definition[:3]
        if kind == "quotient" and (total := math.prod(map(self, of))) % count:
            raise ShapeError(
                f"{total} elements cannot be reshaped to rows of {count}",
                fix="pass arrays whose number of elements divides",
            )
        return evaluate(dim.definition, self)

    def check_definitions(self) -> None:
        """Compare defined extents with those that arrays have.

        Raises
        ------
        ShapeError
            If a slice has another length than what it is combined with.
        """
        for root, dims in self._extents.definitions.items():
            for d in dims:
                if self.defined(d) != self(root):
                    where = self._extents.blame(d, root)
                    raise ShapeError(
                        f"a slice, reshape or join gives {self.defined(d)} elements along an axis "
                        f"where {self(root)} are needed",
                        where=where,
                        fix="pass arrays whose shapes fit, or cut them alike",
                    )


class Extents:
    """The equalities of a graph.

    Attributes
    ----------
    definitions : dict
        Per representative, the dims equal to it that have a definition.
    surplus : bool
        Whether an extent is defined and bound, or defined twice: every call must then compare.

    Raises
    ------
    ShapeError
        If the equalities contradict each other; the message names the lines.
    """

    def __init__(
        self, order: Sequence[Node], extra: Iterable[tuple] = (), inputs: Iterable[Leaf] = ()
    ) -> None:
        self._equal = Equalities()
        self._reasons: list[tuple[Extent, Extent, str]] = []
        self._used: dict[Node, str] = {}
        for x in order:
            for a in x.operands if x.origin else ():
                self._used.setdefault(a, place(x.origin))
        for x in order:
            for left, right in x.equalities:
                self.join(left, right, place(x.origin))
        for left, right, where in extra:
            self.join(left, right, where)
        self.definitions: dict[Extent, list[FreshDim]] = {}
        for dim in dict.fromkeys(d for x in order for d in dims_in((x.spec.content, x.equalities))):
            if isinstance(dim, FreshDim) and dim.definition is not None:
                self.definitions.setdefault(self.find(dim), []).append(dim)
        dims = [d for x in (*order, *inputs) for d in x.dims]
        self._present = tuple(dict.fromkeys(self.find(d) for d in dims))
        arrays = [x for x in order if isinstance(x, Leaf) and x.spec.kind not in ("iota", "delta")]
        given = {self.find(d) for x in arrays for d in x.dims}
        self.surplus = any(
            len(dims) > 1 or isinstance(root, int) or root in given
            for root, dims in self.definitions.items()
        )

    def find(self, dim: Extent) -> Extent:
        """Return the representative of a dim."""
        return dim if isinstance(dim, int) else self._equal.find(dim)

    def join(self, left: Extent, right: Extent, where: str) -> None:
        """Make two dims equal because of what a line says."""
        if self._equal.join(left, right):
            self._reasons.append((left, right, where))
            return
        a, b = self.find(left), self.find(right)
        also = ", ".join(dict.fromkeys(w for w in self._lines(a, b) if w and w != where))
        raise ShapeError(
            f"this function needs the extents {show(a)} and {show(b)} to be equal",
            where=where + (f" (with {also})" if also else ""),
            fix="declare both axes alike in shape=, or transpose or reshape one of them",
        )

    def _lines(self, *roots: Extent) -> list[str]:
        return [w for left, right, w in self._reasons if self.find(left) in roots]

    def blame(self, *dims: Extent) -> str:
        """Return the lines that made these dims equal."""
        roots = [self.find(d) for d in dims]
        return ", ".join(dict.fromkeys(w for w in self._lines(*roots) if w))

    def empty(self, sizes: Sizes) -> bool:
        """Whether some array of the graph has no elements."""
        return any(sizes(d) == 0 for d in self._present)

    def used(self, *leaves: Leaf) -> str:
        """Return the lines that first use these leaves."""
        lines = (self._used.get(x, "") for x in leaves)
        return ", ".join(dict.fromkeys(w for w in lines if w))

    def bind(self, arguments: Iterable[tuple[Leaf, Any]], error: type = CallError) -> Sizes:
        """Read the extents of a call from the shapes of its arrays.

        Raises
        ------
        CallError
            If shapes contradict each other or what was declared; ranks must fit already.
        """
        sizes = Sizes(self)
        for leaf, shape in arguments:
            for axis, (dim, size) in enumerate(zip(leaf.dims, shape, strict=True)):
                self._bind(sizes, Axis(leaf, axis, int(size)), dim, error)
        if self.surplus:
            sizes.check_definitions()
        return sizes

    def _bind(self, sizes: Sizes, here: Axis, dim: Extent, error: type) -> None:
        root = self.find(dim)
        if isinstance(root, int):
            if here.size != root:
                raise self._fixed(here, dim, root, error)
            return
        known = sizes.bound.setdefault(root, here)
        if known.size != here.size:
            raise error(
                f"{_axis(here)}, but {_axis(known)}"
                + ("" if isinstance(root, FreshDim) else f"; both are {root}"),
                where=self.blame(dim, root) or self.used(here.leaf, known.leaf),
                fix="pass arrays whose extents agree",
            )

    def _fixed(self, here: Axis, dim: Extent, root: int, error: type) -> Exception:
        fix = f"pass an array with extent {root} there"
        if root == 1:
            fix += ", or declare the axis with a name in shape= if it may be longer"
        elif here.size == 1:
            fix += "; only an axis declared to be 1 (row, col, broadcastable=, shape=) broadcasts"
        where = self.blame(dim, root) or self.used(here.leaf)
        return error(f"{_axis(here)}, not {root}", where=where, fix=fix)


def _axis(a: Axis) -> str:
    return f"axis {a.axis} of {describe(a.leaf)} has extent {a.size}"


# ---------------------------------------------------------------- graphs with one dim per extent


def unified(roots: Sequence[Node], extents: Extents, memo: dict[Node, Node]) -> list[Node]:
    """Return the roots with every dim replaced by its representative; occurrences stay apart.

    memo : results; extended, so that leaves can be looked up.
    """
    dims: dict[Extent, Extent] = {}
    for x in topological(roots, stop=memo.__contains__):
        if x not in memo:
            memo[x] = _unify(x, tuple(memo[a] for a in x.operands), extents, dims)
    return [memo[r] for r in roots]


def _unify(x: Node, operands: tuple[Node, ...], extents: Extents, dims: dict) -> Node:
    content = tuple(_replaced(part, extents, dims) for part in x.spec.content)
    spec = x.spec if content == x.spec.content else type(x.spec)(*content)
    new = with_operands(x, operands, spec)
    if new.equalities:
        new = with_operands(x, operands, spec, copy=True)
        new.equalities = ()
    return new


def with_operands(
    x: Node, operands: tuple[Node, ...], spec: Any = None, copy: bool = False
) -> Node:
    """Return the same occurrence over other operands, or under another spec."""
    spec = x.spec if spec is None else spec
    if (
        not copy
        and spec is x.spec
        and all(a is b for a, b in zip(operands, x.operands, strict=True))
    ):
        return x
    make = type(x) if isinstance(x, Leaf) else type(x).occur
    new = make(spec, *operands)
    new.label, new.payload = x.label, x.payload
    new.origin, new.equalities = x.origin, x.equalities
    return new


def _replaced(part: Any, extents: Extents, dims: dict) -> Any:
    if isinstance(part, tuple):
        return tuple(_replaced(p, extents, dims) for p in part)
    if not isinstance(part, Dim | FreshDim):
        return part
    root = extents.find(part)
    if isinstance(root, FreshDim) and root.definition is not None:
        if root not in dims:
            definition = tuple(_replaced(p, extents, dims) for p in root.definition)
            dims[root] = root if definition == root.definition else FreshDim(definition)
        return dims[root]
    return root
