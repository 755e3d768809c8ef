"""Graph -> values: the fold axis, index spaces, sharing, sections.

Composition is undone here: a subexpression that two values need becomes a value, and every costly
subexpression moves to the smallest index space it varies in. A value that is reduced over the fold
axis is an accumulator; what needs a finished accumulator belongs to a later section.
"""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction

import numpy as np
import sympy

from ..algebra import scalar
from ..algebra.dims import Extent
from ..algebra.errors import EmitError
from ..algebra.graph import topological
from ..algebra.node import Call, Contract, Gather, Join, Layout, Leaf, Map, Node, Reduce
from ..algebra.scalar import HALF, ONE, POSITIVE, ZERO, Add, Mul, Pow, exp, log, where
from . import arrays
from .inline import compared, inlined
from .merge import join
from .named import product, spell
from .online import finite, online
from .pool import Pool
from .position import moved
from .program import REGULAR, THIN, Unit
from .section import place
from .symmetry import is_symmetric, mirrored
from .value import (
    AXIS,
    ORIGIN,
    Index,
    Load,
    Parameter,
    Position,
    Size,
    Value,
    at,
    labels_of,
)

COLLECTS = {"max": "max", "min": "min", "any": "max", "all": "min", "prod": "prod"}
BOOL, INT64 = np.dtype(np.bool_), np.dtype(np.int64)


def assumed(dim: Extent, leading: set[Extent], baked: tuple = ()) -> float:
    """Size that planning assumes for an extent: what it is, or a typical one."""
    dim = dict(baked).get(dim, dim)
    if isinstance(dim, int):
        return float(dim)
    return 1e5 if dim in leading else 300.0


def leading_dims(unit: Unit) -> set[Extent]:
    """First extent of the first input of highest rank: usually the examples."""
    rank = max((x.ndim for x in unit.inputs), default=0)
    first = next((x for x in unit.inputs if x.ndim == rank and rank), None)
    return {first.dims[0]} if first is not None else set()


class Lowering:
    """The values of one unit for one fold axis.

    joins       whether sums may be joined panel by panel (see `online`)
    values      every value that is needed, operands first
    parameters  values of the numbered parameters
    """

    def __init__(self, unit: Unit, axis: Extent | None, joins: bool = True) -> None:
        self.unit, self.axis = unit, axis
        self.leading = leading_dims(unit)
        self.parameters: list[Fraction] = []
        self.pool = Pool()
        self.memo: dict[Node, Value] = {}
        self._turned: dict[tuple[Node, int], Value] = {}
        self._parameter: dict[Leaf, Parameter] = {}
        self._compared = compared((*unit.outputs, *unit.updates))
        self._inlined = inlined((*unit.outputs, *unit.updates), self._compared)
        self.arguments = [
            self._argument(leaf, *s)
            for leaf, s in zip(
                (*unit.inputs, *unit.shared, *unit.constants), unit.storage, strict=True
            )
        ]
        self.results = [self._result(k, x) for k, x in enumerate((*unit.outputs, *unit.updates))]
        self.pool.share_functions(self.results)
        merged: list[Value] = []
        if joins and (early := online(self.results)):
            merged = join(self, early)
            self.pool.share_functions([*self.results, *merged])
        self.values, self.sections = place([*self.results, *merged], self.pool, self.thin)

    # ------------------------------------------------------------ making values
    def labels(self, dims: tuple[Extent, ...], place: int | None = None) -> tuple[str, ...]:
        """Labels for axes of these extents. Of several with the extent of the fold, the first one
        is the fold axis, or the one at `place`; the others are axes like any other."""
        fresh = (f"j{k}" for k in itertools.count())
        if place is None:
            place = next(iter(self._places(dims)), None)
        return tuple(AXIS if k == place else next(fresh) for k in range(len(dims)))

    def _places(self, dims: tuple[Extent, ...]) -> list[int]:
        return [k for k, d in enumerate(dims) if self.axis is not None and d == self.axis]

    def _place(self, node: Node, index: tuple[Index, ...]) -> int | None:
        """Where the fold axis is in a node that is read at an index, if it can be turned so that it
        is not the first of several. Who compares with an extreme must read what it was taken of:
        that is computed once."""
        places = self._places(node.dims)
        extreme = isinstance(node, Reduce) and node.spec.op != "logsumexp"
        view = isinstance(node, Layout) and node.spec.op == "reshape"
        if len(places) < 2 or node in self._compared or extreme or view:
            return None
        found = next((k for k in places if index[k] == at(AXIS)), places[0])
        return None if found == places[0] else found

    def _argument(self, leaf: Leaf, storage: np.dtype, layout: str) -> Value:
        own = self.labels(leaf.dims)
        space = dict(zip(own, leaf.dims, strict=True))
        memory = own[::-1] if layout == "F" else own
        value = self.pool.new(own, space, None, storage, leaf.dtype, leaf=leaf, memory=memory)
        self.memo[leaf] = value
        return value

    def _result(self, number: int, node: Node) -> Value:
        own = self.labels(node.dims)
        space = dict(zip(own, node.dims, strict=True))
        compute = (
            node.dtype if node.dtype != BOOL or not isinstance(node, Map) else node.spec.compute
        )
        expr = self.pool.hoist(self.inline(node, tuple(map(at, own)), compute), space, compute)
        return self.pool.new(own, space, expr, node.dtype, compute, output=number)

    def value(self, node: Node, place: int | None = None) -> Value:
        """The value of a node that is stored; place: see `labels`."""
        if place is not None:
            return self._turn(node, place)
        found = self.memo.get(node)
        if found is None:
            self._prepare(node)
            found = self.memo[node] = self._stored_once(node)
        return found

    def _stored_once(self, node: Node) -> Value:
        value = self._build(node)
        value.once = node in self._compared
        return value

    def _turn(self, node: Node, place: int) -> Value:
        """The value of a node with another of its axes as the fold axis."""
        self._prepare(node)
        for x in topological([node], stop=lambda n: (n, place) in self._turned):
            alike = isinstance(x, Map) and x.dims == node.dims and x not in self._inlined
            if (x is node or alike) and (x, place) not in self._turned:
                self._turned[x, place] = self._build(x, place)
        return self._turned[node, place]

    def _prepare(self, node: Node) -> None:
        """Build the values that a deep graph needs first, so that no recursion is deeper than one
        island."""
        for x in topological([node], stop=lambda n: n in self.memo or isinstance(n, Leaf)):
            if (
                x is not node
                and x not in self.memo
                and x not in self._inlined
                and not isinstance(x, Leaf)
            ):
                self.memo[x] = self._stored_once(x)

    def _build(self, node: Node, place: int | None = None) -> Value:
        if isinstance(node, Map):
            own = self.labels(node.dims, place)
            space = dict(zip(own, node.dims, strict=True))
            expr = self._body(node, tuple(map(at, own)))
            return self.pool.new(
                own,
                space,
                self.pool.hoist(expr, space, node.spec.compute),
                node.dtype,
                node.spec.compute,
            )
        if isinstance(node, Contract):
            return self._contract(node, place)
        if isinstance(node, Reduce):
            return self._reduce(node, place)
        if isinstance(node, Layout):
            return self._layout(node, place)
        if isinstance(node, Call):
            return arrays.called(self, node)
        if isinstance(node, Join | Gather):
            return (arrays.joined if isinstance(node, Join) else arrays.gathered)(self, node, place)
        if isinstance(node, Leaf):  # what is read element by element elsewhere is stored here
            own = self.labels(node.dims, place)
            space = dict(zip(own, node.dims, strict=True))
            expr = self.inline(node, tuple(map(at, own)), node.dtype)
            expr = self.pool.hoist(expr, space, node.dtype)
            return self.pool.new(own, space, expr, node.dtype, node.dtype)
        raise EmitError(
            f"{type(node).__name__} nodes cannot be compiled", fix="use mode='FAST_COMPILE'"
        )

    def _contract(self, node: Contract, place: int | None = None) -> Value:
        spec = node.spec
        order = (*spec.out, *(t for t in range(len(spec.sizes)) if t not in spec.out))
        if len(set(spec.out)) != len(spec.out):
            raise EmitError(
                "a contraction with a repeated label in its result",
                fix="write the diagonal with a product by the identity",
            )
        sizes = tuple(spec.sizes[t] for t in order)
        at_fold = place if place is not None else self._folded(node, order)
        label = dict(zip(order, self.labels(sizes, at_fold), strict=True))
        space = {label[t]: spec.sizes[t] for t in order}
        factors = [
            self.inline(a, tuple(at(label[t]) for t in index), spec.dtype)
            for a, index in zip(node.operands, spec.indices, strict=True)
        ]
        carried = {t for index in spec.indices for t in index}
        factors += [Size(spec.sizes[t]) for t in order if t not in carried and t not in spec.out]
        for t in order:
            if t not in carried and t not in spec.out:
                del space[label[t]]
        own = tuple(label[t] for t in spec.out)
        reduces = set(space) - set(own)
        value = self.pool.hoisted(
            own, space, product(factors), spec.dtype, op="sum" if reduces else None
        )
        self.as_matrix_product(value)
        return mirrored(value, self.pool) if value.product and value.symmetric else value

    def _folded(self, node: Contract, order: tuple[int, ...]) -> int | None:
        """Which label of a contraction is the fold axis: that of most operands with several such
        axes, for they are computed with the first one as the fold axis."""
        votes = Counter(
            index[self._places(a.dims)[0]]
            for a, index in zip(node.operands, node.spec.indices, strict=True)
            if len(self._places(a.dims)) > 1
        )
        found = self._places(tuple(node.spec.sizes[t] for t in order))
        return max(found, key=lambda k: votes[order[k]], default=None)

    def as_matrix_product(self, v: Value) -> None:
        """Two factors over two labels each, wide along all three: a product of matrices for a
        library routine."""
        if (
            len(v.space) != 3
            or len(v.own) != 2
            or v.compute.kind != "f"
            or any(self.thin(d) for d in v.space.values())
        ):
            return
        groups: dict[frozenset, list] = {}
        for f in v.expr.args if isinstance(v.expr, Mul) else (v.expr,):
            groups.setdefault(labels_of(f), []).append(f)
        for labels in sorted((g for g in groups if len(g) < 2), key=len):
            host = next((g for g in groups if labels < g), None)
            if host is None:
                return
            groups[host] += groups.pop(labels)
        (gone,) = set(v.space) - set(v.own)
        if len(groups) == 2 and all(len(g) == 2 for g in groups) and all(gone in g for g in groups):
            v.symmetric = is_symmetric(v)
            loads = [self._matrix(product(fs), labels, v) for labels, fs in groups.items()]
            v.expr, v.product = Mul(*loads), True

    def _matrix(self, e, labels: frozenset[str], v: Value):
        """e as a load of a stored matrix in the dtype of the product."""
        if (
            isinstance(e, Load)
            and all(t.plain for t in e.indices)
            and e.value.dtype == v.compute
            and e.value.alias is None
            and not e.value.may_widen
        ):
            leaf = e.value.leaf
            if leaf is None or self.unit.storage[self.arguments.index(e.value)][1] in REGULAR:
                return e
        return self.pool.small(e, labels, v.space, v.compute)

    def known(self, d: Extent) -> int | None:
        """The extent, if it is a number or baked."""
        size = dict(self.unit.baked).get(d, d)
        return size if isinstance(size, int) else None

    def thin(self, d: Extent) -> bool:
        """Whether an extent is known to be small."""
        size = self.known(d)
        return size is not None and size <= THIN

    def _reduce(self, node: Reduce, place: int | None = None) -> Value:
        spec, (a,) = node.spec, node.operands
        labels = self.labels(a.dims, self._kept(node, place))
        space = dict(zip(labels, a.dims, strict=True))
        own = tuple(t for k, t in enumerate(labels) if k not in spec.axes)
        every = tuple(map(at, labels))
        if spec.op in COLLECTS:
            expr = self.inline(a, every, a.dtype)
            return self.pool.new(
                own, space, self.pool.hoist(expr, space, a.dtype), a.dtype, op=COLLECTS[spec.op]
            )
        if spec.op == "norm":
            return self._norm(node, labels, space, own)
        if spec.op == "logsumexp":
            kept, every_own = {t: space[t] for t in own}, tuple(map(at, own))
            return self.pool.new(own, kept, self._logsumexp(node, every_own), node.dtype)
        return self._position(node, labels, space, own)

    def _norm(self, node: Reduce, labels, space, own) -> Value:
        """The root of a sum of squares."""
        element = self.inline(node.operands[0], tuple(map(at, labels)), node.dtype)
        reduces = "sum" if len(own) < len(labels) else None
        squares = self.pool.hoisted(own, space, Mul(element, element), node.dtype, op=reduces)
        root = Pow(Load(squares, tuple(map(at, own))), HALF)
        return self.pool.new(own, {t: space[t] for t in own}, root, node.dtype)

    def inlines(self, node: Node) -> bool:
        """Whether a node is written into its consumers."""
        return node in self._inlined

    def _kept(self, node: Reduce, place: int | None) -> int | None:
        """The axis of the operand that is the fold axis: for a logsumexp one that is kept, if there
        is one, which saves a pass."""
        (a,) = node.operands
        kept = [k for k in range(a.ndim) if k not in node.spec.axes]
        if place is not None:
            return kept[place]
        if node.spec.op != "logsumexp" or a in self._compared:
            return None
        return next((k for k in self._places(a.dims) if k in kept), None)

    def _position(self, node: Reduce, labels, space, own) -> Value:
        """argmax, argmin: the smallest position that attains the extremum, or the first NaN."""
        spec, (a,) = node.spec, node.operands
        element = self.inline(a, tuple(map(at, labels)), a.dtype)
        best = self.pool.hoisted(own, space, element, a.dtype, op=spec.op[3:])
        found = scalar.or_(
            scalar.eq(element, Load(best, tuple(map(at, own)))), scalar.ne(element, element)
        )
        hit = self.pool.new(labels, space, self.pool.hoist(found, space, a.dtype), BOOL, a.dtype)
        along = labels[spec.axes[0]]
        expr = where(
            scalar.ne(Load(hit, tuple(map(at, labels))), ZERO),
            Position(at(along)),
            sympy.Integer(2**62),
        )
        return self.pool.new(own, space, expr, INT64, op="min")

    def _layout(self, node: Layout, place: int | None = None) -> Value:
        own = self.labels(node.dims, place)
        space = dict(zip(own, node.dims, strict=True))
        if node.spec.op != "reshape":
            expr = moved(self, node, tuple(map(at, own)), node.dtype)
            return self.pool.new(own, space, self.pool.hoist(expr, space, node.dtype), node.dtype)
        source = self.stored(node.operands[0])
        return self.pool.new(own, space, None, source.dtype, alias=source)

    def stored(self, node: Node) -> Value:
        """The node as an array in C order, for a reshape."""
        if isinstance(node, Leaf) and node in self.memo:
            number = self.arguments.index(self.memo[node])
            if self.unit.storage[number][1] == "C" and self.memo[node].dtype == node.dtype:
                return self.memo[node]
        own = self.labels(node.dims)
        space = dict(zip(own, node.dims, strict=True))
        expr = self.pool.hoist(
            self.inline(node, tuple(map(at, own)), node.dtype), space, node.dtype
        )
        return self.pool.new(own, space, expr, node.dtype, keep=AXIS in own)

    # ------------------------------------------------------------ expressions
    def inline(self, node: Node, index: tuple[Index, ...], compute: np.dtype):
        """The node's element at an index, as an expression of this compute dtype."""
        if isinstance(node, Leaf):
            return self._leaf(node, index)
        if isinstance(node, Reduce) and node.spec.op == "logsumexp" and node.dtype == compute:
            return self._logsumexp(node, index)
        if node in self._inlined:
            if isinstance(node, Map) and node.spec.compute == compute:
                return self._body(node, index)
            if isinstance(node, Layout) and node.dtype == compute:
                return moved(self, node, index, compute)
        return Load(self.value(node, self._place(node, index)), index)

    def _leaf(self, leaf: Leaf, index: tuple[Index, ...]):
        kind = leaf.spec.kind
        if kind == "parameter":
            if leaf not in self._parameter:
                self._parameter[leaf] = Parameter(len(self.parameters))
                self.parameters.append(leaf.spec.value)
            return self._parameter[leaf]
        if kind == "dim":
            return (
                Size(leaf.spec.value)
                if not isinstance(leaf.spec.value, int)
                else sympy.Integer(leaf.spec.value)
            )
        if kind == "iota":
            return Position(index[0])
        if kind == "delta":
            return where(scalar.eq(Position(index[0]), Position(index[1])), ONE, ZERO)
        if leaf not in self.memo:
            raise EmitError(
                f"the {kind} {leaf.label or ''} is not an argument of the program",
                fix="add it to the inputs",
            )
        return Load(self.memo[leaf], index)

    def _body(self, node: Map, index: tuple[Index, ...]):
        """The body of a Map at an index, with operands inlined and named functions spelled."""
        spec = node.spec
        slots = {
            k: self.inline(
                a, tuple(ORIGIN if t is None else index[t] for t in where_), spec.compute
            )
            for k, (a, where_) in enumerate(zip(node.operands, spec.indices, strict=True))
        }
        return spell(scalar.substitute(spec.body, slots))

    def _logsumexp(self, node: Reduce, index: tuple[Index, ...]):
        """m + log(sum(exp(x - m))) with a finite m; a slice of -inf gives -inf, and NaN and inf
        survive."""
        (a,), axes = node.operands, node.spec.axes
        compute = node.dtype
        place = self._kept(node, self._place(node, index))
        labels = self.labels(a.dims, place)
        space = dict(zip(labels, a.dims, strict=True))
        own = tuple(t for k, t in enumerate(labels) if k not in axes)
        kept = {t: space[t] for t in own}
        key = ("logsumexp", node, place)
        if key not in self.pool.shared:
            element = self.inline(a, tuple(map(at, labels)), compute)
            largest = self.pool.new(
                own, space, self.pool.hoist(element, space, compute), compute, op="max"
            )
            m = Load(largest, tuple(map(at, own)))
            point = self.pool.new(own, kept, finite(m), compute)
            shifted = spell(exp(Add(element, Mul(-1, Load(point, tuple(map(at, own)))))))
            total = self.pool.new(
                own,
                space,
                self.pool.hoist(shifted, space, compute),
                compute,
                op="sum",
                sign=POSITIVE,
            )
            self.pool.shared[key] = point, total
        point, total = self.pool.shared[key]
        return Add(Load(point, index), log(Load(total, index)))
