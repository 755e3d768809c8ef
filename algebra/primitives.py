"""The table of scalar primitives: one row each. Everything else about a primitive is a row of
another table under the same name.

Its derivative is a row of `partials`, its SymPy form of `sympy_bodies`, its meaning in NumPy of
`runtime/numpy_table`, its spelling in C and CUDA of `emit/functions`; CONTRIBUTING shows how one is
added, and tests find every gap. The class of a primitive is made when it is first used
(`scalar.CLASSES`), so that a longer table does not make the import longer.
"""

from __future__ import annotations

from dataclasses import dataclass

# What is proven about a value. Ordered: a positive value is nonnegative too.
POSITIVE, NONNEGATIVE, REAL = "positive", "nonnegative", "real"
SIGN, WEAKLY = "sign", "weakly"


@dataclass(frozen=True)
class Primitive:
    """One row: a scalar function.

    name     as in NumPy or scipy.special where they have it
    arity    number of arguments; None for any number
    boolean  the result is a truth value
    sign     what is proven of the result whatever the arguments
    keeps    what a proven sign of the argument says of the result: SIGN, the same; WEAKLY, that it
             is nonnegative (floor)
    truths   arguments that are truth values
    orders   how many leading arguments are orders, as of a Bessel function: nothing is
             differentiated by them
    choice   the result is one of the arguments, so that partial derivatives are 0 where another
             one was taken, also if the argument is infinite or undefined there
    cheap    computing it again costs less than keeping its value
    infix    how the operator between the arguments reads: in text, in LaTeX
    text     the word that it is in text, if not its name
    latex    the word that it is in LaTeX, or a template with {0}, {1} for the arguments; by default
             its name, upright
    """

    name: str
    arity: int | None
    boolean: bool = False
    sign: str = REAL
    keeps: str = ""
    truths: tuple[int, ...] = ()
    orders: int = 0
    choice: bool = False
    cheap: bool = False
    infix: tuple[str, str] | None = None
    text: str = ""
    latex: str = ""


def _relation(name: str, text: str, latex: str) -> Primitive:
    return Primitive(name, 2, boolean=True, cheap=True, infix=(text, latex))


def _logical(name: str, arity: int, text: str, latex: str) -> Primitive:
    truths = tuple(range(arity))
    return Primitive(name, arity, boolean=True, truths=truths, cheap=True, infix=(text, latex))


ARITHMETIC = (
    Primitive("Add", None, cheap=True),
    Primitive("Mul", None, cheap=True),
    Primitive("Pow", 2),
    Primitive("abs", 1, sign=NONNEGATIVE, cheap=True, latex=r"\left|{0}\right|"),
    Primitive("sign", 1, cheap=True),
)
EXPONENTIAL = (
    Primitive("exp", 1, sign=POSITIVE, latex=r"\exp"),
    Primitive("expm1", 1, keeps=SIGN),
    Primitive("log", 1, latex=r"\log"),
    Primitive("log1p", 1, keeps=SIGN),
    Primitive("sigmoid", 1, sign=POSITIVE, text="sigma", latex=r"\sigma"),
    Primitive("softplus", 1, sign=POSITIVE),
    Primitive("log1mexp", 1),
)
TRIGONOMETRIC = (
    Primitive("sin", 1, latex=r"\sin"),
    Primitive("cos", 1, latex=r"\cos"),
)
HYPERBOLIC = (
    Primitive("sinh", 1, keeps=SIGN, latex=r"\sinh"),
    Primitive("cosh", 1, sign=POSITIVE, latex=r"\cosh"),
    Primitive("tanh", 1, keeps=SIGN, latex=r"\tanh"),
)
CHOICE = (
    Primitive("relu", 1, sign=NONNEGATIVE, choice=True, cheap=True),
    Primitive("maximum", 2, choice=True, cheap=True, latex=r"\max"),
    Primitive("minimum", 2, choice=True, cheap=True, latex=r"\min"),
    Primitive("where", 3, truths=(0,), cheap=True),
    Primitive(
        "indicator", 1, sign=NONNEGATIVE, truths=(0,), cheap=True,
        latex=r"\mathbf{{1}}\left[{0}\right]",
    ),
)  # fmt: skip
COMPARISON = (
    _relation("eq", "==", "="),
    _relation("ne", "!=", r"\ne"),
    _relation("lt", "<", "<"),
    _relation("le", "<=", r"\le"),
    _relation("gt", ">", ">"),
    _relation("ge", ">=", r"\ge"),
    _logical("and_", 2, "&", r"\wedge"),
    _logical("or_", 2, "|", r"\vee"),
    _logical("not_", 1, "~", r"\neg "),
)

PRIMITIVES: dict[str, Primitive] = {
    row.name: row
    for rows in (
        ARITHMETIC,
        EXPONENTIAL,
        TRIGONOMETRIC,
        HYPERBOLIC,
        CHOICE,
        COMPARISON,
    )
    for row in rows
}
