"""Addresses of library routines: a private BLAS, one thread per call (semantics 9.4).

The `scipy-openblas32` package is a copy of OpenBLAS of its own: it is loaded with one thread, so
that it starts none, and NumPy's and SciPy's copies are left alone.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ..algebra.errors import CompileError


@cache
def _library() -> ctypes.CDLL:
    with _environment(OPENBLAS_NUM_THREADS="1"):  # read while it is loaded, and never again
        library = ctypes.CDLL(str(_path()))
    library.scipy_openblas_set_num_threads(1)
    return library


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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
