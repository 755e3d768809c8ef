"""`equal`: proofs, evidence, counterexamples, and that a proof is never wrong."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import closedform as cf
from closedform.algebra.constructors import tensor

SHAPES = {
    **dict.fromkeys("x u v".split(), ("n",)),
    **dict.fromkeys("A B C".split(), ("n", "n")),
    "c": (),
}  # fmt: skip
NAMES = {name: tensor(name, shape) for name, shape in SHAPES.items()}
NAMES["S"] = cf.matrix("S", shape=("n", "n"), assume="symmetric")
NAMES["i"] = cf.lvector("i", shape="n")
NAMES["p"] = cf.vector("p", shape="n", assume="positive")
NAMES["f"] = cf.fvector("f", shape="n")


def both(left: str, right: str):
    return cf.parse(left, NAMES), cf.parse(right, NAMES)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("x + u*v", "v*u + x"),
        ("(x + u)**3", "x**3 + 3*x**2*u + 3*x*u**2 + u**3"),
        ("(x + u)*(x - u)/(x*u)", "x/u - u/x"),
        ("1/(1 + 1/x)", "x/(x + 1)"),
        ("x/(x + u) + u/(x + u)", "x/x"),
        ("tr(A @ B @ C)", "tr(C @ A @ B)"),
        ("(A @ B).T", "B.T @ A.T"),
        ("x @ A @ u", "u @ A.T @ x"),
        ("x @ S @ u", "u @ S @ x"),
        ("sum(A*B)", "tr(A.T @ B)"),
        ("diag(x) @ A", "x[:, None]*A"),
        ("A @ eye(n) @ x", "A @ x"),
        ("einsum('ij,jk,kl->il', A, B, C)", "A @ (B @ C)"),
        ("sum(outer(x, u)*A)", "x @ A @ u"),
        ("tr(eye(n))", "n*sum(x/x)/n"),
        ("(A + B) @ (A - B)", "A@A - A@B + B@A - B@B"),
        ("sigmoid(x)", "1/(1 + exp(-x))"),
        ("1 - sigmoid(x)", "sigmoid(-x)"),
        ("tanh(x)", "(exp(x) - exp(-x))/(exp(x) + exp(-x))"),
        ("softmax(x)", "exp(x)/sum(exp(x))"),
        ("softmax(x + c)", "softmax(x)"),
        ("logsumexp(x + c)", "logsumexp(x) + c"),
        ("sum(softmax(x))", "c/c"),
        ("softplus(x)", "log(1 + exp(x))"),
        ("exp(x + u)", "exp(u)*exp(x)"),
        ("norm(x)**2", "x @ x"),
        ("x/norm(2*x)", "x/norm(x)/2"),
        ("sqrt(p*p)", "p"),
        ("where(x > 0, u, v)", "v + (u - v)*(0 < x)"),
    ],
)
def test_1_3_canonical_form_decides(left, right):
    assert cf.equal(*both(left, right)).kind == "proof"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("sin(x)**2 + cos(x)**2", "x/x"),
        ("inv(A @ B)", "inv(B) @ inv(A)"),
        ("det(A @ B)", "det(A)*det(B)"),
        ("f*f + f", "f*(1 + f)"),
    ],
)
def test_else_there_is_evidence(left, right):
    verdict = cf.equal(*both(left, right))
    assert verdict and verdict.kind in ("proof", "evidence") and verdict.left is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("x + u", "x - u"),
        ("A @ B", "B @ A"),
        ("A @ x", "A.T @ x"),
        ("x @ A @ u", "u @ A @ x"),
        ("tr(A @ B @ C)", "tr(A @ C @ B)"),
        ("sum(x)*sum(u)", "sum(x*u)"),
        ("sum(x)**2", "sum(x**2)"),
        ("softmax(x + u)", "softmax(x)"),
        ("logsumexp(2*x)", "2*logsumexp(x)"),
        ("norm(x)", "sum(x)"),
        ("sqrt(x*x)", "x"),
        ("log(p*2)", "2*log(p)"),
        ("where(x > 0, u, v)", "where(x < 0, u, v)"),
        ("max(x)", "max(u)"),
        ("x[1:] @ x[1:]", "x[:-1] @ x[:-1]"),
        ("x.astype('int64') + 0*x", "x"),
        ("exp(A)@x", "exp(A.T)@x"),
        ("sum(exp(x))", "exp(sum(x))"),
        ("inv(A)", "A"),
        ("sum(x)*n", "sum(x)*(n + 1)"),
    ],
)
def test_a_counterexample_can_be_checked(left, right):
    a, b = both(left, right)
    verdict = cf.equal(a, b)
    assert not verdict and verdict.kind == "counterexample"
    for side, value in ((a, verdict.left), (b, verdict.right)):
        given = {t: verdict.values[name] for name, t in cf.inputs(side).items()}
        assert_allclose(side.eval(given), value)
    assert not np.allclose(verdict.left, verdict.right)
    assert repr(verdict).startswith("not equal:\n  left = ")


def test_what_is_defined_for_positive_numbers_only():
    x = cf.vector("x", shape="n")
    assert cf.equal(cf.log(x * x), 2 * cf.log(x))
    assert not cf.equal(cf.sqrt(x) * cf.log(x), cf.log(x))
    assert not cf.equal(abs(x), x)


def test_a_counterexample_is_easy_to_read():
    x = cf.vector("x", shape="n")
    verdict = cf.equal((x + 1) ** 2, x**2 + 1)
    assert all(float(v).is_integer() for v in verdict.values["x"])


def test_derivatives_and_what_has_no_inputs():
    A = NAMES["A"]
    cost = cf.parse("tr(A)", NAMES)
    assert cf.equal(cf.grad(cost, A), cf.eye(A.shape[0])).kind == "proof"
    assert cf.equal(cf.grad(cost, A), 2 * cf.eye(A.shape[0])).kind == "counterexample"
    assert cf.equal(1, 1.0).kind == "proof"


def test_integers_wrap_and_are_not_real_numbers():
    i = NAMES["i"]
    assert not cf.equal(i // 2 * 2, i)
    assert cf.equal(i + i, 2 * i)


def test_different_shapes_are_refused():
    with pytest.raises(cf.ShapeError, match="one shape"):
        cf.equal(NAMES["x"], NAMES["A"])
    with pytest.raises(cf.ShapeError, match="one shape"):
        cf.equal(NAMES["x"], cf.vector("y", shape="m"))


def test_what_no_random_point_can_tell_is_refused():
    x = NAMES["x"]
    with pytest.raises(cf.ExpressionError, match="do not tell"):
        cf.equal(cf.log(-(x**2)), cf.log(-2 * x**2) + cf.sin(x))
