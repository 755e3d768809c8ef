"""Rows of linear algebra: each fires on its witness and keeps the value; what is never formed; how
the formulas of the Matrix Cookbook read.
"""

from __future__ import annotations

import numpy as np
import pytest

import closedform as cf
from closedform import linalg
from closedform.algebra.graph import topological
from closedform.algebra.node import Call, Node
from closedform.simplify import matrix_rows
from closedform.simplify.display import Displayer, parameters_as_numbers
from closedform.simplify.display_linalg import is_symmetric
from closedform.simplify.passes import compute_form

Y, A, B = (cf.matrix(name, shape=("n", "n")) for name in "YAB")
a, b = cf.vectors("a", "b", shape="n")
P = cf.matrix("P", shape=("m", "k"))
S = cf.matrix("S", shape=("n", "n"), assume="psd")
Q = cf.matrix("Q", shape=("n", "n"), assume="orthogonal")
T3 = cf.tensor("T", ("p", "n", "n"))
V3 = cf.tensor("V", ("p", "n"))
COMPUTE = {
    "symmetric": lambda: cf.einsum("ij,i->j", S, a),
    "inverse-of-inverse": lambda: linalg.inv(linalg.inv(Y)) + 1,
    "of-transpose": lambda: linalg.inv(Y.T) + linalg.det(Y.T),
    "inverse-of-orthogonal": lambda: linalg.inv(Q) + 1,
    "of-inverse": lambda: linalg.logdet(linalg.inv(S)) + linalg.det(linalg.inv(Y)),
    "symmetric-view": lambda: S.T + 2 * S,
    "log-of-determinant": lambda: cf.log(linalg.det(S)),
    "applied-inverse": lambda: a @ linalg.inv(Y) @ A,
}
DISPLAY = {
    "pseudo-inverse": lambda: P @ linalg.inv(P.T @ P) + linalg.solve(P.T @ P, P.T).T,
    "shown-inverse": lambda: linalg.solve(Y, A),
    "written-out": lambda: linalg.matrix_power(Y, 3) + A,
}


def values() -> dict[cf.Tensor, np.ndarray]:
    r = np.random.default_rng(4)
    drawn = {t: r.normal(size=(3, 3)) + 2 * np.eye(3) for t in (Y, A, B)}
    drawn |= {t: r.normal(size=3) for t in (a, b)} | {P: r.normal(size=(4, 2))}
    drawn[T3] = r.normal(size=(2, 3, 3)) + 2 * np.eye(3)
    drawn[V3] = r.normal(size=(2, 3))
    drawn[S] = drawn[A] @ drawn[A].T + np.eye(3)
    drawn[Q] = np.linalg.qr(drawn[B])[0]
    return drawn


def run(node: Node, **options: object) -> np.ndarray:
    arrays = values()
    f = cf.function(list(arrays), cf.Tensor(node), on_unused_input="ignore", **options)
    return np.asarray(f(*arrays.values()))


def test_every_row_has_a_witness() -> None:
    compute = (*matrix_rows.CONTRACTION, *matrix_rows.CALLS, *matrix_rows.ACROSS,
               *matrix_rows.APPLIED)  # fmt: skip
    display = (*matrix_rows.SHOWN_CONTRACTION, *matrix_rows.SHOWN_CALLS)
    assert [r.name for r in compute] == list(COMPUTE)
    assert [r.name for r in display] == list(DISPLAY)
    assert all(r.source and r.left and r.right for r in (*compute, *display))


@pytest.mark.parametrize("name", COMPUTE)
def test_rows_of_the_compute_form_fire_and_keep_the_value(name: str) -> None:
    node = COMPUTE[name]().node
    new = compute_form([node])
    assert name in new.report.fired, new.report
    wanted = run(node, mode="FAST_COMPILE")
    np.testing.assert_allclose(run(new.outputs[0], mode="FAST_COMPILE"), wanted, rtol=1e-10)
    np.testing.assert_allclose(run(node, target="c"), wanted, rtol=1e-10)


@pytest.mark.parametrize("name", {**COMPUTE, **DISPLAY})
def test_rows_of_the_display_form_fire_and_keep_the_value(name: str) -> None:
    node = {**COMPUTE, **DISPLAY}[name]().node
    displayer = Displayer()
    start = compute_form([node], parameters_as_numbers([node])).outputs
    (new,) = displayer.run(start)
    assert name in displayer.fired + displayer.scratch.fired or name in COMPUTE
    wanted = run(node, mode="FAST_COMPILE")
    np.testing.assert_allclose(run(new, mode="FAST_COMPILE"), wanted, rtol=1e-10, atol=1e-12)
    (again,) = Displayer().run([new])
    assert cf.pp(cf.Tensor(again)) == cf.pp(cf.Tensor(new))


def routines(t: cf.Tensor) -> list[str]:
    """What the compute form calls."""
    found = topological(compute_form([t.node]).outputs)
    return sorted(x.spec.routine for x in found if isinstance(x, Call))


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: linalg.inv(Y) @ b, 1),
        (lambda: a @ linalg.inv(Y) @ A @ linalg.inv(B) @ b, 2),
        (lambda: linalg.inv(Y) @ A, 1),
        (lambda: (linalg.inv(Y) @ (a * b)).sum(), 1),
        (lambda: cf.grad(a @ linalg.inv(Y) @ b, Y), 2),
        (lambda: cf.grad(linalg.logdet(P.T @ P), P), 1),
        (lambda: cf.einsum("pij,pj->pi", linalg.inv(T3), V3), 1),
        (lambda: cf.trace(linalg.inv(Y) @ A), 1),
    ],
)
def test_an_inverse_that_is_only_applied_is_never_formed(make, count: int) -> None:
    t = make()
    found = routines(t)
    assert "inv" not in found and found.count("solve") == count
    wanted = run(t.node, mode="FAST_COMPILE")
    for target in ("c", "numpy"):
        np.testing.assert_allclose(run(t.node, target=target), wanted, rtol=1e-9, atol=1e-12)


def test_solving_keeps_digits_that_an_inverse_loses() -> None:
    r = np.random.default_rng(0)
    u, _, vt = np.linalg.svd(r.normal(size=(8, 8)))
    matrix = (u * np.logspace(0, -12, 8)) @ vt
    right = matrix @ np.ones(8)
    x, y = cf.matrix("x", shape=("n", "n")), cf.vector("y", shape="n")
    found = cf.function([x, y], linalg.inv(x) @ y)(matrix, right)
    residual = np.abs(matrix @ found - right).max()
    formed = np.abs(matrix @ (np.linalg.inv(matrix) @ right) - right).max()
    assert residual < 1e-14 < 1e-6 < formed


def test_symmetry_is_proven_from_the_formula() -> None:
    yes = [S, P.T @ P, P.T @ P + 2 * cf.eye(P.shape[1]), linalg.inv(S), cf.outer(a, a) * S,
           linalg.expm(S), A.T @ S @ A]  # fmt: skip
    no = [A, A @ A, P.T @ cf.exp(P), cf.outer(a, b), linalg.inv(A), S @ A]
    for t, wanted in [*((t, True) for t in yes), *((t, False) for t in no)]:
        assert is_symmetric(compute_form([t.node]).outputs[0]) is wanted, cf.pp(t)


FORMULAS = [
    (lambda: cf.grad(a @ linalg.inv(Y) @ b, Y), r"-Y^{-\top} a b^\top Y^{-\top}"),
    (lambda: cf.grad(linalg.det(Y), Y), r"\det\left(Y\right) Y^{-\top}"),
    (lambda: cf.grad(linalg.logdet(Y), Y), r"Y^{-\top}"),
    (lambda: cf.grad(linalg.logdet(linalg.inv(Y)), Y), r"-Y^{-\top}"),
    (lambda: cf.grad(linalg.logdet(P.T @ P), P), r"2 P^{+\top}"),
    (
        lambda: cf.grad(linalg.det(P.T @ P), P),
        r"2 \det\left(P^\top P\right) P^{+\top}",
    ),
    (
        lambda: cf.grad(linalg.det(linalg.matrix_power(Y, 2)), Y),
        r"2 \det\left(Y\right)^{2} Y^{-\top}",
    ),
    (lambda: cf.grad(cf.trace(linalg.matrix_power(Y, 3)), Y), r"3 \left(Y^{2}\right)^\top"),
    (lambda: cf.grad(cf.trace(linalg.inv(Y + A)), Y), r"-\left(Y + A\right)^{-2\top}"),
    (lambda: cf.grad(a @ linalg.solve(Y, b), b), r"Y^{-\top} a"),
    (lambda: cf.jacobian(linalg.inv(Y), Y), r"-Y^{-1} \otimes Y^{-\top}"),
    (lambda: cf.grad(a @ linalg.inv(S) @ a, a), r"2 S^{-1} a"),
    (lambda: cf.grad(linalg.inv(Q) @ a @ b, a), r"Q b"),
]


@pytest.mark.parametrize(("make", "latex"), FORMULAS, ids=[f[1] for f in FORMULAS])
def test_formulas_read_as_in_a_book(make, latex: str) -> None:
    assert cf.latex(make()) == latex


def test_the_trace_of_an_inverse() -> None:
    u = cf.scalar("u")
    g = cf.grad(linalg.logdet(S + u * cf.eye(S.shape[0])), u)
    assert cf.pp(g) == "tr((S + u I)^-1)"


def test_systems_with_a_cholesky_factor() -> None:
    t = linalg.solve_triangular(linalg.cholesky(S), a, lower=True)
    assert "solve_triangular(cholesky(S), a, lower=True" in cf.pp(t)
    assert cf.latex(t) == r"\operatorname{cholesky}\left(S\right)^{-1} a"
