"""What `explain` says: whose axis is folded, and what a kernel costs."""

from __future__ import annotations

import re

import numpy as np
import pytest

import closedform as cf
from closedform.algebra.errors import CompileError
from closedform.runtime import costs, explain, machine, native
from closedform.runtime.split import decide


@pytest.fixture(autouse=True)
def known_rate(monkeypatch):
    """Nothing is measured: 10 GB/s from everywhere, 1 Gflop/s of every core."""
    monkeypatch.setattr(machine, "read_rate", lambda place, used: 1e10)
    monkeypatch.setattr(machine, "peak", lambda itemsize: 1e9)


def facts(text: str) -> dict[str, str]:
    """The facts of the cost, by their word."""
    _, found, rest = text.partition("at any extents:\n")
    if not found:
        rest = text.split("):\n", 1)[1] if "):\n" in text else ""
    lines = re.findall(r"^ {4}(\w+(?: \w+)*) {2,}(.+)$", rest, re.MULTILINE)
    return dict(lines)


def fold_line(text: str) -> str:
    return next(line.strip() for line in text.splitlines() if "fold axis" in line)


def logistic(dtype="float64"):
    X, y = cf.matrix("X", shape=("n", "d"), dtype=dtype), cf.vector("y", shape="n", dtype=dtype)
    w = cf.shared(np.zeros(300, dtype), name="w")
    p = 1 / (1 + cf.exp(-(X @ w)))
    cost = -(y * cf.log(p) + (1 - y) * cf.log(1 - p)).mean()
    return cf.function([X, y], cost, updates={w: w - 0.1 * cf.grad(cost, w)})


# ---------------------------------------------------------------- axes


def test_a_fold_axis_without_a_name_is_shown_by_its_argument():
    w, X = cf.vector("w"), cf.matrix("X")
    text = cf.function([w, X], cf.exp(X @ w).sum()).explain()
    assert fold_line(text).startswith("fold axis: axis 0 of 'X'; passes")
    s = cf.shared([[1.0, 2.0]], "s")
    text = cf.function([], cf.exp(s).sum(1)).explain()
    assert fold_line(text).startswith("fold axis: axis 0 of 's'; passes")
    X, w = cf.matrix(), cf.vector()
    text = cf.function([w, X], cf.exp(X @ w).sum()).explain()
    assert fold_line(text).startswith("fold axis: axis 0 of input 2; passes")


def test_a_fold_axis_with_a_name_is_shown_by_it():
    X, w = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d")
    text = cf.function([X, w], cf.exp(X @ w).sum()).explain()
    assert fold_line(text).startswith("fold axis: n; passes")


def test_nothing_is_folded_without_an_axis():
    x = cf.scalar("x")
    assert fold_line(cf.function([x], cf.exp(x)).explain()) == "fold axis: none; passes over it: 0"


# ---------------------------------------------------------------- over extents


def test_before_a_call_costs_are_counts_over_extents():
    found = facts(logistic().explain())
    assert found["read once"] == "'X', 'y', 'w'"
    assert found["written"] == "output 1, 'w'"
    assert found["memory"].startswith("8 n d + 8 n + ") and found["memory"].endswith(" bytes")
    assert found["flops"].startswith("4 n d + ") and "n exp" in found["flops"]
    assert not {"panel", "workspace", "bound"} & set(found)


def test_extents_without_names_get_letters():
    X, w = cf.matrix("X"), cf.vector("w")
    a = cf.vector("a", shape="a")
    found = facts(cf.function([X, w, a], [X @ w, 2 * a]).explain())
    assert "2 b c" in found["flops"]  # a is taken
    assert found["where"] == "b = axis 0 of 'X', c = axis 1 of 'X'"
    x = cf.vector("x", shape="n")
    assert facts(cf.function([x], 3 * x[2:]).explain())["where"] == "a = length of a slice"


def test_nothing_is_measured_before_a_call(monkeypatch):
    monkeypatch.delattr(machine, "read_rate")
    assert "read once" in facts(logistic().explain())


def test_long_lists_are_cut():
    xs = [cf.vector(f"x{k}", shape="n") for k in range(9)]
    found = facts(cf.function(xs, sum(xs[1:], xs[0])).explain())
    assert found["read once"] == "'x0', 'x1', 'x2', 'x3', 'x4', 'x5' and 3 more"


# ---------------------------------------------------------------- at the extents of a call


def test_after_a_call_costs_are_numbers():
    f = logistic()
    f(np.zeros((20_000, 300)), np.zeros(20_000))
    text = f.explain()
    assert "at n = 20000, d = 300 (the first call):" in text
    found = facts(text)
    assert found["read once"] == "'X' (48 MB), 'y' (160 kB), 'w' (2.4 kB)"
    assert found["written"] == "'w' (2.4 kB), output 1 (8 B)"
    assert found["moved"].startswith("48.2 MB from and to memory, ")
    assert found["flops"].startswith("24.2 M; ") and "20 k exp" in found["flops"]
    # 48.2 MB at 10 GB/s; (24.2 M + 15 * 60 k)/(1 G * threads)
    assert ": 48.2 MB at 10 GB/s (measured) = 4.82 ms" in found["bound"]
    assert float(found["intensity"].split()[0]) == pytest.approx(25.1 / 48.2, rel=0.02)


def test_float32_moves_half():
    X = np.zeros((20_000, 300), "float32")
    found = facts(logistic("float32").explain(X, X[:, 0].copy()))
    assert found["read once"].startswith("'X' (24 MB)")


@pytest.mark.parametrize("threads", [1, 3])
def test_panels_parts_and_threads_are_those_of_the_driver(threads):
    before = native.num_threads()
    try:
        native.set_num_threads(threads)
        f = logistic()
        f(np.zeros((20_000, 300)), np.zeros(20_000))
        (special,) = f._special.values()
        extents = [special.sizes(d) for d in special.program.cost.dims]
        told = decide(special.loaded.address, extents, threads)
        (fold,) = (s for s in told.stages if s.panel)
        found = facts(f.explain())
    finally:
        native.set_num_threads(before)
    rows, size, parts, used = re.fullmatch(
        r"(\d+) rows of n, (.+) \(L2: .+\); (\d+) parts? on (\d+) threads?", found["panel"]
    ).groups()
    assert (int(rows), int(parts), int(used)) == fold
    assert fold.threads == threads
    assert machine.decimal(told.workspace, "B") == found["workspace"]
    assert f"at {threads} Gflop/s (estimated)" in found["bound"]


def test_examples_show_the_call_they_would_make():
    f = logistic()
    text = f.explain(np.zeros((5000, 300)), np.zeros(5000))
    assert "at n = 5000, d = 300 (these arguments):" in text
    assert {"panel", "workspace", "bound"} <= set(facts(text))
    assert "cache key" not in text  # nothing was called
    f(np.zeros((100, 300)), np.zeros(100))
    assert "at n = 100, d = 300 (the first call):" in f.explain()
    assert "at n = 5000, d = 300 (these" in f.explain(np.zeros((5000, 300)), np.zeros(5000))


def test_several_passes_are_counted():
    X, w = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d")
    centred = X - X.mean(0)
    f = cf.function([X, w], cf.exp(centred / cf.sqrt((centred**2).mean(0)) @ w).sum())
    text = f.explain(np.ones((3000, 20)), np.ones(20))
    passes = int(re.search(r"passes over it: (\d)", text)[1])
    times = {2: "twice", 3: "3 times"}[passes]
    found = facts(text)
    assert found[f"read {times}"] == "'X' (480 kB)" and found["read once"] == "'w' (160 B)"
    assert text.count("rows of n") == passes


def test_an_example_without_rows_runs_no_kernel():
    text = logistic().explain(np.zeros((0, 300)), np.zeros(0))
    assert "at any extents:" in text


def test_without_a_compiler_the_driver_cannot_be_asked(monkeypatch):
    def fail(*_):
        raise CompileError("no C compiler was found")

    monkeypatch.setattr(explain.loader, "load", fail)
    found = facts(logistic().explain(np.zeros((500, 300)), np.zeros(500)))
    assert found["panel"] == "decided at a call: no C compiler was found"
    assert found["read once"].startswith("'X' (1.2 MB)") and "bound" in found


def test_the_numpy_target_has_no_kernel():
    x = cf.vector("x")
    assert "kernel" not in cf.function([x], x * 2, target="numpy").explain()


def test_times_are_read_easily():
    wanted = {2.5: "2.5 s", 0.0123: "12.3 ms", 4.567e-6: "4.57 us", 3e-9: "3 ns", 0.0: "0 ns"}
    for number, text in wanted.items():
        assert costs._seconds(number) == text
