"""Rows over nodes of the display form: sums are split and joined, whichever reads better.

A row that only regroups is taken if it lowers the reading cost; the others always shorten. Rows
have the signature of `contraction_rows` and `node_rows`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ..algebra.dims import added
from ..algebra.graph import topological
from ..algebra.node import (
    Contract,
    Join,
    Layout,
    Leaf,
    Map,
    Node,
    Reduce,
    contract_node,
    delta_leaf,
    map_node,
)
from ..algebra.scalar import ONE, Add, Mul, Scalar, Slot, exp, replace, subexpressions
from . import display_rows
from .arithmetic import coefficient
from .contraction_rows import NodeRule, rebuild, summed, with_repeats
from .display_rows import is_negative, multiplied, powers
from .island import occurrences, renumber
from .reading import frontier, local_cost
from .rule import product, sum_of

Labels = tuple[int, ...]
Factor = tuple[Node, Labels]
FREE = 1000  # labels of one contraction in a product do not meet those of another
APART = 10**6  # nor do those of two terms that are joined


# ---------------------------------------------------------------- parts of bodies as nodes


def part(composer: Any, x: Map, e: Any, axes: Labels | None = None) -> Factor:
    """A part of a Map's body as a node of its own, and the axes of x that it runs along."""
    body, order = renumber(e)
    if axes is None:
        axes = tuple(sorted({t for s in order for t in x.spec.indices[s] if t is not None}))
    place = {t: k for k, t in enumerate(axes)}
    indices = tuple(
        tuple(None if t is None else place[t] for t in x.spec.indices[s]) for s in order
    )
    node = map_node(
        body,
        indices,
        tuple(x.dims[t] for t in axes),
        x.dtype,
        *(x.operands[s] for s in order),
        compute=x.spec.compute,
    )
    return composer.normal(node), axes


def key(e: Any, reads: Sequence[tuple]) -> Any:
    """What a body says of its operands, whatever the order of terms and factors."""
    if isinstance(e, Slot):
        return reads[e.index]
    if not isinstance(e, Scalar):
        return e
    parts = [key(a, reads) for a in e.args]
    if isinstance(e, Add | Mul):
        return type(e), frozenset(Counter(parts).items())
    return type(e), tuple(parts)


def _reads(x: Map) -> list[tuple]:
    return list(zip(x.operands, x.spec.indices, strict=True))


# ---------------------------------------------------------------- softmax


def softmax_axes(a: Node) -> tuple[int, ...] | None:
    """The axes along which a node is a softmax: exp(u - logsumexp(u)), else None."""
    if not (isinstance(a, Map) and type(a.spec.body) is exp):
        return None
    inner = a.spec.body.args[0]
    if type(inner) is not Add:
        return None
    for k, t in enumerate(inner.args):
        number, rest = coefficient(t)
        if number != -1 or len(rest) != 1 or not isinstance(rest[0], Slot):
            continue
        lse, index = _reads(a)[rest[0].index]
        others = sum_of(s for j, s in enumerate(inner.args) if j != k)
        if isinstance(lse, Reduce) and lse.spec.op == "logsumexp":
            found = _softmax_of(a, others, lse, index)
            if found is not None:
                return found
    return None


def _softmax_of(a: Map, terms: Any, lse: Reduce, index: tuple) -> tuple[int, ...] | None:
    """The axes of a softmax if the terms of its exponent are what the logsumexp is taken of, with
    axes in whatever order.
    """
    (u,) = lse.operands
    if u.ndim != a.ndim or u.ndim > 3:
        return None
    kept = [k for k in range(u.ndim) if k not in lse.spec.axes]
    for order in itertools.permutations(range(u.ndim)):
        if tuple(order[k] for k in kept) == tuple(index) and _is_read_at(a, terms, u, order):
            return tuple(sorted(order[k] for k in lse.spec.axes))
    return None


def _is_read_at(a: Map, terms: Any, u: Node, order: tuple) -> bool:
    """Whether terms of a body are u, with its axis k along axis order[k] of the Map."""
    if isinstance(terms, Slot):
        return _reads(a)[terms.index] == (u, order)
    if not isinstance(u, Map):
        return False
    moved = [
        (b, tuple(None if t is None else order[t] for t in i))
        for b, i in zip(u.operands, u.spec.indices, strict=True)
    ]
    return bool(key(terms, _reads(a)) == key(u.spec.body, moved))


def total_probability(composer: Any, x: Contract) -> Node | None:
    """A softmax, a one-hot or a distribution summed along its axis is 1."""
    for k, a in enumerate(x.operands):
        axes = softmax_axes(a)
        if axes is None and isinstance(a, Leaf) and a.spec.facts & {"onehot", "simplex"}:
            axes = (a.ndim - 1,)
        labels = x.spec.indices[k]
        if axes is None or len(set(labels)) < len(labels):
            continue
        gone = {labels[t] for t in axes}
        others = {t for j, i in enumerate(x.spec.indices) if j != k for t in i}
        if not gone <= summed(x) - others:
            continue
        rest = [j for j in range(len(x.operands)) if j != k]
        sizes = [1 if t in gone else d for t, d in enumerate(x.spec.sizes)]
        lost = [t for t in labels if t not in gone and t in summed(x) - others]
        indices = [x.spec.indices[j] for j in rest]
        return with_repeats(composer, x, indices, [x.operands[j] for j in rest], sizes, lost)
    return None


def shifted(composer: Any, x: Node) -> Node | None:
    """logsumexp(u + c) is c + logsumexp(u), for c that is the same along the axes."""
    a = x.operands[0] if x.operands else None
    if not (isinstance(x, Reduce) and x.spec.op == "logsumexp" and isinstance(a, Map)):
        return None
    if type(a.spec.body) is not Add:
        return None
    varies: list = []
    stays: list = []
    for t in a.spec.body.args:
        found = {s for k in occurrences(t) for s in a.spec.indices[k]}
        (varies if found & set(x.spec.axes) else stays).append(t)
    if not varies or not stays:
        return None
    every = tuple(range(a.ndim))
    inner, _ = part(composer, a, sum_of(varies), every)
    kept = tuple(k for k in every if k not in x.spec.axes)
    lse = composer.normal(Reduce(x.spec, inner))
    constant, axes = part(composer, a, sum_of(stays))
    place = tuple(kept.index(t) for t in axes)
    whole = tuple(range(x.ndim))
    body = Add(Slot(0), Slot(1))
    return composer.normal(map_node(body, (place, whole), x.dims, x.dtype, constant, lse))


# ---------------------------------------------------------------- sums are split


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


def flat_factors(x: Contract, count: itertools.count) -> list[Factor]:
    """The factors of a contraction with labels that are unique in all of it: axes of the result
    are 0, 1..., summed labels are drawn from `count`; contractions in contractions are taken apart.
    """
    number = {t: k for k, t in enumerate(x.spec.out)}
    for t in range(len(x.spec.sizes)):
        if t not in number:
            number[t] = next(count)
    found: list[Factor] = []
    for a, i in zip(x.operands, x.spec.indices, strict=True):
        labels = tuple(number[t] for t in i)
        if isinstance(a, Contract) and a.dtype == x.dtype and len(set(labels)) == len(labels):
            for b, inner in flat_factors(a, count):
                moved = tuple(labels[t] if t < a.ndim else t for t in inner)
                found.append((b, moved))
        else:
            found.append((a, labels))
    return found


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


def common_factor(composer: Any, x: Map) -> Node | None:
    """a b + a c is a (b + c), for a that is a scalar or has all axes of the sum, or where the
    others have them all.
    """
    axes = {k: {t for t in i if t is not None} for k, i in enumerate(x.spec.indices)}

    def along(e: Any) -> set:
        return set().union(*(axes[k] for k in occurrences(e)))

    def may_leave(total: Any) -> Any:
        full = along(total)

        def check(f: Any, rest: list) -> bool:
            own = along(f)
            return own in (set(), full) or all(
                set().union(*map(along, others)) == full for others in rest
            )

        return check

    for e in subexpressions(x.spec.body):
        if type(e) is Add:
            new = display_rows.common_factor(e, may_leave(e))
            if new is not None:
                body = replace(x.spec.body, {e: new})
                return composer.normal(Map(x.spec.with_(body=body), *x.operands))
    return None


def _term(composer: Any, x: Map, t: Any) -> tuple[Any, tuple, list[Factor]] | None:
    """A term as `term_factors` gives it, if something is summed in it."""
    number, scalars, factors = term_factors(composer, x, t)
    if not any(k >= x.ndim for _, ls in factors for k in ls):
        return None  # rows on bodies find what is common
    return number, tuple(sorted(scalars, key=str)), factors


def term_factors(composer: Any, x: Map, t: Any) -> tuple[Any, list[Any], list[Factor]]:
    """A term of a Map as a number, scalar parts of the body, and the factors of its contractions:
    axes of x are labels 0, 1..., what is summed has labels from x.ndim on.
    """
    number, rest = coefficient(t)
    scalars: list[Any] = []
    factors: list[Factor] = []
    count = itertools.count(x.ndim)
    for f in rest:
        axes = {s for k in occurrences(f) for s in x.spec.indices[k]}
        if not axes:
            scalars.append(f)
            continue
        if isinstance(f, Slot):
            a, index = x.operands[f.index], x.spec.indices[f.index]
            if None not in index and len(set(index)) == len(index):
                factors += _flat(a, tuple(index), x, count)
                continue
        factors.append(part(composer, x, f))
    return number, scalars, factors


def _flat(a: Node, index: Labels, x: Map, count: itertools.count) -> list[Factor]:
    """An operand as factors."""
    if not isinstance(a, Contract) or a.dtype != x.dtype:
        return [(a, index)]
    start = (next(count) + 1) * FREE
    inner = flat_factors(a, itertools.count(start))
    return [(b, tuple(index[t] if t < a.ndim else t for t in ls)) for b, ls in inner]


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


def contraction(x: Node, factors: list[Factor], out: Labels, sizes: dict) -> Contract:
    order = list(dict.fromkeys([*out, *(t for _, ls in factors for t in ls)]))
    number = {t: k for k, t in enumerate(order)}
    return contract_node(
        tuple(tuple(number[t] for t in ls) for _, ls in factors),
        tuple(number[t] for t in out),
        tuple(sizes[t] for t in order),
        x.dtype,
        *(a for a, _ in factors),
    )


def _scaled(composer: Any, x: Map, scalars: tuple, found: Node) -> Node:
    """The node times scalar parts of a body."""
    if not scalars:
        return found
    slot = Slot(len(x.operands))
    spec = x.spec.with_(
        body=product((*scalars, slot)), indices=(*x.spec.indices, tuple(range(x.ndim)))
    )
    return composer.normal(Map(spec, *x.operands, found))


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
    """The negative of a contraction by turning a sum in it that has as many minus signs as plus."""
    if not isinstance(a, Contract) or a in composer.shared:
        return None
    for k, b in enumerate(a.operands):
        if isinstance(b, Map) and type(b.spec.body) is Add and b not in composer.shared:
            terms = b.spec.body.args
            if 2 * sum(map(is_negative, terms)) >= len(terms):
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


# ---------------------------------------------------------------- declared structure, layouts


def symmetric(composer: Any, x: Contract) -> Node | None:
    """A' is A for a symmetric A: its labels stand in one order."""
    indices = list(x.spec.indices)
    for k, a in enumerate(x.operands):
        if isinstance(a, Leaf) and _is_symmetric(a) and indices[k][0] > indices[k][1]:
            indices[k] = indices[k][::-1]
    return None if indices == list(x.spec.indices) else rebuild(x, indices, x.operands)


def _is_symmetric(a: Leaf) -> bool:
    return a.ndim == 2 and bool(a.spec.facts & {"symmetric", "psd", "diagonal"})


def symmetric_view(composer: Any, x: Map) -> Node | None:
    """The same where it is read elementwise."""
    indices = tuple(
        tuple(sorted(i)) if isinstance(a, Leaf) and _is_symmetric(a) and None not in i else i
        for a, i in zip(x.operands, x.spec.indices, strict=True)
    )
    if indices == x.spec.indices:
        return None
    return composer.normal(Map(x.spec.with_(indices=indices), *x.operands))


def orthogonal(composer: Any, x: Contract) -> Node | None:
    """Q'Q is I for an orthogonal Q."""
    rank = x.ndim
    if len(set(x.spec.out)) < rank:
        return None
    factors = flat_factors(x, itertools.count(rank))
    found = [k for k, (a, _) in enumerate(factors)
             if isinstance(a, Leaf) and "orthogonal" in a.spec.facts]  # fmt: skip
    for i, j in itertools.combinations(found, 2):
        (a, (p, q)), (b, (r, s)) = factors[i], factors[j]
        if a is not b:
            continue
        ends = (p, q, s) if p == r else (q, p, r) if q == s and a.dims[0] == a.dims[1] else None
        others = [f for k, f in enumerate(factors) if k not in (i, j)]
        if ends is None or ends[0] < rank or any(ends[0] in labels for _, labels in others):
            continue
        _, left, right = ends
        extent = a.dims[(p, q).index(left)]
        merged = [(delta_leaf(extent, x.dtype), (left, right)), *others]
        sizes = {t: d for n, ls in merged for t, d in zip(ls, n.dims, strict=True)}
        return composer.normal(contraction(x, merged, tuple(range(rank)), sizes))
    return None


def slice_of_join(composer: Any, x: Node) -> Node | None:
    """A slice of arrays side by side that is one of them."""
    if not (isinstance(x, Layout) and x.spec.op == "slice"):
        return None
    a = x.operands[0]
    if isinstance(a, Map):
        return _slice_of_map(composer, x, a)
    if not isinstance(a, Join):
        return None
    axis = a.spec.axis
    start, step = x.spec.params[axis]
    if step != 1 or any(
        p != (0, 1) or d != e
        for k, (p, d, e) in enumerate(zip(x.spec.params, x.dims, a.dims, strict=False))
        if k != axis
    ):
        return None
    offset: Any = 0
    for b in a.operands:
        if (offset is start or offset == start) and b.dims[axis] == x.dims[axis]:
            return b if b.dtype == x.dtype else None
        offset = added((offset, b.dims[axis]))
    return None


def _slice_of_map(composer: Any, x: Layout, a: Map) -> Node | None:
    """A slice of an elementwise map of joins is the map of slices."""
    if any(step is None for _, step in x.spec.params):
        return None
    if not any(isinstance(b, Join) for b in a.operands):
        return None
    every = tuple(range(a.ndim))
    operands = []
    for b, index in zip(a.operands, a.spec.indices, strict=True):
        if index and index != every:
            return None
        if not index:
            operands.append(b)
            continue
        cut = composer.normal(Layout(x.spec.with_(dtype=b.dtype), b))
        if isinstance(b, Join) and isinstance(cut, Layout):
            return None
        operands.append(cut)
    spec = a.spec.with_(dims=x.dims)
    return composer.normal(Map(spec, *operands))


def whole_slice(composer: Any, x: Node) -> Node | None:
    """A slice of everything."""
    a = x.operands[0] if x.operands else None
    if isinstance(x, Layout) and x.spec.op in ("slice", "embed") and a is not None:
        if x.dims == a.dims and all(p == (0, 1) for p in x.spec.params):
            return a
    return None


CONTRACTION = (
    NodeRule("symmetric", "A'", "A", symmetric, source="declared"),
    NodeRule("orthogonal", "Q'Q", "I", orthogonal, source="declared"),
    NodeRule("sign-leaves-sum", "A (-b - c)", "-A (b + c)", sign_leaves),
    NodeRule("total-probability", "sum(softmax(u))", "1", total_probability, source="definition"),
)
SPLITTING = (
    NodeRule("split-sum", "sum_j f_j (g_j + h_j)", "sum_j f_j g_j + sum_j f_j h_j", split_sum),
)
SINGLE = (
    NodeRule("whole-slice", "x[:]", "x", whole_slice, source="definition"),
    NodeRule("slice-of-join", "concatenate([x, y])[:n]", "x", slice_of_join, source="definition"),
    NodeRule(
        "shift", "logsumexp(u + c)", "c + logsumexp(u)", shifted,
        source="Blanchard, Higham, Higham 2021",
    ),
)  # fmt: skip
ACROSS = (
    NodeRule("symmetric-view", "A'", "A", symmetric_view, source="declared"),
    NodeRule("common-factor", "a b + a c", "a (b + c)", common_factor, source="field laws"),
    NodeRule("sign-into-sum", "-(a - b) c", "(b - a) c", sign_into_sum, source="field laws"),
    NodeRule("sign-into-product", "-A (b - c)", "A (c - b)", sign_into_product),
)
JOINING = (
    NodeRule("joined-sums", "A B + A C", "A (B + C)", joined_sums, source="distributive law"),
)
