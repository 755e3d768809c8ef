"""What was emitted for a device, and what a launch of it is: data that plans are made of.

`Kernels` describes the kernels of a program, `DeviceFacts` a device, `Plan` the launches that
`grid.plan` decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

Dims = tuple[int, ...]  # numbers of extents; their product is a size


@dataclass(frozen=True)
class DeviceFacts:
    """What plans need to know of a device.

    Attributes
    ----------
    arch : int
        Compute capability times ten, such as 90.
    processors : int
        Multiprocessors.
    shared : int
        Most bytes of shared memory that a block may ask for.
    shared_processor : int
        Bytes of shared memory of a multiprocessor.
    threads : int
        Most threads that are resident on a multiprocessor.
    registers : int
        Registers of a multiprocessor.
    memory : int
        Bytes of device memory.
    """

    arch: int = 90
    processors: int = 132
    shared: int = 232448
    shared_processor: int = 233472
    threads: int = 2048
    registers: int = 65536
    memory: int = 80 << 30


@dataclass(frozen=True)
class Phase:
    """One group of values: how many of what.

    kind     "map": every point on its own; "dot": sums over `summed`, by lanes of a warp or block;
             "sum": sums over rows, each thread keeps some of the results
    own      extents of the result but the fold axis and those written out; summed: of what is
             summed
    axis     where the fold axis is: "own", "summed" or ""
    written  results written out per point of `own`
    registers  that the sums of one column take; direct: without a sum on the way; weight: of the
               arithmetic at one point
    lanes    number of the word that holds the lanes, or for "sum" the slots
    strips   name of the option that says how many columns a thread keeps; "" if not a "sum"
    option   name of the option that holds the lanes of a "dot" of a fold, so that its loops have
             constant steps
    """

    kind: str
    own: Dims
    summed: Dims
    axis: str
    written: int
    registers: int
    weight: int
    lanes: int
    strips: str = ""
    direct: int = 0
    option: str = ""


@dataclass(frozen=True)
class Region:
    """Memory of one array for the rows of a panel.

    item, dims  bytes of an element; extents of a row
    offset      number of the word: where it begins in the memory of the block, in bytes
    pitch       number of the word: elements from row to row
    option      name of the option that is 1 if the region is in shared memory
    staged      whether it is a copy of rows of an argument, which may be left out
    second      number of the word: bytes to a second place, for the next panel; -1 if its rows do
                not lie together in memory
    odd         whether rows are padded to an odd pitch, for they are written along columns
    """

    item: int
    dims: Dims
    offset: int
    pitch: int
    option: str
    staged: bool
    odd: bool = False
    second: int = -1


@dataclass(frozen=True)
class Partial:
    """Partial results of all blocks for one accumulator: `copies` numbers per element."""

    buffer: int
    item: int
    dims: Dims
    copies: int


@dataclass(frozen=True)
class Fold:
    """A kernel that goes over the rows of the fold axis, panel by panel.

    rows, scratch  numbers of the words: rows of a panel; bytes of a block's memory outside the chip
    first, last    numbers of the words: the range of rows of one launch
    ahead          number of the word: whether panels are copied while another is computed with
    buffer         number of the workspace buffer for that memory
    reads          numbers of the arguments whose rows it reads
    threads, blocks  names of the options of the launch bounds
    """

    name: str
    axis: int
    phases: tuple[Phase, ...]
    regions: tuple[Region, ...]
    partials: tuple[Partial, ...]
    rows: int
    scratch: int
    first: int
    last: int
    ahead: int
    buffer: int
    reads: tuple[int, ...]
    threads: str
    blocks: str


@dataclass(frozen=True)
class Once:
    """What follows a fold: combining its partial results, then groups without the fold axis.

    folded    number of the word that holds the blocks of the fold before
    together  number of the word that says whether the last block of the first launch runs the
              groups too
    """

    name: str
    partials: tuple[Partial, ...]
    phases: tuple[Phase, ...]
    folded: int
    together: int


@dataclass(frozen=True)
class Product:
    """A product of matrices by a library: result = op(left) op(right); m, n, k are extents.

    Arrays are numbers of the frame; `swapped` says per operand whether it is stored transposed, and
    `stored` with which extents: the product may read its first rows and columns only.
    """

    arrays: tuple[int, int, int]
    extents: tuple[int, int, int]
    swapped: tuple[bool, bool]
    stored: tuple[Dims, Dims]
    item: int


@dataclass(frozen=True)
class Routine:
    """A routine on whole arrays, of one or several launches of one kernel.

    kind     which one: a row of `grid_routine.PLANS`
    batch    extents of the axes that it is repeated along; extents: of what it works on
    work     (number of a workspace buffer, bytes of its elements)
    word     number of the first of two words that its plan sets
    """

    name: str
    kind: str
    batch: Dims
    extents: tuple[int, ...]
    work: tuple[tuple[int, int], ...]
    word: int


Step = Fold | Once | Product | Routine


@dataclass(frozen=True)
class Buffer:
    """A workspace buffer of a program: bytes of an element, extents; () with item 0 if planned."""

    item: int
    dims: Dims


@dataclass(frozen=True)
class Kernels:
    """Everything that the plan of a program's launches needs to know.

    arguments  arrays of the caller, which come before the workspace buffers in the frame
    whole      numbers of the arguments that are not only read row by row of a fold
    flag       number of the buffer whose first number a kernel sets if it meets what it refuses: a
               position out of range, a singular matrix; -1 if none can
    """

    steps: tuple[Step, ...] = ()
    whole: tuple[int, ...] = ()
    arguments: int = 0
    buffers: tuple[Buffer, ...] = ()
    words: int = 0
    flag: int = -1


@dataclass(frozen=True)
class Launch:
    """One kernel launch, or a product by a library if `step` is one.

    group : int
        Of a kernel with several groups the one to run, on the whole grid; -1 for what there is to
        combine and then, in one block, all groups. Of a routine, the pass.
    step : Step
        What it is a launch of.
    """

    name: str
    grid: int = 1
    block: int = 1
    shared: int = 0
    group: int = -1
    step: Step | None = None


@dataclass(frozen=True)
class Plan:
    """The launches of a program for one set of extents.

    Attributes
    ----------
    launches : tuple of Launch
        In order, on one stream.
    words : tuple of int
        Numbers that kernels read: lanes, offsets, rows of panels.
    options : tuple of str
        Of the compiler: what must be constant there.
    buffers : tuple of int
        Bytes of the workspace buffers.
    notes : tuple of str
        Lines for a reader.
    """

    launches: tuple[Launch, ...]
    words: tuple[int, ...]
    options: tuple[str, ...]
    buffers: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass
class Draft:
    """A plan in the making."""

    extents: Sequence[int]
    facts: DeviceFacts
    words: list[int]
    buffers: dict[int, int]
    options: dict[str, int] = field(default_factory=dict)
    launches: list[Launch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    largest: int = 0  # index that a loop reaches
    folded: int = 0  # blocks of the fold before, in all its chunks
    chunks: int = 1

    def size(self, dims: Dims) -> int:
        return math.prod(self.extents[d] for d in dims)
