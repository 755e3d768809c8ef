"""What `emit` hands to `runtime`: source text and everything a caller must know to run it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Argument:
    """One array that the caller passes. Its place in `Program.arguments` is its number in the kernel.

    kind    "input", "shared", "constant", "output" or "update"; arguments are grouped in this order
    dtype   dtype of the array in memory
    dims    numbers of its dims, one per axis
    layout  "C": contiguous, strides follow from extents; "strided": byte strides are read from the frame
    """

    kind: str
    dtype: np.dtype
    dims: tuple[int, ...]
    layout: str = "C"


@dataclass(frozen=True)
class Program:
    """A compiled-to-text program.

    source     text of the translation unit, identical for equal programs in every process
    key_text   canonical text of the lowered program that the cache key is made of (semantics 6.5)
    target     name of the target, "c"
    arguments  arrays in the order of `cf_program.array`
    dims       one entry per dim: an int where the extent is fixed, else None (bound by an input, or defined by the
               program's own `define` from those that are)
    parameters values of the numbered parameters, float64
    externals  names of library routines, by number
    plan       lines that explain the plan to a reader (`explain()`)
    """

    source: str
    key_text: str
    target: str
    arguments: tuple[Argument, ...]
    dims: tuple[int | None, ...]
    parameters: tuple[float, ...] = ()
    externals: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
