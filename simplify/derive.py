"""Gradients are expanded here, innermost first, after the cost they differentiate is stable.

A node that is held constant, or an intermediate that is differentiated by, is opaque inside that
derivative only: a `cut`
leaf stands for it in a copy of the cost as written, and is replaced by the node itself afterwards
(semantics 1.2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..algebra.graph import topological
from ..algebra.node import Gradient, Leaf, LeafSpec, Node, fresh_uid
from ..algebra.pullback import accumulate
from .compose import Composer
from .intern import Interner


def rewire(
    nodes: Iterable[Node], memo: dict[Node, Node], expand: Callable | None = None
) -> list[Node]:
    """The graph as written with nodes replaced; what does not change stays the same occurrence.

    memo     replacements; it is extended
    expand   what to do with a Gradient whose operands are replaced already
    """
    nodes = list(nodes)
    for x in topological(nodes, stop=memo.__contains__):
        if x in memo:
            continue
        operands = tuple(memo[a] for a in x.operands)
        if isinstance(x, Gradient) and expand is not None:
            memo[x] = expand(x, operands)
        elif all(a is b for a, b in zip(operands, x.operands, strict=True)):
            memo[x] = x
        else:
            new = type(x).occur(x.spec, *operands, origin=x.origin, equalities=x.equalities)
            new.label, new.payload = x.label, x.payload
            if x.word is not None:
                new.word = x.word._replace(sources=tuple(memo.get(a, a) for a in x.word.sources))
            memo[x] = new
    return [memo[x] for x in nodes]


class Deriver:
    """Replaces Gradient nodes by expressions, sharing one reverse sweep per group of variables."""

    def __init__(
        self,
        stabilise: Callable[[Node], Node] | None = None,
        image: Callable[[Node], Node] = lambda a: a,
    ) -> None:
        self._stabilise, self._image = stabilise, image
        self._together: dict[tuple, dict[Node, None]] = {}
        self._groups: dict[tuple, dict[Node, Node]] = {}
        self._costs: dict[Node, Node] = {}

    def run(self, nodes: Iterable[Node]) -> list[Node]:
        """The nodes without Gradient."""
        nodes = list(nodes)
        for x in topological(nodes):
            if isinstance(x, Gradient):
                wrt, held = _parts(x, x.operands)
                if isinstance(wrt, Leaf):
                    self._together.setdefault((x.operands[0], held), {})[wrt] = None
        return rewire(nodes, {}, self._expand)

    def _expand(self, x: Node, operands: tuple[Node, ...]) -> Node:
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
        cuts = {a: cut(a) for a in (*held, *(w for w in wrt if not isinstance(w, Leaf)))}
        copy = rewire([cost], dict(cuts))[0] if cuts else cost
        results = accumulate(self._stable(copy), [self._image(cuts.get(w, w)) for w in wrt])
        if not cuts:
            return results
        return rewire(results, {self._image(leaf): a for a, leaf in cuts.items()})

    def _stable(self, cost: Node) -> Node:
        if self._stabilise is None:
            return cost
        if cost not in self._costs:
            self._costs[cost] = self._stabilise(cost)
        return self._costs[cost]


def _parts(x: Node, operands: tuple[Node, ...]) -> tuple[Node, tuple[Node, ...]]:
    """(wrt, held) of a Gradient."""
    return operands[1 + x.spec.number], operands[1 + x.spec.count :]


def cut(a: Node) -> Leaf:
    """An opaque stand-in for a node."""
    return Leaf(LeafSpec("cut", fresh_uid(), a.dims, a.dtype, a.weak, None, frozenset()))


def expand_gradients(nodes: Sequence[Node]) -> list[Node]:
    """The nodes as written with every Gradient expanded and nothing else changed: the oracle's
    graph.
    """
    return Deriver().run(nodes)


def derive(
    nodes: Sequence[Node], interner: Interner, soundness: str, rules: Any = None
) -> tuple[list[Node], Counter]:
    """The nodes without Gradient, each cost stabilised first; and which rows that took."""
    fired: Counter[str] = Counter()

    def stabilise(cost: Node) -> Node:
        composer = Composer(soundness, rules)
        result = composer.run(interner.run([cost]))[0]
        fired.update(composer.fired)
        return result

    return Deriver(stabilise, interner.image).run(nodes), fired
