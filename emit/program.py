"""What `emit` hands to `runtime`: source text and everything a caller must know to run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..algebra.dims import Extent
from ..algebra.node import Leaf, Node
from .estimate import Cost

REGULAR = ("C", "F", "rows")  # layouts whose elements are aligned, native, and contiguous somewhere
THIN = 16  # largest extent that is worth constants and loops written out


@dataclass(frozen=True)
class Argument:
    """One array that the caller passes. Its place in `Program.arguments` is its number in the
    kernel.

    kind    "input", "shared", "constant", "output" or "update"; arguments are grouped in this order
    dtype   dtype of the array in memory
    dims    numbers of its dims, one per axis
    layout  "C" or "F": contiguous in that order; "rows": the last axis is contiguous, the strides
            of the others are read from the frame; "strided": all strides are; "unaligned": so are
            they, and elements lie at any byte; "swapped": these are in the other byte order, too
    """

    kind: str
    dtype: np.dtype
    dims: tuple[int, ...]
    layout: str = "C"


@dataclass(frozen=True)
class Program:
    """A compiled-to-text program.

    render     makes the text of the translation unit; called only when something has to be
               compiled or shown
    key_text   canonical text of the lowered program that the cache key is made of (semantics 6.5)
    target     name of the target, "c"
    arguments  arrays in the order of `cf_program.array`
    dims       one entry per dim: an int where the extent is fixed, else None (bound by an input,
               or defined by the
               program's own `define` from those that are)
    parameters values of the numbered parameters, float64
    externals  names of library routines, by number
    refuses    whether a kernel can return CF_REFUSED
    plan       lines that explain the plan to a reader (`explain()`)
    count      counts what the program reads, writes and computes; None for a program that was not
               emitted from a graph
    """

    render: Callable[[], str] = field(compare=False, repr=False)
    key_text: str
    target: str
    arguments: tuple[Argument, ...]
    dims: tuple[int | None, ...]
    parameters: tuple[float, ...] = ()
    externals: tuple[str, ...] = ()
    refuses: bool = False
    plan: tuple[str, ...] = ()
    count: Callable[[], Cost] | None = field(default=None, compare=False, repr=False)

    @cached_property
    def cost(self) -> Cost:
        """What the program reads, writes and computes, over its extents."""
        assert self.count is not None, "this program was not emitted from a graph"
        return self.count()

    @cached_property
    def source(self) -> str:
        """Text of the translation unit, identical for equal programs in every process."""
        return self.render()


@dataclass(frozen=True)
class Unit:
    """What is to be compiled: a simplified graph and how its arrays are stored.

    inputs, shared, constants  leaves that are arrays, in the order in which the caller passes them
    outputs, updates           nodes to deliver; an update is the new value of a shared variable,
                               in the dtype of the node
    storage                    per leaf of inputs + shared + constants: dtype in memory and layout
                               (see Argument)
    baked                      (dim, number) of extents that are known to be small and become
                               constants of the text
    """

    inputs: tuple[Leaf, ...]
    shared: tuple[Leaf, ...]
    constants: tuple[Leaf, ...]
    outputs: tuple[Node, ...]
    updates: tuple[Node, ...]
    storage: tuple[tuple[np.dtype, str], ...]
    baked: tuple[tuple[Extent, int], ...] = ()
