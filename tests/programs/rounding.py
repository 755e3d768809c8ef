"""A running error analysis along a graph: the `Bound` of every node.

An operation of integers and truth values is computed as it is, what is of floats in an 80-bit type,
with errors as `bound` and `body` say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from tests.programs.body import mapped
from tests.programs.bound import (
    WIDE,
    Array,
    Bound,
    converted,
    exactly,
    farthest,
    on_grid,
    only_values,
    rounded,
    shifted,
    spacing,
)
from tests.programs.matrices import MATRICES

from closedform.algebra.graph import topological
from closedform.algebra.node import Call, Contract, Gather, Leaf, Map, Node, Reduce
from closedform.runtime.interpreter import plan


def analysed(
    roots: Sequence[Node], arrays: Mapping[Any, Array], size: Callable[[Any], int]
) -> list[Bound]:
    """The bound of each root, for values of the inputs and extents of the dims."""
    known: dict[Node, Bound] = {}
    with np.errstate(all="ignore"):
        for x in topological(roots):
            if isinstance(x, Leaf):
                known[x] = _leaf(x, arrays, size)
            else:
                operands = [known[a] for a in x.operands]
                known[x] = RULES.get(type(x), _moved)(x, operands, size)
    return [known[x] for x in roots]


def values(
    roots: Sequence[Node], arrays: Mapping[Any, Array], size: Callable[[Any], int]
) -> list[Array]:
    """The value of each root alone; inputs may be given in the wider type."""
    token = only_values.set(True)
    try:
        return [b.value for b in analysed(roots, arrays, size)]
    finally:
        only_values.reset(token)


def _leaf(x: Leaf, arrays: Mapping[Any, Array], size: Callable[[Any], int]) -> Bound:
    if x in arrays:
        given = np.asarray(arrays[x])
        return exactly(given if given.dtype == WIDE else given.astype(x.dtype, copy=False))
    if isinstance(x.payload, np.ndarray):
        return exactly(x.payload)
    if x.spec.kind != "parameter":
        return exactly(plan(x)([], size))
    value = WIDE.type(x.spec.value.numerator) / WIDE.type(x.spec.value.denominator)
    return converted(exactly(value), WIDE, x.dtype)


# ---------------------------------------------------------------- sums of products


def _contract(x: Contract, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    spec = x.spec
    read = [converted(b, a.dtype, spec.dtype) for b, a in zip(operands, x.operands, strict=True)]
    sums = _summing(x, size)
    sizes = [np.abs(b.value.astype(WIDE)) for b in read]
    magnitude = sums([b.magnitude for b in read])
    if all(b.certain for b in read):
        error = np.zeros(magnitude.shape, WIDE)
    else:
        upper = sums([a + b.error for a, b in zip(sizes, read, strict=True)])
        error = upper - sums(sizes) + upper * spacing(WIDE) * len(read)
    if spec.dtype.kind != "f":
        value = plan(x)([b.value for b in read], size)
        return Bound(np.asarray(value), error, magnitude)
    summed = [t for t in range(len(spec.sizes)) if t not in spec.out]
    terms = math.prod(size(spec.sizes[t]) for t in summed)
    places = max(terms - 1, 0) + max(len(read) - 1, 0)
    whole = places < 2 or all(on_grid(b.value).all() for b in read)
    value = sums([b.value for b in read])
    return rounded(value, error, magnitude, places, spec.dtype, whole)


def _summing(x: Contract, size: Callable[[Any], int]) -> Callable[[list[Array]], Array]:
    """The same sum of products in the wider type."""
    spec = x.spec
    carried_labels = {t for labels in spec.indices for t in labels}
    inner = [t for t in spec.out if t in carried_labels]
    rest = [t for t in range(len(spec.sizes)) if t not in carried_labels and t not in spec.out]
    count = math.prod(size(spec.sizes[t]) for t in rest)
    shape = [size(spec.sizes[t]) for t in spec.out]
    wide = tuple(slice(None) if t in inner else None for t in spec.out)

    def sums(arrays: list[Array]) -> Array:
        pairs = [p for a, i in zip(arrays, spec.indices, strict=True) for p in (a, list(i))]
        found = np.asarray(np.einsum(*pairs, inner) if pairs else WIDE.type(1))
        return np.broadcast_to((found * count)[wide], shape).astype(WIDE)

    return sums


# ---------------------------------------------------------------- reductions


def _reduce(x: Reduce, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    spec, (b,) = x.spec, operands
    dtype = x.operands[0].dtype
    if spec.op in ("logsumexp", "norm"):
        b, dtype = converted(b, dtype, spec.dtype), spec.dtype
    terms = math.prod(b.value.shape[k] for k in spec.axes)
    if spec.op == "prod":
        plain, upper = (
            np.prod(a, axis=spec.axes)
            for a in (np.abs(b.value.astype(WIDE)), np.abs(b.value.astype(WIDE)) + b.error)
        )
        value = np.prod(b.value, axis=spec.axes, dtype=b.value.dtype)
        error = np.zeros(np.shape(value), WIDE) if b.certain else upper - plain
        found = rounded(value, error, np.prod(b.magnitude, axis=spec.axes), terms, dtype)
        return converted(found, dtype, spec.dtype)
    value = _reduction(spec, b.value)
    ends = [_reduction(spec, shifted(b.value, s * b.error)) for s in (1, -1)]
    error = farthest(value, ends if not b.certain else [])
    if spec.op in ("argmax", "argmin"):
        error = np.where(_undecided(spec, b), np.inf, error)
    own = {"logsumexp": terms + 4, "norm": terms + 4}.get(spec.op, 0)
    top = np.max(np.abs(b.value), axis=spec.axes, initial=1) if spec.op == "logsumexp" else 0
    magnitude = np.abs(value.astype(WIDE)) + top
    if spec.op == "norm":
        error = np.minimum(error * np.inf if np.isnan(error).any() else error, np.inf)
        error = np.sqrt(np.sum(b.error**2, axis=spec.axes)) if not b.certain else error
    found = rounded(value, error, magnitude, own, dtype if value.dtype == WIDE else value.dtype)
    return found if value.dtype == WIDE else Bound(value.astype(spec.dtype), *found[1:])


def _reduction(spec: Any, a: Array) -> Array:
    """A reduction of a value, in its own type."""
    if spec.op == "norm":
        return np.sqrt(np.sum(a * a, axis=spec.axes))
    if spec.op == "logsumexp":
        return (
            np.asarray(np.logaddexp.reduce(a, axis=spec.axes[0]))
            if len(spec.axes) == 1
            else _logsumexp(a, spec.axes)
        )
    if not spec.axes:
        return a
    axis = spec.axes[0] if spec.op.startswith("arg") else spec.axes
    return np.asarray(getattr(np, spec.op)(a, axis=axis))


def _logsumexp(a: Array, axes: tuple[int, ...]) -> Array:
    top = np.max(a, axis=axes, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(top), top, 0)
    total = np.log(np.sum(np.exp(a - shift), axis=axes, keepdims=True)) + shift
    return np.squeeze(total, axis=axes)


def _undecided(spec: Any, b: Bound) -> Array:
    """Whether another element may be the largest (or smallest)."""
    sign = 1 if spec.op == "argmax" else -1
    a, axis = sign * b.value.astype(WIDE), spec.axes[0]
    place = np.expand_dims(np.argmax(a, axis=axis), axis)
    low = np.take_along_axis(a - b.error, place, axis)
    rivals = (a + b.error >= low) & ((b.error > 0) | (np.take_along_axis(b.error, place, axis) > 0))
    np.put_along_axis(rivals, place, False, axis)
    return rivals.any(axis=axis)


# ---------------------------------------------------------------- layouts, positions, routines


def _moved(x: Node, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    """Elements that only change places; joined arrays are converted."""
    read = [converted(b, a.dtype, x.dtype) for b, a in zip(operands, x.operands, strict=True)]
    wide = plan(type(x)(x.spec.with_(dtype=WIDE), *x.operands))
    value = (wide if x.dtype.kind == "f" else plan(x))([b.value for b in read], size)
    error, magnitude = (wide([b[k] for b in read], size) for k in (1, 2))
    return Bound(*map(np.asarray, (value, error, magnitude)))


def _gather(x: Gather, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    positions = [b.value for b in operands[1:]]
    step = plan(x)
    parts = [np.asarray(step([part, *positions], size)) for part in operands[0]]
    if not all(b.certain for b in operands[1:]):
        parts[1] = np.full(parts[1].shape, np.inf, WIDE)
    return Bound(*parts)


def _call(x: Call, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    return ROUTINES[x.spec.routine](x, operands, size)


def _cumsum(x: Call, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    (b,) = operands
    b = converted(b, x.operands[0].dtype, x.dtype)
    value, error, magnitude = (np.cumsum(part, -1, dtype=part.dtype) for part in b)
    return rounded(value, error, magnitude, b.value.shape[-1], x.dtype)


def _cumprod(x: Call, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    b = converted(operands[0], x.operands[0].dtype, x.dtype)
    value, magnitude = (np.cumprod(part, -1, dtype=part.dtype) for part in (b.value, b.magnitude))
    plain = np.abs(b.value.astype(WIDE))
    error = np.cumprod(plain + b.error, -1) - np.cumprod(plain, -1)
    error = np.zeros(error.shape, WIDE) if b.certain else error
    return rounded(value, error, magnitude, b.value.shape[-1], x.dtype)


def _recurrence(x: Call, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    a, b = operands
    value, error, magnitude = (np.empty(b.value.shape, t) for t in (b.value.dtype, WIDE, WIDE))
    held = [np.zeros(b.value.shape[:-1], t) for t in (b.value.dtype, WIDE, WIDE)]
    for k in range(b.value.shape[-1]):
        factor = np.abs(a.value[..., k].astype(WIDE))
        slip = factor * held[1] + a.error[..., k] * (np.abs(held[0].astype(WIDE)) + held[1])
        held = [
            a.value[..., k] * held[0] + b.value[..., k],
            slip + b.error[..., k],
            a.magnitude[..., k] * held[2] + b.magnitude[..., k],
        ]
        held[1] = held[1] + spacing(x.dtype) * held[2]
        value[..., k], error[..., k], magnitude[..., k] = held
    return Bound(value, error, magnitude)


def _argsort(x: Call, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    (b,) = operands
    found = exactly(np.argsort(b.value, -1, kind="stable"))
    if b.certain:
        return found
    ordered, slack = (np.take_along_axis(part, found.value, -1) for part in b[:2])
    ordered = ordered.astype(WIDE)
    close = np.diff(ordered, axis=-1) <= slack[..., 1:] + slack[..., :-1]
    close &= slack[..., 1:] + slack[..., :-1] > 0
    doubt = np.any(close, axis=-1, keepdims=True)
    return found._replace(error=np.where(doubt, np.inf, found.error))


def _scatter(x: Call, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    positions, values = operands
    rows = size(x.spec.dims[-2])
    add = [np.zeros((*p.shape[:-2], rows, p.shape[-1]), p.dtype) for p in values]
    for into, part in zip(add, values, strict=True):
        np.add.at(into, (..., positions.value, slice(None)), part)
    if not positions.certain:
        add[1] = np.full(add[1].shape, np.inf, WIDE)
    return rounded(*add, len(positions.value), x.dtype)


def _scatter_last(x: Call, operands: Sequence[Bound], size: Callable[[Any], int]) -> Bound:
    found = exactly(plan(x)([operands[0].value], size))
    doubt = np.full(found.error.shape, 0 if operands[0].certain else np.inf, WIDE)
    return found._replace(error=doubt)


ROUTINES: dict[str, Callable] = {
    "cumsum": _cumsum,
    "cumprod": _cumprod,
    "recurrence": _recurrence,
    "argsort": _argsort,
    "scatter_add": _scatter,
    "scatter_last": _scatter_last,
    **MATRICES,
}
RULES: dict[type, Callable] = {
    Map: mapped,
    Contract: _contract,
    Reduce: _reduce,
    Gather: _gather,
    Call: _call,
}
