"""Values -> the plan of a translation unit: buffers, stages, kernels and their loops, all decided;
templates only shape.

Text of expressions comes from `spelling`; everything here is addresses, declarations and order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..algebra.dims import Extent
from .cost import row_work
from .kernel import Kernel, KernelPlanner
from .lower import Lowering
from .memory import arrange
from .nest import Group, groups
from .spelling import identity
from .target import Target
from .value import AXIS, MERGE, Value, dependencies, pointwise

ARGUMENT, SHARED, PANEL, ACCUMULATOR = "CF_ARGUMENT", "CF_SHARED", "CF_PANEL", "CF_ACCUMULATOR"
PANEL_EXTENT = -1
FLOAT64, BOOL = np.dtype(np.float64), np.dtype(np.bool_)
PRODUCT_PANEL = 512  # rows of a panel with products of matrices, which want them long
COLUMN_PANEL = 2048  # bytes of a column in a panel, where columns are contiguous in memory


@dataclass(frozen=True)
class Buffer:
    """One row of the table of arrays: dims are numbers, in memory order."""

    scope: str
    item: int
    dims: tuple[int, ...]


@dataclass(frozen=True)
class Accumulator:
    """How one accumulator starts and combines: by a statement, or by the merges of its stage, which
    find the other part's content in the array `incoming`."""

    number: int
    type: str
    size: str
    identity: str
    combine: str = ""
    incoming: int | None = None
    set: bool = False  # by the first panel


@dataclass(frozen=True)
class Stage:
    """Kernels that run once, or once per panel of the fold axis; merges: those of them that join a
    panel's totals, or another part's, to the accumulators. Work is (scalar operations, extents that
    multiply them), of a row of the fold or of the whole."""

    fold: bool
    kernels: tuple[Kernel, ...]
    accumulators: tuple[Accumulator, ...]
    work: tuple[tuple[float, tuple[int, ...]], ...]
    columns: tuple[tuple[float, tuple[int, ...]], ...]  # work of each kernel; 0: cannot be shared
    panel: int = 0  # rows of a panel; 0 leaves the choice to the driver
    merges: tuple[str, ...] = ()


def _merges(group: Group) -> bool:
    """Whether a group joins totals to accumulators."""
    return group.values[0].phase == MERGE


class Planner:
    """Plans one lowering for one target."""

    def __init__(self, lowering: Lowering, target: Target) -> None:
        self.low, self.target = lowering, target
        self.dims: dict[Extent, int] = {}
        self.arguments = [*lowering.arguments, *lowering.results]
        self.buffers: list[Buffer] = []
        self.number: dict[Value, int] = {}
        self.partial: dict[Value, int] = {}
        self._layout = [s[1] for s in lowering.unit.storage]
        for v in self.arguments:
            self._buffer(v, ARGUMENT)
        arrange(lowering)
        self._widen()
        self.externals: dict[str, int] = {}
        self.parts = self._parts()
        self._allocate()
        self.stages = self._stages()

    # ------------------------------------------------------------ tables
    def dim(self, extent: Extent) -> int:
        """Number of an extent."""
        return self.dims.setdefault(extent, len(self.dims))

    def _buffer(self, v: Value, scope: str) -> None:
        self.number[v] = len(self.buffers)
        panel, order = scope == PANEL, v.own if scope == ARGUMENT else v.memory
        dims = tuple(PANEL_EXTENT if panel and t == AXIS else self.dim(v.space[t]) for t in order)
        self.buffers.append(Buffer(scope, v.dtype.itemsize, dims))

    def _widen(self) -> None:
        """Sums of float32 that can be long are kept in double: along the fold or outside it."""
        for v in self.low.values:
            outside = not v.in_body and v.output is None and not v.product
            long = v.is_accumulator or outside
            if v.op == "sum" and v.dtype.name == "float32" and long:
                v.dtype = FLOAT64

    def _parts(self) -> list[tuple[int, bool, list[Group]]]:
        """(section, whether per row, groups) in the order of execution."""
        result = []
        for section in range(self.low.sections):
            for body in (False, True):
                values = [
                    v
                    for v in self.low.values
                    if v.section == section and v.expr is not None and v.in_body == body
                ]
                if values:
                    result.append((section, body, groups(values, self.low)))
        return result

    def _allocate(self) -> None:
        """A buffer for every value that another group, another stage or the caller reads."""
        home = {
            v: (k, j)
            for k, (_, _, found) in enumerate(self.parts)
            for j, g in enumerate(found)
            for v in g.values
        }
        stored: set[Value] = {
            v for v in home if v.op is not None or v.keep or v.merge is not None or v.routine
        }
        for v in self.low.values:
            for d, load in dependencies(v):
                far = load is None or home.get(v) != home.get(d) or not pointwise(d, load)
                if d in home and far:
                    stored.add(d)
        for v in self.low.values:
            if v in stored and v.output is None:
                scope = (
                    ACCUMULATOR
                    if v.is_accumulator
                    else PANEL
                    if v.in_body and not v.keep
                    else SHARED
                )
                self._buffer(v, scope)
                if v.is_accumulator and v.own and v.dtype != v.compute:
                    self.partial[v] = len(self.buffers)
                    self.buffers.append(
                        Buffer(
                            PANEL,
                            v.compute.itemsize,
                            tuple(self.dim(v.space[t]) for t in v.memory),
                        )
                    )
        self.stored = stored | {v for v in self.low.values if v.output is not None}

    # ------------------------------------------------------------ stages
    def _stages(self) -> list[Stage]:
        result, count = [], 0
        for _, body, found in self.parts:
            kernels = []
            for g in found:
                per_row = body and not _merges(g)
                kernels.append(KernelPlanner(self, g, f"k{count}", per_row).kernel)
                count += 1
            values = [v for g in found for v in g.values]
            rows = [v for v in values if AXIS in v.space]
            merges = [k.name for g, k in zip(found, kernels, strict=True) if _merges(g)]
            accumulators = tuple(self._accumulator(v) for v in values if v.is_accumulator)
            result.append(
                Stage(
                    body,
                    tuple(kernels),
                    accumulators,
                    tuple(map(self._work, rows)) if body else (),
                    tuple(map(self._columns, found, kernels)),
                    self._panel(values),
                    tuple(merges),
                )
            )
        return result

    def _panel(self, values: list[Value]) -> int:
        """Rows of a panel that the values want; 0 leaves the choice to the driver."""
        if any(v.product for v in values):
            return PRODUCT_PANEL
        read = {d for v in values for d, _ in dependencies(v) if d.leaf is not None}
        columns = [d for d in read if self.layout(d) == "F" and AXIS in d.own and len(d.own) > 1]
        return COLUMN_PANEL // max(d.dtype.itemsize for d in columns) if columns else 0

    def _accumulator(self, v: Value) -> Accumulator:
        kind = self.target.type_of(v.dtype)
        size = " * ".join(self.extent(d) for d in v.dims) or "1"
        start = self.identity(v.merge.start if v.merge else v.op, v.dtype)
        if v.merge:
            incoming = self.number[v.merge.incoming]
            return Accumulator(self.number[v], kind, size, start, incoming=incoming)
        combine = "*a += b" if v.op == "sum" else f"*a = cf_{v.op}_{kind}(*a, b)"
        is_set = v in self.partial or v.product
        return Accumulator(self.number[v], kind, size, start, combine, set=is_set)

    def _work(self, v: Value) -> tuple[float, tuple[int, ...]]:
        return row_work(v), tuple(self.dim(d) for t, d in v.space.items() if t != AXIS)

    def _columns(self, group: Group, kernel: Kernel) -> tuple[float, tuple[int, ...]]:
        work = sum(map(row_work, group.values)) if kernel.columns else 0.0
        return work, tuple(self.dim(d) for t, d in group.space.items() if t != AXIS)

    def identity(self, op: str | None, dtype: np.dtype) -> str:
        """Neutral element of a reduction."""
        return identity(op, dtype)

    def extent(self, d: Extent) -> str:
        """Text of an extent in kernels."""
        number = self.low.known(d)
        return str(number) if number is not None else f"n{self.dim(d)}"

    def external(self, name: str) -> int:
        """Number of a library routine."""
        return self.externals.setdefault(name, len(self.externals))

    def scratch(self, item: int, extents: Sequence[Extent]) -> int:
        """Number of a new array of work, for one kernel that runs once."""
        self.buffers.append(Buffer(SHARED, item, tuple(map(self.dim, extents))))
        return len(self.buffers) - 1

    @property
    def refuses(self) -> bool:
        """Whether a kernel can meet values that it refuses."""
        kernels = [k for s in self.stages for k in s.kernels]
        return any(k.checks or k.strategy == "routine" for k in kernels)

    def in_panel(self, v: Value) -> bool:
        """Whether only the rows of a panel are stored."""
        return self.buffers[self.number[v]].scope == PANEL

    def layout(self, v: Value) -> str:
        """Layout of the memory of a value."""
        return self._layout[self.number[v]] if v.leaf is not None else "C"
