"""The tutorial's `T`: constructors, functions and `T.grad` under Theano's names.

`import closedform.tensor as T` gives the namespace; it is also callable, so that
`closedform.tensor("X", ("n", 3))` declares an input of any rank.
"""

# ruff: noqa: F401 (names are re-exported)
from __future__ import annotations

import sys as _sys
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from . import nnet
from .algebra import constructors as _constructors
from .algebra.dtypes import config
from .algebra.functions import (
    absolute,
    argmax,
    argmin,
    cast,
    cos,
    cosh,
    eq,
    exp,
    expm1,
    ge,
    gt,
    le,
    log,
    log1p,
    log_softmax,
    logical_and,
    logical_not,
    logical_or,
    logsumexp,
    lt,
    max,
    maximum,
    mean,
    min,
    minimum,
    neq,
    ones_like,
    relu,
    reshape,
    sigmoid,
    sign,
    sin,
    sinh,
    softmax,
    softplus,
    sqrt,
    square,
    sum,
    tanh,
    transpose,
    where,
    zeros_like,
)
from .algebra.gradient import grad, hessian, jacobian
from .algebra.products import dot, einsum, matmul, outer, trace
from .algebra.tensor import Tensor, as_tensor

globals().update(_constructors.CONSTRUCTORS)
abs = abs_ = absolute
and_, or_, invert = logical_and, logical_or, logical_not
as_tensor_variable = as_tensor
constant = as_tensor
sgn, sqr, switch = sign, square, where


if _TYPE_CHECKING:

    def __getattr__(name: str) -> _Any: ...  # the constructors, which are made from a table


class _Namespace(_ModuleType):
    """This module, callable."""

    def __call__(self, *args: _Any, **kwargs: _Any) -> Tensor:
        return _constructors.tensor(*args, **kwargs)


_sys.modules[__name__].__class__ = _Namespace
__all__ = [n for n in globals() if not n.startswith("_") and n != "annotations"]
