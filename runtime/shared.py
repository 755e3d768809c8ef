"""Shared variables: arrays that functions read and update (semantics 5.1, 9.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..algebra import build
from ..algebra.dims import Extent, FreshDim, show_shape
from ..algebra.dtypes import SUPPORTED, config, dtype_of
from ..algebra.errors import DTypeError, ExpressionError, ShapeError
from ..algebra.node import Leaf, LeafSpec, Node, fresh_uid
from ..algebra.tensor import Tensor, check_name
from . import homes
from .native import commit


class Container:
    """The state behind a shared variable.

    Attributes
    ----------
    cell : list of one ndarray
        The value; compiled functions replace it.
    leaf : Leaf
        The variable in graphs.
    """

    __slots__ = ("__weakref__", "cell", "leaf")

    def __init__(self, array: np.ndarray, dims: tuple[Extent, ...], name: str | None) -> None:
        spec = LeafSpec("shared", fresh_uid(), dims, array.dtype, False, None, frozenset())
        self.cell = [array]
        self.leaf = Leaf(spec)
        self.leaf.payload = self
        self.leaf.label = name

    def __reduce__(self) -> Any:
        broadcastable = tuple(d == 1 for d in self.leaf.dims)
        return restored, (homes.host(self.cell[0]), broadcastable, self.leaf.label)


def restored(array: np.ndarray, broadcastable: tuple[bool, ...], name: str | None) -> Container:
    """Make new state with this value; what unpickling calls."""
    dims = _dims(array, broadcastable, name)
    return Container(_owned(array, array.dtype), dims, check_name(name))


class SharedVariable(Tensor):
    """A tensor with a value; rank and dtype are fixed, extents may change.

    A name on it is the variable's name everywhere. Pickling one makes new state, once per pickle.
    """

    __slots__ = ()

    @property
    def container(self) -> Container:
        """The state that functions read and update."""
        return self.node.payload

    def get_value(self, borrow: bool = False) -> np.ndarray:
        """Return the value.

        Parameters
        ----------
        borrow : bool
            Return the array itself, which later updates may or may not change, instead of a copy.
        """
        (value,) = self.container.cell
        if not borrow and homes.on_device(value):
            return homes.host(value)
        return value if borrow else value.copy()

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """Replace the value.

        Parameters
        ----------
        value : array_like
            Of the same rank, of a dtype that NumPy casts safely to this variable's (Python numbers
            and lists of them adapt), and of extent 1 along axes declared so.
        borrow : bool
            Keep the array itself where that is possible, instead of a copy.

        Raises
        ------
        DTypeError, ShapeError
            Naming the variable, what was given and what it needs.
        """
        new, cell = self._checked(value, borrow), self.container.cell
        if homes.on_device(cell[0]):
            new = homes.current_device().put(new)
        commit([], [], [cell], [new])

    def _checked(self, value: Any, borrow: bool) -> np.ndarray:
        array = _array(value, self._name())
        if not _fits(value, array, self.dtype):
            raise DTypeError(
                f"{self._name()} has dtype {self.dtype}, and the value has dtype {array.dtype}",
                where=build.here(),
                fix=f"convert the value with .astype('{self.dtype}')",
            )
        _check_shape(self.node, array.shape, self._name())
        keeps = borrow and array.dtype == self.dtype and array.flags.carray
        return array if keeps else _owned(array, self.dtype)

    def _name(self) -> str:
        return f"the shared variable {self.name!r}" if self.name else "an unnamed shared variable"

    def __reduce__(self) -> Any:
        return _handle, (self.container,)

    def __repr__(self) -> str:
        shape = show_shape(self.container.cell[0].shape)
        return f"SharedVariable({self.name or 'unnamed'}, shape={shape}, dtype={self.dtype})"


def _handle(container: Container) -> SharedVariable:
    return SharedVariable(container.leaf)


def shared(
    value: Any,
    name: str | None = None,
    borrow: bool = False,
    broadcastable: Any = None,
    dtype: Any = None,
    target: str | None = None,
) -> SharedVariable:
    """Make a variable with a value that functions can read and update.

    Parameters
    ----------
    value : array_like
        Its first value. Its rank and dtype are the variable's for good: `shared(0)` is int64,
        `shared(0.0)` float64.
    name : str, optional
        How formulas and messages name it.
    borrow : bool
        Use the array itself instead of a copy.
    broadcastable : sequence of bool, optional
        Per axis, whether its extent is 1 for good, so that it broadcasts. Default: none is.
    dtype : dtype, optional
        Convert the value to this dtype.
    target : str, optional
        Where the value lives: "c" or "numpy", which are the same memory, or "cuda", the memory of
        CuPy's current device. Default: `config.target`.

    Raises
    ------
    DTypeError, ShapeError, ExpressionError
        For values that are no numeric arrays, or do not fit `broadcastable`.

    >>> import closedform as cf
    >>> w = cf.shared([1.0, 2.0], name="w")
    >>> w.set_value(w.get_value() * 2)
    >>> w.get_value()
    array([2., 4.])
    """
    if target not in (None, "c", "numpy", "cuda"):
        raise ExpressionError(f"shared(target={target!r})", fix="use 'c', 'numpy' or 'cuda'")
    if isinstance(value, Tensor):
        raise ExpressionError(
            "the value of a shared variable is symbolic",
            where=build.here(),
            fix="use .eval() first",
        )
    label = check_name(name)
    array = _array(value, f"shared variable {name!r}" if name else "a shared variable")
    wanted = dtype_of(array.dtype if dtype is None else dtype)
    dims = _dims(array, broadcastable, name)
    keeps = borrow and array.dtype == wanted and array.flags.carray
    container = Container(array if keeps else _owned(array, wanted), dims, label)
    if (target or config.target) == "cuda":
        container.cell[0] = homes.current_device().put(container.cell[0])
    return SharedVariable(container.leaf)


def _array(value: Any, name: str) -> np.ndarray:
    """The value as an array of a supported dtype in native byte order."""
    if hasattr(value, "__cuda_array_interface__"):
        value = homes.host(value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"the value of {name} is no array: {error}", where=build.here()) from None
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8 or array.dtype == np.float16:
        raise DTypeError(
            f"the value of {name} has dtype {array.dtype}",
            where=build.here(),
            fix=f"convert it to one of {', '.join(SUPPORTED)}",
        )
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _owned(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.array(array, dtype=dtype, order="C", copy=True)


def _fits(value: Any, array: np.ndarray, dtype: np.dtype) -> bool:
    """Whether the value may be stored: safely, or as Python numbers of the same kind."""
    if np.can_cast(array.dtype, dtype, "safe"):
        return True
    if isinstance(value, np.ndarray | np.generic) or not np.can_cast(
        array.dtype, dtype, "same_kind"
    ):
        return False
    with np.errstate(all="ignore"):
        return dtype.kind == "f" or bool((array.astype(dtype) == array).all())


def _dims(array: np.ndarray, broadcastable: Any, name: str | None) -> tuple[Extent, ...]:
    ones = (False,) * array.ndim if broadcastable is None else tuple(map(bool, broadcastable))
    where, who = build.here(), f"shared variable {name!r}" if name else "a shared variable"
    if len(ones) != array.ndim:
        raise ShapeError(
            f"broadcastable={ones} of {who} with shape {array.shape}",
            where=where,
            fix=f"give {array.ndim} truth values",
        )
    dims: tuple[Extent, ...] = tuple(1 if one else FreshDim() for one in ones)
    for axis, (dim, size) in enumerate(zip(dims, array.shape, strict=True)):
        if dim == 1 and size != 1:
            raise ShapeError(
                f"axis {axis} of {who} with shape {array.shape} is declared broadcastable",
                where=where,
                fix="give a value with extent 1 there",
            )
    return dims


def _check_shape(leaf: Node, shape: tuple[int, ...], name: str) -> None:
    if len(shape) != leaf.ndim:
        raise ShapeError(
            f"{name} has {leaf.ndim} axes, and the value has shape {shape}",
            where=build.here(),
            fix="its rank is fixed: reshape the value",
        )
    for axis, (dim, size) in enumerate(zip(leaf.dims, shape, strict=True)):
        if dim == 1 and size != 1:
            raise ShapeError(
                f"axis {axis} of {name} is declared to have extent 1; the value has shape {shape}",
                where=build.here(),
                fix="give a value with extent 1 there, or declare the variable without "
                "broadcastable=",
            )


def shared_state(leaf: Leaf) -> tuple[np.ndarray, str | None]:
    """Return the value and name of the shared variable behind a leaf."""
    return homes.host(leaf.payload.cell[0]), leaf.label


def make_shared(array: np.ndarray, name: str | None, broadcastable: Any = None) -> SharedVariable:
    """Make the shared variable that a saved graph describes."""
    return shared(array, name, broadcastable=broadcastable)
