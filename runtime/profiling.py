"""`f.profile(...)`: where the time of a call goes, by loop and library call, on one thread.

The program's own table is copied with a clock around every kernel, and run by the driver; new
values of shared variables are thrown away. On the NumPy target the clock is around every operation,
on a device events are around every launch.
"""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from ..algebra.node import Node
from ..emit import grid
from . import externals, native_fallback, specialisation, tracing
from .ctypes_driver import Head, Tables
from .device import Device, DeviceEntry
from .extents import Sizes
from .forms import Forms
from .interpreter import Interpreter

KERNEL = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
_LINE = re.compile(r"\s+k\d+: (.*)")


class Stage(ctypes.Structure):
    """`cf_stage`."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("kind", "axis", "kernels")),
        ("kernel", ctypes.POINTER(ctypes.c_void_p)),
        *((name, ctypes.c_void_p) for name in ("identity", "combine")),
        ("works", ctypes.c_int32),
        ("work", ctypes.c_void_p),
        ("panel", ctypes.c_int64),
        ("columns", ctypes.c_void_p),
    ]


class Table(ctypes.Structure):
    """`cf_program`."""

    _fields_ = [
        *Head._fields_,
        ("array", ctypes.c_void_p),
        ("stage", ctypes.POINTER(Stage)),
        ("define", ctypes.c_void_p),
    ]


@dataclass(frozen=True)
class Row:
    """What was timed, how often a call runs it, and the median of its seconds in a call."""

    text: str
    runs: int
    seconds: float


@dataclass(frozen=True)
class Profile:
    """Times of a function, by what it runs, in order; `str` shows them.

    rows     one per loop or library call, per operation on the NumPy target, or per launch
    seconds  median of a whole call
    place    what it ran on
    """

    rows: tuple[Row, ...]
    seconds: float
    place: str = "one thread"

    def __str__(self) -> str:
        whole = sum(r.seconds for r in self.rows) or 1.0
        lines = [f"{'us':>10} {'%':>4} {'runs':>6}  what, on {self.place}"]
        for r in self.rows:
            share = 100 * r.seconds / whole
            lines.append(f"{1e6 * r.seconds:>10.1f} {share:>4.0f} {r.runs:>6}  {r.text}")
        return "\n".join([*lines, f"{1e6 * self.seconds:>10.1f}               a call with clocks"])


class Clocks:
    """A copy of a program's table in which every kernel is timed."""

    def __init__(self, address: int, owner: Any) -> None:
        self.owner = owner
        self.table = Table.from_buffer_copy(Table.from_address(address))
        stages = [self.table.stage[k] for k in range(self.table.stages)]
        self.runs = [0] * sum(s.kernels for s in stages)
        self.nanoseconds = [0] * len(self.runs)
        self._stages, self._kept, number = (Stage * len(stages))(), [], 0
        for k, stage in enumerate(stages):
            timed = (ctypes.c_void_p * stage.kernels)()
            for j in range(stage.kernels):
                function = self._timed(number, KERNEL(stage.kernel[j]))
                timed[j] = ctypes.cast(function, ctypes.c_void_p)
                self._kept.append(function)
                number += 1
            self._kept.append(timed)
            self._stages[k] = stage
            self._stages[k].kernel = ctypes.cast(timed, ctypes.POINTER(ctypes.c_void_p))
        self.table.stage = self._stages

    def _timed(self, number: int, kernel: Any) -> Any:
        clock, runs, nanoseconds = time.perf_counter_ns, self.runs, self.nanoseconds

        def timed(frame: int, begin: int, end: int) -> int:
            start = clock()
            status = kernel(frame, begin, end)
            nanoseconds[number] += clock() - start
            runs[number] += 1
            return status

        return KERNEL(timed)

    def restart(self) -> None:
        self.runs[:] = self.nanoseconds[:] = [0] * len(self.runs)


class Entry(native_fallback.Entry):
    """An entry through ctypes, on the calling thread only."""

    def _new_tables(self) -> Tables:
        tables = super()._new_tables()
        tables.call.threads = 1
        return tables


def compiled(
    forms: Forms, special: specialisation.Specialisation, arrays: Sequence[np.ndarray], calls: int
) -> Profile:
    """The profile of a compiled function at the arguments of a call."""
    program = special.program
    clocks = Clocks(special.loaded.address, special.loaded.owner)
    entry = Entry(
        ctypes.addressof(clocks.table),
        clocks,
        [(a.kind, a.dtype.num, a.dims, a.layout) for a in program.arguments],
        [-1 if d is None else d for d in program.dims],
        cells=[x.payload.cell for x in forms.shared],
        constants=[x.payload for x in forms.constants],
        parameters=program.parameters,
        externals=externals.addresses(program.externals),
        update_cells=[[x.payload.cell[0]] for x in forms.signature.targets],
        result=forms.signature.result,
        deterministic=False,
    )
    texts = [m[1] for line in program.plan if (m := _LINE.match(line))]
    entry.run(tuple(arrays))  # allocates
    wholes, times = [], []
    for _ in range(calls):
        clocks.restart()
        start = time.perf_counter()
        entry.run(tuple(arrays))
        wholes.append(time.perf_counter() - start)
        times.append([n / 1e9 for n in clocks.nanoseconds])
    rows = zip(texts, clocks.runs, zip(*times, strict=True), strict=True)
    return Profile(tuple(Row(t, n, median(s)) for t, n, s in rows), median(wholes))


def interpreted(interpreter: Interpreter, values: dict, sizes: Sizes, calls: int) -> Profile:
    """The profile of the NumPy target: one row per operation."""
    times: dict[Node, list[float]] = {}
    wholes = []
    for _ in range(calls):
        start = last = time.perf_counter()

        def watch(x: Node, _: np.ndarray) -> None:
            nonlocal last
            now = time.perf_counter()
            if x.operands:
                times.setdefault(x, []).append(now - last)
            last = now

        interpreter.run(values, sizes, watch)
        wholes.append(time.perf_counter() - start)
    rows = (Row(tracing.formula(x), 1, median(found)) for x, found in times.items())
    return Profile(tuple(rows), median(wholes))


def launched(
    entry: DeviceEntry, arrays: Sequence[Any], extents: tuple[int, ...], calls: int
) -> Profile:
    """The profile of a program on a device at arrays there; the times are the device's."""
    device, prepared = entry.device, entry.prepare(extents)
    made, workspace = entry.room(prepared)
    wholes, times = [], []
    for _ in range(calls):
        marks = [device.mark()]
        entry.start(prepared, [*arrays, *made], workspace, _marking(device, marks))
        device.wait()
        times.append([device.between(a, b) for a, b in pairwise(marks)])
        wholes.append(device.between(marks[0], marks[-1]))
    rows = zip(map(_said, prepared.plan.launches), zip(*times, strict=True), strict=True)
    return Profile(tuple(Row(t, 1, median(s)) for t, s in rows), median(wholes), device.name)


def _marking(device: Device, marks: list[Any]) -> Callable[[], None]:
    return lambda: marks.append(device.mark())


def _said(launch: grid.Launch) -> str:
    if isinstance(launch.step, grid.Product):
        return "product of matrices by cuBLAS"
    kind = f" {launch.step.kind}" if isinstance(launch.step, grid.Routine) else ""
    part = f", part {launch.group}" if launch.group >= 0 else ""
    return f"{launch.name}{kind}{part}: {launch.grid} blocks of {launch.block} threads"
