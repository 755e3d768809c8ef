"""Online forms: sums that wait for a maximum or a mean of all rows, taken in the same pass."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from tests import running

import closedform as cf
from closedform.algebra import functions as F
from closedform.runtime import native

NUMBERS = np.random.default_rng(0)
SIZES = (1, 2, 15, 17, 1023, 1024, 1025, 2500, 9973)
X = cf.matrix("X", shape=("n", "k"))
V = cf.matrix("V", shape=("n", "m"))
U, Y = cf.vector("u", shape=("n",)), cf.vector("y", shape=("n",))
W = cf.vector("w", shape=("k",))
INFINITY = float("inf")


@pytest.fixture(autouse=True)
def same_numbers():
    """Every test draws the same numbers, alone or with others."""
    global NUMBERS
    NUMBERS = np.random.default_rng(0)


@pytest.fixture
def threads():
    before = native.num_threads()
    yield native.set_num_threads
    native.set_num_threads(before)


def passes(outputs: list[cf.Tensor], arrays: dict[cf.Tensor, np.ndarray]) -> int:
    program = running.program(running.simplified(outputs), {t.node: a for t, a in arrays.items()})
    return int(program.plan[0].rsplit(" ", 1)[1])


def numbers(*shape: int) -> np.ndarray:
    return NUMBERS.normal(size=shape)


def run(output: cf.Tensor, arrays: dict[cf.Tensor, np.ndarray], **options) -> np.ndarray:
    return cf.function(list(arrays), output, target="c", **options)(*arrays.values())


# ---------------------------------------------------------------- passes

MEAN = X.mean(0)
DEVIATION = X - MEAN
VARIANCE = (DEVIATION**2).mean(0)
SCORES = (DEVIATION / F.sqrt(VARIANCE)) @ W
COST = (F.softplus(SCORES) - Y * SCORES).mean()
EXP = F.exp(U)
WEIGHTED = (EXP[:, None] * X).sum(0) / EXP.sum()

ONE_PASS = {
    "logsumexp": F.logsumexp(U, 0),
    "logsumexp of columns": F.logsumexp(X, 0),
    "logsumexp of everything": F.logsumexp(X, (0, 1)),
    "sum of exp(x - max)": F.exp(X - X.max(0)).sum(0),
    "softmax-weighted sums": F.softmax(X, 0).T @ V,
    "softmax-weighted sum": F.softmax(U, 0) @ V,
    "variance": VARIANCE,
    "variance of everything": ((X - X.mean()) ** 2).mean(),
    "sum of variances": (DEVIATION**2).sum(),
    "fourth moment": (DEVIATION**4).mean(0),
    "kurtosis": (DEVIATION**4).mean(0) / VARIANCE**2,
    "covariance matrix": DEVIATION.T @ DEVIATION / X.shape[0],
    "correlation matrix": (DEVIATION / F.sqrt(VARIANCE)).T @ (DEVIATION / F.sqrt(VARIANCE)),
    "covariance with a vector": DEVIATION.T @ (Y - Y.mean()),
    "covariance with what is not centred": DEVIATION.T @ Y,
    "weighted variance": (EXP[:, None] * (X - WEIGHTED) ** 2).sum(0) / EXP.sum(),
}
TWO_PASSES = {
    "standardised logistic": cf.grad(COST, W),
    "gradient of logsumexp": cf.grad(F.logsumexp(U, 0), U),
    "gradient of logsumexp of columns": cf.grad(F.logsumexp(X, 0).sum(), X),
    "gradient of a variance": cf.grad((VARIANCE**2).sum(), X),
    "standardised columns": DEVIATION / F.sqrt(VARIANCE),
    "logsumexp of standardised columns": F.logsumexp(DEVIATION / F.sqrt(VARIANCE), 0),
}
EVERY = ONE_PASS | TWO_PASSES


def arrays_of(n: int, shift: float = 0.0) -> dict[cf.Tensor, np.ndarray]:
    shapes = {X: (n, 3), V: (n, 4), U: (n,), Y: (n,), W: (3,)}
    return {x: numbers(*shape) + shift * (x is not W) for x, shape in shapes.items()}


@pytest.mark.parametrize("name", EVERY)
def test_passes_are_saved(name):
    output = EVERY[name]
    arrays = arrays_of(60)
    arrays[X] = numbers(60, 40)  # columns that are worth no fold over them
    arrays[W] = numbers(40)
    assert passes([output], arrays) == (1 if name in ONE_PASS else 2)


def test_a_form_that_saves_no_pass_is_not_used():
    total = F.exp(X - X.max(0)).sum(0)
    ranges = (F.sin(X.max(0) - X)).sum(0)  # needs the maximum in a second pass anyway
    arrays = {X: numbers(60, 40)}
    program = running.program(running.simplified([total, ranges]), {X.node: arrays[X]})
    assert "passes over it: 2" in program.plan[0]
    assert not any("joins" in line for line in program.plan)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("n", [2, 40, 1025, 5000])
def test_the_graph_as_written_agrees(name, n):
    output = EVERY[name]
    arrays = arrays_of(n, shift=3.0)
    written = cf.function(list(arrays), output, mode="FAST_COMPILE", on_unused_input="ignore")
    want = written(*arrays.values())
    got = run(output, arrays, on_unused_input="ignore")
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12 * np.max(np.abs(want)))


# ---------------------------------------------------------------- maxima and scaled sums


@pytest.mark.parametrize("n", SIZES)
def test_logsumexp_over_rows(n):
    x = 50 * numbers(n, 3)
    np.testing.assert_allclose(
        run(F.logsumexp(X, 0), {X: x}), logsumexp(x, 0), rtol=1e-14, atol=1e-15
    )
    np.testing.assert_allclose(
        run(F.logsumexp(X, (0, 1)), {X: x}), logsumexp(x), rtol=1e-14, atol=1e-15
    )
    np.testing.assert_allclose(
        run(F.logsumexp(U, 0), {U: x[:, 0]}), logsumexp(x[:, 0]), rtol=1e-14, atol=1e-15
    )


def test_logsumexp_against_high_precision():
    x = np.sort(300 * numbers(3000))  # the maximum moves in every panel
    with mpmath.workdps(40):
        want = mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(a)) for a in x))
    for order in (x, x[::-1].copy()):
        np.testing.assert_allclose(run(F.logsumexp(U, 0), {U: order}), float(want), rtol=2e-16)


def test_logsumexp_of_three_axes():
    a = cf.tensor("a", ("b", "n", "k"))
    x = 20 * numbers(4, 3000, 5)
    for axis in (0, 1, (0, 1), (1, 2), (0, 1, 2)):
        got = run(F.logsumexp(a, axis), {a: x})
        np.testing.assert_allclose(got, logsumexp(x, axis), rtol=1e-13, atol=1e-14)


ROWS = (0, 1, 1023, 1024, 2499)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("odd", [INFINITY, -INFINITY, np.nan])
def test_logsumexp_keeps_infinities_and_nan(row, odd):
    x = numbers(2500, 2)
    x[row, 0] = odd
    np.testing.assert_allclose(
        run(F.logsumexp(X, 0), {X: x}), logsumexp(x, 0), rtol=1e-14, atol=1e-15
    )
    other = x.copy()
    other[(row + 1024) % 2500, 0] = INFINITY
    np.testing.assert_allclose(run(F.logsumexp(X, 0), {X: other}), logsumexp(other, 0), rtol=1e-14)


@pytest.mark.parametrize("finite", [None, 0, 1100, 2499])
def test_logsumexp_of_rows_of_minus_infinity(finite):
    x = np.full((2500, 2), -INFINITY)
    if finite is not None:
        x[finite, 0] = -800.0  # exp(800) overflows
    np.testing.assert_array_equal(run(F.logsumexp(X, 0), {X: x}), logsumexp(x, 0))


def test_logsumexp_of_huge_numbers():
    x = np.array([-1e308, 1e308, 1e308, -INFINITY] * 700)
    np.testing.assert_allclose(run(F.logsumexp(U, 0), {U: x}), 1e308)
    np.testing.assert_allclose(run(F.logsumexp(U, 0), {U: x[:1]}), -1e308)


@pytest.mark.parametrize("odd", [INFINITY, -INFINITY, np.nan])
def test_a_shift_by_the_maximum_as_written_keeps_infinities_and_nan(odd):
    x = numbers(2500, 2)
    x[1500, 0] = odd
    with np.errstate(invalid="ignore"):
        want = np.exp(x - x.max(0)).sum(0)
    np.testing.assert_allclose(run(F.exp(X - X.max(0)).sum(0), {X: x}), want, rtol=1e-13)
    x[:, 0] = odd
    with np.errstate(invalid="ignore"):
        want = np.exp(x - x.max(0)).sum(0)
    np.testing.assert_allclose(run(F.exp(X - X.max(0)).sum(0), {X: x}), want, rtol=1e-13)


@pytest.mark.parametrize("n", SIZES)
def test_softmax_weighted_sums(n):
    x, v = 30 * numbers(n, 3), numbers(n, 20)
    got = run(F.softmax(X, 0).T @ V, {X: x, V: v})
    np.testing.assert_allclose(got, softmax(x, 0).T @ v, rtol=1e-12, atol=1e-13)


def test_attention_with_masked_keys():
    queries = cf.matrix("Q", shape=("m", "d"))
    keys, values = cf.matrix("K", shape=("n", "d")), cf.matrix("V", shape=("n", "e"))
    mask = cf.vector("mask", shape=("n",))
    scores = keys @ queries.T + mask[:, None]
    output = F.softmax(scores, 0).T @ values
    q, k, v = numbers(40, 24), numbers(3000, 24), numbers(3000, 32)
    hidden = np.where(NUMBERS.random(3000) < 0.5, -INFINITY, 0.0)
    hidden[:1500] = -INFINITY  # whole panels
    arrays = {queries: q, keys: k, values: v, mask: hidden}
    assert passes([output], arrays) == 1
    got = run(output, arrays)
    want = softmax(k @ q.T + hidden[:, None], 0).T @ v
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)


def test_float32_scaled_sums_are_wide():
    x = cf.vector("x", shape=("n",), dtype="float32")
    array = (NUMBERS.normal(size=400_000) * 3).astype(np.float32)
    got = run(F.logsumexp(x, 0), {x: array})
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, logsumexp(array.astype(float)), rtol=1.2e-7)


def test_no_rows_mean_what_the_graph_as_written_means():
    empty = np.empty((0, 3))
    for name in ("variance", "covariance matrix", "sum of variances"):
        output = ONE_PASS[name]
        written = cf.function([X], output, mode="FAST_COMPILE")
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(run(output, {X: empty}), written(empty))


# ---------------------------------------------------------------- means and centred sums


def exact_moment(x: np.ndarray, power: int) -> float:
    """Mean of a power of the deviations from the mean, at 60 digits."""
    with mpmath.workdps(60):
        values = [mpmath.mpf(float(a)) for a in x]
        mean = mpmath.fsum(values) / len(values)
        return float(mpmath.fsum((a - mean) ** power for a in values) / len(values))


DATA = {
    "far from zero": lambda n: 1e8 + numbers(n),
    "first row far off": lambda n: np.where(np.arange(n) == 0, 0.0, 1e8) + numbers(n),
    "sorted": lambda n: np.sort(1e8 + 1e3 * numbers(n)),
    "small": lambda n: 1e-160 * numbers(n),
    "steps": lambda n: 1e6 * (np.arange(n) // 1024) + numbers(n),
    "near zero": lambda n: numbers(n),
}


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("n", [2, 1024, 3000, 5000])
def test_variance_has_the_digits_of_two_passes(data, n):
    x = DATA[data](n)
    if data == "small":
        x = x * 1e20
    want = exact_moment(x, 2)
    two_passes = ((x - x.mean()) ** 2).mean()
    got = run(((U - U.mean()) ** 2).mean(), {U: x})
    assert abs(got - want) <= 2 * abs(two_passes - want) + 1e-14 * want


@pytest.mark.parametrize("power", [3, 4])
def test_higher_moments(power):
    x = 1e5 + NUMBERS.exponential(size=4000)
    got = run(((U - U.mean()) ** power).mean(), {U: x})
    np.testing.assert_allclose(got, exact_moment(x, power), rtol=1e-10)


@pytest.mark.parametrize("n", SIZES)
def test_variance_of_columns(n):
    x = numbers(n, 3) * [1, 1e3, 1e-3] + [0, 1e6, 5]
    np.testing.assert_allclose(run(VARIANCE, {X: x}), x.var(0), rtol=1e-10)


def test_variance_of_equal_numbers_has_a_root():
    for value in (0.1, 1 / 3, 1e8 + 0.7, 0.0):
        x = np.full((2500, 2), value)
        got = run(F.sqrt(VARIANCE), {X: x})
        np.testing.assert_allclose(got, 0, atol=1e-12 * (1 + value))


@pytest.mark.parametrize("odd", [INFINITY, -INFINITY, np.nan])
def test_variance_keeps_infinities_and_nan(odd):
    x = numbers(2500, 2)
    x[1200, 0] = odd
    with np.errstate(invalid="ignore"):
        want = x.var(0)
    np.testing.assert_allclose(run(VARIANCE, {X: x}), want, rtol=1e-13)


@pytest.mark.parametrize("columns", [3, 40])
def test_covariance_matrix(columns):
    x = numbers(5000, columns) @ numbers(columns, columns) + 1e6
    got = run(DEVIATION.T @ DEVIATION / (X.shape[0] - 1), {X: x})
    want = np.cov((x - 1e6).T)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * np.abs(want).max())


def test_weighted_variance_with_weights_that_vanish():
    x, u = numbers(3000, 3) + 1e4, numbers(3000)
    u[:1500] = -1e4  # exp underflows: panels without weight
    got = run(ONE_PASS["weighted variance"], {X: x, U: u})
    w = np.exp(u[1500:])[:, None]
    mean = (w * x[1500:]).sum(0) / w.sum()
    np.testing.assert_allclose(got, (w * (x[1500:] - mean) ** 2).sum(0) / w.sum(), rtol=1e-9)


def test_float32_variance_is_wide():
    x = cf.matrix("x", shape=("n", "k"), dtype="float32")
    array = (NUMBERS.normal(size=(200_000, 3)) + 3).astype(np.float32)
    output = ((x - x.mean(0)) ** 2).mean(0)
    got = run(output, {x: array})
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, array.astype(float).var(0), rtol=1e-6)


# ---------------------------------------------------------------- threads

LARGE = {
    "logsumexp": (F.logsumexp(X, 0), {X: (200_001, 5)}),
    "softmax-weighted sums": (F.softmax(X, 0).T @ V, {X: (100_003, 5), V: (100_003, 4)}),
    "variance": (VARIANCE, {X: (400_001, 8)}),
    "covariance matrix": (DEVIATION.T @ DEVIATION, {X: (60_007, 20)}),
    "weighted variance": (ONE_PASS["weighted variance"], {X: (200_001, 5), U: (200_001,)}),
}


@pytest.mark.parametrize("name", LARGE)
def test_9_4_parts_are_joined_in_fixed_order(name, threads):
    output, shapes = LARGE[name]
    arrays = {x: 5 + 2 * numbers(*shape) for x, shape in shapes.items()}
    written = cf.function(list(arrays), output, mode="FAST_COMPILE")
    want = written(*arrays.values())
    fixed = cf.function(list(arrays), output, target="c", deterministic=True)
    free = cf.function(list(arrays), output, target="c")
    bits = set()
    for count in (1, 2, 3, 7):
        threads(count)
        bits.add(fixed(*arrays.values()).tobytes())
        runs = [free(*arrays.values()) for _ in range(3)]
        assert len({r.tobytes() for r in runs}) == 1
        np.testing.assert_allclose(runs[0], want, rtol=1e-10, atol=1e-13 * np.abs(want).max())
    assert len(bits) == 1


@pytest.mark.parametrize("odd", [INFINITY, -INFINITY, np.nan])
def test_parts_without_finite_numbers(odd, threads):
    threads(4)
    x = numbers(300_000)
    x[:150_000] = odd
    np.testing.assert_allclose(run(F.logsumexp(U, 0), {U: x}), logsumexp(x), rtol=1e-13)
