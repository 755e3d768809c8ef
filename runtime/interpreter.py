"""The NumPy target: a graph evaluated node by node.

It is the oracle (on the graph as written) and the target without a compiler (on the compute form).
A graph is planned once, then run many times; each value is dropped behind its last use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..algebra.build import describe, place
from ..algebra.dims import Extent, show_shape
from ..algebra.errors import ClosedformError, FunctionError, LinAlgError, ShapeError
from ..algebra.graph import topological
from ..algebra.node import Call, Contract, Gather, Join, Layout, Leaf, Map, Mark, Node, Reduce
from ..algebra.scalar import show
from .matrices import ADVICE, FINITE
from .meaning import compiled
from .routines import NUMPY as ROUTINES
from .routines import checked

Array = np.ndarray
Size = Callable[[Extent], int]
Step = Callable[[list[Array], Size], Any]
Watch = Callable[[Node, Array], None]


class Interpreter:
    """A graph, planned.

    Parameters
    ----------
    roots : sequence of Node
        What to evaluate; gradients must be expanded.
    """

    def __init__(self, roots: Sequence[Node]) -> None:
        order = topological(roots)
        number = {x: k for k, x in enumerate(order)}
        self.order = order
        self._roots = [number[r] for r in roots]
        self._reads = [[number[a] for a in x.operands] for x in order]
        self._steps = [None if is_given(x) else plan(x) for x in order]
        self._dead = _last_uses(self._reads, self._roots)

    def run(
        self, values: Mapping[Leaf, Array], size: Size, watch: Watch | None = None
    ) -> list[Array]:
        """Return the values of the roots.

        Parameters
        ----------
        values : mapping
            Arrays of inputs, shared variables and constants, in their declared dtypes.
        size : callable
            The extent of a dim, a number, at this call.
        watch : callable, optional
            Gets every node and its value, in order.
        """
        held: list[Any] = []
        with np.errstate(all="ignore"):
            for x, step, reads, dead in zip(
                self.order, self._steps, self._reads, self._dead, strict=True
            ):
                held.append(_given(x, values) if step is None else _run(x, step, held, reads, size))
                if watch is not None:
                    watch(x, held[-1])
                for k in dead:
                    held[k] = None
        return [held[k] for k in self._roots]

    def listing(self) -> str:
        """Return the steps as text, one per line."""
        lines = []
        for k, (x, reads) in enumerate(zip(self.order, self._reads, strict=True)):
            what = show(x.spec.body) if isinstance(x, Map) else _kind(x)
            operands = " ".join(f"v{r}" for r in reads)
            lines.append(f"v{k}: {x.dtype} {show_shape(x.dims)} = {what} {operands}".rstrip())
        return "\n".join([*lines, "return " + " ".join(f"v{r}" for r in self._roots)])


def _kind(x: Node) -> str:
    if isinstance(x, Contract):
        return f"einsum{x.spec.indices}->{x.spec.out}"
    named = (getattr(x.spec, field, None) for field in ("op", "routine", "kind"))
    name = next((n for n in named if n), type(x).__name__.lower())
    return f"{name} {x.label!r}" if x.label else name


def _last_uses(reads: list[list[int]], roots: list[int]) -> list[list[int]]:
    """Per step, the values that nothing needs afterwards."""
    last = {k: k for k in range(len(reads))}
    for step, operands in enumerate(reads):
        last.update(dict.fromkeys(operands, step))
    dead: list[list[int]] = [[] for _ in reads]
    kept = set(roots)
    for k, step in last.items():
        if k not in kept:
            dead[step].append(k)
    return dead


def is_given(x: Node) -> bool:
    """Whether the caller provides the value."""
    return isinstance(x, Leaf) and x.spec.kind in ("input", "shared", "constant")


def _given(x: Node, values: Mapping[Any, Array]) -> Array:
    if x in values:
        return values[x]
    if isinstance(x.payload, np.ndarray):
        return x.payload
    raise FunctionError(f"{describe(x)} has no value", where=place(x.origin), fix="pass it in")


def _run(x: Node, step: Step, held: list[Any], reads: list[int], size: Size) -> Array:
    try:
        return np.asarray(step([held[k] for k in reads], size))
    except ClosedformError:
        raise
    except np.linalg.LinAlgError as error:
        raise _fault(x, error) from error
    except (ValueError, IndexError) as error:
        found = f"{describe(x)} cannot be computed: {error}"
        raise ShapeError(found, where=place(x.origin)) from error


def _fault(x: Node, error: np.linalg.LinAlgError) -> LinAlgError:
    """What a routine of linear algebra refuses: which matrix, and where it is written."""
    found = f"{x.spec.routine} of {describe(x.operands[0])}: {str(error).lower()}"
    advice = FINITE if "converge" in found else ADVICE.get(x.spec.routine, FINITE)
    return LinAlgError(found, where=place(x.origin), fix=advice)


def plan(x: Node) -> Step:
    """Return the function that computes a node from its operands."""
    return PLANS[type(x)](x)


# ---------------------------------------------------------------- leaves


def _leaf(x: Leaf) -> Step:
    spec = x.spec
    if spec.kind == "parameter":
        value = np.asarray(spec.value.numerator / spec.value.denominator).astype(spec.dtype)
        return lambda operands, size: value
    make: dict[str, Step] = {
        "dim": lambda operands, size: np.asarray(size(spec.value), spec.dtype),
        "iota": lambda operands, size: np.arange(size(spec.value), dtype=spec.dtype),
        "delta": lambda operands, size: np.eye(size(spec.value), dtype=spec.dtype),
    }
    assert spec.kind in make, f"a {spec.kind} leaf has no value"
    return make[spec.kind]


# ---------------------------------------------------------------- maps


def _map(x: Map) -> Step:
    spec = x.spec
    body = compiled(spec.body, spec.compute)
    rank = len(spec.dims)
    views = [_aligned(index, rank) for index in spec.indices]

    def step(operands: list[Array], size: Size) -> Array:
        value = np.asarray(body([view(a) for view, a in zip(views, operands, strict=True)]))
        shape = tuple(map(size, spec.dims))
        return np.broadcast_to(value.astype(spec.dtype, copy=False), shape)

    return step


def _aligned(index: tuple[int | None, ...], rank: int) -> Callable[[Array], Array]:
    """A view with one axis per axis of the result; those the operand lacks have extent 1."""
    if index == tuple(range(rank)):
        return lambda a: a
    named = [t for t in index if t is not None]
    first = tuple(0 if t is None else slice(None) for t in index)
    wide = tuple(slice(None) if t in named else None for t in range(rank))
    unique = sorted(set(named))
    if len(unique) == len(named):
        order = [named.index(t) for t in unique]
        return lambda a: a[first].transpose(order)[wide]
    return lambda a: np.einsum(a[first], named, unique)[wide]


# ---------------------------------------------------------------- contractions


def _contract(x: Contract) -> Step:
    spec = x.spec
    if len(spec.indices) == 1 and len(set(spec.indices[0])) == len(spec.indices[0]):
        return _sum(x)
    carried = set().union(*spec.indices)
    inner = [t for t in spec.out if t in carried]
    factor = [t for t in range(len(spec.sizes)) if t not in carried and t not in spec.out]

    def step(operands: list[Array], size: Size) -> Array:
        arguments: list[Any] = []
        for a, labels in zip(operands, spec.indices, strict=True):
            arguments += [a.astype(spec.dtype, copy=False), list(labels)]
        value = np.einsum(*arguments, inner, optimize=len(operands) > 1) if operands else 1
        value = np.asarray(value, spec.dtype)
        return _repeated(value, inner, factor, spec, size)

    return step


def _sum(x: Contract) -> Step:
    """A sum of one operand: in float64 for float32, and pairwise, as NumPy sums."""
    spec = x.spec
    (labels,) = spec.indices
    axes = tuple(k for k, t in enumerate(labels) if t not in spec.out)
    rest = [t for t in labels if t in spec.out]
    inner = [t for t in spec.out if t in labels]
    order = [rest.index(t) for t in inner]
    factor = [t for t in range(len(spec.sizes)) if t not in labels and t not in spec.out]
    wide = np.dtype(np.float64) if spec.dtype.kind == "f" else spec.dtype

    def step(operands: list[Array], size: Size) -> Array:
        a = operands[0].astype(spec.dtype, copy=False)
        value = np.sum(a, axis=axes, dtype=wide).astype(spec.dtype, copy=False) if axes else a
        return _repeated(np.transpose(value, order), inner, factor, spec, size)

    return step


def _repeated(value: Array, inner: list[int], factor: list[int], spec: Any, size: Size) -> Array:
    """Multiply by extents of labels that nobody carries, or repeat along them."""
    if factor:
        count = math.prod(size(spec.sizes[t]) for t in factor)
        value = value * np.asarray(count).astype(spec.dtype)
    wide = tuple(slice(None) if t in inner else None for t in spec.out)
    return np.broadcast_to(np.asarray(value)[wide], [size(spec.sizes[t]) for t in spec.out])


# ---------------------------------------------------------------- reductions


def logsumexp(a: Array, axis: tuple[int, ...]) -> Array:
    """log(sum(exp(a))): -inf for a slice of -inf or of nothing, NaN where a is NaN."""
    top = np.max(a, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(top), top, np.zeros((), a.dtype))
    total = np.sum(np.exp(a - shift), axis=axis, keepdims=True)
    return np.squeeze(np.log(total) + shift, axis=axis)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "max": lambda a, axes: np.max(a, axis=axes),
    "min": lambda a, axes: np.min(a, axis=axes),
    "argmax": lambda a, axes: np.argmax(a, axis=axes[0]),
    "argmin": lambda a, axes: np.argmin(a, axis=axes[0]),
    "logsumexp": logsumexp,
    "prod": lambda a, axes: np.prod(a, axis=axes, dtype=a.dtype),
    "any": lambda a, axes: np.any(a, axis=axes),
    "all": lambda a, axes: np.all(a, axis=axes),
    "norm": lambda a, axes: np.sqrt(np.sum(a * a, axis=axes, dtype=np.float64)),
}


def _reduce(x: Reduce) -> Step:
    spec = x.spec
    function = REDUCTIONS[spec.op]
    if not spec.axes and spec.op != "norm":
        return lambda operands, size: operands[0].astype(spec.dtype, copy=False)
    reads = spec.dtype if spec.op in ("logsumexp", "norm") else x.operands[0].dtype
    return lambda operands, size: np.asarray(
        function(operands[0].astype(reads, copy=False), spec.axes)
    ).astype(spec.dtype, copy=False)


# ---------------------------------------------------------------- layouts


def _slices(params: tuple, extents: tuple[int, ...], lengths: list[int], size: Size) -> tuple:
    """The index of a slice or embed, with every bound a number."""
    result: list[Any] = []
    rest = iter(lengths)
    for (start, step), extent in zip(params, extents, strict=True):
        first = start if isinstance(start, int) else size(start)
        first = first + extent if first < 0 else first
        if step is None:
            result.append(first)
            continue
        count = next(rest)
        stop = first + step * count
        result.append(slice(first, stop if stop >= 0 else None, step) if count else slice(0, 0))
    return tuple(result)


def _layout(x: Layout) -> Step:
    spec = x.spec
    if spec.op == "reshape":
        return lambda operands, size: operands[0].reshape([size(d) for d in spec.dims])

    def cut(operands: list[Array], size: Size) -> Array:
        (a,) = operands
        lengths = [size(d) for d in spec.dims]
        return a[_slices(spec.params, a.shape, lengths, size)]

    def embed(operands: list[Array], size: Size) -> Array:
        result = np.zeros([size(d) for d in spec.dims], spec.dtype)
        lengths = list(operands[0].shape)
        result[_slices(spec.params, result.shape, lengths, size)] = operands[0]
        return result

    return cut if spec.op == "slice" else embed


def _join(x: Join) -> Step:
    spec = x.spec
    return lambda operands, size: np.concatenate(operands, axis=spec.axis, dtype=spec.dtype)


def _gather(x: Gather) -> Step:
    spec, rank = x.spec, x.ndim
    views = [_aligned(index, rank) for index in spec.indices]

    def step(operands: list[Array], size: Size) -> Array:
        a, *given = operands
        positions = (view(p) for view, p in zip(views, given, strict=True))
        key = []
        for extent, axis in zip(a.shape, spec.along, strict=True):
            if axis is None:
                key.append(checked(next(positions), extent))
            else:
                key.append(np.arange(extent).reshape([-1 if t == axis else 1 for t in range(rank)]))
        shape = tuple(map(size, x.dims))
        return np.broadcast_to(a[tuple(key)], shape)

    return step


# ---------------------------------------------------------------- routines and marks


def _call(x: Call) -> Step:
    spec = x.spec
    meaning = ROUTINES[spec.routine]
    return lambda operands, size: meaning(spec.params, operands, tuple(map(size, spec.dims)))[
        spec.output
    ]


def _mark(x: Mark) -> Step:
    return lambda operands, size: operands[0]


PLANS: dict[type, Callable[[Any], Step]] = {
    Leaf: _leaf,
    Map: _map,
    Contract: _contract,
    Reduce: _reduce,
    Layout: _layout,
    Join: _join,
    Gather: _gather,
    Call: _call,
    Mark: _mark,
}
