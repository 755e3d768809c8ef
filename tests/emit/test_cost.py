"""The cost model: counts by hand, passes that no spelling changes, and what caches make of them."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from tests import running

from closedform.algebra import functions as F
from closedform.algebra.constructors import tensor
from closedform.algebra.dims import Dim, FreshDim
from closedform.algebra.gradient import grad, hessian
from closedform.emit.cost import operations
from closedform.emit.count import Count
from closedform.emit.estimate import Cost, Split

n, d, k, h = (Dim(name) for name in "ndkh")
SIZES = {n: 1000, d: 40, k: 30, h: 20}


def cost_of(inputs, outputs, baked=()) -> Cost:
    """The cost of the compute form; arrays are placeholders of the right rank and dtype."""
    arrays = {x.node: np.zeros((1,) * x.ndim, x.dtype) for x in inputs}
    return running.program(running.simplified(outputs), arrays, baked).cost


def leading(count: Count, *extents) -> float:
    """Coefficient of a product of extents."""
    (wanted,) = Count.of(1, extents).terms
    return count.terms.get(wanted, 0.0)


def regression(dtype="float64"):
    X, y, w = tensor("X", (n, d), dtype), tensor("y", (n,), dtype), tensor("w", (d,), dtype)
    return X, y, w


def logistic(X, y, w):
    t = X @ w
    return (F.softplus(t) - y * t).mean()


def logistic_written_out(X, y, w):
    p = 1 / (1 + F.exp(-(X @ w)))
    return -(y * F.log(p) + (1 - y) * F.log(1 - p)).mean()


def poisson(X, y, w):
    return (F.exp(X @ w) - y * (X @ w)).mean()


def softmax(names="XTW", dims=(n, d, k)):
    rows, columns, classes = dims
    X, T, W = (
        tensor(names[0], (rows, columns)),
        tensor(names[1], (rows, classes)),
        tensor(names[2], (columns, classes)),
    )
    cost = -(T * F.log_softmax(X @ W, 1)).sum(1).mean()
    return [X, T, W], [cost, grad(cost, W)]


def perceptron():
    X, T = tensor("X", (n, d)), tensor("T", (n, k))
    V, W = tensor("V", (d, h)), tensor("W", (h, k))
    cost = -(T * F.log_softmax(F.tanh(X @ V) @ W, 1)).sum(1).mean()
    return [X, T, V, W], [cost, *grad(cost, [V, W])]


# ---------------------------------------------------------------- counts by hand


def test_matrix_times_vector():
    X, _, w = regression()
    cost = cost_of([X, w], [X @ w])
    assert cost.operations == Count.of(2, [n, d])
    assert cost.calls == {}
    assert cost.memory == Count.of(8, [n, d]) + Count.of(8, [d]) + Count.of(8, [n])
    assert [cost.passes(a) for a in range(3)] == [1, 1, 0]
    assert [cost.writes(a) for a in range(3)] == [False, False, True]


@pytest.mark.parametrize(("dtype", "item"), [("float64", 8), ("float32", 4)])
def test_elementwise(dtype, item):
    x, y = tensor("x", (n,), dtype), tensor("y", (n,), dtype)
    cost = cost_of([x, y], [F.exp(x) * y + 3 * x - F.sqrt(y) / (1 + x)])
    # e*y, 3*x, +, +, 1 + x; a change of sign is free
    assert cost.operations == Count.of(5, [n])
    assert cost.calls == {name: Count.of(1, [n]) for name in ("exp", "sqrt", "divide")}
    assert cost.memory == Count.of(3 * item, [n])
    assert {size for w in cost.walks for size in w.operations} == {item}


def test_gradient_of_a_generalised_linear_model():
    X, y, w = regression()
    loss = poisson(X, y, w)
    cost = cost_of([X, y, w], [loss, grad(loss, w)])
    assert leading(cost.operations, n, d) == 4  # X w and X^T r
    # exp(t) - y t summed: 3; r = (exp(t) - y)/n: 2; mean and scale of the gradient are O(d)
    assert 4 <= leading(cost.operations, n) <= 6
    assert cost.calls["exp"] == Count.of(1, [n])
    assert leading(cost.memory, n, d) == 8 and leading(cost.memory, n) == 8


def test_softmax_regression():
    cost = cost_of(*softmax())
    assert leading(cost.operations, n, d, k) == 4  # X W and X^T R
    assert leading(cost.calls["exp"], n, k) == 1
    assert cost.calls["log"] == Count.of(1, [n])
    assert leading(cost.memory, n, d) == 8 and leading(cost.memory, n, k) == 8


def test_perceptron():
    cost = cost_of(*perceptron())
    assert leading(cost.operations, n, d, h) == 4  # X V, X^T D
    assert leading(cost.operations, n, h, k) == 6  # H W, H^T R, R W^T
    assert cost.calls["tanh"] == Count.of(1, [n, h])


def test_hessian():
    X, y, w = regression()
    cost = cost_of([X, y, w], [hessian(logistic(X, y, w), w)])
    assert leading(cost.operations, n, d, d) == 2  # X^T (D X)
    assert leading(cost.operations, n, d) in (3, 4)  # X w: 2; D X: 1, or 2 with a factor
    assert cost.passes(0) == 1


def test_standardised_columns_take_a_pass_for_each_sum_that_waits():
    X, y, w = regression()
    centred = X - X.mean(0)
    Z = centred / F.sqrt((centred**2).mean(0))
    loss = logistic(Z, y, w)
    cost = cost_of([X, y, w], [loss, grad(loss, w)])
    passes = sum(walk.fold for walk in cost.walks)
    assert passes in (2, 3)  # mean; variance, unless it is carried along; loss and gradient
    assert [cost.passes(a) for a in range(3)] == [passes, 1, 1]
    (roots,) = cost.calls["sqrt"].terms.keys()
    assert Count({roots: 1.0}) == Count.of(1, [d])  # per column, not per element
    assert leading(cost.memory, n, d) == 8 * passes


def test_one_pass_for_sums_that_do_not_wait():
    X, _, _ = regression()
    cost = cost_of([X], [X.sum(0), (X**2).sum(0), X.max(0)])
    assert cost.passes(0) == 1 and leading(cost.memory, n, d) == 8
    assert cost.operations == Count.of(4, [n, d])  # +, square and +, max


def test_a_slice_moves_what_it_reads():
    X, _, _ = regression()
    cost = cost_of([X], [X[5] * 2])
    assert cost.memory == Count.of(16, [d]) and cost.operations == Count.of(1, [d])


def test_baked_extents_are_numbers():
    X, _, w = regression()
    cost = cost_of([X, w], [X @ w], baked=((d, 5),))
    assert cost.operations == Count.of(10, [n])


def test_fused_expressions_are_counted_once():
    x = tensor("x", (n,))
    e = F.exp(x)
    assert cost_of([x], [e + 1, e - x, (e * x).sum()]).calls == {"exp": Count.of(1, [n])}


# ---------------------------------------------------------------- passes


def models():
    X, y, w = regression()
    for name, loss in [("logistic", logistic), ("poisson", poisson)]:
        yield name, [X, y, w], [loss(X, y, w), grad(loss(X, y, w), w)]
    yield "softmax", *softmax()
    yield "perceptron", *perceptron()


@pytest.mark.parametrize("name", [name for name, *_ in models()])
def test_one_pass_over_the_data(name):
    inputs, outputs = next(rest for other, *rest in models() if other == name)
    cost = cost_of(inputs, outputs)
    assert cost.axis == n
    assert cost.passes(0) == 1


def test_passes_do_not_depend_on_spelling_or_names():
    X, y, w = regression()
    found = set()
    for loss in (logistic, logistic_written_out):
        cost = cost_of([X, y, w], [loss(X, y, w), grad(loss(X, y, w), w)])
        found.add(tuple(map(cost.passes, range(cost.arguments))))
    assert len(found) == 1
    ours, theirs = cost_of(*softmax()), cost_of(*softmax("zyx", (Dim("z"), Dim("a"), Dim("A"))))
    rename = {Dim("z"): n, Dim("a"): d, Dim("A"): k}
    assert ours.memory.at(SIZES.get) == theirs.memory.at(lambda e: SIZES[rename[e]])
    assert ours.operations.at(SIZES.get) == theirs.operations.at(lambda e: SIZES[rename[e]])


# ---------------------------------------------------------------- at given extents


def size(extent) -> int:
    return extent if isinstance(extent, int) else SIZES[extent]


def estimated(cost: Cost, panel: int, cache: float):
    return cost.at(size, cache, [Split(panel, 1, 1) if w.fold else None for w in cost.walks])


def test_an_estimate_is_the_counts_at_the_extents():
    cost = cost_of(*softmax())
    found = estimated(cost, 64, 1 << 20)
    assert found.memory == cost.memory.at(size)
    assert sum(found.operations.values()) == cost.operations.at(size)
    assert found.passes[:3] == (1, 1, 1)
    assert found.touched[0] == 8 * 1000 * 40
    assert found.footprint == 8 * (1000 * 40 + 1000 * 30 + 40 * 30 + 1 + 40 * 30)
    work = sum(found.operations.values()) + 15 * sum(found.calls.values())
    assert found.intensity == work / found.memory


def test_a_panel_that_does_not_stay_is_read_by_every_kernel():
    cost = cost_of(*softmax())
    fold = next(w for w in cost.walks if w.fold)
    readers = next(a.reads for a in fold.accesses if a.array == 0)
    assert readers == 2  # X W, X^T R
    panel = next(p for p in estimated(cost, 64, 1).panels if p)
    assert panel > 8 * 64 * (40 + 30)  # rows of X and of T, and buffers
    assert estimated(cost, 64, panel).passes[0] == 1
    assert estimated(cost, 64, panel - 1).passes[0] == readers


def test_weights_that_do_not_stay_are_read_for_every_panel():
    X, _, w = regression()
    cost = cost_of([X, w], [X @ w])
    weights = 8 * 40
    assert estimated(cost, 100, weights * 1000).passes == (1, 1, 0)
    assert estimated(cost, 100, weights - 1).passes == (1, 10, 0)


def test_what_is_kept_for_all_rows_is_memory_once_it_outgrows_the_caches():
    X, _, w = regression()
    v = F.exp(X @ w)
    cost = cost_of([X, w], [v[::-1] * v])
    kept = 8 * 1000
    small, large = estimated(cost, 16, kept), estimated(cost, 16, kept - 1)
    assert large.memory - small.memory >= 2 * kept  # written, and read again


def test_caches_move_what_memory_does_not():
    cost = cost_of(*softmax())
    found = estimated(cost, 50, 1 << 20)
    every = sum(
        a.bytes.at(size) * (a.reads + a.writes) * (1 if a.along or not w.fold else 20)
        for w in cost.walks
        for a in w.accesses
    )
    assert found.caches == every - found.memory


# ---------------------------------------------------------------- expressions and counts


def test_operations_of_expressions():
    from closedform.algebra.scalar import Add, Mul, Pow, Slot, exp, lt, maximum, where

    a, b, c = map(Slot, range(3))
    assert operations(Add(a, b, c)) == (2, ())
    assert operations(Mul(-1, a, b)) == (1, ())
    assert operations(Mul(-1, a)) == (0, ())
    assert operations(Mul(a, Pow(b, -1))) == (0, ())  # the division is counted at Pow
    assert operations(Pow(b, -1)) == (0, ("divide",))
    assert operations(Pow(a, 3)) == (2, ())
    assert operations(Pow(a, sympy.Rational(-1, 2))) == (0, ("divide", "sqrt"))
    assert operations(Pow(a, b)) == (0, ("pow",))
    assert operations(exp(a)) == (0, ("exp",))
    for cheap in (maximum(a, b), lt(a, b), where(lt(a, b), a, b)):
        assert operations(cheap) == (1, ())


def test_counts_are_polynomials():
    m = FreshDim()
    count = Count.of(2, [n, d]) + Count.of(3, [d, n]) + Count.of(1, [n, n, 4]) + Count.of(7, [m])
    assert count.at({n: 10, d: 3, m: 2}.__getitem__) == 5 * 30 + 400 + 14
    names = {n: "n", d: "d", m: "m"}
    assert count.text(names) == "4 n^2 + 5 n d + 7 m"
    assert (count * 2 + count).at({n: 1, d: 1, m: 1}.get) == 3 * 16
    assert Count().text(names) == "0" and not Count() and Count.of(0, [n]) == Count()
    assert Count.of(6, [2]).text(names) == "12" and Count.of(1, [m]).text(names) == "m"
    many = sum((Count.of(1, [n] * power) for power in range(1, 7)), Count())
    assert many.text(names) == "n^6 + n^5 + n^4 + ..."
