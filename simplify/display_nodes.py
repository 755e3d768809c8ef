"""Rows over nodes of the display form: softmax, declared structure, slices; and all of its tables.

Rows have the signature of `contraction_rows` and `node_rows`.
"""

from __future__ import annotations

import itertools
from typing import Any

from ..algebra.dims import added
from ..algebra.node import (
    Contract,
    Join,
    Layout,
    Leaf,
    Map,
    Node,
    Reduce,
    delta_leaf,
    map_node,
)
from ..algebra.scalar import Add, Slot, exp
from . import display_linalg, extent_rows
from .arithmetic import coefficient
from .contraction_rows import NodeRule, summed, with_repeats
from .display_products import PRODUCTS
from .display_sums import CERTAIN, JOINING, SIGN_LEAVES, SPLITTING
from .factors import contraction, flattened, key, part, reads_of
from .island import occurrences
from .rule import sum_of

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
        lse, index = reads_of(a)[rest[0].index]
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
        return reads_of(a)[terms.index] == (u, order)
    if not isinstance(u, Map):
        return False
    moved = [
        (b, tuple(None if t is None else order[t] for t in i))
        for b, i in zip(u.operands, u.spec.indices, strict=True)
    ]
    return bool(key(terms, reads_of(a)) == key(u.spec.body, moved))


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


# ---------------------------------------------------------------- declared structure, layouts


def orthogonal(composer: Any, x: Contract) -> Node | None:
    """Q'Q is I for an orthogonal Q."""
    rank = x.ndim
    if len(set(x.spec.out)) < rank:
        return None
    factors = flattened(x)
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
    *display_linalg.CONTRACTION,
    NodeRule("orthogonal", "Q'Q", "I", orthogonal, source="declared"),
    SIGN_LEAVES,
    *extent_rows.CONTRACTION,
    NodeRule("total-probability", "sum(softmax(u))", "1", total_probability, source="definition"),
)
SINGLE = (
    NodeRule("whole-slice", "x[:]", "x", whole_slice, source="definition"),
    NodeRule("slice-of-join", "concatenate([x, y])[:n]", "x", slice_of_join, source="definition"),
    NodeRule(
        "shift",
        "logsumexp(u + c)",
        "c + logsumexp(u)",
        shifted,
        source="Blanchard, Higham, Higham 2021",
    ),
)
ACROSS = (*CERTAIN, *PRODUCTS, *display_linalg.ACROSS, *extent_rows.CHOICES)
WHOLE = extent_rows.CHOICES  # of maps of whole numbers
CALLS = display_linalg.CALLS
__all__ = ["ACROSS", "CALLS", "CONTRACTION", "JOINING", "SINGLE", "SPLITTING", "WHOLE"]
