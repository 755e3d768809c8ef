"""Canonical form: an array as a polynomial of its elements, in index notation.

Atoms are leaves, deltas, functions of canonical forms, and powers of sums. Products are multiplied
out, exponentials of sums are products, and softmax, logsumexp, sigmoid and tanh are written with
exponentials. So associativity, commutativity, distribution, renamed indices and equal rational
factors make no difference (semantics 1.3).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isqrt
from typing import Any

from ..algebra.graph import topological
from ..algebra.node import Contract, Leaf, Map, Node, Reduce
from ..algebra.scalar import Slot, is_number, op, show
from .index_terms import ONE, TERMS, ZERO, Atom, Factor, Form, Label, Term, Terms, TooLarge, spelled


class Forms(Terms):
    """Makes forms of nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.memo: dict[Node, Form] = {}

    def of(self, root: Node) -> Form:
        """The form of a node; its axes are the labels 0, 1, ..."""
        for x in topological([root]):
            if x not in self.memo:
                self.memo[x] = self.collected(self._of(x))
        return self.memo[root]

    def _of(self, x: Node) -> Form:
        every = tuple(range(x.ndim))
        if isinstance(x, Leaf):
            return self._leaf(x, every)
        if isinstance(x, Map) and not _is_real(x):
            parts = [self.moved(self.memo[a], i)
                     for a, i in zip(x.operands, x.spec.indices, strict=True)]  # fmt: skip
            return self.opaque(f"{show(x.spec.body)} {x.spec.compute} {x.dtype}", parts)
        if isinstance(x, Map):
            reads = [self.moved(self.memo[a], i)
                     for a, i in zip(x.operands, x.spec.indices, strict=True)]  # fmt: skip
            return self._body(x.spec.body, reads)
        if isinstance(x, Contract):
            return self._contraction(x)
        if isinstance(x, Reduce) and x.spec.op in ("logsumexp", "norm"):
            return self._reduction(x)
        key = f"{type(x).__name__}{spelled(x.spec.content)}"
        return self.opaque(key, [self.memo[a] for a in x.operands], every)

    def _leaf(self, x: Leaf, every: tuple[Label, ...]) -> Form:
        spec = x.spec
        if spec.kind == "parameter":
            return [Term(Fraction(spec.value))]
        if spec.kind == "dim":
            return self.extent(spec.value)
        name = "delta" if spec.kind == "delta" else f"{spec.kind}{spec.uid}{spelled(spec.value)}"
        turned = ((0, 1), (1, 0)) if name == "delta" or "symmetric" in spec.facts else (every,)
        self.atoms.setdefault(name, Atom("", (), turned, "positive" in spec.facts))
        return [Term(ONE, ((name, every, ONE),))]

    def _contraction(self, x: Contract) -> Form:
        spec = x.spec
        number = {t: k for k, t in enumerate(spec.out)}
        bound = []
        for t, extent in enumerate(spec.sizes):
            if t not in number:
                number[t] = next(self._fresh)
                bound.append((number[t], extent))
        result: Form = [Term(ONE)]
        for a, labels in zip(x.operands, spec.indices, strict=True):
            result = self.times(result, self.moved(self.memo[a], [number[t] for t in labels]))
        return [Term(t.number, t.factors, (*t.bound, *bound)) for t in result]

    def _reduction(self, x: Reduce) -> Form:
        (a,) = x.operands
        kept = itertools.count()
        labels = [next(self._fresh) if k in x.spec.axes else next(kept) for k in range(a.ndim)]
        inner = self.moved(self.memo[a], labels)
        bound = tuple((labels[k], a.dims[k]) for k in x.spec.axes)
        each = self.exp(inner) if x.spec.op == "logsumexp" else self.times(inner, inner)
        total = self.collected([Term(t.number, t.factors, (*t.bound, *bound)) for t in each])
        return self.log(total) if x.spec.op == "logsumexp" else self.power(total, Fraction(1, 2))

    def _body(self, e: Any, reads: Sequence[Form]) -> Form:
        if isinstance(e, Slot):
            return reads[e.index]
        if is_number(e):
            return [Term(Fraction(int(e.p), int(e.q)))]
        name = op(e)
        if name == "Pow" and is_number(e.args[1]):
            exponent = Fraction(int(e.args[1].p), int(e.args[1].q))
            return self.power(self._body(e.args[0], reads), exponent)
        args = [self._body(a, reads) for a in getattr(e, "args", ())]
        if name == "Add":
            return self.collected([t for a in args for t in a])
        if name == "Mul":
            result: Form = [Term(ONE)]
            for a in args:
                result = self.times(result, a)
            return result
        made = FUNCTIONS.get(name)
        return made(self, *args) if made else self.opaque(name, args)

    def exp(self, a: Form) -> Form:
        """A product of exponentials of terms; that of a logarithm is what it is taken of."""
        result: Form = [Term(ONE)]
        for t in self.collected(a):
            bare = Term(ONE, t.factors, t.bound)
            alone = t.factors[0] if len(t.factors) == 1 and not t.bound else None
            if alone and self.atoms[alone[0]].kind == "log" and alone[2] == 1:
                inner = self.moved(self.atoms[alone[0]].form, alone[1])
                result = self.times(result, self.power(inner, t.number))
            else:
                one = self.opaque("exp", [[bare]], kind="exp", positive=True)
                result = self.times(result, self.power(one, t.number))
        return result

    def log(self, a: Form) -> Form:
        """The logarithm; that of a product of exponentials is the sum of the exponents."""
        a = self.collected(a)
        if len(a) == 1 and a[0].number == 1 and not a[0].bound:
            kinds = {self.atoms[f[0]].kind for f in a[0].factors}
            if kinds <= {"exp"}:
                return self.collected([
                    Term(t.number * p, t.factors, t.bound)
                    for n, ls, p in a[0].factors for t in self.moved(self.atoms[n].form, ls)
                ])  # fmt: skip
        return self.opaque("log", [a], kind="log")

    def times(self, a: Form, b: Form) -> Form:
        """The product, multiplied out."""
        if len(a) * len(b) > TERMS:
            raise TooLarge
        found: Form = []
        for s in a:
            for t in b:
                clash = {i for i, _ in s.bound} & {i for i, _ in t.bound}
                (u,) = self.moved([t], ()) if clash else (t,)
                found.append(self._both(s, u))
        return self.collected(found)

    def power(self, a: Form, e: Fraction) -> Form:
        """a**e: whole powers are multiplied out; what is common to all terms comes out of a sum."""
        a = self.collected(a)
        if not a:
            return [] if e > 0 else self.opaque("0", [], kind="")
        if e.denominator == 1 and 0 <= e <= 6 and len(a) ** int(e) <= TERMS:
            result: Form = [Term(ONE)]
            for _ in range(int(e)):
                result = self.times(result, self.moved(a, ()))
            return result
        number, common, rest = self._content(a, e)
        result = [Term(ONE, tuple((n, ls, p * e) for n, ls, p in common))]
        result = self.times(result, self._number(number, e))
        if len(rest) == 1 and not rest[0].factors and not rest[0].bound and rest[0].number == 1:
            return result
        return self.times(result, self.opaque("sum", [rest], kind="sum", power=e))

    def _number(self, number: Fraction, e: Fraction) -> Form:
        if number == 1:
            return [Term(ONE)]
        if e.denominator == 1:
            return [Term(number ** int(e))]
        root = Fraction(isqrt(number.numerator), isqrt(number.denominator))
        if e.denominator == 2 and root * root == number:
            return [Term(root ** int(2 * e))]
        name = f"number {number}"
        self.atoms.setdefault(name, Atom("sum", (Term(number),), ((),), True))
        return [Term(ONE, ((name, (), e),))]

    def _content(self, a: Form, e: Fraction) -> tuple[Fraction, list[Factor], Form]:
        """A number and factors that all terms have, and the sum without them."""
        number = abs(a[0].number) if e.denominator > 1 else a[0].number
        powers: dict[tuple, Fraction] = {}
        for n, ls, _ in (f for t in a for f in t.factors):
            powers[n, ls] = ZERO
        for n, ls in powers:
            found = [next((p for m, ks, p in t.factors if (m, ks) == (n, ls)), ZERO) for t in a]
            free = not any(set(ls) & {b for b, _ in t.bound} for t in a)
            if free and (e.denominator == 1 or self.atoms[n].positive):
                powers[n, ls] = min(found)
        common = [(n, ls, p) for (n, ls), p in powers.items() if p]
        inverse = tuple((n, ls, -p) for n, ls, p in common)
        rest = [Term(t.number / number, t.factors + inverse, t.bound) for t in a]
        return number, common, self.collected(rest)

    def opaque(self, name: str, forms: Sequence[Form], own: Sequence[Label] | None = None, *,
               kind: str = "", positive: bool = False, power: Fraction = ONE) -> Form:  # fmt: skip
        """One factor for something that is not taken apart. own: its labels, if they are not those
        of the forms."""
        forms = [self.collected(f) for f in forms]
        if own is not None:
            text = f"{name}({'; '.join(self.text(f) for f in forms)})"
            self.atoms.setdefault(text, Atom(kind, (), (tuple(own),), positive))
            return [Term(ONE, ((text, tuple(own), power),))]
        used = sorted({i for f in forms for t in f for i in self._free(t)})
        if len(used) > 5:
            raise TooLarge
        best: dict[str, list[tuple[Label, ...]]] = {}
        for order in itertools.permutations(used):
            place = {i: k for k, i in enumerate(order)}
            text = "; ".join(self.text(self._renamed(f, place)) for f in forms)
            best.setdefault(text, []).append(order)
        least = min(best)
        labels = best[least][0]
        place = {i: k for k, i in enumerate(labels)}
        turns = tuple(tuple(place[i] for i in order) for order in best[least])
        key = f"{name}({least})"
        held = tuple(self._renamed(forms[0], place)) if len(forms) == 1 else ()
        self.atoms.setdefault(key, Atom(kind, held, turns, positive))
        return [Term(ONE, ((key, labels, power),))]


def _is_real(x: Map) -> bool:
    """Whether laws of real numbers hold: no integers that wrap, nothing that is cut to one."""
    kinds = {a.dtype.kind for a in x.operands}
    if x.dtype.kind in "iu" and not x.weak:
        return isinstance(x.spec.body, Slot) and kinds <= {"i", "u", "b"}
    return x.spec.compute.kind not in "iu" or x.weak or x.dtype.kind == "b"


def _sigmoid(f: Forms, z: Form) -> Form:
    e = f.exp(z)
    return f.times(e, f.power([Term(ONE), *e], -ONE))


def _scaled(a: Form, number: Fraction | int) -> Form:
    return [Term(t.number * number, t.factors, t.bound) for t in a]


def _tanh(f: Forms, z: Form) -> Form:
    return f.collected([*_scaled(_sigmoid(f, _scaled(z, 2)), 2), Term(-ONE)])


def _cosh(f: Forms, z: Form) -> Form:
    return f.collected(_scaled([*f.exp(z), *f.exp(_scaled(z, -1))], Fraction(1, 2)))


def _where(f: Forms, c: Form, a: Form, b: Form) -> Form:
    return f.collected([*f.times(c, a), *b, *_scaled(f.times(c, b), -1)])


FUNCTIONS: dict[str, Callable[..., Form]] = {
    "exp": Forms.exp,
    "log": Forms.log,
    "log1p": lambda f, z: f.log([Term(ONE), *z]),
    "expm1": lambda f, z: f.collected([*f.exp(z), Term(-ONE)]),
    "sigmoid": _sigmoid,
    "softplus": lambda f, z: f.log([Term(ONE), *f.exp(z)]),
    "tanh": _tanh,
    "cosh": _cosh,
    "where": _where,
    "indicator": lambda f, z: z,
    "gt": lambda f, a, b: f.opaque("lt", [f.collected([*b, *_scaled(a, -1)])]),
    "lt": lambda f, a, b: f.opaque("lt", [f.collected([*a, *_scaled(b, -1)])]),
}
