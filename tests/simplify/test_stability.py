"""Cases to be accurate at: naive spellings at points where they fail in double precision."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from tests.simplify.meaning import double, exact

from closedform.algebra import scalar
from closedform.algebra.scalar import Pow, Slot
from closedform.simplify.engine import rewrite
from closedform.simplify.rows import floating_rules

CASES = json.loads(Path(__file__).with_name("stability.json").read_text())
IDS = [f"{case['id']} {case['name']}" for case in CASES]
# id -> what it waits for
LEFT = {
    14: "a spelling that cannot overflow where the naive one is finite",
    15: "a condition on values",
    17: "a proof that 1 + x is positive",
    18: "a spelling that loses nothing at large exponents",
    47: "a series of its own",
    50: "moments of scalars",
    56: "a proof that k is at most n",
    57: "a function that keeps digits near 0",
    59: "a condition on values",
}
MARKED = [
    pytest.param(c, marks=pytest.mark.xfail(reason=f"needs {LEFT[c['id']]}", strict=True))
    if c["id"] in LEFT
    else c
    for c in CASES
]


def body(text: str, slots: dict):
    """An expression of Python's syntax as a body."""

    def walk(node):
        if isinstance(node, ast.BinOp):
            a, b = walk(node.left), walk(node.right)
            table = {ast.Add: scalar.Add, ast.Mult: scalar.Mul, ast.Pow: Pow}
            if type(node.op) in table:
                return table[type(node.op)](a, b)
            if isinstance(node.op, ast.Sub):
                return scalar.Add(a, scalar.Mul(-1, b))
            return scalar.Mul(a, Pow(b, -1))
        if isinstance(node, ast.UnaryOp):
            return scalar.Mul(-1, walk(node.operand))
        if isinstance(node, ast.Call):
            name, args = node.func.id, [walk(a) for a in node.args]
            return Pow(args[0], scalar.HALF) if name == "sqrt" else scalar.CLASSES[name](*args)
        if isinstance(node, ast.Name):
            return scalar.pi() if node.id == "pi" else slots[node.id]
        return sympy.Integer(node.value)

    return walk(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize("case", MARKED, ids=IDS)
def test_1_4_is_accurate_where_the_naive_spelling_fails(case):
    names = list(case["point"])
    signs = {"p": "positive", **dict.fromkeys(case.get("positive", ()), "positive")}
    slots = {name: Slot(k, signs.get(name, "real")) for k, name in enumerate(names)}
    naive = body(case["naive"], slots)
    values = [case["point"][name] for name in names]
    want = exact(naive, [mpmath.mpf(v) for v in values])
    if mpmath.isnan(want):  # a removable singularity: the limit
        want = exact(naive, [mpmath.mpf(v) + mpmath.mpf(10) ** -400 for v in values])
    with np.errstate(all="ignore"):
        got = float(double(rewrite(naive, floating_rules()), [np.float64(v) for v in values]))
    assert math.isfinite(got)
    assert abs(got - want) <= 8 * mpmath.mpf(2) ** -52 * max(abs(want), mpmath.mpf(5e-324)), (
        got,
        want,
    )
