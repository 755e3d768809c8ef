"""Hessian and gradient of logistic regression."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..bar import Bar
from ..case import Arrays, Case, Entry, Runner
from ..step import jax_arrays
from . import logistic

RIDGE = 0.01


def cases(quick: bool) -> Iterator[Case]:
    n, d = (3000, 300) if quick else (60000, 784)
    yield case(n, d, "float32")
    if not quick:
        yield case(n, d, "float64")


def case(n: int, d: int, dtype: str) -> Case:
    r = np.random.default_rng(8)
    X = r.standard_normal((n, d), dtype=np.float32).astype(dtype, copy=False)
    y, w = (r.random(n) > 0.5).astype(dtype), (r.normal(size=d) / d**0.5).astype(dtype)
    arrays = {"X": X, "y": y, "w": w}
    entries = [
        Entry("closedform", lambda: ours(arrays), "ours"),
        Entry("jax, formula by hand", lambda: jax_runner(arrays, by_formula)),
        Entry("jax.hessian", lambda: jax_runner(arrays, by_transformation)),
        Entry("numpy, formula by hand", lambda: numpy_runner(arrays)),
    ]
    tolerance = 2e-3 if dtype == "float32" else 1e-8
    title = f"logistic Hessian and gradient {n} x {d} {dtype}"
    facts = {"n": n, "d": d, "dtype": dtype}
    return Case(title, entries, tolerance, (Bar(1.5),), rounds=9, facts=facts)


def results(found: Any) -> Arrays:
    return {name: np.array(v) for name, v in zip(("cost", "g", "H"), found, strict=True)}


def ours(arrays: Arrays) -> Runner:
    import closedform as cf

    dims = {"X": ("n", "d"), "y": ("n",), "w": ("d",)}
    X, y, w = (cf.tensor(k, dims[k], str(v.dtype)) for k, v in arrays.items())
    cost = logistic.naive(X @ w, y).mean() + RIDGE * (w**2).sum()
    f = cf.function([X, y, w], [cost, cf.grad(cost, w), cf.hessian(cost, w)])
    values = list(arrays.values())
    return Runner(lambda: f(*values), results)


def jax_cost(w: Any, X: Any, y: Any) -> Any:
    return logistic.jax_loss(X @ w, y).mean() + RIDGE * (w**2).sum()


def by_formula(X: Any, y: Any, w: Any) -> Any:
    import jax

    p = jax.nn.sigmoid(X @ w)
    ridge = 2 * RIDGE * jax.numpy.eye(X.shape[1], dtype=X.dtype)
    return *jax.value_and_grad(jax_cost)(w, X, y), (X.T * (p * (1 - p))) @ X / X.shape[0] + ridge


def by_transformation(X: Any, y: Any, w: Any) -> Any:
    import jax

    return *jax.value_and_grad(jax_cost)(w, X, y), jax.hessian(jax_cost)(w, X, y)


def jax_runner(arrays: Arrays, f: Callable[[Any, Any, Any], Any]) -> Runner:
    values = list(jax_arrays(arrays).values())
    import jax

    compiled = jax.jit(f)
    return Runner(lambda: jax.block_until_ready(compiled(*values)), results)


def numpy_runner(arrays: Arrays) -> Runner:
    X, y, w = arrays.values()
    n, ridge = w.dtype.type(len(X)), w.dtype.type(RIDGE)

    def run() -> Any:
        losses, slopes = logistic.slope(X @ w, y)
        p = slopes + y
        hessian = (X.T * (p * (1 - p))) @ X / n
        hessian.flat[:: len(w) + 1] += 2 * ridge
        return losses.mean() + ridge * (w**2).sum(), X.T @ slopes / n + 2 * ridge * w, hessian

    return Runner(run, results)
