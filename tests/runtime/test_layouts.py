"""Inputs in any layout, byte order and dtype: read where they lie, specialised at first call."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.runtime.models import MODELS

import closedform as cf
from closedform.runtime.layout import layout

ROWS = 40_000
NO_COPY = 1 << 16  # bytes, of results: the smallest input here takes 320 000


def unaligned(a: np.ndarray) -> np.ndarray:
    """The same numbers, one byte beside where they should lie."""
    memory = np.zeros(a.nbytes + 1, np.uint8)
    result = np.frombuffer(memory[1:].data, dtype=a.dtype).reshape(a.shape)
    result[...] = a
    return result


def field(a: np.ndarray) -> np.ndarray:
    """The same numbers, as a field of packed records."""
    records = np.zeros(a.shape, [("flag", "u1"), ("value", a.dtype), ("name", "S2")])
    records["value"] = a
    return records["value"]


def between(a: np.ndarray) -> np.ndarray:
    """The same numbers, as the first columns of a wider array (a vector: every other element)."""
    return np.concatenate([a, a], axis=-1)[..., : a.shape[-1]] if a.ndim > 1 else a.repeat(2)[::2]


def backward(a: np.ndarray) -> np.ndarray:
    turned = (slice(None, None, -1),) * a.ndim
    return a[turned].copy()[turned]


LAYOUTS = {
    "C": (lambda a: a, "C"),
    "Fortran": (np.asfortranarray, "F"),
    "first columns": (between, "rows"),
    "every other row": (lambda a: a.repeat(2, axis=0)[::2], "rows"),
    "every other column": (lambda a: a.repeat(2, axis=-1)[..., ::2], "strided"),
    "backward": (backward, "strided"),
    "unaligned": (unaligned, "unaligned"),
    "field of records": (field, "unaligned"),
    "other byte order": (lambda a: a.astype(a.dtype.newbyteorder()), "swapped"),
    "other order, backward": (lambda a: backward(a.astype(a.dtype.newbyteorder())), "swapped"),
}


def peak(work) -> int:
    """The most bytes that Python and NumPy hold during a call."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module", params=("logistic", "softmax", "perceptron"))
def model(request):
    f, arrays = MODELS[request.param](ROWS)
    return f, arrays, f(*arrays)


@pytest.mark.parametrize("name", LAYOUTS)
def test_9_6_every_layout_runs_without_a_copy(model, name):
    f, arrays, want = model
    change, kind = LAYOUTS[name]
    views = [change(a) if len(a) == ROWS else a for a in arrays if a.ndim] + [
        a for a in arrays if not a.ndim
    ]
    assert layout(views[0]) == kind
    for _ in range(2):
        for got, wanted in zip(f(*views), want, strict=True):
            assert_allclose(got, wanted, rtol=1e-11, atol=1e-13)
    assert peak(lambda: f(*views)) < NO_COPY
    assert kind in f.explain()


@pytest.mark.parametrize("name", LAYOUTS)
def test_9_6_elementwise_extremes_and_slices_in_every_layout(name):
    X = cf.matrix("X", shape=("n", "d"))
    outputs = [X[1:] - X[:-1], X.argmax(0), X[:, ::-1] * X, cf.exp(X).sum(1), X.flatten()]
    f = cf.function([X], outputs, target="c")
    a = np.random.default_rng(0).normal(size=(3000, 7))
    want = [a[1:] - a[:-1], a.argmax(0), a[:, ::-1] * a, np.exp(a).sum(1), a.ravel()]
    for got, wanted in zip(f(LAYOUTS[name][0](a)), want, strict=True):
        assert_allclose(got, wanted, rtol=1e-13)


def test_zero_strides():
    X, y = cf.matrix("X", shape=("n", "d")), cf.vector("y", shape="n")
    f = cf.function([X, y], [X.T @ y, (X * X).sum(1)], target="c")
    row, y_value = np.arange(5.0), np.arange(float(ROWS))
    data = np.broadcast_to(row, (ROWS, 5))
    product, squares = f(data, y_value)
    assert_allclose(product, row * y_value.sum(), rtol=1e-13)
    assert_array_equal(squares, np.full(ROWS, 30.0))
    column = np.broadcast_to(y_value[:, None], (ROWS, 5))
    assert_allclose(f(column, y_value)[0], np.full(5, (y_value**2).sum()), rtol=1e-13)
    out = [product, squares]
    assert peak(lambda: f(column, y_value, out=out)) < NO_COPY


@pytest.mark.parametrize(
    ("dtype", "wanted"),
    [(s, "float64") for s in ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "i8", "u8", "f4", ">i2")]
    + [(s, "float32") for s in ("bool", "u1", "i1", ">u2", "i2")]
    + [("u1", "int32"), ("i4", "int64"), (">i4", "int64"), ("bool", "int8")],
)
def test_4_3_storage_is_widened_without_a_copy(dtype, wanted):
    X = cf.matrix("X", dtype=wanted)
    f = cf.function([X], [X.sum(0), (X * X).max(1), X.max()], target="c")
    most = 2 if dtype == "bool" else 11
    data = np.random.default_rng(0).integers(0, most, (ROWS, 5)).astype(dtype)
    wide = data.astype(wanted)
    for values in (data, data[::-1, ::-1], unaligned(data)):
        same = wide[::-1, ::-1] if values.strides[0] < 0 else wide
        found = f(values)
        again = lambda v=values, out=found: f(v, out=out)  # noqa: E731
        assert found[0].dtype == X.sum(0).dtype and found[2].dtype == wide.dtype
        assert_allclose(found[0], same.sum(0), rtol=1e-6)
        assert_allclose(found[1], (same * same).max(1), rtol=1e-6)
        assert found[2] == same.max()
        assert peak(again) < NO_COPY


@pytest.mark.parametrize("dtype", ["u1", "i4", ">f4", "f4"])
def test_4_3_products_of_stored_matrices_copy_panels_only(dtype):
    X, W = cf.matrix("X", shape=("n", "d")), cf.matrix("W", shape=("d", "k"))
    f = cf.function([X, W], [X.T @ (X @ W), (X @ W).sum()], target="c")
    r = np.random.default_rng(0)
    data, weights = r.integers(0, 9, (6000, 120)).astype(dtype), r.normal(size=(120, 40))
    wide = data.astype("f8")
    found = f(data, weights)
    assert_allclose(found[0], wide.T @ (wide @ weights), rtol=1e-11, atol=1e-8)
    assert_allclose(found[1], (wide @ weights).sum(), rtol=1e-11, atol=1e-8)
    assert peak(lambda: f(data, weights, out=found)) < NO_COPY


def test_9_6_a_better_layout_gets_a_better_kernel():
    X = cf.matrix("X")
    f = cf.function([X], X.sum(0), target="c")
    base = np.random.default_rng(0).normal(size=(5000, 6))
    for name in reversed(LAYOUTS):
        assert_allclose(f(LAYOUTS[name][0](base)), base.sum(0), rtol=1e-10, atol=1e-10)
    text = f.explain()
    for kind in ("F", "rows", "strided", "unaligned", "swapped"):  # that for rows takes C order
        assert text.count(f" {kind}, ") == 1, text
    assert text.count("kernel for") == 5


def test_small_inputs_of_any_layout_run_one_kernel():
    X = cf.matrix("X")
    f = cf.function([X], X.sum(0), target="c")
    base = np.random.default_rng(0).normal(size=(30, 6))
    for change, _ in LAYOUTS.values():
        assert_allclose(f(change(base)), base.sum(0), rtol=1e-13)
    assert_allclose(f(base.astype("f4")), base.astype("f4").sum(0), rtol=1e-5)
    assert f.explain().count("kernel for") == 1


def test_narrowing_that_was_asked_for_is_a_conversion():
    X = cf.fmatrix("X")
    f = cf.function([X], [X.sum(0), 2 * X], target="c", allow_input_downcast=True)
    data = np.random.default_rng(0).normal(size=(5000, 6))
    assert_allclose(f(data)[0], data.sum(0), rtol=1e-4, atol=1e-4)
    assert_array_equal(f(data[::2])[1], 2 * data[::2].astype("f4"))
    g = cf.function([X], X.sum(0), target="c")
    with pytest.raises(cf.CallError, match="dtype float32, and the array float64"):
        g(data)


def test_half_precision_and_long_double_are_converted_or_refused():
    X = cf.matrix("X")
    f = cf.function([X], X.sum(0), target="c")
    data = np.random.default_rng(0).integers(0, 9, (20_000, 3))
    assert_array_equal(f(data.astype("f2")), data.sum(0))
    if np.dtype("longdouble").itemsize > 8:
        with pytest.raises(cf.CallError, match="longdouble|float128"):
            f(data.astype("longdouble"))
