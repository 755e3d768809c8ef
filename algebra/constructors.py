"""Inputs: scalar, vector, row, col, matrix, tensor3, with dtype prefixes and plural forms as in Theano."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import build
from .dims import Extent, extent
from .dtypes import dtype_of
from .errors import ExpressionError, ShapeError
from .node import input_leaf
from .tensor import Tensor, check_name

FACTS = ("positive", "nonnegative")
# name -> per axis, whether it has extent 1
PATTERNS: dict[str, tuple[bool, ...]] = {
    "scalar": (),
    "vector": (False,),
    "row": (True, False),
    "col": (False, True),
    "matrix": (False, False),
    "tensor3": (False, False, False),
    "tensor4": (False, False, False, False),
}
PREFIXES = {"b": "int8", "w": "int16", "i": "int32", "l": "int64", "f": "float32", "d": "float64"}


def tensor(
    name: str | None = None, shape: Any = (), dtype: Any = None, *, assume: Any = ()
) -> Tensor:
    """A symbolic input.

    Parameters
    ----------
    name : how messages, formulas and keyword calls name it; may be None.
    shape : one entry per axis: a number, a name such as "n" (equal names are equal extents), or None.
    dtype : dtype of the elements; default `config.floatX`.
    assume : promises about the values, such as "positive" or "nonnegative"; they never change which derivative is taken.

    >>> import closedform as cf
    >>> X = cf.tensor("X", ("n", 3))
    >>> X.shape
    (n, 3)
    """
    dims = tuple(extent(s) for s in ((shape,) if isinstance(shape, str | int) else shape))
    facts = (assume,) if isinstance(assume, str) else tuple(assume)
    for fact in facts:
        if fact not in FACTS:
            raise ExpressionError(
                f"unknown assumption {fact!r}",
                where=build.here(),
                fix=f"use one of {', '.join(FACTS)}",
            )
    return Tensor(input_leaf(dims, dtype_of(dtype), check_name(name), facts))


def _dims(kind: str, ones: tuple[bool, ...], shape: Any) -> tuple[Extent, ...]:
    if shape is None:
        return tuple(1 if one else extent(None) for one in ones)
    shape = (shape,) if isinstance(shape, str | int) else tuple(shape)
    if len(shape) != len(ones):
        raise ShapeError(
            f"shape {shape!r} for a {kind}", where=build.here(), fix=f"give {len(ones)} extents"
        )
    return tuple(1 if one and s is None else extent(s) for one, s in zip(ones, shape, strict=True))


def _one(kind: str, dtype: str | None) -> Callable[..., Tensor]:
    ones = PATTERNS[kind]

    def make(
        name: str | None = None, dtype: Any = dtype, *, shape: Any = None, assume: Any = ()
    ) -> Tensor:
        return tensor(name, _dims(kind, ones, shape), dtype, assume=assume)

    make.__doc__ = f"""A symbolic {kind} ({len(ones)} axes{", of extent 1: " + str([k for k, o in enumerate(ones) if o]) if any(ones) else ""}).

    Parameters: name (may be None), dtype (default {dtype or "config.floatX"}), shape (numbers, names or None), assume.
    """
    return make


def _many(single: Callable[..., Tensor]) -> Callable[..., list[Tensor]]:
    def make(*names: Any, **options: Any) -> list[Tensor]:
        if len(names) == 1 and isinstance(names[0], int):
            return [single(**options) for _ in range(names[0])]
        if len(names) == 1 and isinstance(names[0], str) and " " in names[0]:
            names = tuple(names[0].split())
        return [single(name, **options) for name in names]

    make.__doc__ = "Several at once: names, or how many unnamed ones.\n\n    " + (
        single.__doc__ or ""
    )
    return make


def _all() -> dict[str, Callable[..., Any]]:
    made: dict[str, Callable[..., Any]] = {}
    for kind in PATTERNS:
        for prefix, dtype in {"": None, **PREFIXES}.items():
            name = prefix + kind
            made[name] = _one(kind, dtype)
            made[name].__name__ = made[name].__qualname__ = name
            plural = prefix + ("matrices" if kind == "matrix" else kind + "s")
            made[plural] = _many(made[name])
            made[plural].__name__ = made[plural].__qualname__ = plural
    return made


CONSTRUCTORS = _all()


def __getattr__(name: str) -> Callable[..., Any]:
    try:
        return CONSTRUCTORS[name]
    except KeyError:
        raise AttributeError(name) from None
