"""Whether a spec fits its operands: what every node of a graph satisfies, checked for graphs from
outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import scalar
from .assumptions import ASSUMPTIONS
from .node import (
    REDUCTIONS,
    Call,
    Contract,
    Gather,
    Gradient,
    Join,
    Layout,
    Leaf,
    Map,
    Mark,
    Node,
    Reduce,
    Tangent,
)
from .routines import ROUTINES

LEAVES = ("input", "shared", "constant", "parameter", "dim", "iota", "delta", "cut")
WITHOUT_UID = ("dim", "iota", "delta")
RANKS = {"parameter": 0, "dim": 0, "iota": 1, "delta": 2}
FACTS = {"negative", *ASSUMPTIONS}


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
    if spec.op not in REDUCTIONS or len(operands) != 1:
        return "an unknown operation, or not one operand"
    axes, rank = set(spec.axes), operands[0].ndim
    fits = (
        len(axes) == len(spec.axes)
        and all(k < rank for k in axes)
        and len(spec.dims) == rank - len(axes)
        and (spec.op not in ("prod", "argmax", "argmin") or len(axes) == 1)
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


def _join(spec: Any, operands: Sequence[Node]) -> str | None:
    rank = len(spec.dims)
    fits = operands and spec.axis < rank and all(a.ndim == rank for a in operands)
    return None if fits else "operands that do not fit"


def _gather(spec: Any, operands: Sequence[Node]) -> str | None:
    if not operands or len(spec.along) != operands[0].ndim:
        return "not one place per axis"
    positions = operands[1:]
    if spec.along.count(None) != len(positions) or not positions:
        return "not one array of positions per axis"
    if any(p.dtype.kind not in "iu" for p in positions):
        return "positions that are no integers"
    if any(k is not None and k >= len(spec.dims) for k in spec.along):
        return "an axis out of range"
    return _ranks(spec.indices, positions, len(spec.dims))


def _call(spec: Any, operands: Sequence[Node]) -> str | None:
    row = ROUTINES.get(spec.routine)
    if row is None or len(operands) != len(row.cores) or len(spec.params) != row.numbers:
        return "an unknown routine, or operands that do not fit"
    small = any(a.ndim < core for a, core in zip(operands, row.cores, strict=True))
    return "a result that is not there" if small or spec.output >= len(row.results) else None


def _mark(spec: Any, operands: Sequence[Node]) -> str | None:
    count = {"stop": 1, "zero": 1, "print": 1, "clip": 3}.get(spec.op)
    fits = len(operands) == count and len(spec.dims) == operands[0].ndim
    return None if fits else "an unknown operation, or operands that do not fit"


def _tangent(spec: Any, operands: Sequence[Node]) -> str | None:
    if not 0 < spec.count or len(operands) < 1 + 2 * spec.count:
        return "variables without tangents"
    pairs = zip(operands[1 : 1 + spec.count], operands[1 + spec.count :], strict=False)
    same = all(a.ndim == b.ndim for a, b in pairs) and len(spec.dims) == operands[0].ndim
    return None if same else "tangents that do not fit"


CHECKS = {
    Leaf: _leaf,
    Map: _map,
    Contract: _contract,
    Reduce: _reduce,
    Layout: _layout,
    Join: _join,
    Gather: _gather,
    Call: _call,
    Mark: _mark,
    Gradient: _gradient,
    Tangent: _tangent,
}
