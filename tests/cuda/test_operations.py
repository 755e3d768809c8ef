"""Products and joins on the emulated device; what the target has no kernels for is named."""

from __future__ import annotations

import numpy as np
import pytest

import closedform as cf

X = np.random.default_rng(0).normal(size=(301, 7))


def test_products_of_elements(device):
    x = cf.matrix("x")
    f = cf.function([x], [x.prod(0), x.prod(1)])
    g = cf.function([x], [x.prod(0), x.prod(1)], target="cuda")
    for a, b in zip(g(X), f(X), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_joins(device):
    x, y = cf.matrix("x"), cf.matrix("y")
    outputs = [cf.concatenate([x, y]), cf.concatenate([x, y], 1), cf.stack([x[0], y[0]])]
    f = cf.function([x, y], outputs, target="cuda")
    joined, beside, stacked = f(X, 2 * X)
    np.testing.assert_array_equal(joined, np.concatenate([X, 2 * X]))
    np.testing.assert_array_equal(beside, np.concatenate([X, 2 * X], 1))
    np.testing.assert_array_equal(stacked, np.stack([X[0], 2 * X[0]]))


REFUSED = {
    "indexing with arrays": lambda x: x[[2, 0, 1]],
    "argsort": lambda x: cf.sort(x, 0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_kernels_is_refused_by_name(device, name):
    x = cf.matrix("x")
    f = cf.function([x], REFUSED[name](x), target="cuda")
    with pytest.raises(cf.EmitError, match=f"{name} is not built for the target 'cuda'"):
        f(X)
