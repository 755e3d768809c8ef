"""Semantics 7: what Python and NumPy do with tensors."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from numpy.testing import assert_allclose

import closedform as cf


def test_7_1_equality_is_identity():
    x, y = cf.vectors("x", "y")
    assert x == x
    assert x != y
    assert cf.exp(x) != cf.exp(x)
    assert y in [x, y]
    assert {x: 1, y: 2}[y] == 2


@pytest.mark.parametrize("other", [0, 1.5, True, np.float64(2), np.ones(2), [1.0]])
def test_7_1_comparison_with_values_is_refused(other):
    x = cf.vector("x")
    for compare in (lambda: x == other, lambda: x != other):
        with pytest.raises(cf.ExpressionError, match=r"cf\.eq|cf\.neq"):
            compare()


@pytest.mark.parametrize("other", [np.float64(2), np.ones(2)])
def test_7_1_comparison_with_values_is_refused_from_the_left_too(other):
    x = cf.vector("x")
    with pytest.raises(cf.ExpressionError, match=r"cf\.eq"):
        other == x  # noqa: B015


@pytest.mark.parametrize("verb", [bool, float, int, len, iter, complex])
def test_7_1_symbols_have_no_value(verb):
    x = cf.vector("x", shape="n")
    with pytest.raises(cf.ExpressionError, match="fix: "):
        verb(x)


def test_7_2_numpy_functions_are_symbolic():
    x = cf.vector("x")
    values = np.array([0.3, 2.0])
    for name in ("exp", "log", "sqrt", "tanh", "sin", "abs", "sum", "mean", "square", "sign"):
        made = getattr(np, name)(x)
        assert isinstance(made, cf.Tensor), name
        assert_allclose(cf.function([x], made)(values), getattr(np, name)(values), rtol=1e-15)
    assert isinstance(np.ones(2) * x, cf.Tensor)
    assert isinstance(np.float64(2) * x, cf.Tensor)
    assert isinstance(np.dot(x, x), cf.Tensor)
    assert isinstance(np.maximum(np.ones(2), x), cf.Tensor)
    assert isinstance(np.where(x > 0, x, 0), cf.Tensor)


def test_7_2_arrays_are_never_made_silently():
    x = cf.vector("x")
    for make in (np.array, np.asarray, lambda v: np.array([v, v])):
        with pytest.raises(cf.ExpressionError, match="eval"):
            make(x)


def test_7_3_sympify():
    x, y = cf.scalars("x", "y")
    a, b = sympy.symbols("x y", real=True)
    found = sympy.sympify(x**2 + cf.sin(y))
    assert found.subs(dict.fromkeys(found.free_symbols, 0)) == 0
    assert {s.name for s in found.free_symbols} == {"x", "y"}


def test_7_3_never_a_silent_zero():
    x = cf.scalar("x")
    try:
        found = sympy.diff(x**2, x)
    except Exception as error:
        assert "cf.grad" in str(error) or "grad" in str(error)
    else:
        assert found != 0
