"""`Tensor`, the handle that users hold: NumPy's operators and methods over a node of the graph."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

from . import build, late, scalar
from . import node as nodes
from .dims import known, show_shape
from .dtypes import BOOL, FLOAT64, divided, dtype_of, numeric
from .errors import ExpressionError, ShapeError
from .literal import Part, check_fits, literal
from .methods import Methods
from .node import Node
from .origin import here
from .protocol import Handle
from .protocol import check_name as check_name
from .scalar import Add, Mul, Pow
from .words import along, named


class Tensor(Methods, Handle):
    """A symbolic array.

    Attributes: `shape` (ints and named or unknown extents), `size`, `ndim`, `dtype`, `name`,
    `broadcastable`, `T`. Operators and methods are NumPy's; NumPy functions such as `np.exp`
    applied to a tensor give a tensor. `==` between tensors compares identity, so that tensors work
    in dicts and lists; `eq` compares elements.
    """

    __slots__ = ()

    # ------------------------------------------------------------ operators
    def __add__(self, other: Any) -> Tensor:
        return _binary(Add, scalar.or_, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return _binary(Add, scalar.or_, other, self)

    def __sub__(self, other: Any) -> Tensor:
        return _binary(lambda a, b: Add(a, Mul(-1, b)), None, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return _binary(lambda a, b: Add(a, Mul(-1, b)), None, other, self)

    def __mul__(self, other: Any) -> Tensor:
        return _binary(Mul, scalar.and_, self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return _binary(Mul, scalar.and_, other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return apply(lambda a, b: Mul(a, Pow(b, -1)), self, other, floats=divided)

    def __rtruediv__(self, other: Any) -> Tensor:
        return apply(lambda a, b: Mul(a, Pow(b, -1)), other, self, floats=divided)

    def __pow__(self, other: Any) -> Tensor:
        return power(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return power(other, self)

    def __neg__(self) -> Tensor:
        return _binary(lambda a: Mul(-1, a), None, self)

    def __pos__(self) -> Tensor:
        if self.dtype == BOOL:
            raise _no_boolean("a sign")
        return self

    def __abs__(self) -> Tensor:
        return apply(scalar.absolute, self)

    def __matmul__(self, other: Any) -> Tensor:
        return late.call("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return late.call("matmul", other, self)

    def __lt__(self, other: Any) -> Tensor:
        return compare(scalar.lt, self, other)

    def __le__(self, other: Any) -> Tensor:
        return compare(scalar.le, self, other)

    def __gt__(self, other: Any) -> Tensor:
        return compare(scalar.gt, self, other)

    def __ge__(self, other: Any) -> Tensor:
        return compare(scalar.ge, self, other)

    def __floordiv__(self, other: Any) -> Tensor:
        return _called("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return _called("floor_divide", other, self)

    def __mod__(self, other: Any) -> Tensor:
        return _called("remainder", self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return _called("remainder", other, self)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __and__(self, other: Any) -> Tensor:
        return _called("bitwise_and", self, other)

    def __rand__(self, other: Any) -> Tensor:
        return _called("bitwise_and", other, self)

    def __or__(self, other: Any) -> Tensor:
        return _called("bitwise_or", self, other)

    def __ror__(self, other: Any) -> Tensor:
        return _called("bitwise_or", other, self)

    def __xor__(self, other: Any) -> Tensor:
        return _called("bitwise_xor", self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return _called("bitwise_xor", other, self)

    def __lshift__(self, other: Any) -> Tensor:
        return _called("left_shift", self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return _called("left_shift", other, self)

    def __rshift__(self, other: Any) -> Tensor:
        return _called("right_shift", self, other)

    def __rrshift__(self, other: Any) -> Tensor:
        return _called("right_shift", other, self)

    def __invert__(self) -> Tensor:
        return _called("invert", self)

    def __round__(self, decimals: int | None = None) -> Tensor:
        return _called("round", self, decimals or 0)

    def round(self, decimals: int = 0) -> Tensor:
        """Rounded to decimals, a tie to the even digit."""
        return _called("round", self, decimals)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:  # noqa: A002
        """The elements, but at least min and at most max."""
        return _called("clip", self, min, max)

    def __iter__(self) -> Any:
        if self.ndim and known(self.shape[0]):
            return (self[k] for k in range(self.shape[0]))  # type: ignore[arg-type]
        raise ExpressionError(
            f"iteration over {build.describe(self.node)} with shape {show_shape(self.shape)}",
            where=here(),
            fix="use whole-array operations; only axes of known extent can be iterated",
        )

    def __getitem__(self, key: Any) -> Tensor:
        from .gathering import item

        return item(self, key)

    # ------------------------------------------------------------ methods
    @property
    def T(self) -> Tensor:  # noqa: N802
        """The transpose: axes reversed."""
        return self.transpose()

    def transpose(self, *axes: Any) -> Tensor:
        """Axes permuted (default: reversed), as `numpy.transpose`."""
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        if not order or order == (None,):
            order = tuple(range(self.ndim))[::-1]
        order = tuple(build.axes_of(self.node, k)[0] for k in order)
        if sorted(order) != list(range(self.ndim)):
            raise ShapeError(
                f"transpose with axes {order} of an array with {self.ndim} axes",
                where=here(),
                fix="name every axis once",
            )
        return self.dimshuffle(*order)

    def dimshuffle(self, *pattern: Any) -> Tensor:
        """Permute axes, insert axes of extent 1 ("x") and drop axes declared to have extent 1.

        As in Theano.
        """
        if len(pattern) == 1 and isinstance(pattern[0], tuple | list):
            pattern = tuple(pattern[0])
        kept = [p for p in pattern if not (isinstance(p, str) and p == "x")]
        numbered = all(isinstance(p, int) and 0 <= p < self.ndim for p in kept)
        if not numbered or len(set(kept)) != len(kept):
            raise ShapeError(
                f"dimshuffle{pattern} of an array with {self.ndim} axes",
                where=here(),
                fix="use each axis number at most once, and 'x' for new axes",
            )
        lost = [k for k in range(self.ndim) if k not in kept and self.shape[k] != 1]
        if lost:
            raise ShapeError(
                f"dimshuffle{pattern} drops axis {lost[0]} of {build.describe(self.node)}"
                f" with shape {show_shape(self.shape)}",
                where=here(),
                fix="only axes declared to have extent 1 can be dropped",
            )
        indices = tuple(pattern.index(k) if k in kept else None for k in range(self.ndim))
        dims = tuple(1 if p == "x" else self.shape[p] for p in pattern)
        return Tensor(build.view(self.node, indices, dims))

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements under another shape, one extent of which may be -1."""
        from .indexing import reshaped

        given = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        return Tensor(reshaped(self.node, tuple(given)))

    def flatten(self, ndim: int = 1) -> Tensor:
        """The elements in C order as `ndim` axes: the last ones are merged."""
        if not isinstance(ndim, int) or not 1 <= ndim <= max(self.ndim, 1):
            raise ShapeError(
                f"flatten({ndim!r}) of an array with {self.ndim} axes",
                where=here(),
                fix=f"give a number of axes from 1 to {max(self.ndim, 1)}; the order is always C",
            )
        return self.reshape(*self.shape[: ndim - 1], -1) if self.ndim != ndim else self

    ravel = flatten

    def astype(self, dtype: Any) -> Tensor:
        """Converted to a dtype."""
        target = dtype_of(dtype)
        if target == self.dtype and not self.node.weak:
            return self
        return Tensor(build.cast(self.node, target))

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
        """Sum along axes (all by default)."""
        target = None if dtype is None else dtype_of(dtype)
        return reduced(self, axis, keepdims, lambda a, axes: build.total(a, axes, target))

    def mean(self, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
        """Mean along axes: the sum divided by the number of elements."""
        default = self.dtype if self.dtype.kind == "f" else FLOAT64
        target = default if dtype is None else dtype_of(dtype)
        source = self if self.dtype == target else self.astype(target)
        extents = [as_tensor(self.shape[k]) for k in build.axes_of(self.node, axis)]
        count = functools.reduce(operator.mul, extents or [as_tensor(1)])
        result = source.sum(axis, target, keepdims) / count
        named(result, along("mean", self, build.axes_of(self.node, axis), keepdims), self)
        return result if target.kind == "f" else result.astype(target)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Largest element along axes; NaN wins."""
        return reduced(self, axis, keepdims, lambda a, axes: build.reduce("max", a, axes))

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Smallest element along axes; NaN wins."""
        return reduced(self, axis, keepdims, lambda a, axes: build.reduce("min", a, axes))

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Index of the first largest element along one axis, or in the flattened array; int64."""
        return _position("argmax", self, axis, keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Index of the first smallest element along one axis, or in the flattened array; int64."""
        return _position("argmin", self, axis, keepdims)

    def dot(self, other: Any) -> Tensor:
        """Product as `numpy.dot`."""
        return late.call("dot", self, other)


def part(value: Any) -> Part:
    """An argument of an operation: (node or number, dtype, weak)."""
    if isinstance(value, Tensor):
        return value.node, value.node.dtype, value.node.weak
    return literal(value)


def as_tensor(value: Any, name: str | None = None) -> Tensor:
    """A tensor from a tensor, number, array, list or extent.

    Raises DTypeError for what cannot be one.
    """
    if isinstance(value, Tensor):
        return value
    found, dtype, weak = literal(value)
    if not isinstance(found, Node):
        check_fits(found, dtype)
        found = nodes.number_node(found, (), dtype, weak)
    result = Tensor(found)
    if name is not None:
        result.name = name
    return result


def apply(primitive: Any, *args: Any, floats: Any = False) -> Tensor:
    """An elementwise operation."""
    return Tensor(build.elementwise(primitive, [part(a) for a in args], floats=floats))


def compare(primitive: Any, *args: Any) -> Tensor:
    """An elementwise comparison, or a question to one number; of dtype bool."""
    return Tensor(build.elementwise(primitive, [part(a) for a in args], boolean=True))


def logical(primitive: Any, *args: Any) -> Tensor:
    """An elementwise operation on truth values.

    Raises ExpressionError for operands that are not boolean.
    """
    parts = [part(a) for a in args]
    for _, dtype, _ in parts:
        if dtype != BOOL:
            raise ExpressionError(
                f"a logical operation on dtype {dtype}",
                where=here(),
                fix="compare first, for instance (x > 0) & (y > 0)",
            )
    return Tensor(build.elementwise(primitive, parts, boolean=True, logical=True))


def power(base: Any, exponent: Any) -> Tensor:
    """base**exponent; an integer base needs an exponent that is not a negative integer."""
    parts = [part(base), part(exponent)]
    number = parts[1][0]
    whole = all(dtype.kind in "iub" for _, dtype, _ in parts)
    if whole and not isinstance(number, Node) and number < 0:
        raise ExpressionError(
            f"an integer to the power {number}",
            where=here(),
            fix="convert the base with .astype('float64')",
        )
    return Tensor(build.elementwise(Pow, parts, floats=numeric))


def _binary(primitive: Any, boolean: Any, *args: Any) -> Tensor:
    """Arithmetic; on booleans NumPy's + and * are or and and, and - is refused."""
    parts = [part(a) for a in args]
    if any(d != BOOL for _, d, _ in parts):
        return Tensor(build.elementwise(primitive, parts))
    if boolean is None:
        raise _no_boolean("subtraction or negation")
    return Tensor(build.elementwise(boolean, parts, boolean=True, logical=True))


def _no_boolean(what: str) -> ExpressionError:
    return ExpressionError(
        f"{what} of booleans", where=here(), fix="use ~a, or convert with .astype('int64')"
    )


def _called(name: str, *args: Any) -> Any:
    """A function of `functions`, which builds on this file."""
    from . import functions

    return getattr(functions, name)(*args)


def _keep(result: Tensor, source: Tensor, axes: Sequence[int], keepdims: bool) -> Tensor:
    if not keepdims:
        return result
    rest = [k for k in range(source.ndim) if k not in axes]
    dims = tuple(1 if k in axes else source.shape[k] for k in range(source.ndim))
    return Tensor(build.view(result.node, tuple(rest), dims))


def reduced(a: Tensor, axis: Any, keepdims: bool, make: Any) -> Tensor:
    axes = build.axes_of(a.node, axis)
    return _keep(Tensor(make(a.node, axes)), a, axes, keepdims)


def _position(op: str, a: Tensor, axis: Any, keepdims: bool) -> Tensor:
    if axis is None and a.ndim != 1:
        return _keep(_position(op, a.flatten(), 0, False), a, range(a.ndim), keepdims)
    axes = build.axes_of(a.node, 0 if axis is None else axis)
    if len(axes) != 1:
        raise ShapeError(
            f"{op} along axes {axes}",
            where=here(),
            fix="give one axis, or none for the flattened array",
        )
    return _keep(Tensor(build.reduce(op, a.node, axes)), a, axes, keepdims)
