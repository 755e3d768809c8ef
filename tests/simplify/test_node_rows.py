"""Rows over nodes: each fires on its witness, and the compute form has the values as written."""

from __future__ import annotations

import numpy as np
import pytest
from tests.simplify.evaluate import evaluate

import closedform as cf
from closedform.algebra import functions as F
from closedform.algebra.build import contract
from closedform.algebra.constructors import tensor
from closedform.algebra.gradient import jacobian
from closedform.algebra.products import einsum
from closedform.algebra.tensor import Tensor
from closedform.simplify.contraction_rows import ROWS
from closedform.simplify.derive import expand_gradients
from closedform.simplify.node_rows import ACROSS, SINGLE
from closedform.simplify.passes import compute_form

x, y = tensor("x", ("n",)), tensor("y", ("n",))
A, c = tensor("A", ("n", "k")), tensor("c")
SQUARE = tensor("S", ("n", "n"))
s = F.sigmoid(y)
WITNESS = {
    "zero-sum": lambda: einsum("ij,i->j", A, F.zeros_like(x)),
    "absorb-view": lambda: einsum("ji,i->j", A.T, x),
    "delta": lambda: jacobian(einsum("ij,i->j", A, x), x),
    "number-leaves-sum": lambda: einsum("i,ij->j", 3 * F.ones_like(x), A),
    "repeated-sum": lambda: Tensor(contract([c.node], [()], (), sizes={"i": x.shape[0]})),
    "split-product": lambda: (x * F.tanh(y)).sum(),
    "factor-leaves-sum": lambda: (c * F.tanh(x)).sum(),
    "repeated-result": lambda: Tensor(
        contract([x.node], [("i",)], ("j",), sizes={"j": A.shape[1]})
    ),
    "no-sum": lambda: einsum("i,j->ij", x, y),
    "diagonal-of-map": lambda: einsum("ii,i->i", F.exp(-SQUARE) * y[:, None], x),
    "sum-of-sum": lambda: A.sum(axis=1).sum(),
    "same-reshape": lambda: A.reshape(A.shape[0], A.shape[1], 1).reshape(*A.shape),
    "reversed-twice": lambda: F.exp(A)[::-1, :][::-1, :],
    "layout-of-number": lambda: F.zeros_like(A).reshape(A.shape[0], A.shape[1], 1),
    "logsumexp": lambda: F.log(F.exp(A).sum(axis=1)),
    "square-of-norm": lambda: cf.norm(A, axis=1) ** 2 + cf.norm(x) ** 4,
    "sums-meet": lambda: (x * F.log(s)).sum() + ((1 - x) * F.log(1 - s)).sum(),
}
NODE_ROWS = (*ROWS, *SINGLE, *ACROSS)


def test_every_row_has_a_witness():
    assert set(WITNESS) == {r.name for r in NODE_ROWS}
    assert all(r.source and r.left and r.right for r in NODE_ROWS)


@pytest.mark.parametrize("row", NODE_ROWS, ids=[r.name for r in NODE_ROWS])
def test_fires_and_keeps_the_value(row):
    node = WITNESS[row.name]().node
    new = compute_form([node])
    rng = np.random.default_rng(0)
    values = {
        x.node: rng.normal(size=5),
        y.node: rng.normal(size=5),
        A.node: rng.normal(size=(5, 3)),
        c.node: 1.5,
        SQUARE.node: rng.normal(size=(5, 5)),
    }
    want, got = evaluate(expand_gradients([node]), values), evaluate(list(new.outputs), values)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-12)
    assert row.name in new.report.fired, new.report
