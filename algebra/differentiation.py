"""Products with Jacobians and Hessians.

Nothing is differentiated here: `jvp` builds `Tangent` nodes, the others are gradients of sums
(semantics 1.2, 8.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import build, gradient
from .build import describe
from .dims import Equality, show_shape, unify
from .errors import DerivativeError, DTypeError, ShapeError
from .node import Map, Node, Tangent, TangentSpec, number_node
from .origin import here, origin
from .tensor import Tensor, as_tensor


def jvp(
    expression: Any,
    wrt: Any,
    tangent: Any,
    consider_constant: Any = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """Jacobian times vector: the derivative along tangents, in one forward sweep.

    Parameters
    ----------
    expression : a tensor of any shape, or a list or tuple of them.
    wrt : a tensor, or a list or tuple of them; intermediates are allowed.
    tangent : of the shape of `wrt`, or as many as there are variables.
    consider_constant : as in `grad`.
    disconnected_inputs : as in `grad`, for variables that no expression depends on, and for
        expressions that depend on no variable.

    Returns
    -------
    The sum over all variables of the Jacobian times the tangent: a tensor of the shape and dtype of
    `expression`, or a list of them.

    Raises
    ------
    ShapeError for tangents of another shape; DerivativeError, DisconnectedInputError as `grad`.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd edition, section 3.1.

    >>> import closedform as cf
    >>> x, v = cf.vectors("x", "v", shape="n")
    >>> print(cf.jvp(cf.sin(x), x, v))
    v * cos(x)
    """
    expressions, targets = gradient.listed(expression), gradient.listed(wrt)
    held: tuple[Node, ...] = ()
    for e in expressions:
        held = gradient.checked(e, targets, consider_constant, disconnected_inputs)
    moving = _directions(targets, tangent)
    used: set[Node] = set()
    results = []
    for e in expressions:
        reached = gradient.connected(e.node, list(moving), held)
        used |= reached
        results.append(_along(e, {w: v for w, v in moving.items() if w in reached}, held))
        if not reached:
            gradient.complain(f"{describe(e.node)} depends on none of wrt", disconnected_inputs)
    for w in targets:
        if w.node not in used:
            gradient.complain_of(w, disconnected_inputs)
    return gradient.as_given(expression, results)


def _directions(targets: Sequence[Tensor], tangent: Any) -> dict[Node, tuple[Node, list]]:
    """Per variable its tangent, in its dtype, and the extents that must be equal for that."""
    given = list(tangent) if isinstance(tangent, list | tuple) else [tangent]
    if len(targets) == 1 and len(given) != 1:
        given = [tangent]  # numbers, as NumPy reads them
    _check_count("tangents", given, "variables", targets)
    moving: dict[Node, tuple[Node, list]] = {}
    for w, v in zip(targets, given, strict=True):
        if w.node in moving:
            raise DerivativeError(
                f"{describe(w.node)} stands twice in wrt", where=here(), fix="name it once"
            )
        equal: list[Equality] = []
        moving[w.node] = _like(v, w, "the tangent of", equal), equal
    return moving


def _check_count(what: str, given: Sequence, of: str, wanted: Sequence) -> None:
    if len(given) != len(wanted):
        raise DerivativeError(
            f"{len(given)} {what} for {len(wanted)} {of}",
            where=here(),
            fix=f"give one of the {what} for each of the {of}",
        )


def _along(e: Tensor, moving: dict[Node, tuple[Node, list]], held: tuple[Node, ...]) -> Tensor:
    if not moving:
        return Tensor(number_node(0, e.shape, e.dtype))
    spec = TangentSpec(len(moving), e.shape, e.dtype, False)
    tangents = [v for v, _ in moving.values()]
    equal = tuple(both for _, found in moving.values() for both in found)
    operands = (e.node, *moving, *tangents, *held)
    return Tensor(Tangent.occur(spec, *operands, origin=origin(), equalities=equal))


def _like(given: Any, w: Tensor, what: str, equal: list[Equality]) -> Node:
    """A value of the shape of a variable, in its dtype; extents that must be equal are noted."""
    v = as_tensor(given)
    if v.dtype.kind not in "iuf":
        raise DTypeError(
            f"{what} {describe(w.node)} has dtype {v.dtype}",
            where=here(),
            fix=f"give numbers of dtype {w.dtype}",
        )
    joined = [unify([a, b]) for a, b in zip(v.shape, w.shape, strict=False)]
    if v.ndim != w.ndim or None in joined:
        raise ShapeError(
            f"{what} {describe(w.node)} has shape {show_shape(v.shape)}, where "
            f"{show_shape(w.shape)} is needed",
            where=here(),
            fix="give it the shape of what it belongs to",
        )
    for found in joined:
        equal += found[1] if found else ()
    return v.node if v.dtype == w.dtype else build.cast(v.node, w.dtype)


def vjp(
    expression: Any,
    wrt: Any,
    cotangent: Any,
    consider_constant: Any = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """Vector times Jacobian: the gradient of the sum of expression * cotangent.

    Parameters
    ----------
    expression : a tensor of any shape, or a list or tuple of them.
    wrt : a tensor, or a list or tuple of them; intermediates are allowed.
    cotangent : of the shape of `expression`, or as many as there are expressions; it is held
        constant.
    consider_constant, disconnected_inputs : as in `grad`.

    Returns
    -------
    As of `grad`: of the shape and dtype of `wrt`.

    Raises
    ------
    ShapeError for cotangents of another shape; DerivativeError, DisconnectedInputError as `grad`.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd edition, section 3.2.

    >>> import closedform as cf
    >>> x, u = cf.vectors("x", "u", shape="n")
    >>> print(cf.vjp(cf.sin(x), x, u))
    u * cos(x)
    """
    expressions = gradient.listed(expression)
    given = list(cotangent) if isinstance(cotangent, list | tuple) else [cotangent]
    if len(expressions) == 1 and len(given) != 1:
        given = [cotangent]
    _check_count("cotangents", given, "expressions", expressions)
    total, weights = _weighted(expressions, given)
    held = [*gradient.constants(consider_constant), *weights]
    return gradient.grad(total, wrt, held, disconnected_inputs)


def _weighted(expressions: Sequence[Any], weights: Sequence[Any]) -> tuple[Tensor, list[Tensor]]:
    """The sum of expressions times weights, and the weights, each an operation of its own."""
    parts, held = [], []
    for e, u in zip(expressions, weights, strict=True):
        gradient.check_tensor(e)
        gradient.check_float(e)
        equal: list[Equality] = []
        weight = Tensor(_own(_like(u, e, "the cotangent of", equal), equal))
        held.append(weight)
        parts.append((e * weight).sum())
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total, held


def _own(node: Node, equal: Sequence[Equality]) -> Node:
    """The same value as an operation of its own, so that holding it holds nothing else."""
    view = build.view(node, tuple(range(node.ndim)), node.dims)
    return Map.occur(view.spec, node, origin=view.origin, equalities=tuple(equal))


def hvp(
    cost: Any,
    wrt: Any,
    vector: Any,
    consider_constant: Any = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """Hessian times vector, forward over reverse: no Hessian is formed.

    Parameters
    ----------
    cost : a tensor of shape ().
    wrt : a tensor, or a list or tuple of them.
    vector : of the shape of `wrt`, or as many as there are variables.
    consider_constant, disconnected_inputs : as in `grad`.

    Returns
    -------
    A tensor of the shape and dtype of `wrt`, or a list of them: the derivative of the gradient by
    all variables along all vectors.

    Raises
    ------
    ShapeError for vectors of another shape; DerivativeError, DisconnectedInputError as `grad`.

    Source: B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6, 1994.

    >>> import closedform as cf
    >>> x, v = cf.vectors("x", "v", shape="n")
    >>> print(cf.hvp((x**3).sum(), x, v))
    6v * x
    """
    first = gradient.grad(cost, wrt, consider_constant, disconnected_inputs)
    return jvp(first, wrt, vector, consider_constant, "ignore")


def Rop(  # noqa: N802
    f: Any,
    wrt: Any,
    eval_points: Any,
    disconnected_outputs: str = "raise",
    return_disconnected: str = "zero",
) -> Any:
    """`jvp` under Theano's name, with Theano's arguments."""
    if return_disconnected.lower() != "zero":
        raise DerivativeError(
            f"return_disconnected={return_disconnected!r}",
            where=here(),
            fix="leave it out: what is disconnected has the derivative 0",
        )
    return jvp(f, wrt, eval_points, disconnected_inputs=disconnected_outputs)


def Lop(  # noqa: N802
    f: Any,
    wrt: Any,
    eval_points: Any,
    consider_constant: Any = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """`vjp` under Theano's name, with Theano's arguments."""
    return vjp(f, wrt, eval_points, consider_constant, disconnected_inputs)
