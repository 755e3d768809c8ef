"""The acceptance problems: values on two targets, proofs, reading cost, and the page of all."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose
from tests.acceptance import problems

import closedform as cf

GROUPS = list(dict.fromkeys(row["group"] for row in problems.rows().values()))
# no proof, only evidence: laws of error functions, reshapes of Kronecker products, slices
UNPROVEN = {23, 70, 82, 118}
# ours is longer to read: by a factor that we take out of a sum, or an indicator
LONGER = {47, 52, 64, 116}


def of_group(group: str) -> list[problems.Problem]:
    return [problems.read(n) for n, row in problems.rows().items() if row["group"] == group]


@pytest.mark.parametrize("target", ["numpy", "c"])
@pytest.mark.parametrize("group", GROUPS)
def test_derivatives_are_the_closed_forms(group, target):
    every = of_group(group)
    inputs = {n: t for n, t in problems.variables().items() if isinstance(t, cf.Tensor)}
    outputs = [t for p in every for t in (p.derivative, p.closed)]
    f = cf.function([*inputs.values()], outputs, target=target, on_unused_input="ignore")
    for seed in range(3):
        found = f(**{name: problems.values(seed)[name] for name in inputs})
        for k, p in enumerate(every):
            ours, textbook = found[2 * k : 2 * k + 2]
            name = f"{p.number} {p.text}"
            assert_allclose(ours, textbook, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("number", problems.rows())
def test_equality_is_proven(number):
    p = problems.read(number)
    verdict = cf.equal(p.derivative, p.closed)
    assert verdict.kind == ("evidence" if number in UNPROVEN else "proof")


@pytest.mark.parametrize("number", problems.rows())
def test_a_wrong_derivative_has_a_counterexample(number):
    p = problems.read(number)
    assert cf.equal(p.derivative, p.closed * 1.001).kind == "counterexample"


@pytest.mark.parametrize("number", problems.rows())
def test_ours_is_no_longer_to_read(number):
    ours, textbook = problems.read(number).costs
    assert (ours > textbook) == (number in LONGER)


def test_enough_of_them():
    assert len(problems.rows()) == 79
    assert len(UNPROVEN) <= 14 and len(LONGER) <= 14


def test_the_page_is_current():
    cure = "run `python -m tests.acceptance.problems`, and look at what changed"
    assert problems.PAGE.read_text(encoding="utf-8") == problems.page(), cure
