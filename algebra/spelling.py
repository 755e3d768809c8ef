"""What the printers of formulas share: precedence, parentheses, signs, letters of indices,
decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .names import LETTERS
from .normal_form import parts
from .notation import (
    Apply,
    Chain,
    Document,
    Entries,
    Entry,
    Formula,
    Hadamard,
    Identity,
    Index,
    IndexSum,
    Infix,
    Kronecker,
    Literal,
    MatrixPower,
    Number,
    Ones,
    Power,
    Product,
    Slice,
    Sum,
    Symbol,
    Transpose,
    Unit,
)

# Binding strength, weakest first.
RELATION, SUM, HADAMARD, PRODUCT, POWER, ATOM = range(6)
DIGITS = 17  # a decimal with more digits is written as a fraction
MAX_DEFINITIONS = 40  # more than these are counted, not shown


def decimal(value: Fraction) -> str | None:
    """A rational as the decimal a user would have typed, or None if it reads better as a fraction.

    Integers and halves are not decimals; a denominator with other prime factors than 2 and 5, or
    more than 17 digits, is a fraction.
    """
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1 or value.denominator <= 2:
        return None
    text = repr(float(value))
    if Fraction(text) != value:
        return None
    if "e" not in text:
        return text
    plain = format(Decimal(text), "f")
    return plain if len(plain) < 8 else text.replace("e-0", "e-")


def large(value: Fraction) -> str | None:
    """An integer such as 10**20 in scientific notation, or None if its digits are short enough."""
    if value.denominator != 1 or abs(value) < 10**16:
        return None
    digits = str(abs(value.numerator)) if abs(value) < 10**400 else ""
    short = digits.rstrip("0")
    if not digits or len(short) > DIGITS:
        return None
    mantissa = short[0] + ("." + short[1:] if short[1:] else "")
    return f"{'-' if value < 0 else ''}{mantissa}e{len(digits) - 1}"


def primes(order: int) -> str:
    """How the n-th derivative of a function is marked: f', f'' or f^(4)."""
    return "'" * order if order < 4 else f"^({order})"


def shown(definitions: Sequence[Any]) -> tuple[list[Any], int]:
    """The definitions to print, the first and the last ones, and how many are left out between."""
    if len(definitions) <= MAX_DEFINITIONS:
        return list(definitions), 0
    half = MAX_DEFINITIONS // 2
    return [*definitions[:half], *definitions[-half:]], len(definitions) - 2 * half


def strength(e: Formula) -> int:
    """How tightly the root of e binds."""
    if isinstance(e, Infix):
        return RELATION
    if isinstance(e, Sum | IndexSum):
        return SUM
    if isinstance(e, Number | Product) and parts(e).coefficient < 0:
        return SUM
    if isinstance(e, Number):
        return ATOM if e.value.denominator == 1 or decimal(e.value) else PRODUCT
    if isinstance(e, Hadamard | Kronecker):
        return HADAMARD
    if isinstance(e, Product | Chain):
        return PRODUCT
    return POWER if isinstance(e, Power | Transpose | MatrixPower) else ATOM


def negated(e: Formula) -> Formula | None:
    """-e if e starts with a minus sign, else None."""
    p = parts(e)
    if p.coefficient >= 0:
        return None
    flipped = Product(-p.coefficient, p.scalars, p.below, p.array)
    if flipped.coefficient == 1 and not p.below and len(p.scalars) + (p.array is not None) == 1:
        return p.array if p.array is not None else p.scalars[0]
    return Number(flipped.coefficient) if isinstance(e, Number) else flipped


class Spelling:
    """A printer: one method per kind of formula. Formulas are small, so it recurses."""

    def __init__(self, document: Document) -> None:
        self.document, self.used = document, document.used
        self.letters: dict[Formula, str] = {}

    def show(self, e: Formula) -> str:
        return getattr(self, KINDS[type(e)])(e)

    def inside(self, e: Formula, least: int) -> str:
        """e, in parentheses if it binds less tightly than `least`."""
        text = self.show(e)
        return text if self.strength(e) >= least else self.parenthesise(text)

    def strength(self, e: Formula) -> int:
        return strength(e)

    def bind(self, indices: tuple[Index, ...]) -> dict[Formula, str]:
        """Choose letters for indices that are not in use; gives the letters to restore."""
        before = dict(self.letters)
        taken = {*self.used, *self.letters.values()}
        names = (
            n
            for k in range(len(taken) + 9)
            for n in (LETTERS if k == 0 else [f"i_{k}"])
            if n not in taken
        )
        self.letters = {**self.letters, **dict(zip(indices, names, strict=False))}
        return before

    def sum(self, e: Sum) -> str:
        return " ".join(self.terms(e))

    def terms(self, e: Sum) -> list[str]:
        """The terms of a sum, all but the first behind their signs."""
        first, *rest = e.terms
        text = self.show(first)
        found = [text if self.strength(first) > RELATION else self.parenthesise(text)]
        for t in rest:
            opposite = negated(t)
            sign, term = ("+", t) if opposite is None else ("-", opposite)
            found.append(f"{sign} {self.inside(term, HADAMARD)}")
        return found

    def coefficient(self, value: Fraction) -> tuple[str, str]:
        """A positive factor as what stands in front and what divides; "" for 1."""
        typed = decimal(value) or large(value)
        if typed:
            return typed, ""
        return tuple(
            "" if part == 1 else str(part) for part in (value.numerator, value.denominator)
        )  # type: ignore

    def items(self, e: Slice) -> list[str]:
        """The items of a slice as texts."""
        return [self.show(i) if isinstance(i, Formula) else i for i in e.items]

    def literal(self, e: Literal) -> str:
        """Nested lists, as Python writes them."""
        return _nested(e.values)

    def unit(self, e: Unit) -> str:
        return f"e_{e.position}" if e.position.isdigit() else f"e_{{{e.position}}}"

    def index(self, e: Index) -> str:
        return self.letters.get(e, "?")

    def parenthesise(self, text: str) -> str:
        raise NotImplementedError


KINDS = {
    Number: "number", Symbol: "symbol", Ones: "ones", Identity: "identity", Sum: "sum",
    Product: "product",
    Chain: "chain", Hadamard: "hadamard", Power: "power", Transpose: "transpose", Apply: "apply",
    Infix: "infix",
    MatrixPower: "matrix_power", Kronecker: "kronecker", Literal: "literal", Unit: "unit",
    Slice: "slice", Index: "index", Entry: "entry", IndexSum: "index_sum", Entries: "entries",
}  # fmt: skip


def _nested(values: Any) -> str:
    if isinstance(values, tuple):
        return f"[{', '.join(map(_nested, values))}]"
    return str(values)


def plain_name(name: str, primes: int = 0) -> str:
    """A name on one line of text: as it is if it is an identifier, else quoted, with controls
    escaped.
    """
    shown = name if name.rstrip("'").isidentifier() else repr(name)
    return shown + "'" * primes
