"""Names and addresses within one CUDA function, and the statements of one group of values.

Rows of a panel lie in shared memory, in regions that macros address; everything else lies in
device memory. `q` is the frame that the host packs: pointers, extents, strides, parameters, words.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..algebra import scalar
from ..algebra.dims import Extent
from ..algebra.scalar import Scalar
from .named import costly_root
from .spelling import Speller, divides, negative
from .value import AXIS, Atom, Fetch, Index, Load, Offset, Parameter, Value, at, pointwise

if TYPE_CHECKING:
    from .cuda import DevicePlanner

BOOL, FLOAT32, INT64 = np.dtype(np.bool_), np.dtype(np.float32), np.dtype(np.int64)


@dataclass(frozen=True)
class Region:
    """Rows of one array in the memory of a block; see `grid.Region`. `second` is -1 where there is
    no second place."""

    value: Value
    type: str
    offset: int
    pitch: int
    option: str
    staged: bool
    odd: bool
    second: int

    @property
    def name(self) -> str:
        return f"R{self.value.number}"


class DeviceKernel:
    """What one CUDA function reads and writes; declarations follow from what was asked for."""

    def __init__(self, planner: DevicePlanner, regions: dict[Value, Region], fold: bool) -> None:
        self.p, self.regions, self.fold = planner, regions, fold
        self.pointers: dict[Value, bool] = {}
        self.scalars: dict[Value, None] = {}
        self.extents: dict[Extent, None] = {}
        self.strides: dict[Value, None] = {}
        self.parameters: dict[int, bool] = {}  # whether a float is enough
        self.written: set[Value] = set()
        self.moved: dict[str, str] = {}

    # ------------------------------------------------------------ places
    def extent(self, d: Extent) -> str:
        """Text of an extent as int64."""
        known = self.p.low.known(d)
        if known is not None:
            return str(known)
        self.extents[d] = None
        return f"n{self.p.dim(d)}"

    def count(self, label: str, space: dict[str, Extent]) -> str:
        """Text of an extent as the index of a loop."""
        if label == AXIS:
            return "rows"
        text = self.extent(space[label])
        return text if text.isdigit() else "m" + text[1:]

    def product(self, labels, space: dict[str, Extent]) -> str:
        """Text of the number of points of some labels."""
        return "*".join(self.count(t, space) for t in labels) or "1"

    def position(self, index: Index) -> str:
        """Text of a position as int64, along the whole axis."""
        offset = self._offset(index.offset)
        if index.label is None:
            return f"({offset})" if len(index.offset) > 1 else offset or "0"
        label = self.moved.get(index.label, index.label)
        label = f"(begin + {label})" if index.label == AXIS else f"(int64_t){label}"
        if index.inverse:
            moved = f"{label}{f' - ({offset})' if offset else ''}"
            return f"(({moved}) / {index.step})" if index.step != 1 or offset else label
        text = label if index.step == 1 else f"{index.step}*{label}"
        return f"({offset} + {text})" if offset else text

    def _offset(self, offset: Offset) -> str:
        terms = []
        for c, d in offset:
            text = str(c) if d is None else self.extent(d)
            terms.append(text if d is None or c == 1 else f"{c}*{text}")
        return " + ".join(terms)

    def element(self, v: Value, indices: tuple[Index, ...]) -> str:
        """Text of an element of a stored value."""
        region = self.regions.get(v)
        if region is not None and self.in_row(v, indices):
            self.uses(region)
            near = (self.near(v, own, t) for own, t in zip(v.own, indices, strict=True))
            return f"{region.name}({', '.join(near)})"
        places = (self.clamped(v, own, t) for own, t in zip(v.own, indices, strict=True))
        return self.address(v, list(places))

    def clamped(self, v: Value, own: str, index: Index) -> str:
        """Text of a position as int64, within the axis where it could be outside."""
        text = self.position(index)
        return f"cf_clamp({text}, {self.extent(v.space[own])})" if index.inverse else text

    def in_row(self, v: Value, indices: tuple[Index, ...]) -> bool:
        """Whether a load reads the row of the panel that is being computed."""
        return all(
            t.plain and t.label == AXIS
            for own, t in zip(v.own, indices, strict=True)
            if own == AXIS
        )

    def near(self, v: Value, own: str, index: Index) -> str:
        """Text of a position along an axis of a panel; only the fold axis begins with the panel."""
        if index.plain and (index.label != AXIS or own == AXIS):
            return self.moved.get(str(index.label), str(index.label))
        return f"(cf_index)({self.clamped(v, own, index)})"

    def uses(self, region: Region) -> None:
        v = region.value
        for t in v.own[1:] if v.own[0] == AXIS else v.own:
            if t != AXIS:
                self.extent(v.space[t])
        if region.staged:
            self.address(v, ["0"] * len(v.own))

    def address(self, v: Value, places: list[str]) -> str:
        """Text of an element in device memory; places are int64 positions."""
        self.pointers.setdefault(v, False)
        layout = self.p.layout(v)
        if layout in ("rows", "strided") and places:
            self.strides[v] = None
            kind = self.p.target.type_of(v.dtype)
            steps = [f"{x}*s{v.number}_{k}" for k, x in enumerate(places)]
            return f"CF_AT({kind}, v{v.number}, {' + '.join(steps)})"
        by_label, text = dict(zip(v.own, places, strict=True)), "0"
        for k, t in enumerate(v.memory):
            text = by_label[t] if k == 0 else f"({text})*{self.extent(v.space[t])} + {by_label[t]}"
        return f"v{v.number}[{text}]"

    def alias(self, v: Value, indices: tuple[Index, ...]) -> str:
        """Text of an element of a reshaped value."""
        places = [self.clamped(v, own, t) for own, t in zip(v.own, indices, strict=True)]
        return self.in_alias(v, places)

    def in_alias(self, v: Value, places: list[str]) -> str:
        """Text of an element of a reshaped value at int64 positions."""
        self.pointers.setdefault(v.root, False)
        text = "0"
        for k, (t, x) in enumerate(zip(v.own, places, strict=True)):
            text = x if k == 0 else f"({text})*{self.extent(v.space[t])} + {x}"
        return f"v{v.root.number}[{text}]"

    def scalar(self, v: Value) -> str:
        """Variable that holds a value without axes, read when the function begins."""
        self.scalars[v] = None
        return f"c{v.number}"

    def flag(self) -> str:
        """Where kernels say that a position is out of range."""
        return f"*(int *)q.data[{self.p.flag}]"

    # ------------------------------------------------------------ declarations
    def declarations(self) -> list[str]:
        """Statements at the start of the function."""
        p = self.p
        lines = []
        for d in self.extents:
            k = p.dim(d)
            lines.append(f"const int64_t n{k} = q.n[{k}]; const cf_index m{k} = (cf_index)n{k};")
        for v, written in self.pointers.items():
            kind, number = p.target.type_of(v.dtype), p.number[v]
            if written or v in self.written or v.leaf is None:
                lines.append(f"{kind} *const v{v.number} = ({kind} *)q.data[{number}];")
            else:
                const = f"const {kind} *__restrict__"
                lines.append(f"{const} const v{v.number} = (const {kind} *)q.data[{number}];")
        for v in self.strides:
            for k in range(len(v.own)):
                lines.append(f"const int64_t s{v.number}_{k} = q.s[{p.stride(v) + k}];")
        for v in self.scalars:
            kind, number = p.target.type_of(v.dtype), p.number[v]
            lines.append(f"const {kind} c{v.number} = *(const {kind} *)q.data[{number}];")
        for k, narrow in self.parameters.items():
            value = (
                f"const float p{k} = q.f[{2 * k}]" if narrow else f"const double p{k} = q.p[{k}]"
            )
            lines.append(f"{value};")
        return lines


class Statements:
    """The statements of one group at one point, as text.

    flat    labels in the order of a flat loop over `e`, or None
    vector  whether loads and stores are arrays of four
    """

    def __init__(
        self,
        kernel: DeviceKernel,
        values: list[Value],
        flat: tuple[str, ...] | None = None,
        vector: bool = False,
    ) -> None:
        self.k, self.values, self.flat, self.vector = kernel, values, flat, vector
        self.locals: dict[Value, str] = {}
        self.spellers: dict[np.dtype, Speller] = {}
        self.lines: list[str] = []
        self.loads: dict[Value, str] = {}
        self.stores: dict[Value, str] = {}
        self.named = _named(values)
        self.temporaries = 0

    def assign(self, v: Value, store: bool) -> None:
        """Compute a value of the point, and store it if somebody else reads it."""
        kind = self.k.p.target.type_of(v.dtype)
        name = f"t{v.number}"
        self.lines.append(f"const {kind} {name} = {self.spell(v)};")
        self.locals[v] = name
        if v.dtype == v.compute and isinstance(v.expr, Scalar):
            self.speller(v.compute).names[v.expr] = name
        if store:
            self.lines.append(f"{self._target(v)} = {name};")

    def _target(self, v: Value) -> str:
        if v not in self.k.regions:
            self.k.pointers[v] = True
        if self.flat is not None:
            if self.vector:
                return f"{self.stores.setdefault(v, f'y{v.number}')}[u]"
            return self.flat_place(v)
        return self.k.element(v, tuple(map(at, v.own)))

    def flat_place(self, v: Value, e: str = "e") -> str:
        """Text of element e of a flat loop."""
        if v in self.k.regions:
            return f"s{v.number}[{e or 0}]"
        self.k.pointers.setdefault(v, False)
        first = "first" if AXIS in v.own else ""
        return f"v{v.number}[{' + '.join(t for t in (first, e) if t) or 0}]"

    def spell(self, v: Value) -> str:
        """Text of the expression of v; variables it needs are declared first."""
        spell = self.speller(v.compute)
        for e in scalar.subexpressions(v.expr):
            if isinstance(e, Parameter):
                number, narrow = e.content[0], v.compute == FLOAT32
                self.k.parameters[number] = narrow and self.k.parameters.get(number, True)
            if (e, v.compute) in self.named and e not in spell.names and e is not v.expr:
                kind = "int" if e.boolean else spell.type
                text = spell(e)
                name = f"x{self.temporaries}"
                self.temporaries += 1
                self.lines.append(f"const {kind} {name} = {text};")
                spell.names[e] = name
        return spell(v.expr) if v.dtype == BOOL else spell.number(v.expr)

    def speller(self, dtype: np.dtype) -> Speller:
        if dtype not in self.spellers:
            k = self.k
            self.spellers[dtype] = Speller(k.p.target, dtype, self.place, k.position, k.extent)
        return self.spellers[dtype]

    def place(self, load: Load | Fetch) -> tuple[str, np.dtype]:
        """Text and dtype of a load."""
        if isinstance(load, Fetch):
            return self._fetched(load)
        v = load.value
        if v in self.locals and pointwise(v, load):
            return self.locals[v], v.dtype
        if not v.root.own:
            written = v.root in self.k.written
            text = self.k.address(v.root, []) if written else self.k.scalar(v.root)
            return text, v.root.dtype
        if v.alias is not None:
            return self.k.alias(v, load.indices), v.root.dtype
        if self.flat is not None and load.indices:
            if self.vector:
                return f"{self.loads.setdefault(v, f'z{v.number}')}[u]", v.dtype
            return self.flat_place(v), v.dtype
        return self.k.element(v, load.indices), v.dtype

    def _fetched(self, e: Fetch) -> tuple[str, np.dtype]:
        """Text and dtype of a fetch; of positions that are out of range a note is made, and the
        nearest element is read instead."""
        whole, *positions = e.args
        v, places = whole.value, []
        for t, p in zip(v.own, positions, strict=True):
            text = self.speller(INT64).number(p)
            if isinstance(p, Load):
                extent = self.k.extent(v.space[t])
                check = f"if ((uint64_t){text} >= (uint64_t){extent}) {self.k.flag()} = 1;"
                self.lines += [] if check in self.lines else [check]
                text = f"cf_clamp({text}, {extent})"
            places.append(text)
        if v.alias is not None:
            return self.k.in_alias(v, places), v.root.dtype
        return self.k.address(v, places), v.dtype


def _named(values: list[Value]) -> set[tuple]:
    """Subexpressions that become variables: used twice, or costly."""
    count: Counter = Counter()
    for v in values:
        count[v.expr, v.compute] += 1
        for e in scalar.subexpressions(v.expr):
            if isinstance(e, Scalar):
                count.update((a, v.compute) for a in e.args)
    return {
        (e, v.compute)
        for v in values
        for e in scalar.subexpressions(v.expr)
        if isinstance(e, Scalar)
        and not isinstance(e, Atom)
        and (count[e, v.compute] > 1 or costly_root(e))
        and not divides(e)
        and not negative(e)[0]
    }
