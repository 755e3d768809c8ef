"""Operations on the bits of integers, with NumPy's names and meanings.

Floats are refused. Booleans become int8 where NumPy has no operation of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import scalar
from .choices import logical_xor
from .dtypes import BOOL, numeric, promote
from .errors import DTypeError
from .origin import here
from .tensor import Tensor, apply, logical, part

__all__ = [
    "bitwise_and", "bitwise_count", "bitwise_invert", "bitwise_left_shift", "bitwise_not",
    "bitwise_or", "bitwise_right_shift", "bitwise_xor", "gcd", "invert", "lcm", "left_shift",
    "right_shift",
]  # fmt: skip


def _bits(name: str, *args: Any, boolean: Callable[..., Any] | None) -> Tensor:
    """An operation on integers, or its counterpart on truth values."""
    parts = [part(a) for a in args]
    dtypes = [dtype for _, dtype, _ in parts]
    common, _ = promote([(dtype, weak) for _, dtype, weak in parts])
    if common.kind == "f":
        raise DTypeError(
            f"{name} of dtype {' and '.join(map(str, dtypes))}",
            where=here(),
            fix="compare first, as in (x > 0) & (y > 0), or convert with .astype('int64'); "
            "powers are written x**2",
        )
    if boolean is not None and all(dtype == BOOL for dtype in dtypes):
        return boolean(*args)
    return apply(scalar.CLASSES[name], *args, floats=numeric)


def bitwise_and(a: Any, b: Any) -> Tensor:
    """The bits that are set in both integers; of booleans the logical and."""
    return _bits("bitwise_and", a, b, boolean=lambda a, b: logical(scalar.and_, a, b))


def bitwise_or(a: Any, b: Any) -> Tensor:
    """The bits that are set in one of two integers; of booleans the logical or."""
    return _bits("bitwise_or", a, b, boolean=lambda a, b: logical(scalar.or_, a, b))


def bitwise_xor(a: Any, b: Any) -> Tensor:
    """The bits in which two integers differ; of booleans whether they do."""
    return _bits("bitwise_xor", a, b, boolean=logical_xor)


def invert(x: Any) -> Tensor:
    """All bits of an integer turned around; of booleans the logical not."""
    return _bits("invert", x, boolean=lambda a: logical(scalar.not_, a))


def left_shift(a: Any, b: Any) -> Tensor:
    """a*2**b of integers, modulo the width of the dtype: 0 where b is not below it."""
    return _bits("left_shift", a, b, boolean=None)


def right_shift(a: Any, b: Any) -> Tensor:
    """floor(a/2**b) of integers: 0 or -1 where b is not below the width of the dtype."""
    return _bits("right_shift", a, b, boolean=None)


def gcd(a: Any, b: Any) -> Tensor:
    """Greatest common divisor of integers, nonnegative; gcd(a, 0) is abs(a)."""
    return _bits("gcd", a, b, boolean=_no_booleans("gcd"))


def lcm(a: Any, b: Any) -> Tensor:
    """Least common multiple of integers, nonnegative; 0 if one of them is."""
    return _bits("lcm", a, b, boolean=_no_booleans("lcm"))


def _no_booleans(name: str) -> Callable[..., Any]:
    def refuse(*_: Any) -> Any:
        raise DTypeError(f"{name} of dtype bool", where=here(), fix="convert with .astype('int64')")

    return refuse


def bitwise_count(x: Any) -> Tensor:
    """The number of bits that are set in abs(x), as uint8."""
    return _bits("bitwise_count", x, boolean=None).astype("uint8")


# the same functions under NumPy's other names
bitwise_not = bitwise_invert = invert
bitwise_left_shift, bitwise_right_shift = left_shift, right_shift
