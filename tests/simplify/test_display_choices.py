"""Gradients of choices read as choices, and have the same values away from ties."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import closedform as cf

x, y = cf.vector("x", shape="n"), cf.vector("y", shape="n")
tau, delta = cf.scalar("tau"), cf.scalar("delta")
VALUES = {
    x: np.array([-3.0, -1.5, -0.5, 0.25, 0.75, 2.0]),
    y: np.array([0.5, -2.0, 1.0, 0.125, -1.0, 5.0]),
    tau: np.array(0.3),
    delta: np.array(0.6),
}
HUBER = cf.where(abs(x) < 1, x * x / 2, abs(x) - 0.5)
READ = [
    (HUBER, "where(abs(x) >= 1, sign(x), x)"),
    (
        cf.where(abs(x) <= delta, x * x / 2, delta * (abs(x) - delta / 2)),
        "where(abs(x) <= delta, x, delta sign(x))",
    ),
    (cf.maximum(tau * x, (tau - 1) * x), "where(x > 0, tau, tau - 1)"),
    (cf.where(x > 0, x, cf.exp(x) - 1), "where(x > 0, 1, exp(x))"),
    (cf.clip(x, -1, 1) ** 2, "2x * 1[(x >= -1) & (x <= 1)]"),
    (cf.maximum(x, y) ** 2, "2x * 1[x > y]"),
    (cf.where(x > 0, cf.maximum(x, 0) ** 3, abs(x)), "where(x > 0, 3x**2, -1)"),
    (cf.special.elu(x, 0.5), "where(x > 0, 1, exp(x)/2)"),
]


@pytest.mark.parametrize(("e", "read"), READ, ids=[read for _, read in READ])
def test_gradients_of_choices(e, read) -> None:
    gradient = cf.grad(e.sum(), x)
    assert cf.pp(gradient) == read
    given = {t: v for t, v in VALUES.items() if t in cf.inputs(e).values()}
    step = 1e-6
    moved = [e.eval({**given, x: VALUES[x] + sign * step}) for sign in (1, -1)]
    differences = (moved[0] - moved[1]) / (2 * step)
    assert_allclose(cf.simplify(gradient).eval(given), differences, rtol=1e-7, atol=1e-9)


def test_what_one_test_does_not_say_about_another_stays() -> None:
    for e, read in (
        (cf.where(x > 0, cf.maximum(x, y), y), "where(x > 0, maximum(x, y), y)"),
        (
            cf.where(x > 0, 1, 0) * cf.where(y < 0, 1.0, 0.0) * x,
            "where(x > 0, 1, 0)*where(y < 0, 1, 0)*x",
        ),
    ):
        assert cf.pp(e, "ascii") == read
