"""Canonical text of a graph: leaves and extents numbered by first appearance, operands in order.

Names, values of parameters and contents of arrays are not part of it; the signs of parameters are
(semantics 6.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .dims import FreshDim
from .graph import topological
from .node import Leaf, Map, Node
from .scalar import show


def graph_text(nodes: Iterable[Node]) -> str:
    """One line per node, then the outputs; equal for graphs that differ only in names."""
    nodes = list(nodes)
    writer = _Writer()
    lines = [writer.line(x) for x in topological(nodes)]
    return "\n".join([*lines, "-> " + " ".join(str(writer.number[x]) for x in nodes)])


class _Writer:
    def __init__(self) -> None:
        self.number: dict[Node, int] = {}
        self._dims: dict[Any, str] = {}
        self._uids: dict[int, int] = {}

    def line(self, x: Node) -> str:
        self.number[x] = len(self.number)
        fields = [
            f"{name}={self.field(x, name, value)}"
            for name, value in zip(x.spec.fields, x.spec.content, strict=True)
        ]
        operands = " ".join(str(self.number[a]) for a in x.operands)
        return f"{self.number[x]} {type(x).__name__}({operands}) " + " ".join(fields)

    def field(self, x: Node, name: str, value: Any) -> str:
        if isinstance(x, Leaf) and name == "uid":
            return str(self._uids.setdefault(value, len(self._uids))) if value else "-"
        if isinstance(x, Leaf) and name == "value":
            return "-" if x.spec.kind == "parameter" else self.dim(value)
        if isinstance(x, Map) and name == "body":
            return show(value)
        if name == "facts":
            return ",".join(sorted(value))
        if isinstance(value, tuple):
            return self.nested(value)
        return str(value)

    def nested(self, value: tuple) -> str:
        return (
            "("
            + " ".join(self.nested(v) if isinstance(v, tuple) else self.dim(v) for v in value)
            + ")"
        )

    def dim(self, value: Any) -> str:
        if not hasattr(value, "is_Symbol"):
            return str(value)
        if value not in self._dims:
            self._dims[value] = f"d{len(self._dims)}"
            if isinstance(value, FreshDim) and value.definition is not None:
                self._dims[value] += self.nested(value.definition)
        return self._dims[value]
