"""`h.structure`: the terms of Hessians and Jacobians, and what they do without being formed."""

from __future__ import annotations

import numpy as np
import pytest

import closedform as cf
from closedform.simplify.structure import Dense, Diagonal, Kronecker, Outer, Product

X, w, y = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d"), cf.vector("y", shape="n")
A, c = cf.matrix("A", shape=("d", "d")), cf.vector("c", shape="d")
M, U, V = (cf.matrix(n, shape=s) for n, s in (("M", ("n", "d")), ("U", ("n", "k")),
                                              ("V", ("d", "k"))))  # fmt: skip
s = cf.scalar("s")
SIZES = {"n": 7, "d": 4, "k": 3}


def cases() -> dict[str, tuple]:
    z = X @ w
    logistic = (cf.softplus(z) - y * z).mean() + 0.01 * (w @ w)
    return {
        "logistic": (logistic, w, [Product, Diagonal]),
        "least squares": (((z - y) ** 2).sum() / 2, w, [Product]),
        "elementwise": (cf.exp(w).sum() + s * (w**3).sum(), w, [Diagonal]),
        "logsumexp": (cf.logsumexp(w), w, [Diagonal, Outer]),
        "norm": (cf.norm(w), w, [Diagonal, Dense]),
        "quadratic": (w @ A @ w, w, [Dense, Dense]),
        "square of a product": ((w @ c) ** 2 + (w @ w), w, [Outer, Diagonal]),
        "weighted": ((c * w) @ A @ (c * w), w, [Dense]),
        "matrix factorisation": (((M - U @ V.T) ** 2).sum(), U, [Kronecker]),
        "the other factor": (((M - U @ V.T) ** 2).sum(), V, [Kronecker]),
        "log cosh of rows": (cf.log(cf.cosh(U)).sum(), U, [Dense]),
        "nothing": (w.sum(), w, []),
    }


def drawn(*tensors) -> dict:
    rng = np.random.default_rng(1)
    return {t: rng.normal(size=[SIZES[str(k)] for k in t.shape]) for t in tensors}


INPUTS = (X, w, y, A, c, M, U, V, s)


@pytest.mark.parametrize("name", cases())
def test_a_hessian_and_what_it_does(name) -> None:
    cost, variable, kinds = cases()[name]
    h = cf.hessian(cost, variable)
    found = h.structure
    assert sorted(type(t).__name__ for t in found.terms) == sorted(k.__name__ for k in kinds)
    v = cf.tensor("direction", variable.shape)
    values = drawn(*INPUTS, v)
    outputs = [h, found.dense(), found.matvec(v), found.diagonal()]
    run = cf.function(list(values), outputs, on_unused_input="ignore")
    want, dense, product, diagonal = run(*values.values())
    np.testing.assert_allclose(dense, want, rtol=1e-10, atol=1e-12)
    half = variable.ndim
    np.testing.assert_allclose(product, np.tensordot(want, values[v], half), rtol=1e-10, atol=1e-12)
    size = int(np.prod(diagonal.shape, dtype=int))
    np.testing.assert_allclose(
        diagonal.ravel(), want.reshape(size, size).diagonal(), rtol=1e-10, atol=1e-12
    )


def test_the_parts_are_those_of_the_formula() -> None:
    z = X @ w
    h = cf.hessian((cf.softplus(z) - y * z).mean() + 0.01 * (w @ w), w)
    product, diagonal = h.structure.terms
    assert isinstance(product, Product) and product.core is not None
    shown = [cf.pp(t, "ascii") for t in (product.left, product.core, product.right)]
    assert shown == ["X.T", "sigmoid(X @ w)*sigmoid(-X @ w)", "X"]
    assert isinstance(diagonal, Diagonal) and cf.pp(diagonal.scale, "ascii") == "0.02"
    assert "Product + Diagonal" in repr(h.structure) and "X^T diag" in repr(h.structure)
    assert h.structure._repr_latex_() == h._repr_latex_()


def test_the_product_with_a_vector_forms_no_matrix() -> None:
    z, v = X @ w, cf.vector("v", shape="d")
    h = cf.hessian((cf.softplus(z) - y * z).mean() + 0.01 * (w @ w), w)
    text = cf.pp(h.structure.matvec(v), "ascii")
    assert "eye" not in text and text.count("@") == 4, text


def test_a_jacobian_that_is_no_square() -> None:
    j = cf.jacobian(cf.tanh(X @ w), w)
    (term,) = j.structure.terms
    assert isinstance(term, Dense)
    with pytest.raises(cf.ShapeError, match="diagonal"):
        j.structure.diagonal()


def test_a_jacobian_of_a_matrix_by_a_matrix() -> None:
    B, Y = cf.matrix("B", shape=("k", "d")), cf.matrix("Y", shape=("d", "k"))
    j = cf.jacobian(X @ Y @ B, Y)
    (term,) = j.structure.terms
    assert isinstance(term, Kronecker)
    assert cf.pp(j) == "X (x) B^T" and cf.latex(j) == r"X \otimes B^\top"


def test_third_derivatives() -> None:
    third = cf.jacobian(cf.hessian(cf.exp(w).sum(), w), w)
    values = drawn(w)
    want = np.einsum("i,ij,ik->ijk", np.exp(values[w]), np.eye(4), np.eye(4))
    np.testing.assert_allclose(third.eval(values), want, rtol=1e-12)
    quadratic = cf.jacobian(cf.hessian(w @ A @ w, w), w, disconnected_inputs="ignore")
    np.testing.assert_array_equal(quadratic.eval(drawn(A, w)), np.zeros((4, 4, 4)))


@pytest.mark.parametrize("tensor", [w, cf.tensor("t", ("n", "d", "k"))])
def test_other_shapes_have_no_structure(tensor) -> None:
    with pytest.raises(cf.ShapeError, match="structure"):
        tensor.structure  # noqa: B018


def test_a_vector_that_does_not_fit() -> None:
    with pytest.raises(cf.ShapeError, match="product"):
        cf.hessian(w @ A @ w, w).structure.matvec(A)
