"""Products of matrices by the library: of parts of what is stored, too."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.cuda.running import emulated
from tests.running import simplified

import closedform as cf

x, W = cf.matrix("x", shape=("n", "d")), cf.matrix("W", shape=("d", "k"))
VALUES = {
    x.node: np.random.default_rng(0).normal(size=(17, 13)),
    W.node: np.random.default_rng(1).normal(size=(13, 11)),
}
part = cf.split(x, [5], 1)[0]
PRODUCTS = {
    "first columns of both": part @ part.T,
    "first columns": cf.inner(part, cf.tanh(part)),
    "first rows": x @ W[:, :7],
    "transposed": cf.tanh(part).T @ part,
    "of a computed matrix": cf.exp(x @ W)[:, :3] @ W.T[:3],
    "gradient": cf.grad((cf.inner(part, cf.special.selu(part)) ** 2).sum(), x),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_parts_of_matrices(name) -> None:
    t = PRODUCTS[name]
    values = {v: a for v, a in VALUES.items() if v in {u.node for u in cf.inputs(t).values()}}
    (found,) = emulated(simplified([t]), values)
    given = {cf.Tensor(v): a for v, a in values.items()}
    assert_allclose(found, t.eval(given), rtol=1e-12, atol=1e-12)
