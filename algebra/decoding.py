"""Atoms, arrays and bodies from saved text; whatever is not as it must be raises ValueError."""

from __future__ import annotations

import base64
import re
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from . import scalar
from .dtypes import SUPPORTED
from .scalar import CLASSES, PRIMITIVES, Slot

DIGITS = 2000  # a longer number is refused


def is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def natural(value: Any) -> int:
    if not is_int(value) or value < 0:
        raise ValueError(f"{value!r} where a number >= 0 belongs")
    return value


def whole(value: Any) -> int:
    if not is_int(value):
        raise ValueError(f"{value!r} where a whole number belongs")
    return value


def text_or_none(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{value!r} where a text belongs")
    return value


def truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} where true or false belongs")
    return value


def dtype_named(name: Any) -> np.dtype:
    if name not in SUPPORTED:
        raise ValueError(f"dtype {name!r}")
    return np.dtype(name)


def fraction(value: Any) -> Fraction:
    if (
        not isinstance(value, str)
        or len(value) > DIGITS
        or not re.fullmatch(r"-?\d+(/\d+)?", value)
    ):
        raise ValueError("a number that is not a fraction")
    return Fraction(value)


def decode_array(row: list) -> np.ndarray:
    """What `serialise.encode_array` wrote."""
    name, shape, text = row
    raw = base64.b64decode(text, validate=True)
    dtype = dtype_named(name)
    array = (
        np.frombuffer(raw, dtype.newbyteorder("<"))
        .astype(dtype)
        .reshape([natural(s) for s in shape])
    )
    if dtype == np.bool_ and any(b > 1 for b in raw):
        raise ValueError("truth values other than 0 and 1")
    return array


def decode_constant(row: list, spec: Any) -> np.ndarray:
    array = decode_array(row)
    if array.shape != spec.dims or array.dtype != spec.dtype:
        raise ValueError("a constant whose data has another shape or dtype")
    array.flags.writeable = False
    return array


def parse_body(tokens: list) -> Any:
    """A body from its prefix list, read from the end."""
    stack: list = []
    for token in reversed(tokens):
        stack.append(
            _atom(token)
            if ":" not in token or token[0] == "s" and token[1].isdigit()
            else _apply(token, stack)
        )
    if len(stack) != 1:
        raise ValueError("a body with missing or spare arguments")
    return stack[0]


def _atom(token: str) -> Any:
    match = re.fullmatch(r"s(\d{1,6})(?::(positive|nonnegative))?", token)
    if match:
        return Slot(int(match[1]), match[2] or scalar.REAL)
    if token in ("True", "False"):
        return sympy.S(token == "True")
    value = fraction(token)
    return sympy.Rational(value.numerator, value.denominator)


def _apply(token: str, stack: list) -> Any:
    name, _, count = token.partition(":")
    arity = PRIMITIVES[name].arity
    number = natural(int(count))
    least = 1 if arity is None else arity
    if number != (number if arity is None else arity) or not least <= number <= len(stack):
        raise ValueError(f"{name} of {number} arguments")
    args = [stack.pop() for _ in range(number)]
    return CLASSES[name](*args)
