"""A small evaluator of graphs in NumPy, written for tests only: literal about the meaning of each
kind of node.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp
from tests.simplify.meaning import double

from closedform.algebra.dims import FreshDim
from closedform.algebra.dims import evaluate as evaluate_dim
from closedform.algebra.graph import topological
from closedform.algebra.node import Contract, Layout, Leaf, Map, Node, Reduce


def evaluate(
    nodes: list[Node], values: dict[Node, Any], dims: dict[Any, int] | None = None
) -> list[np.ndarray]:
    """The values of nodes; `values` maps leaves to arrays, extents follow from them."""
    by_uid = {leaf.spec.uid: np.asarray(v, leaf.dtype) for leaf, v in values.items()}
    extents: dict[Any, int] = dict(dims or {})
    for leaf in (*values, *topological(nodes)):
        if isinstance(leaf, Leaf) and leaf.spec.uid in by_uid:
            extents.update(zip(leaf.dims, by_uid[leaf.spec.uid].shape, strict=True))
    for x in topological(nodes):
        for d in (*x.dims, *getattr(x.spec, "sizes", ())):
            if isinstance(d, FreshDim) and d.definition is not None:
                extents[d] = evaluate_dim(d.definition, lambda e: extents.get(e, e))
    done: dict[Node, np.ndarray] = {}
    with np.errstate(all="ignore"):
        for x in topological(nodes):
            size = {d: extents.get(d, d) for d in (*x.dims, *getattr(x.spec, "sizes", ()))}
            done[x] = KINDS[type(x)](x, [done[a] for a in x.operands], size, by_uid, extents)
            shape = tuple(size[d] for d in x.dims)
            assert done[x].shape == shape, (x, done[x].shape, shape)
    return [done[x] for x in nodes]


def _leaf(x: Leaf, operands: list, size: dict, by_uid: dict, extents: dict) -> np.ndarray:
    spec = x.spec
    if spec.uid in by_uid:
        return by_uid[spec.uid]
    if spec.kind == "parameter":
        return np.asarray(float(spec.value), x.dtype)
    if spec.kind == "dim":
        return np.asarray(extents.get(spec.value, spec.value), x.dtype)
    if spec.kind == "delta":
        return np.eye(size[x.dims[0]], dtype=x.dtype)
    return np.arange(size[x.dims[0]]) if spec.kind == "iota" else x.payload


def _map(x: Map, operands: list, size: dict, by_uid: dict, extents: dict) -> np.ndarray:
    shape = tuple(size[d] for d in x.dims)
    read = []
    for a, index in zip(operands, x.spec.indices, strict=True):
        kept = [k for k, t in enumerate(index) if t is not None]
        assert all(a.shape[k] == 1 for k in range(a.ndim) if k not in kept)
        a = a.reshape([a.shape[k] for k in kept])
        axes = [index[k] for k in kept]
        a = np.transpose(a, np.argsort(axes)) if axes else a
        view = [1] * len(shape)
        for t in axes:
            view[t] = shape[t]
        a = np.broadcast_to(a.reshape(view), shape)
        read.append(a if a.dtype == bool else a.astype(x.spec.compute))
    value = double(x.spec.body, read, x.spec.compute)
    return np.broadcast_to(np.asarray(value).astype(x.dtype), shape)


def _contract(x: Contract, operands: list, size: dict, by_uid: dict, extents: dict) -> np.ndarray:
    spec = x.spec
    args: list = []
    for a, index in zip(operands, spec.indices, strict=True):
        args += [a.astype(x.dtype), list(index)]
    for t, d in enumerate(spec.sizes):
        args += [np.ones(size[d], x.dtype), [t]]
    return np.asarray(np.einsum(*args, list(spec.out))) if args else np.ones((), x.dtype)


def _reduce(x: Reduce, operands: list, size: dict, by_uid: dict, extents: dict) -> np.ndarray:
    (a,), axes = operands, x.spec.axes
    table = {"max": np.max, "min": np.min, "logsumexp": logsumexp}
    if x.spec.op in table:
        return np.asarray(table[x.spec.op](a, axis=axes))
    if x.spec.op == "norm":
        return np.sqrt((a * a).sum(axis=axes))
    return np.asarray(getattr(np, x.spec.op)(a, axis=axes[0]))


def _layout(x: Layout, operands: list, size: dict, by_uid: dict, extents: dict) -> np.ndarray:
    (a,), shape = operands, tuple(size[d] for d in x.dims)
    if x.spec.op == "reshape":
        return a.reshape(shape)
    if x.spec.op == "slice":
        return a[_key(x.spec.params, a.shape, shape)]
    out = np.zeros(shape, x.dtype)
    out[_key(x.spec.params, shape, a.shape)] = a
    return out


def _key(params: tuple, source: tuple, target: tuple) -> tuple:
    lengths = iter(target)
    key: list = []
    for (start, step), extent in zip(params, source, strict=True):
        start = start + extent if start < 0 else start
        key.append(start if step is None else start + step * np.arange(next(lengths)))
    if any(not isinstance(k, int) for k in key):
        key = [np.asarray([k]) if isinstance(k, int) else k for k in key]
        drop = tuple(n for n, (_, step) in enumerate(params) if step is None)
        return _Outer(tuple(key), drop).key()
    return tuple(key)


class _Outer:
    """An open mesh that forgets the axes of integer indices."""

    def __init__(self, key: tuple, drop: tuple) -> None:
        self._key, self._drop = key, drop

    def key(self) -> tuple:
        kept = [n for n in range(len(self._key)) if n not in self._drop]
        result = []
        for n, k in enumerate(self._key):
            if n in self._drop:
                result.append(k[0])
            else:
                shape = [1] * len(kept)
                shape[kept.index(n)] = -1
                result.append(k.reshape(shape))
        return tuple(result)


KINDS = {Leaf: _leaf, Map: _map, Contract: _contract, Reduce: _reduce, Layout: _layout}
