"""The device that CuPy offers, with a module in CuPy's place that executes emitted kernels: what is
asked of CuPy, on which stream, in which order. See `standin.py` for what it cannot show."""

from __future__ import annotations

import shutil
import sys
import types

import numpy as np
import pytest
from tests.cuda import emulated
from tests.cuda.standin import StandIn
from tests.cuda.test_function import data, step

import closedform as cf
from closedform.runtime import cubin, cuda, cupy_device

pytestmark = pytest.mark.skipif(not shutil.which("g++"), reason="the emulation needs g++")


@pytest.fixture
def cupy(monkeypatch):
    yield from stand_in(monkeypatch, StandIn())


def stand_in(monkeypatch, module):
    """Put a module in CuPy's place."""
    monkeypatch.setitem(sys.modules, "cupy", module)
    pinned = types.ModuleType("cupyx")
    pinned.empty_pinned = np.empty
    monkeypatch.setitem(sys.modules, "cupyx", pinned)
    monkeypatch.setattr(cupy_device, "_devices", {})
    monkeypatch.setattr(cubin, "architecture", lambda arch: f"sm_{arch}")
    monkeypatch.setattr(cubin, "key", lambda program, compiler, _: program.source + repr(compiler))
    monkeypatch.setattr(cubin, "obtain", built)
    cupy_device._cupy.cache_clear()
    yield module
    cupy_device._cupy.cache_clear()


def built(program, compiler, soundness):
    return types.SimpleNamespace(binary=emulated.build(program.source, compiler.options))


def test_training_on_arrays_of_the_device(cupy):
    X, Y = data()
    (f, w, b), (g, v, c) = step("cuda"), step("c")
    x, y = cupy.put(X), cupy.put(Y)
    for _ in range(4):
        (found, cost), (wanted, reference) = f(x, y), g(X, Y)
    assert type(found) is cupy.ndarray and type(cost) is cupy.ndarray
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_allclose(cost, reference, rtol=1e-6)
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(b.get_value(), c.get_value(), rtol=1e-5, atol=1e-7)


def test_nothing_waits_and_nothing_is_copied_between_calls(cupy):
    X, Y = data()
    f, _, _ = step("cuda")
    x, y = cupy.put(X), cupy.put(Y)
    f(x, y)
    for again in range(3):  # the first of its kind is decided, then it is known
        del cupy.log[:]
        f(x, y)
        assert [what for what, _, _ in cupy.log] == ["launch", "launch"], again


def test_calls_of_one_kind_are_decided_once(cupy, monkeypatch):
    x, y = cf.matrix("x"), cf.vector("y")
    f = cf.function([x, y], x * 2 + y, target="cuda")
    X, y0 = np.arange(6.0).reshape(2, 3), np.ones(3)
    there, other = cupy.put(X), cupy.put(y0)
    np.testing.assert_array_equal(f(there, other), X * 2 + 1)
    monkeypatch.setattr(type(f), "_launched", lambda *a: pytest.fail("decided again"))
    np.testing.assert_array_equal(f(there + 1, other), X * 2 + 3)
    for changed in (there[:, ::-1], there[:1], cupy.put(X.astype("float32"))):
        with pytest.raises(pytest.fail.Exception, match="decided again"):
            f(changed, other)
    with pytest.raises(pytest.fail.Exception, match="decided again"):
        f(X, other)  # host memory


def test_layouts_are_told_apart_in_known_calls(cupy):
    x = cf.matrix("x")
    f = cf.function([x], x.sum(1), target="cuda")
    X = np.random.default_rng(0).normal(size=(4, 4))
    for _ in range(2):
        for a in (X, X.T, X[::-1], X[:, ::-1], np.asfortranarray(X)):
            np.testing.assert_allclose(f(cupy.put(a)), a.sum(1), rtol=1e-14)


# ---------------------------------------------------------------- arrays of others


def foreign(**more):
    return types.SimpleNamespace(held=np.arange(3.0), **more)


def test_arrays_of_other_libraries(cupy):
    x = cf.vector("x")
    f = cf.function([x], x * 2, target="cuda")
    for value in (
        foreign(__cuda_array_interface__={}),
        foreign(__dlpack_device__=lambda: (2, 0)),
        foreign(__dlpack_device__=lambda: (13, 0)),  # managed memory
    ):
        np.testing.assert_array_equal(f(value), [0, 2, 4])
    assert "copied from host memory" not in f.explain()


def test_arrays_of_other_libraries_in_host_memory(cupy):
    class Cpu:
        def __dlpack_device__(self):
            return (1, 0)

        def __array__(self, dtype=None, copy=None):
            return np.arange(3.0)

    x = cf.vector("x")
    f = cf.function([x], x * 2, target="cuda")
    np.testing.assert_array_equal(f(Cpu()), [0, 2, 4])
    assert "copied from host memory at every call: 'x'" in f.explain()


def test_an_array_that_cannot_be_taken(cupy):
    value = types.SimpleNamespace(__dlpack_device__=lambda: (2, 0))
    x = cf.vector("x")
    f = cf.function([x], x * 2, target="cuda")
    with pytest.raises(cf.CallError, match="cannot take an array of type SimpleNamespace.*grad"):
        f(value)


def test_an_array_on_another_device(cupy):
    x = cf.vector("x")
    f = cf.function([x], x * 2, target="cuda")
    f(cupy.put(np.ones(3)))
    with pytest.raises(cf.CallError, match="lives on device 1, and the current device is 0"):
        f(cupy.put(np.ones(3), number=1))


def test_each_device_has_its_own_kernels(cupy):
    x = cf.vector("x")
    f = cf.function([x], x * 2, target="cuda")
    f(cupy.put(np.ones(3)))
    cupy.current = 1
    found = f(cupy.put(np.ones(3), number=1))
    assert found.device.id == 1
    np.testing.assert_array_equal(f(cupy.put(np.arange(3.0), number=1)), [0, 2, 4])


def test_misaligned_arrays_of_any_layout_are_copied(cupy):
    raw = cupy.put(np.zeros(600, np.uint8))
    values = np.arange(60.0).reshape(10, 6)
    given = raw[3:483].view(np.float64).reshape(10, 6)
    given[...] = values
    x = cf.matrix("x")
    f = cf.function([x], x.sum(1), target="cuda")
    for part in (np.s_[:], np.s_[::2], np.s_[:, ::-2], np.s_[3:4, 1:2]):
        for a, wanted in ((given, values), (given.T, values.T)):
            np.testing.assert_array_equal(f(a[part]), wanted[part].sum(1))
    assert f.explain().splitlines()[-1] == (
        "copied within the device, for its elements are not aligned: 'x'"
    )


def test_elements_between_multiples_of_their_size_are_copied(cupy):
    """The first element is aligned, the others are not."""
    records = np.zeros(5, np.dtype([("x", "f8"), ("y", "f4")]))
    records["x"] = np.arange(5.0)
    given = cupy.put(records.view(np.uint8)).view(records.dtype)["x"]
    assert given.strides == (12,) and type(given) is cupy.ndarray
    x = cf.vector("x")
    f = cf.function([x], x * 2, target="cuda")
    np.testing.assert_array_equal(f(given), 2 * np.arange(5.0))


def test_what_is_copied_first_is_not_captured(cupy):
    x = cf.vector("x", dtype="float32")
    f = cf.function([x], x * 2, target="cuda", allow_input_downcast=True)
    raw = cupy.put(np.zeros(41, np.uint8))
    for given in (raw[1:].view(np.float32), cupy.put(np.ones(10))):
        with pytest.raises(cf.CallError, match="whose input 'x' is copied first"):
            f.capture(given)


def test_mixed_device_and_host_arguments(cupy):
    X, Y = data()
    (f, w, _), (g, v, _) = step("cuda"), step("c")
    for pair in ((cupy.put(X), Y), (X, cupy.put(Y)), (X, Y), (cupy.put(X), cupy.put(Y))):
        f(*pair)
        g(X, Y)
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-5, atol=1e-7)


# ---------------------------------------------------------------- streams


def order(cupy, *wanted):
    """Positions in the log of what was done, in that order."""
    places, start = [], 0
    for what, stream in wanted:
        k = next(k for k in range(start, len(cupy.log)) if cupy.log[k][:2] == (what, stream))
        places.append(k)
        start = k + 1
    return places


def test_a_call_on_another_stream_comes_after_the_one_before(cupy):
    X, Y = data()
    f, w, _ = step("cuda")
    x, y = cupy.put(X), cupy.put(Y)
    f(x, y)
    with cupy.cuda.Stream() as other:
        del cupy.log[:]
        f(x, y)
        recorded, waited, _ = order(cupy, ("record", 0), ("wait", other.ptr), ("launch", other.ptr))
        assert cupy.log[waited][2] is cupy.log[recorded][2]
    del cupy.log[:]
    w.get_value()  # reads on the first stream again
    order(cupy, ("record", other.ptr), ("wait", 0), ("read", 0))


def test_functions_without_state_order_nothing(cupy):
    x = cf.vector("x")
    f = cf.function([x], x * 2, target="cuda")
    there = cupy.put(np.ones(3))
    f(there)
    with cupy.cuda.Stream():
        del cupy.log[:]
        f(there)
    assert [what for what, _, _ in cupy.log] == ["launch"]


def test_memory_of_old_state_is_held_until_the_other_stream_is_done(cupy):
    X, Y = data()
    f, w, _ = step("cuda")
    x, y = cupy.put(X), cupy.put(Y)
    f(x, y)
    before = w.container.cell[0]
    held = cupy_device.current()._held
    assert not held, "one stream needs nothing"
    pending = types.SimpleNamespace(done=False)
    with cupy.cuda.Stream() as other:
        other.record = lambda: pending
        f(x, y)
    assert any(a is before for _, arrays in held for a in arrays)
    pending.done = True
    f(x, y)
    assert not any(a is before for _, arrays in held for a in arrays)


def test_captured_steps_run_on_the_current_stream(cupy):
    X, Y = data(n=50, d=5)
    (f, w, _), (g, v, _) = step("cuda", 5), step("cuda", 5)
    x, y = cupy.put(X), cupy.put(Y)
    captured = f.capture(x, y)
    captured(1)
    with cupy.cuda.Stream() as other:
        del cupy.log[:]
        captured(33)
        order(cupy, ("record", 0), ("wait", other.ptr), ("graph", other.ptr))
    captured(2)
    for _ in range(36):
        g(x, y)
    assert w.get_value().tobytes() == v.get_value().tobytes()


def test_a_profile_puts_events_around_launches(cupy):
    X, Y = data()
    f, _, _ = step("cuda")
    x, y = cupy.put(X), cupy.put(Y)
    f(x, y)
    del cupy.log[:]
    found = f.profile(x, y, calls=2)
    once = ["record", "launch", "record", "launch", "record", "synchronize"]
    assert [what for what, _, _ in cupy.log][-12:] == once * 2
    assert len(found.rows) == 2 and found.seconds > 0


# ---------------------------------------------------------------- memory


def test_no_room_leaves_the_state_as_it_was(cupy):
    X, Y = data()
    f, w, _ = step("cuda")
    x, y = cupy.put(X), cupy.put(Y)
    f(x, y)
    before = w.container.cell[0]
    cupy.memory = 10
    for given in ((x, y), (cupy.put(X.astype("float64")), y)):
        with pytest.raises(cf.CallError, match="no room in the memory of stand-in: Out of memory"):
            f(*given) if given[0] is x else narrowed(f)(*given)
    assert w.container.cell[0] is before


def narrowed(f):
    x, y = cf.tensor("X", ("n", "d"), "float32"), cf.tensor("y", ("n",), "float32")
    return cf.function([x, y], x.sum() + y.sum(), target="cuda", allow_input_downcast=True)


def test_chunks_are_copied_on_a_stream_of_their_own_into_two_places_that_take_turns(
    cupy, monkeypatch
):
    X, Y = data(n=1003)
    (f, w, _), (g, v, _) = step("cuda"), step("c")
    w.get_value()
    cupy.memory = 100_000
    monkeypatch.setattr(cuda, "MOST_CHUNK", 20_000)
    f(X, Y)
    g(X, Y)
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-5, atol=1e-7)
    log = cupy.log[next(k for k, x in enumerate(cupy.log) if x[0] == "copy" and x[1]) :]
    copies = [k for k, (what, stream, _) in enumerate(log) if what == "copy" and stream]
    launches = [k for k, (what, _, name) in enumerate(log) if (what, name) == ("launch", "fold0")]
    assert len(launches) > 4 and len(copies) == 2 * len(launches)
    for k, launch in enumerate(launches):
        filled = log[copies[2 * k + 1] + 1]
        assert filled[0] == "record" and ("wait", 0, filled[2]) in log[:launch]
        if k >= 2:  # the place is free when the launch before the last one is done
            used = next(x for x in log[launches[k - 2] :] if x[0] == "record" and x[1] == 0)
            waits = [x for x in log[launches[k - 1] : copies[2 * k]] if x[0] == "wait" and x[1]]
            assert used[2] in [event for _, _, event in waits]


def test_large_blocks_ask_for_shared_memory(cupy):
    X, Y = data(n=30, d=20_000)
    (f, w, _), (g, v, _) = step("cuda", 20_000), step("c", 20_000)
    f(cupy.put(X), cupy.put(Y))
    g(X, Y)
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-4, atol=1e-6)
    ((_, entry),) = f._entries.values()
    (_, plan), *_ = entry.plans
    assert plan.launches[0].shared > 48 << 10


# ---------------------------------------------------------------- faults


def test_debug_mode_reports_a_fault_at_the_call_that_caused_it(cupy):
    x = cf.vector("x")
    f = cf.function([x], x * 2, target="cuda", mode="DebugMode")
    there = cupy.put(np.ones(3))
    f(there)
    cupy.fault = "cudaErrorIllegalAddress: an illegal memory access was encountered"
    with pytest.raises(cf.CallError, match="the device reports cudaErrorIllegalAddress"):
        f(there)


def test_arrays_without_elements_start_nothing(cupy):
    x = cf.matrix("x")
    f = cf.function([x], [x.sum(0), x * 2], target="cuda")
    total, twice = f(cupy.put(np.zeros((0, 3))))
    assert not [x for x in cupy.log if x[0] == "launch"]
    np.testing.assert_array_equal(total, [0, 0, 0])
    assert twice.shape == (0, 3)


def test_a_missing_cublas_is_named(cupy, monkeypatch):
    x, y = cf.matrix("x"), cf.matrix("y")
    f = cf.function([x, y], x @ y, target="cuda")
    a = np.random.default_rng(0).normal(size=(40, 40))
    np.testing.assert_allclose(f(cupy.put(a), cupy.put(a)), a @ a, rtol=1e-12)

    def dot(self, other, out):
        raise RuntimeError("CuPy failed to load libcublas.so.13")

    monkeypatch.setattr(cupy.ndarray, "dot", dot)
    with pytest.raises(cf.CompileError, match="pip install nvidia-cublas"):
        f(cupy.put(a), cupy.put(a))
