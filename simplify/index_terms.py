"""Terms of the canonical form, and when two of them are the same.

A term is a rational number times factors `atom[labels]**power`, summed over bound labels.
`collected` makes the normal form of a sum: like factors are joined, deltas and unused labels
removed, whole powers of sums multiplied out, quotients reduced, and bound labels numbered in the
order that gives the least text.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Label = int
Factor = tuple[str, tuple[Label, ...], Fraction]
TERMS = 400  # a form with more is not made
ORDERS = 720  # numberings of bound labels that are tried
ZERO, ONE = Fraction(0), Fraction(1)
NARROW = -1  # the one position of an axis of extent 1


class TooLarge(Exception):
    """A form that would have too many terms, or labels."""


@dataclass(frozen=True)
class Term:
    """number * product of factors, summed over the bound labels."""

    number: Fraction
    factors: tuple[Factor, ...] = ()
    bound: tuple[tuple[Label, Any], ...] = ()


Form = list[Term]


@dataclass(frozen=True)
class Atom:
    """What a factor stands for. kind "sum": a form that could not be written as factors; "exp" and
    "log" of a form; "" for everything else. turns: orders of its labels that mean the same."""

    kind: str
    form: tuple[Term, ...]
    turns: tuple[tuple[int, ...], ...]
    positive: bool


class Terms:
    """Arithmetic of forms, and the atoms that occur in them."""

    def __init__(self) -> None:
        self.atoms: dict[str, Atom] = {}
        self._fresh = itertools.count(1000)

    def extent(self, extent: Any) -> Form:
        """An extent as a number."""
        if isinstance(extent, int):
            return [Term(Fraction(extent))]
        name = f"extent {spelled(extent)}"
        self.atoms.setdefault(name, Atom("", (), ((),), True))
        return [Term(ONE, ((name, (), ONE),))]

    def moved(self, form: Iterable[Term], labels: Sequence[Label | None]) -> Form:
        """The form with its axis k called labels[k]; bound labels are new."""
        start = dict(enumerate(NARROW if t is None else t for t in labels))
        result = []
        for t in form:
            name = start | {b: next(self._fresh) for b, _ in t.bound}
            factors = tuple((n, tuple(name.get(i, i) for i in ls), p) for n, ls, p in t.factors)
            result.append(Term(t.number, factors, tuple((name[b], d) for b, d in t.bound)))
        return result

    def _free(self, t: Term) -> set[Label]:
        return {i for _, ls, _ in t.factors for i in ls} - {b for b, _ in t.bound} - {NARROW}

    def _renamed(self, form: Form, place: dict[Label, Label]) -> Form:
        return [
            Term(t.number, tuple((n, tuple(place.get(i, i) for i in ls), p)
                                 for n, ls, p in t.factors), t.bound)
            for t in form
        ]  # fmt: skip

    def _both(self, a: Term, b: Term) -> Term:
        return Term(a.number * b.number, a.factors + b.factors, a.bound + b.bound)

    def _turned(self, name: str, labels: tuple[Label, ...]) -> tuple[Label, ...]:
        turns = self.atoms[name].turns
        return min(tuple(labels[k] for k in turn) for turn in turns) if turns[1:] else labels

    def text(self, form: Form) -> str:
        """The form as text; equal forms have equal texts."""
        return " + ".join(sorted(f"{t.number}*{self._spelled(t)[0]}" for t in form)) or "0"

    def collected(self, form: Iterable[Term]) -> Form:
        """Like terms added, in the order of their texts."""
        found: dict[str, Term] = {}
        todo = list(form)
        steps = 0
        while todo:
            steps += 1
            if steps > 20 * TERMS:
                raise TooLarge
            t = todo.pop()
            if not t.number:
                continue
            new = self._simpler(t)
            if new is not None:
                todo.extend(new)
                continue
            key, t = self._spelled(t)
            number = t.number + (found[key].number if key in found else 0)
            found[key] = Term(number, t.factors, t.bound)
        return [t for _, t in sorted(found.items()) if t.number]

    def _simpler(self, t: Term) -> Form | None:
        """The term after one step, or None if there is none: like factors joined, deltas and unused
        labels removed, whole powers of sums multiplied out, quotients reduced."""
        joined: dict[tuple, Fraction] = {}
        for n, ls, p in t.factors:
            place = (n, self._turned(n, ls))
            joined[place] = joined.get(place, ZERO) + p
        factors = tuple((n, ls, p) for (n, ls), p in joined.items() if p)
        if len(factors) < len(t.factors):
            return [Term(t.number, factors, t.bound)]
        bound = dict(t.bound)
        used = {i for _, ls, _ in factors for i in ls}
        for i, extent in t.bound:
            if i not in used:
                rest = Term(t.number, factors, tuple(b for b in t.bound if b[0] != i))
                (size,) = self.extent(extent)
                return [Term(rest.number * size.number, factors + size.factors, rest.bound)]
        for k, (n, ls, p) in enumerate(factors):
            rest = Term(t.number, factors[:k] + factors[k + 1 :], t.bound)
            if n == "delta":
                i, j = ls
                if i == j:
                    return [rest]
                gone, stays = (i, j) if i in bound else (j, i)
                if gone in bound:
                    left = tuple(b for b in t.bound if b[0] != gone)
                    return self._renamed([Term(rest.number, rest.factors, left)], {gone: stays})
                if p != 1 or any(max(ls) in ks for _, ks, _ in rest.factors):
                    (other,) = self._renamed([rest], {max(ls): min(ls)})
                    return [Term(t.number, (*other.factors, (n, ls, ONE)), t.bound)]
            if self.atoms[n].kind == "sum":
                new = self._of_sum(rest, n, ls, p)
                if new is not None:
                    return new
        return None

    def _of_sum(self, rest: Term, n: str, ls: tuple[Label, ...], p: Fraction) -> Form | None:
        inner = self.moved(self.atoms[n].form, ls)
        if p >= 1:
            left = Term(rest.number, (*rest.factors, (n, ls, p - 1)) if p > 1 else rest.factors,
                        rest.bound)  # fmt: skip
            return [self._both(left, u) for u in inner]
        if p > -1:
            return None
        if len(inner) == 1:
            return self._cancelled(rest, n, ls, p, inner[0])
        lead = max(inner, key=lambda u: (len(u.factors), self._spelled(u)[0]))
        if lead.bound or not lead.factors:
            return None
        powers = {(m, self._turned(m, ks)): q for m, ks, q in rest.factors}
        need = {(m, self._turned(m, ks)): q for m, ks, q in lead.factors}
        if any(q < 0 or powers.get(place, ZERO) < q for place, q in need.items()):
            return None
        inverse = tuple((m, ks, -q) for (m, ks), q in need.items())
        cut = Term(rest.number / lead.number, rest.factors + inverse, rest.bound)
        first = Term(cut.number, (*cut.factors, (n, ls, p + 1)), cut.bound)
        other = [self._both(Term(-cut.number, (*cut.factors, (n, ls, p)), cut.bound), u)
                 for u in inner if u is not lead]  # fmt: skip
        return [first, *other]

    def _cancelled(
        self, rest: Term, n: str, ls: tuple[Label, ...], p: Fraction, inner: Term
    ) -> Form | None:
        """sum_k f_k over the sum that it is."""
        want = self._spelled(Term(ONE, inner.factors, inner.bound))[0]
        for part, others in self._components(rest):
            if self._spelled(part)[0] == want:
                number = rest.number / inner.number
                return [Term(number, (*others.factors, (n, ls, p + 1)), others.bound)]
        return None

    def _components(self, t: Term) -> Iterable[tuple[Term, Term]]:
        """Factors that bound labels tie together, and what is left without them."""
        bound, left = dict(t.bound), set(dict(t.bound))
        while left:
            labels = {left.pop()}
            while True:
                tied = [f for f in t.factors if labels & set(f[1])]
                more = {i for f in tied for i in f[1] if i in bound} | labels
                if more == labels:
                    break
                labels = more
            left -= labels
            others = tuple(f for f in t.factors if not labels & set(f[1]))
            yield (
                Term(ONE, tuple(tied), tuple(b for b in t.bound if b[0] in labels)),
                Term(t.number, others, tuple(b for b in t.bound if b[0] not in labels)),
            )

    def _spelled(self, t: Term) -> tuple[str, Term]:
        """The least text of a term, and the term with bound labels numbered accordingly."""
        groups = self._groups([b for b, _ in t.bound], t)
        count = 1
        for g in groups:
            for k in range(len(g)):
                count *= k + 1
        if count > ORDERS:
            raise TooLarge
        best: tuple[str, Term] | None = None
        for orders in itertools.product(*(itertools.permutations(g) for g in groups)):
            place = {b: -2 - k for k, b in enumerate(itertools.chain(*orders))}
            (new,) = self._renamed([t], place)
            factors = sorted((n, self._turned(n, ls), p) for n, ls, p in new.factors)
            sizes = sorted((place[b], spelled(d)) for b, d in t.bound)
            text = f"{[(n, ls, str(p)) for n, ls, p in factors]} {sizes}"
            if best is None or text < best[0]:
                bound = tuple((place[b], d) for b, d in t.bound)
                best = text, Term(t.number, tuple(factors), bound)
        assert best is not None
        return best

    def _groups(self, labels: list[Label], t: Term) -> list[list[Label]]:
        """Bound labels that nothing tells apart, groups in an order of their own."""
        colour: dict[Label, str] = dict.fromkeys(labels, "")
        for _ in range(3):
            seen: dict[Label, list[str]] = {i: [] for i in labels}
            for n, ls, p in t.factors:
                names = [colour.get(i, str(i)) for i in ls]
                symmetric = len(self.atoms[n].turns) > 1
                for k, i in enumerate(ls):
                    if i in seen:
                        where = "" if symmetric else str(k)
                        around = sorted(names) if symmetric else names
                        seen[i].append(f"{n}{where}{p}{around}")
            ranks = {
                text: f"c{k}"
                for k, text in enumerate(
                    sorted({f"{colour[i]}{sorted(s)}" for i, s in seen.items()})
                )
            }
            colour = {i: ranks[f"{colour[i]}{sorted(s)}"] for i, s in seen.items()}  # fmt: skip
        result: dict[str, list[Label]] = {}
        for i in labels:
            result.setdefault(colour[i], []).append(i)
        return [result[c] for c in sorted(result, key=lambda c: int(c[1:]))]


def spelled(value: Any) -> str:
    """A field of a spec as text; unknown extents by their numbers."""
    if isinstance(value, tuple):
        return f"({', '.join(map(spelled, value))})"
    return str(getattr(value, "name", value))
