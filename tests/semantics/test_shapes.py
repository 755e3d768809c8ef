"""Semantics 5 and 6: shapes and identity."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from numpy.testing import assert_allclose, assert_array_equal
from tests.acceptance.targets import every_target

import closedform as cf


def test_5_1_two_names_never_unify():
    x, y = cf.vector("x", shape="n"), cf.vector("y", shape="m")
    with pytest.raises(cf.ShapeError, match="extent n.*extent m"):
        x + y


@every_target
def test_5_1_a_name_may_be_bound_to_a_number(options):
    x = cf.vector("x", shape="n")
    f = cf.function([x], x + np.arange(3.0), **options)
    assert_array_equal(f([1, 1, 1]), [1, 2, 3])
    with pytest.raises(cf.CallError, match="extent 2"):
        f([1, 1])


def test_5_1_a_failed_or_unrelated_expression_constrains_nobody():
    x, y, z = cf.vectors("x", "y", "z")
    unrelated = x + z
    with pytest.raises(cf.ShapeError):
        x + cf.matrix("M", shape=(2, 3)) @ cf.vector("u", shape=2)
    f = cf.function([x, y], x.sum() + y.sum())
    assert f([1.0, 2.0], [3.0]) == 6
    assert unrelated.ndim == 1


@every_target
def test_5_1_extents_of_shared_variables_may_change(options):
    w = cf.shared(np.ones(2), "w")
    f = cf.function([], w.sum(), **options)
    assert f() == 2
    w.set_value(np.ones(5))
    assert f() == 5


@every_target
def test_5_2_only_declared_axes_broadcast(options):
    x, r = cf.matrix("x"), cf.row("r")
    f = cf.function([x, r], x + r, **options)
    assert_array_equal(f(np.ones((2, 3)), np.ones((1, 3))), np.full((2, 3), 2.0))
    y = cf.matrix("y")
    g = cf.function([x, y], x + y, **options)
    with pytest.raises(cf.CallError, match="extent 1"):
        g(np.ones((2, 3)), np.ones((1, 3)))


@every_target
def test_5_3_zero_extents_follow_numpy(options):
    x = cf.matrix("x")
    f = cf.function([x], [x.sum(0), x.mean(), x.sum(), cf.exp(x)], **options)
    with np.errstate(all="ignore"):
        total, mean, whole, image = f(np.ones((0, 3)))
    assert_array_equal(total, np.zeros(3))
    assert np.isnan(mean)
    assert whole == 0
    assert image.shape == (0, 3)


KEYS = [slice(1, 100), slice(-100, 2), slice(-3, None), slice(None, None, -2), slice(5, 2)]


@every_target
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_5_4_slices_clamp(key, options):
    x = cf.vector("x")
    f = cf.function([x], x[key], **options)
    for n in (1, 3, 7):
        assert_array_equal(f(np.arange(float(n))), np.arange(float(n))[key])


@every_target
def test_5_5_plain_symbols_are_elementwise(options):
    a, b = sympy.symbols("a b")
    f = cf.function([a, b], sympy.exp(a) * b, **options)
    assert_allclose(f(0.5, 2), np.exp(0.5) * 2, rtol=1e-15)
    assert_allclose(f(np.ones((2, 1)), np.ones(3)), np.full((2, 3), np.e), rtol=1e-15)


@every_target
def test_6_1_one_name_two_variables(options):
    u, v = cf.shared(1.0, "w"), cf.shared(2.0, "w")
    f = cf.function([], u - v, updates={u: v}, **options)
    assert f() == -1
    assert (u.get_value(), v.get_value()) == (2, 2)
    a, b = cf.vectors(2)
    assert_array_equal(cf.function([a, b], a - b, **options)([3], [1]), [2.0])


def test_6_1_clashing_names_are_told_apart():
    a, b = cf.vector("w"), cf.vector("w")
    shown = cf.pp(a - b)
    left, _, right = shown.strip("()").partition(" - ")
    assert left != right


@every_target
def test_6_4_captured_arrays_are_copies(options):
    data = np.arange(4.0)
    x = cf.vector("x")
    f = cf.function([x], x + data, **options)
    data[:] = 99
    assert_array_equal(f(np.zeros(4)), np.arange(4.0))


def test_6_4_contents_of_captured_arrays_enter_neither_source_nor_key():
    def made(array):
        x = cf.vector("x")
        f = cf.function([x], x * array)
        f(np.ones(len(array)))
        return f.source, f.explain().rpartition("cache key ")[2]

    rng = np.random.default_rng(0)
    assert made(rng.normal(size=1000)) == made(rng.normal(size=1000))


def test_6_5_variables_renamed_give_one_text():
    def source(a, b):
        x, y = cf.vector(a), cf.vector(b)
        return cf.function([x, y], cf.exp(x - y) * x).source

    assert source("x", "y") == source("y", "x") == source("zeta", "E")


def test_6_5_different_slices_are_different_programs():
    def key(start):
        x = cf.vector("x")
        f = cf.function([x], x[start:])
        f(np.arange(7.0))
        return f.explain().rpartition("cache key ")[2]

    assert key(-3) != key(-5)


@every_target
@pytest.mark.parametrize("k", [7, -5])
def test_5_4_an_index_out_of_range_is_refused_at_the_call(k, options):
    x = cf.vector("x")
    f = cf.function([x], [x[k], cf.grad(x[k] ** 2, x)], **options)
    with pytest.raises(cf.ShapeError, match="test_shapes.py"):
        f(np.arange(3.0))
    found, slope = f(np.arange(9.0))
    assert found == np.arange(9.0)[k]
    assert_array_equal(slope, np.where(np.arange(9) == k % 9, 2 * found, 0))
