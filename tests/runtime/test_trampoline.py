"""What a call does: what an entry takes, where results go, what threads and signals see."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from tests.runtime import programs

ROOT = Path(__file__).parents[2]


def refuse(*_):
    raise AssertionError("the slow path was called")


def function(native, *entries, slow=refuse):
    made = native.Callable(slow)
    for entry in entries:
        made.add_entry(entry)
    return made


@pytest.fixture
def axpy(native):
    return function(native, programs.axpy(native))


@pytest.fixture
def seen(native):
    """A function whose slow path says what it got."""
    return function(native, programs.axpy(native), slow=lambda args, kwargs: (args, kwargs))


X, Y = np.arange(5.0), np.ones(5)


# which arguments fit


def test_9_1_exact_arguments_take_the_fast_path(axpy):
    assert_array_equal(axpy(X, Y), 2 * X + 1)


class Subclass(np.ndarray):
    pass


MISFITS = {
    "list": [1.0] * 5,
    "scalar": 1.0,
    "none": None,
    "dtype": np.ones(5, dtype="f4"),
    "integer": np.ones(5, dtype="i8"),
    "complex": np.ones(5, dtype="c16"),
    "object": np.ones(5, dtype="O"),
    "rank 0": np.ones(()),
    "rank 2": np.ones((5, 1)),
    "extent": np.ones(4),
    "strided": np.ones(10)[::2],
    "reversed": np.ones(5)[::-1],
    "byte order": np.ones(5, dtype=">f8"),
    "unaligned": np.frombuffer(bytes(41), dtype="f8", count=5, offset=1),
    "subclass": np.ones(5).view(Subclass),
    "record": np.ones(5, dtype=[("a", "f8")]),
}


@pytest.mark.parametrize("name", MISFITS)
@pytest.mark.parametrize("place", [0, 1])
def test_misfits_go_to_the_slow_path(seen, name, place):
    args = [X, X]
    args[place] = MISFITS[name]
    got, kwargs = seen(*args)
    assert kwargs == {}
    assert all(a is b for a, b in zip(got, args, strict=True))


@pytest.mark.parametrize("args", [(), (X,), (X, Y, X), (np.empty(0), np.empty(0))])
def test_wrong_numbers_and_empty_axes_go_to_the_slow_path(seen, args):
    got, _ = seen(*args)
    assert len(got) == len(args)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((X,), {"y": Y}), ((), {"x": X, "y": Y}), ((X, Y), {"z": 1}), ((X, Y), {"out": X, "z": 1})],
)
def test_keywords_go_to_the_slow_path(seen, args, kwargs):
    assert seen(*args, **kwargs) == (args, kwargs)


@pytest.mark.parametrize("name", MISFITS)
def test_run_raises_where_the_fast_path_refuses(native, name):
    with pytest.raises(ValueError, match="do not fit this entry"):
        programs.axpy(native).run((X, MISFITS[name]))


def test_entries_are_tried_newest_first_and_bounded(native):
    entries = [programs.axpy(native, float(i)) for i in range(10)]
    made = function(native, *entries)
    assert made.entries() == entries[:1:-1]
    assert_array_equal(made(X, Y), 9 * X + 1)
    made.clear_entries()
    assert made.entries() == []
    with pytest.raises(AssertionError, match="slow path"):
        made(X, Y)


def test_an_error_of_the_slow_path_is_passed_on(native):
    def slow(args, kwargs):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        function(native, slow=slow)(1)


def test_subclass_in_python(native):
    class Function(native.Callable):
        def __init__(self):
            super().__init__(self.convert)
            self.calls = 0

        def convert(self, args, kwargs):
            self.calls += 1
            entry = programs.axpy(native)
            self.add_entry(entry)
            return entry.run(tuple(np.asarray(a, dtype="f8") for a in args), kwargs.get("out"))

    made, out = Function(), np.empty(5)
    assert_array_equal(made([0, 1, 2, 3, 4], Y), 2 * X + 1)
    assert made(X, Y, out=out) is out
    assert_array_equal(out, 2 * X + 1)
    assert made.calls == 1
    alive = weakref.ref(made)
    del made
    gc.collect()
    assert alive() is None


def test_long_and_long_long_are_one_dtype(native):
    entry = programs.axpy(native)
    twins = [np.dtype(c) for c in ("l", "q")]
    assert twins[0] == twins[1]  # else this platform has nothing to prove
    loaded = programs.load(programs.AXPY)
    spec = [("input", t.num, (0,), "C") for t in twins] + [("output", twins[0].num, (0,), "C")]
    entry = native.Entry(loaded.address, loaded, spec, [-1], parameters=[0.0], result="single")
    zeros = [np.zeros(3, dtype=t) for t in "lq"]
    assert_array_equal(entry.run((zeros[1], zeros[0])), np.zeros(3))


def test_strided_inputs_constants_defined_extents_and_dicts(native):
    scale = np.array([2.0, 9.0], dtype="f4")
    made = function(native, programs.differences(native, scale))
    x = np.array([1, 0, 4, 0, 9, 0, 16], dtype="f4")
    for view in (x[::2], x[::-2], np.lib.stride_tricks.as_strided(x[2:], (4,), (0,))):
        result = made(view)
        assert list(result) == ["gaps"]
        assert_array_equal(result["gaps"], 2 * np.diff(view))


def test_defined_extent_of_zero_goes_to_the_slow_path(native):
    made = function(
        native, programs.differences(native, np.ones(2, "f4")), slow=lambda a, k: "slow"
    )
    assert made(np.ones(1, "f4")) == "slow"


# out=


@pytest.mark.parametrize("wrap", [lambda o: o, lambda o: [o], lambda o: (o,)])
def test_out_receives_the_result(axpy, wrap):
    out = np.zeros(5)
    assert axpy(X, Y, out=wrap(out)) is out
    assert_array_equal(out, 2 * X + 1)


def test_out_none_means_fresh(native, axpy):
    assert_array_equal(axpy(X, Y, out=None), 2 * X + 1)
    row = np.zeros(4)
    total, same = function(native, programs.spread(native))(np.eye(4), out=[None, row])
    assert same is row and total.shape == () and row.all()


def read_only():
    made = np.zeros(5)
    made.flags.writeable = False
    return made


BAD_OUTS = {
    "dtype": np.zeros(5, "f4"),
    "extent": np.zeros(6),
    "strided": np.zeros(10)[::2],
    "read-only": read_only(),
    "too many": [np.zeros(5), np.zeros(5)],
    "list": [[0.0] * 5],
    "iterator": iter([np.zeros(5)]),
}


@pytest.mark.parametrize("name", BAD_OUTS)
def test_bad_out_goes_to_the_slow_path(seen, name):
    args, kwargs = seen(X, Y, out=BAD_OUTS[name])
    assert kwargs["out"] is BAD_OUTS[name]


def test_9_2_out_that_overlaps_goes_to_the_slow_path(native, seen):
    memory = np.arange(12.0)
    x = memory[2:7]
    for out in (x, memory[:5], memory[6:11]):
        assert seen(x, Y, out=out)[1]["out"] is out
        assert seen(Y, x, out=out)[1]["out"] is out
    assert seen(x, Y, out=memory[7:]) is not None
    assert_array_equal(memory[7:], 2 * np.arange(2.0, 7) + 1)


def test_outs_that_overlap_each_other_or_a_cell_go_to_the_slow_path(native):
    memory, weights, counter = np.zeros(5), [np.ones(3)], [np.zeros(())]
    made = function(native, programs.spread(native), slow=lambda a, k: "slow")
    assert made(np.eye(4), out=[memory[4:].reshape(()), memory[1:]]) == "slow"
    made = function(native, programs.step(native, weights, counter), slow=lambda a, k: "slow")
    assert made(np.ones(3), out=weights[0]) == "slow"
    other = programs.step(native, weights, counter, update_cells=[[memory[:3]], counter])
    made = function(native, other, slow=lambda a, k: "slow")
    assert made(np.ones(3), out=memory[1:4]) == "slow"
    assert_array_equal(memory, np.zeros(5))


def test_9_2_inputs_may_be_one_array(axpy):
    assert_array_equal(axpy(X, X), 3 * X)


# updates


def test_9_2_updates_use_old_values(native):
    weights, counter = [np.ones(3)], [np.zeros(())]
    made = function(native, programs.step(native, weights, counter))
    for i in range(5):
        old = made(np.ones(3))
        assert_array_equal(old, np.full(3, 1 - 0.5 * i))
    assert_array_equal(weights[0], np.full(3, -1.5))
    assert counter[0] == 5 and type(counter[0]) is np.ndarray


def test_9_2_updates_happen_all_or_none(native):
    weights, counter = [np.ones(3)], [np.zeros(())]
    before = weights[0], counter[0]
    made = function(native, programs.step(native, weights, counter))
    with pytest.raises(RuntimeError, match="99"):
        made(-np.ones(3))
    assert weights[0] is before[0] and counter[0] is before[1]
    assert_array_equal(weights[0], np.ones(3))


def test_9_2_arrays_that_others_hold_are_never_reused(native):
    weights, counter = [np.ones(3)], [np.zeros(())]
    made = function(native, programs.step(native, weights, counter))
    held = []
    for _ in range(6):
        made(np.ones(3))
        held.append(weights[0])
        held.append(weights[0][1:])
    assert [a[0] for a in held[::2]] == [0.5, 0.0, -0.5, -1.0, -1.5, -2.0]
    assert [a[0] for a in held[1::2]] == [0.5, 0.0, -0.5, -1.0, -1.5, -2.0]


def test_memory_behind_a_weak_reference_or_a_buffer_is_never_reused(native):
    weights, counter = [np.ones(3)], [np.zeros(())]
    made = function(native, programs.step(native, weights, counter))
    made(np.ones(3))
    view, weak = memoryview(weights[0]), None
    made(np.ones(3))
    weak = weakref.ref(weights[0])
    for _ in range(4):
        made(np.ones(3))
    assert view[0] == 0.5
    assert weak() is None or weak()[0] == 0.0


def test_5_1_extents_of_cells_may_change(native):
    weights, counter = [np.ones(3)], [np.zeros(())]
    made = function(native, programs.step(native, weights, counter))
    for n in (3, 7, 2, 2):
        weights[0] = np.ones(n)
        made(np.ones(n))
        assert_array_equal(weights[0], np.full(n, 0.5))


@pytest.mark.parametrize("value", [None, np.ones(3, "f4"), np.ones(4), np.ones((3, 1))])
def test_a_cell_that_does_not_fit_goes_to_the_slow_path(native, value):
    weights, counter = [value], [np.zeros(())]
    made = function(native, programs.step(native, weights, counter), slow=lambda a, k: "slow")
    assert made(np.ones(3)) == "slow"
    weights.clear()
    assert made(np.ones(3)) == "slow"


def test_commit_replaces_all_or_nothing(native):
    old, new = [object(), object()], [object(), object()]
    cells = [[x] for x in old]
    assert not native.commit(cells, old[::-1], cells, new)
    assert [c[0] for c in cells] == old
    assert native.commit(cells, old, cells, new)
    assert [c[0] for c in cells] == new
    assert native.commit([], [], cells[:1], old[:1])
    assert cells == [[old[0]], [new[1]]]
    references = [sys.getrefcount(x) for x in (*old, *new)]
    for _ in range(100):
        native.commit(cells, [c[0] for c in cells], cells, new)
        native.commit(cells, new, cells, old)
        native.commit(cells, new, cells, old)
        native.commit([], [], cells, [old[0], new[1]])
    assert [sys.getrefcount(x) for x in (*old, *new)] == references


# construction

GOOD = {"parameters": [1.0], "result": "single"}
ROWS = programs.rows(("input", "f8", (0,)), ("input", "f8", (0,)), ("output", "f8", (0,)))


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (ROWS[:2], GOOD),
        (ROWS[::-1], GOOD),
        ([("thing", *ROWS[0][1:]), *ROWS[1:]], GOOD),
        ([(*ROWS[0][:3], "fortran"), *ROWS[1:]], GOOD),
        ([(*ROWS[0][:2], (1,), "C"), *ROWS[1:]], GOOD),
        (ROWS, {"result": "single"}),
        (ROWS, {**GOOD, "externals": [1]}),
        (ROWS, {**GOOD, "cells": [[X]]}),
        (ROWS, {**GOOD, "constants": [X]}),
        (ROWS, {**GOOD, "update_cells": [[X]]}),
        (ROWS, {**GOOD, "result": "double"}),
        (ROWS, {**GOOD, "result": ("a", "b")}),
    ],
)
def test_entries_that_cannot_work_are_refused(native, rows, options):
    loaded = programs.load(programs.AXPY)
    with pytest.raises(ValueError, match="Entry"):
        native.Entry(loaded.address, loaded, rows, [-1], **options)


# references, threads, forks, signals


def test_calls_leak_nothing(native):
    weights, counter, out = [np.ones(3)], [np.zeros(())], np.zeros(5)
    made = function(native, programs.axpy(native), slow=lambda a, k: None)
    train = function(native, programs.step(native, weights, counter))
    gap = function(native, programs.differences(native, np.ones(2, "f4")))
    x, g, short = np.ones(5), np.ones(3), np.ones(18, "f4")[::2]

    def work():
        made(x, x)
        made(x, x, out=out)
        made(x, out=[out])
        made(x, x, out=x)
        made(x[:2], x)
        gap(short)
        train(g)
        with pytest.raises(RuntimeError):
            train(-g)

    def state():
        return [sys.getrefcount(o) for o in (x, g, short, out, weights, counter)]

    work()
    gc.collect()
    before, blocks = state(), sys.getallocatedblocks()
    for _ in range(2000):
        work()
    gc.collect()
    assert state() == before
    assert sys.getallocatedblocks() - blocks < 500
    train.clear_entries()
    gc.collect()
    references = sys.getrefcount(weights[0])
    assert references == 2


def test_9_4_sixteen_python_threads(native):
    x = np.random.default_rng(1).normal(size=(40_000, 4))
    made = function(native, programs.spread(native, deterministic=True))
    wanted, wrong = made(x)[0].tobytes(), []
    native.set_num_threads(3)

    def work():
        for _ in range(12):
            if made(x)[0].tobytes() != wanted:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_9_2_threads_that_update_one_cell(native):
    weights, counter = [np.zeros(50_000)], [np.zeros(())]
    made = function(native, programs.step(native, weights, counter))
    torn = []

    def work():
        for _ in range(200):
            old = made(np.ones(50_000))
            if (old != old[0]).any():
                torn.append(old)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not torn
    assert counter[0] == 1600 and (weights[0] == -800).all()


def in_child(work) -> int:
    """Run work in a forked child and return 0 if it returned true."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_9_4_fork_after_a_call(native):
    x = np.random.default_rng(1).normal(size=(100_000, 4))
    native.set_num_threads(3)
    made = function(native, programs.spread(native))
    wanted = made(x)[0].tobytes()

    def work():
        results = []
        threads = [threading.Thread(target=lambda: results.append(made(x)[0])) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        inner = in_child(lambda: made(x)[0].tobytes() == wanted)
        return inner == 0 and [r.tobytes() for r in results] == [wanted] * 4

    assert [in_child(work) for _ in range(5)] == [0] * 5
    assert made(x)[0].tobytes() == wanted


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_9_4_fork_while_others_call(native):
    x = np.random.default_rng(1).normal(size=(100_000, 4))
    native.set_num_threads(3)
    made = function(native, programs.spread(native))
    wanted, over = made(x)[0].tobytes(), threading.Event()

    def work():
        while not over.is_set():
            made(x)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        codes = [in_child(lambda: made(x)[0].tobytes() == wanted) for _ in range(10)]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert codes == [0] * 10


INTERRUPTED = """
import importlib, sys, threading, numpy as np, os, signal, time
from tests.runtime import programs
# A process that a shell starts in the background ignores the interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
native = importlib.import_module("closedform.runtime." + sys.argv[1])
native.set_num_threads(int(sys.argv[2]))
made = native.Callable(None)
made.add_entry(programs.slow(native))
x = np.ones(400_000_000 // 8)
small = np.ones(100)
made(small)
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    made(x)
except KeyboardInterrupt:
    made(small)
    print("interrupted")
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_9_4_keyboard_interrupt_stops_a_long_kernel(native, threads):
    name = native.__name__.rpartition(".")[2]
    words = [sys.executable, "-c", INTERRUPTED, name, str(threads)]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment)
    assert done.stdout == "interrupted\n", done.stderr


def test_a_signal_handler_that_raises_stops_a_long_kernel(native):
    class Enough(Exception):
        pass

    def handle(*_):
        raise Enough

    weights = np.ones(50_000_000)
    made = function(native, programs.slow(native))
    old = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Enough):
            made(weights)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert_array_equal(made(weights[:50]), weights[:50])


def test_other_threads_run_during_a_call(native):
    made, ticks = function(native, programs.slow(native)), []
    over = threading.Event()

    def tick():
        while not over.is_set():
            ticks.append(1)
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    made(np.ones(500_000))
    during = len(ticks)
    over.set()
    thread.join()
    assert during > 3
