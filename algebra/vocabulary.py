"""Where each function of tensors is defined; a door imports it when it is first used.

So a longer vocabulary does not make the import longer.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

MODULES = {
    "axes": (
        "swapaxes moveaxis expand_dims squeeze broadcast_to flip fliplr flipud rot90 ravel "
        "matrix_transpose"
    ),
    "cloning": "clone",
    "creation": (
        "zeros ones full full_like empty empty_like eye identity arange linspace logspace "
        "one_hot tri tril triu diagonal diag trace"
    ),
    "differentiation": "jvp vjp hvp Rop Lop",
    "gathering": "take take_along_axis set_subtensor inc_subtensor argsort sort",
    "identities": "consider_constant disconnected_grad grad_clip print_value zero_grad",
    "joining": "concatenate concat stack split repeat tile roll pad diff",
    "products": "inner vdot vecdot kron tensordot cross",
    "stacking": (
        "atleast_1d atleast_2d atleast_3d hstack vstack dstack column_stack append "
        "broadcast_arrays meshgrid"
    ),
    "statistics": (
        "average median nansum nanprod nanmean nanvar nanstd nanmax nanmin cov corrcoef trapezoid"
    ),
    "reductions": "prod any all count_nonzero var std ptp norm cumsum cumprod linear_recurrence",
}
WORDS = {name: module for module, names in MODULES.items() for name in names.split()}
# what only Theano calls so; defined in `tutorial`
TUTORIAL = (
    "addbroadcast alloc batched_dot batched_tensordot extract_diag fill fill_diagonal flatten "
    "horizontal_stack identity_like iround max_and_argmax nonzero nonzero_values shape_padaxis "
    "shape_padleft shape_padright stacklists to_one_hot unbroadcast unique vertical_stack"
).split()
# what stands in `closedform.linalg` alone; defined in `linalg`
MATRIX_WORDS = (
    "cholesky det eigh eigvalsh expm inv logdet matrix_norm matrix_power matrix_rank pinv qr "
    "slogdet solve solve_triangular svd svdvals"
).split()
# a name in numpy.linalg -> the module that has it, and its name there
LINALG = {name: ("linalg", name) for name in MATRIX_WORDS} | {
    "norm": ("reductions", "norm"),
    "matrix_norm": ("reductions", "norm"),
    "vector_norm": ("reductions", "norm"),
    "trace": ("creation", "trace"),
}


def word(name: str) -> Callable[..., Any]:
    """The function of this name."""
    module = importlib.import_module(f".{WORDS.get(name, 'linalg')}", __package__)
    return getattr(module, name)


def of_numpy(func: Callable[..., Any]) -> Callable[..., Any] | None:
    """The function that means what a NumPy function means, if there is one."""
    name = func.__name__
    if name in WORDS and getattr(np, name, None) is func:
        return word(name)
    if name in LINALG and getattr(np.linalg, name, None) is func:
        module, ours = LINALG[name]
        return getattr(importlib.import_module(f".{module}", __package__), ours)
    return None
