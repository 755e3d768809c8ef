"""How the words of linear algebra are written: of matrices that are well-conditioned.

A drawn value is taken as it is where its condition number is small; else a matrix is made of it,
a small one beside a multiple of the identity.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tests.programs.grammar import Form, NoFit, Source, Text, Value
from tests.programs.meaning import REFERENCE

MODERATE = 1e3  # condition numbers, and norms over gaps, up to this
LARGEST = 17  # rows and columns
Make = Callable[[Source], tuple[Value, str]]


def _array(text: str, v: Value) -> np.ndarray:
    """What a text that reads one value is; NoFit unless it is finite."""
    with np.errstate(all="ignore"):
        a = np.asarray(eval(text, {"cf": REFERENCE, "np": np, v.name: v.array}))  # noqa: S307
    if not np.isfinite(a).all():
        raise NoFit
    return a


def _drawn(source: Source, square: bool) -> Value:
    found = [
        v
        for v in source.values
        if 2 <= v.ndim <= 3
        and v.kind in "fi"
        and max(v.array.shape[-2:]) <= LARGEST
        and (not square or v.tensor.shape[-1] == v.tensor.shape[-2])
    ]
    return source.one(found[::-1])


def _size(a: np.ndarray) -> float:
    return float(np.abs(a).max(initial=0))


def _small(v: Value, most: float = 4) -> str:
    """A value, or its sine."""
    return v.name if _size(v.array) <= most else f"cf.sin({v.name})"


def moderate(v: Value, text: str) -> bool:
    """Whether condition numbers are small; those of nothing are."""
    a = _array(text, v)
    return not a.size or bool((np.linalg.cond(a) <= MODERATE).all())


def dominated(v: Value) -> str:
    """A matrix of any shape in which the identity prevails."""
    rows, columns = (f"{v.name}.shape[{k}]" for k in (-2, -1))
    return f"(cf.tanh({v.name})/{columns} + 1.5*cf.eye({rows}, {columns}))"


def any_matrix(source: Source, square: bool = False) -> tuple[Value, str]:
    """A matrix of full rank, as it is or with the identity."""
    v = _drawn(source, square)
    return v, v.name if moderate(v, v.name) else dominated(v)


def square(source: Source) -> tuple[Value, str]:
    return any_matrix(source, square=True)


def positive_determinant(source: Source) -> tuple[Value, str]:
    v = _drawn(source, True)
    return v, dominated(v)


def positive(source: Source) -> tuple[Value, str]:
    """A symmetric positive definite matrix: A A^T over the count of columns, and the identity."""
    v = _drawn(source, False)
    x = _small(v)
    return v, (
        f"(cf.matmul({x}, cf.matrix_transpose({x}))/{v.name}.shape[-1]"
        f" + 2*cf.eye({v.name}.shape[-2]))"
    )


def symmetric(source: Source) -> tuple[Value, str]:
    v = _drawn(source, True)
    x = _small(v)
    return v, f"({x} + cf.matrix_transpose({x}))"


def symmetric_or_positive(source: Source) -> tuple[Value, str]:
    return source.one([positive, symmetric])(source)


def _distinct(values: np.ndarray) -> None:
    """Raises NoFit unless values, sorted along the last axis, lie well apart."""
    gaps = np.abs(np.diff(values, axis=-1))
    if gaps.size and gaps.min() * MODERATE < _size(values):
        raise NoFit


# ---------------------------------------------------------------- forms


def _of(make: Make, *templates: str) -> Form:
    """A function of one matrix."""

    def form(word: str, source: Source) -> Text:
        v, text = make(source)
        return Text(source.one(templates).format(word=word, x=text), (v.name,))

    return form


def _system(options: tuple[str, ...] = ("",)) -> Form:
    """A system with a vector or matrices on the right."""

    def form(word: str, source: Source) -> Text:
        v, text = square(source)
        if "triangular" in word:
            text = dominated(v)
        found = [
            b
            for b in source.values
            if b.ndim in (1, 2)
            and b.kind in "fi"
            and b.tensor.shape[max(-2, -b.ndim)] == v.tensor.shape[-1]
        ]
        b = source.one(found[::-1])
        written = f"cf.{word}({text}, {b.name}{source.one(options)})"
        return Text(written, (v.name, b.name))

    return form


def _eigenvectors(word: str, source: Source) -> Text:
    """Signs of eigenvectors are nobody's choice: absolute values, and functions of a matrix."""
    v, text = symmetric_or_positive(source)
    if source.one([False, True]):
        which = source.one(["", ', "U"'])
        return Text(f"cf.{word}({text}{which})[0]", (v.name,))
    _distinct(np.linalg.eigvalsh(_array(text, v)))
    return Text(f"cf.abs(cf.{word}({text})[1])", (v.name,))


def _singular_vectors(word: str, source: Source) -> Text:
    v, text = any_matrix(source)
    which = source.whole(0, 2)
    found = f"cf.{word}({text}, full_matrices=False)[{which}]"
    if which != 1:
        _distinct(np.linalg.svd(_array(text, v), compute_uv=False))
    return Text(found if which == 1 else f"cf.abs({found})", (v.name,))


def _exponential(word: str, source: Source) -> Text:
    v = _drawn(source, True)
    small = float(np.abs(v.array).sum(-1).max(initial=0)) <= 6
    return Text(f"cf.{word}({v.name if small else dominated(v)})", (v.name,))


def _power(word: str, source: Source) -> Text:
    v, text = square(source)
    return Text(f"cf.{word}({text}, {source.whole(-2, 5)})", (v.name,))


def _norm(word: str, source: Source) -> Text:
    v = _drawn(source, False)
    if not v.array.size:
        raise NoFit  # refused, as by NumPy before 2.3
    order = source.one(['"fro"', '"nuc"', "2", "-2", "1", "-1", "np.inf", "-np.inf"])
    return Text(f"cf.{word}({v.name}, {order})", (v.name,))


PLAIN = "cf.{word}({x})"
TRIANGULAR = (
    ", lower=True",
    ", lower=False",
    ", lower=True, trans=1",
    ", lower=False, unit_diagonal=True",
)
FORMS: dict[str, Form] = {
    "cholesky": _of(positive, PLAIN, "cf.{word}({x}, upper=True)"),
    "det": _of(square, PLAIN),
    "eigh": _eigenvectors,
    "eigvalsh": _of(symmetric_or_positive, PLAIN),
    "expm": _exponential,
    "inv": _of(square, PLAIN),
    "logdet": _of(positive_determinant, PLAIN),
    "matrix_norm": _norm,
    "matrix_power": _power,
    "matrix_rank": _of(any_matrix, PLAIN),
    "pinv": _of(any_matrix, PLAIN),
    "qr": _of(any_matrix, PLAIN + "[0]", PLAIN + "[1]", 'cf.{word}({x}, "r")'),
    "slogdet": _of(square, PLAIN + "[0]", PLAIN + "[1]"),
    "solve": _system(),
    "solve_triangular": _system(TRIANGULAR),
    "svd": _singular_vectors,
    "svdvals": _of(any_matrix, PLAIN),
}
LINALG = {f"linalg.{word}": form for word, form in FORMS.items()}
