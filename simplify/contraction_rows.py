"""Rows of contractions: views are absorbed, deltas vanish, factors leave sums, products become
operands.

Each row is a function from (composer, Contract) to a node, or None; `ROWS` is their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..algebra.node import (
    Contract,
    Leaf,
    Map,
    Node,
    contract_node,
    dim_leaf,
    map_node,
    number_node,
)
from ..algebra.scalar import ONE, Mul, Slot, is_number
from .island import occurrences, renumber
from .rule import BITS, REAL, product

Labels = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class NodeRule:
    """A row over nodes: fields as in `rule.Rule`; left and right are einsum text or formulas to
    read.
    """

    name: str
    left: str
    right: str
    action: Callable[[Any, Any], Node | None]
    soundness: str = REAL
    source: str = "linearity of sums"


def normal(composer: Any, x: Contract) -> Node:
    """The contraction in compute form."""
    if x.dtype.kind != "f":
        return x
    for _ in range(100):
        for row in composer.contraction_rows:
            new = row.action(composer, x)
            if new is not None and new is not x:
                composer.fired[row.name] += 1
                if not isinstance(new, Contract):
                    return composer.normal(new)
                x = new
                break
        else:
            return x
    raise AssertionError("contraction rows undo each other")


def rebuild(
    x: Contract,
    indices: Sequence[Labels],
    operands: Sequence[Node],
    out: Labels | None = None,
    sizes: Sequence | None = None,
) -> Contract:
    """A Contract with labels numbered by first appearance; a summed label that nothing carries
    stays.
    """
    out = x.spec.out if out is None else out
    extents = list(x.spec.sizes if sizes is None else sizes)
    order = list(dict.fromkeys([*out, *(t for i in indices for t in i), *_repeats(x)]))
    number = {label: k for k, label in enumerate(order)}
    return contract_node(
        tuple(tuple(number[t] for t in i) for i in indices),
        tuple(number[t] for t in out),
        tuple(extents[t] for t in order),
        x.dtype,
        *operands,
        weak=x.spec.weak,
    )


def _repeats(x: Contract) -> list[int]:
    """Summed labels that no operand carries: the sum multiplies by their extents."""
    carried = {t for i in x.spec.indices for t in i} | set(x.spec.out)
    return [t for t in range(len(x.spec.sizes)) if t not in carried]


def summed(x: Contract) -> set[int]:
    """Labels that do not reach the result."""
    return set(range(len(x.spec.sizes))) - set(x.spec.out)


def times(composer: Any, x: Contract, body: Any, pairs: Sequence[tuple[Node, tuple]]) -> Node:
    """A Map over the axes of x."""
    operands, indices = [a for a, _ in pairs], tuple(i for _, i in pairs)
    return composer.normal(map_node(body, indices, x.dims, x.dtype, *operands, weak=x.spec.weak))


def without(x: Contract, k: int) -> tuple[list, list]:
    keep = [j for j in range(len(x.operands)) if j != k]
    return [x.spec.indices[j] for j in keep], [x.operands[j] for j in keep]


def zero(composer: Any, x: Contract) -> Node | None:
    for a in x.operands:
        if isinstance(a, Map) and is_number(a.spec.body) and a.spec.body == 0:
            return number_node(0, x.dims, x.dtype)
    return None


def absorb_view(composer: Any, x: Contract) -> Node | None:
    for k, a in enumerate(x.operands):
        if not (isinstance(a, Map) and isinstance(a.spec.body, Slot)):
            continue
        (b,), labels, sizes = a.operands, x.spec.indices[k], list(x.spec.sizes)
        if b.dtype != a.dtype and not (a.dtype == x.dtype and np.can_cast(b.dtype, a.dtype)):
            continue
        new = []
        for t in a.spec.indices[0]:
            if t is None:
                sizes.append(1)
            new.append(len(sizes) - 1 if t is None else labels[t])
        indices, operands = list(x.spec.indices), list(x.operands)
        indices[k], operands[k] = tuple(new), b
        lost = [t for t in labels if t not in x.spec.out and not any(t in i for i in indices)]
        return with_repeats(composer, x, indices, operands, sizes, lost)
    return None


def with_repeats(
    composer: Any, x: Contract, indices: list, operands: list, sizes: list, lost: list
) -> Node:
    """The contraction after labels lost their last carrier: they multiply by their extents."""
    base = rebuild(x, indices, operands, sizes=sizes)
    extents = [sizes[t] for t in dict.fromkeys(lost)]
    if not extents:
        return base
    return _scaled(composer, composer.normal(base), extents)


def _scaled(composer: Any, base: Node, extents: list) -> Node:
    every = tuple(range(base.ndim))
    factors: list = [e for e in extents if isinstance(e, int)]
    leaves = [dim_leaf(e) for e in extents if not isinstance(e, int)]
    body = Mul(*factors, Slot(0), *(Slot(k + 1) for k in range(len(leaves))))
    indices = (every, *(() for _ in leaves))
    return composer.normal(map_node(body, indices, base.dims, base.dtype, base, *leaves))


def repeat(composer: Any, x: Contract) -> Node | None:
    """Summed labels that nothing carries become factors; extents of 1 vanish."""
    extra = _repeats(x)
    if not extra:
        return None
    keep = [t for t in range(len(x.spec.sizes)) if t not in extra]
    number = {t: k for k, t in enumerate(keep)}
    base = contract_node(
        tuple(tuple(number[t] for t in i) for i in x.spec.indices),
        tuple(number[t] for t in x.spec.out),
        tuple(x.spec.sizes[t] for t in keep),
        x.dtype,
        *x.operands,
        weak=x.spec.weak,
    )
    extents = [x.spec.sizes[t] for t in extra if x.spec.sizes[t] != 1]
    return _scaled(composer, composer.normal(base), extents) if extents else base


def delta(composer: Any, x: Contract) -> Node | None:
    """sum_j delta_ij f_j = f_i."""
    for k, a in enumerate(x.operands):
        if not (isinstance(a, Leaf) and a.spec.kind == "delta"):
            continue
        i, j = x.spec.indices[k]
        out = x.spec.out
        if i != j and i in out and j in out:
            continue
        gone, stays = (j, i) if j not in out else (i, j)
        indices, operands = without(x, k)
        if i == j and not any(i in index for index in indices) and i not in out:
            return with_repeats(composer, x, indices, operands, list(x.spec.sizes), [i])
        renamed = [tuple(stays if t == gone else t for t in index) for index in indices]
        lost = [] if stays in out or any(stays in index for index in renamed) else [stays]
        return with_repeats(composer, x, renamed, operands, list(x.spec.sizes), lost)
    return None


def ones(composer: Any, x: Contract) -> Node | None:
    """Numbers leave the sum; ones disappear."""
    for k, a in enumerate(x.operands):
        if not (isinstance(a, Map) and is_number(a.spec.body)):
            continue
        indices, operands = without(x, k)
        lost = [
            t for t in x.spec.indices[k] if t not in x.spec.out and not any(t in i for i in indices)
        ]
        base = with_repeats(composer, x, indices, operands, list(x.spec.sizes), lost)
        if a.spec.body == 1:
            return base
        base = composer.normal(base)
        return times(composer, x, Mul(a.spec.body, Slot(0)), [(base, tuple(range(base.ndim)))])
    return None


def split_product(composer: Any, x: Contract) -> Node | None:
    """A product inside the sum: numbers and factors without summed labels, deltas and bare operands
    come out of it.
    """
    inside = summed(x)
    for k, a in enumerate(x.operands):
        if not (
            isinstance(a, Map)
            and isinstance(a.spec.body, Mul)
            and a.dtype == x.dtype == a.spec.compute
        ):
            continue
        labels = x.spec.indices[k]
        groups: dict[Any, list] = {}
        for f in a.spec.body.args:
            groups.setdefault(_group(x, a, f, labels, inside), []).append(f)
        if len(groups) < 2:
            continue
        indices, operands = without(x, k)
        for factors in reversed(list(groups.values())):
            node, index = _factor(composer, a, product(factors), labels, x)
            indices.insert(k, index)
            operands.insert(k, node)
        covered = [t for t in labels if t not in x.spec.out and not any(t in i for i in indices)]
        return with_repeats(composer, x, indices, operands, list(x.spec.sizes), covered)
    return None


def _group(x: Contract, a: Map, f: Any, labels: Labels, inside: set[int]) -> Any:
    """What a factor belongs with: equal keys stay one operand."""
    if is_number(f):
        return "number"
    found = {labels[t] for s in occurrences(f) for t in a.spec.indices[s] if t is not None}
    if inside and not found & inside:
        return ("free", tuple(sorted(found)))
    if isinstance(f, Slot):
        b = a.operands[f.index]
        bare = len(x.operands) == 1 or (isinstance(b, Leaf) and b.spec.kind == "delta")
        if bare and (b.dtype == x.dtype or np.can_cast(b.dtype, x.dtype)):
            return f
    return "rest"


def _factor(composer: Any, a: Map, f: Any, labels: Labels, x: Contract) -> tuple[Node, Labels]:
    """A factor of a Map's body as an operand of its own with its labels."""
    body, order = renumber(f)
    operands = [a.operands[s] for s in order]
    axes = list(dict.fromkeys(t for s in order for t in a.spec.indices[s] if t is not None))
    indices = tuple(
        tuple(None if t is None else axes.index(t) for t in a.spec.indices[s]) for s in order
    )
    dims = tuple(a.dims[t] for t in axes)
    node = composer.normal(
        map_node(body, indices, dims, a.dtype, *operands, compute=a.spec.compute)
    )
    return node, tuple(labels[t] for t in axes)


def leave(composer: Any, x: Contract) -> Node | None:
    """sum_j c_i f_ij = c_i sum_j f_ij."""
    inside = summed(x)
    if not inside or len(x.operands) < 2:
        return None
    free = [
        k
        for k, i in enumerate(x.spec.indices)
        if not inside.intersection(i) and len(set(i)) == len(i)
    ]
    if not free or len(free) == len(x.operands):
        return None
    rest = [k for k in range(len(x.operands)) if k not in free]
    indices = [x.spec.indices[k] for k in rest]
    carried = {t for i in indices for t in i}
    out = tuple(t for t in x.spec.out if t in carried)
    keep = sorted(carried)
    number = {t: k for k, t in enumerate(keep)}
    inner = contract_node(
        tuple(tuple(number[t] for t in i) for i in indices),
        tuple(number[t] for t in out),
        tuple(x.spec.sizes[t] for t in keep),
        x.dtype,
        *(x.operands[k] for k in rest),
        weak=x.spec.weak,
    )
    inner = rebuild(inner, inner.spec.indices, inner.operands)
    place = {t: k for k, t in enumerate(x.spec.out)}
    pairs = [(composer.normal(inner), tuple(place[t] for t in out))]
    pairs += [(x.operands[k], tuple(place[t] for t in x.spec.indices[k])) for k in free]
    return times(composer, x, Mul(*(Slot(k) for k in range(len(pairs)))), pairs)


def spread(composer: Any, x: Contract) -> Node | None:
    """A result repeated along an axis that nothing carries is a view of the smaller result."""
    carried = {t for i in x.spec.indices for t in i}
    out = tuple(t for t in x.spec.out if t in carried)
    if len(out) == len(x.spec.out) or not summed(x) or not x.operands:
        return None
    inner = rebuild(x, x.spec.indices, x.operands, out=out)
    number = {t: k for k, t in enumerate(x.spec.out)}
    return times(composer, x, Slot(0), [(composer.normal(inner), tuple(number[t] for t in out))])


def elementwise(composer: Any, x: Contract) -> Node | None:
    """Nothing is summed but axes of extent 1: a product of operands."""
    if any(x.spec.sizes[t] != 1 for t in summed(x)) or any(
        len(set(i)) < len(i) for i in x.spec.indices
    ):
        return None
    place = {t: k for k, t in enumerate(x.spec.out)}
    pairs = [
        (a, tuple(place.get(t) for t in i)) for a, i in zip(x.operands, x.spec.indices, strict=True)
    ]
    body: Any = (
        ONE
        if not pairs
        else Slot(0)
        if len(pairs) == 1
        else Mul(*(Slot(k) for k in range(len(pairs))))
    )
    return times(composer, x, body, pairs)


def diagonal(composer: Any, x: Contract) -> Node | None:
    """The diagonal of an elementwise function is the function of diagonals."""
    for k, a in enumerate(x.operands):
        labels = x.spec.indices[k]
        if not isinstance(a, Map) or len(set(labels)) == len(labels):
            continue
        kept = tuple(dict.fromkeys(labels))
        reads = [
            _on_diagonal(
                composer, b, tuple(None if t is None else kept.index(labels[t]) for t in i)
            )
            for b, i in zip(a.operands, a.spec.indices, strict=True)
        ]
        dims = tuple(x.spec.sizes[t] for t in kept)
        spec = a.spec.with_(dims=dims, indices=tuple(i for _, i in reads))
        indices, operands = list(x.spec.indices), list(x.operands)
        indices[k], operands[k] = kept, composer.normal(Map(spec, *(b for b, _ in reads)))
        return rebuild(x, indices, operands)
    return None


def _on_diagonal(composer: Any, a: Node, index: tuple) -> tuple[Node, tuple]:
    """An array read along axes that may repeat: of its diagonal, along axes that do not."""
    carried = [t for t in index if t is not None]
    if len(set(carried)) == len(carried):
        return a, index
    fresh = iter(range(a.ndim + len(index), 10**6))
    labels = tuple(next(fresh) if t is None else t for t in index)
    kept = tuple(dict.fromkeys(labels))
    number = {t: k for k, t in enumerate(kept)}
    sizes = {number[t]: d for t, d in zip(labels, a.dims, strict=True)}
    node = contract_node(
        (tuple(number[t] for t in labels),),
        tuple(range(len(kept))),
        tuple(sizes[k] for k in range(len(kept))),
        a.dtype,
        a,
    )
    return composer.normal(node), tuple(t if t in index else None for t in kept)


def sum_of_sum(composer: Any, x: Contract) -> Node | None:
    """A sum of sums is one sum."""
    if len(x.operands) != 1:
        return None
    (a,), (labels,) = x.operands, x.spec.indices
    if (
        not isinstance(a, Contract)
        or a.dtype != x.dtype
        or a in composer.shared
        or len(set(labels)) < len(labels)
    ):
        return None
    if not any(len(set(i)) == len(a.spec.sizes) for i in a.spec.indices):
        return None  # a product of matrices: summing it at once would cost more
    sizes, number = list(x.spec.sizes), dict(zip(a.spec.out, labels, strict=True))
    for t, extent in enumerate(a.spec.sizes):
        if t not in number:
            number[t] = len(sizes)
            sizes.append(extent)
    return rebuild(
        x, [tuple(number[t] for t in i) for i in a.spec.indices], a.operands, sizes=sizes
    )


ROWS = (
    NodeRule("zero-sum", "ij,j->i with 0", "0", zero),
    NodeRule("absorb-view", "view(a)_ij b_j", "a_ji b_j", absorb_view, source="index renaming"),
    NodeRule(
        "delta", "sum_j delta_ij f_j", "f_i", delta, source="definition of the Kronecker delta"
    ),
    NodeRule("number-leaves-sum", "sum_j c f_j", "c sum_j f_j", ones),
    NodeRule("repeated-sum", "sum_j c", "n c", repeat),
    NodeRule("split-product", "sum_j (x*w)_j", "sum_j x_j w_j", split_product, source="definition"),
    NodeRule("factor-leaves-sum", "sum_j c_i f_ij", "c_i sum_j f_ij", leave),
    NodeRule(
        "repeated-result",
        "r_ik = sum_j a_ij",
        "view of sum_j a_ij",
        spread,
        source="index renaming",
    ),
    NodeRule("no-sum", "r_ij = a_i b_j", "a_i*b_j", elementwise, BITS, "definition"),
    NodeRule("diagonal-of-map", "diag(f(A))", "f(diag(A))", diagonal, BITS, "definition"),
    NodeRule("sum-of-sum", "sum_i sum_j a_ij", "sum_ij a_ij", sum_of_sum),
)
