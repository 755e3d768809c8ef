"""How a program is launched on a device: a pure function of its shape, extents and device facts.

`Kernels` describes what was emitted; `plan` decides blocks, threads, rows of a panel, shared memory
and what is kept in registers. No device is needed, and equal arguments give equal plans, so that
results are bitwise reproducible on one kind of device.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from .device_plan import (
    Buffer,
    DeviceFacts,
    Dims,
    Draft,
    Fold,
    Kernels,
    Launch,
    Once,
    Partial,
    Phase,
    Plan,
    Product,
    Region,
    Routine,
    Step,
)
from .grid_routine import plan_routine

__all__ = [
    "Buffer",
    "DeviceFacts",
    "Dims",
    "Fold",
    "Kernels",
    "Launch",
    "Once",
    "Partial",
    "Phase",
    "Plan",
    "Product",
    "Region",
    "Routine",
    "Step",
    "partial_bytes",
    "plan",
]

ONCE_THREADS = 512  # of a block that combines partial sums and runs what remains
ONCE_ELEMENTS = 1 << 16  # work of a single block; more of it gets a grid of its own
FOLD_THREADS = 256
# blocks of a processor, for the most weight of a phase; what else weighs: registers of sums, and
# each phase beyond some, which keeps something in registers
TIERS = ((5, 40), (4, 200), (3, 340), (2, 1000))
FEWEST_BLOCKS = 1
SUM_WEIGHT, MANY_PHASES, PHASE_WEIGHT = 4, 6, 20
TILE = 32  # elements of partial sums that a block combines at a time
STRIPS = 8  # columns that a thread keeps in registers before blocks get wider
SUM_REGISTERS = 72  # of the 128 of a thread, for sums
FEW_ROWS = 4  # of a panel, below which fewer blocks share the memory of a processor
PANEL_ELEMENTS = 8192  # of a panel that needs no shared memory
MOST_ROWS = 256
RESERVED = 1024  # bytes of shared memory that the system takes per block
PARTIAL_BYTES = 1 << 27  # of partial sums of all blocks
ALIGNMENT = 16
ROUNDING = 1024  # bytes of shared memory for aligning regions, and of a kernel's own
LARGE_INDEX = 1 << 31
LOAD = 6  # instructions of a step of a dot product


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
    d = Draft(extents, facts, [0] * kernels.words, {}, chunks=chunks)
    for k, b in enumerate(kernels.buffers, kernels.arguments):
        d.buffers[k] = _aligned(b.item * d.size(b.dims))
    for step in kernels.steps:
        if isinstance(step, Fold):
            _fold(d, step)
        elif isinstance(step, Once):
            _once(d, step)
        elif isinstance(step, Routine):
            plan_routine(d, step)
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


def _fold(d: Draft, fold: Fold) -> None:
    n = d.extents[fold.axis]
    threads, used, passing = _strips(d, fold)
    blocks = max(1, _blocks(fold, used + passing) * FOLD_THREADS // threads)
    d.options |= {fold.threads: threads, fold.blocks: blocks}
    rows, shared = _panel(d, fold, n, blocks)
    resident = min(_resident(d.facts, threads, shared), blocks)
    panels = -(-n // rows)
    each = sum(p.item * p.copies * d.size(p.dims) for p in fold.partials)
    grid = max(1, min(panels, d.facts.processors * resident, PARTIAL_BYTES // max(each, 1)))
    for part in fold.partials:
        d.buffers[part.buffer] = d.chunks * partial_bytes(part, grid, d.extents)
    d.buffers[fold.buffer] = grid * d.words[fold.scratch]
    d.words[fold.rows], d.words[fold.first], d.words[fold.last] = rows, 0, n
    for p in fold.phases:
        d.words[p.lanes] = _lanes(d, p, rows, threads)
        if p.option:
            d.options[p.option] = d.words[p.lanes]
    d.launches.append(Launch(fold.name, grid, threads, max(shared, threads * 16), step=fold))
    d.folded = grid * d.chunks
    kept = [d.options[p.strips] or "no" for p in fold.phases if p.kind == "sum"]
    d.notes.append(
        f"{fold.name}: {grid} blocks of {threads} threads, panels of {rows} rows,"
        f" {max(shared, threads * 16)} bytes of shared memory"
        + "".join(f", {strips} columns a thread in registers" for strips in kept)
    )


def _strips(d: Draft, fold: Fold) -> tuple[int, int, int]:
    """Threads of a block, registers of sums that are kept, and of those that pass.

    Columns stay in registers from panel to panel where there is room: totals, and one sum on the
    way per panel; or totals that take up every row, which saves the sum on the way.
    """
    sums = [(p, d.size(p.own)) for p in fold.phases if p.kind == "sum"]
    widest = max((own * p.written for p, own in sums), default=0)
    threads = FOLD_THREADS if widest <= FOLD_THREADS * STRIPS else 2 * FOLD_THREADS
    used = passing = 0
    for p, own in sorted(sums, key=lambda s: s[1] * s[0].registers):
        strips = _up(-(-own // threads))
        direct = used + strips * p.registers > SUM_REGISTERS
        each = p.direct if direct else p.registers
        strips = strips if used + strips * each <= SUM_REGISTERS else 0
        d.options[p.strips] = strips
        d.options[f"{p.strips}_DIRECT"] = int(direct)
        used += strips * each
        passing = max(passing, 0 if strips else p.registers)
    return threads, used, passing


def _blocks(fold: Fold, sums: int) -> int:
    """Blocks of 256 threads on a processor, for which registers must be enough: found by compiling
    many kernels."""
    weight = max((p.weight for p in fold.phases), default=0) + SUM_WEIGHT * sums
    weight += PHASE_WEIGHT * max(0, len(fold.phases) - MANY_PHASES)
    tiers = TIERS[1:] if fold.regions else TIERS
    return next((blocks for blocks, most in tiers if weight <= most), FEWEST_BLOCKS)


def _resident(facts: DeviceFacts, threads: int, shared: int) -> int:
    most = facts.threads // threads
    if shared:
        most = min(most, facts.shared_processor // (shared + RESERVED))
    return max(1, most)


def _panel(d: Draft, fold: Fold, n: int, blocks: int) -> tuple[int, int]:
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


def _rows(d: Draft, n: int, row: int, elements: int, blocks: int) -> int:
    """Rows of a panel: a multiple of four where possible, so that panels begin aligned."""
    most = MOST_ROWS if row else max(1, PANEL_ELEMENTS // max(elements, 1))
    fit = 0
    while row and fit < FEW_ROWS and blocks:
        slack = RESERVED + ROUNDING
        fit = (min(d.facts.shared_processor // blocks, d.facts.shared) - slack) // row
        most, blocks = min(MOST_ROWS, max(fit, 1)), blocks // 2
    most = min(most, max(4, -(-n // d.facts.processors)))
    return most // 4 * 4 if most >= 4 else most


def _lanes(d: Draft, p: Phase, rows: int, threads: int) -> int:
    own = d.size(p.own) * (rows if p.axis == "own" else 1)
    summed = d.size(p.summed) * (rows if p.axis == "summed" else 1)
    d.largest = max(d.largest, own * summed)
    if p.kind == "sum":
        return max(1, threads // own)
    if p.kind == "map":
        return _columns(summed, threads)
    return _dot_lanes(own, summed, threads)


def _dot_lanes(own: int, summed: int, threads: int) -> int:
    """Threads that share one sum: those that need the fewest instructions of a block."""
    choices = [1 << k for k in range(threads.bit_length()) if 1 << k <= _up(summed)]
    return min(choices, key=lambda lanes: _dot_cost(own, summed, threads, lanes))


def _dot_cost(own: int, summed: int, threads: int, lanes: int) -> int:
    """Instructions of one warp, where a block computes sums by so many lanes each: loads, which
    come one after the other if they meet in a bank; shuffles; what every sum takes; barriers."""
    passes = -(-own // (threads // lanes))
    load = LOAD + _conflicts(summed, lanes) - 1
    shuffles = 3 * (min(lanes, 32).bit_length() - 1)
    return passes * (-(-summed // lanes) * load + shuffles + 20 + 60 * (lanes > 32))


def _conflicts(pitch: int, lanes: int) -> int:
    """How many lanes of a warp that read rows of this pitch meet in one of the 32 banks."""
    if lanes >= 32:
        return 1
    banks = Counter(
        (row * pitch + lane) % 32 for row in range(32 // lanes) for lane in range(lanes)
    )
    return max(banks.values())


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


def _once(d: Draft, once: Once) -> None:
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


def _alone(d: Draft, once: Once, k: int, p: Phase) -> None:
    """A group on a grid of its own."""
    own = d.size(p.own)
    lanes = d.words[p.lanes]
    points = own * d.size(p.summed) if p.kind == "map" else own * lanes
    grid = max(1, min(-(-points // ONCE_THREADS), d.facts.processors * 4))
    shared = ONCE_THREADS * 16
    d.launches.append(Launch(once.name, grid, ONCE_THREADS, shared, group=k, step=once))
    d.notes.append(f"{once.name}, group {k}: {grid} blocks of {ONCE_THREADS} threads")
