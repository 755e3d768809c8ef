"""Expressions that every target and oracle is tested on: name -> builder of (inputs, outputs).

Sizes are awkward on purpose: nothing is a multiple of a vector or a panel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from closedform.algebra import functions as F
from closedform.algebra import linalg
from closedform.algebra import products as P
from closedform.algebra.constructors import tensor
from closedform.algebra.gathering import argsort, inc_subtensor, set_subtensor, sort
from closedform.algebra.gradient import grad, hessian, jacobian
from closedform.algebra.joining import concatenate
from closedform.algebra.reductions import cumprod, cumsum
from closedform.algebra.tensor import Tensor

Case = tuple[dict[Tensor, np.ndarray], list[Tensor]]
CASES: dict[str, Callable[[], Case]] = {}


def case(build: Callable[[], Case]) -> Callable[[], Case]:
    CASES[build.__name__] = build
    return build


def drawn(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _matrices(n: int = 301, d: int = 7, dtype: str = "float64"):
    r = drawn()
    X, w = tensor("X", ("n", "d"), dtype), tensor("w", ("d",), dtype)
    return X, w, {X: r.normal(size=(n, d)).astype(dtype), w: r.normal(size=d).astype(dtype)}


@case
def arithmetic() -> Case:
    X, w, values = _matrices()
    return values, [
        X + w,
        X * w - X / (2 + w * w),
        -X,
        3 * X,
        X**2,
        X**3,
        abs(X) ** 0.5,
        (2 + w) ** X,
        X * 0.1,
        X**10,
    ]


@case
def functions_of_one() -> Case:
    X, _, values = _matrices()
    names = (
        "exp",
        "expm1",
        "sin",
        "cos",
        "tanh",
        "sinh",
        "cosh",
        "sigmoid",
        "softplus",
        "relu",
        "absolute",
        "sign",
    )
    return {X: values[X]}, [getattr(F, n)(X) for n in names] + [
        F.log(X * X),
        F.log1p(X * X),
        F.sqrt(X * X),
    ]


@case
def choices() -> Case:
    X, w, values = _matrices()
    return values, [
        F.maximum(X, w),
        F.minimum(X, 0),
        F.where(X > w, X, -w),
        X > 0,
        (X > 0) & (w < 0),
        ~(X >= w),
        F.eq(X, X),
        F.neq(X, w) | (X > 1),
        F.where(X > 0, F.log(F.where(X > 0, X, 1)), 0),
        (X > 0) * X,
    ]


@case
def broadcasting() -> Case:
    r = drawn()
    a, b, c = tensor("a", ("n", 1)), tensor("b", (1, "m")), tensor("c", ())
    return {a: r.normal(size=(33, 1)), b: r.normal(size=(1, 19)), c: r.normal(size=())}, [
        a * b + c,
        a + c,
        a.T + b.T,
        (a * b).sum(0),
        (a * b).mean(),
        a[:, 0],
        a.dimshuffle(0, "x", 1) * b,
    ]


@case
def sums() -> Case:
    X, w, values = _matrices()
    return values, [
        X.sum(),
        X.sum(0),
        X.sum(1),
        X.mean(0),
        X.mean(1, keepdims=True),
        (X * w).sum(1),
        (X - X.mean(0)).sum(1),
        X.sum(0) + w,
        F.exp(X).sum(1).sum(),
        ((X - X.mean(0)) ** 2).mean(0),
        (X / X.sum(1, keepdims=True)).sum(0),
    ]


@case
def extremes() -> Case:
    X, w, values = _matrices()
    return values, [
        X.max(),
        X.max(0),
        X.max(1),
        X.min(1),
        X.argmax(1),
        X.argmax(0),
        X.argmin(1),
        X.argmax(),
        (X * w).max(1).sum(),
        X - X.max(0),
    ]


@case
def products() -> Case:
    r = drawn()
    A, B, v, u = (
        tensor("A", ("n", "k")),
        tensor("B", ("k", "m")),
        tensor("v", ("k",)),
        tensor("u", ("n",)),
    )
    S, T = tensor("S", ("b", "n", "k")), tensor("T", (1, "k", "m"))
    values = {
        A: r.normal(size=(37, 11)),
        B: r.normal(size=(11, 5)),
        v: r.normal(size=11),
        u: r.normal(size=37),
        S: r.normal(size=(3, 37, 11)),
        T: r.normal(size=(1, 11, 5)),
    }
    return values, [
        A @ B,
        A @ v,
        u @ A,
        v @ v,
        A.T @ u,
        P.outer(u, v),
        A @ B @ B.T,
        S @ B,
        S @ T,
        S @ v,
        P.einsum("ij,ij->i", A, A),
        P.einsum("ij,jk->ki", A, B),
        P.dot(u, A @ v),
        (A @ B).sum(0),
        F.tanh(A @ B) @ B.T,
    ]


@case
def squares() -> Case:
    r = drawn()
    M, v = tensor("M", ("d", "d")), tensor("v", ("d",))
    return {M: r.normal(size=(9, 9)), v: r.normal(size=9)}, [
        M + M.T,
        M @ M,
        (M @ M).trace(),
        P.einsum("ii->i", M),
        v @ M @ v,
        M.sum(0) * v,
        P.outer(v, v) + M,
    ]


@case
def slices() -> Case:
    X, w, values = _matrices(n=23)
    return values, [
        X[1:],
        X[:-2],
        X[::2],
        X[::-1],
        X[3:1000:4, ::-2],
        X[5],
        X[-1],
        X[:, 2],
        X[2:5].sum(0),
        X[None, :, 1],
        X[1:] - X[:-1],
        F.exp(X)[2:4],
        (X @ w)[1:].sum(),
        X[-5:-2, ..., 1:],
    ]


@case
def reshapes() -> Case:
    X, w, values = _matrices(n=24)
    return values, [
        X.flatten(),
        (X * 2).flatten(),
        X.T.flatten(),
        X.reshape(X.shape),
        w.reshape(-1, 1) * w,
        (X @ w).reshape((-1, 1)) + 1,
        X.sum(0).reshape(1, -1),
    ]


@case
def views_of_views() -> Case:
    r = drawn()
    X, Y = tensor("X", (1, "d")), tensor("Y", ("d", "k"))
    y = F.sin(X.T.flatten())
    return {X: r.normal(size=(1, 5)), Y: r.normal(size=(5, 3))}, [
        X * 2,
        y,
        grad(y.sum(), X),
        F.exp(Y[-3:, -3:]).sum(1),
        grad(F.sin(Y[:, -3:]).sum(), Y)[::2],
        (Y.flatten() * 2).reshape((-1, 3)).sum(0),
    ]


@case
def logsums() -> Case:
    X, w, values = _matrices()
    x = values[X] * 300
    x[0], x[1, 0], x[2] = -np.inf, np.inf, 700
    return {X: x, w: values[w]}, [
        F.logsumexp(X, 1),
        F.logsumexp(X, 0),
        F.logsumexp(X),
        F.softmax(X, 1)[1:],
        F.log_softmax(X, 1)[1:],
    ]


@case
def sections() -> Case:
    X, w, values = _matrices()
    centred = X - X.mean(0)
    scaled = centred / F.sqrt((centred**2).mean(0))
    return values, [
        scaled,
        (scaled @ w).max() - (scaled @ w),
        F.softmax(X @ w, 0),
        X @ w - (X @ w).mean(),
    ]


@case
def integers() -> Case:
    r = drawn()
    i, j, f, t = (
        tensor("i", ("n",), "int32"),
        tensor("j", ("n",), "int64"),
        tensor("f", ("n",), "float32"),
        tensor("t", ("n",), "bool"),
    )
    values = {
        i: r.integers(-9, 9, 50).astype("int32"),
        j: r.integers(-9, 9, 50),
        f: r.normal(size=50).astype("float32"),
        t: r.random(50) > 0.5,
    }
    return values, [
        i + j,
        i * 2,
        i - 7,
        i**3,
        i / 2,
        i * f,
        f + 1,
        f * 0.1,
        f / 3,
        i.sum(),
        i.mean(),
        i.max(),
        i.argmax(),
        abs(i),
        F.exp(i),
        t * f,
        t.sum(),
        t & (i > 0),
        F.where(t, i, j),
        i.astype("float64"),
        f.astype("int64"),
        f.astype("bool"),
        F.maximum(i, j),
        i > f,
        t + t,
    ]


@case
def single_precision() -> Case:
    X, w, values = _matrices(dtype="float32")
    return values, [
        X @ w,
        F.sigmoid(X @ w),
        (X * w).sum(),
        X.mean(0),
        F.logsumexp(X, 1),
        F.exp(X) / 3,
        X.sum(0) / X.shape[0],
        X * 0.3,
    ]


@case
def wide_columns() -> Case:
    r = drawn()
    X, W, b = tensor("X", ("d", "n")), tensor("W", ("h", "d")), tensor("b", ("h", 1))
    values = {X: r.normal(size=(6, 211)), W: r.normal(size=(4, 6)), b: r.normal(size=(4, 1))}
    return values, [
        F.sigmoid(W @ X + b),
        (W @ X + b).sum(0),
        *grad((F.tanh(W @ X + b) ** 2).sum(), [W, b]),
    ]


@case
def no_arrays() -> Case:
    a, b = tensor("a"), tensor("b")
    return {a: np.array(0.7), b: np.array(-1.3)}, [
        a + b,
        a * b / (a - b),
        F.exp(a) * 2,
        F.where(a > b, a, b),
        F.zeros_like(a),
        a > b,
    ]


def _regression(n: int = 301, d: int = 7):
    r = drawn()
    X, y, w, b = tensor("X", ("n", "d")), tensor("y", ("n",)), tensor("w", ("d",)), tensor("b")
    values = {
        X: r.normal(size=(n, d)),
        y: (r.random(n) > 0.5) * 1.0,
        w: r.normal(size=d),
        b: np.array(0.3),
    }
    return X, y, w, b, values


@case
def logistic() -> Case:
    X, y, w, b, values = _regression()
    p = 1 / (1 + F.exp(-(X @ w) - b))
    cost = (-y * F.log(p) - (1 - y) * F.log(1 - p)).mean() + 0.01 * (w**2).sum()
    return values, [p > 0.5, cost, *grad(cost, [w, b]), w - 0.1 * grad(cost, w)]


@case
def softmax_regression() -> Case:
    r = drawn()
    X, W, B, T = (
        tensor("X", ("n", "d")),
        tensor("W", ("d", "k")),
        tensor("B", ("k",)),
        tensor("T", ("n", "k")),
    )
    values = {
        X: r.normal(size=(203, 6)),
        W: r.normal(size=(6, 5)),
        B: r.normal(size=5),
        T: np.eye(5)[r.integers(0, 5, 203)],
    }
    z = F.exp(X @ W + B)
    cost = -(T * F.log(z / z.sum(1, keepdims=True))).sum(1).mean()
    return values, [cost, *grad(cost, [W, B]), F.softmax(X @ W + B).argmax(1)]


@case
def losses() -> Case:
    X, y, w, b, values = _regression()
    t = X @ w + b
    poisson = (F.exp(t) - y * t).mean()
    hinge = F.relu(1 - (2 * y - 1) * t).sum()
    huber = F.where(abs(t - y) < 1, (t - y) ** 2 / 2, abs(t - y) - 0.5).mean()
    return values, [c for cost in (poisson, hinge, huber) for c in (cost, *grad(cost, [w, b]))]


@case
def second_derivatives() -> Case:
    X, y, w, b, values = _regression(d=4)
    t = X @ w
    cost = (F.softplus(t) - y * t).mean() + 0.01 * (w**2).sum()
    del values[b]
    return values, [hessian(cost, w), jacobian(F.sin(t), w), jacobian(w**2, w)]


@case
def gradients_of_layouts() -> Case:
    X, w, values = _matrices(n=23)
    cost = (
        (F.exp(X[1:-1:2, ::-1]) ** 2).sum()
        + (X[::-1] * X).sum()
        + (X.flatten() ** 2).sum()
        + X[3, 2] * X[-1].sum()
        + X.max(1).sum()
    )
    return {X: values[X]}, [cost, grad(cost, X), grad(F.logsumexp(X, 0).sum() + X.min(), X)]


@case
def mixture() -> Case:
    r = drawn()
    X, mu, ls, a = (
        tensor("X", ("n", "d")),
        tensor("mu", ("k", "d")),
        tensor("ls", ("k", "d")),
        tensor("a", ("k",)),
    )
    values = {
        X: r.normal(size=(103, 4)),
        mu: r.normal(size=(3, 4)),
        ls: r.normal(size=(3, 4)) * 0.1,
        a: r.normal(size=3),
    }
    q = ((X[:, None, :] - mu[None, :, :]) ** 2 * F.exp(-2 * ls)[None, :, :]).sum(2)
    cost = -F.logsumexp(a - F.logsumexp(a) - ls.sum(1) - q / 2, 1).mean()
    return values, [cost, *grad(cost, [mu, ls, a])]


@case
def residual_net() -> Case:
    r = drawn()
    X = tensor("X", ("n", "d"))
    values, h, weights = {X: r.normal(size=(55, 5))}, X, []
    for k in range(6):
        W = tensor(f"W{k}", ("d", "d"))
        values[W] = r.normal(size=(5, 5)) / 3
        weights.append(W)
        h = h + F.tanh(h @ W)
    cost = (h**2).mean()
    return values, [cost, *grad(cost, weights)]


@case
def indexing_with_arrays() -> Case:
    X, w, values = _matrices(53)
    p = tensor("p", ("k",), "int64")
    values[p] = drawn(1).integers(-7, 7, 19)
    return values, [
        X[p],
        X[:, p] * 2 + w[p],
        F.exp(X - X.mean(0))[p, p],
        set_subtensor(X[p], 1.5),
        inc_subtensor(X[:, p], 1.0),
        *grad((X[:, p] ** 2).sum() + (w[p] ** 3).sum(), [X, w]),
    ]


@case
def along_an_axis() -> Case:
    X, w, values = _matrices(37)
    return values, [
        cumsum(X, 0),
        cumprod(X, 1),
        argsort(X, 0),
        sort(X, 1),
        concatenate([X, 2 * X], 1),
        X.prod(0),
        *grad((cumsum(X, 1) ** 2).sum() + (cumprod(w) ** 2).sum(), [X, w]),
    ]


@case
def infinite_sums() -> Case:
    X, w, values = _matrices(41, dtype="float32")
    values[X][7, 2], values[X][[3, 30], 4] = np.inf, 3e38
    return values, [X.sum(0), X.sum(1), (X * w).sum(0), (X + 1).mean(1), X.max(0)]


@case
def matrices() -> Case:
    a = drawn().normal(size=(3, 5, 5))
    B, P = tensor("B", (3, 5, 4), "float64"), tensor("P", (3, 5, 5), "float64")
    u, s, vh = linalg.svd(B, False)
    w, v = linalg.eigh(P)
    return {B: a[..., 1:], P: a @ np.swapaxes(a, 1, 2) + np.eye(5)}, [
        linalg.solve(P, B),
        linalg.inv(P),
        linalg.slogdet(P)[1],
        linalg.cholesky(P),
        w,
        abs(v),  # their signs are nobody's promise
        s,
        abs(u),
        abs(vh),
        *linalg.qr(B),
        linalg.pinv(B),
        linalg.matrix_power(P, 3),
        linalg.expm(P / 9),
    ]
