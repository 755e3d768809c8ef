"""Routines on matrices on the emulated device: values, gradients, batches, refusals, schedules."""

from __future__ import annotations

import numpy as np
import pytest
from tests.cuda.emulated import SCHEDULES, Emulated
from tests.cuda.test_operations import agree
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
        outputs = lambda a, b: [la.solve(a, b), la.inv(a), la.cholesky(a), *la.slogdet(a)]  # noqa: E731
        results.append(b"".join(x.tobytes() for x in agree(outputs, P, B, rtol=1e-9)[1]))
    assert len(set(results)) == 1
