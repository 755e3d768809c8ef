"""Addresses of library routines that programs call: products of matrices, special functions."""

from __future__ import annotations

from collections.abc import Sequence

from . import blas

SPECIAL = "special."


def addresses(names: Sequence[str]) -> list[int]:
    """Addresses of routines: "special.psi/1" is SciPy's psi of one argument, others are CBLAS's.

    Raises CompileError if the library that has them is missing or of an unknown build.
    """
    return [_address(name) for name in names]


def _address(name: str) -> int:
    if not name.startswith(SPECIAL):
        return blas.addresses((name,))[0]
    from .scipy_special import address

    routine, _, arity = name.removeprefix(SPECIAL).partition("/")
    return address(routine, int(arity))
