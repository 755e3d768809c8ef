"""Two models on real data: the formula, the kernel, the training, the accuracy, the time of a step.

`make demo` runs this; `make demo ARGS=--latex` prints the formulas as LaTeX.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression

import closedform as cf

RATE = 0.5
RIDGE = 0.5  # scikit-learn's C = 1
Halves = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass
class Model:
    """A compiled model, and the same step written by hand in NumPy."""

    cost: cf.Tensor
    parameters: list[cf.SharedVariable]
    gradients: list[cf.Tensor]
    train: cf.Function
    predict: cf.Function
    by_hand: Callable[..., tuple[np.ndarray, ...]]


# ---------------------------------------------------------------- the two models


def logistic_regression(d: int) -> Model:
    """Two classes: labels 0 and 1, a probability as one writes it down first."""
    x, y = cf.matrix("X", shape=("n", "d")), cf.vector("y", shape="n")
    w, b = cf.shared(np.zeros(d), name="w"), cf.shared(0.0, name="b")
    p = 1 / (1 + cf.exp(-(x @ w) - b))
    cost = (-y * cf.log(p) - (1 - y) * cf.log(1 - p)).mean()
    cost = cost + RIDGE / x.shape[0] * (w**2).sum()
    gw, gb = cf.grad(cost, [w, b])
    train = cf.function([x, y], cost, updates=[(w, w - RATE * gw), (b, b - RATE * gb)])
    predict = cf.function([x], p > 0.5)

    def by_hand(X, Y, w, b):
        ridge = RIDGE / len(X)
        z = X @ w + b
        e = np.exp(-np.abs(z))
        cost = (np.maximum(z, 0) - Y * z + np.log1p(e)).mean() + ridge * (w @ w)
        r = np.where(z >= 0, 1 / (1 + e), e / (1 + e)) - Y
        return cost, w - RATE * (X.T @ r / len(Y) + 2 * ridge * w), b - RATE * r.mean()

    return Model(cost, [w, b], [gw, gb], train, predict, by_hand)


def softmax_regression(d: int, k: int) -> Model:
    """Several classes: labels as rows with a single 1."""
    x, t = cf.matrix("X", shape=("n", "d")), cf.matrix("T", shape=("n", "k"))
    W, b = cf.shared(np.zeros((d, k)), name="W"), cf.shared(np.zeros(k), name="b")
    p = cf.softmax(x @ W + b)
    cost = -(t * cf.log(p)).sum(1).mean() + RIDGE / x.shape[0] * (W**2).sum()
    gW, gb = cf.grad(cost, [W, b])
    train = cf.function([x, t], cost, updates=[(W, W - RATE * gW), (b, b - RATE * gb)])
    predict = cf.function([x], p.argmax(1))

    def by_hand(X, T, W, b):
        ridge = RIDGE / len(X)
        z = X @ W + b
        z -= z.max(1, keepdims=True)
        e = np.exp(z)
        s = e.sum(1, keepdims=True)
        cost = (np.log(s)[:, 0] - (T * z).sum(1)).mean() + ridge * (W**2).sum()
        r = (e / s - T) / len(T)
        return cost, W - RATE * (X.T @ r + 2 * ridge * W), b - RATE * r.sum(0)

    return Model(cost, [W, b], [gW, gb], train, predict, by_hand)


# ---------------------------------------------------------------- one run


def demonstrate(title: str, model: Model, halves: Halves, labels: np.ndarray, write) -> None:
    """Print what a user wants to see of one model."""
    (X, y), (X_test, y_test) = halves
    print(f"\n{title}\n{'=' * len(title)}")
    print(f"\n{len(X)} rows to learn from, {len(X_test)} to test, {X.shape[1]} features")
    for parameter, gradient in zip(model.parameters, model.gradients, strict=True):
        print(f"\n  gradient of {parameter.name}:  {write(gradient)}")
    print("\ntraining:")
    learn(model, X, labels)
    print(f"\nkernel: {kernel(model.train)}")
    ours = np.mean(model.predict(X_test) == y_test)
    theirs = LogisticRegression(C=1.0, max_iter=5000).fit(X, y).score(X_test, y_test)
    print(f"accuracy on the test half: {ours:.3f}; scikit-learn: {theirs:.3f}")
    compare_times(model, X, labels)


def learn(model: Model, X: np.ndarray, labels: np.ndarray, steps: int = 2000) -> None:
    for step in range(steps + 1):
        cost = model.train(X, labels)
        if step % (steps // 4) == 0:
            print(f"  step {step:5}: cost {cost:.6f}")


def kernel(f: cf.Function) -> str:
    """One line out of `f.explain()`."""
    text = f.explain()
    axis, passes = re.search(r"fold axis: (\w+); passes over it: (\d+)", text).groups()
    nests = len(re.findall(r"^ *k\d+:", text, re.MULTILINE))
    times = "once" if passes == "1" else f"{passes} times"
    return f"cost, gradient and update in {nests} loop nests, the data read {times}, along {axis}"


def compare_times(model: Model, X: np.ndarray, labels: np.ndarray, rounds: int = 1500) -> None:
    """Time of a step, interleaved with NumPy's, from the same state; both end at one point."""
    state = [parameter.get_value() for parameter in model.parameters]
    ours, theirs = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        model.train(X, labels)
        middle = time.perf_counter()
        _, *state = model.by_hand(X, labels, *state)
        theirs.append(time.perf_counter() - middle)
        ours.append(middle - start)
    a, b = statistics.median(ours), statistics.median(theirs)
    reached = [parameter.get_value() for parameter in model.parameters]
    apart = max(np.max(np.abs(p - q)) for p, q in zip(reached, state, strict=True))
    print(
        f"time of a step: {a * 1e6:.0f} us; NumPy by hand: {b * 1e6:.0f} us, {b / a:.1f} times it"
    )
    print(f"largest difference between the two after {rounds} steps: {apart:.0e}")


def split(data, seed: int = 0) -> Halves:
    """Standardised halves of a data set: (X, y) to learn from, (X, y) to test."""
    order = np.random.default_rng(seed).permutation(len(data.target))
    X, y = data.data[order], data.target[order]
    half = len(y) // 2
    scale = X[:half].std(0)
    X = (X - X[:half].mean(0)) / np.where(scale > 0, scale, 1)
    return (X[:half], y[:half]), (X[half:], y[half:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latex", action="store_true", help="print formulas as LaTeX")
    write = cf.latex if parser.parse_args().latex else cf.pp

    halves = split(load_breast_cancer())
    (X, y), _ = halves
    model = logistic_regression(X.shape[1])
    demonstrate("Breast cancer: logistic regression", model, halves, y.astype(float), write)

    halves = split(load_digits())
    (X, y), _ = halves
    model = softmax_regression(X.shape[1], 10)
    demonstrate("Digits: softmax regression", model, halves, np.eye(10)[y], write)


if __name__ == "__main__":
    main()
