"""One group of values -> one loop nest as text: addresses, declarations, statements and their
order."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..algebra import scalar
from ..algebra.dims import Extent
from ..algebra.scalar import Scalar
from .named import costly_root
from .nest import Group, is_sum_of_products
from .product import MatrixProduct, VectorNest, VectorSum, is_vector_sum
from .program import REGULAR, THIN
from .routine import RoutineCall
from .spelling import Speller, divides, negative
from .value import AXIS, Atom, Fetch, Index, Load, Offset, Parameter, Value, at, pointwise

if TYPE_CHECKING:
    from .plan import Planner

Range = tuple[str, str, str]  # a loop: variable, start, stop
BLOCK = 4  # rows of a sum that are taken at once
REGISTERS = 24  # vector registers that sums may fill
BOOL, INT64 = np.dtype(np.bool_), np.dtype(np.int64)


@dataclass
class Body:
    """What is inside the outer loops, for a number of steps of the last outer loop that are taken
    at once.

    lanes, ends  statements before and after the innermost loop; lines: its body; pragma: on it
    """

    step: int
    lanes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    pragma: str = "omp simd"


@dataclass
class Kernel:
    """One loop nest as text.

    fills, flushes  (loops, target, source): loops before and after the nest; the first panel sets
                    what others add to
    loops           (variable, start, stop) of the outer loops but the last; last: of the last, or
                    None
    simd            (variable, start, stop) of the innermost loop, or None
    vector          a sum of products in explicit vectors, instead of bodies
    bodies          one per number of steps taken at once; the last one takes what remains, one by
                    one
    """

    name: str
    about: str
    declarations: list[str] = field(default_factory=list)
    fills: list[tuple] = field(default_factory=list)
    loops: list[Range] = field(default_factory=list)
    last: Range | None = None
    simd: Range | None = None
    bodies: list[Body] = field(default_factory=list)
    vector: VectorNest | None = None
    strategy: str = "fused loop"
    flushes: list[tuple] = field(default_factory=list)
    columns: bool = False  # whether threads can share out its columns
    checks: bool = False  # whether positions are compared with extents

    @property
    def indent(self) -> str:
        """White space of the innermost loop."""
        return "    " * (len(self.loops) + (self.last is not None))


class KernelPlanner:
    """Plans the loop nest of one group."""

    def __init__(self, planner: Planner, group: Group, name: str, body: bool) -> None:
        self.p, self.group, self.per_row = planner, group, body
        self.kernel = Kernel(name, "; ".join(self._about(v) for v in group.values))
        self.locals: dict[Value, str] = {}
        self.pointers: dict[Value, bool] = {}
        self.scalars: dict[Value, None] = {}
        self.extents: dict[Extent, None] = {}
        self.parameters: dict[int, None] = {}
        self.started: set[Value] = set()
        self.strides: dict[tuple[Value, int], None] = {}
        self.blocked: str | None = None
        self.temporaries = 0
        self.spellers: dict[np.dtype, Speller] = {}
        self.moved: dict[
            str, str
        ] = {}  # label -> text of its position, where that is not the label itself
        self.suffix = ""
        self.ahead = ""  # rows that are prefetched
        self.column = self._column()
        self.kernel.columns = self.column is not None
        if group.values[0].routine is not None:
            self.kernel.bodies = [Body(1, lines=RoutineCall(self, group.values).lines())]
            self.kernel.strategy = "routine"
        elif group.values[0].product:
            self.kernel.bodies = [Body(1, lines=MatrixProduct(self, group.values[0]).lines())]
            self.kernel.strategy = "product by the matrix library"
        elif is_vector_sum(self):
            self.kernel.vector = VectorSum(self).plan()
            self.kernel.strategy = self.kernel.vector.strategy
        else:
            self._loops()
        self.kernel.declarations = self._declarations()

    def _loops(self) -> None:
        """The loops of the nest: outer ones, of which thin ones are written out and the last is
        blocked; innermost."""
        group = self.group
        order = [
            t
            for t in (AXIS, *(t for t in group.space if t != AXIS))
            if t in group.space and t != group.simd
        ]
        simple = (
            group.simd is not None
            and len(group.values) <= 2
            and all(map(is_sum_of_products, group.values))
        )
        written = self.written_out(order) if simple else {}
        order = [t for t in order if t not in written]
        self.blocked = order[-1] if order else None
        self.kernel.loops = list(map(self.range, order[:-1]))
        self.kernel.last = self.range(order[-1]) if order else None
        self.kernel.simd = self.range(group.simd) if group.simd is not None else None
        self._name_shared()
        block = (
            max(1, min(BLOCK, REGISTERS // math.prod(written.values()))) if simple and order else 1
        )
        for step in (block, 1) if block > 1 else (1,):
            self.kernel.bodies.append(self._body(step, written))

    def written_out(self, order: list[str]) -> dict[str, int]:
        """Thin outer labels whose loops are written out, with their extents, within the registers
        there are."""
        result: dict[str, int] = {}
        for t in order:
            size = self.p.low.known(self.group.space[t])
            if t != AXIS and size is not None and size * math.prod(result.values()) <= THIN:
                result[t] = size
        return result

    def _body(self, step: int, written: dict[str, int]) -> Body:
        self.body, clauses = Body(step), []
        combinations = list(itertools.product(range(step), *map(range, written.values())))
        for k, (shift, *places) in enumerate(combinations):
            self.moved = {t: str(x) for t, x in zip(written, places, strict=True)}
            if shift:
                self.moved[str(self.blocked)] = f"({self.blocked} + {shift})"
            self.suffix = f"_{k}" if len(combinations) > 1 else ""
            self.locals, self.spellers = {}, {}
            clauses += [c for v in self.group.values if (c := self._statement(v))]
        clauses += ["reduction(|:bad)"] if self.kernel.checks else []
        self.moved = {}
        self.body.pragma += "".join(f" {c}" for c in dict.fromkeys(clauses))
        return self.body

    def _about(self, v: Value) -> str:
        own = ", ".join(v.own)
        rest = ", ".join(t for t in v.space if t not in v.own)
        joined = f" joins v{v.merge.incoming.number}" if v.merge else ""
        made = f" = {v.routine.name}" if v.routine else joined
        return f"v{v.number}[{own}]" + (f" = {v.op} over {rest}" if v.op else made)

    # ------------------------------------------------------------ text of places
    def extent(self, d: Extent) -> str:
        if not isinstance(d, int):
            self.extents[d] = None
        return self.p.extent(d)

    def range(self, label: str) -> Range:
        """The loop over a label: variable, start, stop."""
        if label == self.column:
            self.extent(self.group.space[label])
            return label, "from", "to"
        return label, "0", self.limit(label)

    def limit(self, label: str) -> str:
        return "rows" if label == AXIS else self.extent(self.group.space[label])

    def _column(self) -> str | None:
        """The label whose range threads share out where one panel takes all the rows: an axis, not
        known to be thin, of everything that the kernel computes; the innermost loop stays whole if
        it can."""
        values = self.group.values
        if values[0].symmetric:
            return None
        labels = [
            t
            for t in values[0].own
            if t != AXIS
            and values[0].routine is None
            and all(t in v.own for v in values)
            and not self.p.low.thin(self.group.space[t])
        ]
        return min(labels, key=lambda t: t == self.group.simd, default=None)

    def position(self, index: Index, local: bool = False) -> str:
        """Text of a position as int64; local: relative to the panel."""
        offset = self._offset(index.offset)
        if index.label is None:
            return f"({offset})" if len(index.offset) > 1 else offset or "0"
        label = self.moved.get(index.label, index.label)
        label = f"(begin + {label})" if index.label == AXIS and not local else label
        if index.inverse:
            return (
                f"(({label}{f' - ({offset})' if offset else ''}) / {index.step})"
                if index.step != 1 or offset
                else label
            )
        text = label if index.step == 1 else f"{index.step}*{label}"
        return f"({offset} + {text})" if offset else text

    def _offset(self, offset: Offset) -> str:
        terms = []
        for c, d in offset:
            terms.append(
                str(c) if d is None else self.extent(d) if c == 1 else f"{c}*{self.extent(d)}"
            )
        return " + ".join(terms)

    def element(self, v: Value, indices: tuple[Index, ...], pointer: str | None = None) -> str:
        """Text of an element of a stored value."""
        panel = self.p.in_panel(v) or pointer is not None
        places = []
        for t, index in zip(v.own, indices, strict=True):
            text = self.position(index, local=panel and t == AXIS)
            places.append(f"cf_clamp({text}, {self.extent(v.space[t])})" if index.inverse else text)
        return self.at_places(v, places, pointer)

    def at_places(self, v: Value, places: list[str], pointer: str | None = None) -> str:
        """Text of an element of a stored value at positions per axis."""
        self.pointers.setdefault(v, False)
        panel = self.p.in_panel(v) or pointer is not None
        if v.leaf is not None and self.p.layout(v) == "rows" and len(places) > 1:
            rows = [f"({x})*{self.row_stride(v, k)}" for k, x in enumerate(places[:-1])]
            return f"v{v.number}[{' + '.join([*rows, places[-1]])}]"
        if v.leaf is not None and self.p.layout(v) not in REGULAR:
            number, kind = self.p.number[v], self.p.target.type_of(v.dtype)
            steps = [f"{x}*q->stride[CF_MAX_RANK*{number} + {k}]" for k, x in enumerate(places)]
            where = " + ".join(steps) or "0"
            if self.p.layout(v) == "strided":
                return f"CF_AT({kind}, v{v.number}, {where})"
            return f"cf_{self.p.layout(v)}_{kind}(v{v.number}, {where})"
        by_label, text = dict(zip(v.own, places, strict=True)), "0"
        for k, t in enumerate(v.memory):
            text = (
                by_label[t] if k == 0 else f"({text})*{self.capacity(v, t, panel)} + {by_label[t]}"
            )
        return f"{pointer or f'v{v.number}'}[{text}]"

    def row_stride(self, v: Value, axis: int) -> str:
        """Variable that holds the stride of an axis, in elements."""
        self.strides[v, axis] = None
        return f"s{v.number}_{axis}"

    def capacity(self, v: Value, label: str, panel: bool) -> str:
        """Text of the distance between two places next to each other along the axis outside it."""
        if v.leaf is not None and self.p.layout(v) == "rows" and label == v.own[-1]:
            return self.row_stride(v, len(v.own) - 2)
        return "q->panel" if panel and label == AXIS else self.extent(v.space[label])

    def place(self, load: Load | Fetch) -> tuple[str, np.dtype]:
        """Text and dtype of a load."""
        if isinstance(load, Fetch):
            return self._fetched(load)
        v = load.value.root
        if load.value in self.locals and pointwise(load.value, load):
            return self.locals[load.value], load.value.dtype
        if not v.own and load.value not in self.group.values and v not in self.group.values:
            self.scalars[v] = None
            return f"c{v.number}", v.dtype
        if load.value.alias is not None:
            self.pointers.setdefault(v, False)
            text = self.element_of_alias(load.value, load.indices, v)
            return text, v.dtype
        return self.element(v, load.indices), v.dtype

    def element_of_alias(self, v: Value, indices: tuple[Index, ...], root: Value) -> str:
        places = []
        for t, index in zip(v.own, indices, strict=True):
            x = self.position(index)
            places.append(f"cf_clamp({x}, {self.extent(v.space[t])})" if index.inverse else x)
        return self._in_alias(v, places, root)

    def _in_alias(self, v: Value, places: list[str], root: Value) -> str:
        text = "0"
        for k, (t, x) in enumerate(zip(v.own, places, strict=True)):
            text = x if k == 0 else f"({text})*{self.extent(v.space[t])} + {x}"
        return f"v{root.number}[{text}]"

    def _fetched(self, e: Fetch) -> tuple[str, np.dtype]:
        """Text and dtype of a fetch; positions that are out of range are noted and not read."""
        whole, *positions = e.args
        v, places = whole.value, []
        for t, p in zip(v.own, positions, strict=True):
            text = self.speller(INT64).number(p)
            if isinstance(p, Load):
                extent = self.extent(v.space[t])
                check = f"bad |= (uint64_t){text} >= (uint64_t){extent};"
                if check not in self.body.lines:
                    self.body.lines.append(check)
                self.kernel.checks = True
                text = f"cf_clamp({text}, {extent})"
            places.append(text)
        if v.alias is not None:
            self.pointers.setdefault(v.root, False)
            return self._in_alias(v, places, v.root), v.root.dtype
        return self.at_places(v, places), v.dtype

    # ------------------------------------------------------------ statements
    def speller(self, dtype: np.dtype) -> Speller:
        if dtype not in self.spellers:
            self.spellers[dtype] = Speller(
                self.p.target, dtype, self.place, self.position, self.extent, self.p.external
            )
        return self.spellers[dtype]

    def _name_shared(self) -> None:
        """Subexpressions that become variables: used twice, or costly."""
        self.named: dict[tuple, bool] = {}
        count: Counter = Counter()
        for v in self.group.values:
            count[v.expr, v.compute] += 1
            for e in scalar.subexpressions(v.expr):
                if isinstance(e, Scalar):
                    count.update((a, v.compute) for a in e.args)
        for v in self.group.values:
            for e in scalar.subexpressions(v.expr):
                if (
                    isinstance(e, Scalar)
                    and not isinstance(e, Atom)
                    and (count[e, v.compute] > 1 or costly_root(e))
                    and not divides(e)
                    and not negative(e)[0]
                ):
                    self.named[e, v.compute] = True

    def _spell(self, v: Value) -> str:
        """Text of the expression of v; statements for the variables it needs are added first."""
        spell = self.speller(v.compute)
        for e in scalar.subexpressions(v.expr):
            self.note(e)
            if (e, v.compute) in self.named and e not in spell.names and e is not v.expr:
                kind = "int" if e.boolean else spell.type
                text = spell(e)
                name = f"x{self.temporaries}"
                self.temporaries += 1
                self.body.lines.append(f"const {kind} {name} = {text};")
                spell.names[e] = name
        return spell(v.expr) if v.dtype == BOOL else spell.number(v.expr)

    def note(self, e) -> None:
        if isinstance(e, Parameter):
            self.parameters[e.content[0]] = None

    def _statement(self, v: Value) -> str | None:
        """Add the statements of one value; returns a clause of the pragma if it needs one."""
        text = self._spell(v)
        if v.op is None:
            self._assign(v, text)
            return None
        if self.group.simd in v.own:
            self._accumulate(v, text)
            return None
        return self._reduce(v, text)

    def _assign(self, v: Value, text: str) -> None:
        kind = self.p.target.type_of(v.dtype)
        name = f"t{v.number}"
        self.body.lines.append(f"const {kind} {name} = {text};")
        self.locals[v] = name
        if v.dtype == v.compute:
            if isinstance(v.expr, Scalar):
                self.speller(v.compute).names[v.expr] = name
        if v in self.p.stored:
            self.pointers[v] = True
            self.body.lines.append(f"{self.element(v, tuple(map(at, v.own)))} = {name};")

    def _target(self, v: Value) -> str:
        """Text of where a reduction collects."""
        self.pointers[v] = True
        every = tuple(map(at, v.own))
        if v in self.p.partial:
            return self.element(v, every, pointer=f"w{v.number}")
        return self.element(v, every)

    def _accumulate(self, v: Value, text: str) -> None:
        """The innermost loop runs along the result: collect in memory."""
        target = self._target(v)
        kind = self.p.target.type_of(v.compute)
        self.body.lines.append(
            f"{target} += {text};"
            if v.op == "sum"
            else f"{target} = cf_{v.op}_{kind}({target}, {text});"
        )
        self._start(v)

    def _start(self, v: Value) -> None:
        """Loops that set the target before the nest, and that move a partial result on after it."""
        if self.kernel.bodies or v in self.started:
            return
        self.started.add(v)
        held, self.moved = self.moved, {}
        loops = list(map(self.range, v.own))
        if v in self.p.partial:
            self.kernel.fills.append((loops, self._target(v), self.p.identity(v.op, v.compute)))
            self.kernel.flushes.append(
                (loops, self.element(v, tuple(map(at, v.own))), self._target(v))
            )
        elif not v.is_accumulator:
            self.kernel.fills.append((loops, self._target(v), self.p.identity(v.op, v.compute)))
        self.moved = held

    def _reduce(self, v: Value, text: str) -> str | None:
        """The innermost loop is summed over: collect in a register."""
        kind, register = self.p.target.type_of(v.compute), f"r{v.number}{self.suffix}"
        target = self._target(v)
        self.body.lanes.append(f"{kind} {register} = {self.p.identity(v.op, v.compute)};")
        alone = (
            not v.is_accumulator
            and set(v.space) - set(v.own) == {self.group.simd}
            and v not in self.p.partial
        )
        if not alone:
            self._start(v)
        if v.op in ("sum", "prod"):
            sign = "+" if v.op == "sum" else "*"
            self.body.lines.append(f"{register} {sign}= {text};")
            self.body.ends.append(f"{target} {'=' if alone else f'{sign}='} {register};")
            return f"reduction({sign}:{register})"
        wins = ">" if v.op == "max" else "<"
        name = f"y{v.number}"
        self.body.lines += [
            f"const {kind} {name} = {text};",
            f"{register} = {name} {wins} {register} ? {name} : {register};",
        ]
        clause = f"reduction({v.op}:{register})"
        if v.compute.kind == "f":  # a NaN wins, but comparisons lose it
            self.body.lanes.append(f"int z{v.number} = 0;")
            self.body.lines.append(f"z{v.number} |= {name} != {name};")
            self.body.ends.append(f"if (z{v.number}) {register} = NAN;")
            clause += f" reduction(|:z{v.number})"
        combined = register if alone else f"cf_{v.op}_{kind}({target}, {register})"
        self.body.ends.append(f"{target} = {combined};")
        return clause

    def _declarations(self) -> list[str]:
        lines = [
            f"const int64_t n{self.p.dim(d)} = q->extent[{self.p.dim(d)}];" for d in self.extents
        ]
        lines.append(
            "const int64_t rows = end - begin;" if self.per_row else "(void)begin; (void)end;"
        )
        if self.column is not None:
            extent = self.p.extent(self.group.space[self.column])
            lines.append(
                f"const int64_t from = cf_column(q, {extent}, q->share), "
                f"to = cf_column(q, {extent}, q->share + 1);"
            )
        lines += ["int bad = 0;"] if self.kernel.checks else []
        if self.ahead:
            lines.append(f"const int64_t ahead = {self.ahead};")
        for v, written in self.pointers.items():
            number = self.p.number[v]
            kind = self.p.target.type_of(v.dtype)
            const = "" if written else "const "
            lines.append(
                f"{const}{kind} *restrict v{v.number} = ({const}{kind} *)q->data[{number}];"
            )
            if v in self.p.partial:
                own = self.p.target.type_of(v.compute)
                lines.append(
                    f"{own} *restrict w{v.number} = ({own} *)q->data[{self.p.partial[v]}];"
                )
        for v, axis in self.strides:
            number, item = self.p.number[v], v.dtype.itemsize
            stride = f"q->stride[CF_MAX_RANK*{number} + {axis}]"
            lines.append(f"const int64_t s{v.number}_{axis} = {stride} / {item};")
        for v in self.scalars:
            kind = self.p.target.type_of(v.dtype)
            lines.append(
                f"const {kind} c{v.number} = *(const {kind} *)q->data[{self.p.number[v]}];"
            )
        lines += [f"const double p{k} = q->scalar[{k}];" for k in self.parameters]
        return lines
