"""From occurrences to unique nodes, with one representative for extents that must be equal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy

from ..algebra import build
from ..algebra.dims import Equalities, Extent, show
from ..algebra.errors import ShapeError
from ..algebra.graph import topological
from ..algebra.node import Contract, Layout, Leaf, Node, number_node


def unify(nodes: Iterable[Node]) -> Equalities:
    """All equalities that the operations of a graph rely on.

    Raises ShapeError, naming the line, if they contradict each other.
    """
    table = Equalities()
    for x in topological(nodes):
        for left, right in x.equalities:
            if not table.join(left, right):
                one, other = show(table.find(left)), show(table.find(right))
                raise ShapeError(
                    f"extent {one} meets extent {other} in {build.describe(x)}",
                    where=build.place(x.origin),
                    fix="check the shapes: an earlier operation made one of these extents another",
                )
    return table


class Interner:
    """Makes nodes unique and replaces extents by their representatives."""

    def __init__(self, table: Equalities) -> None:
        self._table = table
        self._dims: dict[tuple, tuple] = {}
        self.memo: dict[Node, Node] = {}

    def run(self, nodes: Iterable[Node]) -> list[Node]:
        """The nodes, unique."""
        nodes = list(nodes)
        for x in topological(nodes, stop=self.memo.__contains__):
            if x not in self.memo:
                self.memo[x] = new = self.node(x, tuple(self.memo[a] for a in x.operands))
                self.memo.setdefault(new, new)
        return [self.memo[x] for x in nodes]

    def image(self, x: Node) -> Node:
        """The unique node for one node."""
        return self.memo.get(x) or self.run([x])[0]

    def dims(self, dims: tuple[Extent, ...]) -> tuple[Extent, ...]:
        """Representatives of extents."""
        found = self._dims.get(dims)
        if found is None:
            found = self._dims[dims] = tuple(self._table.find(d) for d in dims)
        return found

    def node(self, x: Node, operands: tuple[Node, ...]) -> Node:
        """The unique node for an occurrence over unique operands."""
        spec = x.spec
        if isinstance(x, Leaf):
            return self._leaf(x)
        if isinstance(x, Contract):
            sizes = self.dims(spec.sizes)
            spec = spec if sizes == spec.sizes else spec.with_(sizes=sizes)
        else:
            dims = self.dims(spec.dims)
            spec = spec if dims == spec.dims else spec.with_(dims=dims)
        if isinstance(x, Layout) and any(
            isinstance(s, sympy.Symbol) for p in spec.params for s in p
        ):
            spec = spec.with_(
                params=tuple(tuple(_find(self._table, s) for s in p) for p in spec.params)
            )
        return type(x)(spec, *operands)

    def _leaf(self, x: Leaf) -> Node:
        spec = x.spec
        dims = self.dims(spec.dims)
        value = _find(self._table, spec.value)
        if spec.kind == "dim" and isinstance(value, int):
            return number_node(value, (), x.dtype, weak=True)
        if dims == spec.dims and value is spec.value:
            return x
        new = Leaf(spec.with_(dims=dims, value=value))
        new.label, new.payload, new.origin = x.label, x.payload, x.origin
        return new


def _find(table: Equalities, value: Any) -> Any:
    return table.find(value) if isinstance(value, sympy.Symbol) else value
