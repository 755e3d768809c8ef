"""The language of bodies: unique, never evaluated, and with every table complete."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import sympy
from numpy.testing import assert_allclose, assert_array_equal
from tests.exact import EXACT, WHOLE, applied, domain

import closedform as cf
from closedform.algebra import scalar
from closedform.algebra.node import FLOAT64, map_node
from closedform.algebra.node import sign as sign_of_node
from closedform.algebra.partials import PARTIALS, STRUCTURAL
from closedform.algebra.scalar import CLASSES, PRIMITIVES, Add, Mul, Pow, Slot, substitute
from closedform.algebra.sympy_bodies import MEANINGS, to_sympy
from closedform.algebra.tensor import Tensor, apply, compare, logical
from closedform.runtime.meaning import NUMPY, compiled

A, B = Slot(0), Slot(1)
P = Slot(0, "positive")
Q = Slot(0, "nonnegative")
R = Slot(1, "positive")


def test_equal_expressions_are_one_object():
    assert A * B + 1 is Add(Mul(A, B), 1)
    assert Slot(0) is A
    assert Slot(0, "positive") is not A
    assert pickle.loads(pickle.dumps(A / B)) is A / B


def test_2_1_nothing_is_evaluated():
    assert scalar.show(scalar.exp(scalar.log(A))) == "exp(log(s0))"
    assert scalar.show(A - A) == "Add(s0, Mul(-1, s0))"
    assert scalar.show(Pow(Pow(A, 2), sympy.Rational(1, 2))) == "Pow(Pow(s0, 2), 1/2)"


def test_substitution_and_measures():
    e = scalar.exp(A) * B
    assert scalar.slots(e) == {0, 1}
    assert scalar.size(e) == 2
    assert scalar.substitute(e, {0: B, 1: A}) is scalar.exp(B) * A
    assert scalar.replace(e, {scalar.exp(A): A}) is A * B
    assert scalar.subexpressions(e)[-1] is e


SIGNS = [
    (scalar.exp(A), "positive"), (A * A, "real"), (A**2, "nonnegative"), (P * P, "positive"),
    (Q + R, "positive"), (Q + Q, "nonnegative"), (Q - R, "real"), (P / P, "positive"),
    (scalar.maximum(A, R), "positive"), (scalar.minimum(A, R), "real"),
    (scalar.minimum(R, Q), "nonnegative"), (scalar.log1p(P), "positive"), (scalar.log(P), "real"),
    (scalar.absolute(A), "nonnegative"), (scalar.absolute(P), "positive"), (-P, "real"),
    (scalar.where(scalar.gt(A, 0), P, 1), "positive"), (P ** Slot(1), "positive"),
    (Q ** Slot(1), "real"), (Pow(A, 3), "real"), (scalar.tanh(Q), "nonnegative"),
]  # fmt: skip


@pytest.mark.parametrize("body, want", SIGNS, ids=lambda v: str(v))
def test_signs_that_are_proven_hold(body, want):
    assert scalar.sign(body) == want
    values = {"real": [-2.0, -0.0, 0.5], "nonnegative": [0.0, 0.5], "positive": [0.5, 3.0]}
    signs = {e.index: e.sign for e in scalar.subexpressions(body) if isinstance(e, Slot)}
    grid = np.meshgrid(*(values[signs.get(k, "real")] for k in range(2)))
    with np.errstate(all="ignore"):
        found = compiled(body, np.dtype(float))(grid)
    assert want == "real" or np.all(found > 0 if want == "positive" else found >= 0)


def test_signs_do_not_survive_what_wraps_or_rounds():
    x = cf.vector("x", assume="positive")
    assert sign_of_node(cf.exp(x).node) == "positive"
    assert sign_of_node(x.astype("int64").node) == "real"
    k = cf.vector("k", dtype="int8", assume="positive")
    assert sign_of_node(k.node) == "positive"
    assert sign_of_node((k + k).node) == "real"


def built(name):
    """A tensor that applies one primitive, its inputs and values."""
    row = PRIMITIVES[name]
    box = domain(name)[row.orders :]
    dtype = "int64" if name in WHOLE else "float64"
    xs = [cf.vector(f"x{k}", dtype=dtype, shape="n") for k in range(len(box))]
    draw = np.random.default_rng(1)
    values = [draw.uniform(low, high, 5).astype(dtype) for low, high in box]
    if name == "pi":
        return [], Tensor(map_node(applied(name), (), (), FLOAT64)), []
    make = lambda *slots: substitute(applied(name), dict(enumerate(slots)))  # noqa: E731
    if row.boolean and row.truths:
        return xs, logical(CLASSES[name], *(x > 0.5 for x in xs)), values
    if name == "where":
        return xs, cf.where(xs[0] > 1, xs[1], xs[2]), values
    return xs, (compare if row.boolean else apply)(make, *xs), values


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive_has_a_row_in_every_table(name):
    assert name in NUMPY
    assert name in PARTIALS or name in STRUCTURAL
    arity = PRIMITIVES[name].arity
    assert arity is None or name in STRUCTURAL or len(PARTIALS[name]) == arity
    assert name in EXACT
    assert (name in MEANINGS) == (name not in WHOLE)
    if name not in WHOLE:
        assert isinstance(to_sympy(applied(name)), sympy.Basic)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive_compiles_and_prints(name):
    xs, made, values = built(name)
    want = cf.function(xs, made, mode="FAST_COMPILE", on_unused_input="ignore")(*values)
    for target in ("c", "numpy"):
        found = cf.function(xs, made, target=target, on_unused_input="ignore")(*values)
        if want.dtype.kind == "f":
            assert_allclose(found, want, rtol=1e-13)
        else:
            assert_array_equal(found, want)
    text, typeset = cf.pp(made), cf.latex(made)
    assert text.isascii() and typeset.isascii()
    for k in range(len(xs)):
        assert f"x{k}" in text and f"x_{{{k}}}" in typeset.replace(f"x_{k}", f"x_{{{k}}}")
    assert cf.pp(made) == text != (xs and cf.pp(xs[0]))


@pytest.mark.parametrize("name", [n for n in PRIMITIVES if n not in WHOLE])
def test_sympy_means_the_same(name):
    row = PRIMITIVES[name]
    if row.boolean:
        return
    body = applied(name)
    for at in np.random.default_rng(2).uniform(0, 1, (3, len(domain(name)) - row.orders)):
        box = domain(name)[row.orders :]
        points = [np.array(low + t * (high - low)) for t, (low, high) in zip(at, box, strict=True)]
        symbols = [sympy.Float(float(v), 30) for v in points]
        want = float(to_sympy(body, symbols))
        assert_allclose(compiled(body, np.dtype(float))(points), want, rtol=2e-14)


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_sympy_has_no_bits(name):
    with pytest.raises(cf.ExpressionError, match=f"{name} has no SymPy"):
        to_sympy(applied(name))


def test_classes_are_made_when_they_are_first_asked_for():
    code = (
        "import closedform; from closedform.algebra import scalar;"
        "print([n for n in ('erfcinv', 'gcd', 'arctanh') if n in scalar.CLASSES])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
    assert scalar.erfcinv is CLASSES["erfcinv"] is scalar.erfcinv
    with pytest.raises(AttributeError, match="no attribute 'erfcinvv'"):
        scalar.erfcinvv  # noqa: B018
