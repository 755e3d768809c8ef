"""Gradients of intermediates that are known from elsewhere (`known_grads` of `grad`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import gradient
from .differentiation import vjp
from .errors import DerivativeError
from .node import Node, number_node
from .origin import here
from .tensor import Tensor


def grad_with_known(
    cost: Any, wrt: Any, held: Any, disconnected: str, known: Mapping[Tensor, Any]
) -> Any:
    """The gradient of the cost with the known intermediates held constant, and what flows back from
    each of them, with the others held constant.

    Raises
    ------
    DerivativeError for what is no dict from tensors; else as `grad`.
    """
    if not isinstance(known, Mapping) or not all(isinstance(y, Tensor) for y in known):
        raise DerivativeError(
            f"known_grads is {type(known).__name__}",
            where=here(),
            fix="give a dict from tensors to their gradients",
        )
    targets, fixed = gradient.listed(wrt), gradient.constants(held)
    known_nodes: dict[Node, Any] = {y.node: u for y, u in known.items()}
    results = []
    for w in targets:
        gradient.check_tensor(w)
        if w.node in known_nodes:
            results.append(Tensor(vjp(w, w, known_nodes[w.node]).node))
            continue
        parts = [
            _back(y, w, u, [*fixed, *(o for o in known if o is not y)]) for y, u in known.items()
        ]
        if cost is not None:
            parts.append(_of_cost(cost, w, [*fixed, *known]))
        found = [p for p in parts if p is not None]
        if not found:
            gradient.complain_of(w, disconnected)
            results.append(Tensor(number_node(0, w.shape, w.dtype)))
            continue
        total = found[0]
        for p in found[1:]:
            total = total + p
        results.append(total)
    return gradient.as_given(wrt, results)


def _back(y: Tensor, w: Tensor, u: Any, held: list) -> Tensor | None:
    """What flows from a known intermediate to a variable; None if nothing does."""
    nodes = tuple(t.node for t in held)
    return vjp(y, w, u, held) if gradient.connected(y.node, [w.node], nodes) else None


def _of_cost(cost: Tensor, w: Tensor, held: list) -> Tensor | None:
    gradient.check_tensor(cost)
    nodes = tuple(t.node for t in held)
    return gradient.grad(cost, w, held) if gradient.connected(cost.node, [w.node], nodes) else None
