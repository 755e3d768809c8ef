"""What a printing verb is given, and which form of it is shown."""

from __future__ import annotations

import reprlib
import weakref

from . import late
from .build import here
from .errors import ExpressionError
from .node import Node

# nodes whose form their user asked for
SHOWN_AS_IT_IS: weakref.WeakSet[Node] = weakref.WeakSet()


def node_to_show(verb: str, tensor: object) -> Node:
    """The node that a printing verb is given.

    Raises ExpressionError for what is no tensor.
    """
    node = tensor if isinstance(tensor, Node) else getattr(tensor, "node", None)
    if not isinstance(node, Node):
        raise ExpressionError(
            f"{verb} of {reprlib.repr(tensor)}, of type {type(tensor).__name__}",
            where=here(),
            fix="give one tensor; cf.as_tensor makes one of numbers and arrays",
        )
    return node


def displayed(node: Node, kinks: bool = False, names: bool = True) -> Node:
    """A node in display form, or as it is if a verb gave it that form; parameters as in `pp`."""
    if node in SHOWN_AS_IT_IS:
        return node
    return late.call("display", node, kinks=kinks, names=names)
