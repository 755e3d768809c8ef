"""Routines on whole arrays in matrix notation: one row each.

A routine without a row is a function of its own name.
"""

from __future__ import annotations

from collections.abc import Callable

from .node import Call, Map
from .normal_form import chain, product, transpose
from .notation import Apply, Formula, MatrixPower, Number, Transpose
from .scalar import Slot

Row = Callable[..., Formula | None]


def _power(exponent: str) -> Row:
    return lambda x, a, *rest: _raised(a, exponent)


def _raised(a: Formula, exponent: str) -> Formula:
    """A matrix to a power; the transpose is taken last."""
    if isinstance(a, Transpose):
        return Transpose(MatrixPower(a.base, exponent))
    return MatrixPower(a, exponent)


def _solve(x: Call, a: Formula, b: Formula) -> Formula:
    return chain([_raised(a, "-1"), b], b.rank)


def _solve_triangular(x: Call, a: Formula, b: Formula) -> Formula | None:
    """The inverse of the triangle that is read times the right side."""
    base = x.operands[0]
    while isinstance(base, Map) and isinstance(base.spec.body, Slot):
        (base,) = base.operands
    factor = isinstance(base, Call) and base.spec.routine == "cholesky"
    lower, unit = x.spec.params
    if isinstance(b, Number) or unit:
        return None
    triangle = a if factor else Apply("tril" if lower else "triu", (a,), 2)
    return chain([_raised(triangle, "-1"), b], b.rank)


def _sign_and_log(x: Call, a: Formula) -> Formula:
    det = Apply("det", (a,), 0)
    return (
        Apply("log", (Apply("abs", (det,), 0),), 0) if x.spec.output else Apply("sign", (det,), 0)
    )


def _chosen(x: Call, positions: Formula, values: Formula) -> Formula:
    """Rows added at positions: the product with unit vectors."""
    if positions.rank == 0 and values.rank == 0:
        return product([values], Apply("one_hot", (positions,), 1))
    return chain([transpose(Apply("one_hot", (positions,), 2)), values], values.rank)


def _matrix_power(x: Call, a: Formula) -> Formula:
    return MatrixPower(a, str(x.spec.params[0]))


def _word(word: str, order: int) -> Row:
    return lambda x, *args: Apply(word, args, order)


ROWS: dict[str, Row] = {
    "inv": _power("-1"),
    "pinv": _power("+"),
    "matrix_power": _matrix_power,
    "solve": _solve,
    "det": _word("det", 0),
    "logdet": _word("logdet", 0),
    "slogdet": _sign_and_log,
    "solve_triangular": _solve_triangular,
    "scatter_add": _chosen,
    "scatter_last": _word("last", 1),
    "recurrence": _word("linear_recurrence", 1),
}


def formula(x: Call, args: tuple[Formula, ...]) -> Formula | None:
    """The formula of a call whose operands have at most two axes, or None."""
    row = ROWS.get(x.spec.routine)
    if row is None or x.ndim > 2 or any(a.ndim > 2 for a in x.operands):
        return None
    return row(x, *args)
