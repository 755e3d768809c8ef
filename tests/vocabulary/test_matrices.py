"""`closedform.linalg`: values are NumPy's and SciPy's on both targets, derivatives those of central
differences, also in 40 digits; second derivatives are those of first ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
import scipy.linalg
from tests.running import as_written, interpreted

import closedform as cf
from closedform import linalg
from closedform.algebra.deserialise import load
from closedform.algebra.serialise import dump

T = cf.matrix_transpose


def positive(a: Any) -> Any:
    """Symmetric positive definite, of a tensor or an array."""
    turned = T(a) if isinstance(a, cf.Tensor) else np.swapaxes(a, -1, -2)
    return a @ turned + np.eye(3, dtype=a.dtype) * 2


class Row(NamedTuple):
    """A function of tensors, the same one of arrays, shapes of its arguments."""

    name: str
    ours: Callable[..., cf.Tensor]
    theirs: Callable[..., np.ndarray]
    shapes: tuple[tuple[int, ...], ...]


ROWS: list[Row] = []


def row(name: str, ours: Callable, theirs: Callable, *shapes: tuple[int, ...]) -> None:
    ROWS.append(Row(f"{name} {shapes}", ours, theirs, shapes))


M, B = (3, 3), (2, 3, 3)
for shape in (M, B):
    for name in ("inv", "det"):
        row(name, getattr(linalg, name), getattr(np.linalg, name), shape)
    row("expm", linalg.expm, scipy.linalg.expm, shape)
    row("expm 4", lambda a: linalg.expm(4 * a), lambda a: scipy.linalg.expm(4 * a), shape)
    row("slogdet", lambda a: linalg.slogdet(a)[1], lambda a: np.linalg.slogdet(a)[1], shape)
    row(
        "logdet",
        lambda a: linalg.logdet(positive(a)),
        lambda a: np.log(np.linalg.det(positive(a))),
        shape,
    )
    row(
        "cholesky",
        lambda a: linalg.cholesky(positive(a) + a / 9),
        lambda a: np.linalg.cholesky(positive(a) + a / 9),
        shape,
    )
    for k in range(2):
        row("eigh", lambda a, k=k: linalg.eigh(a)[k], lambda a, k=k: np.linalg.eigh(a)[k], shape)
row("cholesky upper", lambda a: linalg.cholesky(positive(a), upper=True),
    lambda a: np.linalg.cholesky(positive(a), upper=True), M)  # fmt: skip
row("eigh U", lambda a: linalg.eigh(a, "U")[1], lambda a: np.linalg.eigh(a.T)[1], M)
row("solve", linalg.solve, np.linalg.solve, M, (3,))
row("solve", linalg.solve, np.linalg.solve, M, (2, 4, 3, 2))
row("solve", linalg.solve, np.linalg.solve, B, (3, 2))
row("solve", linalg.solve, np.linalg.solve, (2, 1, 3, 3), (4, 3, 2))
for lower, unit, trans in ((True, False, 0), (False, True, 0), (True, True, 1), (False, False, 1)):
    options: dict[str, Any] = {"lower": lower, "unit_diagonal": unit, "trans": trans}
    row(f"solve_triangular {options}", lambda a, b, o=options: linalg.solve_triangular(a, b, **o),
        lambda a, b, o=options: scipy.linalg.solve_triangular(a, b, **o), M, (3, 2))  # fmt: skip
for n in (-2, -1, 1, 2, 3, 7, 12):
    row(f"matrix_power {n}", lambda a, n=n: linalg.matrix_power(a, n),
        lambda a, n=n: np.linalg.matrix_power(a, n), B)  # fmt: skip
for shape in (M, (4, 2), (2, 4), (2, 3, 2)):
    row("pinv", linalg.pinv, np.linalg.pinv, shape)
    row("svdvals", linalg.svdvals, lambda a: np.linalg.svd(a, compute_uv=False), shape)
    for k in (0, 2):
        row(f"svd {k}", lambda a, k=k: linalg.svd(a, False)[k],
            lambda a, k=k: np.linalg.svd(a, full_matrices=False)[k], shape)  # fmt: skip
    for k in range(2):
        row(f"qr {k}", lambda a, k=k: linalg.qr(a)[k], lambda a, k=k: np.linalg.qr(a)[k], shape)
for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    row(f"norm {order}", lambda a, o=order: linalg.norm(a, o),
        lambda a, o=order: np.linalg.norm(a, o), (3, 4))  # fmt: skip
row("norm axes", lambda a: linalg.norm(a, 2, (0, 2), keepdims=True),
    lambda a: np.linalg.norm(a, 2, (0, 2), keepdims=True), B)  # fmt: skip
each = pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)


def drawn(row: Row, dtype: Any = float) -> list[np.ndarray]:
    r = np.random.default_rng(3)
    return [r.normal(size=s).astype(dtype) for s in row.shapes]


def inputs(arrays: list[np.ndarray]) -> list[cf.Tensor]:
    return [cf.tensor(f"a{k}", a.shape, a.dtype) for k, a in enumerate(arrays)]


def weights(shape: tuple) -> np.ndarray:
    return np.random.default_rng(5).normal(size=shape)


def written(outputs: list[cf.Tensor], tensors: list, arrays: list) -> list[np.ndarray]:
    pairs = zip(tensors, arrays, strict=True)
    return interpreted(as_written(outputs), {t.node: a for t, a in pairs})


def differences(f: Callable[[np.ndarray], float], a: np.ndarray) -> np.ndarray:
    """The gradient of a function of an array, by fourth order central differences."""
    result = np.empty_like(a)
    for place in np.ndindex(a.shape):
        total = 0.0
        for k, weight in ((1, 8), (2, -1)):
            for sign in (1, -1):
                moved = a.copy()
                moved[place] += sign * k * 1e-3
                total += sign * weight * f(moved)
        result[place] = total / 12e-3
    return result


@each
def test_values_are_numpys_on_both_targets(row: Row) -> None:
    for dtype, bound in (("float64", 1e-12), ("float32", 2e-3)):
        arrays = drawn(row, dtype)
        tensors = inputs(arrays)
        result = row.ours(*tensors)
        wanted = row.theirs(*(a.astype("float64") for a in arrays))
        assert result.dtype == dtype and result.shape == wanted.shape
        (found,) = written([result], tensors, arrays)
        assert found.dtype == dtype
        scale = max(1.0, float(abs(wanted).max()))
        np.testing.assert_allclose(found, wanted, rtol=bound, atol=bound * scale)


@each
def test_derivatives(row: Row) -> None:
    arrays = drawn(row)
    tensors = inputs(arrays)
    result = row.ours(*tensors)
    w = weights(tuple(map(int, result.shape)))
    found = written(cf.grad((result * w).sum(), tensors), tensors, arrays)
    for k, gradient in enumerate(found):
        value = lambda a, k=k: (row.theirs(*arrays[:k], a, *arrays[k + 1 :]) * w).sum()  # noqa: E731
        wanted = differences(value, arrays[k])
        scale = max(1.0, float(abs(wanted).max()))
        np.testing.assert_allclose(gradient, wanted, rtol=1e-6, atol=1e-6 * scale)


@each
def test_second_derivatives(row: Row) -> None:
    arrays = drawn(row)
    tensors = inputs(arrays)
    result = row.ours(*tensors)
    w, v = weights(tuple(map(int, result.shape))), weights(arrays[0].shape)
    first = cf.grad((result * w).sum(), tensors[0])
    second = cf.grad((first * v).sum(), tensors[0], disconnected_inputs="ignore")
    (found,) = written([second], tensors, arrays)
    along = np.random.default_rng(7).normal(size=arrays[0].shape)

    def slope(t: np.ndarray) -> float:
        moved = [arrays[0] + t * along, *arrays[1:]]
        return float((written([first], tensors, moved)[0] * v).sum())

    wanted = differences(slope, np.zeros(()))
    np.testing.assert_allclose((found * along).sum(), wanted, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    ("start", "dtype"), [*((k, "float64") for k in range(0, len(ROWS), 10)), (0, "float32")]
)
def test_the_c_target_agrees(start: int, dtype: str) -> None:
    tensors, arrays, outputs = [], [], []
    for k, row in enumerate(ROWS[start : start + 10]):
        own = drawn(row, dtype)
        names = [cf.tensor(f"a{k}_{j}", a.shape, a.dtype) for j, a in enumerate(own)]
        result = row.ours(*names)
        w = weights(tuple(map(int, result.shape))).astype(dtype)
        outputs += [result, *cf.grad((result * w).sum(), names)]
        tensors += names
        arrays += own
    f = cf.function(tensors, outputs, target="c")
    bound = 1e-10 if dtype == "float64" else 1e-2
    for found, wanted in zip(f(*arrays), written(outputs, tensors, arrays), strict=True):
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
        scale = max(1.0, float(abs(wanted).max()))
        np.testing.assert_allclose(found, wanted, rtol=bound, atol=bound * scale)


def test_a_derivative_with_extents_that_have_names() -> None:
    x = cf.matrix("x", shape=("n", "n"))
    a = np.random.default_rng(0).normal(size=(3, 3))
    wanted = differences(lambda m: scipy.linalg.expm(m).sum(), a)
    for target in ("c", "numpy"):
        f = cf.function([x], cf.grad(linalg.expm(x).sum(), x), target=target)
        np.testing.assert_allclose(f(a), wanted, rtol=1e-7)


def test_derivatives_in_forty_digits() -> None:
    with mpmath.workdps(40):
        a = np.random.default_rng(1).normal(size=(3, 3)) + 2 * np.eye(3)
        w = np.random.default_rng(2).normal(size=(3, 3))
        x = cf.tensor("x", (3, 3))
        cases = {
            "inv": lambda m: m**-1,
            "expm": mpmath.expm,
            "logdet": lambda m: mpmath.log(mpmath.det(m)) * mpmath.ones(3),
        }
        for name, exact in cases.items():
            cost = (getattr(linalg, name)(x) * w).sum()
            (found,) = written([cf.grad(cost, x)], [x], [a])
            step = mpmath.mpf(10) ** -15
            for i, j in np.ndindex(3, 3):
                ends = []
                for sign in (1, -1):
                    m = mpmath.matrix(a.tolist())
                    m[i, j] += sign * step
                    value = exact(m)
                    ends.append(sum(value[p, q] * w[p, q] for p, q in np.ndindex(3, 3)))
                np.testing.assert_allclose(found[i, j], float((ends[0] - ends[1]) / (2 * step)),
                                           rtol=1e-12, atol=1e-12)  # fmt: skip


@each
def test_it_prints_and_comes_back(row: Row) -> None:
    result = row.ours(*inputs(drawn(row)))
    assert cf.pp(result) and cf.latex(result)
    text = dump([result.node])
    (again,) = load(text)
    assert dump([again]) == text and cf.pp(cf.Tensor(again)) == cf.pp(result)


# ---------------------------------------------------------------- edges


@pytest.mark.parametrize("shape", [(0, 0), (0, 3, 3), (2, 0, 0)])
@pytest.mark.parametrize("target", ["c", "numpy"])
def test_no_elements(shape: tuple, target: str) -> None:
    x = cf.tensor("x", tuple(f"d{k}" for k in range(len(shape) - 2)) + ("n", "n"))
    outputs = [
        linalg.inv(x), linalg.det(x), linalg.logdet(x), linalg.cholesky(x), *linalg.eigh(x),
        *linalg.slogdet(x), linalg.expm(x), linalg.solve(x, x), linalg.solve_triangular(x, x),
        linalg.matrix_power(x, 3), linalg.pinv(x), *linalg.qr(x), *linalg.svd(x),
        cf.grad(linalg.det(x).sum(), x),
    ]  # fmt: skip
    a = np.zeros(shape)
    vector = a[..., 0] if shape[-1] else np.zeros((*shape[:-2], 0))
    ones, zeros = np.ones(shape[:-2]), np.zeros(shape[:-2])
    wanted = [a, ones, zeros, a, vector, a, ones, zeros, a, a, a, a, a, a, a, a, vector, a, a]
    found = cf.function([x], outputs, target=target)(a)
    for k, (f, w) in enumerate(zip(found, wanted, strict=True)):
        assert f.shape == w.shape, k
        np.testing.assert_array_equal(f, w)


def test_integers_are_computed_in_float64() -> None:
    x = cf.imatrix("x", shape=("n", "n"))
    f = cf.function([x], [linalg.inv(x), linalg.det(x), linalg.solve(x, np.eye(2))], target="c")
    a = np.array([[2, 1], [1, 3]], np.int32)
    for found, wanted in zip(f(a), (np.linalg.inv(a), np.linalg.det(a), np.linalg.inv(a)),
                             strict=True):  # fmt: skip
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_determinants_neither_overflow_nor_raise() -> None:
    x = cf.matrix("x", shape=("n", "n"))
    outputs = [linalg.det(x), linalg.logdet(x), *linalg.slogdet(x)]
    f = cf.function([x], outputs, target="c")
    np.testing.assert_array_equal(f(np.ones((2, 2))), [0, -np.inf, 0, -np.inf])
    wide = np.diag([1e200, 1e200, 1e-300])
    np.testing.assert_allclose(f(wide)[0], 1e100, rtol=1e-13)
    found = f(np.diag([1.0, -2.0]))
    np.testing.assert_allclose([found[0], *found[2:]], [-2, -1, np.log(2)], rtol=1e-15)
    assert np.isnan(found[1])


def test_ranks() -> None:
    x = cf.tensor("x", (2, 3, 4))
    a = np.random.default_rng(0).normal(size=(2, 3, 4))
    a[1, 2] = a[1, 0] + a[1, 1]
    for target in ("c", "numpy"):
        found = cf.function([x], linalg.matrix_rank(x), target=target)(a)
        np.testing.assert_array_equal(found, np.linalg.matrix_rank(a))
        assert found.dtype == np.int64
    v = cf.vector("v", shape=2)
    assert cf.function([v], linalg.matrix_rank(v))(np.zeros(2)) == 0


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (0, 0), (3, 0, 2), (0, 3, 2)])
@pytest.mark.parametrize("target", ["numpy", "c"])
def test_the_rank_of_matrices_without_elements_is_0(shape, target):
    x = cf.tensor("x", (None,) * len(shape))
    found = cf.function([x], linalg.matrix_rank(x), target=target)(np.zeros(shape))
    np.testing.assert_array_equal(found, np.linalg.matrix_rank(np.zeros(shape)))


@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_matrix_norms_of_integers_are_floats(order):
    x, a = cf.matrix("x", "int32"), np.array([[1, -2], [3, 5], [0, 2]], np.int32)
    found = cf.function([x], linalg.matrix_norm(x, order))(a)
    want = np.linalg.matrix_norm(a.astype(float), ord=order)
    assert found.dtype == want.dtype
    np.testing.assert_allclose(found, want, rtol=1e-12)


def test_equal_eigenvalues_contribute_nothing_to_each_other() -> None:
    x = cf.matrix("x", shape=(3, 3))
    v = linalg.eigh(x).eigenvectors[:, 1:]
    cost = ((v @ v.T) * np.arange(9.0).reshape(3, 3)).sum()  # depends on their span only
    (found,) = written([cf.grad(cost, x)], [x], [np.diag([1.0, 2.0, 2.0])])
    wanted = np.zeros((3, 3))
    wanted[1, 0], wanted[2, 0] = 4.0, 8.0  # of both entries of a symmetric change
    np.testing.assert_allclose(found, wanted, atol=1e-14)


@pytest.mark.semantics("8.8")
def test_8_8_derivatives_are_those_of_the_triangle_that_is_read() -> None:
    x = cf.matrix("x", shape=(3, 3))
    a = positive(np.random.default_rng(0).normal(size=(3, 3)))
    for values in (linalg.cholesky(x), linalg.eigh(x).eigenvalues):
        (found,) = written([cf.grad((values**3).sum(), x)], [x], [a])
        np.testing.assert_array_equal(np.triu(found, 1), 0)
        assert (np.tril(found) != 0).sum() == 6


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("target", ["c", "numpy", None])
@pytest.mark.semantics("4.6")
def test_4_6_matrices_without_an_answer(target: str | None) -> None:
    a = cf.matrix("Sigma", shape=("n", "n"))
    mode = None if target else "FAST_COMPILE"
    wrong = np.array([[1.0, 2.0], [2.0, 4.0]])
    for word, array in (("inv", wrong), ("cholesky", -wrong), ("solve", wrong)):
        result = linalg.solve(a, np.ones(2)) if word == "solve" else getattr(linalg, word)(a)
        f = cf.function([a], result * 2, target=target, mode=mode)
        with pytest.raises(cf.LinAlgError) as caught:
            f(array)
        text = str(caught.value)
        assert isinstance(caught.value, np.linalg.LinAlgError)
        assert f"{word} of 'Sigma'" in text and "test_matrices.py:" in text and "fix:" in text
        assert "singular" in text or "not positive definite" in text
        np.testing.assert_array_equal(f(np.eye(2)).shape, f(2 * np.eye(2)).shape)


def test_a_fault_of_a_derivative_names_the_line_of_the_operation() -> None:
    a = cf.matrix("A", shape=("n", "n"))
    f = cf.function([a], cf.grad(linalg.det(a), a))
    with pytest.raises(cf.LinAlgError, match="test_matrices"):
        f(np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x, v: linalg.inv(x), ["inv of 'X'", "(n, d)", "not square"]),
        (lambda x, v: linalg.det(v), ["det of 'v'", "give a matrix"]),
        (lambda x, v: linalg.solve(x @ x.T, x.T), ["shapes do not match", "extent n", "extent d"]),
        (lambda x, v: linalg.matrix_power(x @ x.T, 0.5), ["0.5", "whole number"]),
        (lambda x, v: linalg.svd(x), ["full_matrices=False"]),
        (lambda x, v: linalg.qr(x, mode="complete"), ["complete", "reduced"]),
        (lambda x, v: linalg.norm(x, "nuk"), ["'nuk'", "'nuc'"]),
        (lambda x, v: linalg.eigh(x @ x.T, UPLO="X"), ["'X'", "'L' or 'U'"]),
        (lambda x, v: linalg.solve_triangular(x @ x.T, x, trans=7), ["trans=7"]),
        (lambda x, v: linalg.pinv(x, rcond=1, rtol=1), ["rcond= and rtol="]),
    ],
)
def test_what_does_not_fit_is_refused_where_it_is_written(make: Callable, words: list) -> None:
    x, v = cf.matrix("X", shape=("n", "d")), cf.vector("v", shape="n")
    with pytest.raises(cf.ClosedformError) as caught:
        make(x, v)
    for word in (*words, "test_matrices.py:"):
        assert word in str(caught.value)


def test_the_derivative_of_qr_needs_to_know_the_smaller_extent() -> None:
    x = cf.matrix("X", shape=("n", "d"))
    with pytest.raises(cf.DerivativeError, match="of which the smaller is not known"):
        cf.pp(cf.grad(linalg.qr(x).R.sum(), x))


def test_numpys_functions_of_tensors() -> None:
    x = cf.matrix("X", shape=("n", "n"))
    for name in ("inv", "det", "cholesky", "pinv", "eigvalsh", "svdvals"):
        a = positive(np.random.default_rng(0).normal(size=(3, 3)))
        function = getattr(np.linalg, name, None)
        if function is None:
            continue  # older NumPy
        result = cf.function([x], function(x))(a)
        np.testing.assert_allclose(result, function(a), rtol=1e-12)


def test_the_plan_names_the_call() -> None:
    x, b = cf.matrix("X", shape=("n", "n")), cf.vector("b", shape="n")
    f = cf.function([x, b], linalg.solve(x, b), target="c")
    assert "= solve" in f.explain() and "getrf" not in f.explain()
    assert "cf_solve_double" in f.source


def test_texts_know_the_words() -> None:
    x = cf.parse("logdet(A) + trace(inv(A)) + det(matrix_power(A, 2))", A=("n", "n"))
    (a,) = cf.inputs(x).values()
    value = positive(np.random.default_rng(0).normal(size=(3, 3)))
    wanted = np.log(np.linalg.det(value)) + np.trace(np.linalg.inv(value))
    wanted += np.linalg.det(value) ** 2
    np.testing.assert_allclose(cf.function([a], x)(value), wanted, rtol=1e-12)
