"""Products, joins, indexing with arrays, scans, sorting on the emulated device."""

from __future__ import annotations

import numpy as np
import pytest
from tests.cuda.emulated import SCHEDULES, Emulated

import closedform as cf
from closedform.runtime import homes

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(301, 7))
P = RANDOM.integers(-7, 7, 23)


def built(outputs, arrays):
    inputs = [cf.tensor(f"a{k}", (None,) * a.ndim, str(a.dtype)) for k, a in enumerate(arrays)]
    return inputs, outputs(*inputs)


def agree(outputs, *arrays, rtol=1e-12):
    """Results on the device are those of the graph as written, in float64."""
    inputs, made = built(outputs, arrays)
    wide = [a.astype("float64") if a.dtype == "float32" else a for a in arrays]
    unused = {"on_unused_input": "ignore"}
    want = cf.function(*built(outputs, wide), mode="FAST_COMPILE", **unused)(*wide)
    f = cf.function(inputs, made, target="cuda", **unused)
    found = f(*arrays)
    for a, b, node in zip(found, want, made, strict=True):
        assert a.dtype == node.dtype
        scale = np.abs(b, where=np.isfinite(b), out=np.zeros(b.shape)).max(initial=0.0)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12 + rtol * scale / 9)
    return f, found


def test_products_of_elements(device):
    agree(lambda x: [x.prod(0), x.prod(1)], X, rtol=1e-10)


def test_joins(device):
    agree(
        lambda x, y: [cf.concatenate([x, y]), cf.concatenate([x, y], 1), cf.stack([x[0], y[0]])],
        X,
        2 * X,
    )


GATHERS = {
    "columns": lambda x, p: [x[:, p], x[:, p] * 2 + 1],
    "rows": lambda x, p: [x[p], cf.take(x, p, 0).sum(1)],
    "pairs": lambda x, p: [x[p, p]],
    "of what is computed": lambda x, p: [cf.exp(x - x.mean(0))[p], (x @ x.T)[p][:, p]],
    "a reshaped array": lambda x, p: [x.reshape((-1,))[p], cf.take(x, p)],
    "known places": lambda x, p: [x[[2, 0, 1]], x[:, [[0, 1], [5, 6]]], x[p[0]]],
    "gradient": lambda x, p: [cf.grad((x[:, p] ** 2).sum(), x), cf.grad((x[p] ** 3).sum(), x)],
    "written": lambda x, p: [
        cf.set_subtensor(x[p], 1.5 * x[p] + 3),
        cf.inc_subtensor(x[:, p], x[:, p]),
    ],
    "one per row": lambda x, p: [x[cf.arange(7) * 3, p[:7]]],
}


@pytest.mark.parametrize("name", GATHERS)
def test_indexing_with_arrays(device, name):
    agree(GATHERS[name], X, P)


def test_positions_of_any_layout(device):
    agree(lambda x, p: [x[p], x[:, p]], np.asfortranarray(X), np.repeat(P, 2)[::2])
    agree(lambda x, p: [x[p], x[:, p]], X[::-1, ::2][:, [0, 1, 2, 3, 0, 1, 2]], P.astype("int32"))


def test_positions_out_of_range_are_refused_and_change_nothing(device):
    x, p = cf.matrix("x"), cf.vector("p", dtype="int64")
    w = cf.shared(np.zeros(7), name="w", target="cuda")
    f = cf.function([x, p], x[p], updates=[(w, w + x.sum(0))], target="cuda")
    f(X, P)
    before = w.get_value()
    for bad in (301, -302):
        with pytest.raises(cf.ShapeError, match="along an axis of extent 301"):
            f(X, np.array([0, bad]))
    np.testing.assert_array_equal(w.get_value(), before)
    g = cf.function([x, p], cf.grad((x[p] ** 2).sum(), x), target="cuda")
    with pytest.raises(cf.ShapeError, match="along an axis of extent 301"):
        g(X, np.array([0, 301]))
    h = cf.function([x, p], cf.set_subtensor(x[p], 0.0), target="cuda")
    with pytest.raises(cf.ShapeError, match="along an axis of extent 301"):
        h(X, np.array([0, 301]))


def test_what_may_be_refused_is_not_captured(device):
    p = cf.vector("p", dtype="int64")
    w = cf.shared(np.zeros(7), name="w", target="cuda")
    f = cf.function([p], None, updates=[(w, w + w[p].sum())], target="cuda")
    with pytest.raises(cf.CallError, match="computed positions"):
        f.capture(device.put(np.arange(3)))


SCANS = {
    "sums": lambda x: [x.cumsum(0), x.cumsum(1), cf.cumsum(x)],
    "products": lambda x: [cf.cumprod(x, 1), cf.cumprod(x, 0)[:9]],
    "gradients": lambda x: [
        cf.grad((x.cumsum(0) ** 2).sum(), x),
        cf.grad(cf.cumprod(x, 1).sum(), x),
    ],
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
@pytest.mark.parametrize("name", SCANS)
def test_scans(device, name, dtype):
    if dtype == "int64" and name == "gradients":
        pytest.skip("integers have no gradient")
    x = X if dtype != "int64" else X * 3
    agree(SCANS[name], x.astype(dtype), rtol=3e-6 if dtype == "float32" else 1e-10)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8"])
def test_sums_of_first_elements_of_long_rows(device, dtype):
    x = (RANDOM.normal(size=(2, 40_001)) * 50).astype(dtype)
    f, found = agree(lambda x: [x.cumsum(1)], x, rtol=1e-3)
    if dtype == "float32":  # a pair of floats loses nothing that float32 can hold
        exact = np.cumsum(x.astype("float64"), 1)
        np.testing.assert_allclose(found[0], exact, rtol=1.2e-7, atol=1e-2)
    assert "3 launches" in f.explain()


def test_sums_of_first_elements_that_are_not_finite(device):
    x = np.ones(9000, "float32")
    x[5000], x[8000] = np.inf, -np.inf
    (found,) = agree(lambda x: [x.cumsum()], x)[1]
    assert np.isposinf(found[5000:8000]).all() and np.isnan(found[8000:]).all()


@pytest.mark.parametrize("n", [1, 2, 7, 1023, 1024, 1025, 2500, 5000])
def test_sorting(device, n):
    x = RANDOM.integers(0, n // 3 + 2, (2, n)).astype("float64")  # many are equal
    x[:, n // 2] = np.nan
    found = agree(lambda x: [cf.argsort(x, 1), cf.sort(x, 1), cf.sort(x, 0)], x)[1]
    np.testing.assert_array_equal(found[0], np.argsort(x, 1, kind="stable"))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "float32", "bool"])
def test_sorting_of_other_dtypes(device, dtype):
    x = (X * 20).astype(dtype)
    agree(lambda x: [cf.sort(x, 0), cf.argsort(x, 1)], x)


@pytest.mark.parametrize("m", [1, 5, 3000])
def test_rows_added_at_positions(device, m):
    p = RANDOM.integers(0, 11, m)
    v = RANDOM.normal(size=(m, 3)).astype("float32")

    def outputs(p, v):
        x = cf.zeros((11, 3), dtype=str(v.dtype))
        return [cf.inc_subtensor(x[p], v), cf.set_subtensor(x[p], v)]

    agree(outputs, p, v, rtol=1e-6)


@pytest.mark.parametrize("name", ["rows", "written", "gradient"])
def test_every_schedule_gives_the_same_bits(monkeypatch, name):
    results = []
    for schedule in SCHEDULES:
        current = Emulated(schedule)
        monkeypatch.setattr(homes, "current_device", lambda current=current: current)
        found = agree(lambda x, p: [*GATHERS[name](x, p), x.cumsum(0), cf.argsort(x, 0)], X, P)[1]
        results.append(b"".join(a.tobytes() for a in found))
    assert len(set(results)) == 1


def test_a_reshaped_number(device):
    def outputs(x, y):
        t = cf.exp(x) * y.sum()
        return [t.reshape((1,)), t * 2, (t + 1).reshape((1, 1))]

    agree(outputs, np.array(0.5), np.arange(4.0))
