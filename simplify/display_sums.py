"""Rows of the display form that split and join sums of products, whichever reads better.

A row that regroups is taken if it lowers the reading cost.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..algebra.graph import topological
from ..algebra.node import Contract, Map, Node, contract_node, map_node
from ..algebra.scalar import ONE, Add, Mul, Slot, replace, subexpressions
from . import display_rows
from .arithmetic import coefficient
from .contraction_rows import NodeRule
from .display_rows import is_negative, multiplied, powers
from .factors import Factor, Labels, contraction, key, part, term_factors
from .island import occurrences
from .reading import frontier, local_cost
from .rule import product, sum_of

APART = 10**6  # labels of two terms that are joined do not meet


def split_sum(composer: Any, x: Contract) -> Node | None:
    """sum_j f_j (g_j + h_j) is sum_j f_j g_j + sum_j f_j h_j, where that reads better."""
    for k, a in enumerate(x.operands):
        if not (isinstance(a, Map) and a.dtype == x.dtype == a.spec.compute):
            continue
        terms = terms_of(a.spec.body)
        if not 1 < len(terms) <= 4:
            continue
        new = split(composer.scratch, x, k, a, terms)
        below = frontier(x)
        if a in composer.shared:
            below.add(a)  # it is written elsewhere, too
        if local_cost(new, below) < local_cost(x, below):
            return composer.normal(new)
    return None


def terms_of(body: Any) -> list[Any]:
    """The terms of a sum, or of a product with one sum in it."""
    if type(body) is Add:
        return list(body.args)
    if type(body) is not Mul:
        return [body]
    sums = [f for f in body.args if type(f) is Add]
    if len(sums) != 1:
        return [body]
    return [product(t if f is sums[0] else f for f in body.args) for t in sums[0].args]


def split(composer: Any, x: Contract, k: int, a: Map, terms: list[Any]) -> Node:
    nodes = []
    for t in terms:
        value, bases = powers(t)
        node, axes = part(composer, a, multiplied(ONE, bases))
        labels = tuple(x.spec.indices[k][t] for t in axes)
        indices, operands = list(x.spec.indices), list(x.operands)
        indices[k], operands[k] = labels, node
        new = contract_node(
            tuple(indices), x.spec.out, x.spec.sizes, x.dtype, *operands, weak=x.spec.weak
        )
        nodes.append((value, composer.normal(new)))
    every = tuple(range(x.ndim))
    body = sum_of(product((value, Slot(j))) for j, (value, _) in enumerate(nodes))
    indices_ = (every,) * len(nodes)
    return composer.normal(map_node(body, indices_, x.dims, x.dtype, *(n for _, n in nodes)))


# ---------------------------------------------------------------- sums are joined


def joined_sums(composer: Any, x: Map) -> Node | None:
    """A B + A C is A (B + C)."""
    if x.ndim > 2 or x.spec.compute != x.dtype:
        return None
    if type(x.spec.body) is Mul:
        return _joined_factor(composer, x)
    if type(x.spec.body) is not Add:
        return None
    terms = [_term(composer, x, t) for t in x.spec.body.args]
    for i, j in itertools.combinations(range(len(terms)), 2):
        one, other = terms[i], terms[j]
        if one is None or other is None:
            continue
        new = _joined(composer.scratch, x, one, other)
        if new is None:
            continue
        rest = [t for k, t in enumerate(x.spec.body.args) if k not in (i, j)]
        slot = Slot(len(x.operands))
        body = sum_of([*rest[:i], slot, *rest[i:]])
        spec = x.spec.with_(body=body, indices=(*x.spec.indices, tuple(range(x.ndim))))
        found = composer.scratch.normal(Map(spec, *x.operands, new))
        below = frontier(x)
        if local_cost(found, below) < local_cost(x, below):
            return composer.normal(found)
    return None


def _joined_factor(composer: Any, x: Map) -> Node | None:
    """The same for a sum that is a factor of a product."""
    for f in x.spec.body.args:
        if type(f) is not Add:
            continue
        node, axes = part(composer, x, f)
        if isinstance(node, Map) and type(node.spec.body) is Add:
            continue
        slot = Slot(len(x.operands))
        body = product(slot if g is f else g for g in x.spec.body.args)
        spec = x.spec.with_(body=body, indices=(*x.spec.indices, axes))
        return composer.normal(Map(spec, *x.operands, node))
    return None


def _term(composer: Any, x: Map, t: Any) -> tuple[Any, tuple, list[Factor]] | None:
    """A term as `term_factors` gives it, if something is summed in it."""
    number, scalars, factors = term_factors(composer, x, t)
    if not any(k >= x.ndim for _, ls in factors for k in ls):
        return None  # rows on bodies find what is common
    return number, tuple(sorted(scalars, key=str)), factors


def _joined(composer: Any, x: Map, one: tuple, other: tuple) -> Node | None:
    (n1, s1, f1), (n2, s2, f2) = one, other
    if s1 != s2:
        return None
    for (a, la), (b, lb) in itertools.product(_ends(f1), _ends(f2)):
        if a is not b or not _same_role(la, lb, x.ndim) or composer.joins not in (None, a):
            continue
        link = {q: p for p, q in zip(la, lb, strict=True)}
        rest1 = [f for f in f1 if f != (a, la)]
        apart = lambda t: t if t < x.ndim else t + APART  # noqa: E731
        rest2 = [
            (n, tuple(link.get(t, apart(t)) for t in ls)) for n, ls in f2 if (n, ls) != (b, lb)
        ]
        if len(rest1) < len(f1) - 1 or len(rest2) < len(f2) - 1 or not rest1 or not rest2:
            continue
        found = _merged(composer, x, (a, la), (n1, rest1), (n2, rest2))
        if found is not None:
            return _scaled(composer, x, s1, found)
    return None


def _ends(factors: list[Factor]) -> list[Factor]:
    return [f for f in factors if f[1]]


def _same_role(one: Labels, other: Labels, rank: int) -> bool:
    """Whether two sets of labels are the same axes of the result, and are summed at the same
    places.
    """
    return any(t >= rank for t in one) and all(
        p == q if p < rank or q < rank else True for p, q in zip(one, other, strict=True)
    )


def _merged(composer: Any, x: Map, common: Factor, one: tuple, other: tuple) -> Node | None:
    """common * (n1*rest1 + n2*rest2), summed over what is no axis of x."""
    a, la = common
    inner = [t for t in la if t >= x.ndim]
    sizes = dict(zip(la, a.dims, strict=True))
    for n, ls in (*one[1], *other[1]):
        for t, d in zip(ls, n.dims, strict=True):
            sizes.setdefault(t, d)
    carried = [
        {t for _, ls in rest for t in ls if t < x.ndim or t in inner} for _, rest in (one, other)
    ]
    if carried[0] != carried[1] or len(carried[0]) > 2:
        return None
    order = dict.fromkeys(t for _, ls in one[1] for t in ls if t in carried[0])
    out = tuple(order)
    if any(d == 1 for d in sizes.values()):
        return None
    parts = [composer.normal(contraction(x, rest, out, sizes)) for _, rest in (one, other)]
    every = tuple(range(len(out)))
    body = Add(product((one[0], Slot(0))), product((other[0], Slot(1))))
    dims = tuple(sizes[t] for t in out)
    both = composer.normal(map_node(body, (every, every), dims, x.dtype, *parts))
    target = tuple(range(x.ndim))
    if not set(target) <= {*la, *out}:
        return None
    return composer.normal(contraction(x, [common, (both, out)], target, sizes))


def _scaled(composer: Any, x: Map, scalars: tuple, found: Node) -> Node:
    """The node times scalar parts of a body."""
    if not scalars:
        return found
    slot = Slot(len(x.operands))
    spec = x.spec.with_(
        body=product((*scalars, slot)), indices=(*x.spec.indices, tuple(range(x.ndim)))
    )
    return composer.normal(Map(spec, *x.operands, found))


# ---------------------------------------------------------------- factors and signs


def common_factor(composer: Any, x: Map) -> Node | None:
    """a b + a c is a (b + c), for a that is a scalar or has all axes of the sum, or where the
    others have them all, or where only indices can say the sum.
    """
    axes = {k: {t for t in i if t is not None} for k, i in enumerate(x.spec.indices)}

    def along(e: Any) -> set:
        return set().union(*(axes[k] for k in occurrences(e)))

    def may_leave(total: Any) -> Any:
        full = along(total)

        def check(f: Any, rest: list) -> bool:
            own = along(f)
            return (
                len(full) > 2
                or own in (set(), full)
                or all(set().union(*map(along, others)) == full for others in rest)
            )

        return check

    for e in subexpressions(x.spec.body):
        if type(e) is Add:
            new = display_rows.common_factor(e, may_leave(e))
            if new is not None:
                body = replace(x.spec.body, {e: new})
                return composer.normal(Map(x.spec.with_(body=body), *x.operands))
    return None


def sums_of(nodes: Iterable[Node]) -> Counter:
    """How often each sum is written in bodies, whatever its order and the axes it is read at."""
    found: Counter = Counter()
    for x in topological(nodes):
        if isinstance(x, Map):
            found.update(sum_key(x, e) for e in subexpressions(x.spec.body) if type(e) is Add)
    return found


def sum_key(x: Map, e: Any) -> Any:
    """A sum by what it adds."""
    return key(e, [(a,) for a in x.operands])


def sign_into_sum(composer: Any, x: Map) -> Node | None:
    """-(a - b) c is (b - a) c, unless a - b is written elsewhere, too."""

    def may_turn(total: Any) -> bool:
        return bool(composer.sums[sum_key(x, total)] < 2)

    for e in subexpressions(x.spec.body):
        new = display_rows.flipped(e, may_turn) if type(e) is Mul else None
        if new is not None:
            body = replace(x.spec.body, {e: new})
            return composer.normal(Map(x.spec.with_(body=body), *x.operands))
    return None


def sign_into_product(composer: Any, x: Map) -> Node | None:
    """-A (b - c) is A (c - b)."""
    terms = x.spec.body.args if type(x.spec.body) is Add else (x.spec.body,)
    for t in terms:
        number, rest = coefficient(t)
        if number >= 0:
            continue
        for f in rest:
            new = _turned(composer, x.operands[f.index]) if isinstance(f, Slot) else None
            if new is None:
                continue
            slot = Slot(len(x.operands))
            turned = product((-number, *(slot if g is f else g for g in rest)))
            body = sum_of(turned if u is t else u for u in terms)
            index = x.spec.indices[f.index]
            spec = x.spec.with_(body=body, indices=(*x.spec.indices, index))
            return composer.normal(Map(spec, *x.operands, new))
    return None


def _turned(composer: Any, a: Node) -> Node | None:
    """The negative of a contraction by turning a sum in it that has as many minus signs as plus,
    and is written nowhere else.
    """
    if not isinstance(a, Contract) or a in composer.shared:
        return None
    for k, b in enumerate(a.operands):
        if isinstance(b, Map) and type(b.spec.body) is Add and b not in composer.shared:
            terms = b.spec.body.args
            elsewhere = composer.sums[sum_key(b, b.spec.body)] > 1
            if 2 * sum(map(is_negative, terms)) >= len(terms) and not elsewhere:
                turned = composer.normal(_negated(b))
                operands = [turned if j == k else c for j, c in enumerate(a.operands)]
                return composer.normal(Contract(a.spec, *operands))
    return None


def sign_leaves(composer: Any, x: Contract) -> Node | None:
    """sum_j f_j (-g_j - h_j) is -sum_j f_j (g_j + h_j)."""
    if len(x.operands) < 2:
        return None
    for k, a in enumerate(x.operands):
        if not (isinstance(a, Map) and type(a.spec.body) is Add and a.dtype == x.dtype):
            continue
        if a in composer.shared or not all(map(is_negative, a.spec.body.args)):
            continue
        turned = composer.normal(_negated(a))
        operands = [turned if j == k else b for j, b in enumerate(x.operands)]
        new = composer.normal(Contract(x.spec, *operands))
        every = tuple(range(x.ndim))
        return composer.normal(map_node(Mul(-1, Slot(0)), (every,), x.dims, x.dtype, new))
    return None


def _negated(a: Map) -> Map:
    """The Map of a sum with every sign turned."""
    terms = (coefficient(t) for t in a.spec.body.args)
    return Map(a.spec.with_(body=sum_of(product((-n, *rest)) for n, rest in terms)), *a.operands)


CERTAIN = (
    NodeRule("common-factor", "a b + a c", "a (b + c)", common_factor, source="field laws"),
    NodeRule("sign-into-sum", "-(a - b) c", "(b - a) c", sign_into_sum, source="field laws"),
    NodeRule("sign-into-product", "-A (b - c)", "A (c - b)", sign_into_product),
)
SIGN_LEAVES = NodeRule("sign-leaves-sum", "A (-b - c)", "-A (b + c)", sign_leaves)
SPLITTING = (
    NodeRule("split-sum", "sum_j f_j (g_j + h_j)", "sum_j f_j g_j + sum_j f_j h_j", split_sum),
)
JOINING = (
    NodeRule("joined-sums", "A B + A C", "A (B + C)", joined_sums, source="distributive law"),
)
