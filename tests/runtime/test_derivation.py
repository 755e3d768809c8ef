"""`steps`: an honest derivation that a page can hold."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

import closedform as cf
from closedform.algebra.latex import latex_lines
from closedform.algebra.tensor import Tensor

X, y, w = cf.matrix("X"), cf.vector("y"), cf.vector("w")
T, W, b = cf.matrix("T"), cf.matrix("W"), cf.vector("b")
p = 1 / (1 + cf.exp(-(X @ w)))
logistic = (-y * cf.log(p) - (1 - y) * cf.log(1 - p)).mean() + 0.01 * (w**2).sum()
softmax = -(T * cf.log_softmax(X @ W + b)).sum(1).mean()
hidden = cf.tanh(X @ W + b)
score = X @ w
a, c = cf.vector(), cf.vector()

COSTS = {
    "logistic": (logistic, w),
    "softmax": (softmax, W),
    "bias": (softmax, b),
    "hidden": ((hidden**2).mean(), hidden),
    "spread": (cf.log(((score - score.mean()) ** 2).mean()), w),
    "unnamed": (cf.log(cf.exp(a * c).sum()), c),
    "nested": (cf.grad((w**3).sum(), w).sum() * w.sum(), w),
    "itself": ((w**2).sum(),) * 2,
}


@pytest.fixture(params=COSTS)
def case(request):
    return COSTS[request.param]


def test_the_last_line_is_what_grad_shows(case) -> None:
    lines = cf.steps(*case)
    assert 1 <= len(lines) <= 10
    assert lines[0].name == "as written"
    assert lines[-1].text == cf.pp(cf.grad(*case))


def test_no_line_repeats_the_one_before_and_none_hides_the_derivative(case) -> None:
    lines = cf.steps(*case)
    texts = [line.text for line in lines]
    assert all(one != next_ for one, next_ in zip(texts, texts[1:], strict=False))
    assert not any("grad(" in text for text in texts[1:])


def test_the_lines_of_logistic_regression() -> None:
    lines = cf.steps(logistic, w)
    assert [(line.name, line.text) for line in lines[-2:]] == [
        ("cost: stable", "sum(softplus(Xw) - y * Xw)/n + 0.01 w^T w"),
        ("derive", "X^T(sigma(Xw) - y)/n + 0.02 w"),
    ]
    assert "stable cost" in lines[-1].explanation


def test_clean_up_is_shown_after_the_derivative() -> None:
    lines = cf.steps((hidden**2).mean(), W)
    assert [line.name for line in lines[-3:]] == ["derive", "gradient: stable", "gradient"]
    assert "cosh" in str(lines[-2]) and "cosh" not in str(lines[-1])


def test_every_line_has_the_value_it_stands_for() -> None:
    X, y, w = cf.matrix("X", shape=(5, 3)), cf.vector("y", shape=5), cf.vector("w", shape=3)
    p = 1 / (1 + cf.exp(-(X @ w)))
    loss = (-y * cf.log(p) - (1 - y) * cf.log(1 - p)).mean() + 0.01 * (w**2).sum()
    rng = np.random.default_rng(0)
    values = {X: rng.normal(size=(5, 3)), y: np.array([0.0, 1, 1, 0, 1]), w: rng.normal(size=3)}
    wanted = loss.eval(values)
    for line in cf.steps(loss, w):
        if line.name == "derive":
            wanted = cf.grad(loss, w).eval(values)
        assert_allclose(Tensor(line.node).eval(values), wanted, rtol=1e-12)


def test_unnamed_extents_have_one_letter() -> None:
    text = str(cf.steps(logistic, w))
    assert set(re.findall(r"\)/(\w)", text)) == {"n"}
    assert str(cf.steps((hidden**2).mean(), hidden)).count("/(nm)") == 4


def test_latex_is_left_aligned_with_names_on_lines_of_their_own() -> None:
    latex = cf.steps(logistic, w)._repr_latex_()
    body = latex.removeprefix(r"$\displaystyle \begin{aligned} ").removesuffix(r" \end{aligned}$")
    rows = body.split(r" \\ ")
    assert all(row.count("&") == 1 and row.startswith("& ") for row in rows)
    assert rows[0] == r"& \text{as written}"
    assert rows[1].startswith(r"& \quad \frac{1}{n}")
    assert rows[2].startswith(r"& \quad \text{where } t_{0} = "), "what is repeated has a name"
    split = latex_lines(logistic.node, width=20)
    assert split[1] == r"+ 0.01\,w^\top w", "a long sum is split"
    assert (
        rows[-1] == r"& \quad \frac{1}{n} X^\top \left(\sigma\left(X w\right) - y\right) + 0.02\,w"
    )
    line = cf.steps(logistic, w)[-1]._repr_latex_()
    assert r"\frac{1}{n} X^\top" in line and line.count("$") == 2
