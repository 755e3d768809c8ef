"""Formulas without a layout: the tree that the text and the LaTeX printer share.

A formula has a rank: 0 a scalar, 1 a column vector, 2 a matrix, more an array that only indices can address. A vector
is a column; a row is its `Transpose`. Arrays meet in four ways: `Chain` is the matrix product, `Hadamard` the
elementwise product and quotient, `Sum` adds (a scalar term is added to every element), `Product` multiplies by scalars.
`Entry`, `IndexSum` and `Entries` say with indices what matrix notation cannot say.

The functions at the end build formulas in a normal form: sums and chains are flat, scalars stand in front.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction


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
    """A variable: the name its user gave, and how many primes tell it from others of that name."""

    name: str
    order: int = 0
    primes: int = 0

    @property
    def rank(self) -> int:
        return self.order


@dataclass(frozen=True)
class Temporary(Formula):
    """A formula that is defined under "where"; numbered when the document is complete."""

    key: int
    order: int

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
class Apply(Formula):
    """A function; `axis` says along which axes of its argument it works, None for all or elementwise."""

    word: str
    args: tuple[Formula, ...]
    order: int
    axis: tuple[int, ...] | None = None

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
    """Part of an array; or, `padded`, zeros with the array written at that part."""

    base: Formula
    items: tuple[str, ...]
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


# ---------------------------------------------------------------- walks; formulas are small, so these recurse


def children(e: Formula) -> Iterable[Formula]:
    """The formulas that e is made of."""
    for field in dataclasses.fields(e):
        value = getattr(e, field.name)
        if isinstance(value, Formula):
            yield value
        elif isinstance(value, tuple):
            yield from (v for v in value if isinstance(v, Formula))


def rewrite(e: Formula, change: Callable[[Formula], Formula | None]) -> Formula:
    """e with every formula for which `change` gives something replaced by it."""
    found = change(e)
    if found is not None:
        return found
    values = {}
    for field in dataclasses.fields(e):
        value = getattr(e, field.name)
        if isinstance(value, Formula):
            values[field.name] = rewrite(value, change)
        elif isinstance(value, tuple) and any(isinstance(v, Formula) for v in value):
            values[field.name] = tuple(rewrite(v, change) for v in value)
    return dataclasses.replace(e, **values) if values else e


def size(e: Formula) -> int:
    """How much there is to read: symbols, numbers and function words."""
    inner = sum(map(size, children(e)))
    return inner + (1 if isinstance(e, Apply | Slice) or not inner else 0)


# ---------------------------------------------------------------- normal form


def parts(e: Formula) -> Product:
    """e as coefficient * scalars / below * array."""
    if isinstance(e, Product):
        return e
    if isinstance(e, Number):
        return Product(e.value)
    if e.rank == 0:
        return Product(Fraction(1), (e,))
    return Product(Fraction(1), (), (), e)


def product(factors: Iterable[Formula], array: Formula | None = None) -> Formula:
    """Scalars times an array (or nothing)."""
    coefficient, scalars, below = Fraction(1), [], []
    for f in [*factors, *([array] if array is not None else [])]:
        p = parts(f)
        coefficient *= p.coefficient
        scalars.extend(p.scalars)
        below.extend(p.below)
    core = parts(array).array if array is not None else None
    if coefficient == 0:
        return ZERO
    if coefficient == 1 and not scalars and not below and core is not None:
        return core
    if core is None and not below:
        if not scalars:
            return Number(coefficient)
        if coefficient == 1 and len(scalars) == 1:
            return scalars[0]
    return Product(coefficient, tuple(scalars), tuple(below), core)


def total(terms: Iterable[Formula]) -> Formula:
    """A flat sum; a positive term is brought to the front if the first is negative."""
    flat: list[Formula] = []
    for t in terms:
        flat.extend(t.terms if isinstance(t, Sum) else (t,))
    flat = [t for t in flat if t != ZERO] or [ZERO]
    first = next((k for k, t in enumerate(flat) if parts(t).coefficient > 0), 0)
    flat.insert(0, flat.pop(first))
    return flat[0] if len(flat) == 1 else Sum(tuple(flat))


def hadamard(factors: Iterable[Formula]) -> Formula:
    """Elementwise product of arrays of one shape."""
    scalars, above, below = [], [], []
    for f in factors:
        p = parts(f)
        scalars.append(dataclasses.replace(p, array=None))
        core = p.array
        if isinstance(core, Hadamard):
            above.extend(core.factors)
            below.extend(core.below)
        elif core is not None:
            above.append(core)
    if not above and not below:
        return product(scalars)
    core = above[0] if len(above) == 1 and not below else Hadamard(tuple(above), tuple(below))
    return product(scalars, core)


def chain(factors: Iterable[Formula], order: int) -> Formula:
    """Matrix product; identities vanish, scalars move to the front."""
    scalars, flat = [], []
    for f in factors:
        p = parts(f)
        scalars.append(dataclasses.replace(p, array=None))
        core = p.array
        if core is not None:
            flat.extend(core.factors if isinstance(core, Chain) else (core,))
    rest = [f for f in flat if not isinstance(f, Identity)] or flat[:1]
    core = rest[0] if len(rest) == 1 else Chain(tuple(rest), order)
    return product([*scalars, core]) if core.rank == 0 else product(scalars, core)


def transpose(e: Formula) -> Formula:
    """e with its two axes exchanged; a vector becomes a row."""
    if isinstance(e, Transpose):
        return e.base
    if e.rank == 0 or isinstance(e, Identity) or (isinstance(e, Apply) and e.word == "diag" and e.rank == 2):
        return e
    if isinstance(e, Product) and e.array is not None:
        return dataclasses.replace(e, array=transpose(e.array))
    if isinstance(e, Chain):
        return Chain(tuple(transpose(f) for f in reversed(e.factors)), e.order)
    return Transpose(e)


def power(base: Formula, exponent: Formula) -> Formula:
    """base**exponent; negative exponents divide, 1/2 is a square root."""
    if not isinstance(exponent, Number):
        return Power(base, exponent)
    value = exponent.value
    if value < 0:
        inner = power(base, Number(-value))
        return Hadamard((), (inner,)) if inner.rank else reciprocal(inner)
    if value == 1:
        return base
    return Apply("sqrt", (base,), base.rank) if value == Fraction(1, 2) else Power(base, exponent)


def reciprocal(e: Formula) -> Formula:
    """1/e for a scalar."""
    p = parts(e)
    if p.coefficient == 0:
        return Power(e, Number(Fraction(-1)))
    return product([Product(1 / p.coefficient, p.below, p.scalars)])


def diag(e: Formula) -> Formula:
    """The diagonal matrix of a vector; scalars move to the front."""
    p = parts(e)
    scalars = dataclasses.replace(p, array=None)
    if p.array is None or isinstance(p.array, Ones):
        return product([scalars], Identity())
    return product([scalars], Apply("diag", (p.array,), 2))
