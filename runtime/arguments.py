"""From what a caller passes to arrays that kernels can read (semantics 4.3, 9.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..algebra.build import here
from ..algebra.dims import show_shape
from ..algebra.dtypes import SUPPORTED
from ..algebra.errors import CallError
from ..algebra.suggestions import meant
from ..algebra.tensor import Tensor
from .signature import Parameter

SMALL = 1 << 16  # bytes: below this a copy is cheaper than a kernel of its own
Where = Callable[[Parameter], str]


class Arguments:
    """The inputs of a function, as calls see them.

    Parameters
    ----------
    parameters : sequence of Parameter
    downcast : bool or None
        `allow_input_downcast` of `function`.
    where : callable
        The user's line that first uses an input, for messages.
    """

    def __init__(
        self, parameters: Sequence[Parameter], downcast: bool | None, where: Where
    ) -> None:
        self.parameters = tuple(parameters)
        self.downcast = downcast
        self._where = where
        self._places: dict[str, list[int]] = {}
        for k, p in enumerate(self.parameters):
            if p.name is not None:
                self._places.setdefault(p.name, []).append(k)

    def read(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[np.ndarray]:
        """Return one array per input, with fitting dtype and rank.

        Raises
        ------
        CallError
            Naming the input, what was given and what is needed.
        """
        values = self.collect(args, kwargs)
        return [self.convert(p, v) for p, v in zip(self.parameters, values, strict=True)]

    # ------------------------------------------------------------ which value is whose

    def collect(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return the value of each input, as it was passed.

        Raises CallError, naming what is missing, twice there or unknown.
        """
        count = len(self.parameters)
        if len(args) > count:
            raise CallError(
                f"{len(args)} arguments for {count} inputs: {self._listed()}",
                where=here(),
                fix=f"pass {count}",
            )
        values: list[Any] = list(args) + [None] * (count - len(args))
        given = [True] * len(args) + [False] * (count - len(args))
        for key, value in kwargs.items():
            k = self._place(key)
            if given[k]:
                raise CallError(
                    f"the input {key!r} is given twice, by position and by name",
                    where=here(),
                    fix="give it once",
                )
            values[k], given[k] = value, True
        return [self._default(k) if not given[k] else values[k] for k in range(count)]

    def _default(self, k: int) -> Any:
        p = self.parameters[k]
        if p.default is None:
            raise CallError(
                f"the input {p.shown} (number {k + 1} of {len(self.parameters)}) is missing",
                where=here(),
                fix=f"pass it; the inputs are {self._listed()}",
            )
        return p.default

    def _place(self, key: str) -> int:
        places = self._places.get(key, [])
        if len(places) == 1:
            return places[0]
        if places:
            raise CallError(
                f"{len(places)} inputs are named {key!r}",
                where=here(),
                fix="pass them by position, or name them apart with cf.In(x, name=...)",
            )
        raise CallError(
            f"unknown keyword {key!r}",
            where=here(),
            fix=f"{meant(key, self._places)} the inputs are {self._listed()}".strip(),
        )

    def _listed(self) -> str:
        return ", ".join(p.shown for p in self.parameters) or "none"

    # ------------------------------------------------------------ one value

    def convert(self, p: Parameter, value: Any) -> np.ndarray:
        """Return the value as an array for this input."""
        wanted = p.leaf.dtype
        if isinstance(value, np.ndarray):
            array: np.ndarray = np.asarray(value)
            self._check_kind(p, array)
            if array.dtype == wanted or np.can_cast(array.dtype, wanted, "safe"):
                result = _stored(array, wanted)
            else:
                result = self._narrowed(p, array)
        else:
            result = self._weak(p, value)
        if result.ndim != p.leaf.ndim:
            self._refuse_rank(p, result)
        return result

    def _narrowed(self, p: Parameter, array: np.ndarray) -> np.ndarray:
        if not self.downcast:
            raise CallError(
                f"the input {p.shown} has dtype {p.leaf.dtype}, and the array {array.dtype}",
                where=self._place_of(p),
                fix=f"pass it as .astype('{p.leaf.dtype}'), or allow_input_downcast=True "
                "to cf.function",
            )
        with np.errstate(all="ignore"):
            return array.astype(p.leaf.dtype, order="C")

    def _weak(self, p: Parameter, value: Any) -> np.ndarray:
        """Python numbers and lists of them adapt to the dtype, as NumPy's weak scalars do."""
        if isinstance(value, Tensor):
            raise CallError(
                f"the input {p.shown} is given a symbolic tensor",
                where=here(),
                fix="pass a value; use givens= of cf.function to replace an input by an expression",
            )
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise CallError(
                f"the input {p.shown} is given {type(value).__name__}, which is no array: {error}",
                where=self._place_of(p),
                fix="pass a number, an array, or rows of equal length",
            ) from None
        self._check_kind(p, array)
        wanted = p.leaf.dtype
        if np.can_cast(array.dtype, wanted, "safe"):
            return array.astype(wanted)
        arrays = (
            isinstance(value, np.generic) or hasattr(value, "__array__") or _holds_arrays(value)
        )
        if array.size and (arrays or _rank(array) > _rank(wanted)):
            return self._narrowed(p, array)
        return self._adapted(p, array)

    def _adapted(self, p: Parameter, array: np.ndarray) -> np.ndarray:
        """Python numbers of the same kind: integers must fit; floats must be exact if asked for."""
        with np.errstate(all="ignore"):
            result = array.astype(p.leaf.dtype)
            exact = bool(((result == array) | (array != array)).all())
        if exact or self.downcast or (p.leaf.dtype.kind == "f" and self.downcast is None):
            return result
        raise CallError(
            f"the input {p.shown} of dtype {p.leaf.dtype} cannot hold {_first(array, result)}",
            where=self._place_of(p),
            fix="pass values that fit, or declare the input with a wider dtype",
        )

    def _check_kind(self, p: Parameter, array: np.ndarray) -> None:
        if array.dtype.kind in "biuf":
            return
        raise CallError(
            f"the input {p.shown} is given an array of dtype {array.dtype}",
            where=self._place_of(p),
            fix=f"convert it to one of {', '.join(SUPPORTED)}",
        )

    def _refuse_rank(self, p: Parameter, array: np.ndarray) -> None:
        need = f"{p.leaf.ndim} axes, as in {show_shape(p.leaf.dims)}" if p.leaf.ndim else "a number"
        raise CallError(
            f"the input {p.shown} needs {need}; the value has shape {array.shape}",
            where=self._place_of(p),
            fix="reshape the value, or declare the input with another rank",
        )

    def _place_of(self, p: Parameter) -> str:
        call, used = here(), self._where(p)
        return f"{call} (the input is used at {used})" if used else call


def _stored(array: np.ndarray, wanted: np.dtype) -> np.ndarray:
    """The array as it is, where kernels read its dtype and `layout`; a small one as most do."""
    if array.size * wanted.itemsize > SMALL and array.dtype.name in SUPPORTED:
        return array
    behaved = array.flags.c_contiguous and array.flags.aligned  # astype sees the rest
    return array.astype(wanted, order="C", copy=not behaved)


def _rank(typed: Any) -> int:
    """0 for booleans, 1 for integers, 2 for floats."""
    kind = getattr(typed, "dtype", typed).kind
    return {"b": 0, "f": 2}.get(kind, 1)


def _holds_arrays(value: Any) -> bool:
    """Whether a list holds NumPy values, whose dtypes are meant."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return isinstance(value, np.ndarray | np.generic)


def _first(array: np.ndarray, result: np.ndarray) -> Any:
    return array[(result != array) & (array == array)].flat[0]
