"""Plain ASCII text of tensors in NumPy's words, which NumPy evaluates and `cf.parse` reads back.

`X.T @ (sigmoid(X @ w) - y)/n + 0.02*w`: operators and functions mean what they mean in NumPy (and
scipy.special), with the names of this package. Lines before the last one define what is long or
used twice, operands first: `t_0 = ...` for scalars and vectors, `T_0 = ...` for more axes. An extent
is its name, or the shape of a variable that has it. Every node has a text; nothing is left out.
"""

from __future__ import annotations

import keyword
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from . import scalar
from .array_pieces import (
    ATOMIC,
    COMPARED,
    MULTIPLIED,
    NEGATED,
    RAISED,
    SUMMED,
    Contraction,
    Piece,
    call,
    indexed,
    permuted,
    placed,
    times,
)
from .dims import Dim, Extent
from .graph import topological
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
from .notation import Symbol, Temporary
from .primitives import PRIMITIVES
from .routines import ROUTINES
from .scalar import HALF, MINUS_ONE, Slot, op
from .spelling import decimal, large
from .subscripts import slice_items
from .symbols import GREEK
from .vocabulary import WORDS

SHARED_LENGTH = 24  # a text of this length that is used twice is named
LONG_LENGTH = 240  # a text of this length is named
INLINE = 16  # elements of an unnamed constant that is written out
Reads = tuple[tuple[Node, tuple], ...]


def array_text(node: Node) -> str:
    """The text of a node in display form; lines before the last one define temporaries."""
    return _Writer(node).text()


class _Writer:
    def __init__(self, node: Node) -> None:
        self.node = node
        self.order = topological([node])
        self.uses = Counter(a for x in self.order for a in set(x.operands))
        self.names = Names(spelled)
        self.names.used |= RESERVED
        self.names.claim(x for x in self.order if is_variable(x))
        self.pieces: dict[Node, Piece] = {}
        self.loose: set[Node] = set()  # what broadcasts to its shape, but does not have it
        self.meaning: dict[str, Piece] = {}  # of temporaries
        self.lines: list[str] = []

    def text(self) -> str:
        for x in self.order:
            piece = ROWS[type(x)](self, x)
            self.pieces[x] = piece if x is self.node or isinstance(x, Leaf) else self._cut(x, piece)
        return "\n".join([*self.lines, self.exact(self.node).text])

    def _cut(self, x: Node, piece: Piece) -> Piece:
        if len(piece.text) < (SHARED_LENGTH if self.uses[x] > 1 else LONG_LENGTH):
            return piece
        if piece.text in self.meaning:
            return piece
        (symbol,) = self.names.temporaries([Temporary(0, x.ndim)]).values()
        self.lines.append(f"{spelled(symbol)} = {piece.text}")
        self.meaning[spelled(symbol)] = piece
        return Piece(spelled(symbol))

    def exact(self, x: Node) -> Piece:
        """The piece of a node with all of its axes."""
        piece = self.pieces[x]
        if x not in self.loose:
            return piece
        shape = self.shape(x.dims)
        fixed = {"0": "zeros", "1": "ones"}
        if piece.text in fixed:
            return call(fixed[piece.text], shape)
        return call("broadcast_to", piece.text, shape)

    def shape(self, dims: Sequence[Extent]) -> str:
        return f"({', '.join(map(self.extent, dims))}{',' if len(dims) == 1 else ''})"

    def extent(self, dim: Extent) -> str:
        """A number, a name, arithmetic on others, or the shape of something that has it."""
        if isinstance(dim, int):
            return str(dim)
        if isinstance(dim, Dim):
            found = self.names.extent(dim)
            if isinstance(found, Symbol) and spelled(found) == dim.name:
                return dim.name
        for x in self.order:
            if x in self.pieces or is_variable(x):
                if dim in x.dims and x not in self.loose:
                    source = self.pieces.get(x) or Piece(spelled(self.names.variable(x)))
                    return f"{source.inside(ATOMIC)}.shape[{x.dims.index(dim)}]"
        kind, source, *rest = getattr(dim, "definition", None) or ("", ())
        parts = [self.extent(d) for d in source] if kind in ("sum", "quotient", "least") else []
        if kind == "sum":
            return f"({' + '.join([*parts, *([str(rest[0])] if rest[0] else [])])})"
        if kind == "quotient":
            return f"({'*'.join(parts)}{f'//{rest[0]}' if rest[0] != 1 else ''})"
        if kind == "least":
            return f"min({', '.join([*parts, *([str(rest[0])] if rest[0] >= 0 else [])])})"
        return spelled(self.names.extent(dim))  # type: ignore[arg-type]

    # ------------------------------------------------------------ leaves
    def _leaf(self, x: Leaf) -> Piece:
        kind, value = x.spec.kind, x.spec.value
        if kind == "parameter":
            return number(value)
        if kind in ("dim", "iota", "delta"):
            extent = self.extent(value)
            return Piece(extent) if kind == "dim" else call(
                "arange" if kind == "iota" else "eye", extent
            )  # fmt: skip
        payload = x.payload if kind == "constant" and not x.label else None
        if payload is not None and payload.size <= INLINE and np.isfinite(payload).all():
            if payload.ndim:
                return call("array", np.array2string(payload, separator=", ", threshold=INLINE,
                            floatmode="unique", max_line_width=10**6).replace("\n", ""))  # fmt: skip
            value = payload.item()
            return number(Fraction(repr(value))) if value is not True and value is not False else (
                Piece(str(value))
            )
        if payload is not None and payload.ndim == 0:
            value = float(payload)
            return Piece("nan") if value != value else Piece("inf") if value > 0 else (
                Piece("-inf", NEGATED)
            )  # fmt: skip
        return Piece(spelled(self.names.variable(x)))

    # ------------------------------------------------------------ maps
    def _map(self, x: Map) -> Piece:
        reads = tuple(zip(x.operands, x.spec.indices, strict=True))
        body = x.spec.body
        frame = tuple(range(x.ndim))
        if isinstance(body, Slot):
            return self._view(x, reads[0], frame)
        piece = self._body(body, reads, frame)
        covered = {
            t
            for a, index in reads
            if a not in self.loose
            for k, t in enumerate(index)
            if t is not None and a.dims[k] == x.dims[t]
        }
        return self._covering(x, piece, covered, reads)

    def _view(self, x: Map, read: tuple, frame: tuple[int, ...]) -> Piece:
        a, index = read
        piece = self._read(a, index, frame)
        if x.dtype != a.dtype and not (a.weak and x.dtype.kind == a.dtype.kind):
            piece = Piece(f"{piece.inside(ATOMIC)}.astype('{x.dtype}')")
        covered = {t for t in index if t is not None} if a not in self.loose else set()
        return self._covering(x, piece, covered, (read,))

    def _covering(self, x: Map, piece: Piece, covered: set, reads: Reads) -> Piece:
        """The piece with all axes of x, or x among the loose ones if it only broadcasts to them."""
        wide = {k for k, d in enumerate(x.dims) if d != 1}
        rank = max((self._printed_rank(a, index, x.ndim) for a, index in reads), default=0)
        if rank < x.ndim and wide <= covered and rank:
            return indexed(piece, *["None"] * (x.ndim - rank), *[":"] * rank)
        if not wide <= covered or rank < x.ndim:
            self.loose.add(x)
        return piece

    def _printed_rank(self, a: Node, index: tuple, rank: int) -> int:
        """How many axes an operand has where it is read in a Map of this rank."""
        if a in self.loose and len(index) != rank:
            return 0
        if len(index) == rank and all(t is None or t == k for k, t in enumerate(index)):
            return rank
        used = [t for t in index if t is not None]
        return rank - min(used) if used else 0

    def _read(self, a: Node, index: tuple, frame: tuple[int, ...]) -> Piece:
        """An operand as it broadcasts against arrays with the axes of `frame`."""
        if len(index) == len(frame) and all(
            t is None or t == f for t, f in zip(index, frame, strict=True)
        ):
            return self.pieces[a]
        if a in self.loose and self.pieces[a].text.replace(".", "").isdigit():
            return self.pieces[a]
        piece = self.exact(a)
        if None in index:
            items = ["0" if t is None else ":" for t in index]
            while items and items[-1] == ":":
                items.pop()
            piece = indexed(piece, *items)
        return placed(piece, tuple(t for t in index if t is not None), frame)

    def _body(self, e, reads: Reads, frame: tuple[int, ...]) -> Piece:
        if isinstance(e, Slot):
            return self._read(*reads[e.index], frame)
        if scalar.is_number(e):
            return number(Fraction(int(e.p), int(e.q)))
        if not isinstance(e, scalar.Scalar):
            return Piece(str(e).capitalize())
        name = op(e)
        if name == "Add":
            return self._softmax(e, reads, frame) or self._add(e, reads, frame)
        if name == "Mul":
            return self._mul(e, reads, frame)
        args = [self._body(a, reads, frame) for a in e.args]
        if name == "Pow":
            return _power(args[0], e.args[1], args[1])
        if name == "exp" and args[0].text.startswith("log_softmax(") and args[0].chain == ():
            return Piece(args[0].text.removeprefix("log_"))
        infix = PRIMITIVES[name].infix
        if infix and len(args) == 2:
            sides = [p.inside(SUMMED) for p in args]
            return Piece(f" {infix[0]} ".join(sides), COMPARED)
        if infix:
            return Piece(f"{infix[0]}{args[0].inside(ATOMIC)}", NEGATED)
        return SPELLED.get(name, lambda *a: call(name, *(p.text for p in a)))(*args)

    def _add(self, e, reads: Reads, frame: tuple[int, ...]) -> Piece:
        terms = [(negated(t), t) for t in e.args]
        first = next((k for k, (minus, _) in enumerate(terms) if minus is None), None)
        if first:
            terms.insert(0, terms.pop(first))
        texts = []
        for minus, t in terms:
            piece = self._body(t if minus is None else minus, reads, frame)
            sign = "-" if minus is not None else "+"
            if texts:
                texts.append(f" {sign} {piece.inside(MULTIPLIED)}")
            else:
                texts.append(("-" if minus is not None else "") + piece.inside(MULTIPLIED))
        return Piece("".join(texts), SUMMED)

    def _mul(self, e, reads: Reads, frame: tuple[int, ...]) -> Piece:
        value = Fraction(1)
        above, below = [], []
        for f in e.args:
            if scalar.is_number(f):
                value *= Fraction(int(f.p), int(f.q))
            elif op(f) == "Pow" and scalar.is_number(f.args[1]) and f.args[1] < 0:
                below.append((f.args[0], -f.args[1]))
            else:
                above.append(f)
        return self._quotient(value, above, below, reads, frame)

    def _quotient(
        self, value: Fraction, above: list, below: list, reads: Reads, frame: tuple[int, ...]
    ) -> Piece:
        typed = decimal(abs(value)) or large(abs(value))
        front, under = (typed, 1) if typed else (abs(value.numerator), value.denominator)
        pieces = [] if front == 1 else [Piece(str(front))]
        if above:
            pieces += self._factors(above, reads, frame)
        divisors = [Piece(str(under))] if under != 1 else []
        for base, power in below:
            found = self._body(base, reads, frame)
            raised = Fraction(int(power.p), int(power.q))
            divisors.append(found if raised == 1 else _power(found, power, number(raised)))
        text = (times(pieces) if pieces else Piece("1")).inside(MULTIPLIED)
        if divisors:
            text += "/" + times(divisors).inside(NEGATED)
        if value < 0:
            return Piece("-" + text, NEGATED)
        if not divisors and len(pieces) == 1:
            return pieces[0]
        return Piece(text, MULTIPLIED)

    def _factors(self, factors: list, reads: Reads, frame: tuple[int, ...]) -> list[Piece]:
        """Factors of a product; vectors along the two axes of a matrix make outer products."""
        along = [frozenset(self._axes(f, reads)) & set(frame) for f in factors]
        if len(frame) != 2 or not any(len(a) == 1 for a in along):
            return [self._body(f, reads, frame) for f in factors]
        scalars, left, right, whole = [], [], [], []
        for f, axes in zip(factors, along, strict=True):
            if not axes:
                scalars.append(self._body(f, reads, ()))
            elif len(axes) == 2:
                whole.append(f)
            else:
                (axis,) = axes
                side = left if axis == frame[0] else right
                side.append(self._body(f, reads, (axis,)))
        deltas = [f for f in whole if self._is_delta(f, reads)]
        if whole and len(deltas) == len(whole):
            return [*scalars, call("diag", times([*left, *right]).text)]
        if not whole and left and right:
            return [*scalars, call("outer", times(left).text, times(right).text)]
        middle = [self._body(f, reads, frame) for f in whole]
        first = [placed(times(left), (frame[0],), frame)] if left else []
        return [*scalars, *first, *middle, *([times(right)] if right else [])]

    def _is_delta(self, f, reads: Reads) -> bool:
        if not isinstance(f, Slot):
            return False
        a, _ = reads[f.index]
        return isinstance(a, Leaf) and a.spec.kind == "delta"

    def _axes(self, e, reads: Reads) -> set:
        return {t for k in scalar.slots(e) for t in reads[k][1] if t is not None}

    def _softmax(self, e, reads: Reads, frame: tuple[int, ...]) -> Piece | None:
        """u - logsumexp(u) is log_softmax(u)."""
        for t in e.args:
            minus = negated(t)
            if not isinstance(minus, Slot):
                continue
            lse = _stripped(reads[minus.index][0])
            if not (isinstance(lse, Reduce) and lse.spec.op == "logsumexp"):
                continue
            source = lse.operands[0]
            rest = [s for s in e.args if s is not t]
            piece = self._body(scalar.Add(*rest) if len(rest) > 1 else rest[0], reads, frame)
            shown = self.pieces[source]
            meant = self.meaning.get(shown.text, shown)
            if source.ndim != len(frame) or _sorted(meant.text) != _sorted(piece.text):
                continue
            axes = [k for k, f in enumerate(frame) if f not in reads[minus.index][1]]
            if tuple(axes) != tuple(lse.spec.axes):
                continue
            return call("log_softmax", shown.text, *_axis(axes, source.ndim))
        return None

    # ------------------------------------------------------------ contractions and reductions
    def _contract(self, x: Contract) -> Piece:
        spec = x.spec
        extents = {t: self.extent(d) for t, d in enumerate(spec.sizes)}
        factors = [(self.exact(a), i) for a, i in zip(x.operands, spec.indices, strict=True)]
        piece, full = Contraction(factors, spec.out, extents).written()
        if not full:
            self.loose.add(x)
        return piece

    def _reduce(self, x: Reduce) -> Piece:
        (a,) = x.operands
        return call(x.spec.op, self.exact(a).text, *_axis(x.spec.axes, a.ndim))

    # ------------------------------------------------------------ layouts
    def _layout(self, x: Layout) -> Piece:
        (a,), spec = x.operands, x.spec
        piece = self.exact(a)
        if spec.op == "reshape":
            if not x.ndim:
                return indexed(piece, *["0"] * a.ndim)
            return call("reshape", piece.text, self.shape(x.dims))
        if spec.op == "slice":
            return indexed(piece, *slice_items(spec.params, a.dims, x.dims))
        widths = _widths(x)
        if widths is not None:
            return call("pad", piece.text, widths)
        return self._spread(x, piece)

    def _spread(self, x: Layout, piece: Piece) -> Piece:
        """Zeros with an array written at a slice: products with rows of the identity."""
        letters, inner, selections = "ijklmnopqrs", "", []
        (a,) = x.operands
        items = slice_items(x.spec.params, x.dims, a.dims)
        for k, item in enumerate(items):
            big, small = letters[k], letters[k].upper()
            rows = f"eye({self.extent(x.dims[k])})[{item}]"
            single = x.spec.params[k][1] is None
            selections.append((big if single else small + big, rows))
            inner += "" if single else small
        subscripts = ",".join([inner, *(s for s, _ in selections)])
        result = letters[: len(items)]
        return call("einsum", f"'{subscripts}->{result}'", piece.text, *(r for _, r in selections))

    def _join(self, x: Join) -> Piece:
        parts = ", ".join(self.exact(a).text for a in x.operands)
        return call("concatenate", f"[{parts}]", f"axis={x.spec.axis}")

    def _gather(self, x: Gather) -> Piece:
        array, *positions = x.operands
        along, indices = x.spec.along, x.spec.indices
        kept = [t for t in along if t is not None]
        if len(positions) == 1 and kept == sorted(kept):
            (index,), place = indices, along.index(None)
            new = [t for t in range(x.ndim) if t not in kept]
            if list(index) == new == list(range(place, place + len(new))):
                items = [":" if t is not None else self.exact(positions[0]).text for t in along]
                while items[-1] == ":":
                    items.pop()
                return indexed(self.exact(array), *items)
        frame = tuple(range(x.ndim))
        given = iter(zip(positions, indices, strict=True))
        items = []
        for k, t in enumerate(along):
            if t is None:
                items.append(self._read(*next(given), frame).text)
            else:
                items.append(placed(call("arange", self.extent(array.dims[k])), (t,), frame).text)
        return indexed(self.exact(array), *items)

    # ------------------------------------------------------------ the rest
    def _call(self, x: Call) -> Piece:
        row = CALLS.get(x.spec.routine)
        args = [self.exact(a) for a in x.operands]
        if row:
            return row(self, x, *args)
        several = len(ROUTINES[x.spec.routine].results) > 1
        found = call(x.spec.routine, *(p.text for p in args), *map(str, x.spec.params))
        return indexed(found, str(x.spec.output)) if several else found

    def _mark(self, x: Mark) -> Piece:
        if x.operands[0] in self.loose:
            self.loose.add(x)
        return self.pieces[x.operands[0]]

    def _tangent(self, x: Tangent) -> Piece:
        count = x.spec.count
        value, *rest = (self.exact(a).text for a in x.operands[: 1 + 2 * count])
        return call("jvp", value, f"[{', '.join(rest[:count])}]", f"[{', '.join(rest[count:])}]")

    def _gradient(self, x: Gradient) -> Piece:
        cost, target = x.operands[0], x.operands[1 + x.spec.number]
        word = "jacobian" if cost.ndim else "grad"
        return call(word, self.exact(cost).text, self.exact(target).text)


ROWS: dict[type, Callable] = {
    Leaf: _Writer._leaf, Map: _Writer._map, Contract: _Writer._contract, Reduce: _Writer._reduce,
    Layout: _Writer._layout, Join: _Writer._join, Gather: _Writer._gather, Call: _Writer._call,
    Mark: _Writer._mark, Gradient: _Writer._gradient, Tangent: _Writer._tangent,
}  # fmt: skip


# ---------------------------------------------------------------- words


def _log1mexp(a: Piece) -> Piece:
    minus = a.text[1:] if a.strength == NEGATED and a.text[0] == "-" else f"-{a.inside(NEGATED)}"
    return Piece(f"log(-expm1({minus}))")


# what is spelled as other functions
SPELLED: dict[str, Callable[..., Piece]] = {
    "indicator": lambda c: call("where", c.text, "1", "0"),
    "log1mexp": _log1mexp,
}


def _last(word: str) -> Callable:
    return lambda writer, x, *args: call(word, *(p.text for p in args), "axis=-1")


def _scatter_add(writer: _Writer, x: Call, positions: Piece, values: Piece) -> Piece:
    """Rows added at positions: a product with unit vectors."""
    chosen = f"one_hot({positions.text}, {writer.extent(x.dims[-2])}).T"
    return Piece(f"{chosen} @ {values.inside(NEGATED)}", MULTIPLIED)


def _scatter_last(writer: _Writer, x: Call, positions: Piece) -> Piece:
    """For each place the last k whose position it is, or -1."""
    count, places = (writer.extent(d) for d in (x.operands[0].dims[0], x.dims[0]))
    hit = f"{indexed(positions, ':', 'None').text} == arange({places})"
    return call("max", f"where({hit}, arange({count})[:, None], -1)", "axis=0")


CALLS: dict[str, Callable[..., Piece]] = {
    "cumsum": _last("cumsum"),
    "cumprod": _last("cumprod"),
    "argsort": _last("argsort"),
    "recurrence": _last("linear_recurrence"),
    "scatter_add": _scatter_add,
    "scatter_last": _scatter_last,
}
RESERVED = (
    set(keyword.kwlist) | set(WORDS) | set(PRIMITIVES) | set(CALLS) | set(ROUTINES)
    | {"sum", "mean", "max", "min", "sqrt", "square", "softmax", "log_softmax", "logsumexp",
       "outer", "einsum", "dot", "array", "reshape", "transpose", "nan", "inf", "argmax", "argmin",
       "linear_recurrence", "grad", "jacobian", "hessian", "jvp"}
)  # fmt: skip


def spelled(symbol: Symbol) -> str:
    """A name as an identifier in ASCII: Greek letters by their names, primes as underscores."""
    text = "".join(map(_ascii, symbol.name)) or "_"
    text = text if not text[0].isdigit() else f"_{text}"
    return text + "_" * symbol.primes


def _ascii(c: str) -> str:
    if c.isascii():
        return c if c.isalnum() or c == "_" else "_"
    parts = unicodedata.name(c, "").split()
    if len(parts) == 4 and parts[0] == "GREEK":
        name = parts[3].lower().replace("lamda", "lambda")
        name = name if parts[1] == "SMALL" else name.capitalize()
        if name in GREEK:
            return "lam" if name == "lambda" else name
    return f"u{ord(c):04x}"


def number(value: Fraction) -> Piece:
    """An exact number."""
    typed = decimal(value) or large(value)
    text = typed or str(value)
    strength = NEGATED if value < 0 else ATOMIC
    return Piece(text, MULTIPLIED if "/" in text else strength)


def negated(e):
    """-e if e has a negative number in front, else None."""
    if scalar.is_number(e):
        return -e if e < 0 else None
    if op(e) != "Mul" or not scalar.is_number(e.args[0]) or e.args[0] >= 0:
        return None
    if e.args[0] == MINUS_ONE:
        return e.args[1] if len(e.args) == 2 else scalar.Mul(*e.args[1:])
    return scalar.Mul(-e.args[0], *e.args[1:])


def _power(base: Piece, exponent, shown: Piece) -> Piece:
    if exponent == HALF:
        return call("sqrt", base.text)
    if scalar.is_number(exponent) and exponent < 0:
        inner = base if exponent == MINUS_ONE else _power(base, -exponent, number(
            -Fraction(int(exponent.p), int(exponent.q))))  # fmt: skip
        return Piece(f"1/{inner.inside(NEGATED)}", MULTIPLIED)
    return Piece(f"{base.inside(ATOMIC)}**{shown.inside(ATOMIC)}", RAISED)


def _axis(axes: Sequence[int], rank: int) -> list[str]:
    """The axis option of a reduction; none if all axes are meant."""
    if len(axes) == rank:
        return []
    return [f"axis={axes[0] if len(axes) == 1 else tuple(axes)}"]


def _widths(x: Layout) -> str | None:
    """The widths of `pad` if they are known, else None."""
    (a,) = x.operands
    pairs = []
    lengths = iter(a.dims)
    for (start, step), big in zip(x.spec.params, x.dims, strict=True):
        if step != 1 or not isinstance(start, int) or start < 0:
            return None
        after = _after(start, next(lengths), big)
        if after is None:
            return None
        pairs.append((start, after))
    return str(pairs[0]) if len(pairs) == 1 else str(tuple(pairs))


def _after(start: int, length: Extent, big: Extent) -> int | None:
    """How many places follow a slice, if that is known for every extent."""
    if isinstance(length, int) and isinstance(big, int):
        return big - start - length
    if length == big and start == 0:
        return 0
    kind, source, *rest = getattr(length, "definition", None) or ("", None)
    if kind != "length" or source != big or rest[2] not in (None, 1):
        return None
    stop = rest[1]
    # NumPy clamps: with fewer places than are cut off the text would pad too much
    return 0 if stop is None else -stop if isinstance(stop, int) and stop < 0 else None


def _stripped(x: Node) -> Node:
    while isinstance(x, Map) and isinstance(x.spec.body, Slot):
        (x,) = x.operands
    return x


def _sorted(text: str) -> list[str]:
    """Terms of a sum, to compare in any order."""
    return sorted(text.replace(" - ", " + -").split(" + "))
