"""Bad input: every message says what was found, names the user's own line, and how to fix it."""

from __future__ import annotations

import os
import re
import sys
import textwrap

import numpy as np
import pytest

import closedform as cf
import closedform.tensor as T
from closedform.runtime.evaluation import evaluate

FILE = os.path.basename(__file__)


def refused(error, match, call, line=None):
    """Run `call`; check the class of the error, its text, and that it names `line` of this file."""
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert isinstance(caught.value, cf.ClosedformError)
    assert re.search(match, message), message
    assert "fix:" in message
    if line is not None:
        assert f"{FILE}:{line}" in message, message
    return message


def here():
    """The number of the caller's line."""
    return sys._getframe(1).f_lineno


# ---------------------------------------------------------------- calls


def test_wrong_extents_name_variables_extents_and_the_line_that_needs_them():
    X, y = cf.matrix("X", shape=("n", "d")), cf.vector("y", shape="n")
    line = here() + 1
    cost = (X.sum(1) - y).sum()
    f = cf.function([X, y], cost)
    refused(cf.CallError, "axis 0 of 'y' has extent 4, but axis 0 of 'X' has extent 3; both are n",
            lambda: f(np.ones((3, 2)), np.ones(4)), line)  # fmt: skip


def test_wrong_extents_of_unknown_dims_name_the_line_that_made_them_equal():
    x, y = cf.vectors("x", "y")
    line = here() + 1
    z = x * y
    f = cf.function([x, y], z)
    refused(cf.CallError, "axis 0 of 'y' has extent 1, but axis 0 of 'x' has extent 3",
            lambda: f(np.ones(3), np.ones(1)), line)  # fmt: skip


def test_5_2_a_run_time_1_does_not_broadcast_and_the_error_says_how_to_declare_it():
    x = cf.matrix("x")
    line = here() + 1
    z = x + np.ones((2, 3))
    f = cf.function([x], z)
    refused(
        cf.CallError, "has extent 1, not 2(.|\n)*broadcastable=", lambda: f(np.ones((1, 3))), line
    )


def test_declared_extents_are_checked():
    x, r = cf.vector("x", shape=3), cf.row("r")
    f = cf.function([x, r], [2 * x, 2 * r])
    refused(
        cf.CallError, "axis 0 of 'x' has extent 2, not 3", lambda: f(np.ones(2), np.ones((1, 3)))
    )
    refused(
        cf.CallError, "axis 0 of 'r' has extent 2, not 1", lambda: f(np.ones(3), np.ones((2, 3)))
    )


def test_wrong_rank_and_dtype():
    x, k = cf.vector("x"), cf.scalar("k", dtype="int32")
    f = cf.function([x, k], x * k)
    line = here() + 1
    refused(cf.CallError, r"'x' needs 1 axes.*shape \(2, 2\)", lambda: f(np.ones((2, 2)), 1), line)
    refused(cf.CallError, r"'x' needs 1 axes, as in .*shape \(\)", lambda: f(3.0, 1))
    refused(cf.CallError, r"'k' needs a number; the value has shape \(1,\)", lambda: f([1.0], [1]))
    refused(cf.CallError, "'k' has dtype int32, and the array float64", lambda: f([1.0], 1.5))
    refused(cf.CallError, "'k' has dtype int32, and the array int64", lambda: f([1.0], np.array(1)))
    refused(cf.CallError, "dtype complex128", lambda: f([1j], 1))
    refused(cf.CallError, "dtype <U3|dtype", lambda: f("abc", 1))
    refused(cf.CallError, "dtype object", lambda: f([None], 1))
    refused(cf.CallError, "no array", lambda: f([[1, 2], [3]], 1))
    refused(cf.CallError, "symbolic tensor", lambda: f(x, 1))


def test_unknown_missing_and_double_arguments():
    x, rate = cf.vector("x"), cf.scalar("rate")
    f = cf.function([x, rate], x * rate)
    line = here() + 1
    refused(cf.CallError, "'rtae'(.|\n)*did you mean rate", lambda: f([1.0], rtae=2), line)
    refused(cf.CallError, "'rate' .number 2 of 2. is missing", lambda: f([1.0]))
    refused(cf.CallError, "'x' is given twice", lambda: f([1.0], x=[1.0], rate=2))
    refused(cf.CallError, "3 arguments for 2 inputs", lambda: f([1.0], 2, 3))


def test_6_1_two_inputs_of_one_name_are_positional():
    a, b = cf.scalar("v"), cf.scalar("v")
    f = cf.function([a, b], a - b)
    assert f(3, 2) == 1
    refused(cf.CallError, "2 inputs are named 'v'", lambda: f(3, v=2))


# ---------------------------------------------------------------- making functions


def test_unused_inputs(recwarn):
    x, y = cf.vectors("x", "y")
    line = here() + 1
    refused(cf.UnusedInputError, "the input 'y'", lambda: cf.function([x, y], x), line)
    cf.function([x, y], x, on_unused_input="ignore")
    assert not recwarn
    cf.function([x, y], x, on_unused_input="warn")
    assert "'y'" in str(recwarn.pop().message)


def test_an_input_of_which_only_an_extent_is_needed_is_used():
    x, X = cf.vector("x"), cf.matrix("X", shape=("n", "d"))
    assert cf.function([x], x.shape[0] + 1)([1.0, 2.0]) == 3
    assert cf.function([x], cf.zeros_like(x[1:]))([1.0, 2.0]).shape == (1,)
    assert cf.function([X], cf.ones((X.shape[0],)))(np.ones((2, 3))).shape == (2,)
    y = cf.vector("y", shape="n")
    line = here() + 1
    refused(cf.UnusedInputError, "the input 'X'", lambda: cf.function([y, X], y + y.shape[0]), line)


def test_missing_inputs_name_the_line_that_needs_them():
    x, y = cf.vectors("x", "y")
    line = here() + 1
    z = x + y
    refused(cf.FunctionError, "needs 'y', which is not among", lambda: cf.function([x], z), line)


def test_inputs_that_are_none():
    x, s = cf.vector("x"), cf.shared(1.0, "s")
    z = 2 * x
    refused(cf.FunctionError, "in a list", lambda: cf.function(x, z))
    refused(cf.FunctionError, "shared variable 's' is an input", lambda: cf.function([s], s))
    refused(cf.FunctionError, "is computed", lambda: cf.function([z], z))
    refused(cf.FunctionError, "'x' is an input twice", lambda: cf.function([x, x], z))
    refused(cf.FunctionError, "no variable", lambda: cf.function(["x"], z))
    refused(cf.FunctionError, "is str", lambda: cf.function("x", z))
    refused(cf.FunctionError, "is no expression", lambda: cf.function([x], "z"))
    refused(cf.FunctionError, "output key 3", lambda: cf.function([x], {3: z}))


def test_9_7_unknown_and_wrong_options():
    x = cf.vector("x")
    refused(cf.FunctionError, "'profile'", lambda: cf.function([x], x, profile=True))
    refused(cf.FunctionError, "mode='FAST'", lambda: cf.function([x], x, mode="FAST"))
    refused(cf.FunctionError, "target='opencl'", lambda: cf.function([x], x, target="opencl"))
    refused(cf.FunctionError, "soundness='x'", lambda: cf.function([x], x, soundness="x"))
    refused(cf.FunctionError, "on_unused_input=0", lambda: cf.function([x], x, on_unused_input=0))
    refused(cf.FunctionError, "In.update=", lambda: cf.In(x, update=x))


def test_updates():
    x, s, t = cf.vector("x"), cf.shared(np.ones(2), "s"), cf.shared(0, "t")

    def make(updates):
        return lambda: cf.function([x], x, updates=updates)

    line = here() + 1
    refused(cf.FunctionError, "'x', which is not a shared", make([(x, x)]), line - 3)
    refused(cf.FunctionError, "two updates of 's'", make([(s, s), (s, 2 * s)]))
    refused(cf.DTypeError, "update of 't' has dtype float64", make({t: t + 0.5}))
    refused(cf.DTypeError, "update of 't' has dtype float64", make({t: x.sum()}))
    refused(cf.ShapeError, r"update of 's' has shape \(\)", make({s: s.sum()}))
    refused(cf.ShapeError, r"update of 's' has shape", make({s: x[:, None]}))
    refused(cf.FunctionError, "pairs", make([s]))
    refused(cf.FunctionError, "pairs", make(3))
    line = here() + 1
    refused(cf.FunctionError, "'s', which is not a shared", make({"s": s}), line - 12)
    one = cf.shared(np.ones((2, 1)), "one", broadcastable=(False, True))
    refused(cf.ShapeError, "axis 1 differs", make({one: cf.as_tensor(np.ones((2, 2)))}))


def test_givens():
    x, M = cf.vector("x"), cf.matrix("M")

    def make(givens):
        return lambda: cf.function([x], 2 * x, givens=givens, on_unused_input="ignore")

    refused(cf.ShapeError, "what givens puts for 'x' has shape", make({x: M}))
    refused(cf.FunctionError, "no tensor", make({"x": x}))
    refused(cf.FunctionError, "'x' twice", make([(x, x), (x, x)]))
    z = cf.vector("z", dtype="float32")
    refused(cf.DTypeError, "has dtype float64", lambda: cf.function([x], z * 2, givens={z: x}))


def test_eval_without_values_says_to_pass_them():
    x, y = cf.vectors("x", "y")
    z = x + y
    line = here() + 1
    message = refused(cf.FunctionError, "'y'(.|\n)*in the dict", lambda: z.eval({x: [1.0]}), line)
    assert "'x'" not in message and "inputs" not in message
    refused(cf.FunctionError, "'x', 'y'(.|\n)*in the dict", lambda: z.eval(), here())
    refused(cf.CallError, "pass a dict", lambda: x.eval([1.0]), here())
    refused(cf.CallError, "pass a dict", lambda: evaluate(x, np.ones(3)), here())
    refused(cf.CallError, "pass a dict", lambda: x.eval({"x": [1.0]}), here())
    assert cf.grad(x.sum(), x).eval({x: [1.0]}) == 1


@pytest.mark.parametrize("verb", ["pp", "latex"])
def test_printing_what_is_no_tensor(verb):
    x = cf.vector("x")
    line = here() + 1
    refused(cf.ExpressionError, f"{verb} of 3, of type int", lambda: getattr(cf, verb)(3), line)
    refused(cf.ExpressionError, f"{verb} of .*, of type list", lambda: getattr(cf, verb)([x, x]))


def test_5_1_contradicting_lines_are_both_named():
    x, y, z = cf.vector("x"), cf.vector("y", shape="n"), cf.vector("z", shape="m")
    one = here() + 1
    first = (x + y).sum()
    two = here() + 1
    second = (x + z).sum()
    cf.function([x, y], first)
    message = refused(cf.ShapeError, "extents", lambda: cf.function([x, y, z], first + second), two)
    assert f"{FILE}:{one}" in message


# ---------------------------------------------------------------- expressions


def test_expressions_name_their_line():
    x, y = cf.matrix("X", shape=("n", "d")), cf.vector("y", shape="n")
    line = here() + 1
    refused(cf.ShapeError, r"axis 1 of 'X' with shape \(n, d\).*'y'", lambda: x @ y, line)
    refused(cf.ShapeError, "do not match", lambda: x * y)
    refused(cf.ExpressionError, "truth value", lambda: bool(y > 0))
    refused(cf.ExpressionError, "cf.eq", lambda: y == 3)
    refused(cf.ExpressionError, "symbolic", lambda: float(y))
    refused(cf.ExpressionError, "iteration", lambda: list(y))


def test_derivatives_name_their_line():
    x, y = cf.vectors("x", "y")
    k = cf.vector("k", dtype="int64")
    line = here() + 1
    refused(cf.DisconnectedInputError, "'y'", lambda: cf.grad(x.sum(), y), line)
    refused(cf.DerivativeError, "the cost has shape", lambda: cf.grad(x, x))
    refused(cf.DerivativeError, "dtype int64", lambda: cf.grad((x * k).sum(), k))
    assert cf.grad(x.sum(), y, disconnected_inputs="ignore").ndim == 1


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    ["for", "E", "x; y", "a\nb", "*/ int main", "π", "double", "'", '"', "\\", "%s", "{x}", "I"],
)
def test_any_name_is_a_name(name):
    x, s = cf.vector(name), cf.shared(2.0, name)
    y = (s * x**2).sum()
    y.name = name
    f = cf.function([x], [y, cf.grad(y, x)], name=name)
    assert f([1.0, 2.0])[0] == 10
    assert f(**{name: [1.0, 2.0]})[0] == 10
    for text in (cf.pp(y), cf.latex(y), f.source, f.explain(), repr(f)):
        assert isinstance(text, str)
    assert "\n".join(textwrap.wrap(str(f(np.ones(2))[1]))) == "[4. 4.]"


@pytest.mark.parametrize("name", ["", " ", 3, "x" * 201])
def test_what_is_no_name(name):
    refused(cf.ExpressionError, "is named", lambda: cf.vector(name))
    refused(cf.ExpressionError, "is named", lambda: cf.function([], 1.0, name=name))


def test_the_tutorials_spelling_has_the_same_errors():
    x = T.dvector("x")
    refused(cf.DerivativeError, "the cost has shape", lambda: T.grad(x, x), here())


# ---------------------------------------------------------------- compilers


@pytest.mark.parametrize(
    "command, match",
    [
        ("/no/such/cc", "CLOSEDFORM_CC names '/no/such/cc'"),
        ("false", "false --version failed with status 1"),
    ],
)
def test_a_compiler_that_is_missing_or_fails(command, match, monkeypatch):
    monkeypatch.setenv("CLOSEDFORM_CC", command)
    x = cf.vector("x")
    f = cf.function([x], cf.sin(x).sum() + cf.cos(7 * x).sum())
    refused(cf.CompileError, match, lambda: f([1.0]))


def test_a_failed_compilation_leaves_state_and_function_usable(monkeypatch):
    s = cf.shared(1.0, "s")
    f = cf.function([], s, updates={s: s * 5 - 3 + cf.tanh(s * 11)})
    with monkeypatch.context() as patch:
        patch.setenv("CLOSEDFORM_CC", "/no/such/cc")
        refused(cf.CompileError, "names", f)
    assert s.get_value() == 1
    assert f() == 1
    assert s.get_value() == pytest.approx(2 + np.tanh(11))


def test_an_unwritable_cache(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("CLOSEDFORM_CACHE_DIR", str(blocked / "cache"))
    x = cf.vector("x")
    f = cf.function([x], cf.sin(3 * x).sum() + cf.cosh(7 * x).sum())
    refused(cf.CacheError, "file", lambda: f([1.0]))
