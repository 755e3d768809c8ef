"""Random programs on the emulated device agree with the graph as written."""

from __future__ import annotations

import numpy as np
import pytest
from tests.random_programs import draw, mismatch

import closedform as cf


def disagreement(seed: int) -> str | None:
    """What the device gets wrong of a program, "" for nothing, None if the draw is no program."""
    inputs, outputs = draw(seed)
    given, options = list(inputs), {"on_unused_input": "ignore"}
    try:
        want = cf.function(given, outputs, mode="FAST_COMPILE", **options)(*inputs.values())
    except (cf.ShapeError, cf.CallError):
        return None
    try:
        got = cf.function(given, outputs, target="cuda", **options)(*inputs.values())
    except cf.EmitError as error:  # of a routine without a kernel
        assert "is not built for the target 'cuda'" in error.found
        return None
    return next((m for a, b in zip(got, want, strict=True) if (m := mismatch(a, b))), "")


@pytest.mark.parametrize("start", range(0, 10, 5))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_random_programs(device, start):
    found = {}
    for seed in range(start, start + 5):
        device.schedule = seed % 5
        found[seed] = disagreement(seed)
    assert {seed: m for seed, m in found.items() if m} == {}
    assert any(m is not None for m in found.values()), "too few draws are programs"


def test_a_reshaped_number(device):
    x, y = cf.scalar("x"), cf.vector("y")
    t = cf.exp(x) * y.sum()
    f = cf.function([x, y], [t.reshape((1,)), t * 2, (t + 1).reshape((1, 1))], target="cuda")
    one, twice, more = f(0.5, np.arange(4.0))
    want = np.exp(0.5) * 6
    np.testing.assert_allclose(one, [want], rtol=1e-14)
    np.testing.assert_allclose(twice, 2 * want, rtol=1e-14)
    np.testing.assert_allclose(more, [[want + 1]], rtol=1e-14)
