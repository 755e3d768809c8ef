"""Semantics 8: derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.acceptance.targets import every_target

import closedform as cf


@every_target
def test_8_1_shapes_and_dtypes(options):
    X, w = cf.matrix("X", dtype="float32"), cf.vector("w", dtype="float32")
    values = np.ones((3, 2), np.float32), np.ones(2, np.float32)
    out = X @ w
    made = [cf.grad(out.sum(), X), cf.jacobian(out, w), cf.jacobian(out, X)]
    made.append(cf.hessian((w**3).sum(), w))
    found = cf.function([X, w], made, on_unused_input="ignore", **options)(*values)
    assert [a.shape for a in found] == [(3, 2), (3, 2), (3, 3, 2), (2, 2)]
    assert {a.dtype.name for a in found} == {"float32"}


@every_target
def test_8_1_a_hessian_is_the_jacobian_of_the_gradient(options):
    w = cf.vector("w")
    cost = cf.exp(w).sum() * (w**2).sum()
    one, other = cf.hessian(cost, w), cf.jacobian(cf.grad(cost, w), w)
    a, b = cf.function([w], [one, other], **options)([0.1, -0.4, 0.7])
    assert_allclose(a, b, rtol=1e-14)


def slope(build, at, options):
    x = cf.vector("x")
    with np.errstate(all="ignore"):
        return cf.function([x], cf.grad(build(x).sum(), x), **options)(np.array(at, float))


KINKS = {
    "abs": (abs, [-2, 0, 3], [-1, 0, 1]),
    "relu": (cf.relu, [-2, 0, 3], [0, 0, 1]),
    "sqrt": (cf.sqrt, [0, 4], [np.inf, 0.25]),
    "sign": (lambda x: x * cf.sign(x), [-2, 0, 3], [-1, 0, 1]),
    "comparison": (lambda x: x * (x > 1), [0, 2], [0, 1]),
    "maximum": (lambda x: cf.maximum(x, 1), [0, 1, 2], [0, 0.5, 1]),
    "minimum": (lambda x: cf.minimum(x, 1), [0, 1, 2], [1, 0.5, 0]),
    "max": (lambda x: cf.max(x), [1, 3, 3, 2], [0, 0.5, 0.5, 0]),
    "min": (lambda x: cf.min(x), [1, 1, 1, 2], [1 / 3, 1 / 3, 1 / 3, 0]),
}


@pytest.mark.parametrize("name", KINKS)
@every_target
def test_8_2_kinks(name, options):
    build, at, want = KINKS[name]
    assert_allclose(slope(build, at, options), want, rtol=1e-15)


LEAKS = {
    "log": (lambda x: cf.where(x > 0, cf.log(x), 0.0), [-1, 0, 2], [0, 0, 0.5]),
    "sqrt": (lambda x: cf.where(x > 0, cf.sqrt(x), x), [-1, 0, 4], [1, 1, 0.25]),
    "quotient": (lambda x: cf.where(x > 0, 1 / x, x), [-1, 0, 2], [1, 1, -0.25]),
    "exp": (lambda x: cf.where(x < 100, cf.exp(x), x), [0, 1000], [1, 1]),
    "inner": (lambda x: cf.exp(cf.where(x > 0, cf.log(x), x)), [-800, 2], [0, 1]),
}


@pytest.mark.parametrize("name", LEAKS)
@every_target
def test_8_2_nothing_leaks_from_a_branch_not_taken(name, options):
    build, at, want = LEAKS[name]
    assert_allclose(slope(build, at, options), want, rtol=1e-14, atol=1e-300)


def test_8_3_a_primitive_without_a_row_raises(monkeypatch):
    from closedform.algebra import partials

    monkeypatch.delitem(partials.PARTIALS, "tanh")
    x = cf.vector("x")
    slope = cf.grad(cf.tanh(x * 1.2345).sum(), x)
    with pytest.raises((cf.DerivativeError, NotImplementedError), match="tanh"):
        cf.function([x], slope)([0.0])


def test_8_3_disconnected_inputs():
    x, y = cf.vectors("x", "y")
    with pytest.raises(cf.DisconnectedInputError, match="'y'"):
        cf.grad(x.sum(), y)
    with pytest.warns(UserWarning, match="'y'"):
        cf.grad(x.sum(), y, disconnected_inputs="warn")
    zero = cf.grad(x.sum(), y, disconnected_inputs="ignore")
    assert_array_equal(zero.eval({y: np.ones(3)}), np.zeros(3))


def test_8_4_integers_have_no_gradient():
    k, x = cf.vector("k", dtype="int64"), cf.vector("x")
    with pytest.raises(cf.DerivativeError, match="int64"):
        cf.grad((k * x).sum(), k)
    assert cf.grad((k * x).sum(), x).dtype == np.float64


inv = cf.linalg.inv
PROMISES = {
    "symmetric": lambda M, a, b: a @ M @ b,
    "psd": lambda M, a, b: a @ inv(M) @ b,
    "orthogonal": lambda M, a, b: a @ inv(M) @ b + (M @ M.T @ M).sum(),
    "diagonal": lambda M, a, b: a @ M @ (b * (M @ a)),
    "onehot": lambda M, a, b: M.sum() * (M @ a) @ b,
    "simplex": lambda M, a, b: (M.sum(axis=1) * a) @ b,
}


@pytest.mark.parametrize("promise", PROMISES)
@every_target
def test_3_5_a_promise_changes_no_derivative(promise, options):
    a, b = cf.vector("a", shape="n"), cf.vector("b", shape="n")
    promised = cf.matrix("M", shape=("n", "n"), assume=promise)
    free = cf.matrix("M", shape=("n", "n"))
    random = np.random.default_rng(0).normal(size=(3, 3))
    value = {
        "symmetric": random + random.T,
        "psd": random @ random.T + np.eye(3),
        "orthogonal": np.linalg.qr(random)[0],
        "diagonal": np.diag(random[0]),
        "onehot": np.eye(3)[[1, 0, 1]],
        "simplex": np.abs(random) / np.abs(random).sum(axis=1, keepdims=True),
    }[promise]
    found = []
    for M in (promised, free):
        slope = cf.grad(PROMISES[promise](M, a, b), M)
        tangent = cf.jvp(PROMISES[promise](M, a, b), M, cf.outer(a, b))
        f = cf.function([M, a, b], [slope, tangent], **options)
        found.append(f(value, [0.3, -1.0, 0.5], [1.0, 2.0, 0.7]))
    for one, other in zip(*found, strict=True):
        assert_allclose(one, other, rtol=1e-12, atol=1e-12)
