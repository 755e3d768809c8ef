"""`equal`: whether two expressions are the same, and how that is known (semantics 1.3)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..algebra import dims
from ..algebra.build import describe
from ..algebra.dims import Equalities, Extent, show_shape
from ..algebra.errors import ClosedformError, ExpressionError, ShapeError
from ..algebra.graph import leaves, replace
from ..algebra.node import Leaf
from ..algebra.origin import here
from ..algebra.tensor import Tensor, as_tensor
from ..simplify.derive import expand_gradients
from ..simplify.intern import unify
from ..simplify.proof import proven
from .interpreter import Interpreter

DRAWS, TRIED = 5, 40  # points that must agree, and how many are tried to find them
EXTENTS = (3, 4, 2, 5, 6, 7)
CLOSE = {"float32": 1e-4, "float64": 1e-9}  # of the largest element
NUDGE = 1e-14  # a relative change of inputs that must not matter at a counterexample
APART = 1000  # so many times further, and rounding is no excuse


@dataclass(frozen=True)
class Verdict:
    """What `equal` found; it is true where the two are equal.

    kind    "proof": the same canonical form. "evidence": no proof, but the same values at random
            points. "counterexample": different values
    values  name -> array of a counterexample
    left, right  the values there
    """

    kind: str
    values: dict[str, np.ndarray] = field(default_factory=dict)
    left: np.ndarray | None = None
    right: np.ndarray | None = None

    def __bool__(self) -> bool:
        return self.kind != "counterexample"

    def __repr__(self) -> str:
        if self:
            return f"equal ({self.kind})"
        rows = [("left", self.left), ("right", self.right), *self.values.items()]
        lines = [f"  {name} = {_readable(value, len(name) + 5)}" for name, value in rows]
        return "\n".join(["not equal:", *lines])


def _readable(value: Any, indent: int) -> str:
    """An array on aligned lines, to 6 digits."""
    text = np.array2string(np.asarray(value), precision=6, separator=", ", threshold=60)
    return text.replace("\n", "\n" + " " * indent)


def equal(a: Any, b: Any) -> Verdict:
    """Decide whether two expressions of one shape have the same value for all inputs.

    Parameters
    ----------
    a, b : tensors (or numbers), also with derivatives in them. Values at kinks of derivatives, and
        where one of the two is not defined, do not count; dtypes do not either.

    Returns
    -------
    A verdict that is true or false: by `proof` if both have one canonical form (sums and products
    in any order, multiplied out, renamed indices, equal rational factors), else by `evidence` if
    they agree at random points in floating point, or with a counterexample.

    Raises
    ------
    ShapeError for different shapes, ExpressionError where no random point could tell.

    >>> import closedform as cf
    >>> x = cf.vector("x", shape="n")
    >>> cf.equal(cf.grad(cf.logsumexp(x), x), cf.softmax(x))
    equal (proof)
    >>> cf.equal((x + 1) ** 2, x**2 + 1).kind
    'counterexample'
    """
    left, right = as_tensor(a), as_tensor(b)
    table = unify([left.node, right.node])
    fits = left.ndim == right.ndim and all(
        table.join(c, d) for c, d in zip(left.shape, right.shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"{describe(left.node)} has shape {show_shape(left.shape)}, and"
            f" {describe(right.node)} {show_shape(right.shape)}",
            where=here(),
            fix="compare expressions of one shape",
        )
    if proven(left.node, right.node):
        return Verdict("proof")
    return _tested(left, right, table)


def _tested(left: Tensor, right: Tensor, table: Equalities) -> Verdict:
    """Compare values at random points."""
    roots = replace(expand_gradients([left.node, right.node]), {})
    plan = Interpreter(roots)
    given = [x for x in leaves(roots) if x.spec.kind in ("input", "shared", "constant")]
    agreed = 0
    for draw in range(TRIED):
        rng = np.random.default_rng(draw)
        try:
            size = _sizes(given, table, draw)
            arrays = {x: _draw(x, rng, size, draw) for x in given}
            one, other = plan.run(arrays, size)
        except (ClosedformError, ValueError, IndexError, np.linalg.LinAlgError):
            continue  # extents that do not fit this graph
        far = _distance(one, other)
        if far is None:
            continue
        if far > APART:
            if not _steady(plan, arrays, size, (one, other)):
                continue  # rounding alone makes such a difference here
            named = {x.label or f"{x.spec.kind}{k}": arrays[x] for k, x in enumerate(given)}
            return Verdict("counterexample", named, one, other)
        agreed += far <= 1
        if agreed == DRAWS:
            return Verdict("evidence")
    raise ExpressionError(
        f"{TRIED} random points do not tell whether the two are equal",
        where=here(),
        fix='declare what is promised of the inputs, as assume="positive"',
    )


def _steady(plan: Interpreter, arrays: Any, size: Any, found: tuple) -> bool:
    """Whether the values stay where they are if inputs change in their last digits."""
    near = {x: v * (1 + NUDGE) if v.dtype.kind == "f" else v for x, v in arrays.items()}
    try:
        far = [_distance(a, b) for a, b in zip(found, plan.run(near, size), strict=True)]
    except ClosedformError:
        return False
    return all(d is not None and d <= 1 for d in far)


def _distance(a: np.ndarray, b: np.ndarray) -> float | None:
    """The largest difference in units of what rounding excuses; None where one is not finite."""
    a, b = np.asarray(a), np.asarray(b)
    narrow = "float32" if np.dtype(np.float32) in (a.dtype, b.dtype) else "float64"
    a, b = a.astype(float), b.astype(float)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0), 1e-3)
    return float(np.abs(a - b).max(initial=0) / scale / CLOSE[narrow])


class _Sizes(dict):
    """Extent -> number; what follows from others is computed."""

    def __init__(self, table: Equalities, draw: int) -> None:
        self._table = table
        self.numbers: Iterator[int] = itertools.cycle(EXTENTS[draw % 2 :])

    def __call__(self, extent: Extent) -> int:
        found = self._table.find(extent)
        if isinstance(found, int):
            return found
        if found not in self:
            definition = getattr(found, "definition", None)
            if definition is None:  # no input has it
                self[found] = next(self.numbers)
            else:
                self[found] = dims.evaluate(definition, self)
        return self[found]


def _sizes(given: list[Leaf], table: Equalities, draw: int) -> _Sizes:
    size = _Sizes(table, draw)
    for x in given:
        shape = x.payload.shape if x.spec.kind == "constant" else (None,) * x.ndim
        for d, known in zip(x.dims, shape, strict=True):
            found = table.find(d)
            if not isinstance(found, int) and found not in size:
                size[found] = known or next(size.numbers)
    return size


def _draw(x: Leaf, rng: np.random.Generator, size: _Sizes, draw: int) -> np.ndarray:
    """Random values of a leaf that keep what is promised of it: small integers to begin with, and
    positive ones when half of the draws have told nothing.
    """
    if x.spec.kind == "constant":
        return x.payload
    shape, facts = tuple(map(size, x.dims)), x.spec.facts
    value = rng.normal(size=shape) if draw else rng.choice([-2.0, -1.0, 1.0, 2.0, 3.0], shape)
    if "positive" in facts or "nonnegative" in facts or draw > TRIED // 2:
        value = np.abs(value) + (0.1 if draw else 0)
    for fact, made in PROMISED.items():
        if fact in facts:
            value = made(value, rng)
    if x.dtype.kind in "iu":
        return rng.integers(0 if "u" in x.dtype.kind else -3, 4, shape).astype(x.dtype)
    return np.asarray(value > 0 if x.dtype.kind == "b" else value).astype(x.dtype)


def _one_hot(v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.eye(v.shape[-1])[rng.integers(0, v.shape[-1], v.shape[:-1])]


PROMISED: dict[str, Any] = {
    "symmetric": lambda v, _: v + v.T,
    "psd": lambda v, _: v @ v.T + 0.1 * np.eye(len(v)),
    "diagonal": lambda v, _: np.diag(np.diag(v)),
    "orthogonal": lambda v, _: np.linalg.qr(v)[0],
    "onehot": _one_hot,
    "simplex": lambda v, _: np.abs(v) / np.abs(v).sum(-1, keepdims=True),
}
