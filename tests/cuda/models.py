"""Training steps with data of a chosen dtype: name -> builder of (inputs, outputs)."""

from __future__ import annotations

import numpy as np

from closedform.algebra import functions as F
from closedform.algebra.constructors import tensor
from closedform.algebra.gradient import grad


def _data(dtype: str, n: int = 203, d: int = 37):
    r = np.random.default_rng(0)
    X, y = tensor("X", ("n", "d"), dtype), tensor("y", ("n",), dtype)
    w, b = tensor("w", ("d",), dtype), tensor("b", (), dtype)
    values = {
        X: r.normal(size=(n, d)),
        y: r.random(n) > 0.5,
        w: r.normal(size=d) / 6,
        b: np.array(0.3),
    }
    return X, y, w, b, {x: np.asarray(a).astype(dtype) for x, a in values.items()}


def logistic(dtype: str):
    X, y, w, b, values = _data(dtype)
    p = 1 / (1 + F.exp(-(X @ w) - b))
    cost = (-y * F.log(p) - (1 - y) * F.log(1 - p)).mean() + 0.01 * (w**2).sum()
    gw, gb = grad(cost, [w, b])
    return values, [p > 0.5, cost, w - 0.1 * gw, b - 0.1 * gb]


def poisson(dtype: str):
    X, y, w, b, values = _data(dtype)
    t = X @ w + b
    cost = (F.exp(t) - y * t).mean()
    return values, [cost, *grad(cost, [w, b])]


def softmax(dtype: str, k: int = 10):
    r = np.random.default_rng(1)
    X, _, _, _, values = _data(dtype)
    W, B = tensor("W", ("d", k), dtype), tensor("B", (k,), dtype)
    T = tensor("T", ("n", k), dtype)
    n, d = values[X].shape
    cost = -(T * F.log_softmax(X @ W + B, 1)).sum(1).mean()
    given = {
        X: values[X],
        W: (r.normal(size=(d, k)) / 6).astype(dtype),
        B: r.normal(size=k).astype(dtype),
        T: np.eye(k)[r.integers(0, k, n)].astype(dtype),
    }
    return given, [cost, *grad(cost, [W, B])]


def perceptron(dtype: str):
    r = np.random.default_rng(2)
    X, _, _, _, values = _data(dtype)
    V, W = tensor("V", ("d", "h"), dtype), tensor("W", ("h", "k"), dtype)
    T = tensor("T", ("n", "k"), dtype)
    n, d = values[X].shape
    h = F.tanh(X @ V)
    cost = -(T * F.log_softmax(h @ W, 1)).sum(1).mean()
    given = {
        X: values[X],
        V: (r.normal(size=(d, 29)) / 6).astype(dtype),
        W: r.normal(size=(29, 5)).astype(dtype),
        T: np.eye(5)[r.integers(0, 5, n)].astype(dtype),
    }
    return given, [cost, *grad(cost, [V, W])]


def standardised(dtype: str):
    X, y, w, b, values = _data(dtype)
    centred = X - X.mean(0)
    t = (centred / F.sqrt((centred**2).mean(0))) @ w + b
    cost = (F.softplus(t) - y * t).mean()
    return values, [cost, *grad(cost, [w, b])]


MODELS = {f.__name__: f for f in (logistic, poisson, softmax, perceptron, standardised)}
