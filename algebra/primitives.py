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


def _bits(name: str, text: str, latex: str) -> Primitive:
    return Primitive(name, 2, cheap=True, infix=(text, latex))


def _derivative(name: str) -> Primitive:
    """The derivative of some order of a function, as a function of order and argument."""
    latex = rf"\operatorname{{{{{name}}}}}^{{{{({{0}})}}}}\left({{1}}\right)"
    return Primitive(f"{name}_derivative", 2, orders=1, latex=latex)


ARITHMETIC = (
    Primitive("Add", None, cheap=True),
    Primitive("Mul", None, cheap=True),
    Primitive("Pow", 2),
    Primitive("abs", 1, sign=NONNEGATIVE, cheap=True, latex=r"\left|{0}\right|"),
    Primitive("sign", 1, cheap=True),
    Primitive("copysign", 2, cheap=True),
    Primitive("floor_divide", 2, infix=("//", r"\mathbin{/\!/}")),
    Primitive("mod", 2, infix=("%", r"\bmod")),
    Primitive("fmod", 2),
    Primitive("hypot", 2, sign=NONNEGATIVE),
    Primitive("pi", 0, sign=POSITIVE, cheap=True, latex=r"\pi"),
)
EXPONENTIAL = (
    Primitive("exp", 1, sign=POSITIVE, latex=r"\exp"),
    Primitive("exp2", 1, sign=POSITIVE),
    Primitive("expm1", 1, keeps=SIGN),
    Primitive("log", 1, latex=r"\log"),
    Primitive("log2", 1, latex=r"\log_{2}"),
    Primitive("log10", 1, latex=r"\log_{10}"),
    Primitive("log1p", 1, keeps=SIGN),
    Primitive("cbrt", 1, keeps=SIGN, latex=r"\sqrt[3]{{{0}}}"),
    Primitive("sigmoid", 1, sign=POSITIVE, text="sigma", latex=r"\sigma"),
    Primitive("softplus", 1, sign=POSITIVE),
    Primitive("log1mexp", 1),
    Primitive("logaddexp", 2),
    Primitive("logcosh", 1, sign=NONNEGATIVE),
)
TRIGONOMETRIC = (
    Primitive("sin", 1, latex=r"\sin"),
    Primitive("cos", 1, latex=r"\cos"),
    Primitive("tan", 1, latex=r"\tan"),
    Primitive("arcsin", 1, keeps=SIGN, latex=r"\arcsin"),
    Primitive("arccos", 1, sign=NONNEGATIVE, latex=r"\arccos"),
    Primitive("arctan", 1, keeps=SIGN, latex=r"\arctan"),
    Primitive("arctan2", 2),
    Primitive("sinc", 1),
    _derivative("sinc"),
)
HYPERBOLIC = (
    Primitive("sinh", 1, keeps=SIGN, latex=r"\sinh"),
    Primitive("cosh", 1, sign=POSITIVE, latex=r"\cosh"),
    Primitive("tanh", 1, keeps=SIGN, latex=r"\tanh"),
    Primitive("arcsinh", 1, keeps=SIGN),
    Primitive("arccosh", 1, sign=NONNEGATIVE),
    Primitive("arctanh", 1, keeps=SIGN),
)
ROUNDING = (
    Primitive("floor", 1, keeps=WEAKLY, cheap=True, latex=r"\left\lfloor {0}\right\rfloor"),
    Primitive("ceil", 1, keeps=SIGN, cheap=True, latex=r"\left\lceil {0}\right\rceil"),
    Primitive("trunc", 1, keeps=WEAKLY, cheap=True),
    Primitive("rint", 1, keeps=WEAKLY, cheap=True),
    Primitive("clip", 3, choice=True, cheap=True),
)
CHOICE = (
    Primitive("relu", 1, sign=NONNEGATIVE, choice=True, cheap=True),
    Primitive("maximum", 2, choice=True, cheap=True, latex=r"\max"),
    Primitive("minimum", 2, choice=True, cheap=True, latex=r"\min"),
    Primitive("fmax", 2, choice=True, cheap=True),
    Primitive("fmin", 2, choice=True, cheap=True),
    Primitive("heaviside", 2, choice=True, cheap=True),
    Primitive("where", 3, truths=(0,), cheap=True),
    Primitive(
        "indicator", 1, sign=NONNEGATIVE, truths=(0,), cheap=True,
        latex=r"\mathbf{{1}}\left[{0}\right]",
    ),
)  # fmt: skip
GAUSSIAN = (
    Primitive("erf", 1, keeps=SIGN),
    Primitive("erfc", 1, sign=POSITIVE),
    Primitive("erfcx", 1, sign=POSITIVE),
    _derivative("erfcx"),
    Primitive("erfinv", 1, keeps=SIGN, latex=r"\operatorname{erf}^{-1}"),
    Primitive("erfcinv", 1, latex=r"\operatorname{erfc}^{-1}"),
    Primitive("ndtr", 1, sign=POSITIVE, latex=r"\Phi"),
    Primitive("ndtri", 1, latex=r"\Phi^{-1}"),
    Primitive("log_ndtr", 1, latex=r"\log\Phi"),
)
GAMMA = (
    Primitive("gamma", 1, keeps=SIGN, latex=r"\Gamma"),
    Primitive("gammaln", 1, latex=r"\log\left|\Gamma\left({0}\right)\right|"),
    Primitive("digamma", 1, latex=r"\psi"),
    Primitive("polygamma", 2, orders=1, latex=r"\psi^{{({0})}}\left({1}\right)"),
    Primitive("zeta", 2, orders=1, latex=r"\zeta"),
    Primitive("betaln", 2, latex=r"\log\mathrm{B}"),
    Primitive("binom", 2, latex=r"\binom{{{0}}}{{{1}}}"),
)
BESSEL = (
    Primitive("i0", 1, sign=POSITIVE, latex=r"I_{{0}}\left({0}\right)"),
    Primitive("i1", 1, keeps=SIGN, latex=r"I_{{1}}\left({0}\right)"),
    Primitive("i0e", 1, sign=POSITIVE),
    Primitive("i1e", 1, keeps=SIGN),
    Primitive("iv", 2, orders=1, latex=r"I_{{{0}}}\left({1}\right)"),
    Primitive("ive", 2, orders=1),
)
ENTROPY = (
    Primitive("xlogy", 2),
    Primitive("xlog1py", 2),
    Primitive("logit", 1),
    Primitive("entr", 1),
    Primitive("rel_entr", 2, latex=r"\operatorname{{rel\_entr}}\left({0}, {1}\right)"),
    Primitive(
        "kl_div", 2, sign=NONNEGATIVE, latex=r"\operatorname{{kl\_div}}\left({0}, {1}\right)"
    ),
    Primitive("exprel", 1, sign=POSITIVE),
    _derivative("exprel"),
)
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
    Primitive("isnan", 1, boolean=True, cheap=True),
    Primitive("isinf", 1, boolean=True, cheap=True),
    Primitive("isfinite", 1, boolean=True, cheap=True),
    Primitive("signbit", 1, boolean=True, cheap=True),
)
INTEGER = (
    _bits("bitwise_and", "&", r"\mathbin{\&}"),
    _bits("bitwise_or", "|", r"\mathbin{|}"),
    _bits("bitwise_xor", "^", r"\oplus"),
    _bits("left_shift", "<<", r"\ll"),
    _bits("right_shift", ">>", r"\gg"),
    Primitive("invert", 1, cheap=True, infix=("~", r"\mathord{\sim}")),
    Primitive("bitwise_count", 1),
    Primitive("gcd", 2, latex=r"\gcd"),
    Primitive("lcm", 2),
)
PRIMITIVES: dict[str, Primitive] = {
    row.name: row
    for rows in (
        ARITHMETIC,
        EXPONENTIAL,
        TRIGONOMETRIC,
        HYPERBOLIC,
        ROUNDING,
        CHOICE,
        COMPARISON,
        INTEGER,
        GAUSSIAN,
        GAMMA,
        BESSEL,
        ENTROPY,
    )
    for row in rows
}
