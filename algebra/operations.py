"""The elementwise operations that users call: one row each, for documentation and tests.

Nothing of this is needed to build or run an expression, and nothing imports it. Which dtypes an
operation takes, what its derivative is and how it prints is asked of the operation itself.
"""

from __future__ import annotations

from dataclasses import dataclass

NUMPY, SCIPY = "numpy", "scipy.special"
Interval = tuple[float, float]


@dataclass(frozen=True)
class Operation:
    """One row.

    name     what users call: of `closedform`, or of `closedform.special` where `special` is set
    like     the module whose function of this name it means; "" if neither has one
    domain   per argument, where values and derivatives are promised to be accurate
    ulps     bound of the error there, in units of the dtype's relative spacing, of the sum of
             |f| and |x f'| over the arguments x: an error that many last places of the result and
             of every argument could have caused. 0: the exact result, rounded once
    kinks    points at which it has no derivative, or jumps
    order    the order that is put before the arguments, where it takes one
    choice   how the first argument is read, if not as a number: "truth"
    note     what differs from the function that it is like
    theirs   the name of that function, if it is another one
    """

    name: str
    like: str
    domain: tuple[Interval, ...]
    ulps: float = 4
    kinks: tuple[float, ...] = ()
    order: int | None = None
    choice: str = ""
    special: bool = False
    note: str = ""
    theirs: str = ""

    @property
    def public(self) -> str:
        """The name as it is written behind `closedform.`."""
        return f"special.{self.name}" if self.special else self.name


ALL = (-1e3, 1e3)
POSITIVE = (1e-3, 1e3)
UNIT = (-1.0, 1.0)


def _exact(name: str, *domain: Interval, note: str = "", kinks: tuple = ()) -> Operation:
    return Operation(name, NUMPY, domain or (ALL,), 0, kinks, note=note)


def _special(name: str, *domain: Interval, ulps: float = 4, **more) -> Operation:
    return Operation(name, more.pop("like", SCIPY), domain, ulps, special=True, **more)


ARITHMETIC = (
    _exact("add", ALL, ALL),
    _exact("subtract", ALL, ALL),
    _exact("multiply", ALL, ALL),
    _exact("divide", ALL, ALL),
    _exact("negative"),
    _exact("positive"),
    Operation("power", NUMPY, ((1e-2, 1e2), (-20, 20)), 4),
    Operation("float_power", NUMPY, ((1e-2, 1e2), (-20, 20)), 4),
    _exact("floor_divide", ALL, (-30, 30)),
    _exact("remainder", ALL, (-30, 30)),
    _exact("fmod", ALL, (-30, 30)),
    _exact("reciprocal", note="of the integer 0 it is 0, where NumPy's result is undefined"),
    _exact("square"),
    _exact("sqrt", (0.0, 1e3)),
    _exact("absolute", kinks=(0.0,)),
    _exact("fabs", kinks=(0.0,)),
    _exact("sign", kinks=(0.0,)),
    _exact("copysign", ALL, ALL, kinks=(0.0,)),
    Operation("hypot", NUMPY, (ALL, ALL), 2),
    Operation("cbrt", NUMPY, (ALL,), 2, kinks=(0.0,)),
)
EXPONENTIAL = (
    Operation("exp", NUMPY, ((-80, 80),), 2),
    Operation("exp2", NUMPY, ((-120, 120),), 3),
    Operation("expm1", NUMPY, ((-30, 80),), 3),
    Operation("log", NUMPY, (POSITIVE,), 2),
    Operation("log2", NUMPY, (POSITIVE,), 3),
    Operation("log10", NUMPY, (POSITIVE,), 3),
    Operation("log1p", NUMPY, ((-0.999, 1e3),), 3),
    Operation("logaddexp", NUMPY, (ALL, ALL), 4),
    Operation("logaddexp2", NUMPY, (ALL, ALL), 6),
    Operation("sigmoid", "", ((-80, 80),), 6),
    Operation("softplus", "", (ALL,), 4),
)
TRIGONOMETRIC = (
    Operation("sin", NUMPY, (ALL,), 3),
    Operation("cos", NUMPY, (ALL,), 3),
    Operation("tan", NUMPY, (ALL,), 4),
    Operation("arcsin", NUMPY, (UNIT,), 4),
    Operation("arccos", NUMPY, (UNIT,), 4),
    Operation("arctan", NUMPY, (ALL,), 3),
    Operation("arctan2", NUMPY, (ALL, ALL), 4, kinks=(0.0,)),
    Operation("sinc", NUMPY, ((-30, 30),), 4),
    Operation("deg2rad", NUMPY, (ALL,), 2),
    Operation("rad2deg", NUMPY, (ALL,), 2),
    Operation("sinh", NUMPY, ((-80, 80),), 4),
    Operation("cosh", NUMPY, ((-80, 80),), 4),
    Operation("tanh", NUMPY, ((-30, 30),), 4),
    Operation("arcsinh", NUMPY, (ALL,), 4),
    Operation("arccosh", NUMPY, ((1.001, 1e3),), 4),
    Operation("arctanh", NUMPY, (UNIT,), 4),
)
ROUNDING = (
    _exact("floor"),
    _exact("ceil"),
    _exact("trunc"),
    _exact("rint"),
    _exact("round"),
    _exact("clip", ALL, (-10, -1), (1, 10), kinks=(0.0,)),
)
CHOICE = (
    _exact("maximum", ALL, ALL),
    _exact("minimum", ALL, ALL),
    _exact("fmax", ALL, ALL),
    _exact("fmin", ALL, ALL),
    Operation("where", NUMPY, (ALL, ALL, ALL), 0, choice="truth"),
    _exact("heaviside", ALL, ALL, kinks=(0.0,)),
    _exact("nan_to_num"),
    Operation("relu", "", (ALL,), 0, kinks=(0.0,)),
)
COMPARISON = (
    Operation("eq", NUMPY, (ALL, ALL), 0, theirs="equal"),  # `equal` decides about expressions
) + tuple(
    _exact(name, ALL, ALL)
    for name in (
        "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and",
        "logical_or", "logical_xor",
    )
)  # fmt: skip
QUESTION = tuple(_exact(name) for name in ("logical_not", "isnan", "isinf", "isfinite", "signbit"))
BITS = (
    *(_exact(name, ALL, ALL) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")),
    *(_exact(name, ALL, ALL) for name in ("gcd", "lcm")),
    *(_exact(name, ALL, (-9, 70)) for name in ("left_shift", "right_shift")),
    *(_exact(name) for name in ("invert", "bitwise_count")),
)
GAUSSIAN = (
    _special("erf", (-6, 6)),
    _special("erfc", (-6, 8)),
    _special("erfcx", (-5, 1e3)),
    _special("erfcx_derivative", (-5, 1e3), ulps=32, like="", order=1),
    _special("erfinv", (-0.999, 0.999)),
    _special("erfcinv", (1e-3, 1.999)),
    _special("ndtr", (-8, 8)),
    _special("ndtri", (1e-3, 0.999)),
    _special("log_ndtr", (-1e3, 8), ulps=8),
)
GAMMA = (
    _special("gamma", (1e-2, 30), ulps=8),
    _special("gammaln", (1e-2, 1e3)),
    _special("digamma", (1e-2, 1e3)),
    _special("polygamma", (1e-2, 1e3), ulps=8, order=1),
    _special("zeta", (1.5, 20), (1e-2, 1e2), ulps=16),
    _special("betaln", (1e-2, 1e3), (1e-2, 1e3), ulps=8),
    _special("binom", (1, 50), (0.1, 20), ulps=64),
)
BESSEL = (
    _special("i0", (-80, 80), ulps=8),
    _special("i1", (-80, 80), ulps=16),
    _special("i0e", ALL, ulps=8),
    _special("i1e", ALL, ulps=16),
    _special("iv", (1e-2, 80), ulps=16, order=2),
    _special("ive", POSITIVE, ulps=16, order=2),
)
ENTROPY = (
    _special("xlogy", (0, 1e3), POSITIVE),
    _special("xlog1py", (0, 1e3), (-0.999, 1e3)),
    _special("logit", (1e-3, 0.999)),
    _special("entr", POSITIVE),
    _special("rel_entr", POSITIVE, POSITIVE, ulps=8),
    _special("kl_div", POSITIVE, POSITIVE, ulps=16),
    _special("exprel", (-80, 80)),
    _special("exprel_derivative", (-80, 80), ulps=8, like="", order=1),
    _special("sinc_derivative", (-80, 80), ulps=16, like="", order=1),
    _special("log1mexp", POSITIVE, like=""),
    _special("logcosh", ALL, like=""),
)
ACTIVATION = (
    _special("expit", (-80, 80), ulps=6),
    _special("log_expit", ALL),
    _special("silu", (-80, 80), ulps=6, like=""),
    _special("leaky_relu", ALL, (0, 1), ulps=1, like="", kinks=(0.0,)),
    _special("elu", (-80, 80), (0.1, 10), like="", kinks=(0.0,)),
    _special("selu", (-80, 80), like="", kinks=(0.0,)),
    _special("gelu", (-8, 80), ulps=8, like=""),
    _special("softsign", ALL, like=""),
)
LOSS = (
    _special("huber", (0.1, 10), ALL),
    _special("boxcox", POSITIVE, (-3, 3), ulps=8, note="for x > 0"),
)
FAMILIES: dict[str, tuple[Operation, ...]] = {
    "arithmetic": ARITHMETIC,
    "exponentials and logarithms": EXPONENTIAL,
    "trigonometric and hyperbolic functions": TRIGONOMETRIC,
    "rounding": ROUNDING,
    "choices": CHOICE,
    "comparisons and truth": COMPARISON + QUESTION,
    "bits of integers": BITS,
    "normal distribution": GAUSSIAN,
    "gamma functions": GAMMA,
    "Bessel functions": BESSEL,
    "entropy and quotients": ENTROPY,
    "activations": ACTIVATION,
    "losses and transformations": LOSS,
}
OPERATIONS: dict[str, Operation] = {
    row.public: row for family in FAMILIES.values() for row in family
}
