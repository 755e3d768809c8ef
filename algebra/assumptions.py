"""Promises about inputs: what may be declared with `assume=`, and what follows from it.

They never change which derivative is taken, only how it may be simplified (semantics 3.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .dims import Extent, show_shape
from .errors import ExpressionError, ShapeError
from .origin import here


@dataclass(frozen=True)
class Assumption:
    """One row: a promise, what it implies, and which arrays it can be made of."""

    name: str
    meaning: str
    implies: tuple[str, ...] = ()
    square: bool = False
    least_rank: int = 0
    most_rank: int = 99


ASSUMPTIONS = {
    row.name: row
    for row in (
        Assumption("positive", "every element is > 0"),
        Assumption("nonnegative", "every element is >= 0"),
        Assumption("symmetric", "A.T equals A", (), True, 2, 2),
        Assumption("psd", "symmetric, with eigenvalues >= 0", ("symmetric",), True, 2, 2),
        Assumption("diagonal", "0 off the diagonal", ("symmetric",), True, 2, 2),
        Assumption("orthogonal", "Q.T @ Q is the identity", (), False, 2, 2),
        Assumption("onehot", "one 1 along the last axis, else 0", ("nonnegative",), False, 1),
        Assumption(
            "simplex", "nonnegative, with sum 1 along the last axis", ("nonnegative",), False, 1
        ),
    )
}


def facts(names: Iterable[str], dims: tuple[Extent, ...]) -> frozenset[str]:
    """The promises with what they imply.

    Raises ExpressionError for an unknown one, ShapeError for an array that it cannot be made of.
    """
    found: set[str] = set()
    for name in names:
        row = ASSUMPTIONS.get(name)
        if row is None:
            raise ExpressionError(
                f"unknown assumption {name!r}",
                where=here(),
                fix=f"use one of {', '.join(ASSUMPTIONS)}",
            )
        fits = row.least_rank <= len(dims) <= row.most_rank
        if not fits or (row.square and dims[0] != dims[1]):
            raise ShapeError(
                f"{name!r} of an array of shape {show_shape(dims)}",
                where=here(),
                fix=f"it means: {row.meaning}; declare such a shape, with equal extents where the "
                "matrix is square",
            )
        found |= {name, *row.implies}
    return frozenset(found)
