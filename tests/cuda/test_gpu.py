"""On a device: catalogue, vocabulary, training, streams, capture. `pytest -m gpu` runs these."""

from __future__ import annotations

import numpy as np
import pytest
from tests import operations as table
from tests import running
from tests.acceptance.test_operations import (
    Built,
    assert_close_over_the_domain,
    assert_right_at_edges,
    drawn,
)
from tests.catalogue import CASES
from tests.cuda.models import MODELS
from tests.cuda.running import extents, program
from tests.cuda.test_words import chunks, function
from tests.emit.test_catalogue import arrays_of, assert_agree
from tests.vocabulary.test_words import written

import closedform as cf
from closedform.runtime import homes
from closedform.runtime.device import DeviceEntry

pytestmark = pytest.mark.gpu


def on_device(nodes, arrays):
    device = homes.current_device()
    p = program(nodes, arrays)
    entry = DeviceEntry(p, device)
    found = entry.run([device.put(a) for a in arrays.values()], extents(p, arrays))
    return [device.host(a) for a in found]


@pytest.mark.parametrize("name", CASES)
def test_the_catalogue_agrees_with_the_graph_as_written(name):
    values, outputs = CASES[name]()
    arrays, written = arrays_of(values), running.as_written(outputs)
    want = running.interpreted(written, arrays)
    for nodes in (written, running.simplified(outputs)):
        first = on_device(nodes, arrays)
        assert_agree(first, want)
        for a, b in zip(first, on_device(nodes, arrays), strict=True):
            assert a.tobytes() == b.tobytes(), "a second call gives the same bits"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_models_agree_with_the_processor(name, dtype):
    values, outputs = MODELS[name](dtype)
    inputs, arrays = list(values), list(values.values())
    want = cf.function(inputs, outputs, target="c")(*arrays)
    found = cf.function(inputs, outputs, target="cuda")(*arrays)
    for a, b in zip(found, want, strict=True):
        scale = max(1.0, float(np.abs(b).max()))
        bound = 5e-6 if b.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(homes.host(a), b, rtol=bound, atol=bound * scale)


@chunks
def test_words_on_whole_arrays(start):
    f, made, inputs, arrays = function(start)
    for t, a, b in zip(made, f(*arrays.values()), written(made, inputs, arrays), strict=True):
        np.testing.assert_allclose(homes.host(a), b, rtol=1e-11, atol=1e-11, err_msg=cf.pp(t))


@pytest.mark.parametrize("dtype", table.DTYPES)
@pytest.mark.parametrize("sample", [drawn, table.edges])
def test_elementwise_operations(dtype, sample):
    found = Built(dtype, ("cuda",)).values("cuda", sample)
    check = assert_close_over_the_domain if sample is drawn else assert_right_at_edges
    check([(row, columns, homes.host(a)) for row, columns, a in found])


def regression():
    x, y = cf.tensor("X", ("n", "d"), "float32"), cf.tensor("y", ("n",), "float32")
    w = cf.shared(np.zeros(37, "float32"), name="w", target="cuda")
    t = x @ w
    cost = (cf.softplus(t) - y * t).mean()
    return cf.function([x, y], cost, updates=[(w, w - 0.1 * cf.grad(cost, w))], target="cuda"), w


def data(n=5000):
    r = np.random.default_rng(0)
    return r.normal(size=(n, 37)).astype("float32"), (r.random(n) > 0.5).astype("float32")


def test_results_are_right_when_the_stream_changes_between_calls():
    import cupy

    X, Y = map(cupy.asarray, data())
    (f, w), (g, v) = regression(), regression()
    for _ in range(6):
        g(X, Y)
    cupy.cuda.get_current_stream().synchronize()
    for _ in range(3):
        with cupy.cuda.Stream(non_blocking=True) as stream:
            f(X, Y)
            f(X, Y)
            stream.synchronize()
    assert w.get_value().tobytes() == v.get_value().tobytes()


def test_captured_steps_are_calls():
    import cupy

    X, Y = map(cupy.asarray, data())
    (f, w), (g, v) = regression(), regression()
    step = f.capture(X, Y)
    step(1000)
    for _ in range(1000):
        g(X, Y)
    assert w.get_value().tobytes() == v.get_value().tobytes()


def test_a_warm_cache_compiles_nothing(monkeypatch):
    from closedform.runtime import cupy_device, nvrtc

    x = cf.vector("x")
    cf.function([x], cf.exp(x) * 7, target="cuda")(np.ones(10))
    monkeypatch.setattr(cupy_device, "_devices", {})
    monkeypatch.setattr(nvrtc, "compile_cuda", lambda *a: pytest.fail("compiled"))
    cf.function([x], cf.exp(x) * 7, target="cuda")(np.ones(10))


def test_arrays_of_other_libraries():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch has no CUDA")
    x = cf.vector("x", dtype="float32")
    f = cf.function([x], x * 2, target="cuda")
    found = f(torch.arange(5, dtype=torch.float32, device="cuda"))
    np.testing.assert_array_equal(found.get(), [0, 2, 4, 6, 8])


def test_more_than_two_to_the_31_elements():
    import cupy

    n = 2**31 + 1001
    if homes.current_device().free() < 4 * n:
        pytest.skip("not enough device memory")
    x = cf.vector("x", dtype="int8")
    f = cf.function([x], [(x + x).sum(), x.argmax()], target="cuda")
    ones = cupy.ones(n, "int8")
    ones[n - 5] = 2
    total, place = f(ones)
    assert int(total) == 2 * (n + 1) and int(place) == n - 5


def test_an_array_on_another_device_is_refused():
    import cupy

    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("one device only")
    with cupy.cuda.Device(1):
        there = cupy.ones(3)
    x = cf.vector("x")
    f = cf.function([x], x + 1, target="cuda")
    with pytest.raises(cf.CallError, match="lives on device 1, and the current device is 0"):
        f(there)


def test_data_larger_than_the_free_memory(monkeypatch):
    from closedform.runtime import cuda

    X, Y = data(20_000)
    (f, w), (g, v) = regression(), regression()
    device = homes.current_device()
    monkeypatch.setattr(device, "free", lambda: 1_000_000)
    monkeypatch.setattr(cuda, "MOST_CHUNK", 300_000)
    f(X, Y)
    monkeypatch.undo()
    g(X, Y)
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-5, atol=1e-7)
