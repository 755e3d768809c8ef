"""Methods of tensors that are functions of other modules: each is that function applied to it."""

from __future__ import annotations

from typing import Any

from .vocabulary import word


class Methods:
    """NumPy's methods, and Theano's `norm`; see the functions of the same names."""

    __slots__ = ()

    def prod(self, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        """Product along axes."""
        return word("prod")(self, axis, dtype, keepdims)

    def var(
        self, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False
    ) -> Any:
        """Variance along axes."""
        return word("var")(self, axis, dtype, ddof, keepdims)

    def std(
        self, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False
    ) -> Any:
        """Standard deviation along axes."""
        return word("std")(self, axis, dtype, ddof, keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Whether some element differs from 0."""
        return word("any")(self, axis, keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Whether every element differs from 0."""
        return word("all")(self, axis, keepdims)

    def ptp(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Largest element less the smallest."""
        return word("ptp")(self, axis, keepdims)

    def norm(self, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
        """Norm of vectors or matrices."""
        return word("norm")(self, ord, axis, keepdims)

    def cumsum(self, axis: Any = None, dtype: Any = None) -> Any:
        """Sums of the first elements along an axis."""
        return word("cumsum")(self, axis, dtype)

    def cumprod(self, axis: Any = None, dtype: Any = None) -> Any:
        """Products of the first elements along an axis."""
        return word("cumprod")(self, axis, dtype)

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """Two axes exchanged."""
        return word("swapaxes")(self, axis1, axis2)

    @property
    def mT(self) -> Any:  # noqa: N802 (NumPy's name)
        """The last two axes exchanged."""
        return word("matrix_transpose")(self)

    def copy(self) -> Any:
        """The tensor itself: nothing can change it."""
        return self

    def squeeze(self, axis: Any = None) -> Any:
        """Axes declared to have extent 1 dropped."""
        return word("squeeze")(self, axis)

    def repeat(self, repeats: Any, axis: Any = None) -> Any:
        """Every element so many times."""
        return word("repeat")(self, repeats, axis)

    def take(self, indices: Any, axis: Any = None) -> Any:
        """Elements at positions."""
        return word("take")(self, indices, axis)

    def sort(self, axis: Any = -1) -> Any:
        """A sorted copy, unlike NumPy's method, which sorts in place."""
        return word("sort")(self, axis)

    def argsort(self, axis: Any = -1) -> Any:
        """Positions that sort along an axis."""
        return word("argsort")(self, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """Elements with equal positions along two axes."""
        return word("diagonal")(self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """Sum of a diagonal."""
        return word("trace")(self, offset, axis1, axis2)
