"""Copies, clones, guards and printed values: the state of functions, and what they let you see."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.acceptance.targets import every_target

import closedform as cf

MODES = pytest.mark.parametrize("options", [{}, {"target": "numpy"}, {"mode": "FAST_COMPILE"}])


def accumulator(**options):
    state, inc = cf.shared(np.zeros(2), name="state"), cf.vector("inc", shape=2)
    return state, cf.function([inc], state * 2, updates=[(state, state + inc)], **options)


# ---------------------------------------------------------------- copies


@every_target
def test_9_9_a_copy_has_a_state_of_its_own(options):
    """Theano's tutorial: the copy adds to new_state, and the function goes on with state."""
    state, f = accumulator(name="step", **options)
    new = cf.shared(np.array([100.0, 200.0]), name="new_state")
    g = f.copy(swap={state: new})
    assert_array_equal(f([1.0, 1.0]), [0, 0])
    assert_array_equal(g([5.0, 5.0]), [200, 400])
    assert_array_equal(state.get_value(), [1, 1])
    assert_array_equal(new.get_value(), [105, 205])
    assert g.name == "step" and f.copy(name="other").name == "other"
    assert [s.name for s in g.shared] == ["new_state"]


@every_target
def test_a_copy_without_updates(options):
    state, f = accumulator(**options)
    g = f.copy(delete_updates=True)
    f([3.0, 4.0])
    assert_array_equal(g([9.0, 9.0]), [6, 8])
    assert_array_equal(state.get_value(), [3, 4])


def test_a_copy_survives_pickling():
    state, f = accumulator()
    new = cf.shared(np.ones(2), name="new")
    g = pickle.loads(pickle.dumps(f.copy(swap=[(state, new)])))
    assert_array_equal(g([1.0, 2.0]), [2, 2])
    assert_array_equal(g.shared[0].get_value(), [2, 3])
    assert_array_equal(new.get_value(), [1, 1])


def swaps():
    state, f = accumulator()
    other = cf.shared(np.zeros(2), name="other")
    narrow = cf.shared(np.zeros(2, "float32"), name="narrow")
    matrix = cf.shared(np.zeros((2, 2)), name="matrix")
    two = cf.function([], [], updates=[(state, state + 1), (other, other + state)])
    return {
        "not of the function": (f, {other: state}, cf.FunctionError, "'other'"),
        "not shared": (f, {state: cf.vector("x")}, cf.FunctionError, "'state'"),
        "dtype": (f, {state: narrow}, (cf.FunctionError, cf.DTypeError), "float32"),
        "rank": (f, {state: matrix}, cf.ClosedformError, r"\(\?, \?\)"),
        "no pairs": (f, [state], cf.FunctionError, "swap"),
        "two updates": (two, {state: other}, cf.FunctionError, "two updates"),
    }


@pytest.mark.parametrize("name", swaps())
def test_swaps_that_are_refused(name):
    f, swap, kind, text = swaps()[name]
    with pytest.raises(kind, match=f"(?s){text}.*where: .*test_observing.*fix: "):
        f.copy(swap=swap)


# ---------------------------------------------------------------- clones


def test_clones_replace_variables_and_expressions():
    x, y, z = cf.vectors("x", "y", "z", shape="n")
    inner = cf.exp(x)
    cost = (inner * y).sum()
    by_x, by_inner = cf.clone(cost, {x: z * 2}), cf.clone(cost, replace=[(inner, z)])
    f = cf.function([y, z], [by_x, by_inner])
    a, b = np.array([1.0, 2.0]), np.array([0.3, -0.4])
    assert_allclose(f(a, b), [(np.exp(2 * b) * a).sum(), (a * b).sum()])
    assert cf.pp(cost) == "sum((exp(x) * y))"  # as it was


def test_clones_of_several_share_what_they_shared():
    x, y = cf.scalars("x", "y")
    one, other = cf.clone((x + 1, (x + 1) * x), {x: y})
    assert cf.function([y], [one, other])(2.0) == [3, 6]
    assert isinstance(cf.clone([x], {}), list)
    assert cf.clone(x * 2).node is not None


def test_clones_of_derivatives_and_shared_variables():
    x, w = cf.scalar("x"), cf.shared(3.0, name="w")
    slope = cf.grad(w**2 * x, w)
    v = cf.shared(5.0, name="v")
    assert cf.function([x], cf.clone(slope, {w: v}))(2.0) == 20


@pytest.mark.parametrize("new, kind, text", [
    (cf.matrix("m"), cf.ShapeError, r"\(\?, \?\)"), (cf.vector("k", dtype="int64"), cf.DTypeError,
    "int64"), (cf.vector("three", shape=3), None, ""), ("text", cf.ClosedformError, "text"),
])  # fmt: skip
def test_clones_that_do_not_fit(new, kind, text):
    x = cf.vector("x", shape=4) if text == "" else cf.vector("x", shape="n")
    with pytest.raises(kind or cf.ShapeError, match=f"(?s){text}.*fix: "):
        cf.clone(x * 2, {x: new})
    with pytest.raises(cf.ExpressionError, match="fix"):
        cf.clone(x, [x])
    with pytest.raises(cf.ExpressionError, match="fix"):
        cf.clone(3, {})


# ---------------------------------------------------------------- guards


@pytest.mark.parametrize("target", ["c", "numpy"])
def test_9_9_a_guard_names_the_operation_and_changes_nothing(target):
    w, x = cf.shared(np.ones(2), name="w"), cf.vector("x", shape=2)
    inner = cf.log(x)
    line = test_9_9_a_guard_names_the_operation_and_changes_nothing.__code__.co_firstlineno + 3
    f = cf.function([x], (inner * 2).sum(), updates=[(w, w + x)], mode="NanGuardMode",
                    target=target)  # fmt: skip
    assert_allclose(f([1.0, np.e]), 2)
    before = w.get_value()
    with pytest.raises(ArithmeticError) as caught:
        f([1.0, -1.0])
    text = str(caught.value)
    assert "NaN" in text and "log(" in text and f"test_observing.py:{line}" in text, text
    assert "fix: " in text
    assert_array_equal(w.get_value(), before)


WRONG = {
    "infinity": (lambda x: 1 / x, 0.0, "infinity"),
    "huge": (lambda x: x * 1e8, 1e5, "magnitude"),
    "input": (lambda x: x * 0, np.nan, "the input 'x' has NaN"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_guard_meets(name):
    build, at, text = WRONG[name]
    x = cf.scalar("x")
    f = cf.function([x], build(x), mode="NanGuardMode")
    assert f(0.5) == build(0.5)
    with pytest.raises(cf.ClosedformError, match=f"(?s){text}.*where: .*fix: "):
        f(at)


def test_9_9_debug_mode_names_the_operation_that_differs_first():
    x, y = cf.vectors("x", "y", shape="n")
    quotient = x * y / y
    f = cf.function([x, y], (quotient + 1).sum() * 2, mode="DebugMode")
    with pytest.warns(UserWarning, match=r"it begins with \(\(x \* y\) / y\) \(.*test_observing"):
        assert f([1.0, 2.0], [3.0, 0.0]) == 10


def test_a_guard_looks_at_new_values():
    w = cf.shared(1.0, name="w")
    f = cf.function([], [], updates=[(w, w * 1e6)], mode="NanGuardMode")
    f()
    with pytest.raises(cf.ClosedformError, match="magnitude"):
        f()
    assert w.get_value() == 1e6


# ---------------------------------------------------------------- printed values


@MODES
def test_9_9_values_are_printed_at_every_call(options, capsys):
    x = cf.vector("x")
    f = cf.function([x], cf.print_value(x * 2, "twice").sum(), **options)
    assert f([1.0, 2.0]) == 6 and f([3.0]) == 6
    assert capsys.readouterr().out == "twice: [2. 4.]\ntwice: [6.]\n"


def test_printing_keeps_derivatives_updates_and_structure(capsys):
    x, w = cf.scalar("x"), cf.shared(2.0, name="w")
    y = cf.print_value(w * x, "y")
    f = cf.function([x], {"cost": y**2}, updates=[(w, w - cf.grad(y**2, w))])
    assert f(3.0) == {"cost": 36}
    assert w.get_value() == 2 - 2 * 6 * 3
    assert capsys.readouterr().out == "y: 6.0\n"
    g = cf.function([x], y, name="shown")
    assert (g.name, g.outputs[0].ndim, g.inputs[0].name) == ("shown", 0, "x")
    out = np.zeros(())
    assert g(1.0, out=out) is out and out == w.get_value()
    assert "y: " in capsys.readouterr().out


def test_printing_functions_are_copied_and_pickled(capsys):
    w, v = cf.shared(2.0, name="w"), cf.shared(7.0, name="v")
    f = cf.function([], cf.print_value(w, "w is") + 1)
    assert f.copy(swap={w: v})() == 8
    assert pickle.loads(pickle.dumps(f))() == 3
    assert capsys.readouterr().out == "w is: 7.0\nw is: 2.0\n"


def test_what_is_not_needed_is_not_printed(capsys):
    x = cf.scalar("x")
    cf.print_value(x, "never")
    assert cf.function([x], x + 1)(1.0) == 2
    assert capsys.readouterr().out == ""


# ---------------------------------------------------------------- profiles


def regression():
    r = np.random.default_rng(1)
    X, W = cf.matrix("X", shape=("n", "d")), cf.shared(r.normal(size=(60, 40)), name="W")
    cost = (cf.tanh(X @ W) ** 2).mean()
    return r.normal(size=(3000, 60)), X, W, cost


def test_9_9_a_profile_times_every_loop_and_library_call():
    data, X, W, cost = regression()
    f = cf.function([X], cost, updates=[(W, W - cf.grad(cost, W))], target="c")
    before = W.get_value()
    found = f.profile(data, calls=3)
    assert_array_equal(W.get_value(), before)
    kernels = [line for line in f.explain(data).split("\n") if line.strip()[:1] == "k"]
    assert [r.text for r in found.rows] == [
        k.split(": ", 1)[1] for k in kernels if ": " in k and k.strip()[1:2].isdigit()
    ]
    library = [r for r in found.rows if "matrix library" in r.text]
    assert len(library) == 2 and all(r.runs >= 1 and r.seconds > 0 for r in library)
    assert sum(r.seconds for r in found.rows) <= found.seconds
    assert "matrix library" in str(found) and "one thread" in str(found)


def test_9_9_a_profile_runs_what_a_call_runs():
    """The copied table computes: the kernels write the same outputs."""
    from closedform.runtime import profiling

    data, X, W, cost = regression()
    f = cf.function([X], [cost, cf.grad(cost, W)], target="c")
    want = f(data)
    special = next(iter(f._special.values()))
    clocks = profiling.Clocks(special.loaded.address, special.loaded.owner)
    assert sum(clocks.runs) == 0
    found = profiling.compiled(f._forms, special, [data], 1)
    assert all(r.runs for r in found.rows)
    for one, other in zip(f(data), want, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("options", [{"target": "numpy"}, {"mode": "FAST_COMPILE"}])
def test_9_9_a_profile_of_the_numpy_target_has_a_row_per_operation(options):
    data, X, _, cost = regression()
    f = cf.function([X], cost, **options)
    found = f.profile(data, calls=2)
    assert any("tanh" in r.text for r in found.rows)
    assert all(r.runs == 1 and r.seconds >= 0 for r in found.rows)


def test_9_9_a_profile_needs_arguments_that_fit():
    data, X, _, cost = regression()
    f = cf.function([X], cost)
    with pytest.raises(cf.CallError, match="'X'.*missing"):
        f.profile()
    assert f.profile(data[:0], calls=1).rows
