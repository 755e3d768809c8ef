"""`Tensor`, the handle that users hold: NumPy's operators and methods over a node of the graph."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import build, late, scalar
from . import node as nodes
from .dims import Extent, known, show_shape
from .dtypes import BOOL, divided, dtype_of
from .errors import ExpressionError, ShapeError
from .node import Node
from .scalar import Add, Mul, Pow


class Tensor:
    """A symbolic array.

    Attributes: `shape` (ints and named or unknown extents), `ndim`, `dtype`, `name`, `broadcastable`, `T`. Operators and
    methods are NumPy's; NumPy functions such as `np.exp` applied to a tensor give a tensor. `==` between tensors compares
    identity, so that tensors work in dicts and lists; `eq` compares elements.
    """

    __slots__ = ("__weakref__", "node")
    _op_priority = 2000.0  # SymPy objects leave arithmetic with tensors to us
    __array_priority__ = 1000.0

    def __init__(self, node: Node) -> None:
        self.node = node

    # ------------------------------------------------------------ facts
    @property
    def shape(self) -> tuple[Extent, ...]:
        """Extents: ints where they are known, else positive integer symbols."""
        return self.node.dims

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.node.dims)

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the elements."""
        return self.node.dtype

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """Per axis, whether it is declared to have extent 1."""
        return tuple(d == 1 for d in self.node.dims)

    @property
    def name(self) -> str | None:
        """The name that messages and formulas use."""
        return self.node.label

    @name.setter
    def name(self, value: str | None) -> None:
        self.node.label = check_name(value)

    @property
    def T(self) -> Tensor:  # noqa: N802
        """The transpose: axes reversed."""
        return self.transpose()

    # ------------------------------------------------------------ protocol
    def __eq__(self, other: object) -> Any:
        if isinstance(other, Tensor):
            return self.node is other.node
        if other is None or isinstance(other, str):
            return False
        raise ExpressionError(
            f"{build.describe(self.node)} == {other!r} has no truth value",
            where=build.here(),
            fix="use cf.eq(a, b) to compare elements",
        )

    def __ne__(self, other: object) -> Any:
        return not self.__eq__(other)

    def __hash__(self) -> int:
        return hash(self.node)

    def __bool__(self) -> bool:
        raise ExpressionError(
            f"{build.describe(self.node)} is symbolic and has no truth value", where=build.here(),
            fix="use cf.where(condition, a, b) instead of if; combine conditions with & and |",
        )  # fmt: skip

    def _no_number(self) -> Any:
        raise ExpressionError(
            f"{build.describe(self.node)} is symbolic and has no value",
            where=build.here(),
            fix="use .eval({input: value}) or cf.function",
        )

    __float__ = __int__ = __index__ = __complex__ = _no_number

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self._no_number()

    def __len__(self) -> int:
        if self.ndim and known(self.shape[0]):
            return self.shape[0]  # type: ignore[return-value]
        raise ExpressionError(f"len() of {build.describe(self.node)} with shape {show_shape(self.shape)}", where=build.here(),
                              fix="use .shape[0], which is symbolic")  # fmt: skip

    def __iter__(self) -> Any:
        if self.ndim and known(self.shape[0]):
            return (self[k] for k in range(self.shape[0]))  # type: ignore[arg-type]
        raise ExpressionError(f"iteration over {build.describe(self.node)} with shape {show_shape(self.shape)}", where=build.here(),
                              fix="use whole-array operations; only axes of known extent can be iterated")  # fmt: skip

    def __contains__(self, item: object) -> bool:
        raise ExpressionError(
            f"`in` on the symbolic {build.describe(self.node)}",
            where=build.here(),
            fix="use cf.eq(a, b)",
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from .dispatch import ufunc_call

        return ufunc_call(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from .dispatch import function_call

        return function_call(func, args, kwargs)

    def __reduce__(self) -> Any:
        from .serialise import reduced

        return _restore, reduced(self.node)

    def __copy__(self) -> Tensor:
        return self

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self

    def __str__(self) -> str:
        return late.call("pp", self)

    def __repr__(self) -> str:
        return (
            f"Tensor({late.call('pp', self)}, shape={show_shape(self.shape)}, dtype={self.dtype})"
        )

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {late.call('latex', self)}$"

    def _sympy_(self) -> Any:
        return self.to_sympy()

    def to_sympy(self) -> Any:
        """The plain SymPy expression of a scalar, or a SymPy matrix or array for small known shapes.

        Raises ExpressionError for shapes that are not known or have more than 400 elements.
        """
        return late.call("to_sympy", self)

    def eval(self, values: dict | None = None) -> np.ndarray:
        """The value, given a dict from inputs to arrays; compiles on first use."""
        return late.call("eval", self, values or {})

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
        return _binary(lambda a, b: Mul(-1, a), None, self)

    def __pos__(self) -> Tensor:
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

    def __and__(self, other: Any) -> Tensor:
        return logical(scalar.and_, self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> Tensor:
        return logical(scalar.or_, self, other)

    __ror__ = __or__

    def __invert__(self) -> Tensor:
        return logical(scalar.not_, self)

    def _not_built(self, other: Any, *rest: Any) -> Tensor:
        raise ExpressionError("integer division and remainder of tensors are not built yet", where=build.here(),
                              fix="use / and cast with .astype")  # fmt: skip

    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = _not_built

    def __getitem__(self, key: Any) -> Tensor:
        from .indexing import basic

        return Tensor(basic(self.node, key))

    # ------------------------------------------------------------ methods
    def transpose(self, *axes: Any) -> Tensor:
        """Axes permuted (default: reversed), as `numpy.transpose`."""
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        if not order or order == (None,):
            order = tuple(range(self.ndim))[::-1]
        order = tuple(build.axes_of(self.node, k)[0] for k in order)
        if sorted(order) != list(range(self.ndim)):
            raise ShapeError(f"transpose with axes {tuple(order)} of an array with {self.ndim} axes", where=build.here(),
                             fix="name every axis once")  # fmt: skip
        return self.dimshuffle(*order)

    def dimshuffle(self, *pattern: Any) -> Tensor:
        """Permute axes, insert axes of extent 1 ("x") and drop axes declared to have extent 1, as in Theano."""
        pattern = (
            tuple(pattern[0])
            if len(pattern) == 1 and isinstance(pattern[0], tuple | list)
            else pattern
        )
        kept = [p for p in pattern if p != "x"]
        if any(not isinstance(p, int) or not 0 <= p < self.ndim for p in kept) or len(
            set(kept)
        ) != len(kept):
            raise ShapeError(f"dimshuffle{pattern} of an array with {self.ndim} axes", where=build.here(),
                             fix="use each axis number at most once, and 'x' for new axes")  # fmt: skip
        lost = [k for k in range(self.ndim) if k not in kept]
        if any(self.shape[k] != 1 for k in lost):
            raise ShapeError(f"dimshuffle{pattern} drops axis {lost[0]} of {build.describe(self.node)} with shape {show_shape(self.shape)}",
                             where=build.here(), fix="only axes declared to have extent 1 can be dropped")  # fmt: skip
        indices = tuple(pattern.index(k) if k in kept else None for k in range(self.ndim))
        return Tensor(
            build.view(self.node, indices, tuple(1 if p == "x" else self.shape[p] for p in pattern))
        )

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements under another shape, one extent of which may be -1."""
        from .indexing import reshaped

        return Tensor(
            reshaped(
                self.node,
                shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape,
            )
        )

    def flatten(self, ndim: int = 1) -> Tensor:
        """The elements in C order as `ndim` axes: the last ones are merged."""
        return self.reshape(*self.shape[: ndim - 1], -1) if self.ndim != ndim else self

    ravel = flatten

    def astype(self, dtype: Any) -> Tensor:
        """Converted to a dtype."""
        target = dtype_of(dtype)
        return (
            self
            if target == self.dtype and not self.node.weak
            else Tensor(build.cast(self.node, target))
        )

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
        """Sum along axes (all by default)."""
        return _reduced(
            self,
            axis,
            keepdims,
            lambda a, axes: build.total(a, axes, None if dtype is None else dtype_of(dtype)),
        )

    def mean(self, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
        """Mean along axes: the sum divided by the number of elements."""
        source = (
            self.astype(dtype)
            if dtype is not None
            else self
            if self.dtype.kind == "f"
            else self.astype("float64")
        )
        extents = [as_tensor(self.shape[k]) for k in build.axes_of(self.node, axis)] or [
            as_tensor(1)
        ]
        result = source.sum(axis, keepdims=keepdims) / functools.reduce(operator.mul, extents)
        result.node.word = "mean"
        return result

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Largest element along axes; NaN wins."""
        return _reduced(self, axis, keepdims, lambda a, axes: build.reduce("max", a, axes))

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Smallest element along axes; NaN wins."""
        return _reduced(self, axis, keepdims, lambda a, axes: build.reduce("min", a, axes))

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Index of the first largest element along one axis, or in the flattened array; int64."""
        return _position("argmax", self, axis, keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Index of the first smallest element along one axis, or in the flattened array; int64."""
        return _position("argmin", self, axis, keepdims)

    def dot(self, other: Any) -> Tensor:
        """Product as `numpy.dot`."""
        return late.call("dot", self, other)

    @property
    def size(self) -> Any:
        """Number of elements, a number or a symbolic product."""
        result: Any = 1
        for d in self.shape:
            result = result * d
        return result


def _restore(*parts: Any) -> Tensor:
    from .deserialise import restore

    return restore(*parts)


def check_name(value: object) -> str | None:
    """A usable name, or None.

    Raises ExpressionError if it is not a string or empty. Any other string is accepted: names are only shown.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        raise ExpressionError(
            f"a variable is named {value!r}",
            where=build.here(),
            fix="use a string of 1 to 200 visible characters",
        )
    return value


def part(value: Any) -> build.Part:
    """An argument of an operation: (node or number, dtype, weak)."""
    if isinstance(value, Tensor):
        return value.node, value.node.dtype, value.node.weak
    return build.literal(value)


def as_tensor(value: Any, name: str | None = None) -> Tensor:
    """A tensor from a tensor, number, array, list or extent.

    Raises DTypeError for what cannot be one.
    """
    if isinstance(value, Tensor):
        return value
    found, dtype, weak = build.literal(value)
    if not isinstance(found, Node):
        found = nodes.number_node(found, (), dtype, weak)
    result = Tensor(found)
    if name is not None:
        result.name = name
    return result


def apply(primitive: Any, *args: Any, floats: Any = False) -> Tensor:
    """An elementwise operation."""
    return Tensor(build.elementwise(primitive, [part(a) for a in args], floats=floats))


def compare(primitive: Any, a: Any, b: Any) -> Tensor:
    """An elementwise comparison, of dtype bool."""
    return Tensor(build.elementwise(primitive, [part(a), part(b)], boolean=True))


def logical(primitive: Any, *args: Any) -> Tensor:
    """An elementwise operation on truth values.

    Raises ExpressionError for operands that are not boolean.
    """
    parts = [part(a) for a in args]
    if any(d != BOOL for _, d, _ in parts):
        found = next(d for _, d, _ in parts if d != BOOL)
        raise ExpressionError(
            f"a logical operation on dtype {found}",
            where=build.here(),
            fix="compare first, for instance (x > 0) & (y > 0)",
        )
    return Tensor(build.elementwise(primitive, parts, boolean=True, logical=True))


def power(base: Any, exponent: Any) -> Tensor:
    """base**exponent; an integer base needs an exponent that is not a negative integer."""
    parts = [part(base), part(exponent)]
    number, dtype, _ = parts[1]
    if (
        parts[0][1].kind in "iub"
        and dtype.kind in "iub"
        and not isinstance(number, Node)
        and number < 0
    ):
        raise ExpressionError(
            f"an integer to the power {number}",
            where=build.here(),
            fix="convert the base with .astype('float64')",
        )
    return Tensor(build.elementwise(Pow, parts))


def _binary(primitive: Any, boolean: Any, *args: Any) -> Tensor:
    """Arithmetic; on booleans NumPy's + and * are or and and, and - is refused."""
    parts = [part(a) for a in args]
    if all(d == BOOL for _, d, _ in parts):
        if boolean is None:
            raise ExpressionError(
                "subtraction or negation of booleans",
                where=build.here(),
                fix="use ~a, or convert with .astype('int64')",
            )
        return Tensor(build.elementwise(boolean, parts, boolean=True, logical=True))
    return Tensor(
        build.elementwise(primitive if len(args) == 2 else lambda a: primitive(a, None), parts)
    )


def _keep(result: Tensor, source: Tensor, axes: Sequence[int], keepdims: bool) -> Tensor:
    if not keepdims:
        return result
    rest = [k for k in range(source.ndim) if k not in axes]
    dims = tuple(1 if k in axes else source.shape[k] for k in range(source.ndim))
    return Tensor(build.view(result.node, tuple(rest), dims))


def _reduced(a: Tensor, axis: Any, keepdims: bool, make: Any) -> Tensor:
    axes = build.axes_of(a.node, axis)
    return _keep(Tensor(make(a.node, axes)), a, axes, keepdims)


def _position(op: str, a: Tensor, axis: Any, keepdims: bool) -> Tensor:
    if axis is None and a.ndim != 1:
        return _keep(_position(op, a.flatten(), 0, False), a, range(a.ndim), keepdims)
    axes = build.axes_of(a.node, 0 if axis is None else axis)
    if len(axes) != 1:
        raise ShapeError(
            f"{op} along axes {axes}",
            where=build.here(),
            fix="give one axis, or none for the flattened array",
        )
    return _keep(Tensor(build.reduce(op, a.node, axes)), a, axes, keepdims)
