"""Pieces of NumPy text and how they are multiplied: what `array_text` writes contractions with.

A piece is an expression with its binding strength. Products of matrices are kept as chains, so that
they are written flat; everything else gets parentheses where Python needs them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Binding strength in Python, weakest first.
COMPARED, SUMMED, MULTIPLIED, NEGATED, RAISED, ATOMIC = range(6)


class Piece(NamedTuple):
    """text, how tightly it binds, and, if it is a matrix product, its factors with their ranks."""

    text: str
    strength: int = ATOMIC
    chain: tuple[tuple[Piece, int], ...] = ()

    def inside(self, least: int) -> str:
        """The text, in parentheses if it binds less tightly than `least`."""
        return self.text if self.strength >= least else f"({self.text})"


Labels = tuple[int, ...]
Factor = tuple[Piece, Labels]
LETTERS = "ijklmnopqrstuvwxyzabcdefghABCDEFGHIJKLMNOPQRSTUVWXYZ"


def call(word: str, *arguments: str) -> Piece:
    """A function applied to texts."""
    return Piece(f"{word}({', '.join(arguments)})")


def indexed(piece: Piece, *items: str) -> Piece:
    return Piece(f"{piece.inside(ATOMIC)}[{', '.join(items)}]")


def times(pieces: Sequence[Piece]) -> Piece:
    """The elementwise product; equal neighbours become a square."""
    if len(pieces) == 1:
        return pieces[0]
    if len(pieces) == 2 and pieces[0].text == pieces[1].text:
        return Piece(f"{pieces[0].inside(ATOMIC)}**2", RAISED)
    first, *rest = pieces
    right = [p.inside(NEGATED) for p in rest]
    return Piece("*".join([first.inside(MULTIPLIED), *right]), MULTIPLIED)


def transposed(piece: Piece) -> Piece:
    """A matrix with its axes exchanged; the factors of a product one by one."""
    if piece.chain:
        return joined([(transposed(p) if r > 1 else p, r) for p, r in reversed(piece.chain)])
    text = piece.text
    if text.endswith(".T") and piece.strength == ATOMIC and re.fullmatch(r"\w+", text[:-2]):
        return Piece(text[:-2])
    return Piece(f"{piece.inside(ATOMIC)}.T")


def joined(factors: Sequence[tuple[Piece, int]]) -> Piece:
    """A matrix product of factors, written flat."""
    right = [p.inside(NEGATED) for p, _ in factors[1:]]
    text = " @ ".join([factors[0][0].inside(NEGATED), *right])
    return Piece(text, MULTIPLIED, tuple(factors))


def matrix_product(f: Piece, f_rank: int, g: Piece, g_rank: int) -> Piece:
    """f @ g; products within them are written flat where the order does not matter."""
    if f_rank == 1 and f.chain and f.chain[-1][1] == 1:
        f = transposed(f)  # as the row that stands in front
    left = f.chain if f.chain and f.chain[-1][1] == 2 else ((f, f_rank),)
    right = g.chain if g.chain and g.chain[0][1] == 2 else ((g, g_rank),)
    return joined([*left, *right])


def permuted(piece: Piece, labels: Labels, order: Labels) -> Piece:
    """The axes of an array in another order."""
    if labels == order:
        return piece
    if len(labels) == 2:
        return transposed(piece)
    axes = ", ".join(str(labels.index(t)) for t in order)
    return call("transpose", piece.text, f"({axes})")


def placed(piece: Piece, labels: Labels, frame: Labels) -> Piece:
    """An array that broadcasts against arrays whose axes are `frame`."""
    if not labels:
        return piece
    order = tuple(t for t in frame if t in labels)
    piece = permuted(piece, labels, order)
    places = frame[frame.index(order[0]) :]
    if len(places) == len(order):
        return piece
    return indexed(piece, *(":" if t in labels else "None" for t in places))


class Contraction:
    """The sum of a product of pieces over all labels that are not in `out`, as NumPy writes it.

    extents  text of the extent of a label
    """

    def __init__(self, factors: Sequence[Factor], out: Labels, extents: Mapping[int, str]) -> None:
        self.out, self.extents = out, extents
        self.scalars: list[Piece] = []
        self.factors: list[Factor] = []
        self.diagonals: dict[str, str] = {}
        self.whole = einsum(factors, out)
        for piece, labels in factors:
            self._add(piece, labels)
        carried = {t for _, labels in factors for t in labels}
        self.summed = [t for t in extents if t not in out and t in carried]
        self.scalars += [Piece(extents[t]) for t in extents if t not in out and t not in carried]

    def _add(self, piece: Piece, labels: Labels) -> None:
        if not labels:
            self.scalars.append(piece)
        elif len(labels) == 2 and labels[0] == labels[1]:
            vector = call("diagonal", piece.text)
            self.diagonals[vector.text] = piece.text
            self.factors.append((vector, labels[:1]))
        else:
            self.factors.append((piece, labels))

    def written(self) -> tuple[Piece, bool]:
        """The piece, and whether it has all axes of `out` (else it only broadcasts to them)."""
        if any(len(set(labels)) < len(labels) for _, labels in self.factors):
            return self.whole, True
        while self.summed:
            if not self._sum_one():
                return self.whole, True
        return self._result()

    def _carriers(self, label: int) -> list[Factor]:
        return [f for f in self.factors if label in f[1]]

    def _replace(self, old: Sequence[Factor], new: Factor) -> None:
        position = min(self.factors.index(f) for f in old)
        rest = [f for f in self.factors if not any(f is o for o in old)]
        self.factors = rest
        if new[1]:
            self.factors.insert(min(position, len(rest)), new)
        else:
            self.scalars.append(new[0])

    def _sum_one(self) -> bool:
        """Sum over the label that leaves the smallest array; False if no product says it."""
        self._merge_equal()
        if self._trace():
            return True
        for label in sorted(self.summed, key=self._size_without):
            if self._sum_over(label):
                return True
        return False

    def _size_without(self, label: int) -> tuple[int, bool, bool]:
        found = self._carriers(label)
        kept = set().union(*(f[1] for f in found)) - {label}
        weighted = any(len(f[1]) == 1 for f in found)
        turned = any(len(f[1]) > 1 and f[1][-1] != label for f in found)
        return len(kept), not weighted, turned

    def _merge_equal(self) -> None:
        """Matrices between the same labels are multiplied elementwise."""
        for f in self.factors:
            same = [g for g in self.factors if len(f[1]) > 1 and set(g[1]) == set(f[1])]
            if len(same) > 1 and not self._opposite(same):
                piece = times([permuted(p, labels, f[1]) for p, labels in same])
                self._replace(same, (piece, f[1]))
                return self._merge_equal()
        return None

    def _opposite(self, same: Sequence[Factor]) -> bool:
        """Whether two matrices are the factors of a trace."""
        labels = set(same[0][1])
        alone = [f for f in self.factors if labels & set(f[1])]
        return (
            len(same) == len(alone) == 2
            and len(labels) == 2
            and same[0][1] != same[1][1]
            and labels <= set(self.summed)
        )

    def _trace(self) -> bool:
        for f in self.factors:
            same = [g for g in self.factors if len(f[1]) == 2 and set(g[1]) == set(f[1])]
            if len(same) == 2 and self._opposite(same):
                (a, _), (b, _) = same
                self._replace(same, (call("trace", matrix_product(a, 2, b, 2).text), ()))
                self.summed = [t for t in self.summed if t not in f[1]]
                return True
        return False

    def _sum_over(self, label: int) -> bool:
        found = self._carriers(label)
        vectors = [f for f in found if len(f[1]) == 1]
        arrays = [f for f in found if len(f[1]) > 1]
        if len(found) == 1 and found[0][0].text in self.diagonals:
            trace = call("trace", self.diagonals[found[0][0].text])
            self._replace(found, (trace, ()))
        elif not arrays:
            self._replace(vectors, (inner([p for p, _ in vectors]), ()))
        elif len(arrays) == 1 and not vectors:
            return self._sum_alone(arrays[0])
        elif len(arrays) > 2:
            return False
        elif len(arrays) == 1 or vectors:
            weight = times([p for p, _ in vectors])
            (a, labels), *rest = arrays
            if not rest:
                return self._product((a, labels), (weight, (label,)), [*arrays, *vectors], label)
            left, right = arrays
            if right[1][0] == label:  # rows of the right matrix; it stays there
                right = scale(*right, weight, label), right[1]
            else:
                left = scale(a, labels, weight, label), labels
            return self._product(left, right, [*arrays, *vectors], label)
        else:
            return self._product(arrays[0], arrays[1], arrays, label)
        self.summed.remove(label)
        return True

    def _sum_alone(self, f: Factor) -> bool:
        """One array alone: a sum along every axis that only it has."""
        gone = [t for t in f[1] if t in self.summed and len(self._carriers(t)) == 1]
        rest = tuple(t for t in f[1] if t not in gone)
        axes = [str(k) for k, t in enumerate(f[1]) if t in gone]
        axis = axes[0] if len(axes) == 1 else f"({', '.join(axes)})"
        options = [f"axis={axis}"] if rest else []
        self._replace([f], (call("sum", f[0].text, *options), rest))
        self.summed = [t for t in self.summed if t not in gone]
        return True

    def _product(self, f: Factor, g: Factor, old: Sequence[Factor], label: int) -> bool:
        """A matrix product over the label, in the order that needs fewer transposes."""
        if set(f[1]) & set(g[1]) != {label} or len(g[1]) > 2 or len(f[1]) > 2:
            return False
        orders = [(f, g), (g, f)]
        if len(f[1]) + len(g[1]) == 4:
            orders.sort(key=lambda pair: self._transposes(pair[0], pair[1], label))
        elif f[1][0] == label and len(f[1]) == 2 and not f[0].chain and self._row(label, f[1]):
            orders.reverse()
        (a, left), (b, right) = orders[0]
        assert len(left) > 1 or len(right) > 1, "vectors are summed by `inner`"
        rest = tuple(t for t in left if t != label)
        more = tuple(t for t in right if t != label)
        a = permuted(a, left, (*rest, label))
        b = permuted(b, right, (label, *more))
        piece = matrix_product(a, len(left), b, len(right))
        self._replace(old, (piece, (*rest, *more)))
        self.summed.remove(label)
        return True

    def _row(self, label: int, labels: Labels) -> bool:
        """Whether a vector stands better in front of a matrix: where the result meets more."""
        other = next(t for t in labels if t != label)
        return other in self.summed

    def _transposes(self, f: Factor, g: Factor, label: int) -> int:
        u = next(t for t in f[1] if t != label)
        w = next(t for t in g[1] if t != label)
        turned = (f[1][0] == label) + (g[1][1] == label)
        backwards = u in self.out and w in self.out and self.out.index(u) > self.out.index(w)
        return turned + 3 * backwards

    def _result(self) -> tuple[Piece, bool]:
        out = self.out
        self._merge_equal()
        covered = {t for _, labels in self.factors for t in labels}
        if len(out) == 2 and covered == set(out):
            array = self._matrix(*out)
        elif self.factors:
            array = times([placed(p, labels, out) for p, labels in self.factors])
        else:
            return (times(self.scalars) if self.scalars else Piece("1")), not out
        found = times([*self.scalars, array]) if self.scalars else array
        return found, covered == set(out)

    def _matrix(self, rows: int, columns: int) -> Piece:
        left = [p for p, labels in self.factors if labels == (rows,)]
        right = [p for p, labels in self.factors if labels == (columns,)]
        middle = [permuted(p, ls, (rows, columns)) for p, ls in self.factors if len(ls) == 2]
        if not middle:
            return call("outer", times(left).text, times(right).text)
        if len(middle) == 1 and middle[0].text.startswith("eye(") and (left or right):
            return call("diag", times([*left, *right]).text)
        scaled = [placed(times(left), (rows,), (rows, columns))] if left else []
        return times([*scaled, *middle, *([times(right)] if right else [])])


def scale(array: Piece, labels: Labels, weight: Piece, label: int) -> Piece:
    """An array times a vector along one of its axes."""
    if labels[-1] == label:
        return times([array, weight])
    return times([placed(weight, (label,), labels), array])


def inner(vectors: Sequence[Piece]) -> Piece:
    """The sum of a product of vectors."""
    if len(vectors) == 1:
        return call("sum", vectors[0].text)
    first, rest = vectors[0], times(vectors[1:])
    if first.text == rest.text and not re.fullmatch(r"[\w.]+", first.text):
        return call("sum", times([first, rest]).text)
    return matrix_product(first, 1, rest, 1)


def einsum(factors: Sequence[Factor], out: Labels) -> Piece:
    """Any contraction of arrays."""
    letter = {t: LETTERS[k % 52] for k, t in enumerate(
        dict.fromkeys([*out, *(t for _, labels in factors for t in labels)])
    )}  # fmt: skip
    inputs = ",".join("".join(letter[t] for t in labels) for _, labels in factors)
    result = "".join(letter[t] for t in out)
    return call("einsum", f"'{inputs}->{result}'", *(p.text for p, _ in factors))
