"""Values that carry the extent of the fold twice: kernel matrices, distances, products X X'."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from tests import running

import closedform as cf
from closedform.algebra import functions as F
from closedform.runtime import native

X = cf.matrix("X", shape=("n", "k"))
U, Y = cf.vector("u", shape=("n",)), cf.vector("y", shape=("n",))
Q = cf.matrix("Q", shape=("n", "n"))
SHAPES = {X: ("n", "k"), U: ("n",), Y: ("n",), Q: ("n", "n")}

DISTANCES = ((X[:, None, :] - X[None, :, :]) ** 2).sum(2)
SQUARES = (X * X).sum(1)
EXPANDED = SQUARES[:, None] + SQUARES[None, :] - 2 * (X @ X.T)
KERNEL = F.exp(-DISTANCES)
RESIDUAL = KERNEL @ U - Y
LOSS = (RESIDUAL**2).sum() + 0.1 * (U @ KERNEL @ U)
MEANS = KERNEL.mean(0), KERNEL.mean(1)[:, None], KERNEL.mean()
TANH = F.tanh(X)

# outputs whose intermediates are panels, and those that need a whole matrix
PANELS = {
    "kernel matrix": [KERNEL],
    "distances": [DISTANCES],
    "distances by a product": [F.exp(-EXPANDED) @ U],
    "kernel times vector": [KERNEL @ U],
    "vector times kernel": [U @ KERNEL],
    "quadratic form": [U @ KERNEL @ U],
    "transposed": [KERNEL.T @ U, (KERNEL + 2 * KERNEL.T) @ U, KERNEL + 2 * KERNEL.T],
    "products": [X @ X.T, F.tanh(X @ X.T).sum(), F.tanh(X @ X.T).sum(0)],
    "gradient of products": [cf.grad(F.tanh(X @ X.T).sum(), X)],
    "products of a function": [(TANH @ TANH.T) @ U, TANH @ TANH.T],
    "ridge loss and gradient": [LOSS, cf.grad(LOSS, U)],
    "gradient by the points": [cf.grad(LOSS, X)],
    "softmax of rows": [F.softmax(-DISTANCES, 1) @ U],
    "softmax of columns": [F.softmax(-DISTANCES, 0) @ U],
    "logsumexp": [F.logsumexp(-DISTANCES, axis) for axis in (0, 1, (0, 1))],
    "nearest": [(DISTANCES + 1).min(1), DISTANCES.max(1)],
    "triples": [((X[:, None, :] * X[None, :, :])[..., None, :] * X[None, None]).sum()],
    "a given matrix": [Q @ U, U @ Q, Q.T, Q + Q.T, (Q * Q.T).sum(), F.tanh(Q).sum(0), Q.max(0)],
}
WHOLE = {
    "slices of a given matrix": [Q[1:, :].sum(0), Q[:, ::-1] @ U, Q[0], Q[:, 3], Q[1:, 1:].sum()],
    "squared kernel": [KERNEL @ KERNEL],
    "kernel twice": [KERNEL @ (KERNEL @ U)],
    "centred kernel": [KERNEL - MEANS[0] - MEANS[1] + MEANS[2]],
    "normal matrix": [KERNEL.T @ KERNEL @ U],
    "extremes": [DISTANCES.argmin(1), DISTANCES.argmax(0), DISTANCES.max(1), DISTANCES.min(0)],
    "gradient of extremes": [
        cf.grad(DISTANCES.max(1).sum(), X),
        cf.grad(DISTANCES.max(0).sum(), X),
    ],
    "slices": [KERNEL[1:].sum(0), KERNEL[:, ::-1] @ U, KERNEL[0], KERNEL.flatten().sum()],
    "gradient of a given matrix": [cf.grad(F.tanh(Q @ Q).sum(), Q)],
    "extremes of a given matrix": [Q.argmax(0), Q.argmin(1), Q @ Q],
}
EVERY = PANELS | WHOLE


@pytest.fixture
def threads():
    before = native.num_threads()
    yield native.set_num_threads
    native.set_num_threads(before)


def arrays_of(n: int, k: int = 3) -> dict[cf.Tensor, np.ndarray]:
    rng = np.random.default_rng(n)
    sizes = {"n": n, "k": k}
    return {x: rng.normal(size=[sizes[d] for d in shape]) for x, shape in SHAPES.items()}


def program(outputs: list[cf.Tensor], baked: int | None = None):
    arrays = {t.node: a for t, a in arrays_of(40).items()}
    fixed = ((X.node.dims[1], baked),) if baked else ()
    return running.program(running.simplified(outputs), arrays, fixed)


def matrices(text) -> list[str]:
    """Workspace arrays with the extent of the examples twice."""
    n = text.arguments[0].dims[0]
    rows = re.findall(r"\{ (CF_SHARED|CF_ACCUMULATOR), \d, 2, \{ (\d+), (\d+) \} \}", text.source)
    return [scope for scope, *dims in rows if dims == [str(n)] * 2]


def agree(got: list[np.ndarray], want: list[np.ndarray]) -> None:
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-10, atol=1e-12 * np.max(np.abs(w), initial=1e-300))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("n", [5, 16, 70])
def test_the_graph_as_written_agrees(name, n):
    arrays = {t.node: a for t, a in arrays_of(n).items()}
    written = running.as_written(EVERY[name])
    want = running.interpreted(written, arrays)
    agree(running.compiled(written, arrays), want)
    agree(running.compiled(running.simplified(EVERY[name]), arrays), want)


@pytest.mark.parametrize("name", PANELS)
def test_intermediates_are_panels(name):
    text = program(PANELS[name])
    assert text.plan[0].startswith("fold axis: n")
    assert matrices(text) == []


@pytest.mark.parametrize("name", ["kernel twice", "centred kernel"])
def test_short_sums_are_computed_again_rather_than_kept(name):
    assert matrices(program(WHOLE[name])) != []
    assert matrices(program(WHOLE[name], baked=3)) == []
    arrays = {t.node: a for t, a in arrays_of(50).items()}
    want = running.interpreted(running.as_written(WHOLE[name]), arrays)
    baked = ((X.node.dims[1], 3),)
    agree(running.compiled(running.simplified(WHOLE[name]), arrays, baked), want)


def test_what_an_extreme_is_taken_of_is_never_computed_again():
    for name in ("extremes", "gradient of extremes"):
        assert "CF_SHARED" in matrices(program(WHOLE[name], baked=3))


def test_against_scipy():
    arrays = arrays_of(500)
    x, u = arrays[X], arrays[U]
    squared = cdist(x, x, "sqeuclidean")
    f = cf.function([X, U], [KERNEL @ U, F.logsumexp(-DISTANCES, 1), KERNEL.sum()], target="c")
    want = [np.exp(-squared) @ u, logsumexp(-squared, 1), np.exp(-squared).sum()]
    agree(f(x, u), want)


@pytest.mark.parametrize("name", ["ridge loss and gradient", "gradient by the points", "products"])
def test_9_4_rows_are_shared_by_threads(name, threads):
    arrays = {t: a for t, a in arrays_of(700).items() if t is not Q}
    options = {"on_unused_input": "ignore"}
    written = cf.function(list(arrays), PANELS[name], mode="FAST_COMPILE", **options)
    want = written(*arrays.values())
    free = cf.function(list(arrays), PANELS[name], target="c", **options)
    fixed = cf.function(list(arrays), PANELS[name], target="c", deterministic=True, **options)
    bits = set()
    for count in (1, 2, 5):
        threads(count)
        agree(free(*arrays.values()), want)
        bits.add(b"".join(r.tobytes() for r in fixed(*arrays.values())))
    assert len(bits) == 1


def test_rows_of_a_matrix_of_results_are_several_panels(threads):
    threads(2)
    f = cf.function([X], DISTANCES, target="c")
    x = arrays_of(900)[X]
    agree([f(x)], [cdist(x, x, "sqeuclidean")])
    parts = re.search(r"panel +16 rows of n.* (\d+) parts on 2 threads", f.explain(x))
    assert parts is not None and int(parts.group(1)) > 1


def test_deep_matrices_lower_without_recursion():
    h = KERNEL
    for _ in range(400):
        h = F.sin(h) + KERNEL
    arrays = {t.node: a for t, a in arrays_of(6).items()}
    (want,) = running.interpreted(running.as_written([h.T @ U]), arrays)
    (got,) = running.compiled(running.as_written([h.T @ U]), arrays)
    agree([got], [want])


@pytest.mark.parametrize("order", ["C", "F"])
def test_layouts_of_a_given_matrix(order):
    arrays = {t.node: a for t, a in arrays_of(60).items()}
    arrays[Q.node] = np.asarray(arrays[Q.node], order=order)
    outputs = PANELS["a given matrix"]
    want = running.interpreted(running.as_written(outputs), arrays)
    agree(running.compiled(running.simplified(outputs), arrays), want)


def test_float32_kernels():
    x, u = cf.tensor("x", ("n", "k"), "float32"), cf.tensor("u", ("n",), "float32")
    kernel = F.exp(-((x[:, None, :] - x[None, :, :]) ** 2).sum(2))
    arrays = [a.astype(np.float32) for a in (arrays_of(300)[X], arrays_of(300)[U])]
    got = cf.function([x, u], kernel @ u, target="c")(*arrays)
    want = np.exp(-cdist(arrays[0], arrays[0], "sqeuclidean")) @ arrays[1]
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sum_over_rows_is_a_factor_of_products(dtype):
    """float32 sums over rows are kept in double, which a library routine cannot read."""
    x, y = (cf.matrix(name, dtype, shape=("n", "m")) for name in "xy")
    rng = np.random.default_rng(3)
    a, b = (rng.normal(size=(40, 25)).astype(dtype) for _ in range(2))
    outputs = [x @ (x.T @ y), (x.T @ y) @ (y.T @ x), (x.T @ y) @ x.sum(0)]
    wants = [a @ (a.T @ b), (a.T @ b) @ (b.T @ a), (a.T @ b) @ a.sum(0)]
    bound = 1e3 * np.finfo(dtype).eps
    for found, want in zip(cf.function([x, y], outputs)(a, b), wants, strict=True):
        np.testing.assert_allclose(found, want, rtol=0, atol=bound * np.abs(want).max())
