"""Reading what `serialise` wrote. The text may come from anywhere: everything is checked, nothing is evaluated."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from . import late, scalar
from . import node as nodes
from .dims import Dim, Extent, FreshDim, extent
from .dtypes import SUPPORTED
from .errors import ClosedformError, ExpressionError
from .graph_check import check_node
from .node import Leaf, Node
from .scalar import CLASSES, PRIMITIVES, Slot
from .tensor import Tensor, check_name

FORMAT = {"format": "closedform graph", "version": 1}
KINDS = {k: (getattr(nodes, k), getattr(nodes, k + "Spec")) for k in ("Leaf", "Map", "Contract", "Reduce", "Layout", "Gradient")}
DIGITS = 2000  # a longer number is refused


class Session:
    """What one pickle has restored so far: serial number -> node, and number of an unknown extent -> extent."""

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.extents: dict[int, Extent] = {}

    def __reduce__(self) -> Any:
        return Session, ()


def load(text: str) -> list[Node]:
    """The nodes of a text of `dump`; inputs, shared variables and constants are new.

    Raises
    ------
    ExpressionError for a text that is damaged or of another version.
    """
    return _checked(text, lambda content: _Loader(content).roots())


def restore(text: str, numbers: Sequence[int], extents: Sequence[int], state: tuple, session: Session) -> Tensor:
    """One tensor of a pickle; what the session has already is used again."""
    return _checked(text, lambda content: Tensor(_Loader(content, numbers, extents, state, session).roots()[0]))


def _checked(text: str, read: Callable) -> Any:
    try:
        content = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise _damaged(f"it is not JSON ({error})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT["format"]:
        raise _damaged("it does not say that it is one")
    if content.get("version") != FORMAT["version"]:
        found = content.get("version")
        raise ExpressionError(f"a saved graph of version {found!r}", fix=f"this release reads version {FORMAT['version']}")
    try:
        return read(content)
    except ClosedformError as error:
        raise _damaged(error.found) from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, RecursionError) as error:
        raise _damaged(f"{type(error).__name__}: {error}") from None


def _damaged(reason: str) -> ExpressionError:
    return ExpressionError(f"the text is not a saved graph, or it is damaged: {reason}", fix="save the graph again")


class _Loader:
    def __init__(self, content: dict, numbers=None, extents=None, state: tuple = (), session: Session | None = None) -> None:
        self.content, self.session = content, session or Session()
        self.numbers = list(numbers) if numbers is not None else list(range(len(content["nodes"])))
        self.extent_numbers = list(extents) if extents is not None else list(range(len(content["dims"])))
        self.state = iter(state)
        self.with_values = not state
        self.uids: dict[int, int] = {0: 0}
        self.dims: list[Extent] = []
        for k, row in enumerate(content["dims"]):
            self.dims.append(self._dim(self.extent_numbers[k], row))
        self.bodies = [parse_body(tokens) for tokens in content["bodies"]]
        self.specs: dict[int, tuple] = {}
        self.nodes: list[Node] = []

    def roots(self) -> list[Node]:
        self._shared_first()
        for k, record in enumerate(self.content["nodes"]):
            serial = self.numbers[k]
            if serial not in self.session.nodes:
                self.session.nodes[serial] = self._node(*record)
            self.nodes.append(self.session.nodes[serial])
        return [self.nodes[_natural(r)] for r in self.content["roots"]]

    # ------------------------------------------------------------ nodes
    def _node(self, spec_number: int, operands: list[int], extra: dict | None = None) -> Node:
        extra = extra or {}
        kind, spec = self._spec(_natural(spec_number))
        parts = [self.nodes[_natural(k)] for k in operands]
        check_node(kind, spec, parts)
        if kind is Leaf or extra.get("interned"):
            node = kind(spec, *parts)
        else:
            node = kind.occur(spec, *parts, origin=self._origin(extra), equalities=self._equalities(extra))
        if kind is not Leaf and extra.get("interned"):
            return node
        if kind is not Leaf or spec.uid:
            node.label, node.word = check_name(extra.get("label")), _text(extra.get("word"))
        if kind is Leaf and spec.kind == "constant":
            node.payload = _constant(extra["data"], spec)
        return node

    def _origin(self, extra: dict) -> tuple[str, int] | None:
        if "origin" not in extra:
            return None
        file, line = extra["origin"]
        return str(self.content["files"][_natural(file)]), _natural(line)

    def _equalities(self, extra: dict) -> tuple:
        return tuple((self._extent(a), self._extent(b)) for a, b in extra.get("equal", ()))

    # ------------------------------------------------------------ shared variables
    def _shared_first(self) -> None:
        """New state for shared variables; the extents of the old ones become those of the new ones."""
        for k, (spec_number, operands, *rest) in enumerate(self.content["nodes"]):
            row = self.content["specs"][_natural(spec_number)]
            if row[0] != "Leaf" or row[1] != "shared":
                continue
            extra = rest[0] if rest else {}
            leaf = self._shared(row, extra) if self.with_values else next(self.state).leaf
            for old, new in zip(row[3], leaf.dims, strict=True):
                if isinstance(old, str):
                    number = _natural(int(old[1:]))
                    self.dims[number] = self.session.extents[self.extent_numbers[number]] = new
            self.session.nodes[self.numbers[k]] = leaf

    def _shared(self, row: list, extra: dict) -> Node:
        ones = tuple(d == 1 for d in row[3])
        options = {"broadcastable": ones} if any(ones) else {}
        made = late.call("make_shared", decode_array(extra["data"]), check_name(extra.get("label")), **options)
        leaf = getattr(made, "node", made)
        if not isinstance(leaf, Leaf) or leaf.ndim != len(row[3]):
            raise ValueError("a shared variable of another rank")
        return leaf

    # ------------------------------------------------------------ tables
    def _dim(self, serial: int, row: list) -> Extent:
        kind, *definition = row
        if kind == "name":
            return extent(_text(definition[0]) or "")
        if kind != "fresh":
            raise ValueError(f"an extent of kind {kind!r}")
        if serial not in self.session.extents:
            self.session.extents[serial] = FreshDim(self._definition(definition))
        return self.session.extents[serial]

    def _definition(self, row: list) -> tuple | None:
        if not row:
            return None
        kind, first, *rest = row
        lengths = {"length": 3, "start": 3, "quotient": 1}
        if kind not in lengths or len(rest) != lengths[kind] or not all(v is None or _is_int(v) for v in rest):
            raise ValueError(f"a definition {row!r} of an extent")
        return (kind, tuple(map(self._extent, first)) if kind == "quotient" else self._extent(first), *rest)

    def _extent(self, value: Any) -> Extent:
        if isinstance(value, str) and re.fullmatch(r"d\d{1,9}", value):
            return self.dims[int(value[1:])]
        return _natural(value)

    def _spec(self, number: int) -> tuple:
        if number not in self.specs:
            kind, *content = self.content["specs"][number]
            node_class, spec_class = KINDS[kind]
            fields = dict(zip(spec_class.fields, content, strict=True))
            values = [self._field(name, value, fields) for name, value in fields.items()]
            self.specs[number] = node_class, spec_class(*values)
        return self.specs[number]

    def _field(self, name: str, value: Any, fields: dict) -> Any:
        return FIELDS[name](self, value) if name != "value" else self._value(value, fields["kind"])

    def _value(self, value: Any, kind: str) -> Any:
        if kind == "parameter":
            return _fraction(value)
        return self._extent(value) if kind in ("dim", "iota", "delta") else None

    def _uid(self, value: int) -> int:
        return self.uids.setdefault(_natural(value), nodes.fresh_uid()) if value else 0

    def _params(self, value: list) -> tuple:
        signed = lambda v: v if v is None or _is_int(v) else self._extent(v)  # noqa: E731
        return tuple((signed(a), signed(b)) for a, b in value)


FIELDS: dict[str, Callable] = {
    "kind": lambda s, v: _text(v), "op": lambda s, v: _text(v), "uid": _Loader._uid, "weak": lambda s, v: _truth(v),
    "dims": lambda s, v: tuple(map(s._extent, v)), "sizes": lambda s, v: tuple(map(s._extent, v)),
    "dtype": lambda s, v: _dtype(v), "compute": lambda s, v: _dtype(v), "facts": lambda s, v: frozenset(map(_text, v)),
    "body": lambda s, v: s.bodies[_natural(v)], "params": _Loader._params, "out": lambda s, v: tuple(map(_natural, v)),
    "indices": lambda s, v: tuple(tuple(None if t is None else _natural(t) for t in index) for index in v),
    "axes": lambda s, v: tuple(map(_natural, v)), "number": lambda s, v: _natural(v), "count": lambda s, v: _natural(v),
}  # fmt: skip


# ---------------------------------------------------------------- atoms


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _natural(value: Any) -> int:
    if not _is_int(value) or value < 0:
        raise ValueError(f"{value!r} where a number >= 0 belongs")
    return value


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{value!r} where a text belongs")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} where true or false belongs")
    return value


def _dtype(name: Any) -> np.dtype:
    if name not in SUPPORTED:
        raise ValueError(f"dtype {name!r}")
    return np.dtype(name)


def _fraction(value: Any) -> Fraction:
    if not isinstance(value, str) or len(value) > DIGITS or not re.fullmatch(r"-?\d+(/\d+)?", value):
        raise ValueError("a number that is not a fraction")
    return Fraction(value)


def decode_array(row: list) -> np.ndarray:
    """What `serialise.encode_array` wrote."""
    name, shape, text = row
    raw = base64.b64decode(text, validate=True)
    dtype = _dtype(name)
    array = np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape([_natural(s) for s in shape])
    if dtype == np.bool_ and any(b > 1 for b in raw):
        raise ValueError("truth values other than 0 and 1")
    return array


def _constant(row: list, spec: Any) -> np.ndarray:
    array = decode_array(row)
    if array.shape != spec.dims or array.dtype != spec.dtype:
        raise ValueError("a constant whose data has another shape or dtype")
    array.flags.writeable = False
    return array


def parse_body(tokens: list) -> Any:
    """A body from its prefix list, read from the end."""
    stack: list = []
    for token in reversed(tokens):
        stack.append(_atom(token) if ":" not in token or token[0] == "s" and token[1].isdigit() else _apply(token, stack))
    if len(stack) != 1:
        raise ValueError("a body with missing or spare arguments")
    return stack[0]


def _atom(token: str) -> Any:
    match = re.fullmatch(r"s(\d{1,6})(?::(positive|nonnegative))?", token)
    if match:
        return Slot(int(match[1]), match[2] or scalar.REAL)
    if token in ("True", "False"):
        return sympy.S(token == "True")
    value = _fraction(token)
    return sympy.Rational(value.numerator, value.denominator)


def _apply(token: str, stack: list) -> Any:
    name, _, count = token.partition(":")
    arity = PRIMITIVES[name].arity
    number = _natural(int(count))
    if number != (number if arity is None else arity) or not 0 < number <= len(stack):
        raise ValueError(f"{name} of {number} arguments")
    args = [stack.pop() for _ in range(number)]
    return CLASSES[name](*args)
