"""What Python and its libraries ask of a handle: facts, comparison, truth, printing, pickling.

Semantics 7: a symbolic array has no value, and says what to write instead when it is asked for one.
"""

from __future__ import annotations

import html
import math
from typing import Any

import numpy as np

from . import late
from .build import describe
from .dims import Extent, known, show_shape
from .errors import ExpressionError
from .node import Node
from .origin import here


class Handle:
    """A node of the graph as Python sees it."""

    __slots__ = ("__weakref__", "node")
    _op_priority = 2000.0  # SymPy objects leave arithmetic with tensors to us
    __array_priority__ = 1000.0

    def __init__(self, node: Node) -> None:
        self.node = node

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
    def size(self) -> Any:
        """Number of elements, a number or a symbolic product."""
        return math.prod(self.shape)

    @property
    def name(self) -> str | None:
        """The name that messages and formulas use."""
        return self.node.label

    @name.setter
    def name(self, value: str | None) -> None:
        self.node.label = check_name(value)

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Handle):
            return self.node is other.node
        if other is None or isinstance(other, str):
            return False
        raise ExpressionError(
            f"{describe(self.node)} == {other!r} has no truth value",
            where=here(),
            fix="use cf.eq(a, b) to compare elements",
        )

    def __ne__(self, other: object) -> Any:
        return not self.__eq__(other)

    def __hash__(self) -> int:
        return hash(self.node)

    def __bool__(self) -> bool:
        raise ExpressionError(
            f"{describe(self.node)} is symbolic and has no truth value", where=here(),
            fix="use cf.where(condition, a, b) instead of if; combine conditions with & and |",
        )  # fmt: skip

    def _no_number(self) -> Any:
        raise ExpressionError(
            f"{describe(self.node)} is symbolic and has no value",
            where=here(),
            fix="use .eval({input: value}) or cf.function",
        )

    __float__ = __int__ = __index__ = __complex__ = _no_number

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self._no_number()

    def __len__(self) -> int:
        if self.ndim and known(self.shape[0]):
            return self.shape[0]  # type: ignore[return-value]
        raise ExpressionError(
            f"len() of {describe(self.node)} with shape {show_shape(self.shape)}",
            where=here(),
            fix="use .shape[0], which is symbolic",
        )

    def __contains__(self, item: object) -> bool:
        raise ExpressionError(
            f"`in` on the symbolic {describe(self.node)}",
            where=here(),
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

    def __copy__(self) -> Handle:
        return self

    def __deepcopy__(self, memo: Any) -> Handle:
        return self

    def __str__(self) -> str:
        return late.call("pp", self)

    def __repr__(self) -> str:
        return (
            f"Tensor({late.call('pp', self)}, shape={show_shape(self.shape)}, dtype={self.dtype})"
        )

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {late.call('latex', self)}$"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """For notebooks: the formula typeset, with shape and dtype in small print below it."""
        latex = self._repr_latex_()
        facts = f"shape {show_shape(self.shape)}, {self.dtype}"
        small = f'<div style="font-size: smaller; opacity: 0.7">{html.escape(facts)}</div>'
        return {
            "text/html": f"<div>{html.escape(latex, quote=False)}</div>{small}",
            "text/latex": latex,
            "text/plain": repr(self),
        }

    def __getattr__(self, name: str) -> Any:
        """Only asked for names that do not exist."""
        from .suggestions import absent

        raise absent(f"a {type(self).__name__}", name, dir(type(self)))

    def __setitem__(self, key: object, value: object) -> None:
        raise ExpressionError(
            f"assignment to elements of {describe(self.node)}",
            where=here(),
            fix="tensors do not change: use cf.set_subtensor(x[key], value), which is a new one",
        )

    def _sympy_(self) -> Any:
        return self.to_sympy()

    def to_sympy(self) -> Any:
        """The plain SymPy expression of a scalar; a SymPy matrix or array for small known shapes.

        Raises ExpressionError for shapes that are not known or have more than 400 elements.
        """
        return late.call("to_sympy", self)

    @property
    def structure(self) -> Any:
        """The terms of the closed form of a matrix, such as a Hessian, without forming it.

        Diagonal matrices, products of three factors, outer and Kronecker products: see
        `closedform.simplify.structure`.
        """
        return late.call("structure", self)

    def eval(self, values: dict | None = None) -> np.ndarray:
        """The value, given a dict from inputs to arrays; compiles on first use."""
        return late.call("eval", self, values)


def _restore(*parts: Any) -> Any:
    from .deserialise import restore

    return restore(*parts)


def check_name(value: object) -> str | None:
    """A usable name, or None.

    Raises ExpressionError if it is not a string or empty. Any other string is accepted: names are
    only shown.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        raise ExpressionError(
            f"a variable is named {value!r}",
            where=here(),
            fix="use a string of 1 to 200 visible characters",
        )
    return value
