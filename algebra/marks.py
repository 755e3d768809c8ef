"""How much there is to read: the marks of a formula in matrix notation.

One for every symbol, number and word of a function; one for every sign of an operation (a sum, a
difference, a fraction, a power, a transpose, an elementwise product, a relation); one for a pair of
parentheses and one for every letter of an index. Juxtaposition is free. A definition under "where"
counts 6 besides its formula: a reader has to look for it.
"""

from __future__ import annotations

from .notation import (
    Apply,
    Chain,
    Document,
    Entries,
    Entry,
    Formula,
    Hadamard,
    IndexSum,
    Infix,
    Number,
    Power,
    Product,
    Slice,
    Sum,
    Transpose,
    children,
    remembered,
)
from .spelling import ATOM, HADAMARD, POWER, PRODUCT, negated, strength

DEFINITION = 6  # what looking for a definition costs


def document_marks(document: Document) -> int:
    """Marks of a formula and of its definitions."""
    return marks(document.main) + sum(DEFINITION + marks(e) for _, e in document.definitions)


@remembered
def marks(e: Formula) -> int:
    """Marks of one formula."""
    if isinstance(e, Number):
        return 1 if e.value.denominator in (1, 2) or e.value.denominator % 5 == 0 else 3
    if isinstance(e, Sum):
        first, *rest = e.terms
        return marks(first) + sum(1 + _inside(negated(t) or t, HADAMARD) for t in rest)
    if isinstance(e, Product):
        return _product(e)
    if isinstance(e, Chain):
        return sum(_inside(f, POWER) for f in e.factors)
    if isinstance(e, Hadamard):
        inner = sum(_inside(f, PRODUCT) for f in (*e.factors, *e.below)) or 1
        return inner + len(e.factors) + len(e.below) - (1 if e.factors else 0)
    if isinstance(e, Power):
        return _inside(e.base, ATOM) + 1 + (marks(e.exponent) - 1)
    if isinstance(e, Transpose):
        return _inside(e.base, ATOM) + 1
    if isinstance(e, Apply):
        return 1 + sum(map(marks, e.args)) + bool(e.args)
    if isinstance(e, Infix):
        return sum(map(marks, e.args)) + max(1, len(e.args) - 1)
    if isinstance(e, Slice):
        return _inside(e.base, ATOM) + sum(
            marks(i) if isinstance(i, Formula) else i != ":" for i in e.items
        )
    if isinstance(e, Entry):
        return _inside(e.base, ATOM) + len(e.indices)
    if isinstance(e, IndexSum):
        return 1 + len(e.indices) + _inside(e.body, PRODUCT)
    if isinstance(e, Entries):
        return 1 + len(e.indices) + marks(e.body)
    return 1 + sum(map(marks, children(e)))


def _inside(e: Formula, least: int) -> int:
    return marks(e) + (strength(e) < least)


def _product(e: Product) -> int:
    value = abs(e.coefficient)
    found = (e.coefficient < 0) + sum(_inside(s, PRODUCT) for s in (*e.scalars, *e.below))
    found += value.numerator != 1 or (not e.scalars and e.array is None)
    below = bool(e.below) or (value.denominator != 1 and value.denominator % 5 != 0)
    found += below + (value.denominator != 1 and value.denominator % 5 != 0)
    return found + (_inside(e.array, HADAMARD) if e.array is not None else 0)
