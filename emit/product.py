"""Sums of products: calls of a matrix library, and loops in explicit vectors that keep their sums
in registers."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..algebra import scalar
from ..algebra.scalar import Scalar, op
from .nest import is_sum_of_products
from .program import REGULAR
from .spelling import Speller
from .value import AXIS, Atom, Index, Load, Value, at, labels_of, loads_of

if TYPE_CHECKING:
    from .kernel import KernelPlanner, Range

REGISTERS = 24  # vector registers that sums may fill
DEEPEST = 8  # rows or strips taken at once
CHAINS = 8  # sums that hide the latency of an addition
PANEL_AHEAD = 24  # bytes of sums over a row that leave time to ask for the next panel
AHEAD = 8192  # bytes by which rows from memory are asked for before they are read


class MatrixProduct:
    """The call of a library routine for one product of matrices, row-major."""

    def __init__(self, kernel: KernelPlanner, v: Value) -> None:
        self.k, self.v = kernel, v
        self.left, self.right = sorted(
            loads_of(v.expr), key=lambda x: v.memory[0] not in [t.label for t in x.indices]
        )

    def lines(self) -> list[str]:
        """One statement; a partial sum is added to its wide total afterwards."""
        k, v = self.k, self.v
        row, column = v.memory
        (gone,) = set(v.space) - set(v.own)
        kind = k.p.target.type_of(v.compute)
        name = "cblas_sgemm" if v.compute.name == "float32" else "cblas_dgemm"
        k.pointers[v] = True
        partial = v in k.p.partial
        if partial:
            every, loops = tuple(map(at, v.own)), list(map(k.range, v.memory))
            if v.symmetric:
                loops[1] = column, row, k.limit(column)
            k.kernel.flushes.append(
                (loops, k.element(v, every), k.element(v, every, pointer=f"w{v.number}"))
            )
        sizes = {t: k.limit(t) for t in (row, column, gone)}
        if k.column is not None:
            sizes[k.column] = "to - from"
        extents = ", ".join(sizes.values())
        a, lda, ta = self._operand(self.left, row)
        b, ldb, tb = self._operand(self.right, gone)
        c = self._address(v, tuple(map(at, v.own)), f"w{v.number}" if partial else None)
        ldc = k.capacity(v, column, k.p.in_panel(v) or partial)
        beta = "!q->first" if v.is_accumulator and not partial else "0"
        routine = f"q->external[{k.p.external(name)}]"
        shape = f"{int(v.symmetric)}, {ta}, {tb}, {extents}"
        arguments = f"{shape}, {a}, {lda}, {b}, {ldb}, {beta}, {c}, {ldc}"
        return [f"if (!cf_gemm_{kind}({routine}, {arguments})) return CF_NO_MEMORY;"]

    def _operand(self, load: Load, first: str) -> tuple[str, str, int]:
        """Address, leading dimension, and whether the operand is stored transposed."""
        v, labels = (
            load.value,
            dict(zip(load.value.own, (t.label for t in load.indices), strict=True)),
        )
        outer, inner = v.memory
        return (
            self._address(v, load.indices),
            self.k.capacity(v, inner, self.k.p.in_panel(v)),
            int(labels[outer] != first),
        )

    def _address(self, v: Value, indices: tuple[Index, ...], pointer: str | None = None) -> str:
        """Address of the first row of the panel, and of the first column of the share."""
        self.k.moved = {t: "from" if t == self.k.column else "0" for t in self.v.space}
        text = self.k.element(v, indices, pointer)
        self.k.moved = {}
        return f"&{text}"


@dataclass(frozen=True)
class Block:
    """One shape of the inside of a vector nest.

    step     rows (dot) or strips of vectors (spread) at once
    wide     vectors of a row (dot) at once; `narrow`: what takes the rest of the row, one by one
    loads    (what loads a vector or "", name, place) of the vector loop; tail: of the scalar loop
             that ends a row
    sums     (name, expression, target); the sums of one vector come first
    ahead    places to prefetch
    """

    step: int
    loads: tuple[tuple[str, str, str], ...]
    tail: tuple[tuple[str, str, str], ...]
    sums: tuple[tuple[str, str, str], ...]
    wide: int = 1
    ahead: tuple[str, ...] = ()
    narrow: Block | None = None

    @property
    def kept(self) -> Block:
        """The block whose sums are left when the vector loops end."""
        return self.narrow or self


@dataclass(frozen=True)
class VectorNest:
    """A sum of products in explicit vectors.

    dot     the vector loop is summed over (rows are blocked), else it runs along the result
            (strips are blocked)
    type    of the elements; start: "=" if the sum starts at zero, "+=" if the target holds a sum
            already
    loops   (variable, start, stop) of outer loops; rows: of the blocked rows (dot) or None; vector:
            of the vector loop
    summed  (variable, start, stop) of the loops inside the strips (spread)
    blocks  largest first; the last has step 1; single: the scalar remainder of strips
    """

    dot: bool
    type: str
    start: str
    loops: tuple[Range, ...]
    rows: Range | None
    vector: Range
    summed: tuple[Range, ...]
    blocks: tuple[Block, ...]
    single: Block | None

    @property
    def strategy(self) -> str:
        """How the sum is taken, for `explain()`."""
        many = self.blocks[0]
        what = "dot products" if self.dot else "sums kept in registers"
        return f"{what}, {len(many.sums)} at once" + (", prefetched" if many.ahead else "")


def is_vector_sum(k: KernelPlanner) -> bool:
    """Whether a group is one sum of arithmetic whose innermost loop is contiguous wherever it
    occurs."""
    v, simd = k.group.values[0], k.group.simd
    if (
        len(k.group.values) > 1
        or simd is None
        or (v.dtype != v.compute and v.own and v not in k.p.partial)
        or not is_sum_of_products(v)
        or not _arithmetic(v.expr)
    ):
        return False
    summed = set(v.space) - set(v.own)
    if (
        len(v.space) < 2
        or (simd in summed and summed != {simd})
        or (simd in v.own and v.memory[-1] != simd)
    ):
        return False
    return all(_readable(k, load, simd) for load in loads_of(v.expr))


def _arithmetic(e) -> bool:
    if not isinstance(e, Scalar):
        return scalar.is_number(e)
    return isinstance(e, Atom) or (op(e) in ("Add", "Mul") and all(map(_arithmetic, e.args)))


def _readable(k: KernelPlanner, load: Load, simd: str) -> bool:
    v = load.value
    if not all(t.plain for t in load.indices) or _loader(v, k.group.values[0].compute) is None:
        return not any(t.label == simd for t in load.indices)
    along = [own for own, t in zip(v.own, load.indices, strict=True) if t.label == simd]
    contiguous = v.alias is None and k.p.layout(v) in REGULAR and v.memory[-1:] == tuple(along)
    return not along or contiguous


def _loader(v: Value, compute: np.dtype) -> str | None:
    """Name of what loads a vector of a value; float32 can be widened on the way."""
    if v.dtype == compute:
        return {"float32": "LOAD_float", "float64": "LOAD_double"}.get(compute.name)
    return "WIDEN" if (v.dtype.name, compute.name) == ("float32", "float64") else None


class VectorSum:
    """Plans the vector nest of one value."""

    def __init__(self, kernel: KernelPlanner) -> None:
        self.k, self.v = kernel, kernel.group.values[0]
        self.simd = str(kernel.group.simd)
        self.dot = self.simd not in self.v.own
        self.summed = [t for t in self.v.space if t not in self.v.own]
        outer = [
            t
            for t in (AXIS, *(t for t in self.v.space if t != AXIS))
            if t in self.v.own and t != self.simd
        ]
        self.written = kernel.written_out(outer)
        self.outer = [t for t in outer if t not in self.written]

    def plan(self) -> VectorNest:
        """The nest, with a block of many and a block of one."""
        k, v = self.k, self.v
        partial = v in k.p.partial
        if partial:
            every, loops = tuple(map(at, v.own)), list(map(k.range, v.memory))
            k.kernel.flushes.append(
                (loops, k.element(v, every), k.element(v, every, pointer=f"w{v.number}"))
            )
        rows = self.outer[-1] if self.dot and self.outer else None
        steps, wide = self._steps(rows)
        return VectorNest(
            dot=self.dot,
            type=k.p.target.type_of(v.compute),
            start="+=" if v.is_accumulator and not partial else "=",
            loops=tuple(k.range(t) for t in self.outer if t != rows),
            rows=k.range(rows) if rows else None,
            vector=k.range(self.simd),
            summed=() if self.dot else tuple(map(k.range, self.summed)),
            blocks=tuple(self._block(step, rows, wide=wide) for step in steps),
            single=None if self.dot else self._block(1, None, vectors=False),
        )

    def _steps(self, rows: str | None) -> tuple[tuple[int, ...], int]:
        """Rows or strips at once, and vectors of a row at once.

        Few sums over a stream take one row after the other, which keeps the stream in order: memory
        is what they wait for. Everything else fills the registers.
        """
        sums = math.prod(self.written.values())
        if self.dot and sums < CHAINS and any(map(self._streams, loads_of(self.v.expr))):
            return (1,), CHAINS // sums
        deepest = min(DEEPEST, max(1, REGISTERS // sums))
        return ((deepest, 1) if deepest > 1 and (rows or not self.dot) else (1,)), 1

    def _streams(self, load: Load) -> bool:
        """Whether a load walks through the rows of an argument."""
        labels = labels_of(load)
        rows = self.outer[-1] if self.outer else None
        return self.dot and load.value.leaf is not None and {self.simd, rows} <= labels

    def _later(self, load: Load) -> str:
        """The same place in a row that follows at least AHEAD bytes behind."""
        size = load.value.dtype.itemsize
        self.k.ahead = f"1 + {AHEAD}/({size}*{self.k.extent(self.v.space[self.simd])} + 1)"
        return self._moved(load, self.outer[-1], "ahead")

    def _returns(self, load: Load) -> bool:
        """Whether a load reads rows of the panel that an argument gave, for so many sums that
        memory has time to bring the next panel."""
        sums = math.prod(self.written.values())
        many = sums * self.v.compute.itemsize >= PANEL_AHEAD
        leaf = load.value.leaf is not None and {AXIS, self.simd} <= labels_of(load)
        return not self.dot and leaf and many and self.summed == [AXIS]

    def _moved(self, load: Load, row: str, by: str) -> str:
        """The place of a load with its row moved."""
        held = dict(self.k.moved)
        self.k.moved[row] = f"({held.get(row, row)} + {by})"
        place, _ = self.k.place(load)
        self.k.moved = held
        return place

    def _block(self, step: int, rows: str | None, vectors: bool = True, wide: int = 1) -> Block:
        loads: dict[str, tuple[str, str, str]] = {}
        ahead: dict[str, None] = {}
        unit = f"*VL_{self.k.p.target.type_of(self.v.compute)}"
        moving, scale = (rows, "") if self.dot and wide == 1 else (self.simd, unit)
        sums = []
        for n, (shift, *places) in enumerate(
            itertools.product(range(step * wide), *map(range, self.written.values()))
        ):
            self.k.moved = {t: str(x) for t, x in zip(self.written, places, strict=True)}
            if shift:
                self.k.moved[str(moving)] = f"({moving} + {shift}{scale})"
            speller = Speller(
                self.k.p.target,
                self.v.compute,
                lambda load: self._name(load, loads, ahead),
                self.k.position,
                self.k.extent,
                self.k.p.external,
            )
            for e in scalar.subexpressions(self.v.expr):
                self.k.note(e)
            sums.append((f"a{n}", speller.number(self.v.expr), self._target()))
        self.k.moved = {}
        found = list(loads.values())
        return Block(
            step,
            loads=tuple((loader if vectors else "", name, place) for name, loader, place in found),
            tail=tuple(("", name, place) for name, _, place in found),
            sums=tuple(sums),
            wide=wide,
            ahead=tuple(ahead),
            narrow=self._block(step, rows) if wide > 1 else None,
        )

    def _name(self, load: Load, loads: dict, ahead: dict):
        """A variable for a load, the same for the same place."""
        place, dtype = self.k.place(load)
        if place not in loads:
            along = self.simd in labels_of(load)
            loader = _loader(load.value.root, self.v.compute) if along else None
            loads[place] = (f"x{len(loads)}", loader or "", place)
            if self._streams(load):
                ahead[self._later(load)] = None
            elif self._returns(load):
                ahead[self._moved(load, AXIS, "rows")] = None
        return loads[place][0], self.v.compute

    def _target(self) -> str:
        self.k.pointers[self.v] = True
        pointer = f"w{self.v.number}" if self.v in self.k.p.partial else None
        return self.k.element(self.v, tuple(map(at, self.v.own)), pointer)
