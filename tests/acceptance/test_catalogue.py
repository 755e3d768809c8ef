"""Every expression of the catalogue through `function`: targets agree with the graph as written.

The interpreter itself is tested against NumPy in `tests/runtime/test_interpreter.py`.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.catalogue import CASES

import closedform as cf


@pytest.mark.parametrize("target", ["numpy", "c"])
@pytest.mark.parametrize("name", CASES)
def test_targets_agree(name, target):
    values, outputs = CASES[name]()
    inputs, arrays = list(values), list(values.values())
    options = {"on_unused_input": "ignore"}
    want = cf.function(inputs, outputs, mode="FAST_COMPILE", **options)(*arrays)
    f = cf.function(inputs, outputs, target=target, **options)
    for found in (f(*arrays), f(*(np.asarray(a, order="F") for a in arrays))):
        for k, (a, b) in enumerate(zip(found, want, strict=True)):
            assert a.dtype == b.dtype and a.shape == b.shape
            bound = 2e-3 if a.dtype == np.float32 else 1e-9
            assert_allclose(a, b, rtol=bound, atol=bound, err_msg=f"output {k}")
