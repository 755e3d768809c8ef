"""grad, jacobian, hessian: handles on symbolic `Gradient` nodes (semantics 1.2, 8).

Nothing is differentiated here; the pass `derive` of `simplify` expands these nodes after the cost
is stabilised.
"""

from __future__ import annotations

import warnings
from typing import Any

import sympy

from .build import describe
from .dims import show_shape
from .errors import DerivativeError, DisconnectedInputError, ExpressionError
from .graph import topological
from .node import Gradient, GradientSpec, Mark, Node, number_node
from .origin import here, origin
from .tensor import Tensor


def grad(
    cost: Any,
    wrt: Any,
    consider_constant: Any = None,
    disconnected_inputs: str = "raise",
    known_grads: Any = None,
) -> Any:
    """Gradient of a scalar cost.

    Parameters
    ----------
    cost : a tensor of shape (); None if all that is known are `known_grads`.
    wrt : a tensor, or a list or tuple of them; intermediates of the cost are allowed.
    consider_constant : a tensor, or a list of them, through which no derivative flows.
    disconnected_inputs : what to do about a variable that the cost does not depend on: "raise",
        "warn" or "ignore" (zeros).
    known_grads : dict from intermediates to their gradients, which are used instead of what the
        cost says of them.

    Returns
    -------
    A tensor of the shape and dtype of `wrt`, or a list of them.

    Raises
    ------
    DerivativeError for a cost that is not a scalar or a variable that is not floating;
    DisconnectedInputError.

    >>> import closedform as cf
    >>> x = cf.vector("x", shape="n")
    >>> cf.grad((x**2).sum(), x).shape
    (n,)
    """
    if isinstance(cost, Tensor) and cost.ndim:
        raise DerivativeError(
            f"the cost has shape {show_shape(cost.shape)}",
            where=here(),
            fix="reduce it with .sum() or .mean(), or use cf.jacobian",
        )
    if cost is None and not known_grads:
        raise ExpressionError(
            "grad of no cost, without known_grads",
            where=here(),
            fix="give a cost, or gradients of intermediates as known_grads",
        )
    if known_grads:
        from .known import grad_with_known

        return grad_with_known(cost, wrt, consider_constant, disconnected_inputs, known_grads)
    return _derivative(cost, wrt, consider_constant, disconnected_inputs)


def jacobian(
    expression: Any,
    wrt: Any,
    consider_constant: Any = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """Jacobian: shape expression.shape + wrt.shape. Parameters as in `grad`."""
    return _derivative(expression, wrt, consider_constant, disconnected_inputs)


def hessian(
    cost: Any,
    wrt: Any,
    consider_constant: Any = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """Second derivative of a scalar cost: shape wrt.shape + wrt.shape. Parameters as in `grad`."""
    if isinstance(wrt, list | tuple):
        return type(wrt)(hessian(cost, w, consider_constant, disconnected_inputs) for w in wrt)
    first = grad(cost, wrt, consider_constant, disconnected_inputs)
    return jacobian(first, wrt, consider_constant, "ignore")


def _derivative(cost: Any, wrt: Any, held: Any, disconnected: str) -> Any:
    targets = listed(wrt)
    fixed = checked(cost, targets, held, disconnected)
    reached = connected(cost.node, [t.node for t in targets], fixed)
    where = origin()
    results = []
    for w in targets:
        dims = cost.node.dims + w.node.dims
        if w.node not in reached:
            complain_of(w, disconnected)
            results.append(Tensor(number_node(0, dims, w.dtype)))
            continue
        # one variable each: 1000 gradients stay linear
        spec = GradientSpec(0, 1, dims, w.dtype, False)
        results.append(Tensor(Gradient.occur(spec, cost.node, w.node, *fixed, origin=where)))
    return as_given(wrt, results)


def listed(values: Any) -> list[Any]:
    """One value or a list or tuple of them, as a list."""
    return list(values) if isinstance(values, list | tuple) else [values]


def as_given(values: Any, results: list[Tensor]) -> Any:
    """Results in the structure of what they belong to: one, a list or a tuple."""
    if isinstance(values, list | tuple):
        return results if isinstance(values, list) else tuple(results)
    return results[0]


def constants(held: Any) -> list[Any]:
    """What `consider_constant` names."""
    return [] if held is None else listed(held)


def checked(cost: Any, targets: list, held: Any, disconnected: str) -> tuple[Node, ...]:
    """The nodes that are held constant, after a check of what is differentiated by what.

    Raises ExpressionError for what are no tensors, DerivativeError for other dtypes and options.
    """
    if disconnected not in ("raise", "warn", "ignore"):
        raise DerivativeError(
            f"disconnected_inputs={disconnected!r}",
            where=here(),
            fix="use 'raise', 'warn' or 'ignore'",
        )
    fixed = constants(held)
    for value in (cost, *targets, *fixed):
        check_tensor(value)
    for w in targets:
        check_float(w)
    check_float(cost)
    return tuple(t.node for t in fixed)


def check_tensor(value: Any) -> None:
    """Raise ExpressionError for what is no tensor."""
    if isinstance(value, Tensor):
        return
    fix = (
        "use sympy.diff for plain SymPy expressions"
        if isinstance(value, sympy.Basic)
        else "use symbolic tensors"
    )
    raise ExpressionError(
        f"cannot differentiate with {value!r} of type {type(value).__name__}",
        where=here(),
        fix=fix,
    )


def check_float(value: Tensor) -> None:
    """Raise DerivativeError for what is not floating."""
    if value.dtype.kind != "f":
        raise DerivativeError(
            f"{describe(value.node)} has dtype {value.dtype},"
            " and only floating values have derivatives",
            where=here(),
            fix="declare it floating, or convert it with .astype('float64')",
        )


def connected(cost: Node, targets: list[Node], fixed: tuple[Node, ...]) -> set[Node]:
    """The targets that the cost depends on by a path that avoids what is held constant."""
    held = set(fixed)
    stops = lambda x: x in held or (isinstance(x, Mark) and x.spec.op == "stop")  # noqa: E731
    order = topological([cost], stop=stops)
    return set(order) & set(targets) - held


def complain_of(w: Tensor, disconnected: str) -> None:
    """Warn or raise about a variable that nothing depends on."""
    complain(f"the cost does not depend on {describe(w.node)}", disconnected)


def complain(text: str, disconnected: str) -> None:
    """Warn or raise, as `disconnected_inputs` says."""
    if disconnected == "warn":
        warnings.warn(f"{text} ({here()}); the derivative is 0", stacklevel=5)
    if disconnected == "raise":
        raise DisconnectedInputError(
            text,
            where=here(),
            fix="remove it from wrt, or pass disconnected_inputs='ignore' to get zeros",
        )
