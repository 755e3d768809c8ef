"""A formula with the axes along which it runs, and the array that it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from .dims import Extent
from .factorgraph import Unsayable, repeated
from .normal_form import chain, product, transpose
from .notation import (
    Apply,
    Entries,
    Entry,
    Formula,
    Index,
    Number,
    Ones,
    Slice,
    Sum,
    Symbol,
    rewrite,
)


@dataclass(frozen=True)
class View:
    """A formula and, per axis of it, the axis of the node along which it runs; it is the same along
    all others.
    """

    formula: Formula
    axes: tuple[int, ...] = ()


def constant(payload) -> Formula:
    value = float(payload)
    if value - value != 0:  # not finite
        return Apply("nan" if value != value else "inf" if value > 0 else "-inf", (), 0)
    return Number(Fraction(repr(value)))


def squeezed(symbol: Symbol, dims: tuple[Extent, ...]) -> View:
    """A variable without its axes of extent 1: a column is a vector, a row its transpose."""
    wide = tuple(k for k, d in enumerate(dims) if d != 1)
    if len(wide) == len(dims) or not wide:
        return View(symbol if wide else Symbol(symbol.name, 0, symbol.primes), wide)
    if len(dims) == 2:
        column = Symbol(symbol.name, 1, symbol.primes)
        return View(column if wide == (0,) else transpose(column), wide)
    items = tuple(":" if k in wide else "0" for k in range(len(dims)))
    return View(Slice(symbol, items, len(wide)), wide)


def narrow(view: View, dims: tuple[Extent, ...]) -> View:
    """The view without axes of extent 1."""
    wide = tuple(k for k in view.axes if dims[k] != 1)
    if len(wide) == len(view.axes):
        return view
    items = tuple(":" if k in wide else "0" for k in view.axes)
    return View(Slice(view.formula, items, len(wide)), wide)


def full(view: View, dims: tuple[Extent, ...]) -> View:
    """The view along every axis that is not of extent 1."""
    wide = tuple(k for k, d in enumerate(dims) if d != 1)
    if set(view.axes) >= set(wide):
        return view
    if len(wide) == 2 and len(view.axes) == 1:
        return View(repeated(view.formula, wide.index(view.axes[0])), wide)
    if len(wide) == 2:
        ones = chain([Ones(), transpose(Ones())], 2)
        return View(product([view.formula], ones), wide)
    if len(wide) == 1:
        return View(product([view.formula], Ones()), wide)
    raise Unsayable


def whole(view: View, dims: tuple[Extent, ...]) -> Formula:
    """The formula of a node by itself; a number stands for an array of it."""
    if isinstance(view.formula, Number) and dims:
        return view.formula
    try:
        view = full(view, dims)
    except Unsayable:
        return view.formula if not view.axes else _by_index(view, len(dims))
    if view.axes == (1, 0) or (view.axes == (1,) and len(dims) == 2):
        return transpose(view.formula, alone=True)
    return view.formula if view.axes == tuple(sorted(view.axes)) else _by_index(view, len(dims))


def _by_index(view: View, rank: int) -> Formula:
    indices = tuple(Index(-1 - k) for k in range(rank))
    return Entries(entry(view.formula, [indices[k] for k in view.axes]), indices)


def entry(e: Formula, indices: Sequence[Formula]) -> Formula:
    """One element of an array; of elements written with indices, the formula itself."""
    if not indices:
        return e
    if isinstance(e, Entries):
        swap: dict[Formula, Formula] = dict(zip(e.indices, indices, strict=True))
        return rewrite(e.body, lambda t: swap.get(t) if isinstance(t, Index) else None)
    if isinstance(e, Sum):
        return Sum(tuple(entry(t, indices) if t.rank else t for t in e.terms))
    return Entry(e, tuple(indices))
