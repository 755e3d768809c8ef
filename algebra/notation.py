"""Formulas without a layout: the tree that the text and the LaTeX printer share.

A formula has a rank: 0 a scalar, 1 a column vector, 2 a matrix, more an array that only indices can
address. A vector is a column; a row is its `Transpose`. Arrays meet in four ways: `Chain` is the
matrix product, `Hadamard` the elementwise product and quotient, `Sum` adds (a scalar term is added
to every element), `Product` multiplies by scalars. `Entry`, `IndexSum` and `Entries` say with
indices what matrix notation cannot say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Formula:
    """Base of all kinds; immutable, compared by structure."""

    @property
    def rank(self) -> int:
        return 0


@dataclass(frozen=True)
class Number(Formula):
    value: Fraction


@dataclass(frozen=True)
class Symbol(Formula):
    """A variable: the name its user gave, how many primes tell it from others of that name, and
    whether it is a matrix that equals its transpose.
    """

    name: str
    order: int = 0
    primes: int = 0
    symmetric: bool = False

    @property
    def rank(self) -> int:
        return self.order


@dataclass(frozen=True)
class Temporary(Formula):
    """A formula that is defined under "where"; numbered when the document is complete."""

    key: int
    order: int
    symmetric: bool = False

    @property
    def rank(self) -> int:
        return self.order


@dataclass(frozen=True)
class Ones(Formula):
    """The vector of ones."""

    @property
    def rank(self) -> int:
        return 1


@dataclass(frozen=True)
class Identity(Formula):
    """The identity matrix."""

    @property
    def rank(self) -> int:
        return 2


@dataclass(frozen=True)
class Sum(Formula):
    terms: tuple[Formula, ...]

    @property
    def rank(self) -> int:
        return max(t.rank for t in self.terms)


@dataclass(frozen=True)
class Product(Formula):
    """coefficient * scalars / below * array."""

    coefficient: Fraction
    scalars: tuple[Formula, ...] = ()
    below: tuple[Formula, ...] = ()
    array: Formula | None = None

    @property
    def rank(self) -> int:
        return self.array.rank if self.array is not None else 0


@dataclass(frozen=True)
class Chain(Formula):
    """Matrix product; `order` is the rank of the result."""

    factors: tuple[Formula, ...]
    order: int

    @property
    def rank(self) -> int:
        return self.order


@dataclass(frozen=True)
class Hadamard(Formula):
    """Elementwise: the product of `factors` over the product of `below`."""

    factors: tuple[Formula, ...]
    below: tuple[Formula, ...] = ()

    @property
    def rank(self) -> int:
        return max(f.rank for f in (*self.factors, *self.below))


@dataclass(frozen=True)
class Power(Formula):
    """Elementwise power."""

    base: Formula
    exponent: Formula

    @property
    def rank(self) -> int:
        return max(self.base.rank, self.exponent.rank)


@dataclass(frozen=True)
class Transpose(Formula):
    base: Formula

    @property
    def rank(self) -> int:
        return self.base.rank


@dataclass(frozen=True)
class MatrixPower(Formula):
    """A matrix to a power that is no elementwise one: "-1", "+" (the pseudo-inverse), "k"."""

    base: Formula
    exponent: str

    @property
    def rank(self) -> int:
        return 2


@dataclass(frozen=True)
class Kronecker(Formula):
    """The array with elements left_ik right_jl at i, j, k, l; with `order` 2 the same as a matrix
    over pairs of indices.
    """

    left: Formula
    right: Formula
    order: int = 4

    @property
    def rank(self) -> int:
        return self.order


@dataclass(frozen=True)
class Literal(Formula):
    """A small array that is written out; nested tuples of numbers."""

    values: tuple
    order: int

    @property
    def rank(self) -> int:
        return self.order


@dataclass(frozen=True)
class Unit(Formula):
    """The vector of zeros with a 1 at a position."""

    position: str

    @property
    def rank(self) -> int:
        return 1


@dataclass(frozen=True)
class Apply(Formula):
    """A function; `axis` says along which axes of its argument it works, None for all or
    elementwise; `derivative` which derivative of it is meant.
    """

    word: str
    args: tuple[Formula, ...]
    order: int
    axis: tuple[int, ...] | None = None
    derivative: int = 0

    @property
    def rank(self) -> int:
        return self.order


@dataclass(frozen=True)
class Infix(Formula):
    """A comparison or a logical operation."""

    word: str
    args: tuple[Formula, ...]

    @property
    def rank(self) -> int:
        return max(a.rank for a in self.args)


@dataclass(frozen=True)
class Slice(Formula):
    """Part of an array; or, `padded`, zeros with the array written at that part. Items are texts,
    or formulas of positions."""

    base: Formula
    items: tuple[str | Formula, ...]
    order: int
    padded: bool = False

    @property
    def rank(self) -> int:
        return self.order


@dataclass(frozen=True)
class Index(Formula):
    """A running index; letters are chosen where it is bound."""

    key: int


@dataclass(frozen=True)
class Entry(Formula):
    """One element of an array."""

    base: Formula
    indices: tuple[Formula, ...]


@dataclass(frozen=True)
class IndexSum(Formula):
    """The sum of a scalar formula over indices."""

    indices: tuple[Index, ...]
    body: Formula


@dataclass(frozen=True)
class Entries(Formula):
    """The array whose elements are a scalar formula of its indices."""

    body: Formula
    indices: tuple[Index, ...]

    @property
    def rank(self) -> int:
        return len(self.indices)


@dataclass(frozen=True)
class Document:
    """A formula, the definitions it needs, and the names that stand in it."""

    main: Formula
    definitions: tuple[tuple[Formula, Formula], ...]
    used: frozenset[str]


ZERO, ONE = Number(Fraction(0)), Number(Fraction(1))


# ---------------------------------------------------------------- walks; they recurse


_names: dict[type, tuple[str, ...]] = {}  # of the fields of each kind, looked up once


def _fields(kind: type) -> tuple[str, ...]:
    if kind not in _names:
        _names[kind] = tuple(field.name for field in dataclasses.fields(kind))
    return _names[kind]


def children(e: Formula) -> Iterable[Formula]:
    """The formulas that e is made of."""
    for name in _fields(type(e)):
        value = getattr(e, name)
        if isinstance(value, Formula):
            yield value
        elif isinstance(value, tuple):
            yield from (v for v in value if isinstance(v, Formula))


def rewrite(e: Formula, change: Callable[[Formula], Formula | None]) -> Formula:
    """e with every formula for which `change` gives something replaced by it."""
    found = change(e)
    if found is not None:
        return found
    values: dict[str, Any] = {}
    for name in _fields(type(e)):
        value = getattr(e, name)
        if isinstance(value, Formula):
            values[name] = rewrite(value, change)
        elif isinstance(value, tuple) and any(isinstance(v, Formula) for v in value):
            values[name] = tuple(rewrite(v, change) if isinstance(v, Formula) else v for v in value)
    return dataclasses.replace(e, **values) if values else e


def remembered(function: Callable[[Formula], T]) -> Callable[[Formula], T]:
    """A function of a formula that is computed once for each: formulas do not change."""
    key = f"_{function.__name__}"

    @wraps(function)
    def once(e: Formula) -> T:
        known = e.__dict__
        found: T | None = known.get(key)
        if found is None:
            found = known[key] = function(e)
        return found

    return once


@remembered
def size(e: Formula) -> int:
    """How much there is to read: symbols, numbers and function words."""
    inner = sum(map(size, children(e)))
    return inner + (1 if isinstance(e, Apply | Slice) or not inner else 0)
