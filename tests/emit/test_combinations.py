"""Combinations of words that random programs once found wrong in C, in their smallest form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import closedform as cf

X = np.arange(20.0).reshape(5, 4) % 7 - 3
COMBINATIONS: dict[str, Callable[[cf.Tensor], list[cf.Tensor]]] = {
    "a stored truth value in a condition": lambda x: [
        cf.special.kl_div(cf.exp(x), cf.exp(cf.sum(x, 0)))
    ],
    "an identity matrix, sorted": lambda x: [cf.sort(cf.identity(x.shape[0]), 1)],
    "a trace beside which no array has its axis": lambda x: [cf.trace(x, 1) * x[0]],
    "the variance of rows that are one number": lambda x: [
        cf.var(1 - cf.full((2, x.shape[0]), 2.5), 1),
        cf.eye(x.shape[0], 3, -1),
        cf.ravel(cf.full((2, x.shape[0]), 2.5)),
    ],
}


@pytest.mark.parametrize("name", COMBINATIONS)
@pytest.mark.parametrize("dims", [("n", "d"), (None, 4)])
def test_c_agrees_with_the_graph_as_written(name: str, dims: tuple) -> None:
    x = cf.tensor("x", dims)
    outputs = COMBINATIONS[name](x)
    c, written = (
        cf.function([x], outputs, on_unused_input="ignore", **options)(X)
        for options in ({"target": "c"}, {"mode": "FAST_COMPILE"})
    )
    for found, wanted in zip(c, written, strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def test_a_scan_that_two_sections_read_is_not_computed_inside_them() -> None:
    x = cf.tensor("x", (2, "n"))
    outputs = [cf.sum(cf.cumsum(x, 0), 1), cf.mean(x - x[-1], 0), cf.sum(cf.softmax(x, 0))]
    c, written = (
        cf.function([x], outputs, **options)(X[:2])
        for options in ({"target": "c"}, {"mode": "FAST_COMPILE"})
    )
    for found, wanted in zip(c, written, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
