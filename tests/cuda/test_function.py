"""`function(..., target="cuda")`: calls, state, layouts, capture, streaming and faults, with the
emitted text run on this processor."""

from __future__ import annotations

import dataclasses
import pickle
import re

import numpy as np
import pytest
from tests.cuda.emulated import DeviceArray, Emulated

import closedform as cf
from closedform.emit import grid
from closedform.emit.grid import DeviceFacts
from closedform.runtime import cuda
from closedform.runtime.guard import NanGuardError

RATE = 0.1


def data(n=203, d=37, dtype="float32"):
    r = np.random.default_rng(0)
    return r.normal(size=(n, d)).astype(dtype), (r.random(n) > 0.5).astype(dtype)


def step(target, d=37, dtype="float32", **options):
    """A training step of logistic regression and its parameters."""
    x, y = cf.tensor("X", ("n", "d"), dtype), cf.tensor("y", ("n",), dtype)
    w = cf.shared(np.zeros(d, dtype), name="w", target=target)
    b = cf.shared(np.array(0, dtype), name="b", target=target)
    p = 1 / (1 + cf.exp(-(x @ w) - b))
    cost = (-y * cf.log(p) - (1 - y) * cf.log(1 - p)).mean() + 0.01 * (w**2).sum()
    gw, gb = cf.grad(cost, [w, b])
    updates = [(w, w - RATE * gw), (b, b - RATE * gb)]
    return cf.function([x, y], [p > 0.5, cost], updates=updates, target=target, **options), w, b


def test_training_agrees_with_the_processor(device):
    X, Y = data()
    (f, w, b), (g, v, c) = step("cuda"), step("c")
    for _ in range(5):
        (found, cost), (wanted, reference) = f(X, Y), g(X, Y)
    assert isinstance(found, DeviceArray) and isinstance(cost, DeviceArray)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_allclose(cost, reference, rtol=1e-6)
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(b.get_value(), c.get_value(), rtol=1e-5, atol=1e-7)


def test_a_step_of_logistic_regression_is_two_launches(device):
    f, _, _ = step("cuda")
    X, Y = data()
    f(X, Y)
    before = device.launches
    f(X, Y)
    assert device.launches - before == 2


def test_shared_values_stay_on_the_device(device):
    f, w, _ = step("cuda")
    f(*data())
    assert isinstance(w.get_value(borrow=True), DeviceArray)
    assert type(w.get_value()) is np.ndarray
    w.set_value(np.ones(37, "float32"))
    assert isinstance(w.container.cell[0], DeviceArray)
    np.testing.assert_array_equal(w.get_value(), 1)


def test_shared_values_in_host_memory_come_back_there(device):
    w = cf.shared(np.arange(3.0), name="w")
    f = cf.function([], w * 2, updates=[(w, w + 1)], target="cuda")
    np.testing.assert_array_equal(f(), [0, 2, 4])
    assert type(w.get_value(borrow=True)) is np.ndarray
    np.testing.assert_array_equal(w.get_value(), [1, 2, 3])


def test_functions_of_the_processor_refuse_values_on_the_device(device):
    w = cf.shared(np.arange(3.0), name="w", target="cuda")
    for options in ({"target": "c"}, {"target": "numpy"}, {"mode": "FAST_COMPILE"}):
        with pytest.raises(cf.FunctionError, match="'w' lives on a device"):
            cf.function([], w * 2, **options)


def test_config_target(device):
    cf.config.target = "cuda"
    try:
        w = cf.shared(np.arange(3.0))
        f = cf.function([], w + 1)
    finally:
        cf.config.target = "c"
    assert f.target == "cuda" and isinstance(w.container.cell[0], DeviceArray)
    np.testing.assert_array_equal(f(), [1, 2, 3])


def test_device_arrays_are_not_copied_and_explain_says_what_is(device):
    f, _, _ = step("cuda")
    X, Y = data()
    f(device.put(X), Y)
    lines = f.explain().splitlines()
    assert "copied from host memory at every call: 'y'" in lines
    assert not any("every call: 'X'" in line for line in lines)
    assert any(line.strip().startswith("fold0: ") for line in lines), "launches are shown"


@pytest.mark.parametrize("order", ["C", "F", "strided", "rows", "misaligned"])
def test_layouts_of_device_arrays(device, order):
    X, Y = data()
    f, w, _ = step("cuda")
    g, v, _ = step("c")
    there = device.put(np.repeat(np.repeat(X, 2, 0), 2, 1))
    if order == "misaligned":
        raw = device.empty((X.nbytes + 4,), np.dtype(np.uint8))
        given = raw[4:].view(np.float32).reshape(X.shape)
        given[...] = X
    else:
        given = {
            "C": device.put(X),
            "F": device.put(np.ascontiguousarray(X.T)).T,
            "strided": there[::2, ::2],
            "rows": there[::2][:, :37],
        }[order]
    host = np.array(given)
    f(given, Y)
    g(host, Y)
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-5, atol=1e-7)


def test_outputs_into_given_arrays(device):
    x = cf.vector("x")
    f = cf.function([x], [x + 1, x * 2], target="cuda")
    room = device.empty((3,), np.dtype(float))
    first, second = f([1.0, 2.0, 3.0], out=[room, None])
    assert first is room
    np.testing.assert_array_equal(room, [2, 3, 4])
    np.testing.assert_array_equal(second, [2, 4, 6])
    with pytest.raises(cf.CallError, match=r"out= does not fit the outputs: \(3,\) float64"):
        f([1.0, 2.0, 3.0], out=[np.zeros(3), None])


def test_arrays_without_elements_start_no_kernel(device):
    f, w, _ = step("cuda")
    x = cf.matrix("x")
    g = cf.function([x], [x.sum(0), x.mean()], target="cuda")
    total, mean = g(np.zeros((0, 3)))
    assert device.launches == 0
    np.testing.assert_array_equal(total, [0, 0, 0])
    assert np.isnan(mean) and isinstance(mean, DeviceArray)


def test_dtypes_are_checked_on_device_arrays(device):
    x = cf.vector("x", dtype="float32")
    f = cf.function([x], x + 1, target="cuda")
    with pytest.raises(cf.CallError, match="has dtype float32, and the array float64"):
        f(device.put(np.ones(3)))
    with pytest.raises(cf.CallError, match="needs 1 axes"):
        f(device.put(np.ones((3, 3), "float32")))
    half = device.put(np.array([0, 1, -2.5, 6e-8, np.inf, np.nan], "float16"))
    np.testing.assert_array_equal(f(half), np.array(half).astype("float32") + 1)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("home", ["device", "host"])
def test_floats_of_16_bits_are_storage(device, name, home):
    dtype = np.dtype(name if name == "float16" else pytest.importorskip("ml_dtypes").bfloat16)
    X = np.random.default_rng(0).normal(size=(203, 37)).astype(dtype)
    X[3, 5], X[7, 2], X[0, 0] = 6e-8, np.inf, -0.0
    given = device.put(X) if home == "device" else X
    wide = X.astype("float32")
    for computed in ("float32", "float64"):
        x = cf.matrix("x", dtype=computed)
        f = cf.function([x], [x * 2, x[1:7].sum(0), x.max()], target="cuda")
        twice, total, most = f(given)
        assert twice.dtype == computed
        np.testing.assert_array_equal(twice, wide.astype(computed) * 2)
        np.testing.assert_allclose(total, wide[1:7].astype("float64").sum(0), rtol=1e-6)
        assert np.isposinf(most)
        assert f"{name} C" in f.explain()
    n = cf.matrix("n", dtype="int64")
    with pytest.raises(cf.CallError, match=f"array.* {name}"):
        cf.function([n], n + 1, target="cuda")(given)


@pytest.mark.parametrize("d, strips", [(5000, 16), (12_000, 32), (20_000, 0)])
def test_wide_rows(device, d, strips):
    device.facts = DeviceFacts()
    X, Y = data(n=21, d=d)
    (f, w, _), (g, v, _) = step("cuda", d), step("c", d)
    f(X, Y), g(X, Y)
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-4, atol=1e-6)
    assert f"{strips or 'no'} columns a thread in registers" in f.explain()


def test_indices_of_64_bits(device, monkeypatch):
    monkeypatch.setattr(grid, "LARGE_INDEX", 1)
    X, Y = data()
    (f, w, _), (g, v, _) = step("cuda"), step("c")
    f(X, Y), g(X, Y)
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-5, atol=1e-7)
    x, p = cf.matrix("x"), cf.vector("p", dtype="int64")
    h = cf.function([x, p], [x[p], x.cumsum(0), cf.argsort(x, 1), x.argmax()], target="cuda")
    found = h(X.astype("float64"), np.array([3, -1]))
    np.testing.assert_array_equal(found[0], X[[3, -1]])
    np.testing.assert_array_equal(found[2], np.argsort(X, 1))
    assert all("-DCF_WIDE_INDEX=1" in q.options for _, e in h._entries.values() for _, q in e.plans)


def test_debug_mode_compares_with_the_graph_as_written(device):
    x = cf.vector("x")
    f = cf.function([x], x * x / x, mode="DebugMode", target="cuda")
    with pytest.warns(UserWarning, match="as written"):
        f(np.array([0.0, 1.0]))
    g = cf.function([x], cf.exp(x).sum(), mode="DebugMode", target="cuda")
    np.testing.assert_allclose(g(np.zeros(5)), 5)


def test_functions_pickle(device):
    f, _, _ = step("cuda")
    X, Y = data()
    first = f(X, Y)[1]
    g = pickle.loads(pickle.dumps(f))
    assert g.target == "cuda"
    assert g(X, Y)[1] != first, "the state was trained once"


# ---------------------------------------------------------------- capture


@pytest.mark.parametrize("steps", [1, 2, 31, 32, 33, 67])
def test_captured_steps_are_calls(device, steps):
    X, Y = data(n=50, d=5)
    (f, w, b), (g, v, c) = step("cuda", 5), step("cuda", 5)
    captured = f.capture(device.put(X), device.put(Y))
    _, cost = captured(steps)
    for _ in range(steps):
        _, wanted = g(X, Y)
    assert cost.tobytes() == wanted.tobytes()
    assert w.get_value().tobytes() == v.get_value().tobytes()
    captured(3)
    f(X, Y)  # ordinary calls go on from there
    for _ in range(4):
        g(X, Y)
    assert b.get_value().tobytes() == c.get_value().tobytes()


def test_capture_reads_the_arguments_as_they_are_at_each_step(device):
    x = cf.vector("x")
    total = cf.shared(0.0, name="total", target="cuda")
    f = cf.function([x], None, updates=[(total, total + x.sum())], target="cuda")
    there = device.put(np.ones(4))
    add = f.capture(there)
    add(2)
    there[...] = 10
    add()
    np.testing.assert_array_equal(total.get_value(), 48)


def test_capture_notices_values_set_elsewhere(device):
    X, Y = data(n=50, d=5)
    f, w, _ = step("cuda", 5)
    captured = f.capture(device.put(X), device.put(Y))
    captured(2)
    w.set_value(np.zeros(5, "float32"))
    with pytest.raises(cf.CallError, match="'w' has been given a new value"):
        captured()


def test_capture_refuses_host_memory(device):
    f, _, _ = step("cuda")
    with pytest.raises(cf.CallError, match="whose input 'X' is in host memory"):
        f.capture(*data())
    w = cf.shared(0.0, name="w")
    g = cf.function([], w, updates=[(w, w + 1)], target="cuda")
    with pytest.raises(cf.CallError, match="'w', which lives in host memory"):
        g.capture()


# ---------------------------------------------------------------- looking at a function


def test_9_9_nan_guard_names_what_it_begins_with_and_changes_nothing(device):
    x = cf.vector("x")
    w = cf.shared(np.array(0.0), name="w", target="cuda")
    f = cf.function(
        [x], 2 * cf.sqrt(x - 1), updates=[(w, w + x.sum())], target="cuda", mode="NanGuardMode"
    )
    there = device.put(np.array([1.0, 5.0]))
    for given in (there, np.array([1.0, 5.0]), there):
        np.testing.assert_array_equal(f(given), [0, 4])
    before = w.container.cell[0]
    with pytest.raises(NanGuardError, match=r"has NaN; it begins with NaN in sqrt"):
        f(device.put(np.array([0.0, 5.0])))
    with pytest.raises(NanGuardError, match="the input 'x' has infinity"):
        f(device.put(np.array([np.inf, 5.0])))
    with pytest.raises(NanGuardError, match="a magnitude of 2e"):
        f(device.put(np.full(2, 1e10)))
    assert w.container.cell[0] is before


def test_9_9_a_profile_times_every_launch_and_changes_nothing(device):
    X, Y = data()
    f, w, _ = step("cuda")
    before = w.container.cell[0]
    found = f.profile(device.put(X), Y, calls=3)
    assert [r.text.split(":")[0] for r in found.rows] == ["fold0", "once1"]
    assert all(r.runs == 1 and 0 <= r.seconds <= found.seconds for r in found.rows)
    assert "what, on emulated" in str(found)
    assert w.container.cell[0] is before
    x = cf.matrix("x")
    g = cf.function([x], [cf.argsort(x, 0), x @ x.T], target="cuda")
    texts = [r.text for r in g.profile(np.ones((40, 40))).rows]
    assert "product of matrices by cuBLAS" in texts
    assert any(
        re.fullmatch(r"routine\d argsort, part 0: \d+ blocks of 256 threads", t) for t in texts
    )
    assert g.profile(np.ones((0, 3))).rows, "of arrays without elements it is NumPy's"
    with pytest.raises(cf.ClosedformError):
        cf.function([x], cf.linalg.inv(x), target="cuda").profile(np.zeros((3, 3)))


# ---------------------------------------------------------------- memory


def small(device: Emulated, count: int) -> None:
    device.facts = dataclasses.replace(device.facts, memory=count)


def test_data_larger_than_the_memory_goes_through_in_chunks(device, monkeypatch):
    X, Y = data(n=1003)
    (f, w, _), (g, v, _) = step("cuda"), step("c")
    small(device, 100_000)
    monkeypatch.setattr(cuda, "MOST_CHUNK", 20_000)
    for _ in range(2):
        (found, cost), (wanted, reference) = f(X, Y), g(X, Y)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_allclose(cost, reference, rtol=1e-6)
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-5, atol=1e-7)


def test_passes_of_several_sections_in_chunks(device, monkeypatch):
    x = cf.matrix("x")
    f = cf.function([x], [((x - x.mean(0)) ** 2).mean(0), x.argmax(0)], target="cuda")
    X = np.random.default_rng(0).normal(size=(500, 7))
    small(device, 20_000)
    monkeypatch.setattr(cuda, "MOST_CHUNK", 3_000)
    variance, place = f(X)
    np.testing.assert_allclose(variance, X.var(0), rtol=1e-12)
    np.testing.assert_array_equal(place, X.argmax(0))


def test_what_cannot_go_in_chunks_is_refused(device):
    x = cf.matrix("x")
    f = cf.function([x], (x[1:] * x[:-1]).sum(), target="cuda")
    small(device, 10_000)
    with pytest.raises(cf.CallError, match="cannot take them in chunks"):
        f(np.ones((500, 7)))


def test_no_room_leaves_the_state_as_it_was(device):
    X, Y = data()
    f, w, _ = step("cuda")
    f(X, Y)
    there, before = (device.put(X), device.put(Y)), w.get_value()
    small(device, 100)
    with pytest.raises(cf.CallError, match="no room"):
        f(*there)
    np.testing.assert_array_equal(w.get_value(), before)
