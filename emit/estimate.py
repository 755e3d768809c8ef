"""The cost of a program: what each stage does with each array, and what that makes at given
extents. The rules are those of `cost`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..algebra.dims import Extent
from .count import Count

FUNCTION_WORK = 15  # scalar operations that one division, root or function counts for

Size = Callable[[Extent], float]


def sweeps(uses: int, stays: bool) -> int:
    """How often an array crosses from memory that is used so many times in one walk."""
    return min(uses, 1) if stays else uses


@dataclass(frozen=True)
class Access:
    """What one stage does with one array.

    array   number in the program's table of arrays
    bytes   that one sweep touches
    reads, writes  kernels of the stage that do so
    along   whether it is touched panel by panel
    """

    array: int
    bytes: Count
    reads: int
    writes: int
    along: bool


@dataclass(frozen=True)
class Walk:
    """The cost of one stage.

    fold        whether it walks over the fold axis
    operations  per size in bytes of the numbers computed with
    calls       of costly functions, by that size and name
    """

    fold: bool
    accesses: tuple[Access, ...]
    operations: dict[int, Count]
    calls: dict[tuple[int, str], Count]


class Split(NamedTuple):
    """What the driver decides for one stage at a call: rows of a panel, parts, threads."""

    panel: int
    parts: int
    threads: int


@dataclass(frozen=True)
class Estimate:
    """A cost at given extents and cache sizes; bytes as floats.

    passes     per argument: how often it crosses from memory to be read
    touched    per argument: bytes of one sweep
    memory     bytes between memory and caches; caches: bytes that move within caches
    footprint  bytes of all arguments together: what a call leaves in caches if it fits
    operations, calls  per size in bytes of the numbers computed with; calls also by name
    panels     per stage: bytes of what one panel touches
    """

    passes: tuple[int, ...]
    touched: tuple[float, ...]
    memory: float
    caches: float
    footprint: float
    operations: dict[int, float]
    calls: dict[tuple[int, str], float]
    panels: tuple[float, ...]

    @property
    def intensity(self) -> float:
        """Operations, weighted, per byte of memory."""
        work = sum(self.operations.values()) + FUNCTION_WORK * sum(self.calls.values())
        return work / self.memory if self.memory else math.inf


@dataclass(frozen=True)
class Cost:
    """The cost of a program.

    axis       the fold axis, or None
    dims       extents, by their number in the program
    whole      bytes of each array of the table; arguments: how many of them are arguments
    workspace  numbers of the arrays that hold all rows and are no arguments
    """

    axis: Extent | None
    dims: tuple[Extent, ...]
    walks: tuple[Walk, ...]
    whole: tuple[Count, ...]
    arguments: int
    workspace: frozenset[int]

    def passes(self, array: int) -> int:
        """How often an array is read from memory if panels and weights stay in cache."""
        reads = [a.along for w in self.walks for a in w.accesses if a.array == array and a.reads]
        return max(sum(reads), 1) if reads else 0

    def writes(self, array: int) -> bool:
        """Whether an array is written."""
        return any(a.array == array and a.writes for w in self.walks for a in w.accesses)

    @property
    def operations(self) -> Count:
        """Cheap operations of the whole program."""
        return sum((c for w in self.walks for c in w.operations.values()), Count())

    @property
    def calls(self) -> dict[str, Count]:
        """Costly functions of the whole program, by name."""
        found: dict[str, Count] = {}
        for w in self.walks:
            for (_, name), count in w.calls.items():
                found[name] = found.get(name, Count()) + count
        return found

    @property
    def memory(self) -> Count:
        """Bytes of memory if panels and weights stay in cache, and what is kept for all rows does
        not."""
        total, first = Count(), self._repeated
        for a in (a for w in self.walks for a in w.accesses):
            if a.array < self.arguments or (a.along and a.array in self.workspace):
                crosses = a.reads > 0 and (a.along or a.array not in first)
                first |= {a.array} if a.reads else set()
                total += a.bytes * (crosses + (a.writes > 0))
        return total

    @property
    def _repeated(self) -> set[int]:
        """Arrays that are read panel by panel."""
        return {a.array for w in self.walks for a in w.accesses if a.along and a.reads}

    def at(self, size: Size, cache: float, splits: Sequence[Split | None]) -> Estimate:
        """The cost at given extents.

        size    extent -> its size
        cache   bytes that stay in the caches of a core
        splits  per stage what the driver decides; None where that is not known: then panels are
                taken to stay in cache
        """
        found = _Moved(self, size, cache)
        for walk, split in zip(self.walks, splits, strict=True):
            found.add(walk, split)
        return Estimate(
            tuple(found.passes),
            tuple(found.touched),
            found.memory,
            found.caches,
            sum(c.at(size) for c in self.whole[: self.arguments]),
            _evaluated(size, (w.operations for w in self.walks)),
            _evaluated(size, (w.calls for w in self.walks)),
            tuple(found.panels),
        )


class _Moved:
    """Adds up what the stages of a program move; fields as in `Estimate`."""

    def __init__(self, cost: Cost, size: Size, cache: float) -> None:
        self.cost, self.size, self.cache = cost, size, cache
        self.passes = [0] * cost.arguments
        self.touched = [0.0] * cost.arguments
        self.memory = self.caches = 0.0
        self.panels: list[float] = []
        self.crossed = cost._repeated

    def add(self, walk: Walk, split: Split | None) -> None:
        axis = self.cost.axis
        rows = float(self.size(axis)) if walk.fold and axis is not None else 1.0
        share = min(split.panel / rows, 1.0) if split and walk.fold else 0.0
        panel = sum(share * a.bytes.at(self.size) for a in walk.accesses if a.along)
        self.panels.append(panel)
        for a in walk.accesses:
            self._touch(a, panel, 1 if a.along or not share else math.ceil(1 / share))

    def _touch(self, a: Access, panel: float, times: int) -> None:
        """One array of one stage, which comes to it so many times."""
        sweep = a.bytes.at(self.size)
        stays = (panel if a.along else sweep) <= self.cache
        crossing = sweeps(times * a.reads, stays)
        if stays and not a.along and a.array in self.crossed:
            crossing = 0
        self.crossed |= {a.array} if a.reads else set()
        outside = sweep * (crossing + (a.writes > 0))
        if a.array < self.cost.arguments:
            self.passes[a.array] += crossing
            self.touched[a.array] = max(self.touched[a.array], sweep)
        elif a.array not in self.cost.workspace or sweep <= self.cache:
            outside = 0.0
        self.memory += outside
        self.caches += sweep * times * (a.reads + a.writes) - outside


def _evaluated(size: Size, counts: Iterable[dict]) -> dict:
    total: Counter = Counter()
    for found in counts:
        for key, count in found.items():
            total[key] += count.at(size)
    return dict(total)
