"""The rule row: an identity with its condition, its soundness, its source and a witness.

Rows of scalar identities are written with the classes of `algebra.scalar` over pattern variables
(`Wild`). What cannot
be written as a pattern (flattening, collection) is a row too: a function, with a schematic left and
right to read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sympy import Integer, Rational

from ..algebra import scalar
from ..algebra.scalar import NONNEGATIVE, POSITIVE, Add, Mul, Pow, Scalar, Slot, is_number
from ..algebra.scalar import REAL as REAL_SIGN

BITS, REAL, FAST, ALMOST = "BITS", "REAL", "FAST", "ALMOST"
ADMITTED = {
    "bits": (BITS,),
    "real": (BITS, REAL),
    "fast": (BITS, REAL, FAST),
    "display": (BITS, REAL, ALMOST),  # to be read, never computed
}


class Wild(Scalar):
    """A pattern variable.

    test   None, or what the expression that it stands for must satisfy
    rest   in a product it stands for all remaining factors, possibly 1
    like   what a witness puts in its place: a sign for a slot, or a number
    """

    __slots__ = ("like", "name", "rest", "test")
    arity = 0

    def __new__(
        cls, name: str, test: Callable | None = None, rest: bool = False, like: Any = REAL_SIGN
    ):
        self = Scalar.__new__(
            cls, Slot(-1 - _number(name)), Slot(-1, f"{test and test.__name__}{rest}{like}")
        )
        self.name, self.test, self.rest, self.like = name, test, rest, like
        return self


def _number(name: str) -> int:
    return int.from_bytes(name.encode(), "big")


def number(e: Any) -> bool:
    return is_number(e)


def integer(e: Any) -> bool:
    return is_number(e) and e.is_integer


def positive(e: Any) -> bool:
    return scalar.sign(e) == POSITIVE


def nonnegative(e: Any) -> bool:
    return scalar.sign(e) in (POSITIVE, NONNEGATIVE)


@dataclass(frozen=True, eq=False)
class Rule:
    """One row.

    name        what reports and failing tests say
    left        pattern; for a function row, a schema to read
    right       what it becomes
    condition   None, or a function of the variables, by name
    soundness   BITS, REAL or FAST (semantics 3); ALMOST, of the display form alone: equal but
        where the left side has a kink
    source      where the identity comes from
    witness     an expression on which the row fires; by default the left side with slots for
        variables
    action      for a function row: expression -> expression or None
    root        operation at the root of what it matches; by default that of `left`
    trivial     it only tidies: firing is no reason to compute something twice
    """

    name: str
    left: Any
    right: Any
    condition: Callable[..., bool] | None = None
    soundness: str = REAL
    source: str = "definition"
    witness: Any = None
    action: Callable[[Any], Any] | None = None
    root: str = ""
    trivial: bool = False

    @property
    def operation(self) -> str:
        return self.root or scalar.op(self.left)

    def example(self) -> Any:
        """The witness."""
        return self.witness if self.witness is not None else instance(self.left)


def wilds(pattern: Any) -> list[Wild]:
    """Variables of a pattern in order of appearance."""
    if isinstance(pattern, Wild):
        return [pattern]
    found: dict[Wild, None] = {}
    if isinstance(pattern, Scalar):
        for a in pattern.args:
            found |= dict.fromkeys(wilds(a))
    return list(found)


def instance(pattern: Any) -> Any:
    """The pattern with each variable replaced by a slot of its sign, or by its example number."""
    chosen: dict[Any, Any] = {}
    for k, w in enumerate(wilds(pattern)):
        chosen[w] = Slot(k, w.like) if isinstance(w.like, str) else Rational(w.like)
    return fill(pattern, chosen)


def fill(pattern: Any, bound: dict) -> Any:
    """The pattern with its variables replaced; nothing is evaluated, except that factors of 1 are
    left out.
    """
    if isinstance(pattern, Wild):
        return bound[pattern]
    if not isinstance(pattern, Scalar) or isinstance(pattern, Slot):
        return pattern
    args = [fill(a, bound) for a in pattern.args]
    if isinstance(pattern, Mul):
        return product(args)
    return type(pattern)(*args)


def product(factors: Any) -> Any:
    """A product in order, without factors that are 1; a product of products is flat."""
    flat: list = []
    for f in factors:
        if isinstance(f, Mul):
            flat.extend(f.args)
        elif f is not Integer(1) and not (is_number(f) and f == 1):
            flat.append(f)
    return Mul(*flat) if len(flat) > 1 else flat[0] if flat else Integer(1)


def sum_of(terms: Any) -> Any:
    """A sum in order; a sum of sums is flat."""
    flat: list = []
    for t in terms:
        flat.extend(t.args if isinstance(t, Add) else (t,))
    return Add(*flat) if len(flat) > 1 else flat[0] if flat else Integer(0)


def negative(e: Any) -> Any:
    """-e with the sign pushed to where it costs nothing: into numbers and sums; -(-x) is x."""
    if is_number(e):
        return -e
    if isinstance(e, Add):
        return Add(*map(negative, e.args))
    if isinstance(e, Mul) and is_number(e.args[0]):
        return product((-e.args[0], *e.args[1:]))
    return Mul(-1, *e.args) if isinstance(e, Mul) else Mul(-1, e)


def reciprocal(e: Any) -> Any:
    """1/e."""
    return Pow(e, -1)
