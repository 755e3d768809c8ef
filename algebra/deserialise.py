"""Reading what `serialise` wrote. The text may come from anywhere: everything is checked, nothing
is evaluated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from . import late
from . import node as nodes
from .decoding import (
    decode_array,
    decode_constant,
    dtype_named,
    fraction,
    is_int,
    natural,
    parse_body,
    text_or_none,
    truth,
    whole,
)
from .dims import SEVERAL, Extent, FreshDim, extent
from .errors import ClosedformError, ExpressionError
from .graph_check import check_node
from .node import Leaf, Node, Word
from .tensor import Tensor, check_name
from .words import places

FORMAT = {"format": "closedform graph", "version": 1}
KINDS = {
    k: (getattr(nodes, k), getattr(nodes, k + "Spec"))
    for k in (
        "Leaf", "Map", "Contract", "Reduce", "Layout", "Join", "Gather", "Call", "Mark", "Gradient",
        "Tangent",
    )
}  # fmt: skip


class Session:
    """What one pickle has restored so far: serial number -> node, and number of an unknown extent
    -> extent.
    """

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


def restore(
    text: str, numbers: Sequence[int], extents: Sequence[int], state: tuple, session: Session
) -> Tensor:
    """One tensor of a pickle; what the session has already is used again."""
    return _checked(
        text, lambda content: Tensor(_Loader(content, numbers, extents, state, session).roots()[0])
    )


def _checked(text: str, read: Callable) -> Any:
    try:
        content = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise _damaged(f"it is not JSON ({error})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT["format"]:
        raise _damaged("it does not say that it is one")
    if content.get("version") != FORMAT["version"]:
        found = content.get("version")
        raise ExpressionError(
            f"a saved graph of version {found!r}",
            fix=f"this release reads version {FORMAT['version']}",
        )
    try:
        return read(content)
    except ClosedformError as error:
        raise _damaged(error.found) from None
    except (
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        AssertionError,
        RecursionError,
    ) as error:
        raise _damaged(f"{type(error).__name__}: {error}") from None


def _damaged(reason: str) -> ExpressionError:
    return ExpressionError(
        f"the text is not a saved graph, or it is damaged: {reason}", fix="save the graph again"
    )


class _Loader:
    def __init__(
        self,
        content: dict,
        numbers=None,
        extents=None,
        state: tuple = (),
        session: Session | None = None,
    ) -> None:
        self.content, self.session = content, session or Session()
        self.numbers = list(numbers) if numbers is not None else list(range(len(content["nodes"])))
        self.extent_numbers = (
            list(extents) if extents is not None else list(range(len(content["dims"])))
        )
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
        return [self.nodes[natural(r)] for r in self.content["roots"]]

    # ------------------------------------------------------------ nodes
    def _node(self, spec_number: int, operands: list[int], extra: dict | None = None) -> Node:
        extra = extra or {}
        kind, spec = self._spec(natural(spec_number))
        parts = [self.nodes[natural(k)] for k in operands]
        check_node(kind, spec, parts)
        if kind is Leaf or extra.get("interned"):
            node = kind(spec, *parts)
        else:
            node = kind.occur(
                spec, *parts, origin=self._origin(extra), equalities=self._equalities(extra)
            )
        if kind is not Leaf and extra.get("interned"):
            return node
        if kind is not Leaf or spec.uid:
            node.label, node.word = check_name(extra.get("label")), self._word(extra)
        if kind is Leaf and spec.kind == "constant":
            node.payload = decode_constant(extra["data"], spec)
        return node

    def _word(self, extra: dict) -> Word | None:
        if "word" not in extra:
            return None
        text, sources = extra["word"]
        found = tuple(self.nodes[natural(k)] for k in sources)
        if not isinstance(text, str) or not places(text) <= set(range(len(found))):
            raise ValueError("a word with places that nothing fills")
        return Word(text, found)

    def _origin(self, extra: dict) -> tuple[str, int] | None:
        if "origin" not in extra:
            return None
        file, line = extra["origin"]
        return str(self.content["files"][natural(file)]), natural(line)

    def _equalities(self, extra: dict) -> tuple:
        return tuple((self._extent(a), self._extent(b)) for a, b in extra.get("equal", ()))

    # ------------------------------------------------------------ shared variables
    def _shared_first(self) -> None:
        """New state for shared variables; the old ones' extents become the new ones'."""
        for k, (spec_number, _, *rest) in enumerate(self.content["nodes"]):
            row = self.content["specs"][natural(spec_number)]
            if row[0] != "Leaf" or row[1] != "shared":
                continue
            extra = rest[0] if rest else {}
            leaf = self._shared(row, extra) if self.with_values else next(self.state).leaf
            for old, new in zip(row[3], leaf.dims, strict=True):
                if isinstance(old, str):
                    number = natural(int(old[1:]))
                    self.dims[number] = self.session.extents[self.extent_numbers[number]] = new
            self.session.nodes[self.numbers[k]] = leaf

    def _shared(self, row: list, extra: dict) -> Node:
        ones = tuple(d == 1 for d in row[3])
        options = {"broadcastable": ones} if any(ones) else {}
        made = late.call(
            "make_shared", decode_array(extra["data"]), check_name(extra.get("label")), **options
        )
        leaf = getattr(made, "node", made)
        if not isinstance(leaf, Leaf) or leaf.ndim != len(row[3]):
            raise ValueError("a shared variable of another rank")
        return leaf

    # ------------------------------------------------------------ tables
    def _dim(self, serial: int, row: list) -> Extent:
        kind, *definition = row
        if kind == "name":
            return extent(text_or_none(definition[0]) or "")
        if kind != "fresh":
            raise ValueError(f"an extent of kind {kind!r}")
        if serial not in self.session.extents:
            self.session.extents[serial] = FreshDim(self._definition(definition))
        return self.session.extents[serial]

    def _definition(self, row: list) -> tuple | None:
        if not row:
            return None
        kind, first, *rest = row
        lengths = {"length": 3, "start": 3} | dict.fromkeys(SEVERAL, 1)
        if (
            kind not in lengths
            or len(rest) != lengths[kind]
            or not all(v is None or is_int(v) for v in rest)
        ):
            raise ValueError(f"a definition {row!r} of an extent")
        return (
            kind,
            tuple(map(self._extent, first)) if kind in SEVERAL else self._extent(first),
            *rest,
        )

    def _extent(self, value: Any) -> Extent:
        if isinstance(value, str) and re.fullmatch(r"d\d{1,9}", value):
            return self.dims[int(value[1:])]
        return natural(value)

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
            return fraction(value)
        return self._extent(value) if kind in ("dim", "iota", "delta") else None

    def _uid(self, value: int) -> int:
        return self.uids.setdefault(natural(value), nodes.fresh_uid()) if value else 0

    def _params(self, value: list) -> tuple:
        signed = lambda v: v if v is None or is_int(v) else self._extent(v)  # noqa: E731
        return tuple(
            (signed(v[0]), signed(v[1])) if isinstance(v, list) else whole(v) for v in value
        )


FIELDS: dict[str, Callable] = {
    "kind": lambda s, v: text_or_none(v), "op": lambda s, v: text_or_none(v), "uid": _Loader._uid,
    "weak": lambda s, v: truth(v),
    "dims": lambda s, v: tuple(map(s._extent, v)), "sizes": lambda s, v: tuple(map(s._extent, v)),
    "dtype": lambda s, v: dtype_named(v), "compute": lambda s, v: dtype_named(v), "facts": lambda s,
    v: frozenset(map(text_or_none, v)),
    "body": lambda s, v: s.bodies[natural(v)], "params": _Loader._params, "out": lambda s,
    v: tuple(map(natural, v)),
    "indices": lambda s,
    v: tuple(tuple(None if t is None else natural(t) for t in index) for index in v),
    "along": lambda s, v: tuple(None if t is None else natural(t) for t in v),
    "axis": lambda s, v: natural(v), "routine": lambda s, v: text_or_none(v),
    "output": lambda s, v: natural(v), "message": lambda s, v: text_or_none(v),
    "axes": lambda s, v: tuple(map(natural, v)), "number": lambda s, v: natural(v),
    "count": lambda s, v: natural(v),
}  # fmt: skip
