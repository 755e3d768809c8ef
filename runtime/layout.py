"""How an array lies in memory, as far as kernels tell layouts apart."""

from __future__ import annotations

import numpy as np


def has_rows(array: np.ndarray) -> bool:
    """Whether the last axis is contiguous and the other strides are positive multiples of it."""
    *outer, last = array.strides or (0,)
    item = array.itemsize
    return array.ndim > 0 and last == item and all(s > 0 and s % item == 0 for s in outer)


def layout(array: np.ndarray) -> str:
    """Return the layout class of an array; see `emit.program.Argument`."""
    if not array.dtype.isnative:
        return "swapped"
    if not getattr(array.flags, "aligned", True):  # CuPy's arrays always are
        return "unaligned"
    if array.flags.c_contiguous:
        return "C"
    return "F" if array.flags.f_contiguous else "rows" if has_rows(array) else "strided"
