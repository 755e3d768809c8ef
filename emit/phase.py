"""One group of values as a phase of a kernel: how its points are shared among threads, as text."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..algebra import scalar
from ..algebra.scalar import Scalar
from .device import DeviceKernel, Statements
from .memory import is_sum_of_products
from .nest import innermost
from .program import THIN
from .schedule import Team
from .value import AXIS, Load, Position, Value, loads_of, pointwise

if TYPE_CHECKING:
    from .cuda import DevicePlanner

ROWS = 2  # rows of a dot product that are taken at once
MOST_WRITTEN = 16  # results that are written out
MOST_FLAT = 8  # arrays that a flat loop moves in vectors


@dataclass
class Tile:
    """Several results of a dot product at once.

    points  per row: name of its index in the flattened own labels
    decode  statements that find the labels of the points
    starts, lines, ends  before, in and after the loop over what is summed
    """

    step: int
    decode: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)


@dataclass
class Sum:
    """One accumulator of a "sum" phase.

    type, struct  of the numbers; name of the operation; pair: whether the total is a float pair
    index         text of the place of column `o`, result `k`, in the accumulator
    """

    number: int
    type: str
    op: str
    identity: str
    pair: bool
    size: str
    places: tuple[str, ...]


@dataclass
class PhaseText:
    """What the template of a phase needs; see `grid.Phase` for its kinds.

    lanes    number of the word that holds them; as text: that, or the option with a constant
    product  whether it is one sum of products of two elements
    """

    number: int
    kind: str
    about: str
    lanes: int
    lanes_text: str
    option: str
    strips: str
    own: str
    summed: str
    written: int = 1
    product: bool = False
    flat: bool = False
    first: str = "0"
    decode_own: list[str] = field(default_factory=list)
    decode_summed: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    vector_lines: list[str] = field(default_factory=list)
    loads: list[tuple[str, str, str, str]] = field(default_factory=list)
    stores: list[tuple[str, str, str, str]] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    sums: list[Sum] = field(default_factory=list)


class PhasePlanner:
    """Plans the text of one team of threads for one group."""

    def __init__(self, planner: DevicePlanner, kernel: DeviceKernel, team: Team, number: int):
        self.p, self.k, self.team = planner, kernel, team
        self.kind = team.kind
        self.space, low = team.space, planner.low
        fast = [innermost(v, low) for v in team.values if v.space]
        self.fast = fast[-1] if fast else None
        self.written: dict[str, int] = {}
        own, summed = self._split()
        if self.kind != "map":
            self.written = self._written(own)
            own = [t for t in own if t not in self.written]
        self.own, self.summed = own, summed
        lanes = planner.word()
        unrolled = self.kind == "dot" and kernel.fold and self._is_product()
        option = f"CF_LANES_{number}" if unrolled else ""
        self.text = PhaseText(
            number,
            self.kind,
            "; ".join(_about(v) for v in team.values),
            lanes,
            option or f"(int)q.w[{lanes}]",
            option,
            f"CF_STRIPS_{number}" if self.kind == "sum" else "",
            kernel.product(own, self.space),
            kernel.product(summed, self.space),
            math.prod(self.written.values()),
        )
        self.text.product = self._is_product()
        self.text.decode_own = self._decode("o", own)
        self.text.decode_summed = self._decode("e", summed)
        {"map": self._map, "dot": self._dot, "sum": self._sum}[self.kind]()

    @property
    def places(self) -> list[dict[str, str]]:
        """The positions of the labels that are written out, one per result."""
        numbers = itertools.product(*map(range, self.written.values()))
        return [dict(zip(self.written, map(str, x), strict=True)) for x in numbers]

    def _is_product(self) -> bool:
        """Whether this is one sum of products of two elements, whose loop is worth writing out."""
        v = self.team.values[0]
        alone = len(self.team.values) == 1 and not self.written
        return alone and is_sum_of_products(v) and len(loads_of(v.expr)) <= 2 >= scalar.size(v.expr)

    def _split(self) -> tuple[list[str], list[str]]:
        """Labels of the results, and those summed over; the last of each is the fastest."""
        labels = sorted(self.space, key=lambda t: (t != AXIS, t))
        if self.team.own is None:
            inner = [self.fast] if self.fast is not None else []
            return [t for t in labels if t not in inner], inner
        order = lambda ts: sorted(ts, key=lambda t: t == self.fast)  # noqa: E731
        own = order([t for t in labels if t in self.team.own])
        return own, order([t for t in labels if t not in self.team.own])

    def _written(self, own: list[str]) -> dict[str, int]:
        """Thin labels of the results that are written out, so that an operand is read once for all
        of them."""
        values = self.team.values
        result: dict[str, int] = {}
        if len(values) > 1 or not is_sum_of_products(values[0]):
            return result
        for t in own:
            size = self.p.low.known(self.space[t])
            fits = size is not None and size * math.prod(result.values()) <= MOST_WRITTEN
            if t != AXIS and fits and size is not None and size <= THIN and len(own) > 1:
                result[t] = size
        return result if len(result) < len(own) else {}

    def _decode(self, variable: str, labels: list[str]) -> list[str]:
        """Statements that find labels from a flattened index; the last label varies fastest."""
        if not labels:
            return []
        lines, rest = [], variable
        for k, t in enumerate(reversed(labels[1:])):
            n = self.k.count(t, self.space)
            lines.append(f"const cf_index {t} = {rest} % {n}, {variable}{k} = {rest} / {n};")
            rest = f"{variable}{k}"
        return [*lines, f"const cf_index {labels[0]} = {rest};"]

    def _stored(self, v: Value) -> bool:
        return v in self.p.stored

    # ------------------------------------------------------------ maps
    def _map(self) -> None:
        s = Statements(self.k, self.team.values)
        for v in self.team.values:
            s.assign(v, self._stored(v))
        self.text.lines = s.lines
        order = self._flat_order()
        if order is None:
            return
        self.text.flat = True
        inner = "*".join(self.k.extent(self.space[t]) for t in order if t != AXIS) or "1"
        self.text.first = f"begin*({inner})" if AXIS in order else "0"
        self.text.own = self.k.product(order, self.space)
        for vector in (False, True):
            s = Statements(self.k, self.team.values, order, vector)
            for v in self.team.values:
                s.assign(v, self._stored(v))
            if not vector:
                self.text.lines = s.lines
            elif len(s.loads) + len(s.stores) <= MOST_FLAT:
                self.text.vector_lines = s.lines
                self.text.loads = [self._moved(s, v, name) for v, name in s.loads.items()]
                self.text.stores = [self._moved(s, v, name) for v, name in s.stores.items()]

    def _moved(self, s: Statements, v: Value, name: str) -> tuple[str, str, str, str]:
        """An array that a flat loop moves: type, variable, addresses of element e and of the
        first."""
        return (
            self.p.target.type_of(v.dtype),
            name,
            f"&{s.flat_place(v)}",
            f"&{s.flat_place(v, '')}",
        )

    def _flat_order(self) -> tuple[str, ...] | None:
        """Order of the labels in which everything that is read or written is contiguous."""
        values = self.team.values
        order = values[0].memory
        if not order or set(order) != set(self.space):
            return None
        for v in values:
            if v.memory != order or any(_uses_position(v.expr) for v in values):
                return None
            for load in loads_of(v.expr):
                d = load.value
                if not d.root.own or d in values:
                    continue
                contiguous = (
                    d.alias is None
                    and pointwise(d, load)
                    and d.memory == order
                    and all(d.space[t] == self.space[t] for t in order[1:])
                    and self.p.layout(d) in ("C", "F")
                )
                if not contiguous or (d in self.k.regions and self.k.regions[d].staged):
                    return None
        if AXIS in order and order[0] != AXIS:
            return None
        return order

    # ------------------------------------------------------------ dot products
    def _dot(self) -> None:
        values = self.team.values
        alone = len(values) == 1 and is_sum_of_products(values[0]) and len(self.own) == 1
        for step in (ROWS, 1) if alone else (1,):
            self.text.tiles.append(self._tile(step))

    def _tile(self, step: int) -> Tile:
        tile = Tile(step)
        for k in range(step):
            suffix = f"_{k}" if step > 1 else ""
            if step > 1:
                (t,) = self.own
                tile.decode.append(f"const cf_index {t}{suffix} = o0 + {k}*groups + group;")
            else:
                tile.decode += self._decode("o", self.own)
            for n, moved in enumerate(self.places):
                self.k.moved = moved | ({self.own[0]: self.own[0] + suffix} if step > 1 else {})
                self._tile_point(tile, f"{suffix}_{n}" if len(self.places) > 1 else suffix)
        self.k.moved = {}
        return tile

    def _tile_point(self, tile: Tile, suffix: str) -> None:
        s = Statements(self.k, self.team.values)
        for v in self.team.values:
            if v.op is None:
                s.assign(v, self._stored(v))
                continue
            kind, name = self.p.target.type_of(v.compute), f"r{v.number}{suffix}"
            tile.starts.append(f"{kind} {name} = {self.p.identity(v.op, v.compute)};")
            s.lines.append(_collected(v, name, s.spell(v), kind))
            tile.ends.append(f"{name} = cf_lanes<cf_op_{v.op}>({name}, lanes, scratch);")
            tile.ends.append(f"if (live && lane == 0) {s._target(v)} = {name};")
        tile.lines += ["{", *("    " + line for line in s.lines), "}"]

    # ------------------------------------------------------------ sums over rows
    def _sum(self) -> None:
        lines: list[str] = []
        for n, moved in enumerate(self.places):
            self.k.moved = moved
            s = Statements(self.k, self.team.values)
            for v in self.team.values:
                if v.op is None:
                    s.assign(v, self._stored(v))
                    continue
                kind = self.p.target.type_of(v.compute)
                name = f"a{v.number}[s*{len(self.places)} + {n}]"
                s.lines.append(_collected(v, name, s.spell(v), kind))
            lines += ["{", *("    " + line for line in s.lines), "}"]
        self.text.lines = lines
        for v in self.team.values:
            if v.op is not None:
                self.text.sums.append(self._accumulator(v))
        self.k.moved = {}

    def _accumulator(self, v: Value) -> Sum:
        places = []
        for moved in self.places:
            text = "0"
            for k, t in enumerate(v.own):
                x = moved.get(t, f"(int64_t){t}")
                text = x if k == 0 else f"({text})*{self.k.extent(v.space[t])} + {x}"
            places.append(text)
        size = "*".join(self.k.extent(v.space[t]) for t in v.own) or "1"
        kind = self.p.target.type_of(v.compute)
        start = self.p.identity(v.op, v.compute)
        return Sum(v.number, kind, v.op or "", start, self.p.paired(v), size, tuple(places))


def _collected(v: Value, name: str, text: str, kind: str) -> str:
    if v.op in ("sum", "prod"):
        return f"{name} {'+' if v.op == 'sum' else '*'}= {text};"
    return f"{name} = cf_{v.op}<{kind}>({name}, {text});"


def _about(v: Value) -> str:
    rest = ", ".join(t for t in v.space if t not in v.own)
    return f"v{v.number}[{', '.join(v.own)}]" + (f" = {v.op} over {rest}" if v.op else "")


def _uses_position(e) -> bool:
    if isinstance(e, Position):
        return True
    return isinstance(e, Scalar) and not isinstance(e, Load) and any(map(_uses_position, e.args))
