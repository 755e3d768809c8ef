"""Addresses of library routines: a private BLAS, one thread per call (semantics 9.4).

The `scipy-openblas32` package is a copy of OpenBLAS of its own: its number of threads is set to one
here, and NumPy's and SciPy's are left alone.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

from ..algebra.errors import CompileError


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(_path()))
    library.scipy_openblas_set_num_threads(1)
    return library


def _path() -> Path:
    """The file of the library."""
    try:
        import scipy_openblas32
    except ImportError:
        raise CompileError(
            "the package scipy-openblas32 is missing, which multiplies matrices",
            fix="pip install scipy-openblas32",
        ) from None
    folder = Path(scipy_openblas32.get_lib_dir())
    path = next((p for p in sorted(folder.glob("libscipy_openblas.*")) if p.suffix != ".a"), None)
    if path is None:
        raise CompileError(
            f"scipy-openblas32 has no library in {folder}",
            fix="pip install --force-reinstall scipy-openblas32",
        )
    return path


def addresses(names: tuple[str, ...]) -> list[int]:
    """Addresses of routines by their CBLAS names.

    Raises CompileError if the library is missing.
    """
    found = [
        ctypes.cast(getattr(_library(), f"scipy_{name}"), ctypes.c_void_p).value for name in names
    ]
    return [address or 0 for address in found]
