"""How C and CUDA spell the primitives: one row each.

A name cf_... is a helper: its text is a template of `functions`, which C and CUDA share, or of the
target's own folder. A primitive that `special` writes in others has no row.
"""

from __future__ import annotations

from dataclasses import dataclass

ROUTINE = "((double (*)({types}, int))q->external[{number}])"  # SciPy's, as its module exports it


@dataclass(frozen=True)
class Spelling:
    """One row; formats have {0}, {1}... for arguments, {f} for the suffix of the type, {t} for it.

    c        in C
    cuda     in CUDA; None: as in C; "": refused by name, for CUDA's library has no such function
    integer  where it computes in integers, if that differs
    vector   the version of glibc that has a variant for vectors, to be declared: "2, 35"
    routine  the routine of SciPy that {r} in the format stands for, and its number of arguments
    """

    c: str
    cuda: str | None = None
    integer: str = ""
    vector: str = ""
    routine: tuple[str, int] | None = None


def _library(name: str, vector: str = "", arity: int = 1) -> Spelling:
    """A function of the C library, which CUDA has under the same name."""
    arguments = ", ".join(f"{{{k}}}" for k in range(arity))
    return Spelling(f"{name}{{f}}({arguments})", vector=vector)


def _angle(name: str, vector: str) -> Spelling:
    """A function of an angle."""
    return Spelling(f"{name}{{f}}({{0}})", f"cf_{name}_{{t}}({{0}})", vector=vector)


def _scipy(name: str, cuda: str = "", arity: int = 1) -> Spelling:
    """A routine of SciPy for doubles."""
    arguments = ", ".join(f"(double){{{k}}}" for k in range(arity))
    return Spelling(f"({{t}}){{r}}({arguments}, 0)", cuda, routine=(name, arity))


IV = (  # exp(abs(x)) in two steps, for it may overflow where the function does not
    "(!(fabs{f}({1}) >= 800) ? "
    "cf_ive_{t}({0}, {1})*exp{f}(fabs{f}({1})/2)*exp{f}(fabs{f}({1})/2) : "
    "cf_ive_{t}({0}, copysign{f}(({t})1, {1}))*INFINITY)"
)
FIRST, LATER = "2, 22", "2, 35"
FUNCTIONS: dict[str, Spelling] = {
    "abs": Spelling("fabs{f}({0})", integer="cf_abs_{t}({0})"),
    "sign": Spelling("cf_sign_{t}({0})", "cf_sign<{t}>({0})"),
    "copysign": _library("copysign", arity=2),
    "floor_divide": Spelling("cf_fdiv_{t}({0}, {1})", integer="cf_idiv_{t}({0}, {1})"),
    "mod": Spelling("cf_fmod_{t}({0}, {1})", integer="cf_imod_{t}({0}, {1})"),
    "fmod": Spelling("fmod{f}({0}, {1})", integer="cf_irem_{t}({0}, {1})"),
    "hypot": _library("hypot", LATER, 2),
    "pi": Spelling("(({t})3.141592653589793)"),
    **{name: _library(name, FIRST) for name in ("exp", "log")},
    **{name: _angle(name, FIRST) for name in ("sin", "cos")},
    "tan": _angle("tan", LATER),
    **{name: _library(name, LATER) for name in ("exp2", "expm1", "log2", "log10", "log1p")},
    **{name: _library(name, LATER) for name in ("cbrt", "sinh", "cosh", "tanh")},
    "arcsin": _library("asin", LATER),
    "arccos": _library("acos", LATER),
    "arctan": _library("atan", LATER),
    "arctan2": _library("atan2", LATER, 2),
    "arcsinh": _library("asinh", LATER),
    "arccosh": _library("acosh", LATER),
    "arctanh": _library("atanh", LATER),
    "sinc_derivative": Spelling(
        "cf_dsinc_{t}({0}, {1}, sin((double){1}), cos((double){1}))",
        "cf_dsinc_{t}({0}, {1}, cf_sin_double({1}), cf_cos_double({1}))",
    ),
    **{name: _library(name) for name in ("floor", "ceil", "trunc", "rint")},
    "relu": Spelling("({0} < 0 ? 0 : {0})"),
    "maximum": Spelling("cf_max_{t}({0}, {1})", "cf_max<{t}>({0}, {1})"),
    "minimum": Spelling("cf_min_{t}({0}, {1})", "cf_min<{t}>({0}, {1})"),
    "fmax": Spelling("cf_fmax_{t}({0}, {1})"),
    "fmin": Spelling("cf_fmin_{t}({0}, {1})"),
    "where": Spelling("({0} ? {1} : {2})"),
    "eq": Spelling("({0} == {1})"),
    "ne": Spelling("({0} != {1})"),
    "lt": Spelling("({0} < {1})"),
    "le": Spelling("({0} <= {1})"),
    "gt": Spelling("({0} > {1})"),
    "ge": Spelling("({0} >= {1})"),
    "and_": Spelling("({0} & {1})"),
    "or_": Spelling("({0} | {1})"),
    "not_": Spelling("(!{0})"),
    "isnan": Spelling("({0} != {0})"),
    "isinf": Spelling("(fabs{f}({0}) == INFINITY)"),
    "isfinite": Spelling("(fabs{f}({0}) < INFINITY)"),
    "signbit": Spelling("(signbit({0}) != 0)"),
    "bitwise_and": Spelling("(({t})({0} & {1}))"),
    "bitwise_or": Spelling("(({t})({0} | {1}))"),
    "bitwise_xor": Spelling("(({t})({0} ^ {1}))"),
    "left_shift": Spelling("cf_shl_{t}({0}, {1})"),
    "right_shift": Spelling("cf_shr_{t}({0}, {1})"),
    "invert": Spelling("(({t})~{0})"),
    "bitwise_count": Spelling("cf_popcount_{t}({0})"),
    "gcd": Spelling("cf_gcd_{t}({0}, {1})"),
    "lcm": Spelling("cf_lcm_{t}({0}, {1})"),
    "erf": _library("erf", LATER),
    "erfc": _library("erfc", LATER),
    "erfcx": _scipy("erfcx", "erfcx{f}({0})"),
    "erfcx_derivative": Spelling("cf_derfcx_{t}({0}, {1})"),
    "erfinv": _scipy("erfinv", "erfinv{f}({0})"),
    "erfcinv": _scipy("erfcinv", "erfcinv{f}({0})"),
    "ndtri": _scipy("ndtri", "normcdfinv{f}({0})"),
    "gamma": _library("tgamma"),
    "gammaln": Spelling("cf_lgamma_{t}({0})", "({0} == -INFINITY ? {0} : lgamma{f}({0}))"),
    "digamma": _scipy("psi", "cf_digamma_{t}({0})"),
    "zeta": Spelling("cf_zeta_{t}({0}, {1})"),
    "binom": _scipy("binom", "cf_binom_{t}({0}, {1})", arity=2),
    "i0": _scipy("i0", "cyl_bessel_i0{f}({0})"),
    "i1": _scipy("i1", "cyl_bessel_i1{f}({0})"),
    "i0e": _scipy("i0e", "cf_ive_{t}(0, {0})"),
    "i1e": _scipy("i1e", "cf_ive_{t}(1, {0})"),
    "iv": _scipy("iv", IV, arity=2),
    "ive": _scipy("ive", "cf_ive_{t}({0}, {1})", arity=2),
    "exprel_derivative": Spelling("cf_dexprel_{t}({0}, {1})"),
    # not primitives: what the speller writes powers as
    "sqrt": _library("sqrt"),
    "pow": _library("pow", FIRST, 2),
    "ipow": Spelling("cf_ipow_{t}({0}, {1})", "cf_ipow<{t}>({0}, {1})"),
}


def spelled(target: str, name: str, whole: bool = False) -> str:
    """The format of a function on target "c" or "cuda", for floats or integers; "" for none."""
    row = FUNCTIONS.get(name)
    if row is None:
        return ""
    if whole and row.integer:
        return "cf_abs<{t}>({0})" if (target, name) == ("cuda", "abs") else row.integer
    return row.c if target == "c" or row.cuda is None else row.cuda


def spelled_names(target: str) -> set[str]:
    """Functions that a target has."""
    return {name for name in FUNCTIONS if spelled(target, name)}


def routine(name: str) -> tuple[str, int] | None:
    """What C takes from SciPy for a function: the name there, and the number of arguments."""
    row = FUNCTIONS.get(name)
    return row.routine if row else None


def alone(name: str) -> str:
    """What C takes from SciPy, as a format with helpers that CUDA has for it; "" for none."""
    found = FUNCTIONS[name].cuda or ""
    return found if "cf_" in found else ""


def vectors() -> dict[str, tuple[str, int]]:
    """Functions of the library that have a variant for vectors: since which version, arguments."""
    rows = [row for row in FUNCTIONS.values() if row.vector]
    return {row.c.split("{f}")[0]: (row.vector, row.c.count(",") + 1) for row in rows}
