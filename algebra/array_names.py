"""Names and numbers of ASCII text: identifiers that mean nothing else, and exact decimals."""

from __future__ import annotations

import keyword
import unicodedata
from fractions import Fraction

from .array_pieces import ATOMIC, MULTIPLIED, NEGATED, Piece
from .notation import Symbol
from .primitives import PRIMITIVES
from .routines import ROUTINES
from .spelling import decimal, large
from .symbols import GREEK
from .vocabulary import WORDS

RESERVED = (
    set(keyword.kwlist) | set(WORDS) | set(PRIMITIVES) | set(ROUTINES)
    | {"sum", "mean", "max", "min", "sqrt", "square", "softmax", "log_softmax", "logsumexp",
       "outer", "einsum", "dot", "array", "reshape", "transpose", "nan", "inf", "argmax", "argmin",
       "linear_recurrence", "grad", "jacobian", "hessian", "jvp"}
)  # fmt: skip


def spelled(symbol: Symbol) -> str:
    """A name as an identifier in ASCII: Greek letters by their names, primes as underscores."""
    text = "".join(map(_ascii, symbol.name)) or "_"
    text = text if not text[0].isdigit() else f"_{text}"
    return text + "_" * symbol.primes


def _ascii(c: str) -> str:
    if c.isascii():
        return c if c.isalnum() or c == "_" else "_"
    parts = unicodedata.name(c, "").split()
    if len(parts) == 4 and parts[0] == "GREEK":
        name = parts[3].lower().replace("lamda", "lambda")
        name = name if parts[1] == "SMALL" else name.capitalize()
        if name in GREEK:
            return "lam" if name == "lambda" else name
    return f"u{ord(c):04x}"


def number(value: Fraction) -> Piece:
    """An exact number."""
    typed = decimal(value) or large(value)
    text = typed or str(value)
    strength = NEGATED if value < 0 else ATOMIC
    return Piece(text, MULTIPLIED if "/" in text else strength)
