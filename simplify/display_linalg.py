"""Rows of the display form about linear algebra: inverses and determinants of products; and what is
proven to be symmetric, which `matrix_rows` uses in every form.
"""

from __future__ import annotations

import itertools
import weakref
from collections import Counter
from typing import Any

from ..algebra.node import (
    Call,
    CallSpec,
    Contract,
    Leaf,
    Map,
    Node,
    contract_node,
    delta_leaf,
    map_node,
)
from ..algebra.scalar import Add, Mul, Slot, replace, subexpressions
from .contraction_rows import NodeRule, rebuild
from .factors import Factor, contraction, flattened, key, read_factors, reads_of
from .rule import negative, product

DEPTH = 4  # operations that are looked through for a proof of symmetry
SYMMETRIC_OF = ("inv", "pinv", "expm", "matrix_power")  # symmetric for a symmetric matrix


_answers: weakref.WeakKeyDictionary[Node, bool] = weakref.WeakKeyDictionary()


def is_symmetric(a: Node, depth: int = DEPTH) -> bool:
    """Whether a matrix is proven to equal its transpose: declared, or by how it is made."""
    if a.ndim != 2 or a.dims[0] != a.dims[1] or depth == 0:
        return False
    found = _answers.get(a)
    if found is None:
        found = _proven(a, depth)
        if found or depth == DEPTH:
            _answers[a] = found
    return found


def _proven(a: Node, depth: int) -> bool:
    if isinstance(a, Leaf):
        return a.spec.kind == "delta" or "symmetric" in a.spec.facts
    if isinstance(a, Call):
        return a.spec.routine in SYMMETRIC_OF and is_symmetric(a.operands[0], depth - 1)
    if isinstance(a, Contract):
        return _is_palindrome(a, depth)
    return isinstance(a, Map) and _is_even(a, depth)


def _is_palindrome(a: Contract, depth: int) -> bool:
    """Whether exchanging the two axes only exchanges factors, as in B'B."""
    factors = flattened(a)
    swap = {0: 1, 1: 0}
    turned = [(b, tuple(swap.get(t, t) for t in ls)) for b, ls in factors]
    return same_factors(factors, turned, 2, depth) == 1


def same_factors(one: list[Factor], other: list[Factor], rank: int, depth: int = DEPTH) -> int:
    """1 if two products of factors are the same sum, whatever the order of the factors and the
    names of the labels from `rank` on, -1 if one is the negative of the other, else 0; A' is A for
    a symmetric A, and -(a - b) is b - a.
    """
    if len(one) != len(other) or len(one) > 6:
        return 0
    equal = Counter(b for b, _ in one) == Counter(b for b, _ in other)
    if not equal and Counter(map(_alone, one)) != Counter(map(_alone, other)):
        return 0
    inner, renamed = (sorted({t for _, ls in fs for t in ls if t >= rank}) for fs in (one, other))
    if len(inner) > 4 or len(inner) != len(renamed):
        return 0
    even = {b for b, ls in one if len(ls) == 2 and is_symmetric(b, depth - 1)}
    first: dict[Any, Any] = {}  # of each sum, with either sign, the one that was seen first

    def signed(factors: list[Factor], move: dict[int, int]) -> tuple[int, Counter]:
        moved = [(b, tuple(move.get(t, t) for t in ls)) for b, ls in factors]
        plain = [(b, tuple(sorted(ls)) if b in even else ls) for b, ls in moved]
        if equal:
            return 1, Counter(plain)
        keys = [_of_sum(*m) or (p, None) for m, p in zip(moved, plain, strict=True)]
        turned = sum(first.setdefault(frozenset(k), k[0]) != k[0] for k in keys)
        return (-1) ** turned, Counter(frozenset(k) for k in keys)

    sign, plain = signed(one, {})
    for order in itertools.permutations(inner):
        found, keys = signed(other, dict(zip(renamed, order, strict=True)))
        if keys == plain:
            return sign * found
    return 0


def _alone(factor: Factor) -> Any:
    """What equal factors have in common, whatever their labels."""
    b, _ = factor
    return frozenset(b.operands) if isinstance(b, Map) and type(b.spec.body) is Add else b


def _of_sum(b: Node, labels: tuple[int, ...]) -> tuple[Any, Any] | None:
    """A sum as what it adds at its labels, and its negative; None for another factor."""
    if not (isinstance(b, Map) and type(b.spec.body) is Add):
        return None
    reads = [(a, tuple(None if t is None else labels[t] for t in i)) for a, i in reads_of(b)]
    if {t for _, i in reads for t in i} != set(labels):
        return None
    return key(b.spec.body, reads), key(negative(b.spec.body), reads)


def _is_even(a: Map, depth: int) -> bool:
    """Whether an elementwise formula stays the same when its two axes are exchanged."""
    swap = {0: 1, 1: 0, None: None}
    one, other = [], []
    for b, index in zip(a.operands, a.spec.indices, strict=True):
        moved = tuple(swap[t] for t in index)
        if len(index) == 2 and None not in index and is_symmetric(b, depth - 1):
            index, moved = tuple(sorted(index)), tuple(sorted(moved))  # type: ignore[type-var]
        one.append((b, index))
        other.append((b, moved))
    return bool(key(a.spec.body, one) == key(a.spec.body, other))


# ---------------------------------------------------------------- rows


def symmetric(composer: Any, x: Contract) -> Node | None:
    """A' is A for a symmetric A: its labels stand in the order in which a product reads them."""
    indices = list(x.spec.indices)
    rank = _distances(x)
    for k, a in enumerate(x.operands):
        if len(indices[k]) == 2 and is_symmetric(a):
            indices[k] = tuple(sorted(indices[k], key=lambda t: (rank.get(t, 99), t)))
    return None if indices == list(x.spec.indices) else rebuild(x, indices, x.operands)


def _distances(x: Contract) -> dict[int, int]:
    """How many factors lie between a label and the first axis of the result."""
    start = x.spec.out[0] if x.spec.out else x.spec.indices[0][0] if x.spec.indices[0] else 0
    found, level = {start: 0}, [start]
    while level:
        near = {t for i in x.spec.indices if set(i) & set(level) for t in i} - set(found)
        found |= dict.fromkeys(near, found[level[0]] + 1)
        level = sorted(near)
    return found


def symmetric_view(composer: Any, x: Map) -> Node | None:
    """The same where it is read elementwise."""
    indices = tuple(
        i[::-1] if len(i) == 2 and None not in i and i[0] > i[1] and is_symmetric(a) else i
        for a, i in zip(x.operands, x.spec.indices, strict=True)
    )
    if indices == x.spec.indices:
        return None
    return composer.normal(Map(x.spec.with_(indices=indices), *x.operands))


def same_product(composer: Any, x: Map) -> Node | None:
    """Two operands that are the same product, with factors in another order, are one; so are a
    product and its negative.
    """
    products = [k for k, a in enumerate(x.operands) if isinstance(a, Contract)]
    factors = {k: read_factors(x, k) for k in products} if len(products) > 1 else {}
    for k, j in itertools.combinations(products, 2):
        one, other = factors[k], factors[j]
        if x.operands[k].dtype != x.operands[j].dtype:
            continue
        sign = same_factors(one, other, x.ndim) if one and other else 0
        if sign:
            slots = {s: product((sign, Slot(k, s.sign))) for s in subexpressions(x.spec.body)
                     if isinstance(s, Slot) and s.index == j}  # fmt: skip
            body = replace(x.spec.body, slots)
            return composer.normal(Map(x.spec.with_(body=body), *x.operands))
    return None


def _inverse_of(a: Node) -> Node | None:
    """What a matrix is the inverse of."""
    inverse = isinstance(a, Call) and a.spec.routine == "inv" and a.ndim == 2
    return a.operands[0] if inverse else None


def inverse_cancels(composer: Any, x: Contract) -> Node | None:
    """A^-1 A is I."""
    rank = x.ndim
    if len(set(x.spec.out)) < rank:
        return None
    factors = flattened(x)
    for (i, (a, la)), (j, (b, lb)) in itertools.permutations(enumerate(factors), 2):
        if _inverse_of(a) is not b or len(lb) != 2:
            continue
        if la[1] == lb[0] and la[1] >= rank:
            gone, ends = la[1], (la[0], lb[1])
        elif la[0] == lb[1] and la[0] >= rank:
            gone, ends = la[0], (lb[0], la[1])
        else:
            continue
        others = [f for k, f in enumerate(factors) if k not in (i, j)]
        if any(gone in ls for _, ls in others):
            continue
        merged = [(delta_leaf(a.dims[0], x.dtype), ends), *others]
        sizes = {t: d for n, ls in merged for t, d in zip(ls, n.dims, strict=True)}
        return composer.normal(contraction(x, merged, tuple(range(rank)), sizes))
    return None


def _square_factors(a: Node) -> list[tuple[Node, bool]] | None:
    """A product of one square matrix, or its transpose, with itself: (matrix, whether it is
    transposed) from left to right.
    """
    if not isinstance(a, Contract) or a.ndim != 2 or a.spec.out[0] == a.spec.out[1]:
        return None
    left = flattened(a)
    found: list[tuple[Node, bool]] = []
    place = 0
    while left:
        fits = [f for f in left if place in f[1] and len(f[1]) == 2 and f[1][0] != f[1][1]]
        if len(fits) != 1 or fits[0][0].dims != a.dims:
            return None
        (matrix, labels) = fits[0]
        left.remove(fits[0])
        found.append((matrix, labels[1] == place))
        place = labels[0] if labels[1] == place else labels[1]
    alike = len({matrix for matrix, _ in found}) == 1
    return found if place == 1 and len(found) > 1 and alike else None


def determinant_of_product(composer: Any, x: Call) -> Node | None:
    """det(A A) is det(A)**2; log|det(A A)| is 2 log|det A|."""
    if x.spec.routine not in ("det", "logdet") or x.ndim:
        return None
    factors = _square_factors(x.operands[0])
    if factors is None:
        return None
    parts = [composer.normal(Call(x.spec, a)) for a, _ in factors]
    joined = Mul if x.spec.routine == "det" else Add
    body = joined(*(Slot(k) for k in range(len(parts))))
    return composer.normal(map_node(body, ((),) * len(parts), (), x.dtype, *parts))


def inverse_of_product(composer: Any, x: Call) -> Node | None:
    """(A A)^-1 is A^-1 A^-1, which cancels factors A."""
    if x.spec.routine != "inv" or x.ndim != 2:
        return None
    factors = _square_factors(x.operands[0])
    if factors is None:
        return None
    spec = CallSpec("inv", (), 0, x.dims, x.dtype, False)
    indices, operands = [], []
    for k, (a, turned) in enumerate(reversed(factors)):
        operands.append(composer.normal(Call(spec, a)))
        ends = (k, k + 1)
        indices.append(ends[::-1] if turned else ends)
    count = len(factors)
    out = (0, count)
    return composer.normal(
        contract_node(tuple(indices), out, (x.dims[0],) * (count + 1), x.dtype, *operands)
    )


def inverse_of_inverse(composer: Any, x: Call) -> Node | None:
    """(A^-1)^-1 is A."""
    return _inverse_of(x.operands[0]) if x.spec.routine == "inv" else None


CONTRACTION = (NodeRule("inverse-cancels", "A^-1 A", "I", inverse_cancels, source="definition"),)
ACROSS = (NodeRule("same-product", "A S B + A S' B", "2 A S B", same_product, source="field laws"),)
CALLS = (
    NodeRule("inverse-of-product", "(A A)^-1", "A^-1 A^-1", inverse_of_product,
             source="Matrix Cookbook (2012) (1)"),
    NodeRule("determinant-of-product", "det(A A)", "det(A)**2", determinant_of_product,
             source="Matrix Cookbook (2012) (21)"),
)  # fmt: skip
