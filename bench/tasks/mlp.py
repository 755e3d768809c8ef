"""A network with one hidden layer, at three batch sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import step
from ..bar import Bar
from ..case import Case
from ..step import Model, Named

INPUTS, HIDDEN, CLASSES = 784, 500, 10


def cases(quick: bool) -> Iterator[Case]:
    yield case(60, "float32", 1.3)
    yield case(256, "float32", 1.3)
    yield case(3000 if quick else 60000, "float32", 1.4)
    if not quick:
        yield case(60000, "float64", 1.4)


def case(n: int, dtype: str, ahead: float) -> Case:
    facts = {"n": n, "widths": [INPUTS, HIDDEN, CLASSES], "dtype": dtype}
    title = f"MLP {INPUTS}-{HIDDEN}-{CLASSES} tanh, batch {n}, {dtype}"
    tolerance = 2e-3 if dtype == "float32" else 1e-8
    return Case(title, step.entries(model(n, dtype)), tolerance, (Bar(ahead),), facts=facts)


def model(n: int, dtype: str) -> Model:
    r = np.random.default_rng(2)
    X = r.standard_normal((n, INPUTS), dtype=np.float32).astype(dtype, copy=False)
    T = np.eye(CLASSES, dtype=dtype)[r.integers(0, CLASSES, n)]
    params = {
        "W1": r.normal(size=(INPUTS, HIDDEN)) * 0.05,
        "b1": r.normal(size=HIDDEN) * 0.1,
        "W2": r.normal(size=(HIDDEN, CLASSES)) * 0.05,
        "b2": r.normal(size=CLASSES) * 0.1,
    }
    return Model(
        {"X": X, "T": T},
        {k: v.astype(dtype) for k, v in params.items()},
        {"X": ("n", "d"), "T": ("n", "k")},
        our_loss,
        jax_loss,
        {"": torch_loss},
        numpy=by_hand,
    )


def our_loss(params: Named, data: Named) -> tuple[Any, Any]:
    import closedform as cf

    hidden = cf.tanh(data["X"] @ params["W1"] + params["b1"])
    z = hidden @ params["W2"] + params["b2"]
    return -(data["T"] * cf.log_softmax(z, axis=1)).sum(axis=1).mean(), None


def jax_loss(params: Named, data: Named) -> tuple[Any, Any]:
    import jax

    hidden = jax.numpy.tanh(data["X"] @ params["W1"] + params["b1"])
    z = hidden @ params["W2"] + params["b2"]
    return -(data["T"] * jax.nn.log_softmax(z)).sum(1).mean(), None


def torch_loss(params: Named, data: Named) -> tuple[Any, Any]:
    import torch

    hidden = torch.tanh(torch.addmm(params["b1"], data["X"], params["W1"]))
    z = torch.addmm(params["b2"], hidden, params["W2"])
    return torch.nn.functional.cross_entropy(z, data["T"]), None


def by_hand(params: Named, data: Named) -> tuple[Any, Any, Named]:
    X, T = data["X"], data["T"]
    hidden = np.tanh(X @ params["W1"] + params["b1"])
    z = hidden @ params["W2"] + params["b2"]
    z -= z.max(1, keepdims=True)
    e = np.exp(z)
    s = e.sum(1, keepdims=True)
    cost = (T * (np.log(s) - z)).sum(1).mean()
    slope = (e / s - T) / z.dtype.type(len(X))
    back = (slope @ params["W2"].T) * (1 - hidden**2)
    grads = {"W1": X.T @ back, "b1": back.sum(0), "W2": hidden.T @ slope, "b2": slope.sum(0)}
    return cost, None, grads
