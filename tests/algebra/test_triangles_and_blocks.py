"""Triangles read tril and triu, joined matrices as matrices of blocks, arrays in bold if asked."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import closedform as cf

A = cf.matrix("A", shape=("n", "m"))
VALUE = np.random.default_rng(0).normal(size=(4, 3))
rows, columns = cf.arange(4)[:, None], cf.arange(3)
KEPT = {
    "tril": lambda k: cf.tril(A, k),
    "triu": lambda k: cf.triu(A, k),
    "transposed": lambda k: cf.tril(A, k).T,
    "of a transpose": lambda k: cf.tril(A.T, k),
    "greater": lambda k: cf.where(rows > columns + k, 0, A[:4, :3]),
    "less": lambda k: cf.where(rows < columns + k, A[:4, :3], 0),
    "at least": lambda k: cf.where(columns >= rows - k, A[:4, :3], 0),
    "at most": lambda k: cf.where(columns <= rows - k, 0, A[:4, :3]),
}


@pytest.mark.parametrize("k", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("kind", KEPT)
def test_triangles_are_recognised_and_mean_the_same(kind, k) -> None:
    t = KEPT[kind](k)
    text = cf.pp(t, "ascii")
    assert text.startswith(("tril(", "triu(")) and "where" not in text
    assert "cases" not in cf.latex(t) and "tri" in cf.latex(t)
    again = cf.parse(text, A=("n", "m"))
    expected = t.eval({A: VALUE})
    assert_array_equal(again.eval({cf.inputs(again)["A"]: VALUE}), expected)
    assert_array_equal(eval(text, {**vars(np), "A": VALUE}), expected)


def test_a_triangle_of_ones() -> None:
    x = cf.vector("x", shape="m")
    assert cf.pp(cf.grad((cf.tril(A) @ x).sum(), A)) == "tril(1 1^T) diag(x)"
    assert cf.pp(cf.where(rows >= columns + 0.5, A[:4, :3], 0), "ascii").startswith("where(")


def test_blocks() -> None:
    B, x = cf.matrix("B", shape=("n", "n")), cf.vector("x", shape="n")
    nested = cf.concatenate(
        [
            cf.concatenate([B, cf.ones_like(B)], axis=1),
            cf.concatenate([cf.zeros_like(B), B.T], axis=1),
        ]
    )
    inner = r"B & \mathbf{1} \mathbf{1}^\top \\ 0 & B^\top"
    assert cf.latex(nested) == rf"\begin{{pmatrix}} {inner} \end{{pmatrix}}"
    assert cf.latex(cf.concatenate([x, 2 * x])) == r"\begin{pmatrix} x \\ 2 x \end{pmatrix}"
    assert cf.latex(cf.stack([x, x])) == r"\begin{pmatrix} x^\top \\ x^\top \end{pmatrix}"
    cube = cf.tensor("K", ("n", "n", "n"))
    assert r"\operatorname{concatenate}" in cf.latex(cf.concatenate([cube, 2 * cube]))


def test_bold() -> None:
    X, w, lam = cf.matrix("X"), cf.vector("w_1"), cf.scalar("lam")
    mu = cf.vector("mu")
    assert cf.latex(lam * (X @ w - mu), bold=True) == (
        r"\lambda \left(\mathbf{X} \mathbf{w}_{1} - \boldsymbol{\mu}\right)"
    )
    assert r"\mathbf{X}" not in cf.latex(X @ w)


def test_a_scalar_over_an_array() -> None:
    x, s = cf.vector("x", shape="n"), cf.scalar("s")
    gradient = cf.grad(cf.prod(x), x)
    assert cf.pp(gradient) == "prod(x) / x"
    assert cf.latex(-cf.exp(s) / x) == r"-\exp\left(s\right) \oslash x"
    assert cf.pp(-cf.exp(s) / x, "unicode") == "−exp(s) ⊘ x"
    assert cf.latex(2 * s / x) == r"2 s \oslash x"
