"""Semantics 1 and 2: forms of an expression, and bodies."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from numpy.testing import assert_allclose, assert_array_equal
from tests.catalogue import CASES
from tests.exact import applied

import closedform as cf
from closedform.algebra import scalar
from closedform.algebra.graph import topological
from closedform.algebra.node import Contract, Layout, Map, Node, Reduce
from closedform.algebra.partials import PARTIALS, derivative
from closedform.algebra.scalar import Scalar, Slot
from closedform.simplify.passes import check, compute_form
from closedform.simplify.rows import STABLE


def logistic_cost():
    x, y = cf.matrix("X", shape=("n", "d")), cf.vector("y", shape="n")
    w, b = cf.vector("w", shape="d"), cf.scalar("b")
    p = 1 / (1 + cf.exp(-(x @ w) - b))
    return (-y * cf.log(p) - (1 - y) * cf.log(1 - p)).mean(), w, p


def test_1_1_what_cancels_is_used_and_connected():
    x, y = cf.scalars("x", "y")
    z = x * y / y
    assert cf.pp(z) == "((x * y) / y)"
    assert cf.function([x, y], z)(3, 7) == 3
    assert cf.function([x, y], cf.grad(z, y))(3, 7) == 0
    with pytest.raises(cf.UnusedInputError):
        cf.function([x, y], 2 * x)
    with pytest.raises(cf.DisconnectedInputError):
        cf.grad(2 * x, y)


def test_1_1_each_operation_is_an_occurrence_with_its_line():
    x = cf.vector("x")
    one, other = cf.exp(x), cf.exp(x)
    assert one.node is not other.node
    assert one.node.origin[0] == other.node.origin[0] == __file__
    slope = cf.grad((one * other).sum(), x, consider_constant=[one])
    found = cf.function([x], slope)([0.3])
    assert_allclose(found, np.exp(0.6), rtol=1e-15)


def test_1_2_a_gradient_is_one_node_with_shape_and_dtype():
    cost, w, _ = logistic_cost()
    slope = cf.grad(cost, w)
    assert type(slope.node).__name__ == "Gradient"
    assert slope.shape == w.shape
    assert slope.dtype == w.dtype


def test_1_3_forms_are_deterministic_and_do_not_feed_each_other():
    cost, w, _ = logistic_cost()
    slope = cf.grad(cost, w)
    want = [cf.pp(slope), cf.latex(slope), cf.pp(cost)]
    compute_form([slope.node, cost.node])
    assert [cf.pp(slope), cf.latex(slope), cf.pp(cost)] == want
    again, w_again, _ = logistic_cost()
    assert cf.pp(cf.grad(again, w_again)) == want[0]


def test_1_4_a_difference_is_squared_not_expanded():
    x, y = cf.vectors("x", "y")
    f = cf.function([x, y], ((x - y) ** 2).sum())
    assert_array_equal(f([1e9 + 1], [1e9]), 1.0)


def test_2_1_one_operation_is_one_map_over_distinct_slots():
    x = cf.vector("x")
    node = (x / x).node
    assert isinstance(node, Map)
    assert node.operands == (x.node, x.node)
    assert len({s for s in sympy.preorder_traversal(node.spec.body) if isinstance(s, Slot)}) == 2


def test_2_1_sympy_evaluates_nothing_in_bodies():
    x = cf.vector("x")
    for made in (cf.exp(cf.log(x)), cf.sqrt(x) ** 2, 0.1 * (x - 1)):
        (found,) = compute_form([made.node]).outputs
        assert isinstance(found, Map), made


@pytest.mark.parametrize("name", CASES)
def test_2_2_bodies_hold_nothing_of_sympys_own(name):
    _, outputs = CASES[name]()
    for node in topological(compute_form([x.node for x in outputs]).outputs):
        if isinstance(node, Map):
            for part in sympy.preorder_traversal(node.spec.body):
                assert isinstance(part, Scalar | sympy.Rational), part


@pytest.mark.parametrize("name", PARTIALS)
def test_2_2_derivatives_are_rows_of_our_table(name):
    found = derivative(applied(name), 0)
    parts = sympy.preorder_traversal(found) if found is not None else ()
    assert all(isinstance(p, Scalar | sympy.Rational) for p in parts)


@pytest.mark.parametrize("rule", STABLE, ids=lambda rule: rule.name)
def test_2_3_stable_rows_branch_by_named_functions_only(rule):
    parts = sympy.preorder_traversal(rule.right) if isinstance(rule.right, Scalar) else ()
    assert "where" not in {scalar.op(p) for p in parts if isinstance(p, Scalar)}


def test_2_4_a_map_has_one_compute_dtype_and_casts_are_nodes():
    x = cf.vector("x", dtype="float32")
    wide = x.astype("float64")
    assert wide.node is not x.node
    assert (wide + 1).node.spec.compute == np.float64
    assert (x + 1).node.spec.compute == np.float32


def test_2_4_integer_division_and_remainder_do_not_become_field_laws():
    k = cf.vector("k", dtype="int8")
    values = np.array([127, -128, 5], "int8")
    assert_array_equal(cf.function([k], k * 2 - k * 2)(values), [0, 0, 0])
    assert_array_equal(cf.function([k], k + k - k)(values), values)


def test_6_2_compute_form_is_interned():
    for build in CASES.values():
        _, outputs = build()
        check(compute_form([x.node for x in outputs]).outputs)


def test_kinds_are_few():
    kinds = {type(n) for b in CASES.values() for n in topological(x.node for x in b()[1])}
    assert {Map, Contract, Reduce, Layout} <= kinds
    assert len(Node.__subclasses__()) <= 10, "the list of docs/design.md, section 2"
