"""The structure of a Hessian or Jacobian: its terms as they are, without an n x n array.

`h.structure` reads the closed form: a sum of diagonal matrices, products of three factors such as
`X' D X` (low rank where X has few rows), outer products, Kronecker products such as `core x I`, and
whatever is left as it is. Each of them multiplies a vector without being formed.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass
from typing import Any

from ..algebra.build import describe
from ..algebra.dims import show_shape
from ..algebra.errors import ShapeError
from ..algebra.node import Leaf, Map, Node
from ..algebra.origin import here
from ..algebra.products import einsum, outer
from ..algebra.scalar import Add, Mul
from ..algebra.tensor import Tensor, as_tensor
from .display import Displayer, display_form
from .display_rows import distributed
from .factors import Factor, contraction, part, term_factors
from .island import occurrences
from .rule import product

Labels = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Term:
    """One term: `scale` times an array that the kinds below describe; `dense` forms it."""

    scale: Tensor

    def dense(self) -> Tensor:
        """The term as an array."""
        raise NotImplementedError

    def matvec(self, v: Tensor) -> Tensor:
        """The term times an array of the shape of the variable."""
        raise NotImplementedError

    def diagonal(self) -> Tensor:
        """Its elements at equal positions, of the shape of the variable."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Diagonal(Term):
    """scale * diag(vector)."""

    vector: Tensor

    def dense(self) -> Tensor:
        from ..algebra.creation import diag

        return self.scale * diag(self.vector)

    def matvec(self, v: Tensor) -> Tensor:
        return self.scale * self.vector * v

    def diagonal(self) -> Tensor:
        return self.scale * self.vector


@dataclass(frozen=True, eq=False)
class Outer(Term):
    """scale * left right', of rank one."""

    left: Tensor
    right: Tensor

    def dense(self) -> Tensor:
        return self.scale * outer(self.left, self.right)

    def matvec(self, v: Tensor) -> Tensor:
        return self.scale * (self.right @ v) * self.left

    def diagonal(self) -> Tensor:
        return self.scale * self.left * self.right


@dataclass(frozen=True, eq=False)
class Product(Term):
    """scale * left core right; core is a vector (a diagonal matrix), a matrix, or None (I)."""

    left: Tensor
    core: Tensor | None
    right: Tensor

    def dense(self) -> Tensor:
        return self.scale * (self._scaled() @ self.right)

    def _scaled(self) -> Tensor:
        if self.core is None:
            return self.left
        return self.left * self.core if self.core.ndim == 1 else self.left @ self.core

    def matvec(self, v: Tensor) -> Tensor:
        inner = self.right @ v
        if self.core is not None:
            inner = self.core * inner if self.core.ndim == 1 else self.core @ inner
        return self.scale * (self.left @ inner)

    def diagonal(self) -> Tensor:
        return self.scale * (self._scaled() * self.right.T).sum(axis=1)


@dataclass(frozen=True, eq=False)
class Kronecker(Term):
    """scale times the array left_ik right_jl at i, j, k, l; None is the identity matrix."""

    left: Tensor | None
    right: Tensor | None
    dims: tuple

    def dense(self) -> Tensor:
        return self.scale * einsum("ik,jl->ijkl", *self._matrices())

    def _matrices(self) -> tuple[Tensor, Tensor]:
        from ..algebra.creation import eye

        sides = zip((self.left, self.right), self.dims, strict=True)
        left, right = (eye(d) if a is None else a for a, d in sides)
        return left, right

    def matvec(self, v: Tensor) -> Tensor:
        if self.left is not None:
            v = self.left @ v
        return self.scale * (v if self.right is None else v @ self.right.T)

    def diagonal(self) -> Tensor:
        left, right = (einsum("ii->i", a) for a in self._matrices())
        return self.scale * outer(left, right)


@dataclass(frozen=True, eq=False)
class Dense(Term):
    """scale times an array without a structure that is known."""

    array: Tensor

    def dense(self) -> Tensor:
        return self.scale * self.array

    def matvec(self, v: Tensor) -> Tensor:
        letters = "ijklmnop"[: self.array.ndim]
        return self.scale * einsum(f"{letters},{letters[-v.ndim :]}->{letters[: -v.ndim]}",
                                   self.array, v)  # fmt: skip

    def diagonal(self) -> Tensor:
        half = "ijkl"[: self.array.ndim // 2]
        return self.scale * einsum(f"{half}{half}->{half}", self.array)


class Structure:
    """The terms of an array of shape (m, n), or (m, n, k, l): what `h.structure` gives.

    Attributes
    ----------
    terms : tuple of Diagonal, Outer, Product, Kronecker and Dense.
    """

    def __init__(self, tensor: Tensor, terms: tuple[Term, ...]) -> None:
        self._tensor = tensor
        self.terms = terms

    def __repr__(self) -> str:
        kinds = " + ".join(type(t).__name__ for t in self.terms) or "0"
        return f"Structure({kinds}: {self._tensor})"

    def _repr_latex_(self) -> str:
        return self._tensor._repr_latex_()

    def dense(self) -> Tensor:
        """The whole array."""
        return self._sum([t.dense() for t in self.terms], self._tensor.shape)

    def matvec(self, v: Any) -> Tensor:
        """The product with an array of the shape of the variable, without forming the matrix.

        >>> import closedform as cf
        >>> X, w = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d")
        >>> v = cf.vector("v", shape="d")
        >>> h = cf.hessian(((X @ w) ** 2).sum() / 2, w)
        >>> cf.pp(h.structure.matvec(v), "ascii")
        'X.T @ X @ v'
        """
        v = as_tensor(v)
        half = self._tensor.ndim // 2
        if v.ndim != half:
            raise ShapeError(
                f"the product of an array of shape {show_shape(self._tensor.shape)} with "
                f"{describe(v.node)} of shape {show_shape(v.shape)}",
                where=here(),
                fix=f"give an array of shape {show_shape(self._tensor.shape[half:])}",
            )
        return self._sum([t.matvec(v) for t in self.terms], self._tensor.shape[:half])

    def diagonal(self) -> Tensor:
        """The elements at equal positions, of the shape of the variable."""
        half = self._tensor.ndim // 2
        if self._tensor.shape[:half] != self._tensor.shape[half:]:
            raise ShapeError(
                f"the diagonal of an array of shape {show_shape(self._tensor.shape)}",
                where=here(),
                fix="it has one where both halves of the shape are equal, as in a Hessian",
            )
        return self._sum([t.diagonal() for t in self.terms], self._tensor.shape[:half])

    def _sum(self, parts: list[Tensor], shape: tuple) -> Tensor:
        from ..algebra.creation import zeros

        return functools.reduce(operator.add, parts) if parts else zeros(shape)


def structure(tensor: Tensor) -> Structure:
    """The structure of a matrix, or of an array with four axes, as its closed form has it.

    Raises
    ------
    ShapeError for another number of axes.
    """
    if tensor.ndim not in (2, 4):
        raise ShapeError(
            f"the structure of {describe(tensor.node)} with shape {show_shape(tensor.shape)}",
            where=here(),
            fix="give a matrix, or the Hessian by a matrix, which has four axes",
        )
    node = display_form(tensor.node, kinks=True)
    return Structure(tensor, tuple(_terms(node)))


def _terms(node: Node) -> list[Term]:
    composer = Displayer(kinks=True)
    if not isinstance(node, Map):
        node = _as_map(node)
    if node.spec.compute != node.dtype:
        return [Dense(as_tensor(1.0), Tensor(node))]
    terms = node.spec.body.args if type(node.spec.body) is Add else (node.spec.body,)
    if terms == (0,):
        return []
    return [found for t in terms for found in _split_term(composer, node, t)]


def _split_term(composer: Displayer, x: Map, t: Any) -> list[Term]:
    """A term, multiplied out if only that shows a structure."""
    whole = _term(composer, x, t)
    sums = type(t) is Mul and any(type(f) is Add for f in t.args)
    if not isinstance(whole, Dense) or not sums:
        return [whole]
    found = [_term(composer, x, u) for u in distributed(t).args]
    return [whole] if any(isinstance(f, Dense) for f in found) else found


def _as_map(node: Node) -> Map:
    """A node as a Map that reads it."""
    from ..algebra.node import map_node
    from ..algebra.scalar import Slot

    every = tuple(range(node.ndim))
    return map_node(Slot(0), (every,), node.dims, node.dtype, node)


def _term(composer: Displayer, x: Map, t: Any) -> Term:
    number, scalars, found = term_factors(composer, x, t)
    factors = [g for a, ls in found for g in _split(composer, a, ls)]
    scale = as_tensor(float(number)) if number.q != 1 else as_tensor(int(number))
    for s in scalars:
        scale = scale * Tensor(part(composer, x, s)[0])
    sizes = {k: d for a, ls in factors for k, d in zip(ls, a.dims, strict=True)}
    read = _matrix_term if x.ndim == 2 else _kronecker_term
    try:
        return read(composer, x, scale, factors, sizes)
    except _Unstructured:
        whole = contraction(x, factors, tuple(range(x.ndim)), sizes) if factors else None
        if whole is None or set(range(x.ndim)) - set(sizes):
            return Dense(as_tensor(1.0), Tensor(part(composer, x, t, tuple(range(x.ndim)))[0]))
        return Dense(scale, Tensor(composer.normal(whole)))


class _Unstructured(Exception):
    """Nothing is known about a term."""


def _split(composer: Displayer, a: Node, labels: Labels) -> list[Factor]:
    """An elementwise product as factors that run along different axes."""
    if not (isinstance(a, Map) and type(a.spec.body) is Mul) or len(labels) < 2:
        return [(a, labels)]
    groups: dict[frozenset, list] = {}
    for f in a.spec.body.args:
        axes = frozenset(t for k in occurrences(f) for t in a.spec.indices[k] if t is not None)
        groups.setdefault(axes, []).append(f)
    if len(groups) < 2 or frozenset() in groups:
        return [(a, labels)]
    parts = (part(composer, a, product(fs)) for fs in groups.values())
    return [(b, tuple(labels[t] for t in axes)) for b, axes in parts]


def _is_delta(a: Node) -> bool:
    return isinstance(a, Leaf) and a.spec.kind == "delta"


def _sub(composer: Displayer, x: Map, factors: list[Factor], out: Labels, sizes: dict) -> Tensor:
    return Tensor(composer.normal(contraction(x, factors, out, sizes)))


def _matrix_term(
    composer: Displayer, x: Map, scale: Tensor, factors: list[Factor], sizes: dict
) -> Term:
    deltas = [f for f in factors if _is_delta(f[0]) and set(f[1]) == {0, 1}]
    rest = [f for f in factors if f not in deltas]
    if deltas:
        return _diagonal(composer, x, scale, rest, sizes)
    left = [f for f in rest if 0 in f[1]]
    right = [f for f in rest if 1 in f[1]]
    middle = [f for f in rest if not {0, 1} & set(f[1])]
    if any(f in right for f in left) or not left or not right:
        raise _Unstructured
    rows = {k for _, ls in left for k in ls} - {0}
    columns = {k for _, ls in right for k in ls} - {1}
    if not rows and not columns and not middle:
        return Outer(scale, _sub(composer, x, left, (0,), sizes),
                     _sub(composer, x, right, (1,), sizes))  # fmt: skip
    if len(rows) != 1 or len(columns) != 1:
        raise _Unstructured
    (p,), (q,) = rows, columns
    first = _sub(composer, x, left, (0, p), sizes)
    last = _sub(composer, x, right, (q, 1), sizes)
    core = None
    if middle or p != q:
        core = _sub(composer, x, middle, (p,) if p == q else (p, q), sizes)
    return Product(scale, first, core, last)


def _diagonal(composer: Displayer, x: Map, scale: Tensor, rest: list[Factor], sizes: dict) -> Term:
    """delta_ij times what carries i, j or nothing of it."""
    moved = [(a, tuple(0 if k == 1 else k for k in ls)) for a, ls in rest]
    if any(len(set(ls)) < len(ls) for _, ls in moved):
        raise _Unstructured
    if moved:
        return Diagonal(scale, _sub(composer, x, moved, (0,), sizes))
    from ..algebra.creation import ones

    return Diagonal(scale, ones((sizes[0],)).astype(x.dtype))


def _kronecker_term(
    composer: Displayer, x: Map, scale: Tensor, factors: list[Factor], sizes: dict
) -> Term:
    group = {k: {k} for k in sizes}
    for _, ls in factors:
        joined: set[int] = set().union(*(group[k] for k in ls))
        for k in joined:
            group[k] = joined
    if set(range(4)) - set(sizes) or 2 not in group[0] or 3 not in group[1] or 1 in group[0]:
        raise _Unstructured
    sides: list[Tensor | None] = []
    for out in ((0, 2), (1, 3)):
        own = [f for f in factors if f[1][0] in group[out[0]]]
        identity = len(own) == 1 and _is_delta(own[0][0])
        sides.append(None if identity else _sub(composer, x, own, out, sizes))
    return Kronecker(scale, sides[0], sides[1], (sizes[0], sizes[1]))
