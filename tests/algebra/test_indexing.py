"""Basic indexing and reshape against NumPy, with known and unknown extents (semantics 5.4)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import closedform as cf

BOUNDS = [None, -9, -6, -5, -4, -1, 0, 1, 2, 4, 5, 6, 9]
STEPS = [None, 1, 2, -1, -2, 7, -7]


@pytest.mark.parametrize("size", [0, 1, 5])
@pytest.mark.parametrize("known", [True, False])
def test_5_4_every_slice_is_numpys(size, known):
    x = cf.tensor("x", (size if known else None,))
    keys = [slice(*k) for k in itertools.product(BOUNDS, BOUNDS, STEPS)]
    values = np.arange(1.0, size + 1)
    found = cf.function([x], [x[k] for k in keys], mode="FAST_COMPILE")(values)
    for key, got in zip(keys, found, strict=True):
        assert_array_equal(got, values[key], err_msg=str(key))


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("known", [True, False])
def test_the_gradient_of_a_slice_is_written_where_it_was_read(size, known):
    x = cf.tensor("x", (size if known else None,))
    keys = [slice(*k) for k in itertools.product(BOUNDS[::2], BOUNDS[::2], STEPS[::2])]
    values = np.arange(1.0, size + 1)
    slopes = [cf.grad((x[k] ** 3).sum(), x) for k in keys]
    for key, got in zip(keys, cf.function([x], slopes, mode="FAST_COMPILE")(values), strict=True):
        want = np.zeros(size)
        want[key] = 3 * values[key] ** 2
        assert_array_equal(got, want, err_msg=str(key))


CUTS = [np.s_[1:], np.s_[::-1], np.s_[::2], np.s_[-4:], np.s_[3:-2]]


@pytest.mark.parametrize("second", [*CUTS, np.s_[20:], 0, -1, 2], ids=str)
@pytest.mark.parametrize("first", CUTS, ids=str)
def test_slices_of_slices(first, second):
    x = cf.vector("x")
    values = np.arange(11.0)
    part = x[first][second]
    slope = cf.grad((part**2).sum(), x)
    got, got_slope = cf.function([x], [part, slope], mode="FAST_COMPILE")(values)
    want = np.zeros(11)
    want[first][second] = 2 * values[first][second]
    assert_array_equal(got, values[first][second])
    assert_array_equal(got_slope, want)


CUBE = np.arange(60.0).reshape(3, 4, 5)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "key",
    [
        np.s_[1], np.s_[-1, :, 2], np.s_[..., 1], np.s_[...], np.s_[None], np.s_[None, ..., None],
        np.s_[:, None, 1], np.s_[1, None, 2, None, 3], np.s_[::-1, 1:, None, ::2],
        np.s_[1, ..., None], np.s_[()], np.s_[np.int64(1)], np.s_[: np.int32(2)], np.s_[5:1],
        np.s_[-2, -3, -4],
    ],
    ids=str,
)  # fmt: skip
def test_keys_are_numpys(key, known):
    X = cf.tensor("X", CUBE.shape if known else (None,) * 3)
    found = cf.function([X], X[key], mode="FAST_COMPILE")(CUBE)
    assert_array_equal(found, CUBE[key])
    assert found.shape == CUBE[key].shape


@pytest.mark.parametrize(
    "key",
    [
        5, -4, np.s_[0, 0, 0, 0], np.s_[..., ...], True, [0, 7], np.array([1.5]), "a", 1.0,
        np.s_[1.0:], np.s_[::0], np.array([-4]), np.bool_(True), cf.tensor("mask", (3,), "bool"),
        cf.vector("f"), np.s_[[0, 1], [0, 1, 2]],
    ],
    ids=str,
)  # fmt: skip
def test_other_keys_are_refused(key):
    X = cf.tensor("X", CUBE.shape)
    with pytest.raises(cf.ClosedformError, match=r"(?s)test_indexing\.py:\d+.*fix: ."):
        X[key]


@pytest.mark.parametrize("key", [3, 7, -4, -5, -7])
def test_an_index_of_an_unknown_extent_implies_that_it_exists(key):
    x = cf.vector("x")
    ((length, one),) = x[key].node.equalities
    assert one == 1
    assert length.definition == ("length", x.shape[0], key, key + 1, 1)


@pytest.mark.parametrize("key", [0, -1])
def test_the_first_and_last_elements_imply_nothing(key):
    assert cf.vector("x")[key].node.equalities == ()


SHAPES = [(24,), -1, (-1,), (6, 4), (6, -1), (-1, 4), (5, -1), (2, 3, 4), (2, -1, -1), (1, 24),
          (-1, 1, 1), (4, 3, 2), (0, -1), (2, 12.0), "a", (), (24, 1), None]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_reshapes_are_numpys(shape):
    values = np.arange(24.0).reshape(2, 3, 4)
    X = cf.tensor("X", (2, 3, 4))
    try:
        want = values.reshape(shape) if shape is not None else None
    except (ValueError, TypeError):
        want = None
    if want is None:
        with pytest.raises(cf.ShapeError, match=r"(?s)test_indexing\.py:\d+.*fix: ."):
            X.reshape(shape)
        return
    for made in (X.reshape(shape), np.reshape(X, shape), cf.reshape(X, shape)):
        assert_array_equal(cf.function([X], made, mode="FAST_COMPILE")(values), want)


def test_reshapes_with_symbolic_extents():
    X = cf.tensor("X", ("n", "d", 4))
    n, d, _ = X.shape
    values = np.arange(24.0).reshape(2, 3, 4)
    for shape, want in [
        ((n, -1), (2, 12)), ((d, n, 4), (3, 2, 4)), ((-1, 2, d), (4, 2, 3)), ((-1,), (24,)),
        ((n, d, 2, 2), (2, 3, 2, 2)), ((n, 1, d, 4), (2, 1, 3, 4)), ((-1, 4), (6, 4)),
    ]:  # fmt: skip
        found = cf.function([X], X.reshape(*shape), mode="FAST_COMPILE")(values)
        assert_array_equal(found, values.reshape(want))
    for shape in ((n, 7), (n, n, -1), (7, -1, 4)):
        if -1 in shape:
            with pytest.raises(cf.ClosedformError):
                cf.function([X], X.reshape(shape), mode="FAST_COMPILE")(values)
        else:
            with pytest.raises(cf.ShapeError, match=r"\(n, d, 4\) to \(n, 7\)"):
                X.reshape(shape)


def test_flatten_merges_the_last_axes():
    X = cf.tensor("X", ("n", 3, 4))
    values = np.arange(24.0).reshape(2, 3, 4)
    for ndim, shape in ((1, (24,)), (2, (2, 12)), (3, (2, 3, 4))):
        found = cf.function([X], X.flatten(ndim), mode="FAST_COMPILE")(values)
        assert_array_equal(found, values.reshape(shape))
    assert cf.scalar("s").flatten().shape == (1,)
