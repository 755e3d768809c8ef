"""Linear algebra under the names of `numpy.linalg` and `scipy.linalg`; see `algebra/linalg.py`."""

# ruff: noqa: F401 (names are re-exported)
from __future__ import annotations

from .algebra.creation import diagonal, trace
from .algebra.errors import LinAlgError
from .algebra.linalg import (
    cholesky,
    det,
    eigh,
    eigvalsh,
    expm,
    inv,
    logdet,
    matrix_norm,
    matrix_power,
    matrix_rank,
    pinv,
    qr,
    slogdet,
    solve,
    solve_triangular,
    svd,
    svdvals,
)
from .algebra.products import kron, matmul, outer, tensordot
from .algebra.reductions import norm
from .algebra.suggestions import absent as _absent

__all__ = [n for n in globals() if not n.startswith("_") and n != "annotations"]


def __getattr__(name: str) -> object:
    raise _absent(f"module {__name__}", name, __all__)
