"""The CUDA target: from a lowered program to kernels, and to the description that plans need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ..algebra import scalar
from ..algebra.dims import Extent
from ..algebra.scalar import Scalar
from . import device_panel, grid
from .device import DeviceKernel, Region
from .device_panel import in_panel, reads_row
from .device_routine import CHECKED, RoutineText, routine
from .lower import Lowering
from .named import costly_root
from .phase import PhasePlanner, PhaseText
from .program import Program
from .schedule import FoldStep, OnceStep, ProductStep, RoutineStep, Team, schedule
from .spelling import identity
from .target import Target
from .value import AXIS, Atom, Load, Value, dependencies, fetched_at, loads_of, pointwise

FLOAT32 = np.dtype(np.float32)
CALL = 24  # registers of a function of the library


@dataclass(frozen=True)
class DeviceProgram(Program):
    """A program of CUDA kernels.

    kernels  what `grid.plan` needs
    extents  the dims, in the order of their numbers
    strides  number of the first stride in the frame of each argument that needs its own
    """

    kernels: grid.Kernels = field(default_factory=grid.Kernels)
    extents: tuple[Extent, ...] = ()
    strides: tuple[tuple[int, int], ...] = ()


@dataclass
class FoldText:
    """What the template of a fold needs."""

    name: str
    axis: int
    declarations: list[str]
    phases: list[PhaseText]
    barriers: list[bool]
    regions: list[Region]
    fetched: list[Region]
    macros: list[tuple[Region, str, str, str]]
    copies: dict[str, dict]
    description: grid.Fold
    counter: int
    buffers: dict[int, int]
    kind: str = "fold"


@dataclass
class OnceText:
    """What the template of a step outside the folds needs."""

    name: str
    declarations: list[str]
    phases: list[PhaseText]
    combines: list[dict]
    description: grid.Once
    counter: int
    kind: str = "once"


class DevicePlanner:
    """Plans one lowering for a CUDA device; `steps` are texts, `described` what plans need."""

    def __init__(self, lowering: Lowering, target: Target) -> None:
        self.low, self.target = lowering, target
        self.dims: dict[Extent, int] = {}
        self.arguments = [*lowering.arguments, *lowering.results]
        self.number: dict[Value, int] = {}
        self.buffers: list[grid.Buffer] = []
        self._layout = [s[1] for s in lowering.unit.storage]
        self._strides: dict[Value, int] = {}
        self._words = 0
        for k, v in enumerate(self.arguments):
            self.number[v] = k
            for t in v.own:
                self.dim(v.space[t])
        self.schedule = schedule(lowering)
        self._store()
        self.partial: dict[Value, grid.Partial] = {}
        self.phases = 0
        self.counter = self.buffer(grid.Buffer(4, ()))
        self.flag = self._flag()
        self.steps: list[FoldText | OnceText | RoutineText] = []
        self.described: list[grid.Step] = []
        folded = 0
        for step in self.schedule:
            if isinstance(step, FoldStep):
                folded = self.word()
                self._fold(step, folded)
            elif isinstance(step, OnceStep):
                self._once(step)
            elif isinstance(step, RoutineStep):
                text = routine(self, step.values, f"routine{len(self.described)}")
                self.steps.append(text)
                self.described.append(text.description)
            else:
                self.described.append(self._product(step))

    # ------------------------------------------------------------ tables
    def dim(self, extent: Extent) -> int:
        """Number of an extent."""
        return self.dims.setdefault(extent, len(self.dims))

    def word(self) -> int:
        """A new number of the frame that plans set."""
        self._words += 1
        return self._words - 1

    @property
    def words(self) -> int:
        return self._words

    def buffer(self, b: grid.Buffer) -> int:
        """Number of a new workspace array among the pointers of the frame."""
        self.buffers.append(b)
        return len(self.arguments) + len(self.buffers) - 1

    def _flag(self) -> int:
        """Number of the buffer where kernels say that a position is out of range, or -1."""
        values = self.low.values
        computed = any(isinstance(p, Load) for v in values for p in fetched_at(v.expr))
        scatters = any(v.routine and v.routine.name in CHECKED for v in values)
        return self.buffer(grid.Buffer(4, ())) if computed or scatters else -1

    def stride(self, v: Value) -> int:
        """Number of the first stride of an argument."""
        if v not in self._strides:
            self._strides[v] = sum(len(u.own) for u in self._strides)
        return self._strides[v]

    @property
    def stride_count(self) -> int:
        """Strides in the frame."""
        return sum(len(v.own) for v in self._strides)

    @property
    def strides(self) -> tuple[tuple[int, int], ...]:
        return tuple((self.number[v], k) for v, k in self._strides.items())

    def layout(self, v: Value) -> str:
        """Layout of the memory of a value."""
        return self._layout[self.number[v]] if v.leaf is not None else "C"

    def identity(self, op: str | None, dtype: np.dtype) -> str:
        """Neutral element of a reduction."""
        return identity(op, dtype)

    def paired(self, v: Value) -> bool:
        """Whether the total of a block is a pair of floats, which holds twice the digits."""
        return v.op == "sum" and v.compute == FLOAT32

    def dims_of(self, labels: Iterable[str], space: dict[str, Extent]) -> tuple[int, ...]:
        """Numbers of the extents of some labels, without the fold axis."""
        return tuple(self.dim(space[t]) for t in labels if t != AXIS)

    # ------------------------------------------------------------ memory
    def _store(self) -> None:
        """Which values somebody else than their group reads; arrays for those of whole length."""
        home: dict[Value, tuple[int, int]] = {}
        for k, step in enumerate(self.schedule):
            if isinstance(step, ProductStep | RoutineStep):
                alone = [step.value] if isinstance(step, ProductStep) else step.values
                home |= dict.fromkeys(alone, (k, 0))
                continue
            for j, team in enumerate(step.teams):
                home |= dict.fromkeys(team.values, (k, j))
        self.stored = {
            v for v in home if v.op is not None or v.keep or v.output is not None or v.routine
        }
        for v in self.low.values:
            for d, load in dependencies(v):
                far = load is None or home.get(v) != home.get(d) or not pointwise(d, load)
                if d in home and far:
                    self.stored.add(d)
        for v in self.low.values:
            if v in self.stored and v.output is None and not in_panel(v):
                dims = tuple(self.dim(v.space[t]) for t in v.own)
                self.number[v] = self.buffer(grid.Buffer(v.dtype.itemsize, dims))

    # ------------------------------------------------------------ steps
    def _fold(self, step: FoldStep, folded: int) -> None:
        regions = device_panel.regions(self, step)
        kernel = DeviceKernel(self, regions, fold=True)
        phases, shapes = self._phases(kernel, step.teams)
        name = f"fold{len(self.described)}"
        partials = []
        for team in step.teams:
            for v in team.values:
                if v.is_accumulator:
                    self.partial[v] = self._partial(v)
                    partials.append(self.partial[v])
        assert self.low.axis is not None
        axis, number = self.dim(self.low.axis), len(self.described)
        fold = grid.Fold(
            name=name,
            axis=axis,
            phases=tuple(shapes),
            regions=tuple(device_panel.described(self, r) for r in regions.values()),
            partials=tuple(partials),
            rows=self.word(),
            scratch=self.word(),
            first=self.word(),
            last=self.word(),
            ahead=self.word(),
            buffer=self.buffer(grid.Buffer(0, ())),
            reads=self._reads(step),
            threads=f"CF_THREADS_{number}",
            blocks=f"CF_BLOCKS_{number}",
        )
        self._folded = folded
        macros = [device_panel.macro(kernel, r) for r in regions.values()]
        copies = {r.name: device_panel.copy(kernel, r) for r in regions.values() if r.staged}
        self.steps.append(
            FoldText(
                name,
                axis,
                kernel.declarations(),
                phases,
                self._barriers(step.teams, regions),
                list(regions.values()),
                [r for r in regions.values() if r.second >= 0],
                macros,
                copies,
                fold,
                self.counter,
                {
                    v.number: self.partial[v].buffer
                    for t in step.teams
                    for v in t.values
                    if v.is_accumulator
                },
            )
        )
        self.described.append(fold)

    def _reads(self, step: FoldStep) -> tuple[int, ...]:
        found = {d.root for t in step.teams for v in t.values for d, _ in dependencies(v)}
        return tuple(sorted(self.number[d] for d in found if d.leaf is not None and AXIS in d.own))

    @property
    def whole(self) -> tuple[int, ...]:
        """Numbers of the arguments that are not only read row by row of a fold."""
        found: set[int] = set()
        for v in self.low.values:
            for d, load in dependencies(v):
                if d.root.leaf is not None and AXIS in d.root.own:
                    by_row = load is not None and d.alias is None and v.in_body and reads_row(load)
                    found |= set() if by_row else {self.number[d.root]}
        return tuple(sorted(found))

    def _phases(
        self, kernel: DeviceKernel, teams: list[Team]
    ) -> tuple[list[PhaseText], list[grid.Phase]]:
        texts, shapes = [], []
        for team in teams:
            planned = PhasePlanner(self, kernel, team, self.phases)
            self.phases += 1
            texts.append(planned.text)
            shapes.append(self._shape(planned))
        return texts, shapes

    def _shape(self, p: PhasePlanner) -> grid.Phase:
        axis = "own" if AXIS in p.own else "summed" if AXIS in p.summed else ""
        return grid.Phase(
            p.kind,
            self.dims_of(p.own, p.space),
            self.dims_of(p.summed, p.space),
            axis,
            p.text.written,
            self._registers(p),
            self._weight(p),
            p.text.lanes,
            p.text.strips,
            p.text.written * sum(self._direct(v) for v in p.team.values if v.op),
            p.text.option,
        )

    def _direct(self, v: Value) -> int:
        """Registers of a total."""
        return 2 if self.paired(v) else max(1, v.compute.itemsize // 4)

    def _registers(self, p: PhasePlanner) -> int:
        """Registers that the sums of one column take: two floats and one on the way, or two wide
        numbers."""
        each = (3 if self.paired(v) else v.compute.itemsize // 2 for v in p.team.values if v.op)
        return p.text.written * sum(each)

    @staticmethod
    def _weight(p: PhasePlanner) -> int:
        """Roughly the registers that the arithmetic at one point takes."""
        total = 0
        for v in p.team.values:
            calls = sum(costly_root(e) for e in scalar.subexpressions(v.expr) if _composite(e))
            total += (scalar.size(v.expr) + CALL * calls) * (3 if v.compute.itemsize == 8 else 1)
        widest = max((v.compute.itemsize for v in p.team.values), default=4)
        return (3 if widest == 8 else 2) * total if p.text.vector_lines else total

    def _partial(self, v: Value) -> grid.Partial:
        number = self.buffer(grid.Buffer(0, ()))
        dims = tuple(self.dim(v.space[t]) for t in v.own)
        return grid.Partial(number, v.compute.itemsize, dims, 2 if self.paired(v) else 1)

    def _barriers(self, teams: list[Team], regions: dict[Value, Region]) -> list[bool]:
        """Before which phases all threads of the block must have come so far."""
        result: list[bool] = []
        fresh = {v for v, r in regions.items() if r.staged}
        for team in teams:
            read = {d.root for v in team.values for d, _ in dependencies(v)}
            now = set(team.values)
            needed = bool(fresh & (read - now))
            result.append(needed)
            fresh = ({v for v in now if v in self.stored}) | (set() if needed else fresh)
        return result

    def _once(self, step: OnceStep) -> None:
        kernel = DeviceKernel(self, {}, fold=False)
        kernel.written = {v for t in step.teams for v in t.values} | set(step.sums)
        phases, shapes = self._phases(kernel, step.teams)
        name = f"once{len(self.described)}"
        combines = [self._combine(kernel, v) for v in step.sums]
        folded = self._folded if step.sums else self.word()
        once = grid.Once(
            name,
            tuple(self.partial[v] for v in step.sums),
            tuple(shapes),
            folded,
            self.word(),
        )
        self.steps.append(
            OnceText(name, kernel.declarations(), phases, combines, once, self.counter)
        )
        self.described.append(once)

    def _combine(self, kernel: DeviceKernel, v: Value) -> dict:
        kernel.pointers[v] = True
        wide = "double" if self.paired(v) else self.target.type_of(v.compute)
        return {
            "number": v.number,
            "type": self.target.type_of(v.compute),
            "wide": wide,
            "op": v.op,
            "copies": self.partial[v].copies,
            "array": self.number[v],
            "buffer": self.partial[v].buffer,
            "identity": self.identity(v.op, v.compute),
            "size": "*".join(kernel.extent(v.space[t]) for t in v.own) or "1",
        }

    def _product(self, step: ProductStep) -> grid.Product:
        v = step.value
        row, column = v.own
        (gone,) = set(v.space) - set(v.own)
        loads = sorted(loads_of(v.expr), key=lambda x: row not in [t.label for t in x.indices])
        swapped = []
        for load, first in zip(loads, (row, gone), strict=True):
            swapped.append(load.indices[0].label != first)
        left, right = (load.value for load in loads)
        return grid.Product(
            (self.number[v], self.number[left], self.number[right]),
            tuple(self.dim(v.space[t]) for t in (row, column, gone)),  # type: ignore[arg-type]
            (swapped[0], swapped[1]),
            (self._stored(left), self._stored(right)),
            v.compute.itemsize,
        )

    def _stored(self, v: Value) -> tuple[int, ...]:
        """Numbers of the extents with which a matrix lies in memory."""
        return tuple(self.dim(v.space[t]) for t in v.own)


def _composite(e: object) -> bool:
    return isinstance(e, Scalar) and not isinstance(e, Atom)
