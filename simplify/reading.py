"""The reading cost: what a person would rather read.

It counts the marks of a formula, as `algebra.marks` says. Rows of the display form weigh a
rewriting by an estimate that needs no formula: it looks at the graph near the node that is
rewritten.
"""

from __future__ import annotations

from ..algebra.graph import topological
from ..algebra.marks import document_marks
from ..algebra.node import Contract, Leaf, Map, Node
from ..algebra.scalar import HALF, Add, Mul, Pow, Scalar, Slot, is_number
from ..algebra.transcription import transcribe


def reading_cost(node: Node, as_typed: bool = False) -> int:
    """Marks of the formula of a node; no row is applied first.

    Parameters
    ----------
    as_typed : what terms of a sum have in common is not written once, either.
    """
    return document_marks(transcribe(node, lambda s: s.name + "'" * s.primes, as_typed=as_typed))


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
