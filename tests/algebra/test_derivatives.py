"""Derivative rows against mpmath; pull-backs against differences of the as-written graph."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.exact import EXACT, domain

import closedform as cf
from closedform.algebra import scalar
from closedform.algebra.dtypes import FLOAT64
from closedform.algebra.node import Leaf, LeafSpec, fresh_uid
from closedform.algebra.partials import PARTIALS, STRUCTURAL, bounded, derivative
from closedform.algebra.pullback import PULLBACKS, accumulate
from closedform.algebra.scalar import CLASSES, PRIMITIVES, Add, Mul, Pow, Slot
from closedform.algebra.tensor import apply
from closedform.runtime.interpreter import Interpreter
from closedform.runtime.meaning import compiled

S = [Slot(k) for k in range(3)]


def value(body, *points):
    with np.errstate(all="ignore"):
        return float(compiled(body, FLOAT64)([np.asarray(float(p)) for p in points]))


# ---------------------------------------------------------------- rows

SMOOTH = [name for name, row in PARTIALS.items() if any(row)]
TINY = [1e-3, 1e-8, 1e-20]


def points(name):
    """Random arguments of a primitive, and for smooth functions of one number also tiny ones."""
    box = domain(name)
    low, high = np.array(box, dtype=float).T
    found = np.random.default_rng(3).uniform(low, high, (25, len(box)))
    if box[-1] == (-3.0, 3.0) and len(box) - PRIMITIVES[name].orders == 1:
        small = [np.r_[low[:-1], sign * x] for x in TINY for sign in (1, -1)]
        return np.concatenate([found, small])
    return found


@pytest.mark.parametrize("name", SMOOTH)
def test_8_2_rows_are_derivatives(name):
    orders = PRIMITIVES[name].orders
    for at in points(name):
        first = [int(v) for v in at[:orders]]
        body = CLASSES[name](*first, *S[: len(at) - orders])
        for k in range(len(at) - orders):
            slope = derivative(body, k)
            with mpmath.workdps(60):
                args = [mpmath.mpf(float(p)) for p in at]
                line = lambda t, k=k + orders, args=args: EXACT[name](*args[:k], t, *args[k + 1 :])  # noqa: E731
                want = float(mpmath.diff(line, args[k + orders]))
            found = value(0 * S[0] if slope is None else slope, *at[orders:])
            assert_allclose(found, want, rtol=ROUNDING.get(name, 1e-13), atol=1e-300)


# primitive -> relative error of its derivative in double precision, where a difference cancels
ROUNDING = {
    "betaln": 1e-12, "binom": 1e-11, "kl_div": 1e-11, "gamma": 1e-12, "sinc_derivative": 1e-12,
    "i0e": 1e-12, "i1e": 1e-12, "iv": 1e-12, "ive": 1e-12, "erfcx_derivative": 1e-11,
    "rel_entr": 1e-11, "entr": 1e-12, "digamma": 1e-12, "gammaln": 1e-11,
}  # fmt: skip


@pytest.mark.parametrize("name", ["sinc", "exprel", "erfcx", "log_ndtr", "i0", "i1", "digamma"])
def test_8_2_third_derivatives_keep_their_digits(name):
    body = S[0]
    body = CLASSES[name](S[0])
    for _ in range(3):
        body = derivative(body, 0)
    low, high = domain(name)[0]
    for at in [*np.random.default_rng(4).uniform(low, high, 12), 1e-6, 1e-12]:
        with mpmath.workdps(80):
            want = float(mpmath.diff(EXACT[name], mpmath.mpf(float(at)), 3))
        assert_allclose(value(body, at), want, rtol=1e-10, atol=1e-14)


def test_an_order_is_nothing_to_differentiate_by():
    body = scalar.polygamma(S[0], S[1])
    assert derivative(body, 1) is scalar.polygamma(S[0] + 1, S[1])
    with pytest.raises(cf.DerivativeError, match="order"):
        derivative(body, 0)


def test_every_row_is_tested_or_zero_by_declaration():
    assert set(PARTIALS) | set(STRUCTURAL) == set(PRIMITIVES)
    assert set(EXACT) >= set(SMOOTH)


KINKS = [
    ("abs", [0], [0]), ("relu", [0], [0]), ("sign", [0], [0]), ("log", [0], [np.inf]),
    ("maximum", [2, 2], [0.5, 0.5]), ("minimum", [2, 2], [0.5, 0.5]),
    ("maximum", [np.inf, np.inf], [0.5, 0.5]), ("log1p", [-1], [np.inf]),
    ("Pow", [0, 2], [0, 0]), ("Pow", [0, 1], [1, 0]), ("Pow", [0, 0.5], [np.inf, 0]),
    ("Pow", [0, 0], [0, 0]), ("Pow", [3, 0], [0, np.log(3)]), ("Pow", [-2, 3], [12, np.nan]),
    ("sigmoid", [800], [0]), ("sigmoid", [-800], [0]), ("softplus", [-800], [0]),
    ("softplus", [800], [1]), ("tanh", [800], [0]), ("exp", [-800], [0]),
    ("log1mexp", [800], [0]), ("hypot", [0, 0], [0, 0]), ("hypot", [0, 2], [0, 1]),
    ("clip", [1, 1, 2], [1, 0, 0]), ("clip", [2, 1, 2], [1, 0, 0]), ("clip", [0, 1, 2], [0, 1, 0]),
    ("clip", [3, 1, 2], [0, 0, 1]), ("clip", [0, 3, 2], [0, 0, 1]), ("floor", [1], [0]),
    ("fmax", [2, 2], [0.5, 0.5]), ("fmax", [np.nan, 2], [0, 1]), ("fmin", [2, np.nan], [1, 0]),
    ("heaviside", [0, 3], [0, 1]), ("copysign", [0, -1], [0, 0]), ("copysign", [2, -1], [-1, 0]),
    ("xlogy", [0, 2], [np.log(2), 0]), ("xlogy", [0, 0], [-np.inf, 0]), ("erfcx", [np.inf], [0]),
    ("exprel", [0], [0.5]), ("exprel", [-np.inf], [0]), ("sinc", [0], [0]),
    ("log_ndtr", [-np.inf], [np.inf]), ("log_ndtr", [40], [0]), ("i0e", [0], [0]),
    ("logaddexp", [-np.inf, 0], [0, 1]), ("arctan2", [0, 1], [1, 0]),
]  # fmt: skip


@pytest.mark.parametrize("name, at, want", KINKS, ids=str)
def test_8_2_kinks_and_limits(name, at, want):
    body = CLASSES[name](*S[: len(at)])
    for k, slope in enumerate(want):
        found = derivative(body, k)
        assert_array_equal(0 if found is None else value(found, *at), slope)


def test_8_2_sqrt_has_an_infinite_derivative_at_0():
    assert value(derivative(Pow(S[0], scalar.HALF), 0), 0.0) == np.inf


A, B, C = S
BODIES = {
    "sum": A + B * 3 - A, "product": A * B * A * 2, "quotient": A / B, "power": A**3 * B**-2,
    "chain": scalar.exp(scalar.sin(A * B)), "where": scalar.where(scalar.gt(A, B), A * A, B),
    "shared": scalar.tanh(A) * scalar.tanh(A) + scalar.exp(scalar.tanh(A)),
    "exponent": (A * A + 1) ** (B * A), "nested": scalar.maximum(scalar.minimum(A, 1), B * A),
    "indicator": scalar.indicator(scalar.gt(A, 0)) * A * B,
    "softmax": scalar.exp(A) / (scalar.exp(A) + scalar.exp(B)),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_the_chain_rule_over_bodies(name):
    body = BODIES[name]
    for at in np.random.default_rng(5).normal(size=(10, 2)):
        for k in range(2):
            h = 1e-6
            step = h * np.eye(2)[k]
            want = (value(body, *(at + step)) - value(body, *(at - step))) / (2 * h)
            slope = derivative(body, k)
            assert_allclose(0 if slope is None else value(slope, *at), want, rtol=1e-7, atol=1e-8)


def test_a_body_without_the_slot_has_no_derivative():
    assert derivative(scalar.exp(B), 0) is None
    assert derivative(scalar.sign_of(A), 0) is None
    assert derivative(scalar.where(scalar.gt(A, 0), B, 1), 0) is None


@pytest.mark.parametrize(
    "body",
    [
        scalar.maximum(scalar.log(A), -5), scalar.relu(scalar.log(A) - 1),
        scalar.minimum(5, -scalar.log(A)), scalar.where(scalar.gt(A, 0), A * scalar.log(A), 0),
        scalar.maximum(Pow(A, scalar.HALF), 1), scalar.relu(Pow(A, -1) * -1),
    ],
    ids=scalar.show,
)  # fmt: skip
def test_8_2_nothing_leaks_from_choices_inside_a_body(body):
    assert value(derivative(body, 0), 0.0) == 0


def test_bounded_bodies_are_finite_at_every_operand():
    for body in (scalar.indicator(scalar.gt(A, 0)), scalar.where(scalar.gt(A, 0), 1, 0) * 2):
        assert bounded(body)
        assert all(np.isfinite(value(body, p)) for p in (np.inf, -np.inf, np.nan))
    for body in (A, scalar.sigmoid(A), scalar.exp(A), Pow(A, 2), Add(A, 1), Mul(2, A)):
        assert not bounded(body)


# ---------------------------------------------------------------- pull-backs

X = cf.matrix("X", shape=("n", 3))
M = cf.matrix("M", shape=("n", "n"))
v = cf.vector("v", shape="n")
w = cf.vector("w", shape=3)
c = cf.matrix("c", shape=("n", 1))
s = cf.scalar("s")
VALUES = {
    t: np.random.default_rng(8).normal(size=shape)
    for t, shape in ((X, (4, 3)), (M, (4, 4)), (v, (4,)), (w, (3,)), (c, (4, 1)), (s, ()))
}
GRAPHS = {
    "broadcast vector": lambda: cf.exp(X * w),
    "broadcast column": lambda: cf.tanh(X - c) * c,
    "broadcast scalar": lambda: s * X + s**2 * c,
    "one operand twice": lambda: X * X / (1 + X * X),
    "transposed": lambda: M * M.T + M.T,
    "new axes": lambda: v[:, None] * w[None, :] * X,
    "dropped axis": lambda: c[:, 0] * c.dimshuffle(0) * v,
    "matrix vector": lambda: cf.sin(X @ w),
    "matrix matrix": lambda: X.T @ M @ X,
    "outer": lambda: cf.outer(v, w) * X,
    "trace": lambda: cf.trace(M @ M) * v,
    "diagonal": lambda: cf.einsum("ii->i", M) * v,
    "diagonal of a product": lambda: cf.einsum("ij,ji->i", M, M),
    "diagonal thrice": lambda: cf.einsum("ii,ii,i->", M, M, v),
    "repeated label kept": lambda: cf.einsum("ii,i->i", M, v),
    "quadratic form": lambda: v @ M @ v,
    "column product": lambda: cf.einsum("ij,jk->ik", c, w[None, :]),
    "sum": lambda: X.sum(0) * w + X.sum() * s,
    "mean": lambda: (X - X.mean(0)) ** 2,
    "mean keepdims": lambda: X / X.mean(1, keepdims=True),
    "max": lambda: X.max(1) * v,
    "min of all": lambda: X.min() * w,
    "max keepdims": lambda: X - X.max(0, keepdims=True),
    "logsumexp": lambda: cf.logsumexp(X, 1) * v,
    "logsumexp of all": lambda: cf.logsumexp(X) * s,
    "softmax": lambda: cf.softmax(X, 0) * X,
    "log_softmax": lambda: cf.log_softmax(X, 1) * w,
    "reshape": lambda: X.reshape(-1) ** 2,
    "reshape and back": lambda: cf.exp((X.T.reshape(-1)).reshape(3, -1)) * X.T,
    "slice": lambda: X[1:, ::-2] ** 2,
    "slice from the end": lambda: X[-3:-1] * w,
    "element": lambda: X[1, 2] * v + M[-1, 0],
    "differences": lambda: (v[1:] - v[:-1]) ** 2,
    "where": lambda: cf.where(X > 0, X**2, -X * s),
    "where of a vector": lambda: cf.where(v > 0, v, v**2)[:, None] * X,
    "maximum": lambda: cf.maximum(X, w) + cf.minimum(X, c),
    "cast": lambda: (X.astype("float64") * (X > 0)).sum(1),
    "extents": lambda: X.sum(0) / X.shape[0] + X.size * w,
    "power": lambda: abs(X) ** (s**2 + 1),
}


def inputs(made):
    from closedform.algebra.graph import leaves

    used = [x for x in leaves([made.node]) if x.spec.kind == "input"]
    return [t for t in VALUES if t.node in used]


def differences(f, made, t, xs):
    """Jacobian of a function by central differences: shape of the result + shape of t."""
    h, at = 1e-5, [VALUES[x] for x in xs]
    k = xs.index(t)
    columns = []
    for index in np.ndindex(at[k].shape):
        step = np.zeros_like(at[k])
        step[index] = h
        up, down = (f(*at[:k], at[k] + sign * step, *at[k + 1 :]) for sign in (1, -1))
        columns.append((up - down) / (2 * h))
    return np.stack(columns, -1).reshape(np.shape(columns[0]) + at[k].shape)


@pytest.mark.parametrize("name", GRAPHS)
def test_8_1_pullbacks_with_and_without_a_batch(name):
    """The Jacobian seeds one cotangent per element, a gradient a single one."""
    made = GRAPHS[name]()
    xs = inputs(made)
    f = cf.function(xs, made, mode="FAST_COMPILE")
    weights = np.cos(np.arange(f(*(VALUES[x] for x in xs)).size)).reshape(-1)
    for t in xs:
        slopes = [cf.jacobian(made, t), cf.grad((made.flatten() * weights).sum(), t)]
        g = cf.function(xs, slopes, mode="FAST_COMPILE", on_unused_input="ignore")
        jacobian, gradient = g(*(VALUES[x] for x in xs))
        want = differences(f, made, t, xs)
        assert_allclose(jacobian, want, rtol=1e-8, atol=1e-8)
        flat = want.reshape(weights.size, -1)
        assert_allclose(gradient.reshape(-1), weights @ flat, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", ["broadcast vector", "quadratic form", "logsumexp", "slice",
                                  "where", "diagonal of a product", "mean", "reshape"])  # fmt: skip
def test_8_1_second_derivatives(name):
    cost = (GRAPHS[name]() ** 2).sum()
    xs = inputs(cost)
    for t in xs:
        slope = cf.function(xs, cf.grad(cost, t), mode="FAST_COMPILE")
        hessian = cf.function(xs, cf.hessian(cost, t), mode="FAST_COMPILE")
        found = hessian(*(VALUES[x] for x in xs))
        assert_allclose(found, differences(slope, None, t, xs), rtol=1e-7, atol=1e-7)


def test_every_kind_that_flows_has_a_pullback():
    from closedform.algebra.adjoints import ADJOINTS
    from closedform.algebra.node import Derivative, Leaf, Node
    from closedform.algebra.pushforward import PUSHES
    from closedform.algebra.routines import ROUTINES

    assert set(PULLBACKS) == set(PUSHES) == {*Node.__subclasses__()} - {Leaf, Derivative}
    assert set(ADJOINTS) == set(ROUTINES)


@pytest.mark.parametrize("ties, want", [
    ([1, 3, 3, 2], [0, 0.5, 0.5, 0]), ([2, 2, 2, 2], [0.25] * 4), ([-np.inf] * 2, [0.5, 0.5]),
])  # fmt: skip
def test_8_2_ties_of_an_extreme_share_equally(ties, want):
    x = cf.vector("x")
    for cost, at in ((x.max(), np.array(ties, float)), (x.min(), -np.array(ties, float))):
        assert_allclose(cf.function([x], cf.grad(cost, x), mode="FAST_COMPILE")(at), want)


def test_8_2_ties_of_all_elements_and_of_rows():
    x = cf.matrix("x")
    found = cf.function([x], cf.grad(x.max(1).sum() + x.max(), x), mode="FAST_COMPILE")
    assert_allclose(found([[1, 1], [1, 0]]), [[5 / 6, 5 / 6], [4 / 3, 0]])


NAN, INF = np.nan, np.inf
LEAKS = {
    "x log x": (lambda x: cf.where(x > 0, x * cf.log(x), 0), [-1, 0, 1], [0, 0, 1]),
    "square of log": (lambda x: cf.where(x > 0, cf.log(x) ** 2, 0), [-1, 0, 1], [0, 0, 0]),
    "overflow": (lambda x: cf.where(x < 700, cf.exp(x), x), [0, 1000], [1, 1]),
    "missing data": (lambda x: cf.where(x > 0, x * 2 * x, 0), [1, NAN, -INF], [4, 0, 0]),
    "bounded functions": (
        lambda x: cf.where(x > 0, cf.sigmoid(cf.log(x)) + cf.tanh(1 / x), 0)[1:],
        [5, 0, -1],
        [0, 0, 0],
    ),
    "maximum": (lambda x: cf.maximum(cf.sqrt(x), 1), [0, 4], [0, 0.25]),
    "relu": (lambda x: cf.relu(-1 / x), [0, 1, -1], [0, 0, 1]),
    "max": (lambda x: cf.sqrt(x).max(), [0, 4], [0, 0.25]),
    "quotient": (lambda x: cf.where(x > 0, 3 / x, 1), [0, 1], [0, -3]),
    "logsumexp": (
        lambda x: cf.where(cf.logsumexp(x) > 0, cf.logsumexp(x), 0),
        [-INF, -INF],
        [0, 0],
    ),
}


@pytest.mark.parametrize("mode", ["FAST_COMPILE", None])
@pytest.mark.parametrize("name", LEAKS)
def test_8_2_nothing_leaks_from_what_was_not_chosen(name, mode):
    build, at, want = LEAKS[name]
    x = cf.vector("x")
    slope = cf.grad(build(x).sum(), x)
    found = cf.function([x], slope, mode=mode)(np.array(at, float))
    assert_allclose(found, want, rtol=1e-14)


@pytest.mark.parametrize("mode", ["FAST_COMPILE", None])
def test_8_2_a_masked_product_hides_missing_data(mode):
    x, u = cf.vectors("x", "u", shape="n")
    slope = cf.grad(cf.where(x > 0, x * u, 0).sum(), u)
    found = cf.function([x, u], slope, mode=mode)([1, NAN, 2, -INF], np.ones(4))
    assert_array_equal(found, [1, 0, 2, 0])


def test_8_4_integers_and_comparisons_stop_the_derivative():
    x, k = cf.vector("x"), cf.ivector("k")
    parts = [(k * x).sum(), (x.astype("int64") * x).sum(), ((x > 1) * x).sum(), (k**x).sum()]
    f = cf.function([k, x], [cf.grad(p, x) for p in parts], mode="FAST_COMPILE",
                    on_unused_input="ignore")  # fmt: skip
    want = [[1, 2], [1, 2], [1, 1], [0, 4 * np.log(2)]]
    for found, expected in zip(f(np.array([1, 2], "int32"), [1.5, 2.0]), want, strict=True):
        assert_allclose(found, expected)


def test_8_1_a_gradient_is_rounded_to_the_dtype_of_its_variable_once():
    a, b = cf.vector("a", dtype="float32", shape="n"), cf.matrix("b", shape=("m", "n"))
    u = cf.vector("u", shape="m")
    slope = cf.function([a, b, u], cf.grad((u * (b @ a)).sum(), a), mode="FAST_COMPILE")
    rng = np.random.default_rng(0)
    values = rng.normal(size=50).astype("f4"), rng.normal(size=(1, 50)), rng.normal(size=1)
    assert_array_equal(slope(*values), (values[2] @ values[1]).astype("f4"))


def test_8_1_a_gradient_has_the_dtype_of_its_variable():
    a, b = cf.vector("a", dtype="float32", shape="n"), cf.vector("b", shape="n")
    slopes = cf.function([a, b], cf.grad((a * b).sum(), [a, b]), mode="FAST_COMPILE")
    ones = np.ones(2)
    assert [g.dtype.name for g in slopes(ones.astype("f4"), ones)] == ["float32", "float64"]
    narrow = cf.function([b], cf.grad((b.astype("float32") ** 2).sum(), b), mode="FAST_COMPILE")
    assert narrow([1.5]).dtype == np.float64


def test_a_held_tensor_may_stand_alone():
    x = cf.scalar("x")
    y = x**2
    one, other = (cf.grad(y * x, x, consider_constant=h) for h in (y, [y]))
    assert cf.function([x], [one, other])(3.0) == [9, 9]


def test_accumulate_writes_interned_graphs_and_zeros():
    x, y = cf.vectors("x", "y", shape="n")
    node = (x * x).sum().node
    slope, nothing = accumulate(node, [x.node, y.node])
    assert nothing.dims == y.shape
    values = {x.node: np.array([1.0, 2.0]), y.node: np.zeros(2)}
    found = Interpreter([slope, nothing]).run(values, lambda d: d if isinstance(d, int) else 2)
    assert_array_equal(found, [[2, 4], [0, 0]])


def test_8_3_an_unknown_kind_is_refused_with_its_line():
    from closedform.algebra.node import Gradient, GradientSpec

    x = cf.scalar("x")
    spec = GradientSpec(0, 1, (), FLOAT64, False)
    unexpanded = Gradient.occur(spec, (x * x).node, x.node, origin=("model.py", 7))
    with pytest.raises(cf.DerivativeError, match=r"(?s)Gradient.*model\.py:7.*fix"):
        accumulate(unexpanded, [x.node])


def test_a_cut_is_a_leaf_like_any_other():
    cut = Leaf(LeafSpec("cut", fresh_uid(), (), FLOAT64, False, None, frozenset()))
    (slope,) = accumulate(apply(scalar.exp, cf.Tensor(cut)).node, [cut])
    assert slope.dtype == FLOAT64
