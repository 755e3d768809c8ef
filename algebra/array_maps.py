"""Elementwise maps as NumPy text: broadcasting, operators, outer products, softmax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from . import scalar
from .array_names import number
from .array_pieces import (
    ATOMIC,
    COMPARED,
    MULTIPLIED,
    NEGATED,
    RAISED,
    SUMMED,
    Piece,
    call,
    einsum,
    indexed,
    placed,
    times,
)
from .dtypes import INT64
from .node import BOOL, Leaf, Map, Node, Reduce
from .primitives import PRIMITIVES
from .scalar import HALF, MINUS_ONE, PI, Slot, op
from .spelling import decimal, large
from .triangle_notation import kept

Frame = tuple[int, ...]
Reads = tuple[tuple[Node, tuple], ...]


class MapWriter:
    """Pieces of maps, given those of their operands."""

    def __init__(self) -> None:
        self.pieces: dict[Node, Piece] = {}
        self.loose: set[Node] = set()  # what broadcasts to its shape, but does not have it
        self.flat: set[Node] = set()  # the loose ones that are a scalar
        self.meaning: dict[str, Piece] = {}  # of temporaries
        self.calls: dict[str, int] = {}  # calls that were written, with their numbers of axes
        self.truths = False  # whether the numbers of a map are truth values
        self.floats: dict[Node, str] = {}  # operands that a map reads as floats, and their dtypes

    def exact(self, x: Node) -> Piece:
        """The piece of a node with all of its axes."""
        raise NotImplementedError

    def map(self, x: Map) -> Piece:
        reads = tuple(zip(x.operands, x.spec.indices, strict=True))
        body = x.spec.body
        frame = tuple(range(x.ndim))
        if isinstance(body, Slot):
            return self._view(x, reads[0], frame)
        self.floats, self.truths = _converted(x), x.spec.compute == BOOL
        piece = self._body(body, reads, frame)
        if x.dtype != BOOL and not isinstance(body, Slot) and _is_truth(body, reads):
            piece = Piece(f"{piece.inside(ATOMIC)}.astype('{x.dtype}')")
        self.floats, self.truths = {}, False
        covered = {
            t
            for a, index in reads
            if a not in self.loose
            for k, t in enumerate(index)
            if t is not None and a.dims[k] == x.dims[t]
        }
        return self._covering(x, piece, covered, reads)

    def _view(self, x: Map, read: tuple, frame: Frame) -> Piece:
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
            if not rank:
                self.flat.add(x)
        return piece

    def _printed_rank(self, a: Node, index: tuple, rank: int) -> int:
        """How many axes an operand has where it is read in a Map of this rank."""
        if a in self.flat:
            return 0
        if len(index) == rank and all(t is None or t == k for k, t in enumerate(index)):
            return rank
        used = [t for t in index if t is not None]
        return rank - min(used) if used else 0

    def _read(self, a: Node, index: tuple, frame: Frame) -> Piece:
        """An operand as it broadcasts against arrays with the axes of `frame`."""
        if len(index) == len(frame) and all(
            t is None or t == f for t, f in zip(index, frame, strict=True)
        ):
            return self.pieces[a]
        if a in self.flat:
            return self.pieces[a]
        piece = self.exact(a)
        if None in index:
            items = ["0" if t is None else ":" for t in index]
            while items and items[-1] == ":":
                items.pop()
            piece = indexed(piece, *items)
        return placed(piece, tuple(t for t in index if t is not None), frame)

    def _body(self, e, reads: Reads, frame: Frame) -> Piece:
        piece = self._expression(e, reads, frame)
        if piece.strength == ATOMIC and piece.text.endswith(")"):
            self.calls[piece.text] = len(frame)
        return piece

    def _expression(self, e, reads: Reads, frame: Frame) -> Piece:
        if isinstance(e, Slot):
            piece = self._read(*reads[e.index], frame)
            dtype = self.floats.get(reads[e.index][0])
            return Piece(f"{piece.inside(ATOMIC)}.astype('{dtype}')") if dtype else piece
        if scalar.is_number(e):
            return Piece(str(e != 0)) if self.truths else number(Fraction(int(e.p), int(e.q)))
        if not isinstance(e, scalar.Scalar):
            return Piece(str(e).capitalize())
        name = op(e)
        if name == "Add":
            return self._softmax(e, reads, frame) or self._add(e, reads, frame)
        if name == "Mul":
            return self._mul(e, reads, frame)
        found = self._triangle(e, reads, frame)
        if found is not None:
            return found
        if name == "sinc":  # NumPy's has pi in it
            e = type(e)(_divided_by_pi(e.args[0]))
        write = self._term if name in ("log1mexp", "sign") else self._body
        args = [write(a, reads, frame) for a in e.args]
        if name == "Pow":
            return _power(args[0], e.args[1], args[1])
        if name == "exp" and args[0].text.startswith("log_softmax(") and args[0].chain == ():
            return Piece(args[0].text.removeprefix("log_"))
        infix = () if name in WRITTEN else PRIMITIVES[name].infix
        if infix and len(args) == 2:
            within = ATOMIC if infix[0] in ("//", "%") else SUMMED
            sides = [p.inside(within) for p in args]
            return Piece(f" {infix[0]} ".join(sides), COMPARED)
        if infix:
            return Piece(f"{infix[0]}{args[0].inside(ATOMIC)}", NEGATED)
        if not args:
            return Piece(name)
        return SPELLED.get(name, lambda *a: call(name, *(p.text for p in a)))(*args)

    def _add(self, e, reads: Reads, frame: Frame) -> Piece:
        terms = [(negated(t), t) for t in e.args]
        first = next((k for k, (minus, _) in enumerate(terms) if minus is None), None)
        if first:
            terms.insert(0, terms.pop(first))
        texts: list[str] = []
        for minus, t in terms:
            piece = self._term(t if minus is None else minus, reads, frame)
            sign = "-" if minus is not None else "+"
            if texts:
                texts.append(f" {sign} {piece.inside(MULTIPLIED)}")
            else:
                texts.append(("-" if minus is not None else "") + piece.inside(MULTIPLIED))
        return Piece("".join(texts), SUMMED)

    def _term(self, e, reads: Reads, frame: Frame) -> Piece:
        piece = self._body(e, reads, frame)
        if _is_truth(e, reads):
            return Piece(f"1*{piece.inside(NEGATED)}", MULTIPLIED)
        return piece

    def _mul(self, e, reads: Reads, frame: Frame) -> Piece:
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
        self, value: Fraction, above: list, below: list, reads: Reads, frame: Frame
    ) -> Piece:
        typed = decimal(abs(value)) or large(abs(value))
        if not typed and max(abs(value.numerator), value.denominator) > LONGEST:
            typed = repr(float(abs(value)))
        front, under = (typed, 1) if typed else (abs(value.numerator), value.denominator)
        true = [_is_truth(f, reads) for f in above]
        truths = any(true) and (value < 0 or not below and under == 1 and all(true))
        pieces = [] if front == 1 and not truths else [Piece(str(front))]
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

    def _factors(self, factors: list, reads: Reads, frame: Frame) -> list[Piece]:
        """Factors of a product; vectors along the two axes of a matrix make outer products."""
        along = [frozenset(self._axes(f, reads)) & set(frame) for f in factors]
        if len(frame) > 2 and _disjoint([a for a in along if a]):
            return self._outer(factors, reads, frame)
        rows = any(set(frame[:1]) & a for a in along)
        if len(frame) != 2 or not rows or not any(len(a) == 1 for a in along):
            order = sorted(range(len(factors)), key=lambda k: bool(along[k]))  # scalars first
            return [self._body(factors[k], reads, frame) for k in order]
        scalars: list[Piece] = []
        left: list[Piece] = []
        right: list[Piece] = []
        whole: list = []
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

    def _outer(self, factors: list, reads: Reads, frame: Frame) -> list[Piece]:
        """A product of arrays that share no axis."""
        scalars, arrays = [], []
        for f in factors:
            axes = tuple(t for t in frame if t in self._axes(f, reads))
            piece = self._body(f, reads, axes)
            if axes:
                arrays.append((piece, axes))
            else:
                scalars.append(piece)
        found = tuple(t for t in frame if any(t in axes for _, axes in arrays))
        return [*scalars, placed(einsum(arrays, found), found, frame)]

    def _is_delta(self, f, reads: Reads) -> bool:
        if not isinstance(f, Slot):
            return False
        a, _ = reads[f.index]
        return isinstance(a, Leaf) and a.spec.kind == "delta"

    def _axes(self, e, reads: Reads) -> set:
        return {
            t
            for k in scalar.slots(e)
            if reads[k][0] not in self.flat
            for t in reads[k][1]
            if t is not None
        }

    def _triangle(self, e, reads: Reads, frame: Frame) -> Piece | None:
        """A choice that keeps a triangle of a matrix is tril or triu."""
        found = kept(e, reads, frame) if len(frame) == 2 else None
        if found is None or found[2] is None or not self._axes(found[2], reads) >= set(frame):
            return None
        word, k, value = found
        return call(word, self._body(value, reads, frame).text, *([str(k)] if k else []))

    def _softmax(self, e, reads: Reads, frame: Frame) -> Piece | None:
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
            same = piece.text == shown.text or _sorted(meant.text) == _sorted(piece.text)
            if source.ndim != len(frame) or not same:
                continue
            axes = [k for k, f in enumerate(frame) if f not in reads[minus.index][1]]
            if tuple(axes) != tuple(lse.spec.axes):
                continue
            return call(
                "log_softmax", self.exact(source).text, *_axes_of_softmax(axes, source.ndim)
            )
        return None


def _log1mexp(a: Piece) -> Piece:
    minus = a.text[1:] if a.strength == NEGATED and a.text[0] == "-" else f"-{a.inside(NEGATED)}"
    return Piece(f"log(-expm1({minus}))")


# what is spelled as other functions
SPELLED: dict[str, Callable[..., Piece]] = {
    "indicator": lambda c: call("where", c.text, "1", "0"),
    "log1mexp": _log1mexp,
}


def _divided_by_pi(e):
    if op(e) == "Mul" and PI in e.args:
        rest = [f for f in e.args if f != PI]
        return scalar.Mul(*rest) if len(rest) > 1 else rest[0]
    return scalar.Mul(e, scalar.Pow(PI, MINUS_ONE))


LONGEST = 10**15  # numerators and denominators that are written
# operators of Python that mean something else in formulas: their functions are written
WRITTEN = frozenset(("left_shift", "right_shift", "bitwise_xor"))
COUNTS = frozenset("gcd lcm left_shift right_shift invert bitwise_count floor_divide mod".split())
WHOLE = frozenset("Add Mul mod fmod floor_divide max min abs sign floor ceil trunc rint".split())


# of truth values they are truth values in NumPy
KEEPS_TRUTH = frozenset("abs max min fmax fmin floor ceil trunc".split())


def _is_truth(e, reads: Reads) -> bool:
    if isinstance(e, Slot):
        return bool(reads[e.index][0].dtype == BOOL)
    if not isinstance(e, scalar.Scalar):
        return False
    same = op(e) in KEEPS_TRUTH
    return e.boolean or same and all(_is_truth(a, reads) for a in e.args)


def _converted(x: Map) -> dict[Node, str]:
    """Operands that are written in the dtype of the arithmetic, for NumPy would use another one:
    truth values whose bits are counted; and in arithmetic of floats integers other than int64, or
    all of them where nothing makes a float.
    """
    if x.spec.compute.kind == "b":
        return {}
    kinds = "iu" if x.spec.compute.kind == "f" else "b"
    found = {k for k, a in enumerate(x.operands) if a.dtype.kind in kinds}
    every = scalar.subexpressions(x.spec.body)
    reads = lambda names: {  # noqa: E731
        s.index for e in every if op(e) in names for s in e.args if isinstance(s, Slot)
    }
    if kinds == "b" or _gives_float(x.spec.body, x):
        found &= reads(("Add", "Mul", "Pow") if kinds == "iu" else COUNTS)
        found = {k for k in found if x.operands[k].dtype != INT64}
    elif kinds == "iu":
        found -= reads(COUNTS - {"floor_divide", "mod"})
    if kinds == "b":  # what is read in a dtype that does not hold it
        found |= {k for k, a in enumerate(x.operands) if not np.can_cast(a.dtype, x.spec.compute)}
    return {x.operands[k]: str(x.spec.compute) for k in found if not x.operands[k].weak}


def _gives_float(e, x: Map) -> bool:
    """Whether NumPy makes a float of an expression that is read in the dtypes of its operands."""
    if isinstance(e, Slot):
        return bool(x.operands[e.index].dtype.kind == "f")
    if not isinstance(e, scalar.Scalar):
        return scalar.is_number(e) and e.q != 1
    name = op(e)
    if name == "Pow" and scalar.is_number(e.args[1]):
        return e.args[1] < 0 or e.args[1].q != 1 or _gives_float(e.args[0], x)
    if e.boolean or name == "indicator":
        return False
    if name == "where" or name in WHOLE:
        return any(_gives_float(a, x) for a in e.args[name == "where" :])
    return True


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


def _axes_of_softmax(axes: Sequence[int], rank: int) -> list[str]:
    """The axis option of a softmax, which has no default that all read alike."""
    return [f"axis={tuple(axes)}"] if 1 < len(axes) == rank else axis_option(axes, rank)


def axis_option(axes: Sequence[int], rank: int) -> list[str]:
    """The axis option of a reduction; none if all axes are meant."""
    if len(axes) == rank:
        return []
    return [f"axis={axes[0] if len(axes) == 1 else tuple(axes)}"]


def _disjoint(sets: Sequence[frozenset]) -> bool:
    """Whether two or more sets have nothing in common."""
    return len(sets) > 1 and len(frozenset().union(*sets)) == sum(map(len, sets))


def _stripped(x: Node) -> Node:
    while isinstance(x, Map) and isinstance(x.spec.body, Slot):
        (x,) = x.operands
    return x


def _sorted(text: str) -> list[str]:
    """Terms of a sum, to compare in any order."""
    return sorted(text.replace(" - ", " + -").split(" + "))
