"""LaTeX: the notation of textbooks, and names that cannot break out of it."""

from __future__ import annotations

import re

import pytest
import sympy
from tests.algebra.test_text import F64, Model, contraction, elementwise, s0, s1

import closedform as cf
from closedform.algebra import late, scalar
from closedform.algebra.latex import OPERATORS, latex, latex_of
from closedform.algebra.node import delta_leaf
from closedform.algebra.scalar import Add, Mul, Slot, exp, sigmoid
from closedform.algebra.symbols import typeset


def balanced(text: str) -> bool:
    """Whether braces, \\left/\\right and environments pair up."""
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    fences = len(re.findall(r"\\left(?![a-z])", text)) == len(re.findall(r"\\right(?![a-z])", text))
    return depth == 0 and fences and text.count(r"\begin") == text.count(r"\end")


def test_the_logistic_gradient() -> None:
    assert latex_of(Model().gradient()) == (
        r"\frac{1}{n} X^\top \left(\sigma\left(X w + b\right) - y\right) + 0.02\,w"
    )


def test_a_hessian_keeps_its_structure() -> None:
    model = Model()
    expected = r"\frac{1}{n} X^\top \operatorname{diag}\left(s\right) X + 0.02\,I"
    assert latex_of(model.hessian(model.s)) == expected


def test_temporaries_are_defined_below() -> None:
    model = Model()
    body = Mul(sigmoid(Add(s0, s1)), Add(1, Mul(-1, sigmoid(Add(s0, s1)))))
    weights = elementwise(body, ((0,), ()), (model.n,), model.score(), model.b)
    text = latex_of(model.hessian(weights))
    assert text.startswith(
        r"\begin{aligned} & \frac{1}{n} X^\top \operatorname{diag}\left(t_{0}\right) X"
    )
    assert r"\\ & \text{where } t_{0} = \sigma\left(X w + b\right) \odot" in text
    assert balanced(text)


def formulas() -> list[tuple]:
    A = cf.matrix("A", shape=("n", "n")).node
    a, b = cf.vector("a", shape="n").node, cf.vector("b", shape="n").node
    x = cf.scalar("x").node
    n = A.dims[0]
    return [
        (elementwise(Mul(2, s0), ((),), (), x), "2 x"),
        (elementwise(Mul(sympy.Rational(1, 2), Mul(s0, s0)), ((),), (), x), r"\frac{x^{2}}{2}"),
        (cf.as_tensor(1e-8).node, "10^{-8}"),
        (elementwise(Mul(s0, s1), ((0,), (0,)), (n,), a, b), r"a \odot b"),
        (elementwise(scalar.Pow(s0, -1), ((0,),), (n,), a), r"1 \oslash a"),
        (elementwise(scalar.Pow(s0, 2), ((0, 1),), (n, n), A), r"A^{\odot 2}"),
        (elementwise(scalar.Pow(s0, 2), ((),), (), x), "x^{2}"),
        (elementwise(scalar.Pow(s0, scalar.HALF), ((),), (), x), r"\sqrt{x}"),
        (elementwise(scalar.absolute(s0), ((),), (), x), r"\left|x\right|"),
        (elementwise(Add(s0, s1), ((0, 1), (1,)), (n, n), A, a), r"A + \mathbf{1} a^\top"),
        (contraction(((0,), (0,)), (), (n,), a, b), r"a^\top b"),
        (contraction(((0,),), (), (n,), a), r"\mathbf{1}^\top a"),
        (contraction(((0, 1),), (), (n, n), A), r"\mathbf{1}^\top A \mathbf{1}"),
        (contraction(((0, 1), (0, 1)), (), (n, n), A, A), r"\left\|A\right\|_F^{2}"),
        (contraction(((0, 1), (1, 0)), (), (n, n), A, A), r"\operatorname{tr}\left(A^{2}\right)"),
        (
            contraction(((0, 1), (2,)), (0, 1, 2), (n, n, n), A, a),
            r"\left[A_{i j} a_{k}\right]_{i j k}",
        ),
        (elementwise(exp(Mul(-1, s0)), ((),), (), x), r"\exp\left(-x\right)"),
        (
            cf.where(cf.Tensor(x) > 0, cf.Tensor(x), 0).node,
            r"\begin{cases} x & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
        ),
        (cf.softmax(cf.Tensor(A)).node, r"\operatorname{softmax}_{\mathrm{axis}=1}\left(A\right)"),
        (cf.Tensor(A)[1:3].node, "A_{1:3,:}"),
        (delta_leaf(n, F64), "I"),
    ]


@pytest.mark.parametrize(("node", "expected"), formulas(), ids=lambda v: str(v)[:40])
def test_formulas(node, expected) -> None:
    assert latex_of(node) == expected
    assert balanced(expected)


def test_a_sum_in_a_power_has_parentheses() -> None:
    a = cf.vector("a", shape="n")
    assert latex_of((a.sum() ** 2).node) == r"\left(\mathbf{1}^\top a\right)^{2}"


def test_1_2_latex_is_of_the_display_form(monkeypatch) -> None:
    model = Model()
    monkeypatch.setitem(late._verbs, "display", lambda node, **_: model.hessian(model.s))
    x = cf.scalar("x")
    assert latex(x) == latex_of(model.hessian(model.s))


@pytest.mark.parametrize("name", sorted(scalar.PRIMITIVES))
def test_every_primitive_is_spelled(name) -> None:
    row = scalar.PRIMITIVES[name]
    xs = [cf.vector(f"x_{k}", shape="n").node for k in range(row.arity or 2)]
    body = scalar.CLASSES[name](*(Slot(k) for k in range(len(xs))))
    text = latex_of(elementwise(body, ((0,),) * len(xs), xs[0].dims, *xs))
    assert balanced(text) and "_}" not in text
    assert name not in OPERATORS or OPERATORS[name].strip() in text


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("w", "w"),
        ("lam", r"\lambda"),
        ("alpha", r"\alpha"),
        ("mu_1", r"\mu_{1}"),
        ("w0", "w_{0}"),
        ("x_train", r"x_{\mathrm{train}}"),
        ("W_h_1", r"W_{\mathrm{h},1}".replace(r"\mathrm{h}", "h")),
        ("cost", r"\mathrm{cost}"),
        ("for", r"\mathrm{for}"),
        ("E", "E"),
        ("w'", "w'"),
        ("α", r"\alpha"),
        ("Σ_b", r"\Sigma_{b}"),
        ("sigma2", r"\sigma_{2}"),
        ("x; y", r"\mathrm{x;\ y}"),
        ("a\nb", r"\mathrm{a{\hookleftarrow}b}"),
        ("{", r"\mathrm{\{}"),
        ("$", r"\mathrm{\$}"),
        ("\\", r"\mathrm{\backslash }"),
        ("_", r"\mathrm{\_}"),
        ("\u202e", r"\mathrm{\text{U+202E}}"),
        ("変", r"\mathrm{\text{変}}"),
    ],
)
def test_names_are_typeset_or_escaped(name, expected) -> None:
    assert typeset(name) == expected


@pytest.mark.parametrize("char", [chr(c) for c in range(32, 127)] + list("\n\t\r\0é変\u202e"))
def test_no_character_escapes(char) -> None:
    text = typeset(f"a{char}b c")
    assert balanced(text)
    assert "\n" not in text and text.isprintable()
    assert not re.search(r"(?<!\\)[$%#&~]", text)


def test_6_1_names_that_are_typeset_alike_are_told_apart() -> None:
    a, b = cf.scalar("w0"), cf.scalar("w_0")
    assert latex_of((a + b).node) == "w_{0} + w'_{0}"
    assert latex_of((cf.scalar("lam") + cf.scalar("lambda")).node) == r"\lambda + \lambda'"


def test_a_variable_called_like_a_function() -> None:
    sigma = cf.scalar("sigma")
    text = latex_of((sigma * cf.sigmoid(sigma)).node)
    assert text == r"\sigma \operatorname{sigmoid}\left(\sigma\right)"


def test_6_3_a_chain_100_000_deep_prints() -> None:
    x = cf.vector("x", shape="n")
    for _ in range(100_000):
        x = cf.exp(x)
    text = latex_of(x.node)
    assert len(text) < 50_000 and r"\vdots" in text and balanced(text)


def test_a_gradient_through_the_whole_pipeline() -> None:
    X, y = cf.matrix("X", shape=("n", "d")), cf.vector("y", shape="n")
    w, b = cf.vector("w", shape="d"), cf.scalar("b")
    p = 1 / (1 + cf.exp(-(X @ w) - b))
    cost = (-y * cf.log(p) - (1 - y) * cf.log(1 - p)).mean() + 0.01 * (w**2).sum()
    gradient = cf.grad(cost, w)
    assert cf.pp(gradient) == "X^T(sigma(Xw + b) - y)/n + 0.02 w"
    assert gradient._repr_latex_() == (
        r"$\displaystyle \frac{1}{n} X^\top \left(\sigma\left(X w + b\right) - y\right)"
        r" + 0.02\,w$"
    )
    x = cf.scalar("x")
    assert cf.pp(cf.grad(x**2, x)) == "2x"
    assert cf.pp(cf.grad(x * cf.scalar("y") / x, x)) == "0"


# ---------------------------------------------------------------- layouts and notebooks


def layouts() -> list[tuple]:
    X, w = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d")
    a, S = cf.vector("a", shape="n"), cf.matrix("S", shape=("n", "d"))
    linear, bilinear = cf.grad(a @ X @ w, w), cf.grad(a @ S @ w, S)
    jacobian = cf.jacobian(X @ w, w)
    return [
        (jacobian, "numerator", "X"),
        (jacobian, "denominator", r"X^\top"),
        (linear, "numerator", r"a^\top X"),
        (linear, "denominator", r"X^\top a"),
        (bilinear, "numerator", r"w a^\top"),
        (bilinear, "denominator", r"a w^\top"),
    ]


@pytest.mark.parametrize(("tensor", "layout", "expected"), layouts(), ids=str)
def test_8_1_a_layout_is_stated(tensor, layout, expected) -> None:
    assert latex(tensor, layout=layout) == rf"{expected} \qquad \text{{({layout} layout)}}"
    assert cf.pp(tensor, layout=layout).endswith(f"  # {layout} layout")


@pytest.mark.parametrize(
    ("tensor", "layout"), [(cf.vector("x"), "numerator"), (cf.vector("x"), "rows")]
)
def test_another_layout_is_refused(tensor, layout) -> None:
    with pytest.raises(cf.ExpressionError, match="layout"):
        latex(tensor, layout=layout)


def test_a_notebook_shows_the_formula_with_shape_and_dtype() -> None:
    X, w = cf.matrix("X", "float32", shape=("n", "d")), cf.vector("w", "float32", shape="d")
    bundle = cf.grad((cf.relu(X @ w) < 1).astype("float32") @ (X @ w), w)._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/latex", "text/plain"}
    assert "shape (d,), float32" in bundle["text/html"]
    assert "&lt; 1" in bundle["text/html"] and "< 1" in bundle["text/latex"]


def test_arrays_that_are_repeated_along_an_axis_are_reduced() -> None:
    x = cf.tensor("x", ("k", "n", "m"))
    text = cf.latex(cf.min(cf.maximum(cf.broadcast_to(x, (2, *x.shape)), 2 * x)))
    assert r"\min" in text and r"\max" in text


def test_an_axis_of_extent_1_that_is_cut_stays_away_from_other_uses() -> None:
    x = cf.tensor("x", ("k", 1, "n"))
    assert r"\min" in cf.latex(cf.minimum(cf.diff(x, 1, 1), x))


def test_a_subscript_follows_no_other() -> None:
    import re

    x = cf.matrix("x", shape=("n", "d"))
    assert not re.search(r"_\{[^{}]*\}_", cf.latex(cf.median(x, axis=0)))
    assert r"\right)_{:,n \mathbin{/\!/} 2}" in cf.latex(cf.median(x, axis=0))


def test_a_lone_divisor_has_no_parentheses() -> None:
    n = cf.vector("x", shape="n").shape[0]
    u = cf.vector("u", shape="d")
    assert cf.latex(cf.simplify(u / (n - 1))) == r"\frac{1}{n - 1} u"
