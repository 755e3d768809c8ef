"""Plain SymPy in and out (semantics 5.5, 7.3)."""

from __future__ import annotations

import pytest
import sympy
from sympy.functions.elementary.piecewise import ExprCondPair
from tests.exact import WHOLE, applied

import closedform as cf
from closedform.algebra import late, scalar
from closedform.algebra.sympy_bridge import FROM, from_sympy, to_sympy
from closedform.algebra.text import pp

a, b = sympy.symbols("a b", real=True)


def given() -> dict:
    return {a: cf.vector("x", shape=3), b: cf.scalar("y")}


EXPRESSIONS = [
    (a + b, "(x + y)"),
    (a - 2 * b, "(x - (2 * y))"),
    (-a, "(-x)"),
    (a / b, "(x / y)"),
    (a / b**2, "(x / (y ** 2))"),
    (1 / sympy.sqrt(b), "(1 / sqrt(y))"),
    (sympy.Rational(1, 3) * a, "(1/3 * x)"),
    (sympy.Float("0.3") * a, "(0.3 * x)"),
    (a**b, "(x ** y)"),
    (2**a, "(2 ** x)"),
    (1 / (1 + sympy.exp(-a)), "(1 / (1 + exp((-x))))"),
    (sympy.log(a) * sympy.sin(b), "(log(x) * sin(y))"),
    (sympy.cos(a) + sympy.tanh(a), "(cos(x) + tanh(x))"),
    (sympy.sinh(a) + sympy.cosh(a), "(cosh(x) + sinh(x))"),
    (sympy.Abs(a) * sympy.sign(b), "(sign(y) * abs(x))"),
    (sympy.Max(a, b, 1), "maximum(maximum(1, x), y)"),
    (sympy.Min(a, b), "minimum(x, y)"),
    (sympy.Piecewise((a, a > 0), (b, True)), "where((x > 0), x, y)"),
    (sympy.Piecewise((a, a > 0)), "where((x > 0), x, nan)"),
    (sympy.And(a > 0, sympy.Or(b < 1, b >= 2)), "((x > 0) & ((y < 1) | (y >= 2)))"),
    (sympy.Not(sympy.Eq(a, b)), "(x != y)"),
    (sympy.pi * a, "(3.141592653589793 * x)"),
    *(
        (getattr(sympy, theirs)(a), f"{ours}(x)")
        for theirs, ours in (
            ("tan", "tan"),
            ("asin", "arcsin"),
            ("acos", "arccos"),
            ("atan", "arctan"),
            ("asinh", "arcsinh"),
            ("acosh", "arccosh"),
            ("atanh", "arctanh"),
            ("floor", "floor"),
            ("ceiling", "ceil"),
            ("erf", "erf"),
            ("erfc", "erfc"),
            ("erfinv", "erfinv"),
            ("erfcinv", "erfcinv"),
            ("gamma", "gamma"),
            ("loggamma", "gammaln"),
            ("digamma", "digamma"),
        )
    ),
    (sympy.atan2(b, a), "arctan2(y, x)"),
    (sympy.sinc(a), "sinc_derivative(0, x)"),
    (sympy.Mod(a, b), "(x % y)"),
    (sympy.Heaviside(a, sympy.S.Half), "heaviside(x, 0.5)"),
    (sympy.polygamma(2, a), "polygamma(2, x)"),
    (sympy.zeta(a, b), "zeta(x, y)"),
    (sympy.zeta(a), "zeta(x, 1)"),
    (sympy.binomial(a, b), "binom(x, y)"),
    (sympy.besseli(2, a), "iv(2, x)"),
    (sympy.Xor(a > 0, b > 1), "((x > 0) != (y > 1))"),
]


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS, ids=str)
def test_5_5_from_sympy_is_elementwise(expression, expected) -> None:
    found = pp(from_sympy(expression, given()))
    if isinstance(expression, sympy.Add | sympy.Mul | sympy.Min | sympy.And) and found != expected:
        assert sorted(found) == sorted(expected), "the order of terms is SymPy's"
    else:
        assert found == expected


def test_5_5_numbers_and_truth_values() -> None:
    assert pp(from_sympy(sympy.E, {})) == "2.718281828459045"
    assert pp(from_sympy(sympy.Integer(3), {})) == "3"
    assert pp(from_sympy(sympy.oo, {})) == "inf"
    assert from_sympy(sympy.true, {}).dtype == bool


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        (sympy.Ei(a), "Ei"),
        (sympy.besseli(a, b), "iv of order a"),
        (sympy.Function("f")(a), "f"),
        (sympy.Symbol("q") + a, "q"),
        (sympy.I * a, "I"),
        (sympy.Integral(a, a), "Integral"),
        (sympy.Derivative(sympy.Function("g")(a), a), ""),
    ],
)
def test_what_has_no_meaning_is_named(expression, named) -> None:
    with pytest.raises(cf.ExpressionError, match=named) as caught:
        from_sympy(expression, given())
    assert caught.value.fix


@pytest.mark.parametrize(
    "function", [f for f in FROM if f is not ExprCondPair], ids=lambda f: f.__name__
)
def test_every_row_is_reached(function) -> None:
    names = {f for e, _ in EXPRESSIONS for t in sympy.preorder_traversal(e) for f in [t.func]}
    names |= {sympy.Not, sympy.Ne, sympy.Eq, sympy.Le}
    assert function in names


# ---------------------------------------------------------------- to SymPy


def test_7_3_scalars() -> None:
    x, y = cf.scalar("x"), cf.scalar("y", assume="positive")
    expression = (x**2 + 0.5 * cf.exp(-y)).to_sympy()
    X, Y = sympy.Symbol("x", real=True), sympy.Symbol("y", real=True, positive=True)
    assert expression == X**2 + sympy.exp(-Y) / 2
    assert sympy.sympify(x) == X
    assert sympy.diff(expression, X) == 2 * X


@pytest.mark.parametrize("name", sorted(set(scalar.PRIMITIVES) - WHOLE))
def test_7_3_every_primitive_converts(name) -> None:
    from closedform.algebra.node import FLOAT64, map_node

    body = applied(name)
    xs = [cf.scalar(f"x{k}") for k in range(len(scalar.slots(body)))]
    node = map_node(body, ((),) * len(xs), (), FLOAT64, *(x.node for x in xs))
    assert isinstance(to_sympy(node), sympy.Basic)


def test_7_3_small_arrays() -> None:
    x, A = cf.vector("x", shape=2), cf.matrix("A", shape=(2, 2))
    X, B = (
        sympy.IndexedBase("x", shape=(2,), real=True),
        sympy.IndexedBase("A", shape=(2, 2), real=True),
    )
    assert str((x**2).sum().to_sympy()) == "x[0]**2 + x[1]**2"
    assert str((A @ x).to_sympy()) == (
        "Matrix([[A[0, 0]*x[0] + A[0, 1]*x[1]], [A[1, 0]*x[0] + A[1, 1]*x[1]]])"
    )
    assert A.T.to_sympy().shape == (2, 2) and str(A.T.to_sympy()[0, 1]) == "A[1, 0]"
    assert str(x[::-1].to_sympy()) == "Matrix([[x[1]], [x[0]]])"
    assert str(A.reshape(4).to_sympy()[2]) == "A[1, 0]"
    assert str(A.max(axis=0).to_sympy()[1]) in ("Max(A[0, 1], A[1, 1])", "Max(A[1, 1], A[0, 1])")
    assert cf.tensor3(shape=(1, 2, 2)).to_sympy().shape == (1, 2, 2)
    assert str(cf.logsumexp(x).to_sympy()) == "log(exp(x[0]) + exp(x[1]))"
    assert str(cf.as_tensor([1.5, 2.0]).to_sympy()) == "Matrix([[3/2], [2]])"
    assert X[0] != B[0, 0]


def test_7_3_there_and_back() -> None:
    x, y = cf.scalar("x"), cf.scalar("y")
    X, Y = x.to_sympy(), y.to_sympy()
    expression = sympy.sin(X) * Y + X**3 / (1 + Y**2) - sympy.exp(-X)
    assert from_sympy(expression, {X: x, Y: y}).to_sympy() == expression


def test_7_3_derivatives_are_expanded(monkeypatch) -> None:
    x = cf.scalar("x")
    monkeypatch.setitem(late._verbs, "display", lambda node: (2 * x).node)
    assert str(cf.grad(x**2, x).to_sympy()) == "2*x"


@pytest.mark.parametrize(
    ("tensor", "found"),
    [
        (cf.vector("v"), "symbolic shape"),
        (cf.vector("v", shape="n").sum(), "symbolic shape"),
        (cf.vector("v", shape=401), "more than 400"),
        (cf.matrix("M", shape=(300, 300)).sum(), "more than"),
        (cf.vector("v", shape=3).argmax(), "argmax"),
    ],
    ids=lambda v: str(v)[:30],
)
def test_7_3_what_cannot_be_written_out(tensor, found) -> None:
    with pytest.raises(cf.ExpressionError, match=found) as caught:
        tensor.to_sympy()
    assert caught.value.fix
