"""The tutorial, in its own spelling and with its own answers, on every target."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import sympy
from numpy.testing import assert_allclose, assert_array_equal
from tests.acceptance.targets import every_target

import closedform as theano
import closedform.tensor as T


@every_target
def test_adding_two_scalars(options):
    x, y = T.dscalar("x"), T.dscalar("y")
    z = x + y
    f = theano.function([x, y], z, **options)
    result = f(2, 3)
    assert isinstance(result, np.ndarray)
    assert_array_equal(result, np.array(5.0), strict=True)
    assert_allclose(f(16.3, 12.1), 28.4, rtol=1e-15)
    assert_allclose(z.eval({x: 16.3, y: 12.1}), 28.4, rtol=1e-15)
    assert theano.pp(z) == "(x + y)"


@every_target
def test_adding_two_matrices(options):
    x, y = T.dmatrices("x", "y")
    f = theano.function([x, y], x + y, **options)
    assert_array_equal(f([[1, 2], [3, 4]], [[10, 20], [30, 40]]), [[11.0, 22], [33, 44]])
    assert_array_equal(f(np.array([[1, 2]]), np.array([[10, 20]])), [[11.0, 22]])


@every_target
def test_gradient_of_a_square(options):
    x = T.dscalar("x")
    (slope,) = T.grad(x**2, [x])
    assert theano.pp(slope).replace(" ", "").replace("*", "") in ("2x", "(2x)")
    assert_array_equal(theano.function([x], slope, **options)(4), np.array(8.0), strict=True)


@every_target
def test_what_cancels_is_no_unused_input(options):
    x, y = T.dscalars("x", "y")
    f = theano.function([x, y], x * y / y, **options)
    assert_array_equal(f(3, 7), 3.0)
    slope = theano.function([x, y], T.grad(x * y / y, y), **options)
    assert_allclose(slope(3, 7), 0.0, atol=1e-16)


def test_what_cancels_compiles_to_x():
    x, y = T.dscalars("x", "y")
    f = theano.function([x, y], x * y / y)
    assert_array_equal(f(3.0, 0.0), 3.0)


@every_target
def test_polynomials_of_vectors(options):
    a = T.vector()
    f = theano.function([a], a + a**10, **options)
    assert_array_equal(f([0, 1, 2]), [0.0, 2.0, 1026.0])
    b, c = T.vectors(2)
    g = theano.function([b, c], b**2 + 2 * b * c + c**2, **options)
    assert_array_equal(g([1, 2], [4, 5]), [25.0, 49.0])


LOGISTIC = [[0.5, 0.73105858], [0.26894142, 0.11920292]]


@pytest.mark.parametrize("spelling", ["1/(1+e)", "1./(1.+e)", "tanh", "sigmoid"])
@every_target
def test_logistic(spelling, options):
    x = T.dmatrix("x")
    s = {
        "1/(1+e)": 1 / (1 + T.exp(-x)),
        "1./(1.+e)": 1.0 / (1.0 + T.exp(-x)),
        "tanh": (1 + T.tanh(x / 2)) / 2,
        "sigmoid": T.nnet.sigmoid(x),
    }[spelling]
    points = [[0, 1], [-1, -2]]
    assert_allclose(theano.function([x], s, **options)(points), LOGISTIC, atol=5e-9)
    slope = theano.function([x], T.grad(T.sum(s), x), **options)
    assert_allclose(slope(points), [[0.25, 0.19661193], [0.19661193, 0.10499359]], atol=5e-9)


@every_target
def test_several_things_at_once(options):
    a, b = T.dmatrices("a", "b")
    diff = a - b
    f = theano.function([a, b], [diff, abs(diff), diff**2], **options)
    found = f([[1, 1], [1, 1]], [[0, 1], [2, 3]])
    assert isinstance(found, list)
    want = [[[1, 0], [-1, -2]], [[1, 0], [1, 2]], [[1, 0], [1, 4]]]
    assert_array_equal(found, np.array(want, float))


@every_target
def test_default_values(options):
    x, y = T.dscalars("x", "y")
    w = T.dscalar("w")
    inputs = [x, theano.In(y, value=1), theano.In(w, value=2, name="w_by_name")]
    f = theano.function(inputs, (x + y) * w, **options)
    assert f(33) == 68.0
    assert f(33, 2) == 70.0
    assert f(33, 0, 1) == 33.0
    assert f(33, w_by_name=1) == 34.0
    assert f(33, w_by_name=1, y=0) == 33.0


@every_target
def test_accumulator(options):
    state = theano.shared(0)
    inc = T.iscalar("inc")
    accumulator = theano.function([inc], state, updates=[(state, state + inc)], **options)
    assert_array_equal(state.get_value(), 0)
    assert_array_equal(accumulator(1), np.array(0), strict=True)
    assert_array_equal(state.get_value(), 1)
    assert_array_equal(accumulator(300), 1)
    assert_array_equal(state.get_value(), 301)
    state.set_value(-1)
    assert_array_equal(accumulator(3), -1)
    assert_array_equal(state.get_value(), 2)
    decrementor = theano.function([inc], state, updates=[(state, state - inc)], **options)
    assert_array_equal(decrementor(2), 2)
    assert_array_equal(state.get_value(), 0)
    foo = T.scalar(dtype=state.dtype)
    skip = theano.function([inc, foo], state * 2 + inc, givens=[(state, foo)], **options)
    assert_array_equal(skip(1, 3), 7)
    assert_array_equal(state.get_value(), 0)


# ---------------------------------------------------------------- logistic regression


def regression(rng, n=400, d=784):
    """Data and the tutorial's program."""
    data = rng.standard_normal((n, d)), rng.integers(size=n, low=0, high=2).astype(float)
    x, y = T.dmatrix("x"), T.dvector("y")
    w = theano.shared(rng.standard_normal(d), name="w")
    b = theano.shared(0.0, name="b")
    p_1 = 1 / (1 + T.exp(-T.dot(x, w) - b))
    prediction = p_1 > 0.5
    obj = -y * T.log(p_1) - (1 - y) * T.log(1 - p_1)
    cost = obj.mean() + 0.01 * (w**2).sum()
    gw, gb = T.grad(cost, [w, b])
    return data, (x, y, w, b), (p_1, prediction, obj, cost, gw, gb)


def by_hand(X, y, w, b):
    """Objective, cost and gradient in stable NumPy."""
    z = X @ w + b
    small = np.exp(-np.abs(z))
    obj = (np.maximum(z, 0) - y * z) + np.log1p(small)
    residual = np.where(z >= 0, 1 / (1 + small), small / (1 + small)) - y
    gw = X.T @ residual / len(y) + 0.02 * w
    return obj, obj.mean() + 0.01 * (w**2).sum(), gw, residual.mean()


@every_target
def test_logistic_regression_trains(options):
    steps = 10000 if options.get("target") == "c" else 300
    (X, Y), (x, y, w, b), (_, prediction, obj, _, gw, gb) = regression(np.random.default_rng(0))
    train = theano.function(
        [x, y], [prediction, obj], updates=((w, w - 0.1 * gw), (b, b - 0.1 * gb)), **options
    )
    predict = theano.function([x], prediction, **options)
    want_w, want_b = w.get_value(), b.get_value()
    with np.errstate(all="ignore"):
        for k in range(steps):
            _, err = train(X, Y)
            if k < 20:
                want_err, _, slope_w, slope_b = by_hand(X, Y, want_w, want_b)
                if options.get("mode") != "FAST_COMPILE":
                    assert_allclose(err, want_err, rtol=1e-9)
                    want_w, want_b = want_w - 0.1 * slope_w, want_b - 0.1 * slope_b
                    assert_allclose(w.get_value(), want_w, rtol=1e-9, atol=1e-12)
    if steps == 10000:
        assert_array_equal(predict(X), Y > 0.5)
        assert err.mean() < 0.2


@pytest.mark.parametrize("with_p", [False, True])
@pytest.mark.parametrize("options", [{"target": "numpy"}, {"target": "c"}], ids=["numpy", "c"])
def test_logistic_regression_far_out(options, with_p):
    """Value and gradient at |z| = 800, also where the probability itself is asked for."""
    _, (x, y, w, b), (p_1, _, obj, cost, gw, gb) = regression(np.random.default_rng(1), 4, 2)
    X = np.array([[800.0, 0], [-800, 0], [800, 0], [0, 1]])
    Y = np.array([0.0, 1, 1, 0])
    w.set_value([1.0, 0.5])
    outputs = [obj, cost, gw, gb] + [p_1] * with_p
    found = theano.function([x, y], outputs, **options)(X, Y)
    for value, want in zip(found, by_hand(X, Y, np.array([1, 0.5]), 0.0), strict=False):
        assert np.isfinite(value).all()
        assert_allclose(value, want, rtol=1e-12)
    if with_p:
        assert_allclose(found[-1], [1, 0, 1, 1 / (1 + np.exp(-0.5))], atol=1e-300, rtol=1e-14)


def test_gradient_of_logistic_regression_reads_as_a_formula():
    X, y = theano.matrix("X", shape=("n", "d")), theano.vector("y", shape="n")
    w, b = theano.vector("w", shape="d"), theano.scalar("b")
    p_1 = 1 / (1 + T.exp(-T.dot(X, w) - b))
    cost = (-y * T.log(p_1) - (1 - y) * T.log(1 - p_1)).mean() + 0.01 * (w**2).sum()
    gw = T.grad(cost, w)
    assert theano.pp(gw) == "X^T(sigma(Xw + b) - y)/n + 0.02 w"
    latex = theano.latex(gw)
    for piece in (r"\frac{1}{n}", r"X^", r"\sigma\left(X w + b\right) - y", r"0.02\,w"):
        assert piece in latex, latex
    assert gw._repr_latex_().strip("$").endswith(latex)


def test_steps_of_logistic_regression():
    X, y = theano.matrix("X", shape=("n", "d")), theano.vector("y", shape="n")
    w, b = theano.vector("w", shape="d"), theano.scalar("b")
    p_1 = 1 / (1 + T.exp(-T.dot(X, w) - b))
    cost = (-y * T.log(p_1) - (1 - y) * T.log(1 - p_1)).mean() + 0.01 * (w**2).sum()
    steps = theano.steps(cost, w)
    assert 3 <= len(steps) <= 10
    lines = str(steps).splitlines()
    assert len(lines) <= 10
    assert lines[-1].endswith("X^T(sigma(Xw + b) - y)/n + 0.02 w")
    assert any("softplus(Xw + b)" in line for line in lines)
    assert steps._repr_latex_().startswith("$")
    assert any("log-sigmoid" in line for line in steps.explanations())


@every_target
def test_gradients_around_the_probability(options):
    """With respect to it, with it held constant, and with it given, as Theano defines them."""
    rng = np.random.default_rng(2)
    (X, Y), (x, y, w, b), (p_1, _, _, cost, _, _) = regression(rng, 6, 3)
    weights = w.get_value()
    p = 1 / (1 + np.exp(-X @ weights))
    wrt = theano.function([x, y], T.grad(cost, p_1), **options)
    assert_allclose(wrt(X, Y), (p - Y) / (p * (1 - p)) / 6, rtol=1e-9)
    held = T.grad(cost, w, consider_constant=[p_1])
    assert_allclose(theano.function([], held, **options)(), 0.02 * weights, rtol=1e-14)
    q = T.dvector("q")
    given = theano.function([q, y], cost, givens={p_1: q}, **options)
    want = (-Y * np.log(p) - (1 - Y) * np.log(1 - p)).mean() + 0.01 * (weights**2).sum()
    assert_allclose(given(p, Y), want, rtol=1e-12)
    slope = theano.function([q, y], T.grad(cost, p_1), givens={p_1: q}, **options)
    assert_allclose(slope(p, Y), (p - Y) / (p * (1 - p)) / 6, rtol=1e-9)


# ---------------------------------------------------------------- multilayer perceptron


class Layer:
    def __init__(self, W_init, b_init, activation):
        n_output, _ = W_init.shape
        self.W = theano.shared(value=W_init, name="W", borrow=True)
        self.b = theano.shared(
            value=b_init.reshape(n_output, 1), name="b", borrow=True, broadcastable=(False, True)
        )
        self.activation = activation
        self.params = [self.W, self.b]

    def output(self, x):
        lin_output = T.dot(self.W, x) + self.b
        return lin_output if self.activation is None else self.activation(lin_output)


class MLP:
    def __init__(self, sizes, rng):
        self.layers = [
            Layer(rng.normal(size=(n, m)), np.ones(n), T.nnet.sigmoid)
            for m, n in zip(sizes[:-1], sizes[1:], strict=True)
        ]
        self.params = [p for layer in self.layers for p in layer.params]

    def output(self, x):
        for layer in self.layers:
            x = layer.output(x)
        return x

    def squared_error(self, x, y):
        return T.sum((self.output(x) - y) ** 2)


def momentum(cost, params, rate, mu):
    updates = []
    for param in params:
        previous = theano.shared(param.get_value() * 0.0, broadcastable=param.broadcastable)
        step = mu * previous - rate * T.grad(cost, param)
        updates.append((previous, step))
        updates.append((param, param + step))
    return updates


@every_target
def test_multilayer_perceptron_learns_two_arms(options):
    rng = np.random.default_rng(3)
    n = 400
    side = rng.integers(0, 2, n)
    angle = rng.uniform(0, 2 * np.pi, n)
    radius = np.where(side == 1, 1.0, 3.0) + 0.3 * rng.normal(size=n)
    X = np.stack([radius * np.cos(angle), radius * np.sin(angle)])
    mlp = MLP([2, 8, 1], rng)
    x, y = T.matrix("mlp_input"), T.vector("mlp_target")
    cost = mlp.squared_error(x, y)
    train = theano.function([x, y], cost, updates=momentum(cost, mlp.params, 0.01, 0.9), **options)
    output = theano.function([x], mlp.output(x), **options)
    for _ in range(1000):
        train(X, side)
    assert ((output(X)[0] > 0.5) == side).mean() > 0.95


# ---------------------------------------------------------------- compiling


RATES = [50.0, 0.01, 1.0, 0.5, 0.1, 0.3, 1e-3, 3e-4, 0.02, 0.7, 1.7, 2.5, 3.3, 7.0, 1e-6, 12.5,
         0.05, 0.25, 0.99, 31.4, 0.123, 8.8]  # fmt: skip


def test_learning_rates_share_one_binary():
    rng = np.random.default_rng(4)
    (X, Y), (x, y, w, b), (_, _, _, _, gw, gb) = regression(rng, 40, 5)
    start = w.get_value()
    _, _, slope, _ = by_hand(X, Y, start, 0.0)
    keys = {}
    for rate in RATES:
        train = theano.function([x, y], updates=[(w, w - rate * gw), (b, b - rate * gb)])
        w.set_value(start)
        b.set_value(0.0)
        assert train(X, Y) is None
        assert_allclose(w.get_value(), start - rate * slope, rtol=1e-9, atol=1e-12)
        keys[rate] = train.explain().rpartition("cache key ")[2]
    shaping = (1.0, 0.5)
    assert len({key for rate, key in keys.items() if rate not in shaping}) == 1


SCRIPT = """
import sys, closedform as cf
a, b, c = sys.argv[1:4]
X, y = cf.matrix(a), cf.vector(b)
w = cf.shared([0.0, 0.0], name=c)
p = 1/(1 + cf.exp(-(X @ w)))
cost = (-y*cf.log(p) - (1 - y)*cf.log(1 - p)).mean() + 0.01*(w**2).sum()
f = cf.function([X, y], [p, cost], updates=[(w, w - 0.1*cf.grad(cost, w))])
f([[1., 2.]], [1.])
print(f.source)
print(f.explain().rpartition("cache key ")[2])
"""


@pytest.mark.slow
def test_one_text_and_one_key_whatever_the_seed_and_the_names():
    found = set()
    names = [
        ("X", "y", "w"),
        ("Z", "a", "b"),
        ("y", "X", "w"),
        ("for", "E", "x; y"),
        ("ä", "\n.", "I"),
    ]
    for seed, (a, b, c) in enumerate(names):
        command = [sys.executable, "-c", SCRIPT, a, b, c]
        env = {**os.environ, "PYTHONHASHSEED": str(seed)}
        run = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        found.add(run.stdout)
    assert len(found) == 1


def _call_in_child(f, queue):
    queue.put(f(np.arange(100000.0)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fork_after_a_call():
    x = T.dvector("x")
    f = theano.function([x], (T.exp(-x) + x**2).sum())
    want = f(np.arange(100000.0))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_call_in_child, args=(f, queue))
    child.start()
    assert_array_equal(queue.get(timeout=60), want)
    child.join(60)
    assert child.exitcode == 0


@every_target
def test_sixteen_threads(options):
    x = T.dvector("x")
    f = theano.function([x], [T.sin(x), (x**2).sum()], **options)
    wrong = []

    def work(seed):
        for size in (1, 17, 5000, 100000):
            values = np.random.default_rng(seed).normal(size=size)
            for _ in range(5):
                a, b = f(values)
                if not np.allclose(a, np.sin(values), 1e-14) or not np.isclose(b, values @ values):
                    wrong.append((seed, size))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


@every_target
def test_plain_sympy_symbols(options):
    x, y = sympy.symbols("x y")
    f = theano.function([x, y], sympy.sin(x) * y + sympy.sqrt(x) / 3, **options)
    assert_allclose(f(2.0, 3), np.sin(2) * 3 + np.sqrt(2) / 3, rtol=1e-15)
    a, b = np.array([[1.0], [2.0]]), np.array([3.0, 4.0, 5.0])
    assert_allclose(f(a, b), np.sin(a) * b + np.sqrt(a) / 3, rtol=1e-15)
    assert_allclose(f(y=b, x=1), np.sin(1) * b + 1 / 3, rtol=1e-15)
