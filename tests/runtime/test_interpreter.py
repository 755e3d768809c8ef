"""The NumPy target against NumPy itself, SciPy's special functions and mpmath."""

from __future__ import annotations

import warnings

import mpmath
import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

import closedform as cf
from closedform.algebra.scalar import PRIMITIVES
from closedform.algebra.tensor import apply
from closedform.runtime.meaning import NUMPY


def evaluate(inputs, outputs, *values):
    return cf.function(inputs, outputs, mode="FAST_COMPILE")(*values)


def test_every_primitive_has_a_meaning():
    assert set(NUMPY) == set(PRIMITIVES)


UNARY = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sin": np.sin,
    "cos": np.cos, "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh, "sqrt": np.sqrt,
    "square": np.square, "absolute": np.abs, "sign": np.sign, "sigmoid": scipy.special.expit,
    "relu": lambda x: np.maximum(x, 0), "softplus": lambda x: np.logaddexp(0, x),
}  # fmt: skip
POINTS = np.array(
    [-np.inf, -800, -40, -1.5, -1e-9, -0.0, 0.0, 1e-9, 0.3, 2, 40, 800, np.inf, np.nan]
)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", UNARY)
def test_functions_mean_what_numpy_means(name, dtype):
    x = cf.vector("x", dtype=dtype)
    points = POINTS.astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = evaluate([x], getattr(cf, name)(x), points)
    with np.errstate(all="ignore"):
        want = UNARY[name](points)
    assert result.dtype == want.dtype == np.dtype(dtype)
    assert_allclose(result, want, rtol=4 * np.finfo(dtype).eps, atol=0)


def test_4_log1mexp_keeps_its_digits():
    x = cf.vector("x")
    points = np.array([1e-300, 1e-17, 1e-3, 0.5, np.log(2), 1.0, 30.0, 700.0])
    from closedform.algebra import scalar

    result = evaluate([x], apply(scalar.log1mexp, x, floats=True), points)
    with mpmath.workdps(400):
        want = [float(mpmath.log(-mpmath.expm1(-mpmath.mpf(float(p))))) for p in points]
    assert_allclose(result, want, rtol=4e-16)


def test_division_is_a_division():
    """Not a product with a reciprocal."""
    x, y = cf.vectors("x", "y", shape="n")
    a, b = np.random.default_rng(0).normal(size=(2, 10000))
    assert_array_equal(evaluate([x, y], x / y, a, b), a / b)
    assert_array_equal(evaluate([x, y], x - y, a, b), a - b)
    assert_array_equal(evaluate([x], x**2, a), a**2)
    assert_array_equal(evaluate([x], 1 / x, a), 1 / a)
    assert_array_equal(evaluate([x], -x, a), -a)


@pytest.mark.parametrize("left", ["bool", "int8", "uint8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("right", ["int8", "uint16", "int64", "float32", "float64"])
@pytest.mark.parametrize("op", ["__add__", "__mul__", "__truediv__", "__lt__"])
def test_4_1_dtypes_follow_numpy(op, left, right):
    a = np.array([0, 1, 1, 0]).astype(left)
    b = np.array([1, 2, 100, 127]).astype(right)
    x, y = cf.vector("x", dtype=left, shape="n"), cf.vector("y", dtype=right, shape="n")
    result = evaluate([x, y], getattr(x, op)(y), a, b)
    want = getattr(a, op)(b)
    if want.dtype == np.float16:
        want = getattr(a.astype("float32"), op)(b.astype("float32"))
    assert result.dtype == want.dtype
    assert_array_equal(result, want)


def test_2_4_integers_wrap():
    x = cf.vector("x", dtype="int8")
    values = np.array([127, -128, 100], "int8")
    assert_array_equal(evaluate([x], x + 1, values), values + np.int8(1))
    assert_array_equal(evaluate([x], -x, values), -values)
    y = cf.vector("y", dtype="uint8")
    u = np.array([0, 1, 255], "uint8")
    assert_array_equal(evaluate([y], y - 1, u), u - np.uint8(1))
    assert_array_equal(evaluate([y], y.sum(), u), u.sum())


def test_broadcasting_and_transposes():
    X, r, c = cf.matrix("X"), cf.row("r"), cf.col("c")
    rng = np.random.default_rng(1)
    a, b, d = rng.normal(size=(3, 4)), rng.normal(size=(1, 4)), rng.normal(size=(3, 1))
    found = evaluate([X, r, c], [X * r + c, (X + c).T, X.dimshuffle(1, "x", 0), r + c], a, b, d)
    for value, want in zip(found, [a * b + d, (a + d).T, a.T[:, None, :], b + d], strict=True):
        assert_array_equal(value, want)
        assert value.flags.carray


def test_contractions():
    A, B, v = cf.matrix("A", shape=("n", "n")), cf.matrix("B"), cf.vector("v")
    rng = np.random.default_rng(2)
    a, b, w = rng.normal(size=(4, 4)), rng.normal(size=(4, 3)), rng.normal(size=3)
    outputs = [A @ B, B @ v, v @ v, cf.outer(v, v), cf.trace(A), cf.einsum("ii->i", A),
               cf.einsum("ij,jk,k->i", A, B, v), A.sum(0), A.sum(), B.mean(1)]  # fmt: skip
    want = [a @ b, b @ w, w @ w, np.outer(w, w), np.trace(a), np.diag(a),
            a @ b @ w, a.sum(0), a.sum(), b.mean(1)]  # fmt: skip
    for value, expected in zip(evaluate([A, B, v], outputs, a, b, w), want, strict=True):
        assert_allclose(value, expected, rtol=1e-13, atol=1e-14)


def test_reductions_follow_numpy_for_nan_and_ties():
    X = cf.matrix("X")
    a = np.array([[1.0, 3, 3], [np.nan, 5, np.nan], [-np.inf, -np.inf, -np.inf]])
    outputs = [
        X.max(1),
        X.min(1),
        X.argmax(1),
        X.argmin(0),
        X.argmax(),
        X.max(),
        X.max((0, 1), True),
    ]
    want = [
        a.max(1),
        a.min(1),
        a.argmax(1),
        a.argmin(0),
        a.argmax(),
        a.max(),
        a.max((0, 1), keepdims=True),
    ]
    for value, expected in zip(evaluate([X], outputs, a), want, strict=True):
        assert_array_equal(value, expected)
        assert value.dtype == expected.dtype


def test_logsumexp_at_the_edges():
    X = cf.matrix("X")
    a = np.array([[-np.inf] * 2, [np.inf, 0], [np.nan, 1], [1000, 1000], [-1000, -1001]])
    want = [-np.inf, np.inf, np.nan, 1000 + np.log(2), -1000 + np.log1p(np.exp(-1))]
    assert_allclose(evaluate([X], cf.logsumexp(X, axis=1), a), want, rtol=1e-15)
    assert_allclose(evaluate([X], cf.softmax(X), a[3:]).sum(1), [1, 1], rtol=1e-12)


@pytest.mark.parametrize("key", [
    np.s_[1:], np.s_[:-1], np.s_[::2], np.s_[::-1], np.s_[-3:], np.s_[2:100], np.s_[5:2], np.s_[-1],
    np.s_[0], np.s_[-2::-2], np.s_[100:], np.s_[:, 1], np.s_[..., None, 0], np.s_[1:3, ::-1],
    np.s_[None, 2], np.s_[3:0:-1],
])  # fmt: skip
@pytest.mark.parametrize("declared", [(None, None), (5, 3)])
def test_5_4_slices_clamp_as_numpy_does(key, declared):
    X = cf.matrix("X", shape=declared)
    a = np.arange(15.0).reshape(5, 3)
    assert_array_equal(evaluate([X], X[key], a), a[key])


def test_gradient_of_a_slice_and_a_reshape():
    x = cf.vector("x", shape=6)
    cost = (x[1::2] ** 2).sum() + (x.reshape(2, 3)[1] ** 3).sum()
    v = np.arange(6.0)
    want = np.where(np.arange(6) % 2 == 1, 2 * v, 0) + np.where(np.arange(6) >= 3, 3 * v**2, 0)
    assert_allclose(evaluate([x], cf.grad(cost, x), v), want)


def test_5_3_zero_extents():
    x, X = cf.vector("x"), cf.matrix("X", shape=("n", "d"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        total, mean, twice = evaluate([x], [x.sum(), x.mean(), 2 * x], np.zeros(0))
        product = evaluate([X], X.T @ X, np.zeros((0, 3)))
    assert (total, twice.shape) == (0, (0,))
    assert np.isnan(mean)
    assert_array_equal(product, np.zeros((3, 3)))
    with pytest.raises(cf.ShapeError, match="identity"):
        evaluate([x], x.max(), np.zeros(0))


def test_where_leaks_nothing_and_takes_conditions():
    x = cf.vector("x")
    values = np.array([-1.0, 0.0, 4.0])
    root = cf.where(x > 0, cf.sqrt(x), 0).sum()
    value, slope = evaluate([x], [cf.where(x > 0, cf.log(x), x), cf.grad(root, x)], values)
    assert_array_equal(value, [-1, 0, np.log(4.0)])
    assert_array_equal(slope, [0, 0, 0.25])
    assert_array_equal(evaluate([x], (x > 0) * x, values), [-0.0, 0, 4])
    assert_array_equal(evaluate([x], ~((x > 0) & (x < 2)), values), [True, True, True])


def test_any_depth():
    x = cf.scalar("x")
    y = x
    for _ in range(20000):
        y = y + 1
    assert evaluate([x], y, 0.0) == 20000


def test_intermediates_are_dropped():
    import tracemalloc

    x = cf.vector("x")
    y = x
    for _ in range(50):
        y = cf.sin(y)
    f = cf.function([x], y, mode="FAST_COMPILE")
    values = np.zeros(1_000_000)
    f(values[:2])
    tracemalloc.start()
    f(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * values.nbytes


def test_results_alias_nothing():
    x = cf.vector("x")
    s = cf.shared(np.arange(3.0), "s")
    c = np.arange(3.0)
    f = cf.function(
        [x], [x, x, s, cf.as_tensor(c), x.dimshuffle(0, "x")[:, 0]], mode="FAST_COMPILE"
    )
    values = np.arange(3.0)
    found = f(values)
    for a in found:
        a += 1
    assert_array_equal(values, np.arange(3.0))
    assert_array_equal(s.get_value(), np.arange(3.0))
    for a in f(values):
        assert_array_equal(a, np.arange(3.0))
