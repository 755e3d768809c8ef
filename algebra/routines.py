"""Routines on whole arrays: one row each, and what builds a call of one.

A routine works on the last axes of its operands, its core; all axes before them are a batch. What a
row does not say stands in other tables under the same name: the derivative in `adjoints`, the
meaning in NumPy in `runtime/routines`, the spelling in C in `emit/routine`; a test finds every gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .dims import Equality, Extent
from .dtypes import INT64
from .node import Call, CallSpec
from .origin import Origin, origin
from .tensor import Tensor


@dataclass(frozen=True)
class Routine:
    """One row.

    name     as formulas show it
    cores    per operand, the axes of its core; an operand without a batch has `shared` set
    results  per result: its word in formulas
    numbers  how many params a call has
    floats   whether operands must be floating
    shared   operands that all of the batch reads
    linear   operands in each of which the result is linear, by itself
    """

    name: str
    cores: tuple[int, ...]
    results: tuple[str, ...] = ("",)
    numbers: int = 0
    floats: bool = True
    shared: tuple[int, ...] = ()
    linear: tuple[int, ...] = ()


ROUTINES: dict[str, Routine] = {
    row.name: row
    for row in (
        # along the last axis: y_i = y_(i-1) + x_i; y_i = y_(i-1) x_i; y_i = a_i y_(i-1) + b_i
        Routine("cumsum", (1,), floats=False, linear=(0,)),
        Routine("cumprod", (1,), floats=False),
        Routine("recurrence", (1, 1), floats=False, linear=(1,)),
        # positions that sort the last axis; equal elements keep their order, NaN comes last
        Routine("argsort", (1,), floats=False),
        # rows v of values (..., m, r) added at positions p (m,): result (..., n, r)
        Routine("scatter_add", (1, 2), floats=False, shared=(0,), linear=(1,)),
        # for positions p (m,): per place of the result the last k with p_k there, or -1
        Routine("scatter_last", (1,), floats=False, shared=(0,)),
        # matrices; where there are two operands, the batch of the first is the end of that of the
        # second
        Routine("inv", (2,)),
        Routine("solve", (2, 2)),
        Routine("solve_triangular", (2, 2), numbers=2),  # lower, unit diagonal
        Routine("det", (2,)),
        Routine("logdet", (2,)),
        Routine("slogdet", (2,), ("sign_det", "log_abs_det")),
        Routine("cholesky", (2,)),
        Routine("eigh", (2,), ("eigenvalues", "eigenvectors")),
        Routine("svd", (2,), ("svd_u", "svdvals", "svd_vh")),
        Routine("qr", (2,), ("qr_q", "qr_r")),
        Routine("pinv", (2, 0), shared=(1,)),  # singular values up to this times the largest are 0
        Routine("matrix_power", (2,), numbers=1),  # at least 2
        Routine("expm", (2,)),
    )
}


def routine(
    name: str,
    operands: Sequence[Tensor],
    dims: Sequence[Extent],
    dtype: np.dtype,
    params: tuple[int, ...] = (),
    output: int = 0,
    equalities: tuple[Equality, ...] = (),
    where: Origin | None = None,
) -> Tensor:
    """One result of a routine; the caller answers for shapes and dtypes.

    where   the line that wrote it, if that is not the current one
    """
    spec = CallSpec(name, params, output, tuple(dims), dtype, False)
    nodes = (t.node for t in operands)
    return Tensor(Call.occur(spec, *nodes, origin=where or origin(), equalities=equalities))


def sibling(x: Call, output: int, dims: Sequence[Extent], dtype: np.dtype | None = None) -> Tensor:
    """Another result of the call that x is a result of."""
    spec = x.spec.with_(output=output, dims=tuple(dims), dtype=dtype or x.dtype)
    return Tensor(x if output == x.spec.output else Call(spec, *x.operands))


def along_last(name: str, x: Tensor, dtype: np.dtype | None = None) -> Tensor:
    """A routine of one operand along its last axis, whose result has the operand's shape."""
    return routine(name, [x], x.shape, dtype or x.dtype)


def argsorted(x: Tensor) -> Tensor:
    """Positions that sort the last axis."""
    return along_last("argsort", x, INT64)
