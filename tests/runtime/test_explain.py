"""What `explain` says about axes."""

from __future__ import annotations

import closedform as cf


def plan(*inputs, output):
    return next(line for line in cf.function([*inputs], output).explain().splitlines()
                if "fold axis" in line)  # fmt: skip


def test_a_fold_axis_without_a_name_is_shown_by_its_argument():
    w, X = cf.vector("w"), cf.matrix("X")
    cost = cf.exp(X @ w).sum()
    assert "fold axis: axis 0 of input 2; passes" in plan(w, X, output=cost)
    s = cf.shared([[1.0, 2.0]], "s")
    assert "fold axis: axis 0 of shared 1; passes" in plan(output=cf.exp(s).sum(1))


def test_a_fold_axis_with_a_name_is_shown_by_it():
    X, w = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d")
    assert "fold axis: n; passes" in plan(X, w, output=cf.exp(X @ w).sum())
