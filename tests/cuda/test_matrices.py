"""Routines on matrices on the emulated device: values, gradients, batches, refusals, schedules."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from tests.cuda.emulated import SCHEDULES, Emulated
from tests.cuda.test_operations import agree, built
from tests.cuda.test_words import assert_compiles, compiles

import closedform as cf
from closedform.runtime import homes

RANDOM = np.random.default_rng(5)
A = RANDOM.normal(size=(13, 13))
P = A @ A.T + np.eye(13)
B = RANDOM.normal(size=(13, 3))
la = cf.linalg

CASES = {
    "inv": (lambda a, b: [la.inv(a), la.inv(a) @ b], A, B),
    "solve": (lambda a, b: [la.solve(a, b), la.solve(a, b[:, 0])], A, B),
    "solve a batch": (lambda a, b: [la.solve(a, b)], np.stack([A, P]), np.stack([B, -B])),
    "triangular": (
        lambda a, b: [
            la.solve_triangular(a, b, lower=True),
            la.solve_triangular(a, b, lower=False),
        ],
        A + 9 * np.eye(13),
        B,
    ),
    "det": (lambda a, b: [la.det(a), la.det(a[:2, :2]), *la.slogdet(a)], A, B),
    "det of a batch": (lambda a, b: [la.det(a), la.slogdet(a)[1]], np.stack([A, P, -A]), B),
    "logdet": (lambda a, b: [cf.log(la.det(a)), la.slogdet(a)[0]], P, B),
    "cholesky": (lambda a, b: [la.cholesky(a)], P, B),
    "cholesky of a batch": (lambda a, b: [la.cholesky(a)], np.stack([P, 2 * P]), B),
    "gradients": (
        lambda a, b: [
            *cf.grad((la.solve(a, b) ** 2).sum(), [a, b]),
            cf.grad(la.slogdet(a)[1], a),
            cf.grad(la.cholesky(a @ a.T + 1.0 * cf.eye(13)).sum(), a),
        ],
        A,
        B,
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_matrices(device, name, dtype):
    build, a, b = CASES[name]
    agree(build, a.astype(dtype), b.astype(dtype), rtol=2e-3 if dtype == "float32" else 1e-9)


@compiles
def test_matrices_compile():
    for build, a, b in CASES.values():
        inputs = [cf.tensor(f"a{k}", (None,) * x.ndim, "float32") for k, x in enumerate((a, b))]
        f = cf.function(inputs, build(*inputs), target="cuda", on_unused_input="ignore")
        assert_compiles(f)


@compiles
@pytest.mark.parametrize("arch", ["sm_80", "sm_90", "sm_100"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels_of_matrices_neither_spill_nor_keep_a_stack(dtype, arch):
    a, b = (cf.tensor(name, ("n", "n"), dtype) for name in "ab")
    outputs = [
        *la.eigh(a), *la.svd(a, False), *la.qr(a), la.pinv(a), la.expm(a), la.matrix_power(a, 5),
        la.solve(a, b), la.solve_triangular(a, b), la.inv(a), la.cholesky(a), *la.slogdet(a),
        la.det(a), la.logdet(a),
    ]  # fmt: skip
    found = assert_compiles(cf.function([a, b], outputs, target="cuda"), arch)
    wanted = {name: use for name, use in found.use.items() if name.startswith("routine")}
    assert len(wanted) == 13
    assert {(use.stack, use.spilled) for use in wanted.values()} == {(0, 0)}


@pytest.mark.parametrize("n", [1, 2, 40])
def test_sizes(device, n):
    a, b = RANDOM.normal(size=(n, n)), RANDOM.normal(size=(n, 300))
    agree(lambda a, b: [la.solve(a, b), la.inv(a), la.det(a)], a, b, rtol=1e-8)


SINGULAR = np.diag([1.0, 0.0, 2.0])


@pytest.mark.parametrize("name", ["inv", "solve", "triangular", "cholesky"])
def test_matrices_that_are_refused_change_nothing(device, name):
    a = cf.matrix("a")
    made = {
        "inv": lambda: la.inv(a),
        "solve": lambda: la.solve(a, cf.eye(3)),
        "triangular": lambda: la.solve_triangular(a, cf.eye(3), lower=True),
        "cholesky": lambda: la.cholesky(a),
    }[name]()
    w = cf.shared(np.zeros(()), name="w", target="cuda")
    f = cf.function([a], made, updates=[(w, w + a.sum())], target="cuda")
    f(np.eye(3))
    with pytest.raises(cf.ClosedformError):
        f(SINGULAR)
    assert w.get_value() == 3


def test_determinants_of_singular_and_large_matrices(device):
    agree(lambda a: [la.det(a), *la.slogdet(a)], SINGULAR)
    agree(lambda a: [la.det(a)], np.diag(np.r_[np.full(5, 1e-200), np.full(5, 1e200)]))


def test_every_schedule_gives_the_same_bits(monkeypatch):
    results = []
    for schedule in SCHEDULES:
        current = Emulated(schedule)
        monkeypatch.setattr(homes, "current_device", lambda current=current: current)
        outputs = lambda a, b: [  # noqa: E731
            la.solve(a, b), la.inv(a), la.cholesky(a), *la.slogdet(a), la.eigvalsh(a), *la.qr(b),
            la.svdvals(b), la.pinv(b), la.matrix_power(a, 3), la.expm(a / 9),
        ]  # fmt: skip
        results.append(b"".join(x.tobytes() for x in agree(outputs, P, B, rtol=1e-9)[1]))
    assert len(set(results)) == 1


# ---------------------------------------------------------------- decompositions

SHAPES = ((1, 1), (2, 3, 3), (5, 3), (3, 5), (40, 13), (13, 40), (33, 1))
PLACES = {"float64": 2e-14, "float32": 2e-5}
floats = pytest.mark.parametrize("dtype", PLACES)


def run(build, *arrays):
    """Results on the device."""
    inputs, outputs = built(build, arrays)
    return [np.asarray(a) for a in cf.function(inputs, outputs, target="cuda")(*arrays)]


def close(found, want, dtype, scale=1.0):
    assert found.dtype == dtype
    np.testing.assert_allclose(found, want, atol=PLACES[dtype] * max(1.0, scale), rtol=0)


def orthonormal(columns, dtype):
    identity = np.eye(columns.shape[-1])
    close(
        np.swapaxes(columns, -1, -2) @ columns,
        np.broadcast_to(identity, (*columns.shape[:-2], *identity.shape)),
        dtype,
    )


def drawn(shape, dtype, kind="full"):
    a = np.random.default_rng(7).normal(size=shape)
    if kind == "rank 1":
        a = a[..., :, :1] * a[..., :1, :]
    return (a * 0 if kind == "zero" else a).astype(dtype)


@floats
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (2, 3, 3), (40, 40), (41, 41)], ids=str)
def test_eigenvalues(device, shape, dtype):
    for kind in ("full", "rank 1", "zero"):
        a = drawn(shape, dtype, kind)
        w, v, lower = run(lambda a: [*la.eigh(a), la.eigvalsh(a)], a)
        symmetric = np.tril(a) + np.swapaxes(np.tril(a, -1), -1, -2)  # the triangle that is read
        close(w, np.linalg.eigvalsh(symmetric.astype("float64")), dtype, abs(w).max())
        close(lower, w, dtype, abs(w).max())
        orthonormal(v, dtype)
        close(symmetric @ v, v * w[..., None, :], dtype, abs(w).max())


@floats
@pytest.mark.parametrize("kind", ["full", "rank 1", "zero"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_singular_values(device, shape, kind, dtype):
    a = drawn(shape, dtype, kind)
    u, s, vh, alone = run(lambda a: [*la.svd(a, False), la.svdvals(a)], a)
    scale = s.max()
    close(s, np.linalg.svd(a.astype("float64"), compute_uv=False), dtype, scale)
    close(alone, s, dtype, scale)
    orthonormal(u, dtype)
    orthonormal(np.swapaxes(vh, -1, -2), dtype)
    close((u * s[..., None, :]) @ vh, a, dtype, scale)
    (inverse,) = run(lambda a: [la.pinv(a, rcond=1e-4)], a)
    wanted = np.linalg.pinv(a.astype("float64"), rcond=1e-4)
    close(inverse, wanted, dtype, 10 * abs(wanted).max())


@floats
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_reflections_are_lapacks(device, shape, dtype):
    for kind in ("full", "rank 1", "zero"):
        a = drawn(shape, dtype, kind)
        q, r = run(lambda a: list(la.qr(a)), a)
        scale = abs(a).max() * max(shape)
        if kind != "rank 1":  # where what is left of a column is noise, so is its direction
            want = np.linalg.qr(a.astype("float64"))
            close(q, want[0], dtype)
            close(r, want[1], dtype, scale)
        orthonormal(q, dtype)
        close(q @ r, a, dtype, scale)


@floats
@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_powers_and_exponentials(device, n, dtype):
    a = drawn((2, n, n), dtype) / np.dtype(dtype).type(n**0.5)
    powers = (2, 3, 7, 12)
    found = run(lambda a: [*(la.matrix_power(a, p) for p in powers), la.expm(a), la.expm(9 * a)], a)
    wide = a.astype("float64")
    want = [
        *(np.linalg.matrix_power(wide, p) for p in powers),
        *map(scipy.linalg.expm, (wide, 9 * wide)),
    ]
    for x, y in zip(found, want, strict=True):
        np.testing.assert_allclose(x, y, atol=40 * PLACES[dtype] * abs(y).max(), rtol=0)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_exponentials_at_the_edges(device, schedule):
    """More matrices than blocks, so that each block meets several kinds in turn."""
    device.schedule = schedule
    nothing = np.full((3, 3), np.nan)
    a = np.array([np.zeros((3, 3)), nothing, np.diag([-800.0, 0, 1]), nothing, np.eye(3) * 1e-300])
    (found,) = run(lambda a: [la.expm(a)], np.tile(a, (4, 1, 1)))
    want = [np.eye(3), nothing, np.diag([0, 1, np.e]), nothing, np.eye(3)]
    np.testing.assert_allclose(found, np.tile(want, (4, 1, 1)), rtol=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_stacks_of_more_matrices_than_blocks(device, schedule):
    device.schedule = schedule
    a = drawn((11, 4, 3), "float64")
    a[::3, :, 1] = a[::3, :, 0]  # some are of rank 2

    def outputs(a):
        gram = cf.matrix_transpose(a) @ a
        sound = gram + 1.0 * cf.eye(3)
        u, s, vh = la.svd(a, False)
        return [s, abs(u[..., 0]), abs(vh[..., 0, :]), *la.qr(a[1:3]), la.eigvalsh(gram),
                la.pinv(a, rcond=1e-9), la.matrix_power(gram, 3), la.expm(gram), la.inv(sound),
                la.solve(sound, gram), la.cholesky(sound), la.det(sound),
                la.solve_triangular(sound, gram, lower=True)]  # fmt: skip

    agree(outputs, a, rtol=1e-11)


def test_singular_values_of_very_large_and_small_matrices(device):
    for scale in (1e-300, 1e300, 5e-324):
        a = drawn((4, 3), "float64") * scale
        (s,) = run(lambda a: [la.svdvals(a)], a)
        np.testing.assert_allclose(s, np.linalg.svd(a, compute_uv=False), rtol=1e-13)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["svdvals", "pinv"])
def test_matrices_that_are_not_finite_are_refused_on_every_target(device, name, bad):
    a, given = cf.matrix("a"), np.eye(3)
    given[1, 0] = bad
    for target in ("numpy", "c", "cuda"):
        with pytest.raises(cf.ClosedformError, match="svd did not converge"):
            cf.function([a], getattr(la, name)(a), target=target)(given)


def test_eigenvalues_of_matrices_that_are_not_finite_are_numpys(device):
    for bad in (np.nan, np.inf):
        given = np.eye(3)
        given[1, 0] = bad
        (found,) = run(lambda a: [la.eigvalsh(a)], given)
        np.testing.assert_array_equal(found, np.linalg.eigvalsh(given))


def test_results_of_one_decomposition_come_from_one_call(device):
    a = cf.matrix("a")
    u, s, vh = la.svd(a, False)
    f = cf.function([a], [u @ a.sum(1)[:3], s.sum() * a.sum(0), vh], target="cuda")
    assert f.explain().count(" = svd") == 1


def test_gradients_of_decompositions(device):
    def outputs(a, p):
        costs = [
            (la.eigvalsh(p) ** 3).sum(),
            (la.svdvals(a) ** 3).sum(),
            (la.pinv(a) ** 2).sum(),
            (la.expm(p / 9) ** 2).sum(),
            la.matrix_power(p / 9, 5).sum(),
            abs(la.eigh(p).eigenvectors[0, -1]),
        ]
        return [cf.grad(c, x) for c, x in zip(costs, (p, a, a, p, p, p), strict=True)]

    agree(outputs, A[:5, :5], P[:5, :5], rtol=1e-9)
