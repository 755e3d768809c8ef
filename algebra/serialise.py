"""Graphs as JSON: a flat list of nodes, operands first, with a version of its own (semantics 6.3).

The text holds tables of extents, bodies and specs, then nodes that refer to them by number; nothing
is nested in the depth of the graph. It is the same for the same graph in every process. Reading is
in `deserialise`; it validates and evaluates nothing.

Identity. Inputs, shared variables, constants and unknown extents are distinct within one text and
new after every `load`. Tensors of one pickle are dumped one by one, yet must agree on what they
share. So each takes along the serial numbers of its nodes in this process and one `Session`, the
same object for all; pickle restores that object once per pickle, and what was read before with the
same serial number is found in it. Two loads of a pickle have two sessions, and give different
inputs.
"""

from __future__ import annotations

import base64
import itertools
import json
import weakref
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from . import late, scalar
from . import node as nodes
from .deserialise import FORMAT, Session, load
from .dims import Dim, Extent, FreshDim
from .graph import topological
from .node import Leaf, Node, Spec
from .scalar import Slot, op

__all__ = ["Session", "dump", "load", "reduced"]

_serials: weakref.WeakKeyDictionary[Node, int] = weakref.WeakKeyDictionary()
_next = itertools.count()
_SESSION = (
    Session()
)  # pickled by reference to one object, so that all tensors of a pickle share its restored twin


def dump(roots: Sequence[Node]) -> str:
    """The nodes and all they need, as text.

    Values of constants and shared variables are included.
    """
    return _Dumper(_order(roots), values=True).text(roots)


def reduced(node: Node) -> tuple[Any, ...]:
    """The arguments of `deserialise.restore` for one tensor of a pickle."""
    order = _order([node])
    dumper = _Dumper(order, values=False)
    text = dumper.text([node])
    numbers = [_serials.setdefault(x, next(_next)) for x in order]
    extents = [d.dummy_index if isinstance(d, FreshDim) else -1 for d in dumper.dims]
    state = tuple(x.payload for x in order if _is_shared(x))
    return text, numbers, extents, state, _SESSION


def _order(roots: Sequence[Node]) -> list[Node]:
    """Everything that the roots need, operands first, and what stands in their words."""
    found: dict[Node, None] = {}
    while True:
        order = topological([*found, *roots])
        more = dict.fromkeys(a for x in order if x.word is not None for a in x.word.sources)
        if more.keys() <= set(order):
            return order
        found = {**more, **found}


def _is_shared(x: Node) -> bool:
    return isinstance(x, Leaf) and x.spec.kind == "shared"


class _Dumper:
    def __init__(self, order: list[Node], values: bool) -> None:
        self.order, self.values = order, values
        self.dims: dict[Extent, int] = {}
        self.bodies: dict[Any, int] = {}
        self.specs: dict[Spec, int] = {}
        self.kinds: dict[Spec, str] = {}
        self.files: dict[str, int] = {}
        self.uids: dict[int, int] = {0: 0}

    def text(self, roots: Sequence[Node]) -> str:
        number = {x: k for k, x in enumerate(self.order)}
        records = [self._record(x, number) for x in self.order]
        content = {
            **FORMAT, "nodes": records, "roots": [number[r] for r in roots],
            "specs": [self._spec(s, self.kinds[s]) for s in self.specs], "files": list(self.files),
            "bodies": [prefix(b) for b in self.bodies], "dims": [self._dim(d) for d in self.dims],
        }  # fmt: skip
        return json.dumps(content, separators=(",", ":"), sort_keys=True, ensure_ascii=True)

    def _record(self, x: Node, number: dict[Node, int]) -> list:
        operands = [number[a] for a in x.operands]
        self.kinds[x.spec] = type(x).__name__
        self._claim(x.spec)
        for pair in x.equalities:
            for d in pair:
                self._extent(d)
        extra = self._extra(x, number)
        return [self.specs[x.spec], operands, extra] if extra else [self.specs[x.spec], operands]

    def _extra(self, x: Node, number: dict[Node, int]) -> dict:
        """What a node has besides spec and operands, without defaults."""
        found: dict[str, Any] = {}
        if nodes._nodes.get((type(x), x.spec, tuple(map(id, x.operands)))) is x:
            found["interned"] = True
        if x.label is not None:
            found["label"] = x.label
        if x.word is not None:
            found["word"] = [x.word.text, [number[a] for a in x.word.sources]]
        if x.origin is not None:
            found["origin"] = [self.files.setdefault(x.origin[0], len(self.files)), x.origin[1]]
        if x.equalities:
            found["equal"] = [[self._extent(a), self._extent(b)] for a, b in x.equalities]
        if isinstance(x, Leaf) and x.spec.kind == "constant":
            found["data"] = encode_array(x.payload)
        elif _is_shared(x) and self.values:
            array, _ = late.call("shared_state", x)
            found["data"] = encode_array(np.asarray(array))
        return found

    # ------------------------------------------------------------ tables
    def _claim(self, spec: Spec) -> None:
        """Number a spec and the extents and bodies in it."""
        if spec in self.specs:
            return
        self.specs[spec] = len(self.specs)
        for name, value in zip(spec.fields, spec.content, strict=True):
            if name == "body":
                self.bodies.setdefault(value, len(self.bodies))
            elif name == "uid":
                self.uids.setdefault(value, len(self.uids))
            elif isinstance(value, tuple | Dim | FreshDim):
                self._plain(value)

    def _spec(self, spec: Spec, kind: str) -> list:
        return [kind, *(self._field(n, v) for n, v in zip(spec.fields, spec.content, strict=True))]

    def _field(self, name: str, value: Any) -> Any:
        if name == "body":
            return self.bodies[value]
        if name == "uid":
            return self.uids[value]
        if name in ("dtype", "compute"):
            return value.name
        if name == "facts":
            return sorted(value)
        if isinstance(value, Fraction):
            return f"{value.numerator}/{value.denominator}"
        return self._plain(value)

    def _plain(self, value: Any) -> Any:
        """Tuples as lists, extents by number; the nesting is that of a spec, at most three deep."""
        if isinstance(value, tuple):
            return [self._plain(v) for v in value]
        return self._extent(value) if isinstance(value, Dim | FreshDim) else value

    def _extent(self, dim: Extent) -> int | str:
        """An int, or "d" and the number in the table, where what a definition needs stands before
        it.
        """
        if isinstance(dim, int):
            return dim
        stack = [dim]
        while stack:
            d = stack[-1]
            todo = [a for a in _defining(d) if a not in self.dims]
            if todo:
                stack.extend(todo)
            else:
                self.dims.setdefault(stack.pop(), len(self.dims))
        return f"d{self.dims[dim]}"

    def _dim(self, dim: Extent) -> list:
        if isinstance(dim, Dim):
            return ["name", dim.name]
        definition = dim.definition  # type: ignore[union-attr]
        return (
            ["fresh"]
            if definition is None
            else ["fresh", definition[0], *map(self._plain, definition[1:])]
        )


def _defining(dim: Extent) -> list[Dim | FreshDim]:
    """The extents that the definition of an extent names."""
    definition = getattr(dim, "definition", None) or ()
    flat = [b for a in definition for b in (a if isinstance(a, tuple) else (a,))]
    return [a for a in flat if isinstance(a, Dim | FreshDim)]


def encode_array(array: np.ndarray) -> list:
    """[dtype, shape, base64 of the elements in C order, little-endian]."""
    raw = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return [array.dtype.name, list(array.shape), base64.b64encode(raw).decode("ascii")]


def prefix(body: Any) -> list[str]:
    """A body as a flat list: "Add:2" before its two arguments, "s0" or "s0:positive", "1/2"."""
    tokens, stack = [], [body]
    while stack:
        e = stack.pop()
        if isinstance(e, Slot):
            tokens.append(scalar.show(e))
        elif isinstance(e, scalar.Scalar):
            tokens.append(f"{op(e)}:{len(e.args)}")
            stack.extend(reversed(e.args))
        else:
            tokens.append(str(e))
    return tokens
