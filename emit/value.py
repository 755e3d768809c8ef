"""Values: what a program computes, each over its own index space.

A value has an expression over loads of other values. Its space maps labels to extents; `own` are
the labels that survive, the others are reduced by `op`. The label "i" is the fold axis; "j0",
"j1"... are the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy

from ..algebra.dims import Extent
from ..algebra.node import Leaf
from ..algebra.scalar import NONNEGATIVE, POSITIVE, REAL, Scalar, subexpressions

AXIS = "i"
Offset = tuple[tuple[int, Extent | None], ...]  # sum of coefficient * extent; None stands for 1


@dataclass(frozen=True)
class Index:
    """Where a load reads along one axis: offset + step*label, or the inverse of that (clamped into
    the axis).

    label    None for a fixed position
    inverse  the position is (label - offset)/step: used where an `embed` reads its operand
    """

    label: str | None
    step: int = 1
    offset: Offset = ()
    inverse: bool = False

    @property
    def plain(self) -> bool:
        """Whether the position is the label itself."""
        return self.label is not None and self.step == 1 and not self.offset and not self.inverse


ORIGIN = Index(None)


def at(label: str) -> Index:
    """The position named by a label."""
    return Index(label)


class Atom(Scalar):
    """A scalar that only lowering knows; unique by class and content."""

    __slots__ = ("content",)
    arity = 0
    boolean = False

    def __new__(cls, *content):
        from ..algebra.scalar import _table

        key = (cls, content)
        self = _table.get(key)
        if self is None:
            self = sympy.Basic.__new__(cls)
            self.content = content
            self._slots, self._size, self._sign = frozenset(), 0, self.known_sign
            self = _table.setdefault(key, self)
        return self

    known_sign = REAL

    def _hashable_content(self):
        return self.content


class Load(Atom):
    """An element of a value: content is (value, indices)."""

    __slots__ = ()

    @property
    def value(self) -> Value:
        return self.content[0]

    @property
    def indices(self) -> tuple[Index, ...]:
        return self.content[1]

    @property
    def known_sign(self) -> str:  # type: ignore[override]
        return self.value.sign


class Parameter(Atom):
    """A numbered parameter: content is its number."""

    __slots__ = ()


class Size(Atom):
    """An extent as a number: content is the dim."""

    __slots__ = ()
    known_sign = POSITIVE


class Position(Atom):
    """A position along an axis as a number: content is the Index."""

    __slots__ = ()
    known_sign = NONNEGATIVE


class Whole(Atom):
    """A stored value that is read where values say: content is (value,)."""

    __slots__ = ()

    @property
    def value(self) -> Value:
        return self.content[0]

    @property
    def known_sign(self) -> str:  # type: ignore[override]
        return self.value.sign


class Fetch(Scalar):
    """An element of a `Whole`, the first argument, at positions: loads of int64, or `Position`."""

    __slots__ = ()

    def __new__(cls, *args):
        self = super().__new__(cls, *args)
        self._sign = args[0].value.sign
        return self


@dataclass(frozen=True, eq=False)
class Work:
    """What a routine computes: its row, its numbers, and the arrays it reads, stored in C order."""

    name: str
    params: tuple[int, ...]
    operands: tuple[Value, ...]


class Routine(Atom):
    """One result of a routine: content is (work, number of the result)."""

    __slots__ = ()


class Infinity(Atom):
    """Positive infinity."""

    __slots__ = ()
    known_sign = POSITIVE


class Rows(Atom):
    """The rows of the panel that is being computed."""

    __slots__ = ()
    known_sign = POSITIVE


PANEL, MERGE = "panel", "merge"


@dataclass(frozen=True, eq=False)
class Merge:
    """How the total of a panel, or of another part of the fold, joins an accumulator.

    incoming  the value that holds that total; start: "sum", "max" or "min", whose neutral element
              the accumulator begins with
    """

    incoming: Value
    start: str


@dataclass(eq=False)
class Value:
    """One value of a program.

    own      labels of its axes
    space    extent of every label of the loops that compute it
    expr     its expression (the summand if `op` reduces), None for an argument
    op       None, "sum", "max", "min" or "prod"
    dtype    of the stored element; compute: of the arithmetic
    leaf     the argument leaf it is, if any
    output   number of the output or update it is, if any
    alias    the value whose memory it reinterprets (a reshape)
    phase    PANEL: computed once per panel, of its rows alone; MERGE: joins that to what was before
    merge    of an accumulator whose expression is its content after a panel
    former   the accumulator whose content before the panel this value stands for
    beside   a value whose section this one's is not before
    routine  what computes it, if no loop nest does
    """

    number: int
    own: tuple[str, ...]
    space: dict[str, Extent]
    expr: object
    dtype: np.dtype
    compute: np.dtype
    op: str | None = None
    leaf: Leaf | None = None
    output: int | None = None
    alias: Value | None = None
    section: int = 0
    keep: bool = False  # rows of the fold axis are stored for the whole data
    once: bool = False  # never computed again: somebody compares with its bits
    sign: str = REAL  # what is proven of its elements
    memory: tuple[str, ...] = ()  # labels of its axes in memory order, outermost first; default own
    product: bool = (
        False  # its expression is a product of two loads over three labels: a matrix product
    )
    symmetric: bool = False  # only the upper half of a matrix product is computed
    phase: str = ""
    merge: Merge | None = None
    former: Value | None = None
    beside: Value | None = None
    routine: Work | None = None

    def __post_init__(self) -> None:
        self.memory = self.memory or self.own

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"v{self.number}"

    @property
    def is_accumulator(self) -> bool:
        """Whether it is reduced over the fold axis."""
        reduces = self.op is not None and AXIS in self.space and AXIS not in self.own
        return self.merge is not None or (reduces and self.phase != PANEL)

    @property
    def in_body(self) -> bool:
        """Whether it is computed panel by panel of the fold."""
        return AXIS in self.space or self.phase != ""

    @property
    def whole(self) -> bool:
        """Whether its rows are stored for the whole data, not for a panel."""
        return (
            self.leaf is not None
            or self.output is not None
            or self.keep
            or (self.alias is not None and AXIS in self.own)
        )

    @property
    def may_widen(self) -> bool:
        """Whether a plan may keep it in double: a sum of float32 that can be long."""
        alone = self.product and AXIS not in self.space
        return (
            self.op == "sum" and self.dtype.name == "float32" and AXIS not in self.own and not alone
        )

    @property
    def root(self) -> Value:
        """The value whose memory this is."""
        same = self.alias or self.former
        return self if same is None else same.root

    @property
    def dims(self) -> tuple[Extent, ...]:
        return tuple(self.space[t] for t in self.own)


def labels_of(expr: object) -> frozenset[str]:
    """Labels that an expression varies along."""
    if not isinstance(expr, Scalar):
        return frozenset()
    memo: dict = {}

    def walk(e: Scalar) -> frozenset[str]:
        found = memo.get(e)
        if found is None:
            if isinstance(e, Load):
                found = frozenset(t.label for t in e.indices if t.label is not None)
            elif isinstance(e, Position):
                found = frozenset((e.content[0].label,)) - {None}
            else:
                found = frozenset().union(*(walk(a) for a in e.args if isinstance(a, Scalar)))
            memo[e] = found
        return found

    return walk(expr)


def loads_of(expr: object) -> list[Load]:
    """Distinct loads of an expression, in order of appearance."""
    seen: dict = {}
    visited: set = set()

    def walk(e: object) -> None:
        if not isinstance(e, Scalar) or e in visited:
            return
        visited.add(e)
        if isinstance(e, Load):
            seen[e] = None
        for a in e.args:
            walk(a)

    walk(expr)
    return list(seen)


def wholes_of(expr: object) -> list[Value]:
    """Values that an expression fetches elements of."""
    parts = subexpressions(expr)
    return list(dict.fromkeys(e.value for e in parts if isinstance(e, Whole)))


def fetched_at(expr: object) -> list:
    """Positions at which an expression fetches."""
    parts = subexpressions(expr)
    return [p for e in parts if isinstance(e, Fetch) for p in e.args[1:]]


def dependencies(v: Value) -> list[tuple[Value, Load | None]]:
    """The values that v needs, each with the load that reads it; no load for the memory that v
    reinterprets, and for arrays of which it needs all."""
    if v.alias is not None:
        return [(v.alias, None)]
    if v.routine is not None:
        return [(d, None) for d in v.routine.operands]
    if v.expr is None:
        return []
    loads: list[tuple[Value, Load | None]] = [(load.value, load) for load in loads_of(v.expr)]
    return loads + [(d, None) for d in wholes_of(v.expr)]


def _before(v: Value) -> list[Value]:
    """Values that come before v in every order."""
    return [*(d for d, _ in dependencies(v)), *([v.beside] if v.beside is not None else [])]


def reach(results: list[Value]) -> list[Value]:
    """Values that the results need, operands first."""
    seen: set[Value] = set()
    order: list[Value] = []
    stack: list[tuple[Value, bool]] = [(v, False) for v in reversed(results)]
    while stack:
        v, done = stack.pop()
        if done:
            order.append(v)
        elif v not in seen:
            seen.add(v)
            stack.append((v, True))
            stack.extend((d, False) for d in reversed(_before(v)) if d not in seen)
    return order


def pointwise(d: Value, load: Load) -> bool:
    """Whether a load reads the element of d that has the labels of its own axes."""
    return all(t.plain and t.label == own for own, t in zip(d.own, load.indices, strict=True))
