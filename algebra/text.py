"""Text of tensors: as written for graphs without derivatives, matrix notation for derivatives.

In matrix notation a space or nothing is the matrix product; `*`, `/` and `**` between arrays are
NumPy's elementwise operations; `^T` transposes; `1` as a factor of a chain is the vector of ones
and `I` the identity matrix; `[...]_ij` is the array with these elements, whose indices run from 0.
An integer is glued to a one-letter name (`2x`), so are one-letter names to each other (`Xw`);
decimals and longer names are set off by spaces (`0.02 w`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .array_text import array_text
from .build import here
from .display_request import displayed, node_to_show
from .errors import ExpressionError
from .graph import topological
from .layout import arranged
from .names import Names
from .node import Derivative, Node
from .notation import (
    Apply,
    Chain,
    Entries,
    Entry,
    Formula,
    Hadamard,
    Identity,
    IndexSum,
    Infix,
    Kronecker,
    MatrixPower,
    Number,
    Ones,
    Power,
    Product,
    Slice,
    Symbol,
    Transpose,
)
from .primitives import PRIMITIVES
from .spelling import (
    ATOM,
    HADAMARD,
    POWER,
    PRODUCT,
    SUM,
    Spelling,
    decimal,
    large,
    plain_name,
    primes,
    shown,
)  # fmt: skip
from .transcription import transcribe
from .written import written

WORDS = {row.name: row.text for row in PRIMITIVES.values() if row.text} | {
    "amax": "max",
    "amin": "min",
}
OPERATORS = {row.name: row.infix[0] for row in PRIMITIVES.values() if row.infix}


FORMS = ("text", "unicode", "ascii")


def pp(
    tensor,
    form: str = "text",
    kinks: bool = False,
    names: bool = True,
    layout: str | None = None,
) -> str:
    """A tensor as text.

    Parameters
    ----------
    form : "text": as written, or, if derivatives occur in it, their closed form in matrix
        notation. "unicode": the closed form in matrix notation, with mathematical signs. "ascii":
        the closed form in NumPy's words, which `cf.parse` and NumPy read.
    kinks : say what holds where a derivative has a kink (semantics 8.2); else the closed form is
        that between kinks, as in a textbook.
    names : show intermediates that have a name by it, and define them below.
    layout : "numerator" or "denominator": print a derivative in this layout, and say so.

    Raises
    ------
    ExpressionError for what is no tensor, or another form.

    >>> import closedform as cf
    >>> x = cf.scalar("x")
    >>> print(cf.pp(cf.exp(-x) + 1))
    (exp((-x)) + 1)
    >>> X, w = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d")
    >>> gradient = cf.grad(((X @ w) ** 2).mean(), w)
    >>> print(cf.pp(gradient))
    2X^T Xw/n
    >>> print(cf.pp(gradient, "unicode"))
    2 Xᵀ X w/n
    >>> print(cf.pp(gradient, "ascii"))
    2*(X.T @ X @ w)/n
    """
    node = arranged(node_to_show("pp", tensor), layout)
    if form not in FORMS:
        raise ExpressionError(
            f"pp with form={form!r}", where=here(), fix=f"use one of {', '.join(map(repr, FORMS))}"
        )
    show: Callable[[Node], str] = {"ascii": array_text, "unicode": unicode_text}.get(form, _named)
    if form != "text" or any(isinstance(x, Derivative) for x in topological([node])):
        found = show(displayed(node, kinks, names))
        return found if layout is None else f"{found}  # {layout} layout"
    return written(node)


def _named(node: Node) -> str:
    return text(node, names=True)


def unicode_text(node: Node) -> str:
    """See `unicode_text`, which is imported when it is asked for."""
    from . import unicode_text as unicode

    return unicode.unicode_text(node, names=True)


def spelled(symbol: Symbol) -> str:
    """A variable in text."""
    return plain_name(symbol.name, symbol.primes)


def text(node: Node, names: bool = False, common: Names | None = None) -> str:
    """A node in display form, in matrix notation; the second and later lines define temporaries.

    Parameters
    ----------
    names : show named intermediates by their names, and define them below.
    common : names that other formulas read together with this one have given.
    """
    return lines_of(TextSpelling(transcribe(node, spelled, names, common)))


def lines_of(printer: TextSpelling) -> str:
    """A document as text, its definitions below it."""
    document = printer.document
    pairs, left_out = shown(document.definitions)
    lines = [f"{printer.show(name)} = {printer.show(value)}" for name, value in pairs]
    if left_out:
        lines.insert(len(lines) // 2, f"... ({left_out} more)")
    lead = ["where", *["     "] * len(lines)]
    body = [f"  {word} {line}" for word, line in zip(lead, lines, strict=False)]
    return "\n".join([printer.show(document.main), *body])


class TextSpelling(Spelling):
    """One-line text of formulas. Signs of operations are attributes, so that another alphabet can
    say them.
    """

    TOP, TIMES, OVER, MINUS, NORM = "^T", " * ", " / ", "-", "||"

    def parenthesise(self, text: str) -> str:
        return f"({text})"

    def number(self, e: Number) -> str:
        return decimal(e.value) or large(e.value) or str(e.value)

    def symbol(self, e: Symbol) -> str:
        return plain_name(e.name, e.primes)

    def ones(self, e: Ones) -> str:
        return "1"

    def identity(self, e: Identity) -> str:
        return "Id" if "I" in self.used else "I"

    def product(self, e: Product) -> str:
        front, under = self.coefficient(abs(e.coefficient))
        above = [self.inside(s, PRODUCT) for s in e.scalars]
        body = front if not above else _before(front, self._beside(above, "*"))
        alone = above and not e.below and not under
        if alone and isinstance(e.array, Hadamard) and not e.array.factors:
            return (self.MINUS if e.coefficient < 0 else "") + self.over(body, e.array)
        if e.array is not None:
            least = (
                PRODUCT if isinstance(e.array, Hadamard) and e.array.below and e.below else HADAMARD
            )
            body = _before(body, self.inside(e.array, least))
        below = [*([under] if under else []), *(self.inside(b, POWER) for b in e.below)]
        last = e.array or (e.scalars[-1] if e.scalars else None)
        if below and body != "1" and _ends_with_ones(last):
            body = self.parenthesise(body)
        return (self.MINUS if e.coefficient < 0 else "") + (body or "1") + self._divided(below)

    def _divided(self, below: list[str]) -> str:
        if not below:
            return ""
        number, rest = (below[0], below[1:]) if below[0].isdigit() else ("", below)
        product = _before(number, self._beside(rest, "*"))
        return f"/{product}" if len(below) == 1 else f"/({product})"

    def chain(self, e: Chain) -> str:
        return self._beside([self.inside(f, POWER) for f in e.factors], " ")

    def _beside(self, texts: list[str], gap: str) -> str:
        """Letters glued, unless that spells another name; `gap` before a parenthesis."""
        result = run = ""
        for text in texts:
            letter = _letter(text)
            run = run + text if run and letter and run + text not in self.used else ""
            glued = run or (result.endswith(self.TOP) and text.startswith("("))
            result += text if glued or not result else (gap if text[0] == "(" else " ") + text
            run = run or (text if letter else "")
        return result

    def hadamard(self, e: Hadamard) -> str:
        least = POWER if e.below and any(map(_ends_with_ones, e.factors)) else PRODUCT
        return self.over(self.TIMES.join(self.inside(f, least) for f in e.factors) or "1", e)

    def over(self, above: str, e: Hadamard) -> str:
        """A text over what e divides by."""
        return above + "".join(f"{self.OVER}{self.inside(b, PRODUCT)}" for b in e.below)

    def power(self, e: Power) -> str:
        return (
            f"{self.inside(e.base, ATOM)}{'**' if e.rank else '^'}{self.inside(e.exponent, ATOM)}"
        )

    def matrix_power(self, e: MatrixPower) -> str:
        return f"{self.inside(e.base, ATOM)}^{e.exponent}"

    def kronecker(self, e: Kronecker) -> str:
        return f"{self.inside(e.left, PRODUCT)} (x) {self.inside(e.right, PRODUCT)}"

    def transpose(self, e: Transpose) -> str:
        if isinstance(e.base, MatrixPower) and e.base.exponent == "-1":
            return f"{self.inside(e.base.base, ATOM)}^-T"
        return f"{self.inside(e.base, ATOM)}{self.TOP}"

    def apply(self, e: Apply) -> str:
        args = ", ".join(map(self.show, e.args))
        if e.word == "norm":
            return f"{self.NORM}{args}{self.NORM}" + ("_F" if e.args[0].rank == 2 else "")
        if e.word == "indicator":
            return f"1[{args}]"
        if e.axis is not None:
            args += f", axis={e.axis[0] if len(e.axis) == 1 else e.axis}"
        if not e.word and len(e.args) == 1:
            args += ","
        word = self._word(e.word) + primes(e.derivative)
        return word + (f"({args})" if e.args else "")

    def _word(self, word: str) -> str:
        spelled = WORDS.get(word, word)
        return word if spelled in self.used else spelled

    def infix(self, e: Infix) -> str:
        sign = OPERATORS[e.word]
        within = PRODUCT if sign in ("//", "%") else SUM
        args = [self.inside(a, within) for a in e.args]
        return f" {sign} ".join(args) if len(args) > 1 else sign + self.inside(e.args[0], ATOM)

    def slice(self, e: Slice) -> str:
        items = ", ".join(self.items(e))
        return (
            f"pad({self.show(e.base)}, [{items}])"
            if e.padded
            else f"{self.inside(e.base, ATOM)}[{items}]"
        )

    def entry(self, e: Entry) -> str:
        letters = self._indices(e.indices)
        if isinstance(e.base, Identity):
            return f"delta_{letters}"
        base = self.inside(e.base, ATOM)
        if base.isidentifier() and len(base) > 1:
            return f"{base}[{', '.join(map(self.show, e.indices))}]"
        return f"{base}_{letters}"

    def _indices(self, indices: Sequence[Formula]) -> str:
        letters = [self.show(i) for i in indices]
        return (
            "".join(letters) if all(len(t) == 1 for t in letters) else "{" + ",".join(letters) + "}"
        )

    def index_sum(self, e: IndexSum) -> str:
        before = self.bind(e.indices)
        result = f"sum_{self._indices(e.indices)} {self.inside(e.body, PRODUCT)}"
        self.letters = before
        return result

    def entries(self, e: Entries) -> str:
        before = self.bind(e.indices)
        result = f"[{self.show(e.body)}]_{self._indices(e.indices)}"
        self.letters = before
        return result


def _ends_with_ones(e: Formula | None) -> bool:
    """Whether a slash after e would seem to divide a number 1."""
    return isinstance(e, Ones) or (isinstance(e, Chain) and _ends_with_ones(e.factors[-1]))


def _letter(text: str) -> bool:
    return len(text) == 1 and text.isalpha()


def _before(left: str, right: str) -> str:
    """A factor before what it multiplies: an integer is glued to a letter or a parenthesis."""
    if not left or not right:
        return left or right
    glued = left.isdigit() and (right.startswith("(") or re.match(r"[^\W\d_](?![\w'(\[])", right))
    if left.isdigit() and right[0].isdigit():
        return f"{left}*{right}"
    return (
        left + right
        if glued or (right.startswith("(") and left.endswith(("^T", "ᵀ")))
        else f"{left} {right}"
    )
