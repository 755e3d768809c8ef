"""Shared variables: what they hold, what they accept, what functions see."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import closedform as cf


@pytest.mark.parametrize(
    "value, dtype, ndim",
    [(0, "int64", 0), (0.0, "float64", 0), (True, "bool", 0), ([1, 2], "int64", 1),
     ([[1.0]], "float64", 2), (np.float32(3), "float32", 0), (np.zeros(3, "int8"), "int8", 1)],
)  # fmt: skip
def test_dtype_and_rank_come_from_the_value(value, dtype, ndim):
    s = cf.shared(value)
    assert (s.dtype, s.ndim) == (np.dtype(dtype), ndim)
    assert_array_equal(s.get_value(), np.asarray(value), strict=True)
    assert isinstance(s, cf.Tensor) and isinstance(s, cf.SharedVariable)


def test_a_dtype_may_be_asked_for():
    assert cf.shared([1, 2], dtype="float32").get_value().dtype == np.float32
    assert cf.shared(np.arange(3.0).astype(">f8")).get_value().dtype == np.dtype("<f8")


def test_values_are_copied_unless_borrowed():
    a = np.arange(3.0)
    copied, borrowed = cf.shared(a), cf.shared(a, borrow=True)
    a[0] = 7
    assert copied.get_value()[0] == 0
    assert borrowed.get_value()[0] == 7
    assert borrowed.get_value(borrow=True) is a
    got = copied.get_value()
    got[:] = 9
    assert_array_equal(copied.get_value(), np.arange(3.0))
    copied.set_value(a, borrow=True)
    assert copied.get_value(borrow=True) is a
    copied.set_value(a)
    assert copied.get_value(borrow=True) is not a


def test_5_1_extents_may_change_rank_and_dtype_may_not():
    s = cf.shared(np.zeros((2, 3)), "s")
    s.set_value(np.ones((5, 1)))
    assert s.get_value().shape == (5, 1)
    s.set_value([[1, 2], [3, 4]])
    assert s.get_value().dtype == np.float64
    with pytest.raises(cf.ShapeError, match="'s' has 2 axes, and the value has shape \\(3,\\)"):
        s.set_value(np.zeros(3))
    with pytest.raises(cf.DTypeError, match="dtype complex128"):
        s.set_value(np.zeros((1, 1), complex))
    k = cf.shared(0, "k")
    k.set_value(np.int32(3))
    with pytest.raises(cf.DTypeError, match="'k' has dtype int64, and the value has dtype float64"):
        k.set_value(0.5)
    f = cf.shared(np.float32(1), "f")
    f.set_value(0.1)
    assert f.get_value() == np.float32(0.1)
    with pytest.raises(cf.DTypeError, match="astype\\('float32'\\)"):
        f.set_value(np.zeros(()))
    i = cf.shared(np.int8(1), "i")
    i.set_value(100)
    with pytest.raises(cf.DTypeError):
        i.set_value(1000)


def test_5_2_broadcastable_axes_have_extent_1():
    b = cf.shared(np.zeros((3, 1)), "b", broadcastable=(False, True))
    assert b.broadcastable == (False, True)
    assert cf.shared(np.zeros((3, 1))).broadcastable == (False, False)
    with pytest.raises(cf.ShapeError, match="axis 1 of .*'b' is declared to have extent 1"):
        b.set_value(np.zeros((3, 2)))
    with pytest.raises(cf.ShapeError, match="axis 0 of .* is declared broadcastable"):
        cf.shared(np.zeros((3, 1)), broadcastable=(True, True))
    with pytest.raises(cf.ShapeError, match="give 2 truth values"):
        cf.shared(np.zeros((3, 1)), broadcastable=(True,))
    x = cf.matrix("x")
    assert_array_equal(cf.function([x], x + b, target="numpy")(np.ones((3, 4))), np.ones((3, 4)))


@pytest.mark.parametrize("value", ["text", {"a": 1}, None, 1j, np.array(["a"]), [object()]])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(cf.DTypeError, match="convert it to one of bool"):
        cf.shared(value)


def test_other_mistakes_are_refused():
    with pytest.raises(cf.ShapeError, match="is no array"):
        cf.shared([[1, 2], [3]])
    with pytest.raises(cf.ExpressionError, match="symbolic"):
        cf.shared(cf.scalar("x") + 1)
    with pytest.raises(cf.ExpressionError, match="named 3"):
        cf.shared(0.0, name=3)
    with pytest.raises(cf.ExpressionError, match="target='moon'"):
        cf.shared(0.0, target="moon")


def test_6_1_two_of_one_name_are_different():
    a, b = cf.shared(1.0, "w"), cf.shared(2.0, "w")
    assert a != b
    assert cf.function([], [a, b], target="numpy")() == [1, 2]


def test_6_3_pickling_makes_new_state_once_per_pickle():
    s = cf.shared(np.arange(3.0), "s", broadcastable=(False,))
    one, two = pickle.loads(pickle.dumps((s, s)))
    one.set_value([5.0])
    assert_array_equal(two.get_value(), [5.0])
    assert_array_equal(s.get_value(), np.arange(3.0))
    assert one.name == "s" and one == two and one != s


def test_names_survive_and_repr_is_short():
    s = cf.shared(np.zeros((1000, 3)), "weights")
    assert s.name == "weights"
    assert repr(s) == "SharedVariable(weights, shape=(1000, 3), dtype=float64)"
    assert copy.copy(s) is s
