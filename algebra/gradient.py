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
from .node import Gradient, GradientSpec, Node, number_node
from .origin import here, origin
from .tensor import Tensor


def grad(
    cost: Any,
    wrt: Any,
    consider_constant: Any = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """Gradient of a scalar cost.

    Parameters
    ----------
    cost : a tensor of shape ().
    wrt : a tensor, or a list or tuple of them; intermediates of the cost are allowed.
    consider_constant : a tensor, or a list of them, through which no derivative flows.
    disconnected_inputs : what to do about a variable that the cost does not depend on: "raise",
        "warn" or "ignore" (zeros).

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
    many = isinstance(wrt, list | tuple)
    targets = list(wrt) if many else [wrt]
    if disconnected not in ("raise", "warn", "ignore"):
        raise DerivativeError(
            f"disconnected_inputs={disconnected!r}",
            where=here(),
            fix="use 'raise', 'warn' or 'ignore'",
        )
    constants = held if isinstance(held, list | tuple) else () if held is None else (held,)
    for value in (cost, *targets, *constants):
        _check_tensor(value)
    for w in targets:
        _check_float(w)
    _check_float(cost)
    fixed = tuple(t.node for t in constants)
    reached = _connected(cost.node, [t.node for t in targets], fixed)
    where = origin()
    results = []
    for w in targets:
        dims = cost.node.dims + w.node.dims
        if w.node not in reached:
            _complain(w, disconnected)
            results.append(Tensor(number_node(0, dims, w.dtype)))
            continue
        # one variable each: 1000 gradients stay linear
        spec = GradientSpec(0, 1, dims, w.dtype, False)
        results.append(Tensor(Gradient.occur(spec, cost.node, w.node, *fixed, origin=where)))
    return (results if isinstance(wrt, list) else tuple(results)) if many else results[0]


def _check_tensor(value: Any) -> None:
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


def _check_float(value: Tensor) -> None:
    if value.dtype.kind != "f":
        raise DerivativeError(
            f"{describe(value.node)} has dtype {value.dtype},"
            " and only floating values have derivatives",
            where=here(),
            fix="declare it floating, or convert it with .astype('float64')",
        )


def _connected(cost: Node, targets: list[Node], fixed: tuple[Node, ...]) -> set[Node]:
    """The targets that the cost depends on by a path that avoids what is held constant."""
    order = topological([cost], stop=set(fixed).__contains__)
    return set(order) & set(targets) - set(fixed)


def _complain(w: Tensor, disconnected: str) -> None:
    text = f"the cost does not depend on {describe(w.node)}"
    if disconnected == "warn":
        warnings.warn(f"{text} ({here()}); its derivative is 0", stacklevel=4)
    if disconnected == "raise":
        raise DisconnectedInputError(
            text,
            where=here(),
            fix="remove it from wrt, or pass disconnected_inputs='ignore' to get zeros",
        )
