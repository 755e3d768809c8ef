"""Threads through `cf.function`: the same bits, forks, many callers, how many threads there are."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.acceptance.targets import every_target
from tests.runtime import programs
from tests.runtime.models import MODELS, bits

import closedform as cf
from closedform.runtime import native, threads

ROOT = Path(__file__).parents[2]
ROWS = 30_000
forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture(autouse=True)
def three_threads():
    before = native.num_threads()
    native.set_num_threads(3)
    yield
    native.set_num_threads(before)


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    f, arrays = MODELS[request.param](ROWS)
    return f, arrays, f(*arrays)


def at_once(count: int, work) -> list:
    """What `work` returns in each of several threads that start together."""
    results, start = [], threading.Barrier(count)

    def run() -> None:
        start.wait()
        results.append(work())

    workers = [threading.Thread(target=run) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == count, "a thread raised"
    return results


# ---------------------------------------------------------------- bits


def test_9_4_every_run_with_the_same_threads_gives_the_same_bits(model):
    f, arrays, _ = model
    assert len({bits(f(*arrays)) for _ in range(8)}) == 1


@pytest.mark.parametrize("name", MODELS)
def test_9_4_deterministic_gives_the_same_bits_for_any_number_of_threads(name):
    f, arrays = MODELS[name](ROWS, deterministic=True)
    found = []
    for count in (1, 2, 3, 7):
        native.set_num_threads(count)
        found += [bits(f(*arrays)) for _ in range(2)]
    assert len(set(found)) == 1


def test_threads_change_no_digit_that_counts(model):
    f, arrays, first = model
    for count in (1, 2, 7):
        native.set_num_threads(count)
        for got, want in zip(f(*arrays), first, strict=True):
            assert_allclose(got, want, rtol=1e-11, atol=1e-12)


# ---------------------------------------------------------------- forks


@forks
def test_9_4_parent_and_forked_child_both_compute(model):
    f, arrays, first = model
    want = bits(f(*arrays))
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if bits(f(*arrays)) == want else 1)
        assert bits(f(*arrays)) == want
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@forks
@pytest.mark.parametrize("name", ["logistic", "perceptron"])
def test_9_4_a_pool_of_forked_processes(name):
    f, arrays = MODELS[name](ROWS)
    want = bits(f(*arrays))
    with multiprocessing.get_context("fork").Pool(3, _keep, (f, arrays)) as pool:
        assert pool.map(_kept, range(9)) == [want] * 9
    assert bits(f(*arrays)) == want


def _keep(*task) -> None:
    global task_of_this_process
    task_of_this_process = task


def _kept(_: int) -> bytes:
    f, arrays = task_of_this_process
    return bits(f(*arrays))


# ---------------------------------------------------------------- many callers


def test_9_4_eight_python_threads_call_one_function(model):
    f, arrays, first = model
    want = bits(f(*arrays))
    assert set(at_once(8, lambda: {bits(f(*arrays)) for _ in range(4)} == {want})) == {True}


def test_9_4_eight_python_threads_make_the_first_call_together():
    x = cf.vector("x", shape="n")
    f = cf.function([x], [(x * 3.25).sum(), x.max()], target="c")
    values = np.arange(50_000.0)
    for total, largest in at_once(8, lambda: f(values)):
        assert_allclose(total, 3.25 * values.sum(), rtol=1e-14)
        assert largest == 49_999


TIMES = (  # when each panel was done, by whichever thread
    programs.HEAD
    + """
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}
static int32_t nap(const cf_frame *f, int64_t begin, int64_t end)
{
    struct timespec t = {0, 4000000};
    double start = now();
    nanosleep(&t, NULL);
    double stop = now();
    ROWS { DATA(double, 1)[2 * i] = start; DATA(double, 1)[2 * i + 1] = stop; }
    return CF_OK;
}
static cf_kernel *const kernels[] = {nap};
static const cf_work work = {1e6, 0, {0}};
"""
    + programs.table(
        [programs.array("CF_ARGUMENT", 8, 0), programs.array("CF_ARGUMENT", 8, 0, 1)],
        [programs.fold("kernels", 1, work="&work")],
        arguments=2,
        dims=2,
    )
)


def test_9_4_callers_and_workers_share_the_threads():
    loaded = programs.load(TIMES)
    rows = programs.rows(("input", "f8", (0,)), ("output", "f8", (0, 1)))
    entry = native.Entry(loaded.address, loaded, rows, [-1, 2], result="single")
    panels = len(np.unique(entry.run((np.zeros(400_000),)), axis=0))
    data = np.zeros(400_000 // panels // 16 * 16 * 12)  # twelve panels, each a part of its own
    alone = np.unique(entry.run((data,)), axis=0)
    assert max(_running(alone, t) for t in alone[:, 0]) == 3
    calls = [np.unique(found, axis=0) for found in at_once(3, lambda: entry.run((data,)))]
    everybody = max(found[:, 0].min() for found in calls)
    every = np.concatenate(calls)
    under_way = every[(every[:, 0] <= everybody) & (every[:, 1] >= everybody)]
    later = [t for t in every[:, 0] if t > under_way[:, 1].max()]
    assert later and max(_running(every, t) for t in later) <= 3


def _running(panels: np.ndarray, when: float) -> int:
    return int(((panels[:, 0] <= when) & (panels[:, 1] > when)).sum())


# ---------------------------------------------------------------- how many threads there are


def in_process(script: str, **environment: str | None) -> dict:
    """What a script prints as JSON, run in a new process with `count()` and the models."""
    head = """
import json, os, sys
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's own threads are not what is counted
def count(): return len(os.listdir("/proc/self/task"))
import numpy as np
import closedform as cf
from closedform.runtime import native
from tests.runtime.models import MODELS
"""
    names = ("CLOSEDFORM_NUM_THREADS", "OMP_NUM_THREADS")
    env = {k: v for k, v in os.environ.items() if k not in names}
    env |= {k: v for k, v in environment.items() if v is not None}
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    words = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", head + script]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


linux = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts in /proc/self/task")

LARGE = """
before, found = count(), {}
for name, make in sorted(MODELS.items(), key=lambda pair: pair[0] == "minibatch"):
    f, arrays = make(30_000)
    for _ in range(3):
        f(*arrays)
    found[name] = count() - before
print(json.dumps(found))
"""


@linux
@pytest.mark.parametrize("trampoline", ["", "ctypes"])
def test_9_4_with_one_thread_no_thread_is_started(trampoline):
    env = {"CLOSEDFORM_NUM_THREADS": "1", "CLOSEDFORM_NO_EXTENSION": trampoline}
    assert set(in_process(LARGE, **env).values()) == {0}


@linux
def test_9_4_large_problems_start_threads_once():
    found = in_process(LARGE, CLOSEDFORM_NUM_THREADS="3")
    assert set(found.values()) == {2}


@linux
def test_9_4_small_problems_start_no_threads():
    found = in_process(LARGE.replace("30_000", "10"), CLOSEDFORM_NUM_THREADS="4")
    assert found["logistic"] == found["softmax"] == 0  # some ten thousand operations


def test_9_4_the_environment_says_how_many(monkeypatch):
    monkeypatch.setattr(threads, "processors", lambda: 5)
    for own, usual, want in [
        ("3", "2", 3),
        (" 7 ", "", 7),
        ("", "2", 2),
        ("", "4,2", 4),
        ("", "0", 5),
        ("", "many", 5),
        ("", "", 5),
    ]:
        monkeypatch.setenv("CLOSEDFORM_NUM_THREADS", own)
        monkeypatch.setenv("OMP_NUM_THREADS", usual)
        assert threads.default() == want
    for own in ("0", "-1", "many", "2,3", "1.5"):
        monkeypatch.setenv("CLOSEDFORM_NUM_THREADS", own)
        with pytest.raises(cf.CallError, match="CLOSEDFORM_NUM_THREADS is .*, not a positive"):
            threads.default()


@pytest.mark.parametrize("trampoline", ["", "ctypes"])
def test_9_4_a_number_that_is_none_is_refused_at_the_first_call(trampoline):
    script = """
x = cf.vector("x")
s = cf.shared(0.0)
f = cf.function([x], x.sum(), updates=[(s, s + 1)])
try:
    f(np.ones(3))
    found = "nothing"
except cf.CallError as error:
    found = str(error)
print(json.dumps([found, float(s.get_value())]))
"""
    env = {"CLOSEDFORM_NUM_THREADS": "all", "CLOSEDFORM_NO_EXTENSION": trampoline}
    found, state = in_process(script, **env)
    assert "CLOSEDFORM_NUM_THREADS is 'all'" in found and state == 0


def test_9_4_control_groups_limit_the_processors(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(threads, "GROUPS", tmp_path)
    monkeypatch.setattr(threads, "MEMBERSHIP", tmp_path / "membership")
    assert threads.processors() == 64  # there is no such file
    files = {
        "membership": "9:name=systemd:/\n4:cpu,cpuacct:/one/two\n0::/pod/box\n",
        "pod/box/cpu.max": "max 100000\n",
        "pod/cpu.max": "650000 100000\n",
        "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/one/two/cpu.cfs_quota_us": "2000000\n",
        "cpu,cpuacct/one/two/cpu.cfs_period_us": "100000\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert threads.processors() == 7
    (tmp_path / "pod/cpu.max").write_text("damaged")
    assert threads.processors() == 20
    (tmp_path / "pod/box/cpu.max").write_text("20000 100000")
    assert threads.processors() == 1


WORKERS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from closedform.runtime import threads
threads.processors = lambda: 6
f, arrays = MODELS["logistic"](30_000)
f(*arrays)
def known(k):
    f(*arrays)
    return native.num_threads()
if __name__ == "__main__":
    found = {"parent": native.num_threads()}
    fork = multiprocessing.get_context("fork")
    with fork.Pool(2) as pool:
        found["pool"] = pool.map(known, range(4))
    with ProcessPoolExecutor(2, fork) as pool:
        found["executor"] = list(pool.map(known, range(4)))
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, str(known(0)).encode())
        os._exit(0)
    os.wait()
    found["bare fork"] = int(os.read(read, 9))
    print(json.dumps(found))
"""


@pytest.mark.parametrize(
    ("environment", "parent", "worker"),
    [({}, 6, 1), ({"OMP_NUM_THREADS": "2"}, 2, 2), ({"CLOSEDFORM_NUM_THREADS": "4"}, 4, 4)],
)
def test_9_4_worker_processes_get_one_thread_unless_the_environment_says_more(
    environment, parent, worker
):
    found = in_process(WORKERS, **environment)
    assert found == {
        "parent": parent,
        "pool": [worker] * 4,
        "executor": [worker] * 4,
        "bare fork": parent,
    }


def _threads_of_a_worker(_: int) -> int:
    return native.num_threads()


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_9_4_workers_of_other_start_methods_get_one_thread_too(method, monkeypatch):
    for name in ("CLOSEDFORM_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.map(_threads_of_a_worker, [0]) == [1]


def test_9_4_workers_of_joblib_share_the_processors(monkeypatch):
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    for name in ("CLOSEDFORM_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "src")]))
    for options, want in [({}, max(1, joblib.cpu_count() // 2)), ({"inner_max_num_threads": 3}, 3)]:
        with joblib.parallel_config("loky", n_jobs=2, **options):
            found = joblib.Parallel()(joblib.delayed(_threads_of_a_worker)(k) for k in range(4))
        assert found == [want] * 4


DAEMON = """
import threading, time
f, arrays = MODELS["softmax"](400_000)
def work():
    while True:
        f(*arrays)
f(*arrays)
for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
print(json.dumps("done"))
"""


def test_9_4_a_process_may_end_while_daemon_threads_call():
    assert in_process(DAEMON, CLOSEDFORM_NUM_THREADS="3") == "done"


@every_target
def test_9_2_updates_by_eight_python_threads_are_whole_and_none_is_lost(options):
    x = cf.vector("x", shape="n")
    a, b = cf.shared(np.zeros(60_000), "a"), cf.shared(np.zeros(60_000), "b")
    f = cf.function([x], [a, b], updates=[(a, a + x), (b, b - x)], **options)
    ones = np.ones(60_000)
    f(ones)

    def work() -> None:
        for _ in range(100):
            left, right = f(ones)
            assert_array_equal(left, -right)
            assert_array_equal(left, np.full(60_000, left[0]))

    at_once(8, work)
    assert_array_equal(a.get_value(), np.full(60_000, 801))
    assert_array_equal(b.get_value(), np.full(60_000, -801))


def test_9_2_a_long_call_is_not_overtaken_for_ever():
    X, s = cf.matrix("X", shape=("n", "d")), cf.shared(0.0, "s")
    long = cf.function([X], updates=[(s, s + (0 * cf.exp(cf.sin(X))).sum() + 1000)], target="c")
    short = cf.function([], updates=[(s, s + 1)], target="c")
    data = np.ones((300_000, 5))
    long(data)
    short()
    over, count = threading.Event(), [1]

    def hurry() -> None:
        while not over.is_set():
            short()
            count[0] += 1

    other = threading.Thread(target=hurry)
    other.start()
    for _ in range(5):
        long(data)
    over.set()
    other.join()
    assert s.get_value() == 6000 + count[0]


def test_9_2_a_value_that_is_set_during_a_call_counts():
    X, s = cf.matrix("X", shape=("n", "d")), cf.shared(0.0, "s")
    f = cf.function([X], updates=[(s, s + cf.exp(0 * cf.sin(X)).sum())], target="c")
    data = np.ones((200_000, 5))
    f(data)
    for k in range(1, 20):
        call = threading.Thread(target=f, args=(data,))
        call.start()
        s.set_value(-1e9 * k)
        call.join()
        assert s.get_value() in (-1e9 * k, -1e9 * k + 1e6)


@every_target
def test_9_2_extents_of_shared_values_may_change_during_calls(options):
    W, v = cf.shared(np.ones((2000, 3)), "W"), cf.shared(np.ones(2000), "v")
    f = cf.function([], [v @ W, W.sum(0)], **options)
    other, over = cf.function([], W.sum(), **options), threading.Event()
    f()

    def change() -> None:
        while not over.is_set():
            for columns in (3, 5, 30):
                W.set_value(np.full((2000, columns), float(columns)))
                other()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(300):
            product, total = f()
            assert len(product) in (3, 5, 30)
            assert_array_equal(product, total)
            assert total[0] in (2000, 2000 * len(total))
    finally:
        over.set()
        thread.join()
