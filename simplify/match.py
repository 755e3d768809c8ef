"""Matching a pattern against an expression.

Sums and products match in any order. At the root a pattern of k terms may match any k terms of a
longer sum or product;
below the root it must match all of them. `-a` matches anything: a becomes its negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..algebra.scalar import Add, Mul, Scalar, is_number
from .rule import Wild, negative, product

Binding = dict[Any, Any]
_MINUS_ONE = -1


def match(p: Any, e: Any, bound: Binding) -> Iterator[Binding]:
    """Every way in which the pattern is the whole expression."""
    kind = type(p)
    if kind is Wild:
        yield from _variable(p, e, bound)
    elif not isinstance(p, Scalar):
        if p is e or (is_number(e) and p == e):
            yield bound
    elif kind is Mul:
        yield from _product(p, e, bound)
    elif kind is type(e):
        if kind is Add:
            if len(p.args) == len(e.args):
                for found, _ in choose(p.args, e.args, bound):
                    yield found
        elif len(p.args) == len(e.args):
            yield from _each(p.args, e.args, bound)


def _variable(p: Wild, e: Any, bound: Binding) -> Iterator[Binding]:
    found = bound.get(p)
    if found is not None:
        if found is e or (is_number(e) and found == e):
            yield bound
    elif p.test is None or p.test(e):
        yield {**bound, p: e}


def _each(patterns: tuple, args: tuple, bound: Binding) -> Iterator[Binding]:
    if not patterns:
        yield bound
        return
    for found in match(patterns[0], args[0], bound):
        yield from _each(patterns[1:], args[1:], found)


def _product(p: Mul, e: Any, bound: Binding) -> Iterator[Binding]:
    first = p.args[0]
    if len(p.args) == 2 and first == _MINUS_ONE and not isinstance(first, Scalar):
        yield from match(p.args[1], negative(e), bound)
        return
    factors = e.args if type(e) is Mul else (e,)
    if type(first) is Wild and first.rest:
        for found, used in choose(p.args[1:], factors, bound):
            rest = product(f for k, f in enumerate(factors) if k not in used)
            yield from _variable(first, rest, found)
    elif len(factors) == len(p.args):
        for found, _ in choose(p.args, factors, bound):
            yield found


def choose(patterns: tuple, terms: tuple, bound: Binding, used: tuple = ()) -> Iterator[tuple]:
    """Every way to give each pattern a term of its own: (binding, positions of the terms used)."""
    if not patterns:
        yield bound, used
        return
    for k, term in enumerate(terms):
        if k not in used:
            for found in match(patterns[0], term, bound):
                yield from choose(patterns[1:], terms, found, (*used, k))


def match_root(p: Any, e: Any) -> Iterator[tuple[Binding, tuple | None]]:
    """Every match at the root: (binding, positions of the matched terms, or None if all of e
    matched).
    """
    if type(p) is type(e) and type(p) in (Add, Mul):
        whole = len(p.args) == len(e.args)
        for found, used in choose(p.args, e.args, {}):
            yield found, None if whole else used
    else:
        for found in match(p, e, {}):
            yield found, None
