"""Semantics 9: calls."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from tests.acceptance.targets import every_target

import closedform as cf

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("algebra", "simplify", "emit", "runtime")


@every_target
def test_9_2_updates_use_old_values(options):
    a, b = cf.shared(1.0, "a"), cf.shared(2.0, "b")
    f = cf.function([], a + b, updates={a: b, b: a + b}, **options)
    assert f() == 3
    assert (a.get_value(), b.get_value()) == (2, 3)


@every_target
def test_9_2_outputs_never_alias_inputs_or_state(options):
    x, w = cf.vector("x"), cf.shared(np.ones(2), "w")
    f = cf.function([x], [x, w], **options)
    values = np.ones(2)
    for found in f(values):
        found[:] = 7
    assert_array_equal(values, np.ones(2))
    assert_array_equal(w.get_value(), np.ones(2))


def test_9_7_the_signature():
    parameters = inspect.signature(cf.function).parameters
    positional = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == ["inputs", "outputs", "updates", "givens"]
    wanted = {
        "name": None, "mode": None, "target": None, "on_unused_input": "raise",
        "allow_input_downcast": None, "soundness": "real", "deterministic": False,
    }  # fmt: skip
    found = {p.name: p.default for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert found == wanted


def test_9_7_what_is_not_built_is_refused_by_name():
    x = cf.vector("x")
    with pytest.raises(cf.ClosedformError, match="opencl"):
        cf.function([x], x, target="opencl")


@pytest.mark.parametrize("stage", STAGES)
def test_9_8_no_stage_imports_a_later_one(stage):
    later = STAGES[STAGES.index(stage) + 1 :]
    for path in (ROOT / stage).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 2:
                first = (node.module or "").split(".")[0]
                names = {first} if first else {alias.name for alias in node.names}
                assert not names & set(later), f"{path.name}:{node.lineno}"
