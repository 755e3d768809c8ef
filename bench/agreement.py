"""Contenders are compared before they are timed."""

from __future__ import annotations

import numpy as np

from .case import Arrays, Runner

FLIPPED = 1e-3  # share of decisions that rounding may turn at a threshold


class Disagreement(AssertionError):
    """Two contenders computed different things; the message names both, and the output."""


def check(runners: dict[str, Runner], tolerance: float) -> None:
    """Run every contender once from its first state, and compare with the first that takes part.

    Raises
    ------
    Disagreement
        Naming the contender, the output and the difference.
    """
    expected: Arrays | None = None
    first = ""
    for name, runner in runners.items():
        if runner.read is None:
            continue
        runner.reset()
        found = runner.read(runner.run())
        if expected is None:
            expected, first = found, name
        else:
            _compare(name, found, first, expected, tolerance)


def _compare(name: str, found: Arrays, first: str, expected: Arrays, tolerance: float) -> None:
    shared = found.keys() & expected.keys()
    if not shared:
        raise Disagreement(f"{name} and {first} have no output in common")
    for key in sorted(shared):
        try:
            same(found[key], expected[key], tolerance)
        except AssertionError as error:
            raise Disagreement(f"{name} and {first} differ in {key!r}: {error}") from None


def same(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Assert equality up to `tolerance` times the largest magnitude; decisions may flip rarely."""
    found, expected = np.asarray(found), np.asarray(expected)
    np.testing.assert_equal(found.shape, expected.shape)
    if expected.dtype == bool or found.dtype == bool:
        np.testing.assert_array_less(np.mean(found != expected), FLIPPED)
        return
    scale = float(np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale)
