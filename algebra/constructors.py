"""Inputs: scalar, vector, row, col, matrix, tensor3, with prefixes and plurals as in Theano."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .assumptions import facts
from .dims import Extent, extent
from .dtypes import dtype_of
from .errors import ExpressionError, ShapeError
from .node import input_leaf
from .origin import here
from .tensor import Tensor, check_name

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
    shape : one entry per axis: a number, a name such as "n" (equal names are equal extents), or
        None.
    dtype : dtype of the elements; default `config.floatX`.
    assume : promises about the values: "positive", "nonnegative", "symmetric", "psd",
        "diagonal", "orthogonal", "onehot" or "simplex" (along the last axis). They never change
        which derivative is taken, only how it is simplified; DebugMode checks them.

    Raises
    ------
    ShapeError, DTypeError or ExpressionError for what is no shape, dtype, name or assumption.

    >>> import closedform as cf
    >>> X = cf.tensor("X", ("n", 3))
    >>> X.shape
    (n, 3)
    """
    dims = tuple(map(extent, entries(shape)))
    given = (assume,) if isinstance(assume, str) else entries(assume)
    return Tensor(input_leaf(dims, dtype_of(dtype), check_name(name), facts(given, dims)))


def entries(shape: Any) -> tuple:
    """What a user wrote per axis; one number or name stands for one axis."""
    if isinstance(shape, Iterable) and not isinstance(shape, str | Tensor):
        return tuple(shape)
    return (shape,)


def _dims(kind: str, ones: tuple[bool, ...], shape: Any) -> tuple[Extent, ...]:
    given = (None,) * len(ones) if shape is None else entries(shape)
    if len(given) != len(ones):
        raise ShapeError(
            f"shape {shape!r} for a {kind}", where=here(), fix=f"give {len(ones)} extents"
        )
    dims = tuple(1 if one and s is None else extent(s) for one, s in zip(ones, given, strict=True))
    if any(one and d != 1 for one, d in zip(ones, dims, strict=True)):
        raise ShapeError(
            f"shape {shape!r} for a {kind}, whose axis {ones.index(True)} has extent 1",
            where=here(),
            fix="write 1 or None there, or use cf.matrix",
        )
    return dims


def _one(kind: str, dtype: str | None) -> Callable[..., Tensor]:
    ones = PATTERNS[kind]

    def make(
        name: str | None = None, dtype: Any = dtype, *, shape: Any = None, assume: Any = ()
    ) -> Tensor:
        return tensor(name, _dims(kind, ones, shape), dtype, assume=assume)

    narrow = f", axis {ones.index(True)} of extent 1" if any(ones) else ""
    make.__doc__ = f"""A symbolic {kind}: {len(ones)} axes{narrow}.

    Parameters: name (may be None), dtype (default {dtype or "config.floatX"}), shape (numbers,
    names or None), assume.
    """
    return make


def _many(single: Callable[..., Tensor]) -> Callable[..., list[Tensor]]:
    def make(*names: Any, **options: Any) -> list[Tensor]:
        if len(names) == 1 and isinstance(names[0], int):
            if names[0] < 0:
                raise ExpressionError(
                    f"{names[0]} variables", where=here(), fix="give names, or how many there are"
                )
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
