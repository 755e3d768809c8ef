"""What plans promise: one pass, wide accumulators, no double per element in float32, templates that
decide nothing."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import mpmath
import numpy as np
import pytest
from tests import running
from tests.catalogue import CASES
from tests.exact import applied

from closedform.algebra import functions as F
from closedform.algebra import scalar, special
from closedform.algebra.constructors import tensor
from closedform.algebra.errors import EmitError
from closedform.algebra.gradient import grad
from closedform.emit.functions import spelled_names
from closedform.emit.named import spell
from closedform.emit.program import Unit
from closedform.emit.render import FOLDER
from closedform.emit.target import TARGETS


def plan_of(name: str):
    values, outputs = CASES[name]()
    return running.program(
        running.as_written(outputs), {t.node: np.asarray(v) for t, v in values.items()}
    )


@pytest.mark.parametrize("name", ["logistic", "softmax_regression", "losses", "mixture"])
def test_a_sum_over_examples_is_one_pass(name):
    assert plan_of(name).plan[0] == "fold axis: n; passes over it: 1"


def test_buffers_of_a_pass_have_the_size_of_a_panel():
    source = plan_of("logistic").source
    shared = re.findall(r"\{ CF_SHARED, 8, \d, \{ ([-\d, ]+) \} \}", source)
    assert all("0" not in dims.split(", ") for dims in shared if dims != "0"), (
        "a shared buffer has the extent of the examples"
    )


def test_float32_elements_meet_no_double():
    X, w = tensor("X", ("n", "d"), "float32"), tensor("w", ("d",), "float32")
    t = X @ w
    cost = (F.softplus(t) * 0.3 - 0.1 * t).mean() + 0.01 * (w**2).sum()
    arrays = {X.node: np.ones((3, 2), np.float32), w.node: np.ones(2, np.float32)}
    source = running.program(running.as_written([cost, grad(cost, w)]), arrays).source
    for loop in re.findall(r"#pragma omp simd.*?\n(.*?)\n    +\}", source, re.DOTALL):
        assert "double" not in loop and not re.search(r"\d\.\d+(?!\d|f|e)", loop), loop


def test_float32_sums_over_examples_are_wide():
    x = tensor("x", ("n",), "float32")
    array = np.full(3_000_001, 0.1, np.float32)
    (total,) = running.compiled(running.as_written([x.sum()]), {x.node: array})
    np.testing.assert_allclose(float(total), float(array.sum(dtype=np.float64)), rtol=1e-6)


def test_order_of_a_sum_keeps_the_digits_of_the_loss():
    z, y = tensor("z", ("n",)), tensor("y", ("n",))
    (loss,) = running.compiled(
        running.as_written([F.softplus(z) - y * z]),
        {z.node: np.array([40.0, -40.0, 1e-3]), y.node: np.array([1.0, 0, 1])},
    )
    with mpmath.workdps(50):
        exact = [
            mpmath.log1p(mpmath.exp(a)) - b * a
            for a, b in ((mpmath.mpf(40), 1), (mpmath.mpf(-40), 0), (mpmath.mpf(1e-3), 1))
        ]
    np.testing.assert_allclose(loss, [float(e) for e in exact], rtol=1e-15)


def test_every_primitive_is_spelled_in_every_target():
    for target in TARGETS.values():
        for name in scalar.PRIMITIVES:
            found = {scalar.op(s) for s in scalar.subexpressions(spell(applied(name)))}
            missing = (
                found
                - spelled_names(target.name)
                - {"Add", "Mul", "Pow", "slot", "number", "indicator", "Infinity"}
            )
            assert not missing, f"{name} on the target {target.name}"


def test_what_a_target_lacks_is_refused_by_name(monkeypatch):
    from closedform.emit.device_text import compile_device
    from closedform.emit.functions import FUNCTIONS, Spelling

    monkeypatch.setitem(FUNCTIONS, "erfinv", Spelling("erfinv({0})", cuda=""))
    x = tensor("x", ("n",))
    node = special.erfinv(x).node
    unit = Unit((x.node,), (), (), (node,), (), ((np.dtype(float), "C"),))
    with pytest.raises(EmitError, match="erfinv has no spelling on the target 'cuda'") as caught:
        print(compile_device(unit).source)
    assert "target='c'" in str(caught.value)


def _templates():
    return sorted(Path(FOLDER).rglob("*.j2"))


@pytest.mark.parametrize("path", _templates(), ids=lambda p: p.name)
def test_templates_hold_shape_only(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 45
    jinja2.Environment(undefined=jinja2.StrictUndefined).parse(text)
    assert not re.search(r"\{[{%][^}]*\.\w+\(", text), "a method call in a template"


def test_deep_graphs_lower_without_recursion():
    x = tensor("x", ("n",))
    h = x
    for _ in range(2000):
        h = F.sin(h) + x
    program = running.program(running.as_written([h.sum()]), {x.node: np.array([0.1, -0.2])})
    assert program.source.count("sin(") >= 2000
