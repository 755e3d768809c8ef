"""The ways in which every acceptance test runs."""

from __future__ import annotations

import pytest

TARGETS = {
    "written": {"mode": "FAST_COMPILE"},
    "numpy": {"target": "numpy"},
    "c": {"target": "c"},
}


def every_target(test):
    """Run a test with `options` for `function`: as written, the NumPy target, the C target."""
    return pytest.mark.parametrize("options", TARGETS.values(), ids=TARGETS)(test)
