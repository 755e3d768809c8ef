"""Bodies of elementwise maps as formulas: one row per primitive.

Each operand is a formula with the labels of its axes; a subexpression carries the labels of what
occurs in it, and is repeated along the others only where it meets a larger array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from . import scalar
from .factorgraph import Labelled, aligned, multiplied
from .normal_form import power, product
from .notation import ONE, Apply, Formula, Infix, Number
from .primitives import PRIMITIVES
from .scalar import Slot, op
from .sums import total

MINUS = Number(Fraction(-1))


def number(value) -> Number:
    """A SymPy rational."""
    return Number(Fraction(int(value.p), int(value.q)))


def body_formula(
    body, operands: Sequence[Labelled], shorten: Callable, special: Callable, as_typed: bool = False
) -> Labelled:
    """A body with formulas in its slots.

    Parameters
    ----------
    shorten : see `factorgraph.contraction`.
    special : gives a formula for expressions that have a word of their own, else None.
    as_typed : see `sums.total`.

    Raises
    ------
    Unsayable if it needs indices.
    """
    memo: dict = {}

    def walk(e) -> Labelled:
        if e not in memo:
            memo[e] = leaf(e) or special(e, walk) or row(e, [walk(a) for a in e.args])
        return memo[e]

    def row(e, args: list[Labelled]) -> Labelled:
        return _sum(args, as_typed) if op(e) == "Add" else _row(e, args, shorten)

    def leaf(e) -> Labelled | None:
        if isinstance(e, Slot):
            return operands[e.index]
        if scalar.is_number(e):
            return Labelled(number(e))
        return None if isinstance(e, scalar.Scalar) else Labelled(Apply(str(e).lower(), (), 0))

    return walk(body)


def _row(e, args: list[Labelled], shorten: Callable) -> Labelled:
    name = op(e)
    if name == "Mul":
        return multiplied(args, shorten)
    formulas, labels = aligned(args)
    if PRIMITIVES[name].infix:
        return Labelled(Infix(name, tuple(formulas)), labels)
    row = ROWS.get(name, lambda *a: Apply(name, a, len(labels)))
    return Labelled(row(*formulas), labels)


def _sum(args: list[Labelled], as_typed: bool) -> Labelled:
    formulas, labels = aligned(args)
    return Labelled(total(formulas, as_typed), labels)


def _log1p(x: Formula) -> Formula:
    return Apply("log", (total([ONE, x]),), x.rank)


def _expm1(x: Formula) -> Formula:
    return total([Apply("exp", (x,), x.rank), MINUS])


def _log1mexp(x: Formula) -> Formula:
    inner = Apply("exp", (_scaled(x),), x.rank)
    return Apply("log", (total([ONE, _scaled(inner)]),), x.rank)


def _exp(x: Formula) -> Formula:
    if isinstance(x, Apply) and x.word == "log_softmax":
        return Apply("softmax", x.args, x.order, x.axis)
    return Apply("exp", (x,), x.rank)


def _derivative(word: str) -> Callable[..., Formula]:
    """The n-th derivative of a function that has no formula in others that keeps its digits."""

    def row(n: Formula, x: Formula) -> Formula:
        if isinstance(n, Number) and n.value.denominator == 1:
            return Apply(word, (x,), x.rank, derivative=int(n.value))
        return Apply(f"{word}_derivative", (n, x), x.rank)

    return row


def _scaled(x: Formula) -> Formula:
    return product([MINUS], x) if x.rank else product([MINUS, x])


# What reads better as other functions; every other primitive is applied by its own name.
ROWS: dict[str, Callable[..., Formula]] = {
    "Pow": power,
    "exp": _exp,
    "log1p": _log1p,
    "expm1": _expm1,
    "log1mexp": _log1mexp,
    **{f"{word}_derivative": _derivative(word) for word in ("erfcx", "exprel", "sinc")},
}
