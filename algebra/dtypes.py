"""Dtypes follow NumPy 2: Python scalars are weak, and so are extents and float literals.

Semantics 4.
"""

from __future__ import annotations

import numpy as np

from .errors import DTypeError
from .origin import here

SUPPORTED = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
)
_SUPPORTED = {np.dtype(name) for name in SUPPORTED}
FLOAT32, FLOAT64 = np.dtype("float32"), np.dtype("float64")
INT8, INT64, BOOL = np.dtype("int8"), np.dtype("int64"), np.dtype("bool")


class Config:
    """Defaults that a program may set.

    floatX   dtype of constructors without a dtype: "float64" (default) or "float32"
    target   where functions are compiled for by default: "c", "numpy" or "cuda"
    """

    def __init__(self) -> None:
        self._floatX, self._target = "float64", "c"

    def __setattr__(self, name: str, value: object) -> None:
        if name not in ("floatX", "target", "_floatX", "_target"):
            from .suggestions import absent

            raise absent("cf.config", name, ("floatX", "target"))
        super().__setattr__(name, value)

    @property
    def floatX(self) -> str:  # noqa: N802 (the tutorial's name)
        return self._floatX

    @floatX.setter
    def floatX(self, value: str) -> None:  # noqa: N802
        if value not in ("float32", "float64"):
            raise DTypeError(
                f"config.floatX = {value!r}", where=here(), fix="use 'float32' or 'float64'"
            )
        self._floatX = value

    @property
    def target(self) -> str:
        return self._target

    @target.setter
    def target(self, value: str) -> None:
        if value not in ("c", "numpy", "cuda"):
            raise DTypeError(
                f"config.target = {value!r}", where=here(), fix="use 'c', 'numpy' or 'cuda'"
            )
        self._target = value


config = Config()


def dtype_of(spec: object) -> np.dtype:
    """A supported dtype from what a user wrote ("floatX" is the configured one).

    Raises DTypeError for complex, object, string, float16 and other dtypes.
    """
    fix = f"use one of {', '.join(SUPPORTED)}"
    named = isinstance(spec, str) and spec == "floatX"
    try:
        result = np.dtype(config.floatX if spec is None or named else spec)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        from .suggestions import meant

        hint = meant(spec, SUPPORTED) if isinstance(spec, str) else ""
        raise DTypeError(
            f"{spec!r} is not a dtype", where=here(), fix=f"{hint} {fix}".strip()
        ) from None
    result = result.newbyteorder("=")
    if result not in _SUPPORTED:
        raise DTypeError(f"dtype {result} is not supported", where=here(), fix=fix)
    return result


_EXAMPLE = {"b": True, "i": 1, "u": 1, "f": 1.0}


def promote(operands: list[tuple[np.dtype, bool]]) -> tuple[np.dtype, bool]:
    """Common dtype of (dtype, weak) pairs, and whether all of them are weak."""
    strong = [d for d, weak in operands if not weak]
    if not strong:
        return np.result_type(*(d for d, _ in operands)), True
    result = np.result_type(*strong, *(_EXAMPLE[d.kind] for d, weak in operands if weak))
    return (FLOAT32 if result == np.float16 else result), False


def floating(dtype: np.dtype) -> np.dtype:
    """Dtype in which NumPy computes exp or log of this dtype (float32 instead of its float16)."""
    if dtype.kind == "f":
        return dtype
    result = np.result_type(dtype, np.float16) if dtype.itemsize < 4 else FLOAT64
    return FLOAT32 if result == np.float16 else result


def numeric(dtype: np.dtype) -> np.dtype:
    """Dtype of arithmetic for which NumPy has no loop of booleans: int8 instead."""
    return INT8 if dtype == BOOL else dtype


def divided(dtype: np.dtype) -> np.dtype:
    """Dtype of a true division: float64 for every integer, also the small ones."""
    return dtype if dtype.kind == "f" else FLOAT64


def summed(dtype: np.dtype) -> np.dtype:
    """Dtype of a sum: NumPy widens booleans and small integers."""
    if dtype.kind in "bi":
        return INT64
    return np.dtype(np.uint64) if dtype.kind == "u" else dtype
