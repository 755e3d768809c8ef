"""Whether a spec fits its operands: what every node of a graph satisfies, checked for graphs from
outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import scalar
from .node import Contract, Gradient, Layout, Leaf, Map, Node, Reduce

LEAVES = ("input", "shared", "constant", "parameter", "dim", "iota", "delta", "cut")
WITHOUT_UID = ("dim", "iota", "delta")
RANKS = {"parameter": 0, "dim": 0, "iota": 1, "delta": 2}
FACTS = {"positive", "negative", "nonnegative"}


def check_node(kind: type[Node], spec: Any, operands: Sequence[Node]) -> None:
    """Raise ValueError if the node would not be well formed."""
    problem = CHECKS[kind](spec, operands)
    if problem:
        raise ValueError(f"{kind.__name__}: {problem}")


def _leaf(spec: Any, operands: Sequence[Node]) -> str | None:
    if operands or spec.kind not in LEAVES or not spec.facts <= FACTS:
        return "an unknown kind, or operands"
    if (spec.uid == 0) != (spec.kind in WITHOUT_UID):
        return "an identity where none belongs, or none"
    return None if RANKS.get(spec.kind, len(spec.dims)) == len(spec.dims) else "its rank"


def _ranks(indices: Sequence[tuple], operands: Sequence[Node], limit: int) -> str | None:
    if [len(i) for i in indices] != [a.ndim for a in operands]:
        return "indices that do not fit the operands"
    return (
        "an index out of range"
        if any(t is not None and t >= limit for i in indices for t in i)
        else None
    )


def _map(spec: Any, operands: Sequence[Node]) -> str | None:
    if any(k >= len(operands) for k in scalar.slots(spec.body)):
        return "a slot without an operand"
    for index, a in zip(spec.indices, operands, strict=False):
        if any(t is None and d != 1 for t, d in zip(index, a.dims, strict=False)):
            return "an axis that is not of extent 1 and runs along nothing"
    return _ranks(spec.indices, operands, len(spec.dims))


def _contract(spec: Any, operands: Sequence[Node]) -> str | None:
    if any(t is None for i in spec.indices for t in i):
        return "an axis without a label"
    return _ranks((*spec.indices, spec.out), (*operands, _Rank(len(spec.out))), len(spec.sizes))  # type: ignore[arg-type]


class _Rank:
    def __init__(self, ndim: int) -> None:
        self.ndim = ndim


def _reduce(spec: Any, operands: Sequence[Node]) -> str | None:
    if spec.op not in ("max", "min", "argmax", "argmin", "logsumexp") or len(operands) != 1:
        return "an unknown operation, or not one operand"
    axes, rank = set(spec.axes), operands[0].ndim
    fits = (
        len(axes) == len(spec.axes)
        and all(k < rank for k in axes)
        and len(spec.dims) == rank - len(axes)
    )
    return None if fits else "axes that do not fit"


def _layout(spec: Any, operands: Sequence[Node]) -> str | None:
    if spec.op not in ("reshape", "slice", "embed") or len(operands) != 1:
        return "an unknown operation, or not one operand"
    if spec.op == "reshape":
        return "parameters" if spec.params else None
    whole, part = (
        (operands[0].ndim, len(spec.dims))
        if spec.op == "slice"
        else (len(spec.dims), operands[0].ndim)
    )
    kept = sum(step is not None for _, step in spec.params)
    zero = any(start is None or step == 0 for start, step in spec.params)
    return "slices that do not fit" if len(spec.params) != whole or kept != part or zero else None


def _gradient(spec: Any, operands: Sequence[Node]) -> str | None:
    if not 0 <= spec.number < spec.count < len(operands):
        return "a variable that is not there"
    rank = operands[0].ndim + operands[1 + spec.number].ndim
    return None if len(spec.dims) == rank else "its rank"


CHECKS = {
    Leaf: _leaf,
    Map: _map,
    Contract: _contract,
    Reduce: _reduce,
    Layout: _layout,
    Gradient: _gradient,
}
