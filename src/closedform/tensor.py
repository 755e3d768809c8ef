"""The tutorial's `T`: constructors, functions and `T.grad` under Theano's names.

`import closedform.tensor as T` gives the namespace; it is also callable, so that
`closedform.tensor("X", ("n", 3))` declares an input of any rank.
"""

# ruff: noqa: F401, F403, F405 (names are re-exported)
from __future__ import annotations

import importlib as _importlib
import sys as _sys
from types import ModuleType as _ModuleType
from typing import Any as _Any

from . import nnet
from .algebra import constructors as _constructors
from .algebra.bits import *
from .algebra.choices import *
from .algebra.dtypes import config
from .algebra.elementwise import *
from .algebra.functions import (
    amax,
    amin,
    argmax,
    argmin,
    cast,
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    ones_like,
    permute_dims,
    reshape,
    softmax,
    sum,
    transpose,
    zeros_like,
)
from .algebra.gradient import grad, hessian, jacobian
from .algebra.products import dot, einsum, matmul, outer
from .algebra.special import *
from .algebra.suggestions import absent as _absent
from .algebra.tensor import Tensor, as_tensor
from .algebra.vocabulary import TUTORIAL as _TUTORIAL
from .algebra.vocabulary import WORDS as _WORDS
from .algebra.vocabulary import word as _word

globals().update(_constructors.CONSTRUCTORS)
abs = absolute
and_, or_, xor = bitwise_and, bitwise_or, bitwise_xor
inv, int_div, floor_div, true_div = reciprocal, floor_divide, floor_divide, divide
neg, sub, mul = negative, subtract, multiply
as_tensor_variable = as_tensor
constant = as_tensor
sgn, sqr, switch = sign, square, where


def __getattr__(name: str) -> _Any:
    """The rest of the vocabulary, imported at first use, and what only the tutorial calls so."""
    if name in _WORDS:
        value = _word(name)
    elif name in _TUTORIAL:
        value = getattr(_importlib.import_module(".algebra.tutorial", __package__), name)
    else:
        raise _absent(f"module {__name__}", name, __dir__())
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WORDS, *_TUTORIAL})


class _Namespace(_ModuleType):
    """This module, callable."""

    def __call__(self, *args: _Any, **kwargs: _Any) -> Tensor:
        return _constructors.tensor(*args, **kwargs)


_sys.modules[__name__].__class__ = _Namespace
__all__ = [n for n in (*globals(), *_WORDS, *_TUTORIAL) if n[0] != "_" and n != "annotations"]
