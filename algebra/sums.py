"""Building sums: flat, like terms collected, what terms share written once.

Products of matrices that begin or end alike are joined, `A X B + C X B` as `(A + C) X B`, unless
that leaves more to read.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from .marks import marks
from .normal_form import chain, ordered, parts, product, transpose, transposes
from .notation import (
    ZERO,
    Chain,
    Formula,
    Kronecker,
    Number,
    Ones,
    Product,
    Sum,
    Transpose,
    size,
)

MINUS, NEGATIVE = Number(Fraction(-1)), Product(Fraction(-1))
MOST_TERMS, MOST_SIZE = 12, 200  # of sums that are searched for what their terms share


def total(terms: Iterable[Formula], as_typed: bool = False) -> Formula:
    """A flat sum; a positive term is brought to the front if the first is negative.

    Parameters
    ----------
    as_typed : what terms have in common stays in each of them.
    """
    flat = [t for e in terms for t in _terms(e)]
    flat = [t for t in _collected(flat) if t != ZERO] or [ZERO]
    turned = _turned(flat)
    if turned is not None:
        p = parts(total(turned, as_typed))
        return product([replace(p, array=None)], Transpose(p.array)) if p.array else ZERO
    flat = flat if as_typed else _joined(flat)
    first = next((k for k, t in enumerate(flat) if parts(t).coefficient > 0), 0)
    flat.insert(0, flat.pop(first))
    return flat[0] if len(flat) == 1 else _divided(flat, as_typed)


def _terms(e: Formula) -> Iterable[Formula]:
    """The terms of a sum, or of one with a minus sign."""
    inner = e.array if isinstance(e, Product) else None
    if isinstance(inner, Sum) and e == replace(NEGATIVE, array=inner):
        return (product([MINUS], t) if t.rank else product([MINUS, t]) for t in inner.terms)
    return e.terms if isinstance(e, Sum) else (e,)


def _collected(terms: list[Formula]) -> list[Formula]:
    """Terms that differ by a number as one."""
    split = [parts(t) for t in terms]
    counts: dict[tuple, Fraction] = {}
    for p in split:
        rest = (p.scalars, p.below, p.array)
        counts[rest] = counts.get(rest, Fraction(0)) + p.coefficient
    if len(counts) == len(terms):
        return terms
    return [product([Product(k, *rest[:2])], rest[2]) for rest, k in counts.items()]


def _turned(terms: list[Formula]) -> list[Formula] | None:
    """The terms transposed, if that leaves at most a third of the transposes in matrices; else
    None.
    """
    if len(terms) < 2 or any(t.rank != 2 for t in terms):
        return None
    before = sum(map(transposes, terms))
    if before < 3:
        return None
    turned = [transpose(t) for t in terms]
    return turned if 3 * (sum(map(transposes, turned)) + 1) <= before + 1 else None


def left_of(e: Formula, part: Formula) -> tuple[Formula, ...] | None:
    """The terms of e that are left when `part` is taken out of it, in whatever order the terms
    stand; None if it is not in it.
    """
    if ordered(e) == ordered(part):
        return ()
    left = list(e.terms) if isinstance(e, Sum) else [e]
    for t in part.terms if isinstance(part, Sum) else (part,):
        same = [k for k, own in enumerate(left) if ordered(own) == ordered(t)]
        if not same:
            return None
        left.pop(same[0])
    return tuple(left)


# ---------------------------------------------------------------- what terms share


def _joined(terms: list[Formula]) -> list[Formula]:
    """Terms that begin or end with the same matrices as one, unless that is longer."""
    if not 1 < len(terms) <= MOST_TERMS or sum(map(size, terms)) > MOST_SIZE:
        return terms
    while True:
        found = [c for i, j in itertools.combinations(range(len(terms)), 2)
                 for c in _choices(i, j, terms[i], terms[j])]  # fmt: skip
        best = max(found, key=lambda c: c.saved, default=None)
        if best is None:
            return terms
        terms = [best.joined if k == best.one else t
                 for k, t in enumerate(terms) if k != best.other]  # fmt: skip


@dataclass(frozen=True)
class _Choice:
    """Two terms as one, and how much less there is to read."""

    one: int
    other: int
    joined: Formula
    saved: int


def _choices(i: int, j: int, one: Formula, other: Formula) -> list[_Choice]:
    before = marks(Sum((one, other)))
    found = []
    for joined in (_joined_chains(parts(one), parts(other)), _joined_kronecker(one, other)):
        if joined is not None and before >= marks(joined):
            found.append(_Choice(i, j, joined, before - marks(joined)))
    return found


def _joined_chains(one: Product, other: Product) -> Formula | None:
    """Products with the same first or last factors."""
    f, g = _factors(one.array), _factors(other.array)
    most = min(len(f), len(g)) - 1
    if most < 1 or one.rank != other.rank:
        return None
    p = _alike(f, g, most)
    q = _alike(f[::-1], g[::-1], most - p)
    if all(isinstance(e, Ones) for e in (*f[:p], *f[len(f) - q :])):
        return None
    inner = [fs[p : len(fs) - q] for fs in (f, g)]
    ends = {_ends(fs) for fs in inner}
    if len(ends) != 1 or ends == {(0, 0)}:
        return None
    shared, *rests = _scalars([one, other])
    row = ends == {(0, 1)}
    middles = [product([rest], _segment(fs, row)) for rest, fs in zip(rests, inner, strict=True)]
    middle = transpose(total(middles)) if row else total(middles)
    return product([shared], chain([*f[:p], middle, *f[len(f) - q :]], one.rank))


def _factors(e: Formula | None) -> tuple[Formula, ...]:
    if e is None:
        return ()
    return e.factors if isinstance(e, Chain) else (e,)


def _alike(one: Sequence[Formula], other: Sequence[Formula], most: int) -> int:
    """How many of the first factors are the same."""
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return min(sum(1 for _ in pairs), most)


def _ends(factors: Sequence[Formula]) -> tuple[int, int]:
    """Whether a product has rows, and columns."""
    first, last = factors[0], factors[-1]
    row = first.rank == 1 and isinstance(first, Transpose)
    column = last.rank == 1 and not isinstance(last, Transpose)
    return int(not row), int(not column)


def _segment(factors: Sequence[Formula], row: bool) -> Formula:
    """Some factors of a product as a formula; a row as the column that it is the transpose of."""
    if row:
        return chain([transpose(f) for f in reversed(factors)], 1)
    return chain(factors, sum(_ends(factors)))


def _joined_kronecker(one: Formula, other: Formula) -> Formula | None:
    """A x I + B x I is (A + B) x I."""
    p, q = parts(one), parts(other)
    a, b = p.array, q.array
    if not (isinstance(a, Kronecker) and isinstance(b, Kronecker)) or a.order != b.order:
        return None
    shared, *rests = _scalars([p, q])
    if a.right == b.right:
        left = total([product([rests[0]], a.left), product([rests[1]], b.left)])
        return product([shared], _kronecker(left, a.right, a.order))
    if a.left == b.left:
        right = total([product([rests[0]], a.right), product([rests[1]], b.right)])
        return product([shared], _kronecker(a.left, right, a.order))
    return None


def _kronecker(left: Formula, right: Formula, order: int) -> Formula:
    """A Kronecker product with scalars in front."""
    p, q = parts(left), parts(right)
    scalars = [replace(p, array=None), replace(q, array=None)]
    return product(scalars, Kronecker(p.array or left, q.array or right, order))


def _scalars(split: Sequence[Product]) -> tuple[Product, ...]:
    """What stands before every array, then what else stands before each of them."""
    sizes = {abs(p.coefficient) for p in split}
    number = sizes.pop() if len(sizes) == 1 else Fraction(1)
    number = -number if all(p.coefficient < 0 for p in split) else number
    above, below = _common([p.scalars for p in split]), _common([p.below for p in split])
    shared = Product(number, tuple(above.elements()), tuple(below.elements()))
    return shared, *(
        Product(
            p.coefficient / number,
            tuple((Counter(p.scalars) - above).elements()),
            tuple((Counter(p.below) - below).elements()),
        )
        for p in split
    )


def _common(groups: Sequence[tuple[Formula, ...]]) -> Counter:
    found = Counter(groups[0])
    for group in groups[1:]:
        found &= Counter(group)
    return found


def _divided(terms: list[Formula], as_typed: bool) -> Formula:
    """A sum, with scalars that all terms have written once, unless that is longer."""
    plain = Sum(tuple(terms))
    shared, *rests = _scalars([parts(t) for t in terms])
    if shared.coefficient < 0:
        flipped = (replace(r, coefficient=-r.coefficient) for r in rests)
        shared, rests = replace(shared, coefficient=-shared.coefficient), list(flipped)
    if shared == Product(Fraction(1)):
        return plain
    inner = Sum(tuple(product([r], parts(t).array) for r, t in zip(rests, terms, strict=True)))
    found = product([shared], inner) if inner.rank else product([shared, inner])
    shorter = not as_typed and marks(found) <= marks(plain)
    return found if shared.below or shorter else plain
