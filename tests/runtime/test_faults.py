"""Bad input and faults through `cf.function`: awkward sizes, aliases, interrupts, no memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.acceptance.targets import every_target

import closedform as cf
from closedform.runtime import native

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(5)


# ---------------------------------------------------------------- sizes


def regression():
    """Cost, gradient and predictions of a logistic regression, compiled and as written."""
    X, y = cf.matrix("X", shape=("n", "d")), cf.vector("y", shape="n")
    w = cf.vector("w", shape="d")
    p = 1 / (1 + cf.exp(-(X @ w)))
    cost = (-y * cf.log(p) - (1 - y) * cf.log(1 - p)).mean()
    outputs = [cost, cf.grad(cost, w), p, X.max(0), (X * w).max(1), X - X.mean(0)]
    make = lambda **options: cf.function([X, y, w], outputs, **options)  # noqa: E731
    return make(target="c"), make(mode="FAST_COMPILE")


@pytest.fixture(scope="module")
def pair():
    return regression()


def compare(pair, n: int, d: int, dtype: str = "float64") -> None:
    X, y = RNG.normal(size=(n, d)), RNG.integers(0, 2, n) * 1.0
    w = RNG.normal(size=d) / np.sqrt(d)
    for got, want in zip(*(f(X.astype(dtype), y, w) for f in pair), strict=True):
        assert_allclose(got, want, rtol=1e-9, atol=1e-11, err_msg=f"n={n}, d={d}")


AROUND_PANELS = [1, 2, 15, 16, 17, 33, 255, 256, 257, 511, 513, 1023, 1024, 1025, 8191, 8192, 8193]


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5])
def test_one_row_and_rows_around_panels(pair, d):
    for n in AROUND_PANELS:
        compare(pair, n, d)


@pytest.mark.parametrize("n", [1, 2, 16, 17])
def test_a_hundred_thousand_columns(pair, n):
    compare(pair, n, 100_000)


def test_rows_of_eight_megabytes(pair):
    compare(pair, 3, 1_000_000)


def test_panels_larger_than_cache(pair):
    compare(pair, 70, 100_000)


@pytest.mark.parametrize("threads", [2, 7])
def test_fewer_rows_than_threads(pair, threads):
    before = native.num_threads()
    native.set_num_threads(threads)
    try:
        for n in (1, 3, threads + 1):
            compare(pair, n, 100_000)
    finally:
        native.set_num_threads(before)


def test_5_3_zero_rows_zero_columns_and_back(pair):
    for n, d in [(0, 3), (4, 3), (0, 0), (5, 1), (0, 7), (1, 1)]:
        X, y, w = np.ones((n, d)), np.ones(n), np.ones(d)
        if n == 0:  # NumPy has no maximum of nothing
            for f in pair:
                with pytest.raises((cf.ClosedformError, ValueError)):
                    f(X, y, w)
        else:
            compare(pair, n, d)


@every_target
def test_5_3_sums_and_products_over_zero_rows(options):
    X, w = cf.matrix("X", shape=("n", "d")), cf.shared(np.ones(3), "w")
    cost = ((X @ w) ** 2).sum()
    f = cf.function([X], [cost, X @ w], updates=[(w, w - cf.grad(cost, w))], **options)
    total, rows = f(np.zeros((0, 3)))
    assert total == 0 and rows.shape == (0,)
    assert_array_equal(w.get_value(), np.ones(3))
    f(np.eye(3))
    assert_array_equal(w.get_value(), -np.ones(3))


def test_shapes_may_change_between_calls(pair):
    for n, d in [(3, 2), (1200, 2), (3, 40), (1200, 40), (1, 2), (5000, 17), (2, 2), (1200, 2)]:
        compare(pair, n, d)


# ---------------------------------------------------------------- aliases


@every_target
@pytest.mark.parametrize("size", [5, 50_000])
def test_9_2_inputs_may_overlap_each_other_and_shared_values(options, size):
    x, y = cf.vector("x", shape="n"), cf.vector("y", shape="n")
    s = cf.shared(np.arange(size + 1.0), "s", borrow=True)
    f = cf.function([x, y], x * y + 1, updates=[(s, s * 2)], **options)
    memory = np.arange(size + 2.0)
    left, right = memory[:-1], memory[1:]
    assert_array_equal(f(left, right), left * right + 1)
    held = s.get_value(borrow=True)
    want = held.copy()
    assert_array_equal(f(held, held), want * want + 1)
    assert_array_equal(s.get_value(), 2 * want)
    assert_array_equal(held, want)


@every_target
@pytest.mark.parametrize("size", [5, 50_000])
def test_9_2_out_may_overlap_inputs(options, size):
    x = cf.vector("x")
    f = cf.function([x], [x[::-1] + 1, x.sum()], **options)
    for shift in (0, 1, 2):
        memory = np.arange(size + 2.0)
        values = memory[:size]
        want = values[::-1] + 1
        out = memory[shift : shift + size]
        found, total = f(values, out=[out, None])
        assert found is out and total == size * (size - 1) / 2
        assert_array_equal(out, want)


@every_target
def test_9_2_out_may_be_a_shared_value(options):
    x, s = cf.vector("x", shape="n"), cf.shared(np.arange(4.0), "s")
    read = cf.function([x], x + s[::-1], **options)
    inside = s.get_value(borrow=True)
    assert read(np.ones(4), out=inside) is inside
    assert_array_equal(inside, [4, 3, 2, 1])
    step = cf.function([x], x + s, updates=[(s, s - x)], **options)
    assert_array_equal(step(np.ones(4), out=inside), [5, 4, 3, 2])
    assert_array_equal(s.get_value(), [3, 2, 1, 0])


@every_target
def test_9_2_two_outputs_may_not_share_memory(options):
    x, s = cf.vector("x"), cf.shared(0.0, "s")
    f = cf.function([x], [x + 1, x * 2], updates=[(s, s + 1)], **options)
    memory = np.zeros(9)
    for pair in ([memory[:4], memory[:4]], [memory[:4], memory[3:7]], [memory[:4], memory[3::-1]]):
        with pytest.raises(cf.CallError, match="share memory"):
            f(np.ones(4), out=pair)
    assert s.get_value() == 0 and not memory.any()
    f(np.ones(4), out=[memory[::2][:4], memory[1::2]])  # interleaved, and apart
    assert_array_equal(memory, [2, 2, 2, 2, 2, 2, 2, 2, 0])


# ---------------------------------------------------------------- interrupts and memory

HEAD = """
import os, re, resource, signal, sys, threading
import numpy as np
import closedform as cf
from closedform.runtime import native
native.set_num_threads(int(sys.argv[1]))
"""


def in_process(script: str, *arguments: object, extension: bool = True) -> str:
    """What a script prints, run in a new process."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    env = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    env["CLOSEDFORM_NO_EXTENSION"] = "" if extension else "1"
    words = [sys.executable, "-c", HEAD + script, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


INTERRUPTED = """
X, w, steps = cf.matrix("X", shape=("n", "d")), cf.shared(np.ones(3), "w"), cf.shared(0, "steps")
cost = cf.tanh(cf.exp(cf.sin(X @ w))).mean()
updates = [(w, w - cf.grad(cost, w)), (steps, steps + 1)]
f = cf.function([X], cost, updates=updates, target="c")
endless = np.broadcast_to(np.ones(3), (10**11, 3))  # hours of work in 24 bytes
f(endless[:100_000])
before, out = w.get_value(), np.array(7.0)
for again in range(3):
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        f(endless, out=out)
    except KeyboardInterrupt:
        assert (w.get_value() == before).all() and steps.get_value() == 1
f(endless[:50])
print(steps.get_value())
"""


@pytest.mark.parametrize(("threads", "extension"), [(1, True), (3, True), (3, False)])
def test_9_2_an_interrupt_stops_a_kernel_and_leaves_shared_values(threads, extension):
    assert in_process(INTERRUPTED, threads, extension=extension) == "2"


NO_MEMORY = """
X, s, steps = cf.matrix("X", shape=("n", "d")), cf.shared(np.ones(2), "s"), cf.shared(0, "steps")
updates = [(s, s + 1), (steps, steps + 1)]
def large(f, *arguments):
    status = open("/proc/self/status").read()
    used = int(re.search(r"VmSize:\\s+(\\d+) kB", status).group(1)) << 10
    old = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), old[1]))
    try:
        f(*arguments)
        found = "nothing raised"
    except MemoryError as error:
        found = str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, old)
    assert (s.get_value() == 1).all() and steps.get_value() == 0, "state changed"
    return found
"""

WORKSPACE = """
f = cf.function([X], ((X.T @ X) ** 2).sum(), updates=updates, target="c")
f(np.ones((20, 20)))
s.set_value([1, 1]); steps.set_value(0)
data = np.broadcast_to(np.ones(8000), (50, 8000))
print(large(f, data))
print(f(np.ones((20, 20))), steps.get_value())
"""

OUTPUTS = """
f = cf.function([X], [X + 1, X.sum()], updates=updates, target="c")
f(np.ones((20, 20)))
s.set_value([1, 1]); steps.set_value(0)
print(large(f, np.broadcast_to(np.ones(20), (3_000_000, 20))))
print(f(np.ones((20, 20)))[1], steps.get_value())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
@pytest.mark.parametrize("extension", [True, False])
def test_9_2_no_memory_for_the_workspace_changes_nothing(extension):
    found = in_process(NO_MEMORY + WORKSPACE, 1, extension=extension).splitlines()
    assert found[0].startswith("this call needs ") and "nothing was changed" in found[0]
    assert int(found[0].split()[3]) > 8000**2 * 8
    assert found[1] == "160000.0 1"


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
@pytest.mark.parametrize("extension", [True, False])
def test_9_2_no_memory_for_an_output_changes_nothing(extension):
    found = in_process(NO_MEMORY + OUTPUTS, 1, extension=extension).splitlines()
    assert "Unable to allocate 458. MiB" in found[0]
    assert found[1] == "400.0 1"


FEW_THREADS = """
X = cf.matrix("X", shape=("n", "d"))
f = cf.function([X], cf.exp(X).sum(0), target="c")
data = np.ones((1_000_000, 3))
status = open("/proc/self/status").read()
used = int(re.search(r"VmSize:\\s+(\\d+) kB", status).group(1)) << 10
f(data[:5])
resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20),) * 2)  # 64 stacks take more
assert np.allclose(f(data), np.e * len(data))
print(len(os.listdir("/proc/self/task")) < 64)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
def test_9_4_threads_that_cannot_be_started_are_done_without():
    assert in_process(FEW_THREADS, 64) == "True"
