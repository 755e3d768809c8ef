"""Layout conventions of derivatives, for printing only (semantics 8.1).

A derivative has the axes of what is differentiated, then those of the variable. In numerator layout
that is how a Jacobian is printed, and the gradient of a scalar is a row; in denominator layout the
axes of the variable come first, and the gradient has the shape of the variable.
"""

from __future__ import annotations

from . import build
from .build import describe
from .errors import ExpressionError
from .node import Gradient, Node
from .origin import here

LAYOUTS = ("numerator", "denominator")


def arranged(node: Node, layout: str | None) -> Node:
    """A derivative in a layout; None leaves it as it is.

    Raises
    ------
    ExpressionError for another layout, or what is no derivative.
    """
    if layout is None:
        return node
    if layout not in LAYOUTS:
        raise ExpressionError(
            f"layout={layout!r}", where=here(), fix="use 'numerator' or 'denominator'"
        )
    if not isinstance(node, Gradient):
        raise ExpressionError(
            f"the layout of {describe(node)}, which is no derivative",
            where=here(),
            fix="give what cf.grad, cf.jacobian or cf.hessian returned",
        )
    outputs = node.operands[0].ndim
    inputs = node.ndim - outputs
    if outputs == 0:
        return _gradient(node, layout)
    if layout == "numerator":
        return node
    order = (*range(outputs, node.ndim), *range(outputs))  # axes of the result
    return build.view(node, tuple(order.index(k) for k in range(node.ndim)), tuple(
        node.dims[k] for k in order)) if inputs else node  # fmt: skip


def _gradient(node: Node, layout: str) -> Node:
    """The derivative of a scalar: a row in numerator layout."""
    if layout == "denominator" or node.ndim == 0:
        return node
    if node.ndim == 1:
        return build.view(node, (1,), (1, node.dims[0]))
    index = tuple(reversed(range(node.ndim)))
    return build.view(node, index, tuple(reversed(node.dims)))
