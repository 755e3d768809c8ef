"""Memory of calls through `cf.function`: workspace, outputs, updates, long sums in float32."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.runtime.models import MODELS

import closedform as cf

ROOT = Path(__file__).parents[2]
PANELS = 8 << 20  # bytes that panels of any problem here stay below


def peak(work) -> int:
    """The most bytes that Python and NumPy hold during a call, beyond those before it."""
    work()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def in_process(script: str, *, threads: int, extension: bool) -> dict:
    """What a script prints as JSON, run in a new process."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    env = {**os.environ, "PYTHONPATH": path, "CLOSEDFORM_NUM_THREADS": str(threads)}
    env |= {"OPENBLAS_NUM_THREADS": "1", "CLOSEDFORM_NO_EXTENSION": "" if extension else "1"}
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# ---------------------------------------------------------------- workspace

WORKSPACE = """
import json
from tests.runtime.models import MODELS
found = {}
for name in ("logistic", "softmax", "perceptron"):
    f, arrays = MODELS[name](20_000)
    large = MODELS[name](200_000)[1]
    blocks = []
    for data in (arrays, large, large):
        f(*data)
        (special,) = f._special.values()
        (tables,) = special.entry._spare_tables
        blocks.append((tables.workspace.block.size, tables.workspace.block.base))
    found[name] = blocks
print(json.dumps(found))
"""


def test_9_3_workspace_does_not_grow_with_the_data_and_is_kept():
    for name, blocks in in_process(WORKSPACE, threads=1, extension=False).items():
        sizes, places = zip(*blocks, strict=True)
        assert sizes[0] == sizes[1] == sizes[2] < PANELS, name
        assert len(set(places)) == 1, name


RESIDENT = """
import json, re
from tests.runtime.models import MODELS
def status(what):
    text = open("/proc/self/status").read()
    return 1024 * int(re.search(what + r":\\s+(\\d+) kB", text).group(1))
found = {}
for name in ("logistic", "softmax", "perceptron"):
    f, arrays = MODELS[name](20_000)
    f(*arrays)
    arrays = MODELS[name](200_000)[1]
    open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
    before = status("VmRSS")
    f(*arrays)
    found[name] = status("VmHWM") - before
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads peaks in /proc")
def test_a_full_batch_of_any_size_allocates_no_intermediate_of_its_size():
    grown = in_process(RESIDENT, threads=2, extension=True)
    one_column = 200_000 * 8  # of the smallest intermediate there could be
    assert max(grown.values()) < one_column, grown


def test_workspace_is_allocated_once_per_thread():
    f, arrays = MODELS["logistic"](20_000)
    f(*arrays)
    assert peak(lambda: f(*arrays)) < 4096
    found = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: found.append(peak(lambda: f(*arrays))))
        thread.start()
        thread.join()
    assert max(found) < 4096


# ---------------------------------------------------------------- outputs and updates


@pytest.mark.parametrize("rows", [10, 100_000])
def test_9_2_outputs_are_written_in_place(rows):
    X = cf.matrix("X", shape=("n", "d"))
    f = cf.function([X], [2 * X, X.sum(0), X.max(1)], target="c")
    data, out = np.ones((rows, 5)), [np.zeros((rows, 5)), np.zeros(5), np.zeros(rows)]
    places = [a.ctypes.data for a in out]
    assert peak(lambda: f(data, out=out)) < 4096
    found = f(data, out=out)
    assert all(a is b for a, b in zip(found, out, strict=True))
    assert [a.ctypes.data for a in found] == places
    for got, want in zip(found, [2 * data, data.sum(0), np.ones(rows)], strict=True):
        assert_array_equal(got, want)
    assert peak(lambda: f(data, out=[None, out[1], out[2]])) < 4096 + data.nbytes


def test_updates_go_back_and_forth_between_two_arrays():
    x = cf.vector("x", shape="n")
    w, v = cf.shared(np.zeros(100_000), "w"), cf.shared(np.zeros(100_000), "v")
    f = cf.function([x], updates=[(v, 0.5 * v - x), (w, w + 0.5 * v - x)], target="c")
    ones, places = np.ones(100_000), set()
    for _ in range(20):
        f(ones)
        places |= {s.get_value(borrow=True).ctypes.data for s in (w, v)}
    assert peak(lambda: f(ones)) < 4096
    assert len(places) <= 6  # the first value of each, and two that take turns


# ---------------------------------------------------------------- long sums


@pytest.mark.parametrize("stored", ["dense", "broadcast"])
def test_4_4_sums_of_a_hundred_million_float32_keep_six_digits(stored):
    n = 10**8
    x = cf.vector("x", dtype="float32")
    f = cf.function([x], [x.sum(), x.mean(), (x * x).sum(), (x - 0.5).sum()], target="c")
    one = np.float32(0.1)
    data = np.full(n, one) if stored == "dense" else np.broadcast_to(one, (n,))
    exact = float(one)
    square, less = float(one * one), float(one - np.float32(0.5))
    want = [n * exact, exact, n * square, n * less]
    found = f(data)
    assert all(a.dtype == np.float32 for a in found)
    assert_allclose(np.float64(found), want, rtol=1e-6)


def test_4_4_gradients_of_float32_over_many_rows_keep_six_digits():
    X, y = cf.fmatrix("X"), cf.fvector("y")
    w = cf.fvector("w")
    cost = ((X @ w - y) ** 2).mean()
    f = cf.function([X, y, w], [cost, cf.grad(cost, w)], target="c")
    r = np.random.default_rng(0)
    data, target = r.random((2_000_000, 3), "float32"), r.random(2_000_000, "float32")
    weight = np.float32([0.5, 0.25, 1])
    wide, goal = data.astype(float), target.astype(float)
    error = wide @ weight.astype(float) - goal
    got, slope = f(data, target, weight)
    assert_allclose(got, math.fsum(error**2) / len(error), rtol=1e-6)
    assert_allclose(slope, 2 * wide.T @ error / len(error), rtol=1e-6)
