"""Products that equal their transposes: half is computed, and nobody can tell."""

from __future__ import annotations

import numpy as np
import pytest

import closedform as cf

RANDOM = np.random.default_rng(29)


def symmetric_calls(f: cf.Function) -> list[bool]:
    """Which calls of the matrix library compute half."""
    calls = [line for line in f.source.splitlines() if "if (!cf_gemm_" in line]
    return [line.split("(", 2)[2].split(", ")[1] == "1" for line in calls]


@pytest.mark.parametrize("d", [1, 17, 127, 128, 129, 300])
@pytest.mark.parametrize("n", [0, 1, 40, 1100])
def test_weighted_gram_matrix(n, d):
    X, w = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape=("n",))
    f = cf.function([X, w], X.T @ (X * w[:, None]))
    a, b = RANDOM.normal(size=(n, d)), RANDOM.normal(size=n)
    found = f(a, b)
    np.testing.assert_allclose(found, (a.T * b) @ a, rtol=0, atol=1e-13 * max(n, 1))
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("deterministic", [False, True])
def test_float32_totals_are_wide(deterministic):
    X = cf.tensor("X", ("n", "d"), "float32")
    f = cf.function([X], X.T @ X, deterministic=deterministic)
    a = RANDOM.normal(size=(5000, 150)).astype("float32")
    exact = a.astype("float64").T @ a.astype("float64")
    np.testing.assert_allclose(f(a), exact, rtol=0, atol=3e-7 * exact.max())


def test_half_of_a_hessian_is_computed():
    X, y = cf.matrix("X", shape=("n", "d")), cf.vector("y", shape=("n",))
    w = cf.vector("w", shape=("d",))
    cost = cf.log(1 + cf.exp(X @ w)).sum() - (y * (X @ w)).sum()
    f = cf.function([X, y, w], cf.hessian(cost, w))
    a, t, v = RANDOM.normal(size=(700, 130)), RANDOM.normal(size=700), RANDOM.normal(size=130) / 9
    p = 1 / (1 + np.exp(-a @ v))
    np.testing.assert_allclose(f(a, t, v), (a.T * (p * (1 - p))) @ a, rtol=0, atol=1e-11)
    assert symmetric_calls(f) == [True]


def test_a_product_of_two_matrices_is_whole():
    A, B = cf.matrix("A", shape=("n", "d")), cf.matrix("B", shape=("n", "d"))
    f = cf.function([A, B], A.T @ B)
    a, b = RANDOM.normal(size=(2, 700, 130))
    np.testing.assert_allclose(f(a, b), a.T @ b, rtol=0, atol=1e-11)
    assert symmetric_calls(f) == [False]
