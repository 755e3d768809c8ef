"""Semantics 8.5 to 8.7: products with Jacobians and Hessians, known gradients, marks.

Push-forwards of every row of the words on whole arrays are compared with a complex step, those of
every kind of node with differences, and both sides of the transposition with each other.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.acceptance.targets import every_target
from tests.algebra.test_derivatives import GRAPHS, KINKS, LEAKS, VALUES, differences, inputs, points
from tests.algebra.test_derivatives import SMOOTH as PRIMITIVES
from tests.running import as_written, interpreted
from tests.vocabulary.test_words import SMOOTH, STEP, differentiable
from tests.vocabulary.words import Row, drawn, tensors

import closedform as cf
from closedform.algebra.node import Call
from closedform.algebra.scalar import CLASSES
from closedform.algebra.scalar import PRIMITIVES as ROWS
from closedform.algebra.tensor import apply


def directions(arrays: dict) -> dict:
    r = np.random.default_rng(17)
    return {name: r.normal(size=a.shape) for name, a in arrays.items()}


# ---------------------------------------------------------------- push-forwards


@pytest.mark.parametrize("row", SMOOTH, ids=lambda r: r.text)
def test_8_5_push_forwards_of_words(row: Row) -> None:
    """A complex step along a direction in all inputs at once."""
    arrays = drawn()
    variables, along = tensors(arrays), directions(arrays)
    names = differentiable(row, arrays)
    symbols = [cf.tensor(f"d{n}", variables[n].shape) for n in names]
    made = cf.jvp(row.of_tensors(variables), [variables[n] for n in names], symbols, None, "ignore")
    values = {variables[n].node: a for n, a in arrays.items()}
    values |= {v.node: along[n] for v, n in zip(symbols, names, strict=True)}
    (found,) = interpreted(as_written([made]), values)
    moved = {n: arrays[n] + 1j * STEP * along[n] if n in names else a for n, a in arrays.items()}
    assert_allclose(found, np.imag(row.stepped(moved)) / STEP, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("mode", ["FAST_COMPILE", None])
@pytest.mark.parametrize("name", GRAPHS)
def test_8_5_push_forwards_of_nodes(name, mode):
    """Against differences, and against the transposed product: u.(J v) = (J^T u).v."""
    made = GRAPHS[name]()
    xs = inputs(made)
    r = np.random.default_rng(4)
    along = [r.normal(size=VALUES[x].shape) for x in xs]
    written = cf.function(xs, made, mode="FAST_COMPILE")
    weight = r.normal(size=written(*(VALUES[x] for x in xs)).shape)
    pulled = cf.vjp(made, xs, weight)
    f = cf.function(xs, [cf.jvp(made, xs, along), *pulled], mode=mode, on_unused_input="ignore")
    found, *back = f(*(VALUES[x] for x in xs))
    jacobians = [differences(written, None, x, xs) for x in xs]
    want = sum(np.tensordot(j, v, v.ndim) for j, v in zip(jacobians, along, strict=True))
    assert_allclose(found, want, rtol=1e-8, atol=1e-8)
    inner = sum((g * v).sum() for g, v in zip(back, along, strict=True))
    assert_allclose((weight * found).sum(), inner, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_8_5_primitives_push_by_their_partials(name):
    """The rows themselves are compared with mpmath; here every slot has its own tangent."""
    orders = ROWS[name].orders
    at = points(name)[:20]
    first, count = [int(n) for n in at[0][:orders]], at.shape[1] - orders
    at[:, :orders] = first
    xs = list(cf.vectors(*(f"x{k}" for k in range(count)), shape="n"))
    made = apply(lambda *slots: CLASSES[name](*first, *slots), *xs)
    along = np.random.default_rng(4).normal(size=(count, len(at)))
    f = cf.function(xs, [cf.jvp(made, xs, list(along)), *cf.grad(made.sum(), xs)],
                    mode="FAST_COMPILE", on_unused_input="ignore")  # fmt: skip
    found, *gradients = f(*at[:, orders:].T)
    want = sum(g * v for g, v in zip(gradients, along, strict=True))
    assert_allclose(found, want, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("name", ["cumprod", "recurrence"])
def test_8_5_routines_push_by_the_transpose_of_their_pullback(name):
    """No row of their own, and no cut is left over."""
    from closedform.algebra.adjoints import recurrence
    from closedform.algebra.graph import leaves, topological

    x, v = cf.vectors("x", "v", shape="n")
    made = cf.cumprod(x) if name == "cumprod" else recurrence(x, cf.sin(x))
    nodes = as_written([cf.jvp(made, x, v)])
    assert any(isinstance(y, Call) for y in topological(nodes))
    assert {y.spec.kind for y in leaves(nodes)} <= {"input", "iota", "dim", "parameter"}


A, B = cf.matrix("A", shape=("n", "n")), cf.matrix("B", shape=("n", "k"))
POSITIVE = A @ A.T + 3 * cf.eye(A.shape[0])
LINALG = {
    "inv": lambda: cf.linalg.inv(POSITIVE),
    "solve": lambda: cf.linalg.solve(POSITIVE, B),
    "solve_triangular": lambda: cf.linalg.solve_triangular(cf.tril(POSITIVE), B, lower=True),
    "cholesky": lambda: cf.linalg.cholesky(POSITIVE),
    "det": lambda: cf.linalg.det(A),
    "slogdet": lambda: cf.linalg.slogdet(A)[1],
    "eigvalsh": lambda: cf.linalg.eigvalsh(POSITIVE),
    "eigenvectors": lambda: abs(cf.linalg.eigh(POSITIVE)[1]),
    "svdvals": lambda: cf.linalg.svdvals(A),
    "singular vectors": lambda: abs(cf.linalg.svd(A)[0]),
    "qr": lambda: cf.matmul(*cf.linalg.qr(A)) + cf.linalg.qr(A)[1],
    "pinv": lambda: cf.linalg.pinv(B),
    "expm": lambda: cf.linalg.expm(A * 0.3),
}


@pytest.mark.parametrize("mode", ["FAST_COMPILE", None])
@pytest.mark.parametrize("name", LINALG)
def test_8_5_push_forwards_of_linear_algebra(name, mode):
    """Transposed pull-backs against differences along the tangents."""
    made, options = LINALG[name](), {"on_unused_input": "ignore"}
    r = np.random.default_rng(0)
    at, along = [[r.normal(size=s) for s in ((4, 4), (4, 2))] for _ in range(2)]
    f = cf.function([A, B], cf.jvp([made], [A, B], along, None, "ignore")[0], mode=mode, **options)
    written, h = cf.function([A, B], made, mode="FAST_COMPILE", **options), 1e-6
    up, down = (
        written(*(a + sign * h * v for a, v in zip(at, along, strict=True))) for sign in (1, -1)
    )
    want = (up - down) / (2 * h)
    assert_allclose(f(*at), want, rtol=1e-6, atol=1e-7 * np.abs(want).max())


@pytest.mark.parametrize("mode", ["FAST_COMPILE", None])
@pytest.mark.parametrize("name", LEAKS)
def test_8_2_nothing_leaks_forward(name, mode):
    build, at, want = LEAKS[name]
    x = cf.vector("x")
    f = cf.function([x], cf.jvp(build(x).sum(), x, cf.ones_like(x)), mode=mode)
    assert_allclose(f(np.array(at, float)), np.sum(want), rtol=1e-14)


@pytest.mark.parametrize("name, at, want", [k for k in KINKS if len(k[1]) == 1], ids=str)
def test_8_2_kinks_forward(name, at, want):
    x = cf.scalar("x")
    made = cf.jvp(apply(CLASSES[name], x), x, 1.0, disconnected_inputs="ignore")
    with np.errstate(all="ignore"):
        assert_array_equal(cf.function([x], made, mode="FAST_COMPILE", on_unused_input="ignore")(
            float(at[0])), want[0])  # fmt: skip


def test_8_2_ties_forward():
    x = cf.vector("x")
    f = cf.function([x], [cf.jvp(x.max(), x, [1.0, 2, 4, 8]), cf.jvp(x.min(), x, [1.0, 2, 4, 8])])
    assert f([3.0, 1, 3, 1]) == [2.5, 5]


# ---------------------------------------------------------------- shapes and several variables


@every_target
def test_8_5_shapes_and_dtypes(options):
    X, w = cf.matrix("X", dtype="float32"), cf.vector("w")
    V, u = cf.matrix("V"), cf.vector("u", dtype="float32")
    out = X @ w
    made = [cf.jvp(out, [X, w], (V, u)), *cf.vjp(out, [X, w], u), cf.jvp(X.sum(), X, V)]
    f = cf.function([X, w, V, u], made, on_unused_input="ignore", **options)
    r = np.random.default_rng(2)
    x, a, v, b = r.normal(size=(3, 2)), r.normal(size=2), r.normal(size=(3, 2)), r.normal(size=2)
    x, b = x.astype("float32"), b.astype("float32")
    weights = r.normal(size=3).astype("float32")
    with pytest.raises(cf.CallError):  # u is a tangent of w and a cotangent of out: one extent
        f(x, a, v, b)
    g = cf.function([X, w, V, u], [made[0], made[3]], on_unused_input="ignore", **options)
    along, total = g(x, a, v, b)
    assert_allclose(along, v.astype("float32") @ a + x @ b, rtol=1e-6)
    assert_allclose(total, v.sum(), rtol=1e-6)
    assert (along.dtype, total.dtype) == (np.float64, np.float32)
    back = cf.function([X, w, u], made[1:3], **options)(x, a, weights)
    assert_allclose(back[0], np.outer(weights, a), rtol=1e-6)
    assert_allclose(back[1], weights @ x, rtol=1e-6)
    assert [g.dtype.name for g in back] == ["float32", "float64"]


def test_8_5_lists_tuples_and_intermediates():
    x, y = cf.scalars("x", "y")
    z = x * y
    pair = cf.jvp((z * x, z + y), [x, y], [1.0, 2.0])
    assert isinstance(pair, tuple)
    assert cf.function([x, y], list(pair))(3.0, 5.0) == [2 * 3 * 5 + 9 * 2, 5 + 2 * 3 + 2]
    by_z = cf.jvp(cf.exp(z) * x, z, 1.0)
    assert_allclose(cf.function([x, y], by_z)(3.0, 0.5), 3 * np.exp(1.5))
    held = cf.jvp(z * x, x, 1.0, consider_constant=z)
    assert cf.function([x, y], held)(3.0, 5.0) == 15
    back = cf.vjp([z, x + y], (x, y), [2.0, 3.0])
    assert isinstance(back, tuple) and cf.function([x, y], list(back))(3.0, 5.0) == [13, 9]


def test_8_5_a_cotangent_is_held_constant():
    x = cf.scalar("x")
    u = x**2
    assert cf.function([x], cf.vjp(x * u, x, u))(3.0) == 3 * 9 * 9
    assert cf.function([x], cf.vjp(cf.sin(x), x, x))(0.0) == 0


def test_8_5_of_disconnected_things():
    x, y, v = cf.vectors("x", "y", "v", shape="n")
    with pytest.raises(cf.DisconnectedInputError, match="'y'"):
        cf.jvp(x * 2, [x, y], [v, v])
    with pytest.raises(cf.DisconnectedInputError, match="depends on none of wrt"):
        cf.jvp([x * 2, y], x, v)
    with pytest.warns(UserWarning, match="'y'"):
        cf.jvp(x * 2, [x, y], [v, v], disconnected_inputs="warn")
    # each variable and each expression has its part, though not every pair
    made = cf.jvp([x * 2, y], [x, y], [v, v])
    zero = cf.jvp(x, y, v, disconnected_inputs="ignore")
    f = cf.function([x, y, v], [*made, zero], on_unused_input="ignore")
    for found, want in zip(f([1, 2], [3, 4], [5, 6]), [[10, 12], [5, 6], [0, 0]], strict=True):
        assert_array_equal(found, want)


def test_8_5_derivatives_of_tangents():
    x, v = cf.vectors("x", "v", shape="n")
    along = cf.jvp(cf.exp(x) * x[::-1], x, v)
    second = cf.function([x, v], [cf.jvp(along, x, v), cf.grad(along.sum(), x)])
    a, b = np.array([0.3, -0.7, 1.1]), np.array([1.0, 2.0, -1.0])
    one, other = second(a, b)
    e, rev, brev = np.exp(a), a[::-1], b[::-1]
    assert_allclose(one, e * b * b * rev + 2 * e * b * brev, rtol=1e-14)
    assert_allclose(other, e * b * rev + e * brev + (e * b)[::-1], rtol=1e-14)


def test_8_5_theanos_names_and_tutorial_answers():
    """The examples of Theano's tutorial on derivatives: R-operator and L-operator."""
    W, V, x, v = cf.matrix("W"), cf.matrix("V"), cf.vector("x"), cf.vector("v")
    y = cf.dot(x, W)
    f = cf.function([W, V, x], cf.tensor.Rop(y, W, V), on_unused_input="ignore")
    assert_array_equal(f([[1, 1], [1, 1]], [[2, 2], [2, 2]], [0, 1]), [2, 2])
    g = cf.function([v, x], cf.tensor.Lop(y, W, v))
    assert_array_equal(g([2, 2], [0, 1]), [[0, 0], [2, 2]])
    assert cf.Rop(y, [W, x], [V, v], disconnected_outputs="ignore").ndim == 1
    with pytest.raises(cf.DerivativeError, match="return_disconnected"):
        cf.Rop(y, W, V, return_disconnected="none")


# ---------------------------------------------------------------- Hessians times vectors

COSTS = {
    "logistic": lambda X, w: cf.softplus(X @ w).mean() + 0.01 * (w**2).sum(),
    "logsumexp": lambda X, w: cf.logsumexp(X @ w) + cf.exp(w).sum() ** 2,
    "quadratic": lambda X, w: (X @ w) @ (X @ w),
    "scan": lambda X, w: (cf.cumprod(w) ** 2).sum() * X.sum(),
}


@pytest.mark.parametrize("mode", ["FAST_COMPILE", None])
@pytest.mark.parametrize("name", COSTS)
def test_8_6_hessian_times_vector(name, mode):
    X, w, v = cf.matrix("X"), cf.vector("w"), cf.vector("v")
    cost = COSTS[name](X, w)
    r = np.random.default_rng(9)
    data, at, along = r.normal(size=(6, 4)), r.normal(size=4), r.normal(size=4)
    f = cf.function([X, w, v], [cf.hvp(cost, w, v), cf.hessian(cost, w) @ v], mode=mode)
    found, product = f(data, at, along)
    assert_allclose(found, product, rtol=1e-11)
    slope, h = cf.function([X, w], cf.grad(cost, w), mode="FAST_COMPILE"), 1e-5
    want = (slope(data, at + h * along) - slope(data, at - h * along)) / (2 * h)
    assert_allclose(found, want, rtol=1e-7, atol=1e-7)


def test_8_6_several_variables_share_the_mixed_terms():
    x, y = cf.scalars("x", "y")
    cost = x**2 * y**3
    made = cf.hvp(cost, (x, y), (1.0, 10.0))
    assert isinstance(made, tuple)
    a, b = cf.function([x, y], list(made))(2.0, 3.0)
    assert (a, b) == (2 * 27 + 2 * 2 * 27 * 10, 2 * 2 * 27 + 4 * 6 * 3 * 10)


def test_8_6_no_hessian_is_formed():
    X, w, v = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d"), cf.vector("v", shape="d")
    text = str(cf.hvp(cf.softplus(X @ w).sum(), w, v))
    assert text == "X^T(Xv * sigma(Xw) * sigma(-Xw))"


def test_8_5_many_values_along_one_tangent_share_their_sweep():
    """Twice the depth at twice the number of variables costs about four times, not eight."""
    from closedform.algebra import partials

    def count(k: int, monkeypatch) -> int:
        calls = []
        real = partials.derivative
        monkeypatch.setattr(partials, "derivative", lambda *a: (calls.append(1), real(*a))[1])
        xs = cf.vectors(*(f"x{j}" for j in range(k)), shape="n")
        total = xs[0]
        for x in xs[1:]:
            total = cf.tanh(total * x)
        as_written(cf.hvp(total.sum(), list(xs), list(xs)))
        return len(calls)

    with pytest.MonkeyPatch.context() as patch:
        small = count(10, patch)
    with pytest.MonkeyPatch.context() as patch:
        assert count(40, patch) < 6 * small


# ---------------------------------------------------------------- known gradients and marks


def test_8_7_known_gradients():
    """The chain rule by hand: what is known replaces what the cost says."""
    x, g = cf.vectors("x", "g", shape="n")
    hidden = cf.tanh(x)
    cost = (hidden**2).sum() + (3 * x).sum()
    slopes = [
        cf.grad(None, x, known_grads={hidden: g}),
        cf.grad(cost, x, known_grads={hidden: g}),
        cf.grad(cost, hidden, known_grads={hidden: g}),
        cf.grad(None, x, hidden, "ignore", {hidden: g, cf.exp(hidden): g}),
    ]
    at, known = np.array([0.2, -1.0]), np.array([5.0, 7.0])
    f = cf.function([x, g], slopes, on_unused_input="ignore")
    through = known / np.cosh(at) ** 2
    for found, want in zip(f(at, known), [through, through + 3, known, 0 * at], strict=True):
        assert_allclose(found, want, rtol=1e-14)


def test_8_7_one_known_intermediate_behind_another():
    x = cf.scalar("x")
    a = x**2
    b = a * x
    made = cf.grad(None, [x, a], known_grads={a: 2.0, b: 10.0})
    found = cf.function([x], made)(3.0)
    assert found == [2 * 6 + 10 * 9, 2]  # b counts along its own x; a is known


def test_8_7_known_gradients_that_make_no_sense():
    x, y = cf.vectors("x", "y", shape="n")
    with pytest.raises(cf.ShapeError, match="cotangent"):
        cf.grad(None, x, known_grads={x * 2: cf.matrix("u")})
    with pytest.raises(cf.DisconnectedInputError, match="'y'"):
        cf.grad(None, y, known_grads={x * 2: x})
    with pytest.raises(cf.DerivativeError, match="known_grads"):
        cf.grad(None, x, known_grads=[x])
    with pytest.raises(cf.ExpressionError, match="known_grads"):
        cf.grad(None, x)


@every_target
def test_8_7_marks(options):
    x = cf.vector("x")
    stop, zero = cf.disconnected_grad(x), cf.zero_grad(x)
    clip = cf.grad_clip(x, -1, cf.scalar("top") * 0 + 2)
    costs = [(x * stop).sum(), (x * zero).sum(), (clip**2).sum(), (cf.consider_constant(x) * x**2)
             .sum()]  # fmt: skip
    slopes = [cf.grad(c, x) for c in costs]
    tops = [t for t in cf.algebra.graph.leaves([slopes[2].node]) if t.label == "top"]
    f = cf.function([x, cf.Tensor(tops[0])], [*costs, *slopes], **options)
    found = f([1.0, -3.0, 0.2], 9.0)
    assert_allclose(found[:4], [10.04, 10.04, 10.04, 1 - 27 + 0.008], rtol=1e-14)
    want = [[1, -3, 0.2], [1, -3, 0.2], [2, -1, 0.4], [2, 18, 0.08]]
    for one, other in zip(found[4:], want, strict=True):
        assert_allclose(one, other, rtol=1e-14)


def test_8_7_what_is_reached_through_marks():
    x = cf.vector("x")
    with pytest.raises(cf.DisconnectedInputError):
        cf.grad(cf.disconnected_grad(x).sum(), x)
    assert_array_equal(cf.grad(cf.zero_grad(x).sum(), x).eval({x: np.ones(2)}), [0, 0])
    along = cf.jvp(cf.grad_clip(x, -1, 1) * 5 + cf.zero_grad(x), x, [1.0, 2.0])
    assert_array_equal(along.eval({x: np.ones(2)}), [5, 10])
    for wrong in (lambda: cf.grad_clip(x, x, 1), lambda: cf.grad_clip(cf.ivector("k"), 0, 1)):
        with pytest.raises(cf.DerivativeError, match="fix"):
            wrong()


def test_marks_and_tangents_survive_being_saved_and_print():
    from closedform.algebra.deserialise import load
    from closedform.algebra.serialise import dump

    x, v = cf.vectors("x", "v", shape="n")
    made = cf.jvp(cf.grad_clip(x, -1, 1) * cf.disconnected_grad(x), x, v)
    text = dump([made.node])
    (again,) = load(text)
    assert dump([again]) == text
    assert cf.pp(cf.Tensor(again)) == cf.pp(made) == "v * x"
    assert cf.latex(made) == r"v \odot x"


# ---------------------------------------------------------------- refusals

x, v = cf.vectors("x", "v", shape="n")
k, m = cf.ivector("k"), cf.matrix("m")
REFUSED = {
    "tangent of another rank": (lambda: cf.jvp(x, x, m), cf.ShapeError, "tangent of 'x'"),
    "tangent of another extent": (
        lambda: cf.jvp(cf.vector("a", shape=3), cf.vector("a", shape=3), [1.0, 2.0]),
        cf.ShapeError, r"\(2,\).*\(3,\)"),
    "tangents are too few": (lambda: cf.jvp(x * v, [x, v], [v]), cf.DerivativeError, "1 tangents"),
    "cotangents are too few": (
        lambda: cf.vjp([x, v], x, [v]), cf.DerivativeError, "1 cotangents for 2"),
    "cotangent of another rank": (lambda: cf.vjp(x, x, m), cf.ShapeError, "cotangent"),
    "tangent of booleans": (lambda: cf.jvp(x, x, x > 0), cf.DTypeError, "bool"),
    "integer variable": (lambda: cf.jvp(x, k, k), cf.DerivativeError, "int32"),
    "integer expression": (lambda: cf.vjp(k, x, k), cf.DerivativeError, "int32"),
    "no tensor": (lambda: cf.jvp(3.0, x, v), cf.ExpressionError, "3.0"),
    "twice": (lambda: cf.jvp(x, [x, x], [v, v]), cf.DerivativeError, "twice"),
    "option": (lambda: cf.jvp(x, x, v, None, "maybe"), cf.DerivativeError, "maybe"),
    "hvp of an array": (lambda: cf.hvp(x, x, v), cf.DerivativeError, "shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_8_5_refused_with_line_and_cure(name):
    build, kind, text = REFUSED[name]
    with pytest.raises(kind, match=f"(?s){text}.*fix"):
        build()


def test_8_5_a_refusal_names_the_users_line():
    with pytest.raises(cf.ShapeError) as caught:
        cf.jvp(x, x, m)
    line = inspect.currentframe().f_lineno - 1
    assert f"tests/algebra/test_differentiation.py:{line}" in str(caught.value)
