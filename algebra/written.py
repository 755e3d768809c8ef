"""Graphs as written, in Theano's style: every operation in parentheses, nothing evaluated.

Composites show the user's word. A long expression, or one that is long and used twice, becomes `t_0
= ...` under "where", so that the text is linear in the graph; beyond `MAX_DEFINITIONS` such lines
are counted, not shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from . import scalar
from .dims import Extent
from .names import Names, is_variable
from .node import (
    Call,
    Contract,
    Gather,
    Gradient,
    Join,
    Layout,
    Leaf,
    Map,
    Mark,
    Node,
    Reduce,
    Tangent,
)
from .notation import Formula, Number, Symbol, Temporary
from .primitives import PRIMITIVES
from .routines import ROUTINES
from .scalar import HALF, MINUS_ONE, Mul, Pow, Slot, op
from .spelling import large, plain_name, shown
from .subscripts import slice_items
from .words import along, filled

SHARED_LENGTH = 60  # a text of this length that is used twice is named
LONG_LENGTH = 400  # a text of this length is named


def written(node: Node) -> str:
    """The graph of a node as text."""
    return _Writer(node).text()


class _Writer:
    def __init__(self, node: Node) -> None:
        self.node = node
        self.order, self.uses = _shown([node])
        self.names = Names(lambda s: plain_name(s.name, s.primes))
        self.names.claim(x for x in self.order if is_variable(x))
        self.texts: dict[Node, str] = {}
        self.lines: list[str] = []

    def text(self) -> str:
        for x in self.order:
            text = self._composite(x) or ROWS[type(x)](self, x)
            self.texts[x] = text if x is self.node or isinstance(x, Leaf) else self._cut(x, text)
        return "\n".join([self.texts[self.node], *self._where()])

    def _cut(self, x: Node, text: str) -> str:
        if len(text) < (SHARED_LENGTH if self.uses[x] > 1 else LONG_LENGTH):
            return text
        (symbol,) = self.names.temporaries([Temporary(0, x.ndim)]).values()
        self.lines.append(f"{symbol.name} = {text}")
        return symbol.name

    def _where(self) -> list[str]:
        lines, left_out = shown(self.lines)
        if left_out:
            lines.insert(len(lines) // 2, f"... ({left_out} more)")
        return [f"  {'where' if k == 0 else '     '} {line}" for k, line in enumerate(lines)]

    def _composite(self, x: Node) -> str | None:
        if x.word is None:
            return None
        return filled(x.word.text, [self.texts[a] for a in x.word.sources])

    def _along(self, word: str, a: Node, axes: Sequence[int]) -> str:
        return filled(along(word, a, axes), [self.texts[a]])

    # ------------------------------------------------------------ one row per kind
    def _leaf(self, x: Leaf) -> str:
        kind, value = x.spec.kind, x.spec.value
        if kind == "parameter":
            return _number(value)
        if kind in ("dim", "iota", "delta"):
            extent = self._show(self.names.extent(value))
            return extent if kind == "dim" else f"{'arange' if kind == 'iota' else 'eye'}({extent})"
        if kind == "constant" and not x.label and x.payload is not None and x.payload.size <= 4:
            return " ".join(np.array2string(x.payload, separator=", ").split())
        return self._show(self.names.variable(x))

    def _show(self, e: Formula) -> str:
        if isinstance(e, Number):
            return str(e.value)
        assert isinstance(e, Symbol)
        return plain_name(e.name, e.primes)

    def _map(self, x: Map) -> str:
        if isinstance(x.spec.body, Slot) and x.operands:
            return self._view(x)
        text = body_text(x.spec.body, [self.texts[a] for a in x.operands])
        return self._filled(text, x) if x.ndim and not x.operands else text

    def _filled(self, value: str, x: Map) -> str:
        """A number in every element."""
        shape = f"({self._extents(x.dims)}{',' if x.ndim == 1 else ''})"
        word = {"0": "zeros", "1": "ones"}.get(value)
        return f"{word}({shape})" if word else f"full({shape}, {value})"

    def _view(self, x: Map) -> str:
        (a,), (index,) = x.operands, x.spec.indices
        text = self.texts[a]
        if index == tuple(range(x.ndim)):
            return f"{text}.astype({x.dtype})" if x.dtype != a.dtype else text
        if x.ndim == a.ndim and index == tuple(reversed(range(x.ndim))):
            return f"{text}.T"
        pattern = [str(index.index(k)) if k in index else "'x'" for k in range(x.ndim)]
        return f"{text}.dimshuffle({', '.join(pattern)})"

    def _contract(self, x: Contract) -> str:
        spec, texts = x.spec, [self.texts[a] for a in x.operands]
        for row in CONTRACTIONS:
            found = row(self, x)
            if found:
                return found
        subscripts = f"{','.join(map(_labels, spec.indices))}->{_labels(spec.out)}"
        return f"einsum({', '.join([repr(subscripts), *texts])})"

    def _sum(self, x: Contract) -> str | None:
        if len(x.operands) != 1 or len(x.spec.sizes) != x.operands[0].ndim:
            return None
        (index,), out = x.spec.indices, x.spec.out
        if (
            len(set(index)) != len(index)
            or list(out) != [t for t in index if t in out]
            or len(out) == len(index)
        ):
            return None
        return self._along("sum", x.operands[0], [k for k, t in enumerate(index) if t not in out])

    def _matmul(self, x: Contract) -> str | None:
        if len(x.operands) != 2:
            return None
        (left, right), out = x.spec.indices, x.spec.out
        if not left or not right:
            return None
        inner = right[-2] if len(right) > 1 else right[-1]
        rest = tuple(t for t in right if t != inner)
        batch = left[:-2] if len(right) > 2 and left[:-2] == right[:-2] else ()
        wanted = (
            *batch,
            *(t for t in left[:-1] if t not in batch),
            *(t for t in rest if t not in batch),
        )
        if (
            left[-1] != inner
            or inner in out
            or out != wanted
            or set(left) & set(right) != {inner, *batch}
        ):
            return None
        return f"({self.texts[x.operands[0]]} @ {self.texts[x.operands[1]]})"

    def _special(self, x: Contract) -> str | None:
        texts = [self.texts[a] for a in x.operands]
        patterns = {
            (((0, 0),), ()): "trace",
            (((0, 0),), (0,)): "diag",
            (((0,), (1,)), (0, 1)): "outer",
        }
        word = patterns.get((x.spec.indices, x.spec.out))
        return f"{word}({', '.join(texts)})" if word else None

    def _reduce(self, x: Reduce) -> str:
        return self._along(x.spec.op, x.operands[0], x.spec.axes)

    def _layout(self, x: Layout) -> str:
        (a,), spec = x.operands, x.spec
        if spec.op == "reshape":
            return f"{self.texts[a]}.reshape({self._extents(x.dims)})"
        inner, outer = (a, x) if spec.op == "slice" else (x, a)
        items = ", ".join(slice_items(spec.params, inner.dims, outer.dims))
        return (
            f"{self.texts[a]}[{items}]"
            if spec.op == "slice"
            else f"pad({self.texts[a]}, [{items}])"
        )

    def _join(self, x: Join) -> str:
        parts = ", ".join(self.texts[a] for a in x.operands)
        return f"concatenate([{parts}], axis={x.spec.axis})"

    def _gather(self, x: Gather) -> str:
        array, *positions = (self.texts[a] for a in x.operands)
        rest = iter(positions)
        items = [next(rest) if k is None else ":" for k in x.spec.along]
        return f"{array}[{', '.join(items)}]"

    def _call(self, x: Call) -> str:
        parts = [self.texts[a] for a in x.operands] + [str(p) for p in x.spec.params]
        several = len(ROUTINES[x.spec.routine].results) > 1
        return f"{x.spec.routine}({', '.join(parts)})" + (f"[{x.spec.output}]" if several else "")

    def _mark(self, x: Mark) -> str:
        more = [repr(x.spec.message)] if x.spec.op == "print" else []
        return f"{MARKS[x.spec.op]}({', '.join([*(self.texts[a] for a in x.operands), *more])})"

    def _tangent(self, x: Tangent) -> str:
        count = x.spec.count
        value, *rest = (self.texts[a] for a in x.operands[: 1 + 2 * count])
        listed = rest if count == 1 else [f"[{', '.join(p)}]" for p in (rest[:count], rest[count:])]
        return f"jvp({', '.join([value, *listed])})"

    def _extents(self, dims: tuple[Extent, ...]) -> str:
        return ", ".join(self._show(self.names.extent(d)) for d in dims)

    def _gradient(self, x: Gradient) -> str:
        cost, target = x.operands[0], x.operands[1 + x.spec.number]
        return f"{'jacobian' if cost.ndim else 'grad'}({self.texts[cost]}, {self.texts[target]})"


ROWS: dict[type, Callable] = {
    Leaf: _Writer._leaf, Map: _Writer._map, Contract: _Writer._contract, Reduce: _Writer._reduce,
    Layout: _Writer._layout, Join: _Writer._join, Gather: _Writer._gather, Call: _Writer._call,
    Mark: _Writer._mark, Gradient: _Writer._gradient, Tangent: _Writer._tangent,
}  # fmt: skip
MARKS = {
    "stop": "disconnected_grad",
    "zero": "zero_grad",
    "clip": "grad_clip",
    "print": "print_value",
}
CONTRACTIONS = (_Writer._sum, _Writer._matmul, _Writer._special)


def _shown(roots: list[Node]) -> tuple[list[Node], Counter]:
    """Every node that is shown, operands first, and how often."""
    order: dict[Node, None] = {}
    uses: Counter = Counter()
    entered: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(r, False) for r in roots]
    while stack:
        x, done = stack.pop()
        if done:
            order[x] = None
        elif x not in entered:
            entered.add(x)
            operands = x.word.sources if x.word else x.operands
            uses.update(operands)
            stack.append((x, True))
            stack.extend((a, False) for a in reversed(operands))
    return list(order), uses


def _labels(index: Sequence[int]) -> str:
    """Labels as letters of einsum."""
    return "".join("ijklmnopqrstuvwxyzabcdefgh"[t] if t < 26 else f"<{t}>" for t in index)


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return large(value) or str(value)
    text = repr(float(value))
    return text if Fraction(text) == value else str(value)


def body_text(e, texts: Sequence[str]) -> str:
    """A body with texts in its slots; parentheses around every operation."""
    show = lambda t: body_text(t, texts)  # noqa: E731
    if isinstance(e, Slot):
        return texts[e.index]
    if not isinstance(e, scalar.Scalar):
        return _number(Fraction(int(e.p), int(e.q))) if scalar.is_number(e) else str(e)
    name, args = op(e), e.args
    if name == "Add":
        return f"({show(args[0])}{''.join(_term(a, show) for a in args[1:])})"
    if name == "Mul" and args[0] == MINUS_ONE and len(args) == 2:
        return f"(-{show(args[1])})"
    if name == "Mul":
        return f"({show(args[0])}{''.join(_factor(a, show) for a in args[1:])})"
    if name == "Pow":
        special = {HALF: f"sqrt({show(args[0])})", MINUS_ONE: f"(1 / {show(args[0])})"}
        return special.get(args[1]) or f"({show(args[0])} ** {show(args[1])})"
    infix = PRIMITIVES[name].infix
    if infix and len(args) == 2:
        return f"({show(args[0])} {infix[0]} {show(args[1])})"
    return f"({infix[0]}{show(args[0])})" if infix else f"{name}({', '.join(map(show, args))})"


def _term(e, show: Callable) -> str:
    if isinstance(e, Mul) and len(e.args) == 2 and e.args[0] == MINUS_ONE:
        return f" - {show(e.args[1])}"
    return f" + {show(e)}"


def _factor(e, show: Callable) -> str:
    if isinstance(e, Pow) and e.args[1] == MINUS_ONE:
        return f" / {show(e.args[0])}"
    return f" * {show(e)}"
