"""The reading cost: what a person would rather read.

It counts the marks of a formula in matrix notation: one for every symbol, number and word of a
function, one for every sign of an operation (a sum, a difference, a fraction, a power, a transpose,
an elementwise product, a relation), one for a pair of parentheses and one for every letter of an
index. Juxtaposition is free. What is defined under "where" counts once, and 2 for its definition.
"""

from __future__ import annotations

from ..algebra.graph import topological
from ..algebra.node import Contract, Leaf, Map, Node
from ..algebra.notation import (
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
)
from ..algebra.scalar import HALF, Add, Mul, Pow, Scalar, Slot, is_number
from ..algebra.spelling import ATOM, HADAMARD, POWER, PRODUCT, negated, strength
from ..algebra.transcription import transcribe


def reading_cost(node: Node) -> int:
    """Marks of the formula of a node, as it stands: nothing is rewritten first."""
    return document_cost(transcribe(node, lambda s: s.name + "'" * s.primes))


def document_cost(document: Document) -> int:
    """Marks of a formula and of its definitions."""
    return marks(document.main) + sum(2 + marks(value) for _, value in document.definitions)


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


# ---------------------------------------------------------------- an estimate on graphs


DEPTH = 3  # how far below a node its rewriting is weighed
FAR = 6  # what a rewriting may see of what lies deeper


def frontier(node: Node) -> set[Node]:
    """What stands `DEPTH` and more operations below a node: rewriting it leaves that as it is."""
    level, seen, below = [node], {node}, set()
    for depth in range(1, FAR + 1):
        level = [a for x in level for a in dict.fromkeys(x.operands) if a not in seen]
        seen.update(level)
        if depth >= DEPTH:
            below.update(level)
    return below


def local_cost(node: Node, below: set[Node]) -> int:
    """Marks of a node, estimated without a formula; what is in `below` counts 1, what is used again
    too.
    """
    return sum(_own(x) for x in topological([node], stop=below.__contains__) if x not in below)


def _own(x: Node) -> int:
    inner = [1] * len(x.operands)
    if isinstance(x, Leaf):
        return 0
    if isinstance(x, Map):
        high = x.ndim if x.ndim > 2 else 0
        return _body(x.spec.body, inner, high) + 2 * high
    if isinstance(x, Contract):
        return len(inner) + _contraction(x)
    return 2 + len(inner)


def _contraction(x: Contract) -> int:
    """Transposes, ones, and indices where matrix notation has no word."""
    if any(len(i) > 2 for i in x.spec.indices) or len(x.spec.out) > 2:
        return 2 + sum(map(len, x.spec.indices)) + len(x.spec.out)
    alone = [t for t in range(len(x.spec.sizes)) if t not in x.spec.out
             and sum(t in i for i in x.spec.indices) == 1]  # fmt: skip
    turned = sum(len(i) == 2 and i[0] > i[1] for i in x.spec.indices)
    return len(alone) + turned


def _body(e, inner: list[int], high: int) -> int:
    if isinstance(e, Slot):
        return inner[e.index] + high
    if not isinstance(e, Scalar):
        return 1
    args = [_body(a, inner, high) for a in e.args]
    if isinstance(e, Add):
        signs = sum(isinstance(a, Mul) and a.args[0] == -1 for a in e.args)
        return sum(args) + len(args) - 1 - signs
    if isinstance(e, Mul):
        sums = sum(isinstance(a, Add) for a in e.args)
        return sum(args) + sums
    if isinstance(e, Pow):
        if is_number(e.args[1]):
            return args[0] + (1 if e.args[1] in (-1, HALF) else 2) + isinstance(e.args[0], Add)
        return sum(args) + 1
    return 2 + sum(args)
