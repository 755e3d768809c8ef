"""Graph -> values: the fold axis, index spaces, sharing, sections.

Composition is undone here: a subexpression that two values need becomes a value, and every costly subexpression moves
to the smallest index space it varies in. A value that is reduced over the fold axis is an accumulator; what needs a
finished accumulator belongs to a later section.
"""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction

import numpy as np
import sympy

from ..algebra import scalar
from ..algebra.dims import Extent, FreshDim
from ..algebra.errors import EmitError
from ..algebra.graph import topological
from ..algebra.node import Contract, Layout, Leaf, Map, Node, Reduce
from ..algebra.scalar import ONE, ZERO, Add, Mul, Scalar, absolute, exp, log, op, where
from .named import correction, costly, costly_root, product, spell
from .program import Unit
from .value import AXIS, ORIGIN, Atom, Index, Infinity, Load, Offset, Parameter, Position, Size, Value, at, labels_of, loads_of

CAP = 60  # operations of an inlined body
TRIED = 3  # axes that are lowered and compared
CACHE = 1 << 20  # bytes that stay in a core's cache
BOOL, INT64 = np.dtype(np.bool_), np.dtype(np.int64)


class Unfit(Exception):
    """This axis cannot be the fold axis."""


def assumed(dim: Extent, leading: set[Extent]) -> float:
    """Size that planning assumes for an extent: what it is, or a typical one."""
    if isinstance(dim, int):
        return float(dim)
    return 1e5 if dim in leading else 300.0


def leading_dims(unit: Unit) -> set[Extent]:
    """First extent of the first input of highest rank: usually the examples."""
    rank = max((x.ndim for x in unit.inputs), default=0)
    first = next((x for x in unit.inputs if x.ndim == rank and rank), None)
    return {first.dims[0]} if first is not None else set()


def candidates(unit: Unit) -> list[Extent]:
    """Dims that could be folded, most promising first: by the elements that carry them."""
    leading = leading_dims(unit)
    weight: Counter = Counter()
    for x in topological((*unit.outputs, *unit.updates)):
        count = 1.0
        for d in x.dims:
            count *= assumed(d, leading)
        for d in dict.fromkeys(x.dims):
            if d != 1 and x.dims.count(d) == 1:
                weight[d] += count  # type: ignore[assignment]
    return sorted(weight, key=lambda d: -weight[d])


def lower(unit: Unit) -> Lowering:
    """The values of a unit, folded over the axis that moves the fewest elements; over none if none fits."""
    best: Lowering | None = None
    for axis in candidates(unit)[:TRIED]:
        try:
            found = Lowering(unit, axis)
        except Unfit:
            continue
        if best is None or found.cost() < best.cost():
            best = found
        if best.sections == 1 or (best.sections == 2 and best.local()):
            break  # one pass that reads each array once
    return best or Lowering(unit, None)


class Lowering:
    """The values of one unit for one fold axis.

    values      every value that is needed, operands first
    parameters  values of the numbered parameters
    """

    def __init__(self, unit: Unit, axis: Extent | None) -> None:
        self.unit, self.axis = unit, axis
        self.leading = leading_dims(unit)
        self.parameters: list[Fraction] = []
        self._numbers = itertools.count()
        self._memo: dict[Node, Value] = {}
        self._shared: dict = {}
        self._parameter: dict[Leaf, Parameter] = {}
        self._inlined = _inlined((*unit.outputs, *unit.updates))
        self.arguments = [self._argument(leaf, s[0]) for leaf, s in zip((*unit.inputs, *unit.shared, *unit.constants), unit.storage, strict=True)]
        self.results = [self._result(k, x) for k, x in enumerate((*unit.outputs, *unit.updates))]
        self._share_functions()
        self._place()

    # ------------------------------------------------------------ making values
    def _new(self, own, space, expr, dtype, compute=None, **more) -> Value:
        return Value(next(self._numbers), tuple(own), dict(space), expr, dtype, compute or dtype, **more)

    def _labels(self, dims: tuple[Extent, ...]) -> tuple[str, ...]:
        """Labels for axes of these extents; the fold axis may occur once."""
        if self.axis is not None and dims.count(self.axis) > 1:
            raise Unfit
        fresh = (f"j{k}" for k in itertools.count())
        return tuple(AXIS if self.axis is not None and d == self.axis else next(fresh) for d in dims)

    def _argument(self, leaf: Leaf, storage: np.dtype) -> Value:
        own = self._labels(leaf.dims)
        value = self._new(own, zip(own, leaf.dims, strict=True), None, storage, leaf.dtype, leaf=leaf)
        self._memo[leaf] = value
        return value

    def _result(self, number: int, node: Node) -> Value:
        own = self._labels(node.dims)
        space = dict(zip(own, node.dims, strict=True))
        compute = node.dtype if node.dtype != BOOL or not isinstance(node, Map) else node.spec.compute
        expr = self._hoist(self._inline(node, tuple(map(at, own)), compute), space, compute)
        return self._new(own, space, expr, node.dtype, compute, output=number, about=f"output {number}")

    def _value(self, node: Node) -> Value:
        """The value of a node that is stored."""
        found = self._memo.get(node)
        if found is None:
            self._prepare(node)
            found = self._memo[node] = self._build(node)
        return found

    def _prepare(self, node: Node) -> None:
        """Build the values that a deep graph needs first, so that no recursion is deeper than one island."""
        for x in topological([node], stop=lambda n: n in self._memo or isinstance(n, Leaf)):
            if x is not node and x not in self._memo and x not in self._inlined and not isinstance(x, Leaf):
                self._memo[x] = self._build(x)

    def _build(self, node: Node) -> Value:
        if isinstance(node, Map):
            own = self._labels(node.dims)
            space = dict(zip(own, node.dims, strict=True))
            expr = self._body(node, tuple(map(at, own)))
            return self._new(own, space, self._hoist(expr, space, node.spec.compute), node.dtype, node.spec.compute)
        if isinstance(node, Contract):
            return self._contract(node)
        if isinstance(node, Reduce):
            return self._reduce(node)
        if isinstance(node, Layout):
            return self._layout(node)
        assert not isinstance(node, Leaf), f"the leaf {node} is no argument of the program"
        raise EmitError(f"{type(node).__name__} nodes cannot be compiled", fix="use mode='FAST_COMPILE'")

    def _contract(self, node: Contract) -> Value:
        spec = node.spec
        order = (*spec.out, *(t for t in range(len(spec.sizes)) if t not in spec.out))
        if len(set(spec.out)) != len(spec.out):
            raise EmitError("a contraction with a repeated label in its result", fix="write the diagonal with a product by the identity")
        label = dict(zip(order, self._labels(tuple(spec.sizes[t] for t in order)), strict=True))
        space = {label[t]: spec.sizes[t] for t in order}
        factors = [self._inline(a, tuple(at(label[t]) for t in index), spec.dtype) for a, index in zip(node.operands, spec.indices, strict=True)]
        carried = {t for index in spec.indices for t in index}
        factors += [Size(spec.sizes[t]) for t in order if t not in carried and t not in spec.out]
        for t in order:
            if t not in carried and t not in spec.out:
                del space[label[t]]
        own = tuple(label[t] for t in spec.out)
        expr = product(factors)
        reduces = set(space) - set(own)
        return self._new(own, space, self._hoist(expr, space, spec.dtype), spec.dtype, op="sum" if reduces else None)

    def _reduce(self, node: Reduce) -> Value:
        spec, (a,) = node.spec, node.operands
        labels = self._labels(a.dims)
        space = dict(zip(labels, a.dims, strict=True))
        own = tuple(t for k, t in enumerate(labels) if k not in spec.axes)
        every = tuple(map(at, labels))
        if spec.op in ("max", "min"):
            expr = self._inline(a, every, a.dtype)
            return self._new(own, space, self._hoist(expr, space, a.dtype), a.dtype, op=spec.op)
        if spec.op == "logsumexp":
            kept = {t: space[t] for t in own}
            return self._new(own, kept, self._logsumexp(node, tuple(map(at, own))), node.dtype)
        return self._position(node, labels, space, own)

    def _position(self, node: Reduce, labels, space, own) -> Value:
        """argmax, argmin: the smallest position that attains the extremum, or the first NaN."""
        spec, (a,) = node.spec, node.operands
        best = self._new(own, space, self._hoist(self._inline(a, tuple(map(at, labels)), a.dtype), space, a.dtype), a.dtype,
                         op=spec.op[3:])  # fmt: skip
        element = self._inline(a, tuple(map(at, labels)), a.dtype)
        found = scalar.or_(scalar.eq(element, Load(best, tuple(map(at, own)))), scalar.ne(element, element))
        hit = self._new(labels, space, self._hoist(found, space, a.dtype), BOOL, a.dtype)
        along = labels[spec.axes[0]]
        expr = where(scalar.ne(Load(hit, tuple(map(at, labels))), ZERO), Position(at(along)), sympy.Integer(2**62))
        return self._new(own, space, expr, INT64, op="min")

    def _layout(self, node: Layout) -> Value:
        own = self._labels(node.dims)
        space = dict(zip(own, node.dims, strict=True))
        if node.spec.op != "reshape":
            expr = self._moved(node, tuple(map(at, own)), node.dtype)
            return self._new(own, space, self._hoist(expr, space, node.dtype), node.dtype)
        source = self._stored(node.operands[0])
        return self._new(own, space, None, source.dtype, alias=source)

    def _stored(self, node: Node) -> Value:
        """The node as an array in C order, for a reshape."""
        if isinstance(node, Leaf) and node in self._memo:
            number = self.arguments.index(self._memo[node])
            if self.unit.storage[number][1] == "C" and self._memo[node].dtype == node.dtype:
                return self._memo[node]
        own = self._labels(node.dims)
        space = dict(zip(own, node.dims, strict=True))
        expr = self._hoist(self._inline(node, tuple(map(at, own)), node.dtype), space, node.dtype)
        return self._new(own, space, expr, node.dtype, keep=AXIS in own)

    # ------------------------------------------------------------ expressions
    def _inline(self, node: Node, index: tuple[Index, ...], compute: np.dtype):
        """The node's element at an index, as an expression of this compute dtype."""
        if isinstance(node, Leaf):
            return self._leaf(node, index)
        if isinstance(node, Reduce) and node.spec.op == "logsumexp" and node.dtype == compute:
            return self._logsumexp(node, index)
        if node in self._inlined:
            if isinstance(node, Map) and node.spec.compute == compute:
                return self._body(node, index)
            if isinstance(node, Layout) and node.dtype == compute:
                return self._moved(node, index, compute)
        return Load(self._value(node), index)

    def _leaf(self, leaf: Leaf, index: tuple[Index, ...]):
        kind = leaf.spec.kind
        if kind == "parameter":
            if leaf not in self._parameter:
                self._parameter[leaf] = Parameter(len(self.parameters))
                self.parameters.append(leaf.spec.value)
            return self._parameter[leaf]
        if kind == "dim":
            return Size(leaf.spec.value) if not isinstance(leaf.spec.value, int) else sympy.Integer(leaf.spec.value)
        if kind == "iota":
            return Position(index[0])
        if kind == "delta":
            return where(scalar.eq(Position(index[0]), Position(index[1])), ONE, ZERO)
        if leaf not in self._memo:
            raise EmitError(f"the {kind} {leaf.label or ''} is not an argument of the program", fix="add it to the inputs")
        return Load(self._memo[leaf], index)

    def _body(self, node: Map, index: tuple[Index, ...]):
        """The body of a Map at an index, with operands inlined and named functions spelled."""
        spec = node.spec
        slots = {
            k: self._inline(a, tuple(ORIGIN if t is None else index[t] for t in where_), spec.compute)
            for k, (a, where_) in enumerate(zip(node.operands, spec.indices, strict=True))
        }
        return spell(scalar.substitute(spec.body, slots))

    def _logsumexp(self, node: Reduce, index: tuple[Index, ...]):
        """m + log(sum(exp(x - m))) with a finite m; a slice of -inf gives -inf, and NaN and inf survive."""
        (a,), axes = node.operands, node.spec.axes
        compute = node.dtype
        labels = self._labels(a.dims)
        space = dict(zip(labels, a.dims, strict=True))
        own = tuple(t for k, t in enumerate(labels) if k not in axes)
        kept = {t: space[t] for t in own}
        key = ("logsumexp", node)
        if key not in self._shared:
            element = self._inline(a, tuple(map(at, labels)), compute)
            largest = self._new(own, space, self._hoist(element, space, compute), compute, op="max")
            m = Load(largest, tuple(map(at, own)))
            finite = self._new(own, kept, where(scalar.lt(absolute(m), Infinity()), m, ZERO), compute)
            shifted = spell(exp(Add(element, Mul(-1, Load(finite, tuple(map(at, own)))))))
            total = self._new(own, space, self._hoist(shifted, space, compute), compute, op="sum")
            self._shared[key] = finite, total
        finite, total = self._shared[key]
        return Add(Load(finite, index), log(Load(total, index)))

    def _moved(self, node: Layout, index: tuple[Index, ...], compute: np.dtype):
        """An element of a slice or embed: the operand at moved positions."""
        (a,), spec = node.operands, node.spec
        axes = iter(index)
        if spec.op == "slice":
            moved = tuple(_compose(a.dims[k], start, step, None if step is None else next(axes)) for k, (start, step) in enumerate(spec.params))
            if any(t is None for t in moved):
                own = self._labels(a.dims)
                return Load(self._materialise(a), tuple(map(at, own)))
            return self._inline(a, moved, compute)
        return self._embedded(a, spec.params, node.dims, index, compute)

    def _materialise(self, node: Node) -> Value:
        value = self._value(node) if not isinstance(node, Leaf) else self._memo[node]
        value.keep = value.keep or AXIS in value.own
        return value

    def _embedded(self, a: Node, params, dims, index, compute):
        """Zeros with the operand at sliced places: a guarded load at the inverse position."""
        guards, places, extents = [], [], iter(a.dims)
        for k, (start, step) in enumerate(params):
            offset = _offset(start, dims[k])
            position = Position(index[k])
            begin = _sum(offset)
            if step is None:
                guards.append(scalar.eq(position, begin))
                continue
            length = next(extents)
            if (start, step) == (0, 1) and length == dims[k]:
                places.append(index[k])
                continue
            if not index[k].plain:
                raise EmitError("a slice of the derivative of a slice", fix="simplify the indexing, or use mode='FAST_COMPILE'")
            inverse = Index(index[k].label, step, offset, True)
            end = Add(begin, Mul(step, Add(Size(length) if isinstance(length, sympy.Basic) else sympy.Integer(length), -1)))
            guards += [scalar.ge(position, begin if step > 0 else end), scalar.le(position, end if step > 0 else begin)]
            if abs(step) != 1:
                guards.append(scalar.eq(Add(begin, Mul(step, Position(inverse))), position))
            places.append(inverse)
        element = self._inline(a, tuple(places), compute) if not places or all(p.plain for p in places) else Load(self._whole(a), tuple(places))
        for guard in guards:
            element = where(guard, element, ZERO)
        return element

    def _whole(self, node: Node) -> Value:
        """The node as a stored array that may be read anywhere."""
        key = ("whole", node)
        if key not in self._shared:
            self._shared[key] = self._memo[node] if isinstance(node, Leaf) and node in self._memo else self._stored(node)
        return self._shared[key]

    # ------------------------------------------------------------ smallest spaces and sharing
    def _hoist(self, expr, space: dict[str, Extent], compute: np.dtype):
        """expr with every costly subexpression that varies along fewer labels than the space made a value of its own."""
        full = frozenset(space)
        memo: dict = {}

        def walk(e):
            if not isinstance(e, Scalar) or isinstance(e, Atom):
                return e
            if e not in memo:
                labels = labels_of(e)
                if labels < full and costly(e):
                    memo[e] = self._small(e, labels, space, compute)
                else:
                    args = tuple(map(walk, self._grouped(e, labels) if op(e) in ("Add", "Mul") else e.args))
                    memo[e] = type(e)(*args)
            return memo[e]

        return walk(expr)

    def _grouped(self, e, full: frozenset[str]):
        """Arguments of a sum or product with those of one smaller space, where costly, put together."""
        groups: dict[frozenset, list] = {}
        for a in e.args:
            groups.setdefault(labels_of(a), []).append(a)
        result = []
        for labels, members in groups.items():
            together = len(members) > 1 and labels != full and any(map(costly, members)) and not any(map(correction, members))
            result.extend([type(e)(*members)] if together else members)
        return sorted(result, key=correction) if len(result) > 1 else e.args

    def _small(self, e, labels: frozenset[str], space: dict[str, Extent], compute: np.dtype):
        """A load of e as a value over its own labels; equal ones are one value."""
        ordered = [t for t in space if t in labels]
        fresh = (f"j{k}" for k in itertools.count())
        rename = {t: t if t == AXIS else next(fresh) for t in ordered}
        canonical = relabel(e, rename)
        own = tuple(rename[t] for t in ordered)
        key = (canonical, own, tuple(space[t] for t in ordered), compute)
        if key not in self._shared:
            inner = {rename[t]: space[t] for t in ordered}
            dtype = BOOL if canonical.boolean else compute
            self._shared[key] = self._new(own, inner, type(canonical)(*(self._hoist(a, inner, compute) for a in canonical.args)), dtype, compute)
        return Load(self._shared[key], tuple(map(at, ordered)))

    def _share_functions(self) -> None:
        """A costly subexpression that several values need in the same form becomes a value of its own."""
        users: dict = {}
        for v in self._reach():
            if v.expr is None or not v.own and not v.space:
                continue
            for e in scalar.subexpressions(v.expr):
                if isinstance(e, Scalar) and not isinstance(e, Atom) and costly_root(e) and AXIS in labels_of(e):
                    users.setdefault((e, v.compute, tuple(v.space[t] for t in sorted(labels_of(e)))), []).append(v)
        for (e, compute, _), values in sorted(users.items(), key=lambda item: -scalar.size(item[0][0])):
            using = [v for v in values if e in scalar.subexpressions(v.expr) and v.expr is not e]
            whole = [v for v in values if v.expr is e]
            if len(using) + len(whole) < 2:
                continue
            space = {t: d for v in values for t, d in v.space.items() if t in labels_of(e)}
            load = self._small(e, labels_of(e), space, compute)
            for v in (*using, *whole):
                if v is not load.value:
                    v.expr = scalar.replace(v.expr, {e: load})

    # ------------------------------------------------------------ cost
    def _elements(self, v: Value, but: str | None = None) -> float:
        size = 1.0
        for t in v.own:
            size *= 1.0 if t == but else assumed(v.space[t], self.leading)
        return size

    def _stays(self, v: Value) -> bool:
        """Whether a dozen rows of a value stay in cache while a panel is computed."""
        return AXIS not in v.own or self._elements(v, but=AXIS) * 16 * v.dtype.itemsize < CACHE

    def local(self) -> bool:
        """Whether every array that is read row by row is read once per pass."""
        return all(self._stays(v) for v in self.values)

    def cost(self) -> float:
        """Elements moved, at assumed sizes: operands once per pass, or once per use where rows do not stay in cache."""
        total = 0.0
        for section in range(self.sections):
            now = [v for v in self.values if v.section == section and v.expr is not None]
            uses = Counter(d for v in now if v.in_body for d, _ in self._dependencies(v))
            for d, count in uses.items():
                if d.leaf is not None or d.keep or not self._stays(d):
                    total += self._elements(d) * (1 if self._stays(d) else count)
            total += sum(4 * self._elements(v) for v in now if v.is_accumulator)
            total += sum(2 * self._elements(v) for v in now if v.keep or (v.own and not v.in_body))
        return total

    # ------------------------------------------------------------ sections
    def _dependencies(self, v: Value) -> list[tuple[Value, Load | None]]:
        if v.alias is not None:
            return [(v.alias, None)]
        return [(load.value, load) for load in loads_of(v.expr)] if v.expr is not None else []

    def _reach(self) -> list[Value]:
        """Values that the results need, operands first."""
        seen: set[Value] = set()
        order: list[Value] = []
        stack: list[tuple[Value, bool]] = [(v, False) for v in reversed(self.results)]
        while stack:
            v, done = stack.pop()
            if done:
                order.append(v)
            elif v not in seen:
                seen.add(v)
                stack.append((v, True))
                stack.extend((d, False) for d, _ in reversed(self._dependencies(v)) if d not in seen)
        return order

    def _place(self) -> None:
        """Sections; rows that a later section needs are computed again if that is cheap, else kept for all rows."""
        for v in self._reach():
            v.section = max((d.section + self._waits(d, load) for d, load in self._dependencies(v)), default=0)
        for v in self._reach():
            for d, load in self._dependencies(v):
                if d.expr is None or AXIS not in d.own or (d.section == v.section and load is not None):
                    continue
                if load is not None and self._aligned(d, load) and self._repeatable(d):
                    self._repeat(v, d, load)
                else:
                    d.keep = True
        self.values = self._reach()
        self.sections = 1 + max((v.section for v in self.values), default=0)

    def _aligned(self, d: Value, load: Load) -> bool:
        """Whether a load reads the row of the fold that is being computed."""
        return all(t.plain and t.label == AXIS for own, t in zip(d.own, load.indices, strict=True) if own == AXIS)

    def _waits(self, d: Value, load: Load | None) -> bool:
        """Whether a user of d needs all of its rows; load is None for an alias of d."""
        if d.is_accumulator:
            return True
        if d.expr is None:
            return False
        return d.in_body if load is None else AXIS in d.own and not self._aligned(d, load)

    def _repeatable(self, d: Value) -> bool:
        return d.op is None and d.output is None and all(q.expr is None or not q.in_body for q, _ in self._dependencies(d))

    def _repeat(self, v: Value, d: Value, load: Load) -> None:
        copy = self._shared.get(("copy", d, v.section))
        if copy is None:
            copy = self._new(d.own, d.space, d.expr, d.dtype, d.compute)
            copy.section = v.section
            self._shared[("copy", d, v.section)] = copy
        v.expr = scalar.replace(v.expr, {load: Load(copy, load.indices)})


# ---------------------------------------------------------------- helpers of expressions


def _inlined(roots: tuple[Node, ...]) -> set[Node]:
    """Nodes that are written into their consumers: small with all that is written into them, and not costly to repeat."""
    uses: Counter = Counter(roots)
    order = topological(roots)
    for x in order:
        uses.update(x.operands)
    weight: dict[Node, int] = {}
    for x in order:
        if isinstance(x, Map) and (x.spec.dtype == x.spec.compute or x.spec.dtype == BOOL):
            total = scalar.size(x.spec.body)
        elif isinstance(x, Layout) and x.spec.op != "reshape":
            total = 3
        else:
            continue
        total += sum(weight.get(a, 0) for a in x.operands)
        if total <= (CAP if uses[x] == 1 else 12):
            weight[x] = total
    return set(weight)


def _sum(offset: Offset):
    terms = [sympy.Integer(c) if d is None else Mul(c, Size(d)) for c, d in offset]
    return Add(*terms) if len(terms) > 1 else terms[0] if terms else ZERO


def _offset(start, extent: Extent) -> Offset:
    """A start of a slice as an offset: negative starts count from the end, a dim is a run-time number."""
    if isinstance(start, FreshDim):
        return ((1, start),)
    if isinstance(start, int) and start >= 0:
        return ((start, None),) if start else ()
    return ((1, extent), (int(start), None))


def _compose(extent: Extent, start, step: int | None, index: Index | None) -> Index | None:
    """Position in the operand of a slice whose own position is `index`; None if that has no simple form."""
    offset = _offset(start, extent)
    if step is None:
        return Index(None, 1, offset)
    assert index is not None
    if index.inverse:
        return None
    return Index(index.label, step * index.step, (*offset, *((step * c, d) for c, d in index.offset)))


def relabel(e, names: dict[str, str]):
    """e with labels renamed."""
    rename = lambda t: t if t.label is None else Index(names[t.label], t.step, t.offset, t.inverse)  # noqa: E731
    mapping: dict = {}
    for s in scalar.subexpressions(e):
        if isinstance(s, Load):
            mapping[s] = Load(s.value, tuple(map(rename, s.indices)))
        elif isinstance(s, Position):
            mapping[s] = Position(rename(s.content[0]))
    return scalar.replace(e, mapping)
