"""Nodes of the expression graph: a spec and operands.

A node is a `sympy.Basic` with `args == (spec, *operands)`. The spec is an atom that holds the rest:
index maps, body, extents, dtype. As written, every operation is an occurrence of its own (`occur`),
with the user's file and line; from the first pass on nodes are interned:
`node.func(*node.args) is node` (semantics 1.1, 6.2). Equality and hash are by identity, so depth
never matters.

Kinds
    Leaf      input, shared, constant, parameter (float literal), dim (an extent as a number), iota,
              delta, cut
    Map       elementwise body over operands; operand k is read at `indices[k]`
    Contract  sum over products: einsum with its own label -> extent table
    Reduce    max, min, argmax, argmin, logsumexp, prod, any, all, norm along axes
    Layout    reshape, slice, embed (the adjoint of slice)
    Join      operands side by side along an axis
    Gather    elements of an array at positions that integer arrays say
    Call      one result of a routine on whole arrays: scans, sorting, scattering, linear algebra
    Mark      its first operand, with a meaning for derivatives or observers: stop, clip, print
    Gradient  the derivative of its first operand with respect to one of the others, not expanded
    Tangent   the derivative of its first operand along tangents of others, not expanded
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import numpy as np
import sympy

from . import scalar
from .dims import Equality, Extent
from .origin import Origin

_specs: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
_nodes: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
_uids = itertools.count(1)


class Spec(sympy.Atom):
    """What a node is besides its operands: an immutable, interned record."""

    __slots__ = ("__weakref__", "content")
    fields: ClassVar[tuple[str, ...]] = ()

    def __new__(cls, *content):
        key = (cls, content)
        self = _specs.get(key)
        if self is None:
            self = sympy.Basic.__new__(cls)
            self.content = content
            for name, value in zip(cls.fields, content, strict=True):
                object.__setattr__(self, name, value)
            self = _specs.setdefault(key, self)
        return self

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __reduce_ex__(self, protocol):
        return type(self), self.content

    def _hashable_content(self):
        return self.content

    def with_(self, **changes) -> Any:
        """The same record with some fields replaced."""
        return type(self)(
            *(
                changes.get(name, value)
                for name, value in zip(self.fields, self.content, strict=True)
            )
        )

    def _sympystr(self, printer):
        return f"{type(self).__name__}{self.content}"


def _record(name: str, fields: str, doc: str) -> Any:
    names = tuple(fields.split())
    return type(
        name, (Spec,), {"__slots__": names, "fields": names, "__doc__": doc, "__module__": __name__}
    )


LeafSpec = _record(
    "LeafSpec",
    "kind uid dims dtype weak value facts",
    """kind: see the module. uid: number that makes inputs, shared variables, constants, parameters
    and cuts distinct (0 for dim, iota and delta). value: Fraction of a parameter, extent of a dim,
    iota or delta, else None. facts: frozenset of declared assumptions such as "positive".""",
)
MapSpec = _record(
    "MapSpec",
    "body indices dims dtype weak compute",
    """body: scalar expression over slots 0.. of the operands. indices: per operand, for each of its
    axes the axis of the result it runs along, or None for an axis of extent 1. dtype: of the
    result. compute: dtype of the arithmetic; operands are converted to it when they are read. weak:
    the result adapts its dtype as a Python number does.""",
)
ContractSpec = _record(
    "ContractSpec",
    "indices out sizes dtype weak",
    """indices: per operand a tuple of labels 0.., one per axis. out: labels of the result. sizes:
    extent of each label. A label may be carried by no operand (the summand is repeated). Operands
    are converted to dtype when read.""",
)
ReduceSpec = _record(
    "ReduceSpec",
    "op axes dims dtype weak",
    """op: a name of `REDUCTIONS`; axes that vanish.""",
)
LayoutSpec = _record(
    "LayoutSpec",
    "op params dims dtype weak",
    """op "reshape" (C order). op "slice": params is a pair (start, step) per operand axis, or
    (position, None) for an axis that an integer index removes; start and position are ints >= 0,
    ints < 0 (counted from the end) or extents. op "embed": the adjoint of such a slice: zeros of
    shape dims with the operand written at the sliced places.""",
)
JoinSpec = _record(
    "JoinSpec",
    "axis dims dtype weak",
    """Operands of one rank, side by side along the axis; converted to dtype when read.""",
)
GatherSpec = _record(
    "GatherSpec",
    "along indices dims dtype weak",
    """Operands are (array, *positions). along: per axis of the array the axis of the result it runs
    along, or None where the next one of the positions, integers >= 0, says where to read. indices:
    per positions operand as in MapSpec.""",
)
CallSpec = _record(
    "CallSpec",
    "routine params output dims dtype weak",
    """routine: a row of `routines.ROUTINES`; params: its numbers; output: which of its results.""",
)
MarkSpec = _record(
    "MarkSpec",
    "op message dims dtype weak",
    """op: "stop" (nothing depends through it), "zero" (the derivative is 0), "clip" (the cotangent
    is clipped to the second and third operand) or "print" (with a message).""",
)
TangentSpec = _record(
    "TangentSpec",
    "count dims dtype weak",
    """Operands are (value, *wrt, *tangents, *held) with `count` wrt and as many tangents, each of
    the shape of its wrt; this node has the shape of value.""",
)
GradientSpec = _record(
    "GradientSpec",
    "number count dims dtype weak",
    """Operands are (cost, *wrt, *held) with `count` wrt; this node is the derivative with respect
    to wrt[number], of shape cost.shape + wrt.shape.""",
)


class Node(sympy.Basic):
    """A node of the graph; calling a node class interns, `occur` makes an as-written occurrence.

    label       name the user gave to this intermediate, or None
    origin      (file, line) of the user's code that wrote it, or None
    equalities  extents that must be equal because this operation was written
    word        the user's word for a composite that this node ends, or None: a text such as
                "softmax({0})" and the nodes that stand in it
    payload     array of a constant, container of a shared variable; never part of identity
    """

    __slots__ = (
        "__weakref__",
        "dims",
        "dtype",
        "equalities",
        "label",
        "operands",
        "origin",
        "payload",
        "spec",
        "word",
    )

    def __new__(cls, spec, *operands):
        key = (cls, spec, tuple(map(id, operands)))
        self = _nodes.get(key)
        if self is None:
            self = _nodes.setdefault(key, cls._make(spec, operands))
        return self

    @classmethod
    def _make(cls, spec, operands):
        self = sympy.Basic.__new__(cls, spec, *operands)
        self.spec, self.operands, self.dtype = spec, operands, spec.dtype
        self.dims = tuple(spec.sizes[i] for i in spec.out) if cls is Contract else spec.dims
        self.label = self.origin = self.word = self.payload = None
        self.equalities = ()
        return self

    @classmethod
    def occur(
        cls, spec, *operands, origin: Origin | None = None, equalities: tuple[Equality, ...] = ()
    ):
        """An occurrence of its own, not shared with equal ones."""
        self = cls._make(spec, operands)
        self.origin, self.equalities = origin, equalities
        return self

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def weak(self) -> bool:
        """Whether the dtype adapts as a Python number's does."""
        return self.spec.weak

    @property
    def ndim(self) -> int:
        return len(self.dims)

    @property
    def free_symbols(self):
        raise TypeError(
            "a node has leaves, not free symbols: use closedform's own traversals (algebra.graph)"
        )

    def _eval_derivative(self, symbol):
        raise TypeError("sympy.diff does not differentiate tensors: use closedform.grad")

    def diff(self, *symbols, **assumptions):
        raise TypeError("sympy.diff does not differentiate tensors: use closedform.grad")

    def __reduce_ex__(self, protocol):
        raise TypeError("nodes are pickled through their Tensor handle")

    def _sympystr(self, printer):
        return f"{type(self).__name__}[{len(self.operands)}]"

    _sympyrepr = _sympystr

    def __repr__(self):
        return f"<{type(self).__name__} {self.label or ''}{self.dims}>"


class Leaf(Node):
    """A node without operands."""

    __slots__ = ()


class Map(Node):
    """Elementwise body over operands."""

    __slots__ = ()


class Contract(Node):
    """Sum of products over labels."""

    __slots__ = ()


class Reduce(Node):
    """One of `REDUCTIONS` along axes."""

    __slots__ = ()


class Layout(Node):
    """Reshape, slice or embed."""

    __slots__ = ()


class Join(Node):
    """Arrays side by side."""

    __slots__ = ()


class Gather(Node):
    """Elements at positions that integer arrays say."""

    __slots__ = ()


class Call(Node):
    """One result of a routine on whole arrays."""

    __slots__ = ()


class Mark(Node):
    """An identity with a meaning for derivatives or observers."""

    __slots__ = ()


class Derivative(Node):
    """A derivative that is not expanded yet."""

    __slots__ = ()


class Gradient(Derivative):
    """A derivative by a variable."""

    __slots__ = ()


class Tangent(Derivative):
    """A derivative along tangents."""

    __slots__ = ()


REDUCTIONS = ("max", "min", "argmax", "argmin", "logsumexp", "prod", "any", "all", "norm")


def fresh_uid() -> int:
    """A number that no other leaf of this process has."""
    return next(_uids)


class Word(NamedTuple):
    """A user's word: a text with {0}, {1}... for the nodes that stand in it."""

    text: str
    sources: tuple[Node, ...]


FLOAT64, INT64, BOOL = np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.bool_)


def input_leaf(
    dims: tuple[Extent, ...], dtype: np.dtype, label: str | None = None, facts=frozenset()
) -> Leaf:
    """A new input."""
    leaf = Leaf(LeafSpec("input", fresh_uid(), dims, dtype, False, None, frozenset(facts)))
    leaf.label = label
    return leaf


def parameter_leaf(value: Fraction) -> Leaf:
    """A new numbered parameter: one occurrence of a float literal with its exact decimal value."""
    facts = frozenset(["positive"]) if value > 0 else frozenset(["negative"])
    return Leaf(LeafSpec("parameter", fresh_uid(), (), FLOAT64, True, value, facts))


def dim_leaf(dim: Extent) -> Leaf:
    """An extent as a weak integer."""
    return Leaf(LeafSpec("dim", 0, (), INT64, True, dim, frozenset(["positive"])))


def iota_leaf(dim: Extent) -> Leaf:
    """0, 1, ... dim - 1."""
    return Leaf(LeafSpec("iota", 0, (dim,), INT64, False, dim, frozenset(["nonnegative"])))


def delta_leaf(dim: Extent, dtype: np.dtype) -> Leaf:
    """The identity matrix of this extent."""
    return Leaf(LeafSpec("delta", 0, (dim, dim), dtype, False, dim, frozenset(["nonnegative"])))


SIGNS = frozenset(["positive", "nonnegative", "negative"])


def cut_leaf(x: Node) -> Leaf:
    """An opaque stand-in for a node: of what is promised, it knows the sign alone."""
    facts = x.spec.facts & SIGNS if isinstance(x, Leaf) else frozenset()
    return Leaf(LeafSpec("cut", fresh_uid(), x.dims, x.dtype, x.weak, None, facts))


def map_node(body, indices, dims, dtype, *operands, weak: bool = False, compute=None) -> Map:
    """An interned Map; compute defaults to dtype."""
    return Map(MapSpec(body, indices, dims, dtype, weak, compute or dtype), *operands)


def contract_node(indices, out, sizes, dtype, *operands, weak: bool = False) -> Contract:
    """An interned Contract."""
    return Contract(ContractSpec(indices, out, sizes, dtype, weak), *operands)


def number_node(value, dims=(), dtype: np.dtype = FLOAT64, weak: bool = False) -> Map:
    """A number, repeated over dims: a Map without operands."""
    return map_node(sympy.Rational(value), (), dims, dtype, weak=weak)


def sign(node: Node) -> str:
    """What is proven about the sign of every element: "positive", "nonnegative" or "real"."""
    memo: dict = {}
    stack: list[Node] = [node]
    while stack:
        x = stack[-1]
        todo = (
            [a for a in x.operands if a not in memo] if not isinstance(x, Leaf | Derivative) else []
        )
        if todo and len(memo) < 200:  # bounded: the signs of far operands rarely matter
            stack.extend(todo)
            continue
        stack.pop()
        memo[x] = _sign(x, memo)
    return memo[node]


def _sign(x: Node, memo: dict) -> str:
    if isinstance(x, Leaf):
        facts = x.spec.facts
        return (
            "positive"
            if "positive" in facts
            else "nonnegative"
            if "nonnegative" in facts
            else "real"
        )
    if x.dtype.kind in "iu" and not x.weak:  # may wrap, or be rounded to 0
        return "nonnegative" if x.dtype.kind == "u" else "real"
    signs = [memo.get(a, "real") for a in x.operands]
    if isinstance(x, Map):
        slots = {k: scalar.Slot(k, s) for k, s in enumerate(signs)}
        return scalar.sign(scalar.substitute(x.spec.body, slots))
    if isinstance(x, Contract) and signs and "real" not in signs:
        return "nonnegative" if "nonnegative" in signs else "positive"
    return sign_from(x, signs)


def sign_from(x: Node, signs: Sequence[str]) -> str:
    """The sign of a node that computes nothing elementwise, given those of its operands."""
    if isinstance(x, Reduce):
        if x.spec.op in ("max", "min", "prod"):
            return signs[0]
        return "nonnegative" if x.spec.op in ("argmax", "argmin", "norm") else "real"
    if isinstance(x, Layout):
        return "nonnegative" if x.spec.op == "embed" and signs[0] == "positive" else signs[0]
    if isinstance(x, Join):
        return max(signs, key=("positive", "nonnegative", "real").index)
    return signs[0] if isinstance(x, Gather | Mark) else "real"
