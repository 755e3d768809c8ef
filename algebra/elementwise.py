"""Arithmetic, exponentials, angles and rounding, with NumPy's names and meanings.

Operands broadcast as in NumPy, except that only an axis declared to have extent 1 is repeated
(semantics 5.2). Dtypes are NumPy's, with float32 where it computes in float16. Each function states
its convention where the derivative has none.
"""

from __future__ import annotations

from typing import Any

from sympy import Rational

from . import scalar
from . import tensor as tensors
from .dtypes import BOOL, divided, numeric
from .errors import ExpressionError
from .origin import here
from .scalar import HALF, MINUS_ONE, ONE, PI, ZERO, Add, Mul, Pow
from .tensor import Tensor, apply, as_tensor, part

__all__ = [
    "abs_", "absolute", "acos", "acosh", "add", "arccos", "arccosh", "arcsin", "arcsinh",
    "arctan", "arctan2", "arctanh", "around", "asin", "asinh", "atan", "atan2", "atanh", "cbrt",
    "ceil", "clip", "copysign", "cos", "cosh", "deg2rad", "degrees", "divide", "divmod", "exp",
    "exp2", "expm1", "fabs", "fix", "float_power", "floor", "floor_divide", "fmod", "hypot",
    "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2", "mod", "modf", "multiply",
    "negative", "positive", "pow", "power", "rad2deg", "radians", "reciprocal", "remainder",
    "rint", "round", "sigmoid", "sign", "sin", "sinc", "sinh", "softplus", "sqrt", "square",
    "subtract", "tan", "tanh", "true_divide", "trunc",
]  # fmt: skip

_DOCS = {
    "exp": "Exponential e**x.",
    "exp2": "2**x.",
    "expm1": "exp(x) - 1, accurate near 0.",
    "log": "Natural logarithm; -inf at 0, NaN below.",
    "log2": "Logarithm to base 2; -inf at 0, NaN below.",
    "log10": "Logarithm to base 10; -inf at 0, NaN below.",
    "log1p": "log(1 + x), accurate near 0.",
    "cbrt": "Cube root, also of negative numbers; its derivative at 0 is infinite.",
    "sin": "Sine of an angle in radians.",
    "cos": "Cosine of an angle in radians.",
    "tan": "Tangent of an angle in radians.",
    "arcsin": "Inverse sine, from -pi/2 to pi/2; NaN outside [-1, 1].",
    "arccos": "Inverse cosine, from 0 to pi; NaN outside [-1, 1].",
    "arctan": "Inverse tangent, from -pi/2 to pi/2.",
    "sinh": "Hyperbolic sine.",
    "cosh": "Hyperbolic cosine.",
    "tanh": "Hyperbolic tangent.",
    "arcsinh": "Inverse hyperbolic sine.",
    "arccosh": "Inverse hyperbolic cosine, nonnegative; NaN below 1.",
    "arctanh": "Inverse hyperbolic tangent; NaN outside [-1, 1].",
    "rint": "The nearest integer, a tie to the even one, as a float; its derivative is 0.",
    "sigmoid": "Logistic function 1/(1 + exp(-x)), without overflow.",
    "softplus": "log(1 + exp(x)), without overflow.",
}


def _unary(name: str, floats: Any = True) -> Any:
    def function(x: Any) -> Tensor:
        return apply(scalar.CLASSES[name], x, floats=floats)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{_DOCS[name]}

    Elementwise; integers give floats, as in NumPy. Derivative: see `partials.PARTIALS`.
    """
    return function


# ---------------------------------------------------------------- arithmetic


def add(a: Any, b: Any) -> Tensor:
    """a + b."""
    return as_tensor(a) + b


def subtract(a: Any, b: Any) -> Tensor:
    """a - b; booleans are refused, as in NumPy."""
    return as_tensor(a) - b


def multiply(a: Any, b: Any) -> Tensor:
    """a*b, elementwise."""
    return as_tensor(a) * b


def divide(a: Any, b: Any) -> Tensor:
    """a/b; integers give float64."""
    return as_tensor(a) / b


def negative(x: Any) -> Tensor:
    """-x; booleans are refused, as in NumPy."""
    return -as_tensor(x)


def positive(x: Any) -> Tensor:
    """+x; booleans are refused, as in NumPy."""
    return +as_tensor(x)


def float_power(a: Any, b: Any) -> Tensor:
    """a**b in float64; an integer may have a negative exponent."""
    return power(as_tensor(a).astype("float64"), b)


def power(a: Any, b: Any) -> Tensor:
    """a**b; an integer base needs an exponent that is not a negative integer."""
    return tensors.power(a, b)


def floor_divide(a: Any, b: Any) -> Tensor:
    """The largest integer not above a/b, in the dtype of the operands; its derivative is 0.

    Division of integers by 0 gives 0, and the least integer by -1 itself, as in NumPy; floats give
    what a/b is.
    """
    return apply(scalar.floor_divide, a, b, floats=numeric)


def remainder(a: Any, b: Any) -> Tensor:
    """a - b*floor(a/b), with the sign of b, as Python's %.

    Integers modulo 0 give 0, as in NumPy; floats give NaN. Derivatives: 1, and -floor(a/b).
    """
    return apply(scalar.mod, a, b, floats=numeric)


def fmod(a: Any, b: Any) -> Tensor:
    """a - b*trunc(a/b), with the sign of a, as C's fmod.

    Integers modulo 0 give 0, as in NumPy; floats give NaN. Derivatives: 1, and -trunc(a/b).
    """
    return apply(scalar.fmod, a, b, floats=numeric)


def divmod(a: Any, b: Any) -> tuple[Tensor, Tensor]:  # noqa: A001
    """floor_divide(a, b) and remainder(a, b)."""
    return floor_divide(a, b), remainder(a, b)


def reciprocal(x: Any) -> Tensor:
    """1/x; of integers the integer part, 0 at 0 (where NumPy's answer depends on the machine)."""
    if part(x)[1].kind == "f":
        return apply(lambda a: Pow(a, MINUS_ONE), x)
    unit = lambda a: scalar.where(scalar.eq(scalar.absolute(a), ONE), a, ZERO)  # noqa: E731
    return apply(unit, x, floats=numeric)


def square(x: Any) -> Tensor:
    """x**2."""
    return apply(lambda a: Pow(a, 2), x, floats=numeric)


def sqrt(x: Any) -> Tensor:
    """Square root; NaN below 0, derivative infinite at 0."""
    return apply(lambda a: Pow(a, HALF), x, floats=True)


def absolute(x: Any) -> Tensor:
    """Absolute value; its derivative at 0 is 0."""
    return apply(scalar.absolute, x)


def fabs(x: Any) -> Tensor:
    """Absolute value as a float; its derivative at 0 is 0."""
    return apply(scalar.absolute, x, floats=True)


def sign(x: Any) -> Tensor:
    """-1, 0 or 1; its derivative is 0. Booleans are refused, as in NumPy."""
    if part(x)[1] == BOOL:
        raise ExpressionError(
            "the sign of booleans", where=here(), fix="convert with .astype('int64')"
        )
    return apply(scalar.sign_of, x)


def copysign(a: Any, b: Any) -> Tensor:
    """The magnitude of a with the sign of b, also of a negative zero; derivative by b is 0."""
    return apply(scalar.copysign, a, b, floats=True)


def hypot(a: Any, b: Any) -> Tensor:
    """sqrt(a**2 + b**2) without overflow; its derivatives at (0, 0) are 0."""
    return apply(scalar.hypot, a, b, floats=True)


# ---------------------------------------------------------------- exponentials, angles

exp, exp2, expm1 = map(_unary, ("exp", "exp2", "expm1"))
log, log2, log10, log1p = map(_unary, ("log", "log2", "log10", "log1p"))
cbrt = _unary("cbrt")
sin, cos, tan = map(_unary, ("sin", "cos", "tan"))
arcsin, arccos, arctan = map(_unary, ("arcsin", "arccos", "arctan"))
sinh, cosh, tanh = map(_unary, ("sinh", "cosh", "tanh"))
arcsinh, arccosh, arctanh = map(_unary, ("arcsinh", "arccosh", "arctanh"))
sigmoid, softplus = _unary("sigmoid", divided), _unary("softplus", divided)


def arctan2(y: Any, x: Any) -> Tensor:
    """The angle of the point (x, y), from -pi to pi; mind the order of the arguments."""
    return apply(scalar.arctan2, y, x, floats=True)


def sinc(x: Any) -> Tensor:
    """sin(pi x)/(pi x), and 1 at 0. All derivatives are accurate near 0.

    The function without pi is `special.sinc_derivative(0, x)`.
    """
    return apply(lambda a: scalar.sinc(Mul(PI, a)), x, floats=divided)


def deg2rad(x: Any) -> Tensor:
    """Degrees as radians."""
    return apply(lambda a: Mul(Rational(1, 180), PI, a), x, floats=True)


def rad2deg(x: Any) -> Tensor:
    """Radians as degrees."""
    return apply(lambda a: Mul(180, Pow(PI, MINUS_ONE), a), x, floats=True)


def logaddexp(a: Any, b: Any) -> Tensor:
    """log(exp(a) + exp(b)) without overflow; -inf if both are."""
    return apply(scalar.logaddexp, a, b, floats=True)


def logaddexp2(a: Any, b: Any) -> Tensor:
    """log2(2**a + 2**b) without overflow; -inf if both are."""
    return apply(_logaddexp2, a, b, floats=True)


def _logaddexp2(a: Any, b: Any) -> Any:
    log_2 = scalar.log(2)
    return Mul(scalar.logaddexp(Mul(log_2, a), Mul(log_2, b)), Pow(log_2, MINUS_ONE))


# ---------------------------------------------------------------- rounding


def _rounding(name: str, doc: str) -> Any:
    def function(x: Any) -> Tensor:
        if part(x)[1].kind != "f":
            return as_tensor(x)
        return apply(scalar.CLASSES[name], x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc} Its derivative is 0. Integers and booleans stay as they are."
    return function


floor = _rounding("floor", "The largest integer not above x.")
ceil = _rounding("ceil", "The smallest integer not below x.")
trunc = _rounding("trunc", "The integer part of x: towards 0.")
rint = _unary("rint")


def round(x: Any, decimals: int = 0) -> Tensor:  # noqa: A001
    """Rounded to decimals, a tie to the even digit; its derivative is 0.

    As NumPy does, by scaling with 10**decimals and back. Integers are rounded only where decimals
    is negative.
    """
    x = as_tensor(x)
    if x.dtype.kind != "f":
        if x.dtype == BOOL:
            return rint(x)
        return x if decimals >= 0 else _round(x.astype("float64"), decimals).astype(x.dtype)
    return _round(x, decimals)


def _round(x: Tensor, decimals: int) -> Tensor:
    scale = 10 ** abs(decimals)
    if decimals == 0:
        return rint(x)
    return rint(x * scale) / scale if decimals > 0 else rint(x / scale) * scale


def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:  # noqa: A002
    """x, but at least min and at most max; None leaves a side open.

    The derivative by x is 1 on the closed interval and 0 outside, by a bound 1 where the bound is
    taken. As in NumPy, max wins where min > max, and NaN is kept.
    """
    if min is not None and max is not None:
        return apply(scalar.clip, x, min, max)
    if min is not None:
        return apply(_at_least, x, min)
    return as_tensor(x) if max is None else apply(_at_most, x, max)


def _at_least(a: Any, low: Any) -> Any:
    return scalar.where(scalar.or_(scalar.lt(a, low), scalar.ne(low, low)), low, a)


def _at_most(a: Any, high: Any) -> Any:
    return scalar.where(scalar.or_(scalar.gt(a, high), scalar.ne(high, high)), high, a)


def modf(x: Any) -> tuple[Tensor, Tensor]:
    """Fractional and integer part of x, both with its sign; of an infinity 0 and itself."""
    x = as_tensor(x) if part(x)[1].kind == "f" else fabs(x) * sign(as_tensor(x).astype("float64"))
    whole = trunc(x)
    return copysign(apply(_fraction, x), x), whole


def _fraction(a: Any) -> Any:
    whole = scalar.trunc(a)
    return scalar.where(scalar.eq(whole, a), ZERO, Add(a, Mul(MINUS_ONE, whole)))


# the same functions under NumPy's other names
around = round
true_divide, mod, pow, abs_ = divide, remainder, power, absolute
fix = trunc
degrees, radians = rad2deg, deg2rad
acos, asin, atan, atan2 = arccos, arcsin, arctan, arctan2
acosh, asinh, atanh = arccosh, arcsinh, arctanh
