"""Reverse accumulation over the graph: one pull-back row per node kind.

A cotangent of node x, for a cost of shape c, has shape c + x.shape: the leading axes are a batch,
so that gradients and Jacobians are one mechanism. Seeds are deltas; rules of `simplify` remove them
where they contract.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import partials
from .dims import added
from .dtypes import BOOL
from .errors import DerivativeError
from .graph import depends, topological
from .node import (
    Call,
    Contract,
    Gather,
    Join,
    Layout,
    LayoutSpec,
    Map,
    Mark,
    Node,
    Reduce,
    contract_node,
    delta_leaf,
    map_node,
    number_node,
)  # fmt: skip
from .origin import place
from .scalar import (
    ONE,
    ZERO,
    Add,
    Mul,
    Pow,
    Slot,
    eq,
    exp,
    maximum,
    minimum,
    ne,
    op,
    subexpressions,
    substitute,
    where,
)


def accumulate(cost: Node, wrt: Sequence[Node]) -> list[Node]:
    """d cost / d w for each w, of shape cost.shape + w.shape; zeros where nothing flows.

    Raises DerivativeError for a node kind or operation without a row.
    """
    active = depends([cost], wrt)
    batch = cost.ndim
    cotangent: dict[Node, Node] = {cost: _seed(cost)}
    guarded: set[Node] = set()
    for x in reversed(topological([cost])):
        g = cotangent.get(x)
        if g is None or x not in active:
            continue
        for k, a in enumerate(x.operands):
            if a not in active or a.dtype.kind != "f":
                continue
            pull = PULLBACKS.get(type(x), _refuse)
            part = pull(x, k, g, batch, x in guarded)
            if part is None:
                continue
            if x in guarded or selects(x):
                guarded.add(a)
            # the newer use first: it was written later, and is met earlier
            cotangent[a] = added_up(part, cotangent[a]) if a in cotangent else part
    return [
        cotangent[w] if w in cotangent else number_node(0, cost.dims + w.dims, w.dtype) for w in wrt
    ]


def _refuse(x: Node, *_: object) -> Node:
    raise DerivativeError(
        f"{type(x).__name__} has no derivative rule",
        where=place(x.origin),
        fix="declare it constant with consider_constant",
    )


def every(x: Node) -> tuple[int, ...]:
    """The index of an operand that is read as it is."""
    return tuple(range(x.ndim))


def added_up(a: Node, b: Node) -> Node:
    """The sum of two nodes of one shape."""
    return map_node(Add(Slot(0), Slot(1)), (every(a), every(b)), a.dims, a.dtype, a, b)


def _seed(cost: Node) -> Node:
    """delta of shape cost.shape + cost.shape."""
    if cost.ndim == 0:
        return number_node(1, (), cost.dtype)
    deltas = [delta_leaf(d, cost.dtype) for d in cost.dims]
    rank = cost.ndim
    indices = tuple((k, rank + k) for k in range(rank))
    return contract_node(indices, tuple(range(2 * rank)), cost.dims * 2, cost.dtype, *deltas)


def selects(x: Node) -> bool:
    """Whether x chooses between values, so that cotangents of its operands can be masked zeros."""
    if isinstance(x, Map):
        choices = ("where", *partials.CHOICES)
        return any(op(e) in choices for e in subexpressions(x.spec.body))
    return isinstance(x, Reduce) and x.spec.op in ("max", "min")


def _map(x: Map, k: int, g: Node, batch: int, guarded: bool) -> Node | None:
    """Cotangent times d body / d slot, summed over axes along which a is repeated."""
    spec, a = x.spec, x.operands[k]
    local = partials.derivative(spec.body, k)
    if local is None:
        return None
    if spec.dtype == BOOL:
        return None
    slot = Slot(len(x.operands))
    body = _guarded(partials.times(slot, local), slot, guarded and not partials.bounded(local))
    lead = tuple(range(batch))
    shift = lambda index: tuple(None if t is None else t + batch for t in index)  # noqa: E731
    indices = (*(shift(i) for i in spec.indices), every(g))
    part = pruned(body, indices, g.dims, g.dtype, (*x.operands, g), spec.compute)
    return _sum_to(part, lead, shift(spec.indices[k]), a)


def _guarded(body, cotangent: Slot, guarded: bool):
    """The body; 0 where the cotangent is, also if the rest is infinite or undefined there."""
    return where(ne(cotangent, ZERO), body, ZERO) if guarded else body


def pruned(body, indices, dims, dtype, operands: tuple[Node, ...], compute) -> Node:
    """A Map that reads only the operands its body needs."""
    found = {e.index: e.sign for e in subexpressions(body) if isinstance(e, Slot)}
    used = sorted(found)
    body = substitute(body, {k: Slot(j, found[k]) for j, k in enumerate(used)})
    kept = tuple(indices[k] for k in used)
    return map_node(body, kept, dims, dtype, *(operands[k] for k in used), compute=compute)


def _sum_to(part: Node, lead: tuple[int, ...], index: tuple[int | None, ...], a: Node) -> Node:
    """part summed over what `index` does not name, its axes permuted to those of a."""
    if (*lead, *index) == every(part) and part.dtype == a.dtype:
        return part
    sizes = list(part.dims)
    out = list(lead)
    for t in index:
        if t is None:
            sizes.append(1)
            out.append(len(sizes) - 1)
        else:
            out.append(t)
    return contract_node((every(part),), tuple(out), tuple(sizes), a.dtype, part)


def _contract(x: Contract, k: int, g: Node, batch: int, guarded: bool) -> Node:
    """Operand k is replaced by the cotangent, and its labels trade places with the result's.

    A factor of another dtype is multiplied in the dtype of the result, and converted at the end.
    """
    spec, a = x.spec, x.operands[k]
    count = len(spec.sizes)
    lead = tuple(range(count, count + batch))
    sizes = list(spec.sizes) + list(g.dims[:batch])
    rest = [(spec.indices[j], b) for j, b in enumerate(x.operands) if j != k]
    rest.append(((*lead, *spec.out), g))
    out, seen = [], set()
    for label in spec.indices[k]:
        if label in seen:  # a repeated label: the adjoint of a diagonal
            sizes.append(sizes[label])
            rest.append(((label, len(sizes) - 1), delta_leaf(sizes[label], g.dtype)))
            label = len(sizes) - 1
        seen.add(label)
        out.append(label)
    # labels that only multiply by their extent
    repeats = set(range(count)).difference(spec.out, *spec.indices)
    dtype = np.promote_types(a.dtype, x.dtype)
    found = _normal(
        tuple(i for i, _ in rest), (*lead, *out), repeats, sizes, dtype, [b for _, b in rest]
    )
    if dtype == a.dtype:
        return found
    return contract_node((every(found),), every(found), found.dims, a.dtype, found)


def _normal(indices, out, repeats, sizes, dtype, operands) -> Node:
    """A Contract whose labels are numbered by first appearance.

    Labels that nothing names any more are dropped.
    """
    order = list(dict.fromkeys([*out, *(t for i in indices for t in i), *sorted(repeats)]))
    number = {label: k for k, label in enumerate(order)}
    renumber = lambda index: tuple(number[t] for t in index)  # noqa: E731
    return contract_node(
        tuple(map(renumber, indices)),
        renumber(out),
        tuple(sizes[t] for t in order),
        dtype,
        *operands,
    )


def _reduce(x: Reduce, k: int, g: Node, batch: int, guarded: bool) -> Node | None:
    """What passes of the cotangent."""
    lead = tuple(range(batch))
    rest = tuple(j + batch for j in range(x.operands[0].ndim) if j not in x.spec.axes)
    return passed(x, g, (*lead, *rest), batch, guarded)


def passed(x: Reduce, flow: Node, index: tuple[int, ...], batch: int, guarded: bool) -> Node | None:
    """A cotangent or tangent times the derivative of the result by each element.

    max, min: ties share equally. logsumexp: softmax. norm: the direction. prod: the product of all
    others. What gives positions or truth values: 0, and None is returned.

    index   of the result's axes, `batch` and those of the operand, where axes of `flow` run along
    """
    (a,), spec = x.operands, x.spec
    rest = tuple(j for j in range(a.ndim) if j not in spec.axes)
    shifted = tuple(j + batch for j in rest)
    dims = (*flow.dims[:batch], *a.dims)
    elements = tuple(j + batch for j in range(a.ndim))
    if spec.op == "prod":
        from .adjoints import all_others

        others = all_others(a, spec.axes[0])
        return map_node(Mul(Slot(1), Slot(0)), (elements, index), dims, a.dtype, others, flow)
    three = (elements, shifted, index)
    if spec.op == "logsumexp":
        body = Mul(Slot(2), exp(Add(Slot(0), Mul(-1, Slot(1)))))
        body = _guarded(body, Slot(2), guarded)
        return map_node(body, three, dims, a.dtype, a, x, flow, compute=x.dtype)
    if spec.op == "norm":
        body = where(eq(Slot(1), ZERO), ZERO, Mul(Slot(2), Slot(0), Pow(Slot(1), -1)))
        return map_node(body, three, dims, a.dtype, a, x, flow)
    if spec.op not in ("max", "min"):
        return None
    hit = map_node(where(eq(Slot(0), Slot(1)), ONE, ZERO), (every(a), rest), a.dims, a.dtype, a, x)
    count = contract_node((every(a),), rest, a.dims, a.dtype, hit)
    body = where(eq(Slot(0), Slot(1)), Mul(Slot(2), Pow(Slot(3), -1)), ZERO)
    return map_node(body, (*three, shifted), dims, a.dtype, a, x, flow, count)


def _layout(x: Layout, k: int, g: Node, batch: int, guarded: bool) -> Node:
    """reshape: back. slice: embed, or itself if it only reverses axes. embed: slice."""
    (a,), spec = x.operands, x.spec
    dims = (*g.dims[:batch], *a.dims)
    if spec.op == "reshape":
        return Layout(LayoutSpec("reshape", (), dims, g.dtype, False), g)
    params = (*((0, 1) for _ in range(batch)), *spec.params)
    op = "embed" if spec.op == "slice" and not reverses(x) else "slice"
    return Layout(LayoutSpec(op, params, dims, g.dtype, False), g)


def reverses(x: Layout) -> bool:
    """Whether x is its operand with some axes reversed, or none."""
    (a,) = x.operands
    return x.spec.op == "slice" and a.dims == x.dims and {s for _, s in x.spec.params} <= {1, -1}


def _join(x: Join, k: int, g: Node, batch: int, guarded: bool) -> Node:
    """The part of the cotangent that stands where operand k stands."""
    a, axis = x.operands[k], x.spec.axis
    start = added(b.dims[axis] for b in x.operands[:k])
    params = [(0, 1)] * (batch + x.ndim)
    params[batch + axis] = (start, 1)
    dims = (*g.dims[:batch], *a.dims)
    part = Layout(LayoutSpec("slice", tuple(params), dims, g.dtype, False), g)
    return part if a.dtype == g.dtype else _as(part, a.dtype)


def _as(x: Node, dtype) -> Node:
    return map_node(Slot(0), (every(x),), x.dims, dtype, x)


def _gather(x: Gather, k: int, g: Node, batch: int, guarded: bool) -> Node | None:
    """The cotangent, added up at the positions that were read."""
    from .scattering import scattered
    from .tensor import Tensor

    return scattered(x, Tensor(g), batch).node if k == 0 else None


def _call(x: Call, k: int, g: Node, batch: int, guarded: bool) -> Node | None:
    """The row of the routine."""
    from .adjoints import ADJOINTS
    from .tensor import Tensor

    result = ADJOINTS[x.spec.routine](x, k, Tensor(g), batch)
    return None if result is None else result.node


def _mark(x: Mark, k: int, g: Node, batch: int, guarded: bool) -> Node | None:
    """print: passes. clip: between the bounds. stop, zero: 0."""
    if k or x.spec.op in ("stop", "zero"):
        return None
    if x.spec.op == "print":
        return g
    body = minimum(maximum(Slot(0), Slot(1)), Slot(2))
    return map_node(body, (every(g), (), ()), g.dims, g.dtype, g, *x.operands[1:])


PULLBACKS = {
    Map: _map,
    Contract: _contract,
    Reduce: _reduce,
    Layout: _layout,
    Join: _join,
    Gather: _gather,
    Call: _call,
    Mark: _mark,
}
