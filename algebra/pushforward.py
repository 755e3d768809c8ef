"""Forward accumulation over the graph: one push-forward row per node kind.

A tangent of a node has its shape and dtype. Nothing is said here that pull-backs say already: maps
use the same partial derivatives, reductions the same passage between element and result, linear
kinds are themselves, and routines push by the transpose of their pull-back. Where a choice was not
taken, an infinite or undefined tangent does not leak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from . import partials
from .dtypes import BOOL
from .errors import DerivativeError
from .graph import replace, topological
from .node import (
    Call,
    Contract,
    Gather,
    Join,
    Layout,
    Map,
    Mark,
    Node,
    Reduce,
    contract_node,
    cut_leaf,
    number_node,
)
from .origin import place
from .pullback import accumulate, added_up, every, passed, pruned, selects
from .routines import ROUTINES
from .scalar import ZERO, Slot, ne, where

Tangents = Sequence[Node | None]  # per operand; None where it is 0


class Pushforward:
    """Derivatives along tangents of some nodes; what was pushed once is kept for the next value."""

    def __init__(self, tangents: Mapping[Node, Node]) -> None:
        self._tangents: dict[Node, Node | None] = dict(tangents)

    def of(self, value: Node) -> Node:
        """The derivative of a node: zeros where nothing flows.

        Raises DerivativeError for a node kind or operation without a row.
        """
        known = self._tangents
        for x in topological([value], stop=known.__contains__):
            if x not in known:
                known[x] = self._pushed(x)
        found = known[value]
        return number_node(0, value.dims, value.dtype) if found is None else found

    def _pushed(self, x: Node) -> Node | None:
        given = [self._tangents[a] for a in x.operands]
        if x.dtype.kind != "f" or all(t is None for t in given):
            return None
        return PUSHES.get(type(x), _refuse)(x, given)


def _refuse(x: Node, tangents: Tangents) -> Node:
    raise DerivativeError(
        f"{type(x).__name__} has no derivative rule",
        where=place(x.origin),
        fix="declare it constant with consider_constant",
    )


def _map(x: Map, tangents: Tangents) -> Node | None:
    """The sum of partial derivatives times tangents."""
    spec, terms = x.spec, []
    if spec.dtype == BOOL:
        return None
    operands, indices = list(x.operands), list(spec.indices)
    for k, t in enumerate(tangents):
        local = None if t is None else partials.derivative(spec.body, k)
        if t is None or local is None:
            continue
        slot = Slot(len(operands))
        term = partials.times(slot, local)
        terms.append(where(ne(local, ZERO), term, ZERO) if selects(x) else term)
        operands.append(t)
        indices.append(spec.indices[k])
    if not terms:
        return None
    body = partials.plus(*terms)
    return pruned(body, tuple(indices), x.dims, x.dtype, tuple(operands), spec.compute)


def _contract(x: Contract, tangents: Tangents) -> Node | None:
    """The sum over operands, each replaced by its tangent."""
    total = None
    for k, t in enumerate(tangents):
        if t is not None:
            part = _with(x, [t if j == k else a for j, a in enumerate(x.operands)])
            total = part if total is None else added_up(total, part)
    return total


def _with(x: Node, operands: Sequence[Node]) -> Node:
    """The same operation on other operands."""
    return type(x)(x.spec.with_(weak=False), *operands)


def _reduce(x: Reduce, tangents: Tangents) -> Node | None:
    """The sum of what passes of each tangent."""
    (a,), (t,) = x.operands, tangents
    part = None if t is None else passed(x, t, every(a), 0, False)
    if part is None:
        return None
    rest = tuple(j for j in range(a.ndim) if j not in x.spec.axes)
    return contract_node((every(a),), rest, a.dims, x.dtype, part)


def _layout(x: Layout, tangents: Tangents) -> Node | None:
    return _with(x, [t for t in tangents if t is not None])


def _join(x: Join, tangents: Tangents) -> Node:
    pairs = zip(x.operands, tangents, strict=True)
    return _with(x, [number_node(0, a.dims, x.dtype) if t is None else t for a, t in pairs])


def _gather(x: Gather, tangents: Tangents) -> Node | None:
    t = tangents[0]
    return None if t is None else _with(x, [t, *x.operands[1:]])


def _call(x: Call, tangents: Tangents) -> Node | None:
    """Where the routine is linear, itself; else the transpose of the pull-back, which is linear in
    the cotangent: the gradient of its product with the tangent.
    """
    from .adjoints import ADJOINTS
    from .tensor import Tensor

    moving = {k: t for k, t in enumerate(tangents) if t is not None}
    if len(moving) == 1 and moving.keys() <= set(ROUTINES[x.spec.routine].linear):
        return _with(x, [moving.get(k, a) for k, a in enumerate(x.operands)])
    g, total = cut_leaf(x), None
    for k, t in moving.items():
        pulled = ADJOINTS[x.spec.routine](x, k, Tensor(g), 0)
        if pulled is None:
            continue
        part = contract_node((every(t), every(t)), (), t.dims, x.dtype, pulled.node, t)
        total = part if total is None else added_up(total, part)
    if total is None:
        return None
    # linear, so its derivative is the same at every cotangent, also where it is written otherwise
    return replace(accumulate(total, [g]), {g: number_node(0, g.dims, g.dtype)})[0]


def _mark(x: Mark, tangents: Tangents) -> Node | None:
    """stop, zero: 0. Others pass."""
    return None if x.spec.op in ("stop", "zero") else tangents[0]


PUSHES: dict[type, Callable] = {
    Map: _map,
    Contract: _contract,
    Reduce: _reduce,
    Layout: _layout,
    Join: _join,
    Gather: _gather,
    Call: _call,
    Mark: _mark,
}
