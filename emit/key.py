"""Canonical text of a lowered program: what its cache key is made of (semantics 6.5)."""

from __future__ import annotations

from collections.abc import Callable

import sympy

from ..algebra import scalar
from ..algebra.dims import Extent
from ..algebra.scalar import Scalar
from .lower import Lowering
from .value import Atom, Index, Load, Position, Routine, Whole


def canonical_text(lowering: Lowering) -> str:
    """Text of the lowered program: independent of names, printers and processes."""
    order = {
        v: k
        for k, v in enumerate(
            [*lowering.arguments, *(v for v in lowering.values if v.leaf is None)]
        )
    }
    dims: dict = {}

    def extent(d: Extent) -> str:
        return str(d) if isinstance(d, int) else f"d{dims.setdefault(d, len(dims))}"

    def index(t: Index) -> str:
        offset = "+".join(f"{c}*{extent(d) if d is not None else 1}" for c, d in t.offset)
        return f"{t.label}*{t.step}+{offset}{'!' if t.inverse else ''}"

    def text(e) -> str:
        if isinstance(e, Load):
            return f"v{order[e.value]}[{','.join(map(index, e.indices))}]"
        if isinstance(e, Position):
            return f"@{index(e.content[0])}"
        if isinstance(e, Whole):
            return f"v{order[e.value]}[]"
        if isinstance(e, Routine):
            work, result = e.content
            operands = ",".join(f"v{order[d]}" for d in work.operands)
            return f"{work.name}{work.params}({operands})[{result}]"
        if isinstance(e, Atom):
            parts = (extent(c) if isinstance(c, sympy.Symbol) else str(c) for c in e.content)
            return f"{type(e).__name__}({','.join(parts)})"
        if isinstance(e, Scalar):
            return f"{scalar.op(e)}({','.join(map(text, e.args))})"
        return str(e)

    lines = []
    for v, k in order.items():
        space = ",".join(f"{t}:{extent(d)}" for t, d in v.space.items())
        role = "argument" if v.leaf is not None else "keep" if v.keep else f"output {v.output}"
        alias = f"alias v{order[v.alias]}" if v.alias is not None else ""
        alias += f" before v{order[v.former]}" if v.former is not None else ""
        alias += f" {v.phase} {v.merge.start} v{order[v.merge.incoming]}" if v.merge else v.phase
        lines.append(
            f"v{k}[{','.join(v.own)}] {space} {v.dtype} {v.compute} {v.op} {v.section}"
            f" {role}{alias} memory {','.join(v.memory)} {v.product} = {text(v.expr)}"
        )
    lines += _facts(dims, extent, lowering)
    return "\n".join(lines)


def _facts(dims: dict[Extent, int], extent: Callable[[Extent], str], low: Lowering) -> list[str]:
    """What is known of the extents: numbers of baked ones, and how derived ones follow."""
    lines: list[str] = []
    while len(lines) < len(dims):  # a definition can name further extents
        d = list(dims)[len(lines)]
        rule = getattr(d, "definition", None) or ()
        parts = (tuple(map(extent, s)) if isinstance(s, tuple) else s for s in rule)
        said = (extent(s) if isinstance(s, sympy.Symbol) else s for s in parts)
        lines.append(f"{extent(d)} = {low.known(d)} {tuple(said)}")
    return lines
