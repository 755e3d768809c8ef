r"""LaTeX of tensors: their display form in the notation of textbooks.

Juxtaposition is the matrix product, $\odot$, $\oslash$ and $x^{\odot 2}$ are elementwise,
$\mathbf{1}$ is the vector of ones, $I$ the identity; a scalar in a sum is added to every element.
Names of users are typeset when they look like mathematics (`lam`, `mu_1`, `w0`) and are otherwise
escaped, character by character.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .display_request import displayed, node_to_show
from .layout import arranged
from .names import Names
from .node import Node
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
    children,
)
from .primitives import PRIMITIVES
from .spelling import ATOM, HADAMARD, POWER, PRODUCT, SUM, Spelling, decimal, large, primes, shown
from .symbols import typeset
from .transcription import transcribe

WORDS = {row.name: row.latex for row in PRIMITIVES.values() if row.latex} | {
    "one_hot": r"\operatorname{onehot}",
    "amax": r"\max", "amin": r"\min", "tr": r"\operatorname{tr}", "sqrt": r"\sqrt{{{0}}}",
    "nan": r"\mathrm{NaN}", "inf": r"\infty", "-inf": r"-\infty",
    "svd_u": r"\operatorname{{svd}}_{{U}}\left({0}\right)",
    "svd_vh": r"\operatorname{{svd}}_{{V^\top}}\left({0}\right)",
    "svdvals": r"\operatorname{{svd}}_{{\sigma}}\left({0}\right)",
    "qr_q": r"\operatorname{{qr}}_{{Q}}\left({0}\right)",
    "qr_r": r"\operatorname{{qr}}_{{R}}\left({0}\right)",
    "linear_recurrence": r"\operatorname{recurrence}", "bitwise_count": r"\operatorname{popcount}",
    "log_softmax": r"\log\operatorname{softmax}", "det": r"\det", "logdet": r"\log\det",
    "true": r"\mathrm{true}", "false": r"\mathrm{false}", "": "",
}  # fmt: skip
OPERATORS = {row.name: row.infix[1] for row in PRIMITIVES.values() if row.infix}


def latex(
    tensor,
    names: bool = True,
    kinks: bool = False,
    layout: str | None = None,
    bold: bool = False,
) -> str:
    """The display form of a tensor as LaTeX, without dollar signs.

    Parameters
    ----------
    names : show intermediates that have a name by it, and define them below.
    kinks : as in `pp`.
    layout : "numerator" or "denominator": print a derivative in this layout, and say so.
    bold : vectors and matrices in bold type.

    Raises
    ------
    ExpressionError for what is no tensor, and for the layout of what is no derivative.

    >>> import closedform as cf
    >>> X, w = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d")
    >>> print(cf.latex(cf.jacobian(X @ w, w), layout="denominator"))
    X^\\top \\qquad \\text{(denominator layout)}
    >>> print(cf.latex(cf.grad(((X @ w) ** 2).sum(), w), bold=True))
    2 \\mathbf{X}^\\top \\mathbf{X} \\mathbf{w}
    """
    node = arranged(node_to_show("latex", tensor), layout)
    found = latex_of(displayed(node, kinks, names), names, bold)
    return found if layout is None else rf"{found} \qquad \text{{({layout} layout)}}"


def spelled(symbol: Symbol) -> str:
    """A variable in LaTeX."""
    return typeset(symbol.name, symbol.primes)


def latex_of(node: Node, names: bool = False, bold: bool = False) -> str:
    """A node in display form as LaTeX; temporaries are defined on further lines of an `aligned`."""
    main, *rest = latex_lines(node, names, bold=bold)
    if not rest:
        return main
    body = "".join(rf" \\ & {line}" for line in rest)
    return rf"\begin{{aligned}} & {main}{body} \end{{aligned}}"


def latex_lines(
    node: Node,
    names: bool = False,
    common: Names | None = None,
    width: int | None = None,
    bold: bool = False,
) -> list[str]:
    """The formula of a node, then the definitions of its temporaries, as lines.

    Parameters
    ----------
    common : names that other formulas read together with this one have given.
    width : a sum that is longer, in characters as they are read, has each term on a line.
    """
    document = transcribe(node, spelled, names, common)
    printer = LatexSpelling(document)
    printer.bold = bold
    pairs, left_out = shown(document.definitions)
    lines = [f"{printer.show(name)} = {printer.show(value)}" for name, value in pairs]
    if left_out:
        lines.insert(len(lines) // 2, rf"\;\vdots \quad \text{{({left_out} more)}}")
    lead = [r"\text{where } ", *[r"\phantom{\text{where }} "] * len(lines)]
    main = [printer.show(document.main)]
    if width and isinstance(document.main, Sum) and _read_length(main[0]) > width:
        main = printer.terms(document.main)
    return main + [space + line for space, line in zip(lead, lines, strict=False)]


def _read_length(text: str) -> int:
    """About how many characters a reader sees."""
    bare = re.sub(r"\\(left|right|operatorname|mathrm|mathbf|text|frac)\b", "", text)
    words = re.sub(r"\\(exp|log|sin|cos|tanh|sinh|cosh|max|min)\b", r"\1", bare)
    return len(re.sub(r"\\([a-z])[A-Za-z]*|[{}^_ ]", r"\1", words))


class LatexSpelling(Spelling):
    """LaTeX of formulas."""

    bold = False  # whether arrays are

    def parenthesise(self, text: str) -> str:
        return rf"\left({text}\right)"

    def strength(self, e: Formula) -> int:
        """Words that LaTeX writes as operators bind as these do."""
        if isinstance(e, Apply) and e.word == "sum":
            return PRODUCT
        if isinstance(e, Apply) and e.word == "where":
            return SUM
        if isinstance(e, Number) and "10^" in self.number(e):
            return PRODUCT
        return super().strength(e)

    def number(self, e: Number) -> str:
        typed = decimal(e.value) or large(e.value)
        if typed:
            return _scientific(typed)
        if e.value.denominator == 1:
            return str(e.value)
        sign = "-" if e.value < 0 else ""
        return rf"{sign}\frac{{{abs(e.value.numerator)}}}{{{e.value.denominator}}}"

    def symbol(self, e: Symbol) -> str:
        return typeset(e.name, e.primes, self.bold and e.rank > 0)

    def ones(self, e: Ones) -> str:
        return r"\mathbf{1}"

    def identity(self, e: Identity) -> str:
        return r"\mathrm{Id}" if "I" in self.used else "I"

    def product(self, e: Product) -> str:
        front, under = self.coefficient(abs(e.coefficient))
        divisors = () if under else e.below
        below = [*([under] if under else []), *(self._factor(b, divisors) for b in e.below)]
        scalars, last = e.scalars, e.array
        if last is None and scalars and below and _contracted(scalars[-1]):
            scalars, last = scalars[:-1], scalars[-1]
        alone = scalars if below and not front else ()
        above = [_scientific(front)] if front else []
        text = _joined([*above, *(self._factor(s, alone) for s in scalars)])
        if scalars and not below and isinstance(last, Hadamard) and not last.factors:
            return ("-" if e.coefficient < 0 else "") + self.over(text, last)
        if below and isinstance(last, Sum) and any(_contracted(b) for b in e.below):
            text, last = _joined([text, self.inside(last, PRODUCT if text else SUM)]), None
        if below and not text and last is not None and any(map(_contracted, e.below)):
            text, last = self.inside(last, HADAMARD), None
        if below:
            text = rf"\frac{{{text or '1'}}}{{{_joined(below)}}}"
        if last is not None:
            text = _joined([*([text] if text else []), self.inside(last, HADAMARD)])
        return ("-" if e.coefficient < 0 else "") + text

    def _factor(self, e: Formula, alone: Sequence[Formula]) -> str:
        """A factor of a fraction; the only one needs no parentheses."""
        free = len(alone) == 1 and isinstance(e, Power | Sum)
        return self.show(e) if free else self.inside(e, PRODUCT)

    def chain(self, e: Chain) -> str:
        return " ".join(self.inside(f, POWER) for f in e.factors)

    def hadamard(self, e: Hadamard) -> str:
        return self.over(r" \odot ".join(self.inside(f, PRODUCT) for f in e.factors) or "1", e)

    def over(self, above: str, e: Hadamard) -> str:
        """A text over what e divides by."""
        return above + "".join(rf" \oslash {self.inside(b, PRODUCT)}" for b in e.below)

    def power(self, e: Power) -> str:
        dot = r"\odot " if e.rank else ""
        return f"{self.inside(e.base, ATOM)}^{{{dot}{self.show(e.exponent)}}}"

    def transpose(self, e: Transpose) -> str:
        if isinstance(e.base, MatrixPower) and not e.base.exponent.isdigit():
            exponent = "-" if e.base.exponent == "-1" else e.base.exponent
            return rf"{self.inside(e.base.base, ATOM)}^{{{exponent}\top}}"
        return rf"{self.inside(e.base, ATOM)}^\top"

    def matrix_power(self, e: MatrixPower) -> str:
        return f"{self.inside(e.base, ATOM)}^{{{e.exponent}}}"

    def kronecker(self, e: Kronecker) -> str:
        return rf"{self.inside(e.left, PRODUCT)} \otimes {self.inside(e.right, PRODUCT)}"

    def literal(self, e: Literal) -> str:
        if e.order == 2:
            return _matrix([list(map(str, row)) for row in e.values])
        return super().literal(e)

    def unit(self, e: Unit) -> str:
        letter = r"\mathbf{e}" if "e" in self.used else "e"
        return f"{letter}_{{{e.position}}}"

    def apply(self, e: Apply) -> str:
        if e.word == "sum" and e.args[0].rank in (1, 2):  # one more factor of a chain
            (a,) = e.args
            middle = self.inside(a, PRODUCT if isinstance(a, Chain) else POWER)
            return rf"\mathbf{{1}}^\top {middle}" + (r" \mathbf{1}" if a.rank == 2 else "")
        if e.word == "where":
            condition, yes, no = map(self.show, e.args)
            branches = rf"{yes} & \text{{if }} {condition} \\ {no} & \text{{otherwise}}"
            return rf"\begin{{cases}} {branches} \end{{cases}}"
        if rows := blocks(e):
            return _matrix([list(map(self.show, row)) for row in rows])
        texts = [self.show(a) for a in e.args]
        args = ", ".join(texts)
        if e.word == "norm":
            return rf"\left\|{args}\right\|" + ("_F" if e.args[0].rank == 2 else "")
        if "{0}" in WORDS.get(e.word, ""):
            return WORDS[e.word].format(*texts)
        raised = primes(e.derivative).replace("^(", "^{(").replace(")", ")}")
        return self._word(e) + raised + (self.parenthesise(args) if e.args else "")

    def _word(self, e: Apply) -> str:
        word = WORDS.get(e.word)
        if word is None or word in self.used:
            word = rf"\operatorname{{{e.word.replace('_', '')}}}"
        if e.axis is None:
            return word
        axis = e.axis[0] if len(e.axis) == 1 else f"({', '.join(map(str, e.axis))})"
        return rf"{word}_{{\mathrm{{axis}}={axis}}}"

    def infix(self, e: Infix) -> str:
        sign = OPERATORS[e.word]
        if len(e.args) == 1:
            return sign + self.inside(e.args[0], ATOM)
        within = PRODUCT if e.word in ("floor_divide", "mod") else SUM
        return f" {sign} ".join(self.inside(a, within) for a in e.args)

    def slice(self, e: Slice) -> str:
        items = ",".join(self.items(e))
        if e.padded:
            block = self._block(e)
            if block:
                return block
            return rf"\operatorname{{pad}}_{{[{items}]}}{self.parenthesise(self.show(e.base))}"
        return f"{self._base(e.base)}_{{{items}}}"

    def _block(self, e: Slice) -> str | None:
        """A vector with zeros before or after it, as a block of blocks."""
        match = re.fullmatch(r"(\d*):(-?\d*)", e.items[0]) if len(e.items) == 1 else None  # type: ignore[arg-type]
        if match is None or e.order != 1:
            return None
        start, stop = match.groups()
        before = ["0"] if start not in ("", "0") else []
        return _matrix([[t] for t in (*before, self.show(e.base), *(["0"] if stop else []))])

    def entry(self, e: Entry) -> str:
        base = r"\delta" if isinstance(e.base, Identity) else self._base(e.base)
        return f"{base}_{{{self._indices(e.indices)}}}"

    def _base(self, e: Formula) -> str:
        """What a subscript follows: nothing that has one already."""
        text = self.inside(e, ATOM)
        simple = isinstance(e, Symbol) and "_" not in text
        enclosed = text.startswith(r"\left(") and not isinstance(e, Slice | Entry)
        return text if simple or enclosed else self.parenthesise(text)

    def _indices(self, indices: Sequence[Formula]) -> str:
        return " ".join(map(self.show, indices))

    def index_sum(self, e: IndexSum) -> str:
        before = self.bind(e.indices)
        result = rf"\sum_{{{', '.join(map(self.show, e.indices))}}} {self.inside(e.body, PRODUCT)}"
        self.letters = before
        return result

    def entries(self, e: Entries) -> str:
        before = self.bind(e.indices)
        result = rf"\left[{self.show(e.body)}\right]_{{{self._indices(e.indices)}}}"
        self.letters = before
        return result


def blocks(e: Apply) -> list[tuple[Formula, ...]] | None:
    """The blocks of a vector or matrix that is joined from others, row by row; else None."""
    if e.word != "concatenate" or e.rank > 2:
        return None
    if e.axis == (1,):
        return [e.args]
    rows = [a.args if isinstance(a, Apply) and _is_row(a) else (a,) for a in e.args]
    return rows if len(set(map(len, rows))) == 1 else [(a,) for a in e.args]


def _is_row(a: Formula) -> bool:
    return isinstance(a, Apply) and a.word == "concatenate" and a.axis == (1,)


def _matrix(rows: list[list[str]]) -> str:
    body = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"


def _contracted(e: Formula) -> bool:
    """Whether a scalar is made of arrays: it then stands beside a fraction, not in it."""
    return any(c.rank or _contracted(c) for c in children(e))


def _scientific(text: str) -> str:
    """1.5e-8 as a power of ten."""
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    power = f"10^{{{int(exponent)}}}"
    return (
        power
        if mantissa == "1"
        else f"-{power}"
        if mantissa == "-1"
        else rf"{mantissa} \cdot {power}"
    )


def _joined(factors: list[str]) -> str:
    """Factors side by side: a thin space after decimals and words, a dot before digits."""
    result = ""
    for text in factors:
        if result and text[0].isdigit():
            result += rf" \cdot {text}"
        elif re.search(r"(\.\d+|\}\})$", result) or (result and result.startswith(r"\mathrm")):
            result += rf"\,{text}"
        else:
            result += f" {text}" if result else text
    return result
