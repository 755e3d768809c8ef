"""Expressions taken apart, and expressions that are equal but for the names of their labels."""

from __future__ import annotations

from collections.abc import Sequence

from ..algebra.scalar import ZERO, Add, Mul, Scalar
from .named import product
from .pool import relabel
from .value import Atom, Index, Load, Position

OPENED = 2  # values inside values that are looked into

Names = dict[str, str]


def factors(e) -> list:
    """Factors of a product of products."""
    return [f for a in e.args for f in factors(a)] if isinstance(e, Mul) else [e]


def terms(e) -> list:
    """Terms of a sum of sums."""
    return [t for a in e.args for t in terms(a)] if isinstance(e, Add) else [e]


def added(parts: Sequence):
    """Sum of terms."""
    return Add(*parts) if len(parts) > 1 else parts[0] if parts else ZERO


def inside(load: Load):
    """What a load of an elementwise value stands for, in the labels of the load; None if it is none
    or reads at other places than labels."""
    d = load.value
    plain = all(t.plain for t in load.indices)
    made = d.op or d.alias or d.merge or d.routine is not None
    if made or d.dtype != d.compute or not plain or d.expr is None:
        return None
    names = dict(zip(d.own, (str(t.label) for t in load.indices), strict=True))
    return relabel(d.expr, names) if set(names) == set(d.space) else None


def matched(pattern, e, names: Names, opened: int = 0) -> Names | None:
    """Names of the labels of e for those of the pattern, if the two are equal by them.

    names holds those that are known. A load may stand for what its value is made of.
    """
    if isinstance(pattern, Load) or isinstance(e, Load):
        return _loads(pattern, e, names, opened)
    if not isinstance(pattern, Scalar):
        return names if pattern == e else None
    if type(pattern) is not type(e):
        return None
    if isinstance(pattern, Position):
        return _indices(pattern.content, e.content, names)
    if isinstance(pattern, Atom):
        return names if pattern is e else None
    if isinstance(pattern, Add | Mul):
        parts = terms if isinstance(pattern, Add) else factors
        rest = _each(parts(pattern), parts(e), names, opened)
        return rest[0] if rest is not None and not rest[1] else None
    found: Names | None = names
    for a, b in zip(pattern.args, e.args, strict=True):
        found = matched(a, b, found, opened) if found is not None else None
    return found


def _loads(pattern, e, names: Names, opened: int) -> Names | None:
    if isinstance(pattern, Load) and isinstance(e, Load) and pattern.value is e.value:
        return _indices(pattern.indices, e.indices, names)
    if opened == OPENED:
        return None
    found = None
    if isinstance(pattern, Load) and (part := inside(pattern)) is not None:
        found = matched(part, e, names, opened + 1)
    if found is None and isinstance(e, Load) and (part := inside(e)) is not None:
        found = matched(pattern, part, names, opened + 1)
    return found


def _each(patterns: list, parts: list, names: Names, opened: int) -> tuple[Names, list] | None:
    """Every pattern matched by a part of its own, in any order: names, and the parts left over."""
    if not patterns:
        return names, parts
    if len(patterns) > len(parts):
        return None
    for k, part in enumerate(parts):
        found = matched(patterns[0], part, names, opened)
        if found is not None:
            rest = _each(patterns[1:], parts[:k] + parts[k + 1 :], found, opened)
            if rest is not None:
                return rest
    return None


def _indices(pattern: Sequence[Index], e: Sequence[Index], names: Names) -> Names | None:
    found = dict(names)
    for p, t in zip(pattern, e, strict=True):
        if (p.step, p.offset, p.inverse) != (t.step, t.offset, t.inverse):
            return None
        if p.label is None or t.label is None:
            if p.label is not t.label:
                return None
        elif p.label not in found and t.label not in found.values():
            found[p.label] = t.label
        elif found.get(p.label) != t.label:
            return None
    return found


def cofactor(e, x, names: Names) -> tuple[object, object] | None:
    """e as a product of x and something else: (x in the labels of e, the rest).

    names holds labels of e for labels of x.
    """
    every = factors(e)
    for k, f in enumerate(every):  # x as one factor
        if matched(x, f, names) is not None:
            return f, product(every[:k] + every[k + 1 :])
    wanted = factors(x)
    found = _each(wanted, every, names, 0) if len(wanted) > 1 else None
    if found is None:
        return None
    mine = list(every)
    for f in found[1]:
        mine.remove(f)
    return product(mine), product(found[1])
