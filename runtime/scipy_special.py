"""Routines of `scipy.special` for doubles, as its Cython module exports them.

Each is a capsule that is named after its C signature, which is checked before anything is called.
"""

from __future__ import annotations

import ctypes
import re
from functools import cache
from typing import Any

from ..algebra.errors import CompileError

FIX = "pip install --upgrade scipy; target='numpy' works without"
_name = ctypes.pythonapi.PyCapsule_GetName
_name.restype, _name.argtypes = ctypes.c_char_p, [ctypes.py_object]
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


@cache
def _capsules() -> dict[str, Any]:
    try:
        from scipy.special import cython_special
    except ImportError:
        raise CompileError(
            "the package scipy is missing, which computes special functions", fix=FIX
        ) from None
    return dict(cython_special.__pyx_capi__)


@cache
def address(routine: str, arity: int) -> int:
    """Address of a routine of that many doubles that gives a double.

    Its last parameter is an int, which Cython adds; a caller passes 0.

    Raises CompileError if SciPy is missing, or has no routine of this name and signature.
    """
    wanted = f"double({', '.join(['double'] * arity)}, int)"
    found = {}
    for name in (routine, f"__pyx_fuse_0{routine}", f"__pyx_fuse_1{routine}"):
        capsule = _capsules().get(name)
        if capsule is None:
            continue
        signature = (_name(capsule) or b"").decode()
        found[name] = signature
        if _plain(signature) == wanted:
            return _pointer(capsule, _name(capsule))
    raise CompileError(
        f"scipy.special.cython_special has no routine {routine} of {arity} doubles, but {found}",
        fix=FIX,
    )


def _plain(signature: str) -> str:
    """A signature without the names of parameters: "double(double, int)"."""
    result, _, rest = signature.strip(" )").partition("(")
    parameters = (p.strip() for p in rest.split(","))
    return f"{result.strip()}({', '.join(re.sub(r' +[a-z_]+$', '', p) for p in parameters)})"
