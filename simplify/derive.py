"""Gradients and tangents are expanded here, innermost first, after what they differentiate is
stable.

A node that is held constant, or an intermediate that is differentiated by, is opaque inside that
derivative only: a `cut` leaf stands for it in a copy of the cost as written, and is replaced by the
node itself afterwards (semantics 1.2). So is a variable with a declared structure: its entries vary
one by one, and what the structure says holds of the derivative, not before it (semantics 3.5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..algebra.graph import rewire, topological
from ..algebra.node import SIGNS, Gradient, Leaf, Mark, Node, Tangent, cut_leaf
from ..algebra.pullback import accumulate
from ..algebra.pushforward import Pushforward
from .compose import Composer
from .intern import Interner


class Deriver:
    """Replaces derivatives by expressions, sharing one reverse sweep per group of variables."""

    def __init__(
        self,
        stabilise: Callable[[Node], Node] | None = None,
        image: Callable[[Node], Node] = lambda a: a,
    ) -> None:
        self._stabilise, self._image = stabilise, image
        self._together: dict[tuple, dict[Node, None]] = {}
        self._groups: dict[tuple, dict[Node, Node]] = {}
        self._costs: dict[Node, Node] = {}
        self._sweeps: dict[tuple, tuple[Pushforward, dict[Node, Leaf], dict[Node, Node]]] = {}

    def run(self, nodes: Iterable[Node]) -> list[Node]:
        """The nodes without derivatives."""
        nodes = list(nodes)
        for x in topological(nodes):
            if isinstance(x, Gradient):
                wrt, held = _parts(x, x.operands)
                if isinstance(wrt, Leaf):
                    self._together.setdefault((x.operands[0], held), {})[wrt] = None
        return rewire(nodes, {}, self._expand)

    def _expand(self, x: Node, operands: tuple[Node, ...]) -> Node:
        if isinstance(x, Tangent):
            return self._pushed(x.spec.count, *operands)
        wrt, held = _parts(x, operands)
        leaves = self._together.get((x.operands[0], _parts(x, x.operands)[1]), {})
        wrts = tuple(leaves) if wrt in leaves else (wrt,)
        key = (operands[0], held, None if wrt in leaves else wrt)
        if key not in self._groups:
            self._groups[key] = dict(
                zip(wrts, self._derivatives(operands[0], wrts, held), strict=True)
            )
        return self._groups[key][wrt]

    def _derivatives(self, cost: Node, wrt: tuple[Node, ...], held: tuple[Node, ...]) -> list[Node]:
        cuts = _cuts(wrt, held)
        copy = rewire([cost], dict(cuts))[0] if cuts else cost
        results = accumulate(self._stable(copy), [self._image(cuts.get(w, w)) for w in wrt])
        return self._mended(results, cuts)

    def _pushed(self, count: int, value: Node, *rest: Node) -> Node:
        """The derivative of a value along tangents; values along the same share their sweep."""
        wrt, tangents, held = rest[:count], rest[count : 2 * count], rest[2 * count :]
        if rest not in self._sweeps:
            cuts = _cuts(wrt, held)
            at = (self._image(cuts.get(w, w)) for w in wrt)
            sweep = Pushforward(dict(zip(at, tangents, strict=True)))
            self._sweeps[rest] = sweep, cuts, dict(cuts)
        sweep, cuts, copies = self._sweeps[rest]
        copy = rewire([value], copies)[0] if cuts else value
        return self._mended([sweep.of(self._stable(copy))], cuts)[0]

    def _mended(self, results: list[Node], cuts: dict[Node, Leaf]) -> list[Node]:
        """The results with the nodes themselves in place of what stood for them."""
        if not cuts:
            return results
        return rewire(results, {self._image(leaf): a for a, leaf in cuts.items()})

    def _stable(self, cost: Node) -> Node:
        if self._stabilise is None:
            return cost
        if cost not in self._costs:
            self._costs[cost] = self._stabilise(cost)
        return self._costs[cost]


def _cuts(wrt: Iterable[Node], held: Iterable[Node]) -> dict[Node, Leaf]:
    """What stands for the nodes that are opaque: those held, intermediates, and variables with a
    declared structure.
    """
    return {a: cut_leaf(a) for a in (*held, *(w for w in wrt if not _varies_freely(w)))}


def _varies_freely(x: Node) -> bool:
    return isinstance(x, Leaf) and x.spec.facts <= SIGNS


def _parts(x: Node, operands: tuple[Node, ...]) -> tuple[Node, tuple[Node, ...]]:
    """(wrt, held) of a Gradient."""
    return operands[1 + x.spec.number], operands[1 + x.spec.count :]


def without_marks(nodes: Iterable[Node]) -> list[Node]:
    """The graph as written without marks, which have a meaning for derivatives only."""
    memo: dict[Node, Node] = {}
    nodes = list(nodes)
    if not any(isinstance(x, Mark) for x in topological(nodes)):
        return nodes
    for x in topological(nodes):
        if isinstance(x, Mark):
            memo[x] = rewire([x.operands[0]], memo)[0]
    return rewire(nodes, memo)


def expand_gradients(nodes: Sequence[Node]) -> list[Node]:
    """The nodes as written with every derivative expanded and nothing else changed: the oracle's
    graph.
    """
    return Deriver().run(nodes)


def derive(
    nodes: Sequence[Node], interner: Interner, soundness: str, rules: Any = None
) -> tuple[list[Node], Counter]:
    """The nodes without derivatives, each cost stabilised first; and which rows that took."""
    fired: Counter[str] = Counter()

    def stabilise(cost: Node) -> Node:
        composer = Composer(soundness, rules)
        result = composer.run(interner.run([cost]))[0]
        fired.update(composer.fired)
        return result

    return Deriver(stabilise, interner.image).run(nodes), fired
