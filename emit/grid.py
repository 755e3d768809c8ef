"""How a program is launched on a device: a pure function of its shape, extents and device facts.

`Kernels` describes what was emitted; `plan` decides blocks, threads, rows of a panel, shared memory
and what is kept in registers. No device is needed, and equal arguments give equal plans, so that
results are bitwise reproducible on one kind of device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

Dims = tuple[int, ...]  # numbers of extents; their product is a size

ONCE_THREADS = 512  # of a block that combines partial sums and runs what remains
ONCE_ELEMENTS = 1 << 16  # work of a single block; more of it gets a grid of its own
FOLD_THREADS = 256
WIDE_BLOCKS = 8  # per processor, of a kernel without shared memory
TILE = 32  # elements of partial sums that a block combines at a time
STRIPS = 8  # columns that a thread keeps in registers before blocks get wider
SUM_REGISTERS = 72  # of the 128 of a thread, for sums
FEW_REGISTERS, LIGHT = 12, 80  # of sums, and the weight of a phase, that leave 64 registers enough
FEW_ROWS = 4  # of a panel, below which fewer blocks share the memory of a processor
PANEL_ELEMENTS = 8192  # of a panel that needs no shared memory
MOST_ROWS = 256
RESERVED = 1024  # bytes of shared memory that the system takes per block
PARTIAL_BYTES = 1 << 27  # of partial sums of all blocks
ALIGNMENT = 16
ROUNDING = 1024  # bytes of shared memory for aligning regions, and of a kernel's own
LARGE_INDEX = 1 << 31


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
    registers  that the sums of one column take; weight: of the arithmetic at one point
    lanes    number of the word that holds the lanes, or for "sum" the slots
    strips   name of the option that says how many columns a thread keeps; "" if not a "sum"
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

    Arrays are numbers of the frame; `swapped` says per operand whether it is stored transposed.
    """

    arrays: tuple[int, int, int]
    extents: tuple[int, int, int]
    swapped: tuple[bool, bool]
    item: int


Step = Fold | Once | Product


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
    """

    steps: tuple[Step, ...] = ()
    whole: tuple[int, ...] = ()
    arguments: int = 0
    buffers: tuple[Buffer, ...] = ()
    words: int = 0


@dataclass(frozen=True)
class Launch:
    """One kernel launch, or a product by a library if `step` is one.

    group : int
        Of a kernel with several groups the one to run, on the whole grid; -1 for what there is to
        combine and then, in one block, all groups.
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
class _Draft:
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


def plan(kernels: Kernels, extents: Sequence[int], facts: DeviceFacts, chunks: int = 1) -> Plan:
    """Decide the launches of a program.

    Parameters
    ----------
    kernels : Kernels
    extents : sequence of int
        One per dim of the program, all positive.
    facts : DeviceFacts
    chunks : int
        Launches of each fold, one per chunk of its rows; each has partial results of its own.
    """
    d = _Draft(extents, facts, [0] * kernels.words, {}, chunks=chunks)
    for k, b in enumerate(kernels.buffers, kernels.arguments):
        d.buffers[k] = _aligned(b.item * d.size(b.dims))
    for step in kernels.steps:
        if isinstance(step, Fold):
            _fold(d, step)
        elif isinstance(step, Once):
            _once(d, step)
        else:
            d.launches.append(Launch("product", step=step))
            d.notes.append("product of matrices by cuBLAS")
    d.options["CF_WIDE_INDEX"] = int(d.largest >= LARGE_INDEX)
    options = tuple(f"-D{name}={value}" for name, value in d.options.items())
    return Plan(
        tuple(d.launches), tuple(d.words), options, tuple(d.buffers.values()), tuple(d.notes)
    )


def partial_bytes(p: Partial, blocks: int, extents: Sequence[int]) -> int:
    """Bytes of the partial results of some blocks."""
    return blocks * p.item * p.copies * math.prod(extents[d] for d in p.dims)


def _aligned(count: int) -> int:
    return (count + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def _up(n: int) -> int:
    """The smallest power of two that is at least n."""
    return 1 << max(0, n - 1).bit_length()


# ---------------------------------------------------------------- folds


def _fold(d: _Draft, fold: Fold) -> None:
    n = d.extents[fold.axis]
    sums = [(p, d.size(p.own)) for p in fold.phases if p.kind == "sum"]
    widest = max((own * p.written for p, own in sums), default=0)
    threads = FOLD_THREADS if widest <= FOLD_THREADS * STRIPS else 2 * FOLD_THREADS
    used = 0
    for p, own in sorted(sums, key=lambda s: s[1] * s[0].registers):
        strips = _up(-(-own // threads))
        strips = strips if used + strips * p.registers <= SUM_REGISTERS else 0
        d.options[p.strips] = strips
        used += strips * p.registers
    heavy = max((p.weight for p in fold.phases), default=0) > LIGHT or used > FEW_REGISTERS
    blocks = (2 if heavy else 4) * FOLD_THREADS // threads
    d.options |= {fold.threads: threads, fold.blocks: blocks}
    rows, shared = _panel(d, fold, n, blocks)
    resident = min(
        _resident(d.facts, threads, shared),
        blocks if fold.regions else max(blocks, WIDE_BLOCKS * 256 // threads),
    )
    panels = -(-n // rows)
    each = sum(p.item * p.copies * d.size(p.dims) for p in fold.partials)
    grid = max(1, min(panels, d.facts.processors * resident, PARTIAL_BYTES // max(each, 1)))
    for part in fold.partials:
        d.buffers[part.buffer] = d.chunks * partial_bytes(part, grid, d.extents)
    d.buffers[fold.buffer] = grid * d.words[fold.scratch]
    d.words[fold.rows], d.words[fold.first], d.words[fold.last] = rows, 0, n
    for p in fold.phases:
        d.words[p.lanes] = _lanes(d, p, rows, threads)
    d.launches.append(Launch(fold.name, grid, threads, max(shared, threads * 16), step=fold))
    d.folded = grid * d.chunks
    d.notes.append(
        f"{fold.name}: {grid} blocks of {threads} threads, panels of {rows} rows,"
        f" {max(shared, threads * 16)} bytes of shared memory"
        + "".join(f", {d.options[p.strips] or 'no'} columns a thread in registers" for p, _ in sums)
    )


def _resident(facts: DeviceFacts, threads: int, shared: int) -> int:
    most = facts.threads // threads
    if shared:
        most = min(most, facts.shared_processor // (shared + RESERVED))
    return max(1, most)


def _panel(d: _Draft, fold: Fold, n: int, blocks: int) -> tuple[int, int]:
    """Rows of a panel and bytes of shared memory; sets places of regions."""
    for r in fold.regions:
        d.words[r.pitch] = d.size(r.dims) | int(r.odd)
    row_bytes = {r: r.item * d.words[r.pitch] for r in fold.regions}
    room = d.facts.shared - ROUNDING
    inside = list(fold.regions)
    # what does not fit leaves the chip: copies of arguments first, the largest first
    for r in sorted(fold.regions, key=lambda r: (not r.staged, -row_bytes[r])):
        if sum(row_bytes[r] for r in inside) <= room:
            break
        inside.remove(r)
    row = sum(row_bytes[r] for r in inside)
    twice = row + sum(row_bytes[r] for r in inside if r.second >= 0)
    d.words[fold.ahead] = int(row < twice <= room)
    elements = max((d.size((*p.own, *p.summed)) for p in fold.phases), default=1)
    rows = _rows(d, n, twice if d.words[fold.ahead] else row, elements, blocks)
    shared = scratch = 0
    for r in fold.regions:
        d.options[r.option] = int(r in inside)
        size = _aligned(rows * row_bytes[r])
        if r in inside:
            d.words[r.offset], shared = shared, shared + size
            if r.second >= 0 and d.words[fold.ahead]:
                d.words[r.second], shared = size, shared + size
        elif not r.staged:
            d.words[r.offset], scratch = scratch, scratch + size
    d.words[fold.scratch] = scratch
    d.largest = max(d.largest, rows * elements)
    return rows, shared


def _rows(d: _Draft, n: int, row: int, elements: int, blocks: int) -> int:
    """Rows of a panel: a multiple of four where possible, so that panels begin aligned."""
    most = MOST_ROWS if row else max(1, PANEL_ELEMENTS // max(elements, 1))
    fit = 0
    while row and fit < FEW_ROWS and blocks:
        slack = RESERVED + ROUNDING
        fit = (min(d.facts.shared_processor // blocks, d.facts.shared) - slack) // row
        most, blocks = min(MOST_ROWS, max(fit, 1)), blocks // 2
    most = min(most, max(4, -(-n // d.facts.processors)))
    return most // 4 * 4 if most >= 4 else most


def _lanes(d: _Draft, p: Phase, rows: int, threads: int) -> int:
    own = d.size(p.own) * (rows if p.axis == "own" else 1)
    summed = d.size(p.summed) * (rows if p.axis == "summed" else 1)
    d.largest = max(d.largest, own * summed)
    if p.kind == "sum":
        return max(1, threads // own)
    if p.kind == "map":
        return _columns(summed, threads)
    return _dot_lanes(own, summed, threads)


def _dot_lanes(own: int, summed: int, threads: int) -> int:
    """Threads that share one sum: a warp if it is long enough; more if there are few sums."""
    useful = _up(summed)
    return min(useful, threads, max(min(useful, 32), _up(-(-threads // own))))


def _columns(inner: int, threads: int) -> int:
    """Threads along the innermost axis: the power of two that leaves the fewest idle."""
    best, waste = 1, math.inf
    lanes = 1
    while lanes <= threads:
        idle = -(-inner // lanes) * lanes / inner * (1 + 2 / lanes)  # few lanes read badly
        if idle < waste:
            best, waste = lanes, idle
        lanes *= 2
    return best


# ---------------------------------------------------------------- once


def _once(d: _Draft, once: Once) -> None:
    work = [d.size((*p.own, *p.summed)) * p.written for p in once.phases]
    together = sum(work) <= ONCE_ELEMENTS
    tiles = sum(-(-d.size(p.dims) // TILE) for p in once.partials)
    grid = max(1, min(tiles, d.facts.processors * 2))
    d.words[once.together] = int(together)
    d.words[once.folded] = d.folded
    for p in once.phases:
        d.words[p.lanes] = _lanes(d, p, 1, ONCE_THREADS)
    if once.partials or together:
        d.launches.append(Launch(once.name, grid, ONCE_THREADS, ONCE_THREADS * 16, step=once))
        done = f"combines {len(once.partials)} sums" if once.partials else ""
        then = f"{len(once.phases)} groups in its last block" if once.phases and together else ""
        d.notes.append(
            f"{once.name}: {grid} blocks, " + ", then ".join(t for t in (done, then) if t)
        )
    if not together:
        for k, p in enumerate(once.phases):
            _alone(d, once, k, p)


def _alone(d: _Draft, once: Once, k: int, p: Phase) -> None:
    """A group on a grid of its own."""
    own = d.size(p.own)
    lanes = d.words[p.lanes]
    points = own * d.size(p.summed) if p.kind == "map" else own * lanes
    grid = max(1, min(-(-points // ONCE_THREADS), d.facts.processors * 4))
    shared = ONCE_THREADS * 16
    d.launches.append(Launch(once.name, grid, ONCE_THREADS, shared, group=k, step=once))
    d.notes.append(f"{once.name}, group {k}: {grid} blocks of {ONCE_THREADS} threads")
