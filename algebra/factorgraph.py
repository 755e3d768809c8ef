"""Sums of products in matrix notation.

The factors of a contraction form a graph: its vertices are the labels, a matrix is an edge between
two of them, a vector a weight at one. Parallel edges merge into elementwise products, dead ends
collapse into vectors, a summed vertex between two edges into a matrix product; what remains is a
scalar, a vector, or one edge between the labels of the result. Where something else remains, matrix
notation cannot say it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from .normal_form import chain, diag, hadamard, parts, power, product, transpose, transposes
from .notation import (
    Apply,
    Formula,
    Hadamard,
    Identity,
    Kronecker,
    Number,
    Ones,
    Power,
    Product,
    size,
)

NORM_SIZE = 2  # from this size on, the inner product of a vector with itself is a squared norm
TWO = Number(Fraction(2))


class Unsayable(Exception):
    """Matrix notation has no words for this."""


@dataclass(frozen=True)
class Labelled:
    """A formula whose axis k runs along labels[k]."""

    formula: Formula
    labels: tuple[int, ...] = ()


def contraction(
    factors: Sequence[Labelled],
    out: tuple[int, ...],
    extents: Mapping[int, Formula],
    shorten: Callable[[Formula], Formula] = lambda e: e,
) -> Formula:
    """The sum over all labels that are not in `out` of the product of the factors, with axes in the
    order of `out`.

    Parameters
    ----------
    extents : of each label; a summed label that no factor carries multiplies by it.
    shorten : replaces a long formula by a name; applied to the arguments of diag.

    Raises
    ------
    Unsayable if matrix notation cannot say it.
    """
    every = {f.labels for f in factors if f.labels}
    if every == {out} and set(extents) == set(out):
        return hadamard([f.formula for f in factors])
    if len(out) == 4:
        return _kronecker(factors, out, extents, shorten)
    if len(out) > 2:
        raise Unsayable
    return _Graph(factors, out, extents, shorten).formula()


def _kronecker(factors, out, extents, shorten) -> Formula:
    """A_ik B_jl, if the factors fall into one part at i and k and one at j and l."""
    i, j, k, m = out
    group: dict[int, set[int]] = {t: {t} for t in extents}
    for f in factors:
        joined = set().union(*(group[t] for t in f.labels))
        for t in joined:
            group[t] = joined
    if len(set(out)) < 4 or k not in group[i] or m not in group[j] or j in group[i]:
        raise Unsayable
    scalars = [f.formula for f in factors if not f.labels]
    sides = []
    for ends in ((i, k), (j, m)):
        own = [f for f in factors if f.labels and f.labels[0] in group[ends[0]]]
        within = {t: e for t, e in extents.items() if t in group[ends[0]]}
        sides.append(parts(contraction(own, ends, within, shorten)))
    rest = {t: e for t, e in extents.items() if t not in group[i] | group[j]}
    if rest:
        scalars.append(contraction([], (), rest))
    left, right = (side.array or Identity() for side in sides)
    scalars += [dataclasses.replace(side, array=None) for side in sides]
    return product(scalars, Kronecker(left, right))


class _Graph:
    def __init__(self, factors, out, extents, shorten) -> None:
        self.out, self.extents, self.shorten = out, extents, shorten
        self.scalars: list[Formula] = []
        self.weights: dict[int, list[Formula]] = {t: [] for t in extents}
        self.edges: dict[tuple[int, int], list[Formula]] = {}
        for f in factors:
            self._add(f.formula, f.labels)

    def _add(self, e: Formula, labels: tuple[int, ...]) -> None:
        p = parts(e)
        self.scalars.append(Product(p.coefficient, p.scalars, p.below))
        core = p.array
        if core is None or isinstance(core, Ones):
            return
        if isinstance(core, Hadamard) and not core.below and len(labels) == 1:
            self.weights[labels[0]].extend(core.factors)
        elif len(labels) == 1:
            self.weights[labels[0]].append(core)
        elif len(labels) == 2 and labels[0] == labels[1]:
            self.weights[labels[0]].append(Apply("diag", (core,), 1))
        elif len(labels) == 2:
            self._edge(core, *labels)
        else:
            raise Unsayable

    def _edge(self, e: Formula, u: int, v: int) -> None:
        """Store a matrix with rows along u; one pair of labels has one list of matrices."""
        if (v, u) in self.edges:
            u, v, e = v, u, transpose(e)
        self.edges.setdefault((u, v), []).append(e)

    def _neighbours(self, v: int) -> list[int]:
        return [b if a == v else a for a, b in self.edges if v in (a, b)]

    def _pop(self, u: int, v: int) -> Formula:
        """Remove and give the matrix between u and v, with rows along u."""
        if (u, v) in self.edges:
            return hadamard(self.edges.pop((u, v)))
        return transpose(hadamard(self.edges.pop((v, u))))

    def formula(self) -> Formula:
        summed = [t for t in self.extents if t not in self.out]
        while summed:
            summed.remove(self._eliminate(summed))
        result = self._result()
        return product(self.scalars, result) if result is not None else product(self.scalars)

    def _eliminate(self, summed: list[int]) -> int:
        """Sum over one label, the easiest one."""
        for u, v in list(self.edges):
            if self._closed(u, v, summed):
                return v
        for v in summed:
            if not self._neighbours(v):
                self._scalar(v)
                return v
        ends = [v for v in summed if len(self._neighbours(v)) == 1]
        if ends:
            return self._collapse(min(ends, key=lambda v: self._end_cost(v)))
        for v in summed:
            if len(self._neighbours(v)) == 2:
                return self._merge(v)
        raise Unsayable

    def _end_cost(self, v: int) -> tuple:
        """Which dead end to collapse first: one with a weight, so that no vector of ones is needed;
        then columns.
        """
        return (not self.weights[v], any(a == v for a, _ in self.edges), v)

    def _closed(self, u: int, v: int, summed: list[int]) -> bool:
        """A sum over both labels of matrices that stand alone: a trace or a sum of all elements."""
        alone = self._neighbours(u) == [v] and self._neighbours(v) == [u]
        if not alone or self.weights[u] or self.weights[v] or u not in summed or v not in summed:
            return False
        matrices = self.edges.pop((u, v))
        identity = all(isinstance(m, Identity) for m in matrices)
        self.scalars.append(self.extents[u] if identity else _sum_all(matrices))
        self.extents = {t: e for t, e in self.extents.items() if t != u}
        summed.remove(u)
        return True

    def _scalar(self, v: int) -> None:
        """The sum over a label that only weights carry."""
        weights = self.weights.pop(v)
        if weights:
            self.scalars.append(inner(weights))
        else:
            self.scalars.insert(0, self.extents[v])

    def _collapse(self, v: int) -> int:
        """A dead end: matrix times vector, a weight of the other label."""
        (u,) = self._neighbours(v)
        weights = self.weights.pop(v)
        matrix = self._pop(u, v)
        vector: Formula = hadamard(weights) if weights else Ones()
        self._add(chain([matrix, vector], 1), (u,))
        return v

    def _merge(self, v: int) -> int:
        """A vertex between two edges: a matrix product."""
        u, w = self._neighbours(v)
        weights = self.weights.pop(v)
        middle = [self._diag(weights)] if weights else []
        self._add(chain([self._pop(u, v), *middle, self._pop(v, w)], 2), (u, w))
        return v

    def _diag(self, weights: list[Formula]) -> Formula:
        p = parts(hadamard(weights))
        return product(
            [Product(p.coefficient, p.scalars, p.below)], diag(self.shorten(p.array or Ones()))
        )

    def _result(self) -> Formula | None:
        if not self.out:
            return None
        if len(self.out) == 1:
            return self._vector(self.out[0])
        rows, columns = self.out
        if not self.edges:
            return chain([self._vector(rows), transpose(self._vector(columns))], 2)
        matrix = self._pop(rows, columns)
        left, right = self.weights[rows], self.weights[columns]
        if left and right and not isinstance(matrix, Identity):
            outer = chain([self._vector(rows), transpose(self._vector(columns))], 2)
            return hadamard([outer, matrix])
        if isinstance(matrix, Identity) and (left or right):
            return self._diag([*left, *right])
        return chain(
            [
                *([self._diag(left)] if left else []),
                matrix,
                *([self._diag(right)] if right else []),
            ],
            2,
        )

    def _vector(self, v: int) -> Formula:
        return hadamard(self.weights[v]) if self.weights[v] else Ones()


def inner(weights: list[Formula]) -> Formula:
    """The sum of an elementwise product of vectors: a'b, a squared norm, or a sum."""
    if len(weights) == 1:
        return _sum_one(weights[0])
    first, rest = weights[0], hadamard(weights[1:])
    if first == rest:
        return _squared(first)
    if _is_negative_power(first) or isinstance(rest, Ones):
        first, rest = rest, first
    return chain([transpose(first), rest], 0)


def _is_negative_power(e: Formula) -> bool:
    return isinstance(e, Hadamard) and not e.factors


def _sum_one(e: Formula) -> Formula:
    if isinstance(e, Hadamard) and e.factors and (len(e.factors) > 1 or e.below):
        return chain([transpose(e.factors[0]), Hadamard(e.factors[1:], e.below)], 0)
    if isinstance(e, Power) and e.exponent == TWO:
        return _squared(e.base)
    if isinstance(e, Apply) and e.word == "diag" and e.args[0].rank == 2:
        return Apply("tr", e.args, 0)
    return Apply("sum", (e,), 0)


def _squared(e: Formula) -> Formula:
    if e.rank == 1 and size(e) < NORM_SIZE:
        return chain([transpose(e), e], 0)
    return power(Apply("norm", (e,), 0), TWO)


def _sum_all(matrices: list[Formula]) -> Formula:
    """The sum of all elements of an elementwise product of matrices."""
    if len(matrices) == 1:
        return _sum_one_matrix(matrices[0])
    if len(matrices) == 2:
        a, b = matrices
        if a == b:
            return _squared(a)
        return trace(a, b)
    return Apply("sum", (hadamard(matrices),), 0)


def _sum_one_matrix(e: Formula) -> Formula:
    if isinstance(e, Hadamard) and len(e.factors) == 2 and not e.below:
        return _sum_all(list(e.factors))
    if isinstance(e, Power) and e.exponent == TWO:
        return _squared(e.base)
    return Apply("sum", (e,), 0)


def trace(a: Formula, b: Formula) -> Formula:
    """tr(a' b) with the fewer transposes."""
    pairs = (transpose(a), b), (a, transpose(b)), (transpose(b), a)
    choices = [chain(pair, 2) for pair in pairs]
    best = min(choices, key=transposes)
    p = parts(best)
    scalars = Product(p.coefficient, p.scalars, p.below)
    return product([scalars, Apply("tr", (p.array or best,), 0)])


def aligned(terms: Sequence[Labelled]) -> tuple[list[Formula], tuple[int, ...]]:
    """Formulas of one shape (scalars stay scalars), and the labels of their axes.

    Raises Unsayable where a term would have to be repeated along more than two axes.
    """
    union = tuple(sorted(set().union(*(t.labels for t in terms))))
    full = [t.labels for t in terms if len(t.labels) == len(union)]
    target = full[0] if full else union
    return [_spread(t, target) for t in terms], target


def _spread(t: Labelled, target: tuple[int, ...]) -> Formula:
    if t.labels in ((), target):
        return t.formula
    if len(target) != 2:
        raise Unsayable
    if len(t.labels) == 2:
        return transpose(t.formula)
    return repeated(t.formula, 0 if t.labels[0] == target[0] else 1)


def repeated(vector: Formula, axis: int) -> Formula:
    """A vector as the columns (axis 0) or the rows (axis 1) of a matrix."""
    if axis == 0:
        return chain([vector, transpose(Ones())], 2)
    return chain([Ones(), transpose(vector)], 2)


def multiplied(terms: Sequence[Labelled], shorten: Callable[[Formula], Formula]) -> Labelled:
    """An elementwise product of arrays of different shapes."""
    union = tuple(sorted(set().union(*(t.labels for t in terms))))
    full = [t.labels for t in terms if len(t.labels) == len(union)]
    out = full[0] if full else union
    extents: dict[int, Formula] = dict.fromkeys(out, TWO)
    return Labelled(contraction(terms, out, extents, shorten), out)
