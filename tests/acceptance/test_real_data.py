"""Real data: as accurate as scikit-learn, less half a point."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.acceptance.targets import every_target

import closedform as cf

datasets = pytest.importorskip("sklearn.datasets")
linear_model = pytest.importorskip("sklearn.linear_model")


def split(data, seed=0):
    """Standardised halves of a data set: (X, y) to learn from, (X, y) to test."""
    X, y = data.data, data.target
    order = np.random.default_rng(seed).permutation(len(y))
    X, y = X[order], y[order]
    half = len(y) // 2
    scale = X[:half].std(0)
    X = (X - X[:half].mean(0)) / np.where(scale > 0, scale, 1)
    return (X[:half], y[:half]), (X[half:], y[half:])


@every_target
def test_breast_cancer(options):
    (X, y), (X_test, y_test) = split(datasets.load_breast_cancer())
    A, t = cf.matrix("X", shape=("n", "d")), cf.vector("y", shape="n")
    w, b = cf.shared(np.zeros(X.shape[1]), "w"), cf.shared(0.0, "b")
    p = 1 / (1 + cf.exp(-(A @ w) - b))
    ridge = 0.5 / len(y)  # scikit-learn's C = 1, per example
    cost = (-t * cf.log(p) - (1 - t) * cf.log(1 - p)).mean() + ridge * (w**2).sum()
    gw, gb = cf.grad(cost, [w, b])
    step = [(w, w - 0.5 * gw), (b, b - 0.5 * gb)]
    train = cf.function([A, t], cost, updates=step, **options)
    predict = cf.function([A], p > 0.5, **options)
    labels = y.astype(float)
    costs = [float(train(X, labels)) for _ in range(1500)]
    assert costs[-1] < costs[0]
    rival = linear_model.LogisticRegression(C=1.0, max_iter=5000).fit(X, y)
    ours = (predict(X_test) == y_test).mean()
    assert ours >= rival.score(X_test, y_test) - 0.005
    assert_allclose(w.get_value(), rival.coef_[0], atol=0.02)


@every_target
def test_digits(options):
    (X, y), (X_test, y_test) = split(datasets.load_digits())
    A, t = cf.matrix("X", shape=("n", "d")), cf.matrix("T", shape=("n", "k"))
    W, b = cf.shared(np.zeros((64, 10)), "W"), cf.shared(np.zeros(10), "b")
    p = cf.softmax(A @ W + b)
    cost = -(t * cf.log(p)).sum(1).mean() + 0.5 / len(y) * (W**2).sum()
    gW, gb = cf.grad(cost, [W, b])
    step = {W: W - 0.5 * gW, b: b - 0.5 * gb}
    train = cf.function([A, t], cost, updates=step, **options)
    predict = cf.function([A], p.argmax(1), **options)
    hot = np.eye(10)[y]
    costs = [float(train(X, hot)) for _ in range(500)]
    assert costs[-1] < costs[0]
    rival = linear_model.LogisticRegression(C=1.0, max_iter=5000).fit(X, y)
    ours = (predict(X_test) == y_test).mean()
    assert ours >= rival.score(X_test, y_test) - 0.005
