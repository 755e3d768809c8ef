"""Extents of axes: what users may write, and which extents are equal (semantics 5.1)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy

import closedform as cf
from closedform.algebra.dims import Dim, Equalities, FreshDim, extent, show_shape, unify

N, M = Dim("n"), Dim("m")
CUT = FreshDim(("length", N, 1, None, 1))


@pytest.mark.parametrize("written", [3, np.int64(3), 3.0, sympy.Integer(3)])
def test_an_extent_may_be_written_as_any_whole_number(written):
    assert extent(written) == 3
    assert type(extent(written)) is int


def test_equal_names_are_equal_extents():
    assert extent("n") == extent(sympy.Symbol("n"))
    assert extent("n") == N != extent("m")
    assert extent(None) != extent(None)


@pytest.mark.parametrize(
    "written",
    [-1, 1.5, float("nan"), float("inf"), True, "", "x" * 101, 1e400, [2], 2j, {}],
    ids=str,
)
def test_what_is_no_extent_is_refused(written):
    with pytest.raises(cf.ShapeError, match=r"(?s)test_dims\.py:\d+.*fix:"):
        extent(written)


@pytest.mark.parametrize(
    "dims, want",
    [
        ([3, 3], 3),
        ([N, N], N),
        ([3, N], 3),
        ([N, M, 3], 3),
        ([FreshDim(), N], N),
        ([FreshDim(), CUT], CUT),
        ([CUT, 4], 4),
        ([3, 4], None),
        ([N, M], None),
        ([FreshDim(), 3, 4], None),
        ([FreshDim(), N, M], None),
    ],
    ids=str,
)
def test_5_1_unification(dims, want):
    for order in itertools.permutations(dims):
        found = unify(list(order))
        assert (found and found[0]) == want
        if found:
            assert {d for pair in found[1] for d in pair} | {want} == set(dims)


def test_5_1_a_name_is_bound_to_one_number():
    table = Equalities()
    a, b = FreshDim(), FreshDim()
    assert table.join(a, b)
    assert table.join(N, b)
    assert table.find(a) == N
    assert not table.join(a, M)
    assert table.join(N, 3)
    assert table.find(a) == table.find(b) == 3
    assert not table.join(b, 4)
    assert table.join(M, 3), "a name may be equal to a number that another name is equal to"


def test_what_a_definition_is_made_of_stands_for_it():
    """Else the extent would be defined by itself."""
    table, a, b = Equalities(), FreshDim(), FreshDim()
    least = FreshDim(("least", (N, a), -1))
    assert table.join(least, b)
    assert table.find(b) == least
    assert table.join(b, a)
    assert table.find(least) == table.find(b) == a
    longer = FreshDim(("sum", (b,), 1))
    assert table.join(longer, a)
    assert table.find(longer) == a


@pytest.mark.parametrize("target", ["numpy", "c"])
def test_an_extent_that_is_the_smaller_of_itself_and_another_one(target):
    x = cf.matrix("x", shape=("n", None))
    u = cf.linalg.svd(x, full_matrices=False)[0]
    f = cf.function([x], cf.abs(u) + x, target=target)
    a = np.random.default_rng(0).normal(size=(4, 3))
    want = np.abs(np.linalg.svd(a, full_matrices=False)[0]) + a
    np.testing.assert_allclose(f(a), want, rtol=1e-12)
    with pytest.raises(cf.ShapeError, match="3 elements along an axis where 4 are needed"):
        f(a.T)


def test_extents_with_one_definition_are_one():
    x = cf.vector("x")
    assert x[1:].shape == x[1:].shape
    assert x[1:].shape != x[2:].shape


def test_shapes_read_as_users_write_them():
    assert show_shape((N, 3)) == "(n, 3)"
    assert show_shape((FreshDim(),)) == "(?,)"
    assert str(cf.matrix("X", shape=("n", None)).shape) == "(n, ?)"


def test_5_2_only_an_extent_of_1_broadcasts():
    x, c = cf.matrix("x", shape=("n", 3)), cf.matrix("c", shape=("n", 1))
    assert (x + c).shape == (N, 3)
    assert (c + 1).shape == (N, 1)
    assert (c + cf.vector("e", shape=0)).shape == (N, 0)
    with pytest.raises(cf.ShapeError, match=r"'x'.*extent 3.*extent 2"):
        x + np.zeros((1, 2))
