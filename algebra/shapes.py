"""Shapes that users write: numbers, names, and arithmetic of extents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy

from .dims import Dim, Extent, FreshDim, added, extent
from .errors import ShapeError
from .origin import here


def extents(shape: Any) -> tuple[Extent, ...]:
    """Extents from one entry, or a sequence of them: numbers, names, extents such as `x.shape[0]`,
    and sums and products of these with whole numbers.

    Raises ShapeError for anything else.
    """
    if isinstance(shape, Iterable) and not isinstance(shape, str):
        return tuple(map(extent_of, shape))
    return (extent_of(shape),)


def extent_of(value: Any) -> Extent:
    """One extent: see `extents`."""
    if isinstance(value, Dim | FreshDim) or not isinstance(value, sympy.Expr):
        return _no_none(value)
    terms: list[Extent] = []
    number = 0
    for t in sympy.Add.make_args(sympy.expand(value)):
        if isinstance(t, sympy.Integer):
            number += int(t)
            continue
        count, factors = t.as_coeff_mul()
        repeat, dims = int(count), [d for f in factors for d in _powers(f)]
        if count != repeat or repeat < 0 or None in dims:
            raise _not_built(value)
        product = dims[0] if len(dims) == 1 else FreshDim(("quotient", tuple(dims), 1))
        terms += [product] * repeat  # type: ignore[list-item]
    return added(terms, number)


def _powers(factor: sympy.Expr) -> list[Dim | FreshDim | None]:
    base, power = factor.as_base_exp()
    fits = isinstance(base, Dim | FreshDim) and power.is_Integer and power > 0
    return [base] * int(power) if fits else [None]


def _no_none(value: Any) -> Extent:
    if value is None:
        raise ShapeError(
            "a shape with None",
            where=here(),
            fix="give a number, or the extent of an input's axis such as x.shape[0]",
        )
    return extent(value)


def _not_built(value: Any) -> ShapeError:
    return ShapeError(
        f"the extent {value}",
        where=here(),
        fix="use sums and products of extents and whole numbers",
    )
