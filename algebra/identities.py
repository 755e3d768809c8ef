"""Identities that derivatives respect, and one that shows values."""

from __future__ import annotations

from typing import Any

from .build import describe
from .dims import show_shape
from .errors import DerivativeError
from .gradient import check_float
from .node import Mark, MarkSpec
from .origin import here, origin
from .tensor import Tensor, as_tensor


def _marked(op: str, x: Any, *more: Tensor, message: str | None = None) -> Tensor:
    x = as_tensor(x)
    spec = MarkSpec(op, message, x.shape, x.dtype, x.node.weak)
    return Tensor(Mark.occur(spec, x.node, *(t.node for t in more), origin=origin()))


def disconnected_grad(x: Any) -> Tensor:
    """x, through which no derivative flows: a variable that is reached only so is disconnected.

    Parameters
    ----------
    x : a tensor of any shape and dtype.

    Returns
    -------
    The same value.

    >>> import closedform as cf
    >>> x = cf.scalar("x")
    >>> print(cf.grad(x * cf.disconnected_grad(x), x))
    x
    """
    return _marked("stop", x)


def zero_grad(x: Any) -> Tensor:
    """x, whose derivative is 0; variables that are reached only so stay connected.

    Parameters and result as of `disconnected_grad`.

    >>> import closedform as cf
    >>> x = cf.scalar("x")
    >>> print(cf.grad(cf.zero_grad(x**2), x))
    0
    """
    return _marked("zero", x)


def consider_constant(x: Any) -> Tensor:
    """`zero_grad` under the name of the argument of `grad` that does so for one derivative."""
    return zero_grad(x)


def grad_clip(x: Any, lower_bound: Any, upper_bound: Any) -> Tensor:
    """x; the cotangent that flows back through it is clipped to these bounds, elementwise.

    So a gradient is no longer the derivative of the value. Tangents (`jvp`) are not clipped.

    Parameters
    ----------
    x : a floating tensor.
    lower_bound, upper_bound : numbers or tensors of shape ().

    Returns
    -------
    The same value.

    Raises
    ------
    DerivativeError for bounds that are arrays or an x that is not floating.

    >>> import closedform as cf
    >>> x = cf.scalar("x")
    >>> cf.grad(cf.grad_clip(x, -1, 1) ** 2, x).eval({x: 3.0})
    array(1.)
    """
    x = as_tensor(x)
    check_float(x)
    bounds = [as_tensor(b) for b in (lower_bound, upper_bound)]
    for b in bounds:
        if b.ndim:
            raise DerivativeError(
                f"grad_clip with the bound {describe(b.node)} of shape {show_shape(b.shape)}",
                where=here(),
                fix="give numbers, or tensors of shape ()",
            )
    return _marked("clip", x, *bounds)


def print_value(x: Any, message: str = "") -> Tensor:
    """x; functions that need it print the message and the value at every call.

    Parameters
    ----------
    x : a tensor of any shape and dtype.
    message : str

    Returns
    -------
    The same value, with the same derivative. What no output and no update needs is not printed.

    >>> import closedform as cf
    >>> x = cf.scalar("x")
    >>> f = cf.function([x], cf.print_value(x * 2, "twice") + 1)
    >>> f(3)
    twice: 6.0
    array(7.)
    """
    return _marked("print", x, message=str(message))
