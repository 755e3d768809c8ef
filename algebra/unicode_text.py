"""Unicode text of tensors: the formulas of `text` with the signs of mathematics.

`Xᵀ(σ(X w + b) − y)/n + 0.02 w`: ᵀ transposes, ⊙ and ⊘ are elementwise, 𝟏 is the vector of ones,
‖·‖ a norm; Greek names are Greek letters, digits at the end of a name are subscripts.
"""

from __future__ import annotations

import re
import unicodedata

from .node import Node
from .notation import (
    Apply,
    Chain,
    Entry,
    Identity,
    IndexSum,
    Infix,
    Kronecker,
    MatrixPower,
    Number,
    Ones,
    Power,
    Sum,
    Symbol,
    Transpose,
    Unit,
)
from .spelling import ATOM, POWER, PRODUCT, SUM, plain_name
from .symbols import GREEK
from .text import TextSpelling, lines_of
from .transcription import transcribe

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
SIGNS = {"le": "≤", "ge": "≥", "ne": "≠", "eq": "=", "and_": "∧", "or_": "∨", "not_": "¬"}
WORDS = {"sigmoid": "σ", "ndtr": "Φ", "digamma": "ψ", "gamma": "Γ", "sqrt": "√", "pi": "π"}


def unicode_text(node: Node, names: bool = False) -> str:
    """A node in display form; the second and later lines define temporaries."""
    return lines_of(UnicodeSpelling(transcribe(node, spelled, names)))


def spelled(symbol: Symbol) -> str:
    """A variable in Unicode: Greek where its name says so, digits at the end as subscripts."""
    match = re.fullmatch(r"([A-Za-z]+)_?(\d*)", symbol.name)
    if not match:
        return plain_name(symbol.name, symbol.primes)
    word, digits = match.groups()
    return _letter(word) + digits.translate(SUBSCRIPTS) + "′" * symbol.primes


def _letter(word: str) -> str:
    if word not in GREEK:
        return word
    name = GREEK[word][1:]
    case = "SMALL" if name[0].islower() else "CAPITAL"
    return unicodedata.lookup(f"GREEK {case} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")


class UnicodeSpelling(TextSpelling):
    """One-line Unicode text of formulas."""

    TOP, TIMES, OVER, MINUS, NORM = "ᵀ", " ⊙ ", " ⊘ ", "−", "‖"

    def number(self, e: Number) -> str:
        return super().number(e).replace("-", "−")

    def symbol(self, e: Symbol) -> str:
        return spelled(e)

    def ones(self, e: Ones) -> str:
        return "𝟏"

    def identity(self, e: Identity) -> str:
        return "Id" if "I" in self.used else "I"

    def terms(self, e: Sum) -> list[str]:
        return [re.sub("^- ", "− ", t) for t in super().terms(e)]

    def chain(self, e: Chain) -> str:
        texts = [self.inside(f, POWER) for f in e.factors]
        result = texts[0]
        for text in texts[1:]:
            glued = result.endswith(self.TOP) and text.startswith("(")
            result += text if glued else f" {text}"
        return result

    def power(self, e: Power) -> str:
        base = self.inside(e.base, ATOM)
        if isinstance(e.exponent, Number) and e.exponent.value.denominator == 1:
            dot = "⊙" if e.rank else ""
            return base + dot + str(e.exponent.value).translate(SUPERSCRIPTS)
        return f"{base}^{self.inside(e.exponent, ATOM)}"

    def matrix_power(self, e: MatrixPower) -> str:
        if re.fullmatch(r"-?\d+", e.exponent):
            return self.inside(e.base, ATOM) + e.exponent.translate(SUPERSCRIPTS)
        return self.inside(e.base, ATOM) + ("⁺" if e.exponent == "+" else f"^{e.exponent}")

    def transpose(self, e: Transpose) -> str:
        if isinstance(e.base, MatrixPower) and e.base.exponent == "-1":
            return f"{self.inside(e.base.base, ATOM)}⁻ᵀ"
        return super().transpose(e)

    def kronecker(self, e: Kronecker) -> str:
        return f"{self.inside(e.left, PRODUCT)} ⊗ {self.inside(e.right, PRODUCT)}"

    def unit(self, e: Unit) -> str:
        return "e" + e.position.translate(SUBSCRIPTS) if e.position.isdigit() else super().unit(e)

    def apply(self, e: Apply) -> str:
        if e.word == "sum" and e.axis is None and e.args[0].rank in (1, 2):
            (a,) = e.args
            middle = self.inside(a, PRODUCT if isinstance(a, Chain) else POWER)
            return f"𝟏ᵀ {middle}" + (" 𝟏" if a.rank == 2 else "")
        if e.word == "abs":
            return f"|{self.show(e.args[0])}|"
        if e.word == "indicator":
            return f"𝟏[{self.show(e.args[0])}]"
        if e.word == "sqrt" and isinstance(e.args[0], Symbol):
            return f"√{self.show(e.args[0])}"
        return super().apply(e)

    def _word(self, word: str) -> str:
        spelling = WORDS.get(word)
        return spelling if spelling and spelling not in self.used else super()._word(word)

    def infix(self, e: Infix) -> str:
        sign = SIGNS.get(e.word)
        if sign is None:
            return super().infix(e)
        args = [self.inside(a, SUM) for a in e.args]
        return f" {sign} ".join(args) if len(args) > 1 else sign + self.inside(e.args[0], ATOM)

    def entry(self, e: Entry) -> str:
        return super().entry(e).replace("delta_", "δ_")

    def index_sum(self, e: IndexSum) -> str:
        before = self.bind(e.indices)
        result = f"Σ_{self._indices(e.indices)} {self.inside(e.body, PRODUCT)}"
        self.letters = before
        return result
