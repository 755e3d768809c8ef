"""Models whose functions run on the C target, each with data of any number of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import closedform as cf

Arrays = list[np.ndarray]
Made = tuple[Callable[..., Any], Arrays]


def logistic(rows: int, **options: Any) -> Made:
    """Cost and gradient of a logistic regression with 30 features."""
    X, y = cf.matrix("X", shape=("n", "d")), cf.vector("y", shape="n")
    w, b = cf.vector("w", shape="d"), cf.scalar("b")
    p = 1 / (1 + cf.exp(-(X @ w) - b))
    cost = (-y * cf.log(p) - (1 - y) * cf.log(1 - p)).mean() + 0.01 * (w**2).sum()
    r = np.random.default_rng(1)
    arrays = [r.normal(size=(rows, 30)), r.integers(0, 2, rows) * 1.0, r.normal(size=30)]
    f = cf.function([X, y, w, b], [cost, *cf.grad(cost, [w, b])], target="c", **options)
    return f, [*arrays, np.array(0.3)]


def softmax(rows: int, **options: Any) -> Made:
    """Cost and gradient of a softmax regression with 10 classes."""
    X, T = cf.matrix("X", shape=("n", "d")), cf.matrix("T", shape=("n", "k"))
    W = cf.matrix("W", shape=("d", "k"))
    cost = -(T * cf.log_softmax(X @ W, 1)).sum(1).mean()
    r = np.random.default_rng(2)
    arrays = [r.normal(size=(rows, 20)), np.eye(10)[r.integers(0, 10, rows)]]
    f = cf.function([X, T, W], [cost, cf.grad(cost, W)], target="c", **options)
    return f, [*arrays, r.normal(size=(20, 10))]


def perceptron(rows: int, width: int = 40, **options: Any) -> Made:
    """Cost and gradients of a network with one hidden layer of tanh, whose products go to BLAS."""
    X, T = cf.matrix("X", shape=("n", "d")), cf.matrix("T", shape=("n", "k"))
    V, W = cf.matrix("V", shape=("d", "h")), cf.matrix("W", shape=("h", "k"))
    cost = ((cf.tanh(X @ V) @ W - T) ** 2).mean()
    r = np.random.default_rng(3)
    arrays = [r.normal(size=s) for s in ((rows, width), (rows, 20), (width, 32), (32, 20))]
    f = cf.function([X, T, V, W], [cost, *cf.grad(cost, [V, W])], target="c", **options)
    return f, arrays


def minibatch(rows: int, **options: Any) -> Made:
    """The network on so few rows that threads share its columns instead."""
    return perceptron(min(rows, 60), 700, **options)


def extremes(rows: int, **options: Any) -> Made:
    """Extremes, their positions and a gradient through them."""
    X = cf.matrix("X", shape=("n", "d"))
    outputs = [X.max(0), X.min(0), X.argmax(0), (X - X.max(0)).sum(1)]
    outputs += [cf.logsumexp(X, 0), cf.grad(X.max(0).sum() + X.min(), X)]
    r = np.random.default_rng(4)
    return cf.function([X], outputs, target="c", **options), [r.normal(size=(rows, 12)).round(2)]


MODELS = {f.__name__: f for f in (logistic, softmax, perceptron, minibatch, extremes)}


def bits(results: list[np.ndarray]) -> bytes:
    """Every bit of the results of a call."""
    return b"".join(r.tobytes() for r in results)
