"""The driver: panels, parts, accumulators, the stop flag, memory."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.runtime import programs

from closedform.runtime import ctypes_driver, split

NUMBERS = np.random.default_rng(0)
STOPPED, NO_MEMORY, BAD_ABI = 1, 2, 3


def by_hand(source: str, arrays, extents, **fields) -> int:
    """Call the driver itself, with every field of the call in reach."""
    loaded = programs.load(source)
    data = np.array([a.ctypes.data for a in arrays], dtype=np.uintp)
    stride = np.zeros((len(arrays), 12), dtype=np.int64)
    extent = np.array(extents, dtype=np.int64)
    scalar = np.array([2.0])
    call = ctypes_driver.Call(data.ctypes.data, stride.ctypes.data, extent.ctypes.data)
    call.scalar, workspace = scalar.ctypes.data, ctypes_driver.Workspace()
    call.block = ctypes.pointer(workspace.block)
    for name, value in fields.items():
        setattr(call, name, value)
    address = ctypes.c_void_p(fields.pop("address", loaded.address))
    return ctypes_driver.library().cf_run(address, ctypes.byref(call))


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 1000, 8192, 8193, 300_001])
def test_9_3_elementwise(native, n):
    x, y = NUMBERS.normal(size=(2, n))
    assert_array_equal(programs.axpy(native).run((x, y)), 2 * x + y)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize(("n", "d"), [(1, 1), (40, 3), (5000, 1), (9973, 17), (300, 900)])
def test_9_3_fold_with_accumulators(native, n, d, threads):
    x = NUMBERS.normal(size=(n, d)) + 10
    native.set_num_threads(threads)
    total, row = programs.spread(native).run((x,))
    wanted = ((x - x.mean(0)) ** 2).sum(1)
    assert_allclose(row, wanted, rtol=1e-10, atol=1e-12)
    assert_allclose(total, wanted.sum(), rtol=1e-10, atol=1e-12)
    assert type(total) is np.ndarray and total.shape == ()


def test_9_4_deterministic_bits_for_any_number_of_threads(native):
    x = NUMBERS.normal(size=(60_000, 5))
    entry = programs.spread(native, deterministic=True)
    results = []
    for threads in (1, 2, 3, 5):
        native.set_num_threads(threads)
        results.append(entry.run((x,))[0].tobytes())
    assert len(set(results)) == 1


def test_9_4_same_threads_give_same_bits(native):
    x = NUMBERS.normal(size=(60_000, 5))
    native.set_num_threads(3)
    entry = programs.spread(native)
    assert len({entry.run((x,))[0].tobytes() for _ in range(20)}) == 1


def test_no_rows_leave_identities():
    total, row = np.full((), 7.0), np.empty(0)
    x = np.empty((0, 3))
    assert by_hand(programs.SPREAD, [x, total, row], [0, 3], threads=2) == 0
    assert total == 0


def test_9_3_poll_stops_a_run():
    poll = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(lambda _: 1)
    x, y = np.ones(10_000_000), np.zeros(10_000_000)
    address = ctypes.cast(poll, ctypes.c_void_p).value
    assert by_hand(programs.SLOW, [x, y], [x.size], poll=address, threads=2) == STOPPED
    assert not y.all()


def test_poll_that_never_stops_changes_nothing():
    calls = []
    poll = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(lambda _: calls.append(1) or 0)
    x, y = np.ones(1_000_000), np.zeros(1_000_000)
    address = ctypes.cast(poll, ctypes.c_void_p).value
    assert by_hand(programs.SLOW, [x, y], [x.size], poll=address, threads=1) == 0
    assert y.all() and calls


@pytest.mark.parametrize("power", [27, 40, 43, 62])
def test_out_of_memory_changes_nothing(power):
    x, y = np.ones(10), np.zeros(10)
    status = by_hand(programs.HUGE, [x, y], [10, 2**20, 2**power], threads=1)
    assert status == NO_MEMORY
    assert not y.any()


def test_out_of_memory_raises(native):
    out = np.zeros(10)
    with pytest.raises(MemoryError):
        programs.huge(native, 40).run((np.ones(10),), out)
    assert not out.any()


def test_9_3_another_abi_is_refused(native):
    loaded = programs.load(programs.AXPY)
    size = 8 * 4 + 3 * 8  # seven numbers, padded, and three pointers
    other = (ctypes.c_char * size).from_buffer_copy(ctypes.string_at(loaded.address, size))
    ctypes.c_int32.from_buffer(other).value = 999
    x = np.ones(3)
    address = ctypes.addressof(other)
    assert by_hand(programs.AXPY, [x, x, x], [3], address=address) == BAD_ABI
    rows = programs.rows(*[("input", "f8", (0,))] * 2, ("output", "f8", (0,)))
    with pytest.raises(ValueError, match="driver"):
        native.Entry(address, other, rows, [-1], parameters=[1.0], result="single")


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize(("n", "work"), [(1, 1), (40, 3), (5000, 7), (9973, 400), (200_000, 90)])
def test_the_driver_says_what_it_will_do(n, work, threads, deterministic):
    rows, parts = np.zeros(n), np.zeros(())
    options = {"threads": threads, "deterministic": deterministic}
    assert by_hand(programs.PANELS, [rows, parts], [n, work], **options) == 0
    address = programs.load(programs.PANELS).address
    told = split.decide(address, [n, work], threads, deterministic)
    fold, once = told.stages
    assert fold.panel == rows[0] and fold.parts == parts
    lengths = [min(fold.panel, n - begin) for begin in range(0, n, fold.panel)]
    assert_array_equal(rows[1:], np.repeat(lengths, lengths)[1:])
    assert fold.threads == min(fold.parts, threads)
    assert once == (0, 0, 0)
    buffers = fold.threads * 8 * work * fold.panel + fold.parts * 8 + 8 * work
    assert buffers <= told.workspace <= buffers + 128 * (fold.threads + fold.parts + 1)


def test_both_drivers_decide_alike(monkeypatch):
    address = programs.load(programs.PANELS).address
    ours = split.decide(address, [60_000, 50], 2)
    monkeypatch.setattr(split, "_driver", ctypes_driver.library)
    assert split.decide(address, [60_000, 50], 2) == ours
    assert ours.stages[0].panel > 0


def test_a_workspace_beyond_memory_is_refused():
    address = programs.load(programs.HUGE).address
    with pytest.raises(MemoryError, match="no memory is large enough"):
        split.decide(address, [10, 2**20, 2**62], 1)


def test_number_of_threads_is_set_and_checked(native):
    native.set_num_threads(5)
    assert native.num_threads() == 5
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            native.set_num_threads(wrong)
