"""Text: as written, and display graphs in matrix notation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy
from numpy.testing import assert_allclose
from scipy import special

import closedform as cf
from closedform.algebra import late, scalar
from closedform.algebra.node import Map, Node, contract_node, delta_leaf, dim_leaf, map_node
from closedform.algebra.scalar import Add, Mul, Pow, Slot, exp, sigmoid
from closedform.algebra.spelling import MAX_DEFINITIONS, decimal
from closedform.algebra.text import TextSpelling, pp, text
from closedform.algebra.transcription import transcribe

F64 = np.dtype("float64")
s0, s1, s2, s3 = (Slot(k) for k in range(4))


def elementwise(body, indices, dims, *operands) -> Node:
    return map_node(body, indices, dims, F64, *operands)


def contraction(indices, out, sizes, *operands) -> Node:
    return contract_node(indices, out, sizes, F64, *operands)


class Model:
    """Logistic regression, whose derivatives are written here as a simplifier leaves them."""

    def __init__(self) -> None:
        self.X = cf.matrix("X", shape=("n", "d")).node
        self.y, self.w = cf.vector("y", shape="n").node, cf.vector("w", shape="d").node
        self.b, self.s = cf.scalar("b").node, cf.vector("s", shape="n").node
        self.n, self.d = self.X.dims

    def score(self) -> Node:
        return contraction(((0, 1), (1,)), (0,), (self.n, self.d), self.X, self.w)

    def gradient(self) -> Node:
        body = Add(sigmoid(Add(s0, s1)), Mul(-1, s2))
        operands = self.score(), self.b, self.y
        residual = elementwise(body, ((0,), (), (0,)), (self.n,), *operands)
        product = contraction(((0, 1), (0,)), (1,), (self.n, self.d), self.X, residual)
        body = Add(Mul(Pow(s1, -1), s0), Mul(sympy.Rational(1, 50), s2))
        return elementwise(body, ((0,), (), (0,)), (self.d,), product, dim_leaf(self.n), self.w)

    def hessian(self, weights: Node) -> Node:
        sizes = (self.n, self.d, self.d)
        core = contraction(((0, 1), (0,), (0, 2)), (1, 2), sizes, self.X, weights, self.X)
        body = Add(Mul(s0, Pow(s1, -1)), Mul(sympy.Rational(1, 50), s2))
        indices = ((0, 1), (), (0, 1))
        identity = delta_leaf(self.d, F64)
        return elementwise(body, indices, sizes[1:], core, dim_leaf(self.n), identity)


def square(*names: str) -> list[Node]:
    return [cf.matrix(name, shape=("n", "n")).node for name in names]


# ---------------------------------------------------------------- as written (semantics 1.1)


def written() -> list[tuple]:
    x, y = cf.scalar("x"), cf.scalar("y")
    X, w = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d")
    p = 1 / (1 + cf.exp(-(X @ w)))
    return [
        (x + y, "(x + y)"),
        (x - y, "(x - y)"),
        (x * y, "(x * y)"),
        (x / y, "(x / y)"),
        (x**2, "(x ** 2)"),
        (x**-1, "(1 / x)"),
        (x * y / y, "((x * y) / y)"),
        (2 - x, "(2 - x)"),
        (x + 0.1, "(x + 0.1)"),
        (x * 0.5, "(x * 0.5)"),
        (x + 1e30, "(x + 1e30)"),
        (cf.exp(-x), "exp((-x))"),
        (cf.sqrt(x), "sqrt(x)"),
        (abs(x), "abs(x)"),
        ((x > 0) & ~(y <= 1), "((x > 0) & (~(y <= 1)))"),
        (cf.where(x > 0, x, 0), "where((x > 0), x, 0)"),
        (X @ w, "(X @ w)"),
        (X.T @ X, "(X.T @ X)"),
        (X.sum(), "sum(X)"),
        (X.sum(axis=1), "sum(X, axis=1)"),
        (X.mean(), "mean(X)"),
        (X.mean(axis=0), "mean(X, axis=0)"),
        (X.mean(axis=0, keepdims=True), "mean(X, axis=0, keepdims=True)"),
        (X.max(axis=1), "max(X, axis=1)"),
        (cf.softmax(X), "softmax(X, axis=1)"),
        (cf.log_softmax(w), "log_softmax(w)"),
        (cf.outer(w, w), "outer(w, w)"),
        (cf.trace(X.T @ X), "trace((X.T @ X))"),
        (cf.einsum("ij,ij->j", X, X), "einsum('ji,ji->i', X, X)"),
        (w.dimshuffle("x", 0), "w.dimshuffle('x', 0)"),
        (X[1:3], "X[1:3, :]"),
        (X[0, ::2], "X[0, ::2]"),
        (w[::-1], "w[::-1]"),
        (X.reshape(-1, 1).astype("float32"), "X.reshape(m, 1).astype(float32)"),
        (p, "(1 / (1 + exp((-(X @ w)))))"),
    ]


@pytest.mark.parametrize(("tensor", "expected"), written(), ids=lambda v: str(v)[:40])
def test_1_1_as_written(tensor, expected) -> None:
    assert pp(tensor) == str(tensor) == expected


def test_1_1_a_composite_keeps_its_word() -> None:
    x = cf.vector("x", shape="n")
    assert pp(2 * cf.softmax(x + 1)) == "(2 * softmax((x + 1)))"


def test_1_2_a_derivative_prints_its_display_form(monkeypatch) -> None:
    model = Model()
    monkeypatch.setitem(late._verbs, "display", lambda node, **_: model.gradient())
    x = cf.scalar("x")
    assert pp(cf.grad(x**2, x) + 1) == "X^T(sigma(Xw + b) - y)/n + 0.02 w"


# ---------------------------------------------------------------- length (semantics 6.3)


def test_6_3_a_chain_100_000_deep_prints() -> None:
    x = cf.vector("x", shape="n")
    for _ in range(100_000):
        x = cf.exp(x)
    for shown in (pp(x), text(x.node)):
        lines = shown.splitlines()
        assert len(lines) <= MAX_DEFINITIONS + 2
        assert any(line.strip().startswith("... (") for line in lines), "what is left out is said"


@pytest.mark.parametrize("depth", [100, 200])
def test_a_shared_graph_prints_in_linear_length(depth) -> None:
    x = cf.scalar("x")
    for _ in range(depth):
        x = cf.tanh(x) * x
    assert len(pp(x)) < 500 * depth
    assert len(text(x.node)) < 500 * depth


def test_1_5_a_name_is_found_again_in_a_derivative() -> None:
    X, w, y = cf.matrix("X"), cf.vector("w"), cf.vector("y")
    p = cf.sigmoid(X @ w)
    p.name = "p"
    cost = -(y * cf.log(p) + (1 - y) * cf.log(1 - p)).mean()
    gradient, hessian = cf.grad(cost, w), cf.hessian(cost, w)
    assert pp(gradient).splitlines() == ["X^T(p - y)/n", "  where p = sigma(Xw)"]
    assert pp(hessian).splitlines() == ["X^T diag(p * (1 - p)) X/n", "  where p = sigma(Xw)"]
    assert pp(gradient, names=False) == "X^T(sigma(Xw) - y)/n"
    assert pp(gradient, "unicode").startswith("Xᵀ(p − y)/n")
    assert pp(gradient, "ascii").startswith("p = sigmoid(X @ w)\nX.T @ (p - y)/")
    assert p.node.label == "p" and cf.sigmoid(X @ w).name is None


def test_definitions_come_before_their_use() -> None:
    x = cf.scalar("x")
    for _ in range(12):
        x = cf.tanh(x) * x
    main, *lines = text(x.node).splitlines()
    seen: set[str] = set()
    for line in lines:
        name, value = line.replace("where", "").strip().split(" = ")
        assert {t for t in value.replace("(", " ").replace(")", " ").split() if "t_" in t} <= seen
        seen.add(name)
    assert lines and "t_" in main


# ---------------------------------------------------------------- matrix notation


def test_the_logistic_gradient() -> None:
    assert text(Model().gradient()) == "X^T(sigma(Xw + b) - y)/n + 0.02 w"


def test_a_hessian_keeps_its_structure() -> None:
    model = Model()
    assert text(model.hessian(model.s)) == "X^T diag(s) X/n + 0.02 I"
    body = Mul(sigmoid(Add(s0, s1)), Add(1, Mul(-1, sigmoid(Add(s0, s1)))))
    weights = elementwise(body, ((0,), ()), (model.n,), model.score(), model.b)
    assert text(model.hessian(weights)).splitlines() == [
        "X^T diag(t_0) X/n + 0.02 I",
        "  where t_0 = sigma(Xw + b) * (1 - sigma(Xw + b))",
    ]


def contractions() -> list[tuple]:
    A, B = square("A", "B")
    n = A.dims[0]
    a, b = cf.vector("a", shape="n").node, cf.vector("b", shape="n").node
    T = cf.tensor3("T", shape=("n", "n", "n")).node
    one, two, three = (n,), (n, n), (n, n, n)
    return [
        (contraction(((0, 1), (1,)), (0,), two, A, a), "Aa"),
        (contraction(((0, 1), (0,)), (1,), two, A, a), "A^T a"),
        (contraction(((0, 1), (1, 2)), (0, 2), three, A, B), "AB"),
        (contraction(((0, 1), (1, 2)), (2, 0), three, A, B), "B^T A^T"),
        (contraction(((0, 1), (0, 2)), (1, 2), three, A, B), "A^T B"),
        (contraction(((0,), (0,)), (), one, a, b), "a^T b"),
        (contraction(((0,), (0,)), (), one, a, a), "a^T a"),
        (contraction(((0,), (1,)), (0, 1), two, a, b), "a b^T"),
        (contraction(((0,), (0, 1), (1,)), (), two, a, A, b), "a^T Ab"),
        (contraction(((0, 0),), (), one, A), "tr(A)"),
        (contraction(((0, 0),), (0,), one, A), "diag(A)"),
        (contraction(((0, 1), (1, 0)), (), two, A, B), "tr(AB)"),
        (contraction(((0, 1), (0, 1)), (), two, A, B), "tr(A^T B)"),
        (contraction(((0, 1), (1, 2), (2, 0)), (), three, A, B, A), "tr(B A^2)"),
        (contraction(((0, 1), (0, 1)), (), two, A, A), "||A||_F^2"),
        (contraction(((0, 1),), (), two, A), "sum(A)"),
        (contraction(((0, 1),), (0,), two, A), "A 1"),
        (contraction(((0, 1),), (1,), two, A), "A^T 1"),
        (contraction(((0,), (0, 1)), (0, 1), two, a, A), "diag(a) A"),
        (contraction(((0, 1), (1,)), (0, 1), two, A, a), "A diag(a)"),
        (contraction(((0,), (0, 1)), (0, 1), two, a, delta_leaf(n, F64)), "diag(a)"),
        (contraction(((0, 1), (1, 2)), (0, 2), three, A, delta_leaf(n, F64)), "A"),
        (contraction(((0, 1), (0, 1)), (0, 1), two, A, B), "A * B"),
        (contraction(((0,), (0,), (0,)), (), one, a, b, a), "a^T(b * a)"),
        (contraction(((0,),), (), two, a), "n sum(a)"),
        (contraction(((0,),), (0, 1), two, a), "a 1^T"),
        (contraction(((0, 1), (1,), (0, 2), (2,)), (0,), three, A, a, B, b), "Aa * Bb"),
        (contraction(((0, 1), (2,)), (0, 1, 2), three, A, a), "[A_ij a_k]_ijk"),
        (contraction(((0, 1, 2), (2,)), (0, 1), three, T, a), "[sum_k T_ijk a_k]_ij"),
        (contraction(((0, 1, 2), (0, 1, 2)), (), three, T, T), "sum_ijk T_ijk^2"),
        (contraction(((0, 1), (1, 2), (1, 3)), (0, 2, 3), (n,) * 4, A, B, B),
         "[sum_l A_il B_lj B_lk]_ijk"),
    ]  # fmt: skip


@pytest.mark.parametrize(("node", "expected"), contractions(), ids=lambda v: str(v)[:40])
def test_contractions(node, expected) -> None:
    assert text(node) == expected


def maps() -> list[tuple]:
    A, B = square("A", "B")
    n = A.dims[0]
    a, b, x = cf.vector("a", shape="n").node, cf.vector("b", shape="n").node, cf.scalar("x").node
    T = cf.tensor3("T", shape=("n", "n", "n")).node
    full, row, column = (0, 1), (1,), (0,)
    return [
        (elementwise(Mul(2, s0), ((),), (), x), "2x"),
        (elementwise(Mul(sympy.Rational(1, 2), Pow(s0, 2)), ((),), (), x), "x^2/2"),
        (elementwise(Mul(-3, s0), (column,), (n,), a), "-3a"),
        (elementwise(Mul(3, Pow(s0, -2)), ((),), (), x), "3/x^2"),
        (elementwise(Mul(sympy.Rational(-2, 3), s0), (column,), (n,), a), "-2a/3"),
        (elementwise(Add(Mul(-1, s0), s1), (column, column), (n,), a, b), "b - a"),
        (elementwise(Add(s0, s1), (full, row), (n, n), A, a), "A + 1 a^T"),
        (elementwise(Add(s0, s1), (full, column), (n, n), A, a), "A + a 1^T"),
        (elementwise(Add(s0, s1), (full, ()), (n, n), A, x), "A + x"),
        (elementwise(Add(s0, s1), (full, (1, 0)), (n, n), A, B), "A + B^T"),
        (elementwise(exp(Add(s0, s1)), (column, row), (n, n), a, b), "exp(a 1^T + 1 b^T)"),
        (elementwise(Mul(s0, s1), (column, row), (n, n), a, b), "a b^T"),
        (elementwise(Mul(s0, Pow(s1, -1)), (full, full), (n, n), A, B), "A / B"),
        (elementwise(Mul(s0, Pow(s1, -1)), (full, column), (n, n), A, a), "diag(1 / a) A"),
        (elementwise(Pow(s0, 2), (full,), (n, n), A), "A**2"),
        (elementwise(s0, ((1, 0),), (n, n), A), "A^T"),
        (elementwise(Add(s0, s1), ((0, 1, 2), (2,)), (n, n, n), T, a), "[T_ijk + a_k]_ijk"),
        (elementwise(scalar.log1p(s0), (column,), (n,), a), "log(1 + a)"),
    ]


@pytest.mark.parametrize(("node", "expected"), maps(), ids=lambda v: str(v)[:40])
def test_elementwise(node, expected) -> None:
    assert text(node) == expected


def test_softmax_is_recognised_in_one_body_and_in_several() -> None:
    X = cf.matrix("X", shape=("n", "k"))
    assert text(cf.softmax(X).node) == "softmax(X, axis=1)"
    lse = cf.logsumexp(X, axis=1).node
    node = elementwise(exp(Add(s0, Mul(-1, s1))), ((0, 1), (0,)), X.node.dims, X.node, lse)
    assert text(node) == "softmax(X, axis=1)"
    wrong = elementwise(exp(Add(s0, Mul(-1, s1))), ((0, 1), (0,)), X.node.dims, X.node,
                        cf.logsumexp(2 * X, axis=1).node)  # fmt: skip
    assert "softmax" not in text(wrong)


def test_softmax_is_recognised_between_indices() -> None:
    W, U = cf.matrix("W", shape=("d", "k")), cf.matrix("U", shape=("n", "d"))
    hessian = cf.hessian(cf.logsumexp(U @ W, axis=1).mean(), W)
    word = "softmax(UW, axis=1)"
    body = f"sum_q U_ql U_qi {word}_qp*(delta_pj - {word}_qj)"
    assert pp(hessian) == f"[{body}]_ijlp/n"
    rng = np.random.default_rng(0)
    values = {U: rng.normal(size=(5, 2)), W: rng.normal(size=(2, 3))}
    P = special.softmax(values[U] @ values[W], axis=1)
    core = np.einsum("qp,pj->qpj", P, np.eye(3)) - np.einsum("qp,qj->qpj", P, P)
    expected = np.einsum("ql,qi,qpj->ijlp", values[U], values[U], core) / 5
    assert_allclose(hessian.eval(values), expected, rtol=1e-12)


def softmaxes() -> list[tuple]:
    X, W = cf.matrix("X", shape=("n", "d")), cf.matrix("W", shape=("d", "k"))
    b, v, T = cf.vector("b", shape="k"), cf.vector("v"), cf.matrix("T", shape=("n", "k"))
    z, A = X @ W + b, cf.matrix("A", shape=("n", "n"))
    word = "softmax(XW + 1 b^T, axis=1)"
    cost = -(T * cf.log_softmax(z)).sum(1).mean()
    hidden = cf.tanh(X @ W + b) * T - cf.exp(b)
    return [
        (cf.softmax(z), word),
        (cf.log_softmax(z), "log_" + word),
        (cf.softmax(z, axis=0), "softmax(XW, axis=0)"),
        (cf.softmax(2 * v + 1), "softmax(2v)"),
        (cf.softmax(-v), "softmax(-v)"),
        (cf.log_softmax(v**2) + cf.exp(v), "log_softmax(v**2) + exp(v)"),
        (cf.softmax(cf.tanh(v)), "softmax(tanh(v))"),
        (cf.softmax(z / 3), "softmax((XW + 1 b^T)/3, axis=1)"),
        (cf.softmax(hidden), "softmax(T * tanh(XW + 1 b^T) - 1 exp(b)^T, axis=1)"),
        (cf.grad(cf.logsumexp(2 * v + 1), v), "2 softmax(2v)"),
        (cf.grad(cost, W), f"X^T(diag(T 1) {word} - T)/n"),
        (cf.grad(cost, b), f"({word}^T T 1 - T^T 1)/n"),
        (cf.exp(z - cf.logsumexp(2 * z, axis=1, keepdims=True)), None),
        (cf.exp(A - cf.logsumexp(A, axis=0)), "softmax(A, axis=0)"),
        (cf.exp(A - cf.logsumexp(A, axis=0)[:, None]), None),
        (cf.exp(z + cf.logsumexp(z, axis=0)), None),
    ]  # fmt: skip


@pytest.mark.parametrize(("tensor", "expected"), softmaxes(), ids=lambda v: str(v)[:40])
def test_a_softmax_of_any_expression_keeps_its_word(tensor, expected) -> None:
    shown = text(late.call("display", tensor.node))
    if expected is None:
        assert "softmax" not in shown
    else:
        assert shown == expected


def test_the_slash_after_a_vector_of_ones_divides_the_product() -> None:
    A = cf.matrix("A", shape=("n", "d"))
    assert text(late.call("display", A.mean(axis=0).node)) == "(A^T 1)/n"
    assert text(late.call("display", A.mean(axis=1).node)) == "(A 1)/d"
    x = cf.vector("x", shape="n")
    assert str(cf.grad(x.mean(), x)) == "1/n"
    assert text(late.call("display", (A.sum(1) / x).node)) == "(A 1) / x"


def test_1_5_named_intermediates_are_kept_when_asked() -> None:
    X, w = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d")
    p = cf.sigmoid(X @ w)
    p.name = "p"
    cost = (p * p).sum()
    assert text(cost.node, names=True).splitlines() == ["p^T p", "  where p = sigma(Xw)"]
    assert "where" not in text(cost.node)


@pytest.mark.parametrize("name", sorted(scalar.PRIMITIVES))
def test_every_primitive_prints(name) -> None:
    row = scalar.PRIMITIVES[name]
    x = cf.vector("x", shape="n").node
    args = [Slot(k) for k in range(row.arity or 2)]
    body = scalar.CLASSES[name](*args)
    node = Map(
        Model().gradient().spec.with_(body=body, indices=((0,),) * len(args), dims=x.dims),
        *[x] * len(args),
    )
    assert text(node).count("\n") == 0 and "Apply" not in text(node)


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1/50", "0.02"), ("1/4", "0.25"), ("1/2", None), ("3/2", None), ("1/3", None), ("7", None),
     ("1/100000000", "1e-8"), ("12345/1000", "12.345"), ("1/1073741824", None)],
)  # fmt: skip
def test_decimals_as_a_user_would_type_them(value, expected) -> None:
    assert decimal(Fraction(value)) == expected


# ---------------------------------------------------------------- names (semantics 6.1)


@pytest.mark.parametrize("name", ["for", "E", "x; y", "a\nb", "α", "\\", "{", "$", "\u202e", "'"])
def test_any_name_is_shown_on_one_line(name) -> None:
    x = cf.scalar(name)
    for shown in (pp(x * 2), text((x * 2).node)):
        assert "\n" not in shown and shown.isprintable()


def test_6_1_names_that_clash_get_primes() -> None:
    ws = [cf.scalar("w") for _ in range(6)]
    total = ws[0]
    for w in ws[1:]:
        total = total + w
    assert text(total.node) == "w + w' + w'' + w''' + w_4 + w_5"
    assert pp(ws[0] + ws[1]) == "(w + w')"


def test_unnamed_inputs_are_named_by_rank() -> None:
    a, b, M = cf.vector(), cf.vector(), cf.matrix()
    assert pp(a + b) == "(v + v_1)"
    assert text((M @ a + b).node) == "Mv + v_1"
    assert pp(cf.vector("v") + a) == "(v + v_1)"


def test_unknown_extents_and_extents_called_like_inputs() -> None:
    assert text(cf.vector("x").mean().node) == "sum(x)/n"
    assert text((cf.scalar("n") * cf.vector("x", shape="n").mean()).node) == "n sum(x)/n'"


def test_notation_does_not_clash_with_inputs() -> None:
    sigma, eye = cf.scalar("sigma"), cf.matrix("I", shape=("n", "n")).node
    assert text((sigma * cf.sigmoid(sigma)).node) == "sigma sigmoid(sigma)"
    both = elementwise(Add(s0, s1), ((0, 1), (0, 1)), eye.dims, eye, delta_leaf(eye.dims[0], F64))
    assert text(both) == "I + Id"


def test_glued_letters_do_not_spell_another_name() -> None:
    X, w, both = (
        cf.matrix("X", shape=("n", "n")),
        cf.vector("w", shape="n"),
        cf.vector("Xw", shape="n"),
    )
    assert text((X @ w + both).node) == "X w + Xw"


def test_letters_of_indices_avoid_names() -> None:
    i = cf.vector("i", shape="n").node
    A = cf.matrix("j", shape=("n", "n")).node
    node = contraction(((0, 1), (2,)), (0, 1, 2), (i.dims[0],) * 3, A, i)
    assert text(node) == "[j_kl i_p]_klp"


def test_columns_and_rows() -> None:
    W, b = cf.matrix("W", shape=("h", "d")), cf.col("b", shape=("h", 1))
    X, r = cf.matrix("X", shape=("d", "n")), cf.row("r", shape=(1, "n"))
    assert text((W @ X + b).node) == "WX + b 1^T"
    assert text((W @ X + r).node) == "WX + 1 r"
    assert text(r.node) == "r"
    assert text(b.T.node) == "b^T"


def test_layouts() -> None:
    X = cf.matrix("X", shape=("n", 4))
    assert text(X[1:3, 0].node) == "X[1:3, 0]"
    assert text((2 * X[1:3]).sum().node) in ("2 sum(X[1:3, :])", "sum(2X[1:3, :])")
    assert text(X.reshape(-1).node) == "reshape(X, (m,))"
    assert text(X[:, None, :].sum(1).node) == "X"


def test_the_printer_has_every_kind() -> None:
    document = transcribe(Model().gradient(), lambda s: s.name)
    assert TextSpelling(document).show(document.main)
