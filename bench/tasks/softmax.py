"""Softmax regression on one-hot and on integer labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import step
from ..bar import Bar
from ..case import Case
from ..step import Model, Named

CLASSES = 10


def cases(quick: bool) -> Iterator[Case]:
    n = 6000 if quick else 60000
    yield case(n, 784, "float32", onehot=True)
    yield case(n, 784, "float64", onehot=True)
    yield case(n, 784, "float32", onehot=False)


def case(n: int, d: int, dtype: str, onehot: bool) -> Case:
    made = model(n, d, dtype, onehot)
    labels = "one-hot" if onehot else "integer"
    facts = {"n": n, "d": d, "classes": CLASSES, "dtype": dtype, "labels": labels}
    title = f"softmax regression {n} x {d} x {CLASSES} {dtype}, {labels} labels"
    tolerance = 2e-3 if dtype == "float32" else 1e-8
    return Case(title, step.entries(made), tolerance, (Bar(3),), rounds=15, facts=facts)


def model(n: int, d: int, dtype: str, onehot: bool) -> Model:
    r = np.random.default_rng(1)
    t = r.integers(0, CLASSES, n)
    data = {"X": r.standard_normal((n, d), dtype=np.float32).astype(dtype, copy=False)}
    data["T"] = np.eye(CLASSES, dtype=dtype)[t] if onehot else t
    dims: dict[str, tuple[Any, ...]] = {"X": ("n", "d"), "T": ("n", "k") if onehot else ("n",)}
    params = {"W": r.normal(size=(d, CLASSES)) * 0.05, "b": r.normal(size=CLASSES)}
    return Model(
        data,
        {k: v.astype(dtype) for k, v in params.items()},
        dims,
        our_onehot if onehot else our_integers,
        jax_loss,
        {"": torch_loss},
        numpy=by_hand if onehot else None,
    )


def our_onehot(params: Named, data: Named) -> tuple[Any, Any]:
    """As a textbook writes it: nothing is stabilised by hand."""
    import closedform as cf

    z = data["X"] @ params["W"] + params["b"]
    e = cf.exp(z)
    p = e / e.sum(axis=1, keepdims=True)
    return -(data["T"] * cf.log(p)).sum(axis=1).mean(), None


def our_integers(params: Named, data: Named) -> tuple[Any, Any]:
    import closedform as cf

    z = data["X"] @ params["W"] + params["b"]
    chosen = cf.eq(data["T"][:, None], np.arange(CLASSES)[None, :])
    return -cf.where(chosen, cf.log_softmax(z, axis=1), 0).sum(axis=1).mean(), None


def jax_loss(params: Named, data: Named) -> tuple[Any, Any]:
    import jax

    z = jax.nn.log_softmax(data["X"] @ params["W"] + params["b"])
    t = data["T"]
    chosen = (t * z).sum(1) if t.ndim == 2 else z[jax.numpy.arange(len(t)), t]
    return -chosen.mean(), None


def torch_loss(params: Named, data: Named) -> tuple[Any, Any]:
    import torch

    z = torch.addmm(params["b"], data["X"], params["W"])
    return torch.nn.functional.cross_entropy(z, data["T"]), None


def by_hand(params: Named, data: Named) -> tuple[Any, Any, Named]:
    X, T = data["X"], data["T"]
    z = X @ params["W"] + params["b"]
    z -= z.max(1, keepdims=True)
    e = np.exp(z)
    s = e.sum(1, keepdims=True)
    slope = (e / s - T) / z.dtype.type(len(X))
    cost = ((T * (np.log(s) - z)).sum(1)).mean()
    return cost, None, {"W": X.T @ slope, "b": slope.sum(0)}
