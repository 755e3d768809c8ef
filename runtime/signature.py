"""What a user wrote in `function(...)`, checked: inputs, outputs, updates, givens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..algebra import build
from ..algebra.build import describe, here, place
from ..algebra.dims import show_shape, unify
from ..algebra.errors import DTypeError, ExpressionError, FunctionError, ShapeError
from ..algebra.node import Leaf, Node
from ..algebra.tensor import Tensor, as_tensor, check_name
from .shared import SharedVariable

LATER = ("update", "mutable", "strict", "borrow", "allow_downcast", "autoname", "implicit")


class In:
    """An input with a default value or a name of its own.

    Parameters
    ----------
    variable : Tensor
        The symbolic input.
    value : array_like, optional
        What it is when a call does not give it.
    name : str, optional
        Its keyword; default: the variable's name.
    """

    def __init__(self, variable: Any, value: Any = None, name: str | None = None, **other: Any):
        for key in other:
            known = "is not built yet" if key in LATER else "is unknown"
            raise FunctionError(f"In({key}=...) {known}", where=here(), fix="use value= and name=")
        self.variable, self.value, self.name = variable, value, check_name(name)

    def __repr__(self) -> str:
        return f"In({self.variable!r}, value={self.value!r}, name={self.name!r})"


@dataclass(frozen=True)
class Parameter:
    """One input of a function: its leaf, its keyword or None, and its default or None."""

    leaf: Leaf
    name: str | None
    default: Any = None

    @property
    def shown(self) -> str:
        """How messages name it."""
        return repr(self.name) if self.name else describe(self.leaf)


@dataclass(frozen=True)
class Signature:
    """A function as written.

    Attributes
    ----------
    result : None, "single", "list", or tuple of keys
        What a call returns.
    outputs, updates : tuples of Node
        As written; updates have the dtype of their targets.
    targets : tuple of Leaf
        Shared variables, one per update.
    givens : tuple of (Node, Node)
        What is replaced, by what.
    joined : list of (dim, dim, line)
        Extents that updates and givens make equal.
    """

    parameters: tuple[Parameter, ...]
    result: Any
    outputs: tuple[Node, ...]
    targets: tuple[Leaf, ...] = ()
    updates: tuple[Node, ...] = ()
    givens: tuple[tuple[Node, Node], ...] = ()
    joined: list[tuple] = field(default_factory=list)


def read(inputs: Any, outputs: Any, updates: Any, givens: Any) -> Signature:
    """Check the arguments of `function`."""
    parameters = _parameters(inputs)
    result, nodes = _outputs(outputs)
    joined: list[tuple] = []
    pairs = _updates(updates, joined)
    return Signature(
        parameters,
        result,
        nodes,
        tuple(target for target, _ in pairs),
        tuple(new for _, new in pairs),
        _givens(givens, joined),
        joined,
    )


# ---------------------------------------------------------------- inputs


def _parameters(inputs: Any) -> tuple[Parameter, ...]:
    if isinstance(inputs, Tensor | In):
        raise FunctionError("inputs is one variable", where=here(), fix="write it in a list: [x]")
    if not isinstance(inputs, list | tuple):
        raise FunctionError(
            f"inputs is {type(inputs).__name__}", where=here(), fix="give a list of variables"
        )
    parameters = tuple(map(_parameter, inputs))
    seen: set[Leaf] = set()
    for p in parameters:
        if p.leaf in seen:
            raise FunctionError(
                f"{p.shown} is an input twice", where=here(), fix="list each variable once"
            )
        seen.add(p.leaf)
    return parameters


def _parameter(item: Any) -> Parameter:
    given = item if isinstance(item, In) else In(item)
    variable = given.variable
    if not isinstance(variable, Tensor):
        raise FunctionError(
            f"the input {variable!r} of type {type(variable).__name__} is no variable",
            where=here(),
            fix="declare inputs with cf.scalar, cf.vector, cf.matrix or cf.tensor",
        )
    node = variable.node
    if isinstance(node, Leaf) and node.spec.kind == "shared":
        raise FunctionError(
            f"the shared variable {describe(node)} is an input",
            where=here(),
            fix="leave it out: functions read shared variables by themselves; "
            "to replace it for one function, use givens",
        )
    if not isinstance(node, Leaf) or node.spec.kind != "input":
        raise FunctionError(
            f"{describe(node)} is an input, but it is computed",
            where=place(node.origin) or here(),
            fix="make a new variable v, and pass givens={expression: v}",
        )
    return Parameter(node, given.name or node.label, given.value)


# ---------------------------------------------------------------- outputs


def _outputs(outputs: Any) -> tuple[Any, tuple[Node, ...]]:
    if outputs is None:
        return None, ()
    if isinstance(outputs, Mapping):
        for key in outputs:
            if not isinstance(key, str):
                raise FunctionError(
                    f"the output key {key!r}", where=here(), fix="use strings as keys of outputs"
                )
        return tuple(outputs), tuple(map(_output, outputs.values()))
    if isinstance(outputs, list | tuple):
        return "list", tuple(map(_output, outputs))
    return "single", (_output(outputs),)


def _output(value: Any) -> Node:
    try:
        return as_tensor(value).node
    except (DTypeError, ExpressionError) as error:
        raise FunctionError(
            f"the output {value!r} is no expression: {error.found}", where=here(), fix=error.fix
        ) from None


# ---------------------------------------------------------------- updates and givens


def pairs(what: str, given: Any) -> list[tuple[Any, Any]]:
    """A dict or list of pairs as a list.

    Raises FunctionError, naming `what`, for anything else.
    """
    if given is None:
        return []
    items = given.items() if isinstance(given, Mapping) else given
    if not isinstance(items, Iterable) or isinstance(items, Tensor | str):
        raise FunctionError(
            f"{what} is {type(given).__name__}", where=here(), fix="use a dict or a list of pairs"
        )
    pairs = list(items)
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise FunctionError(
                f"{what} has the entry {pair!r}", where=here(), fix="write pairs (variable, new)"
            )
    return [(a, b) for a, b in pairs]


def _updates(updates: Any, joined: list[tuple]) -> list[tuple[Leaf, Node]]:
    result: list[tuple[Leaf, Node]] = []
    for target, new in pairs("updates", updates):
        if not isinstance(target, SharedVariable):
            name = describe(target.node) if isinstance(target, Tensor) else repr(target)
            raise FunctionError(
                f"an update of {name}, which is not a shared variable",
                where=here(),
                fix="only what cf.shared made can be updated",
            )
        leaf = target.node
        if any(leaf is other for other, _ in result):
            raise FunctionError(
                f"two updates of {describe(leaf)}", where=here(), fix="update each variable once"
            )
        assert isinstance(leaf, Leaf)
        result.append((leaf, fitted("the update of ", leaf, new, joined)))
    return result


def _givens(givens: Any, joined: list[tuple]) -> tuple[tuple[Node, Node], ...]:
    result: dict[Node, Node] = {}
    for key, new in pairs("givens", givens):
        if not isinstance(key, Tensor):
            raise FunctionError(
                f"givens replaces {key!r}, which is no tensor",
                where=here(),
                fix="replace variables or expressions of the graph",
            )
        if key.node in result:
            raise FunctionError(
                f"givens replaces {describe(key.node)} twice", where=here(), fix="replace it once"
            )
        result[key.node] = fitted("what givens puts for ", key.node, new, joined)
    return tuple(result.items())


def fitted(what: str, old: Node, value: Any, joined: list[tuple]) -> Node:
    """The new value of a variable, in its dtype; extents that must be equal are joined."""
    new = _output(value)
    where = place(new.origin) or here()
    if new.ndim != old.ndim:
        raise ShapeError(
            f"{what}{describe(old)} has shape {show_shape(new.dims)}, and the variable "
            f"{show_shape(old.dims)}",
            where=where,
            fix="the rank is fixed: reduce or reshape the new value",
        )
    for axis, (a, b) in enumerate(zip(old.dims, new.dims, strict=True)):
        if a == b:
            continue
        if unify([a, b]) is None:
            raise ShapeError(
                f"{what}{describe(old)} has shape {show_shape(new.dims)}, and the variable "
                f"{show_shape(old.dims)}: axis {axis} differs",
                where=where,
                fix="keep the shape of the variable",
            )
        joined.append((a, b, where))
    return _in_dtype(what, old, new, where)


def _in_dtype(what: str, old: Node, new: Node, where: str) -> Node:
    if new.dtype == old.dtype:
        return new
    same_kind = np.can_cast(new.dtype, old.dtype, "same_kind")
    if np.can_cast(new.dtype, old.dtype, "safe") or (new.weak and same_kind):
        return build.cast(new, old.dtype)
    raise DTypeError(
        f"{what}{describe(old)} has dtype {new.dtype}, and the variable {old.dtype}",
        where=where,
        fix=f"convert it with .astype('{old.dtype}'), or declare the variable as {new.dtype}",
    )
