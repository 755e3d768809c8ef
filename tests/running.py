"""Run a graph on the C target, and the same graph on the NumPy interpreter."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from closedform.algebra.dims import evaluate
from closedform.algebra.graph import replace
from closedform.algebra.node import Node
from closedform.algebra.tensor import Tensor
from closedform.emit import Program, Unit, compile_unit
from closedform.runtime import externals, native
from closedform.runtime.interpreter import Interpreter
from closedform.runtime.layout import layout
from closedform.runtime.loader import load
from closedform.simplify.derive import expand_gradients
from closedform.simplify.passes import compute_form


def program(nodes: list[Node], arrays: dict[Node, np.ndarray], baked: tuple = ()) -> Program:
    storage = tuple((a.dtype, layout(a)) for a in arrays.values())
    return compile_unit(Unit(tuple(arrays), (), (), tuple(nodes), (), storage, baked))


def compiled(
    nodes: list[Node], arrays: dict[Node, np.ndarray], baked: tuple = ()
) -> list[np.ndarray]:
    p = program(nodes, arrays, baked)
    loaded = load(p)
    entry = native.Entry(
        loaded.address,
        loaded.owner,
        [(a.kind, a.dtype.num, a.dims, a.layout) for a in p.arguments],
        [-1 if d is None else d for d in p.dims],
        parameters=p.parameters,
        externals=externals.addresses(p.externals),
        result="list",
    )
    return entry.run(tuple(arrays.values()), None)


def interpreted(nodes: list[Node], arrays: dict[Node, np.ndarray]) -> list[np.ndarray]:
    return Interpreter(nodes).run(arrays, sizes(arrays))


def sizes(arrays: dict[Node, np.ndarray]):
    """Extent of a dim, from the arrays that bind it."""
    bound = {d: n for leaf, a in arrays.items() for d, n in zip(leaf.dims, a.shape, strict=True)}

    def size(d):
        if isinstance(d, int):
            return d
        if d not in bound:
            bound[d] = evaluate(d.definition, size)
        return bound[d]

    return size


def as_written(outputs: Iterable[Tensor]) -> list[Node]:
    """The nodes of tensors, interned, with gradients expanded and nothing simplified."""
    return replace(expand_gradients([t.node for t in outputs]), {})


def simplified(outputs: Iterable[Tensor]) -> list[Node]:
    """The compute form of tensors."""
    return list(compute_form([t.node for t in outputs]).outputs)
