"""Every row of the display form proves itself on its witness: it fires, both sides agree, and the
right side is no longer to read.
"""

from __future__ import annotations

import random

import mpmath
import numpy as np
import pytest
from tests.simplify.evaluate import evaluate
from tests.simplify.meaning import exact

import closedform as cf
from closedform.algebra.constructors import tensor
from closedform.algebra.node import Layout, LayoutSpec, Node, delta_leaf, input_leaf, map_node
from closedform.algebra.scalar import Mul, Slot, show, slots, subexpressions
from closedform.simplify import display_nodes
from closedform.simplify.display import Displayer, display_form, parameters_as_numbers
from closedform.simplify.display_linalg import is_symmetric
from closedform.simplify.display_rows import DISPLAY
from closedform.simplify.engine import apply
from closedform.simplify.passes import compute_form
from closedform.simplify.reading import reading_cost
from closedform.simplify.rule import ALMOST, BITS, REAL

F64 = np.dtype("float64")
rows = pytest.mark.parametrize("row", DISPLAY, ids=[r.name for r in DISPLAY])


def sides(row):
    left = row.example()
    return left, apply(row, left)


def as_node(e) -> Node:
    """An expression over scalars of the slots' signs."""
    found = {s.index: s for s in subexpressions(e) if isinstance(s, Slot)}
    facts = lambda s: [] if s.sign == "real" else [s.sign]  # noqa: E731
    leaves = [
        input_leaf((), F64, f"x_{k}", facts(found[k]) if k in found else [])
        for k in range(max(found, default=-1) + 1)
    ]
    return map_node(e, ((),) * len(leaves), (), F64, *leaves)


def test_names_are_unique_and_sources_given() -> None:
    assert len({r.name for r in DISPLAY}) == len(DISPLAY)
    assert all(r.source and r.soundness in (BITS, REAL, ALMOST) for r in DISPLAY)


@rows
def test_fires_on_its_witness(row) -> None:
    left, right = sides(row)
    assert right is not None, f"{row.name} does not fire on {show(left)}"


@rows
def test_both_sides_agree_at_50_digits(row) -> None:
    left, right = sides(row)
    generator, checked = random.Random(row.name), 0
    signs = {s.index: s.sign for s in subexpressions(left) if isinstance(s, Slot)}
    for _ in range(60):
        values = [mpmath.mpf(0)] * (max(slots(left), default=-1) + 1)
        for k, sign in signs.items():
            size = mpmath.mpf(10) ** generator.uniform(-3, 1.5)
            values[k] = size if sign != "real" or generator.random() < 0.5 else -size
        a, b = exact(left, values), exact(right, values)
        if isinstance(a, bool):
            assert a == b, values
        elif mpmath.isfinite(a):
            scale = max(abs(a), abs(b), mpmath.mpf(10) ** -5)
            assert a == b or abs(a - b) <= mpmath.mpf(10) ** -45 * scale, (values, a, b)
        checked += isinstance(a, bool) or bool(mpmath.isfinite(a))
    assert checked >= 20


@rows
def test_is_no_longer_to_read(row) -> None:
    left, right = (reading_cost(as_node(e)) for e in sides(row))
    assert right <= left, f"{row.name}: {left} -> {right} marks"


# ---------------------------------------------------------------- rows over nodes

x, y = tensor("x", ("n",)), tensor("y", ("n",))
A, B, C = tensor("A", ("n", "n")), tensor("B", ("n", "n")), tensor("C", ("n", "k"))
S = tensor("S", ("n", "n"), assume="symmetric")
Q = tensor("Q", ("n", "n"), assume="orthogonal")
T = tensor("T", ("n", "k"), assume="onehot")


def whole(t: cf.Tensor) -> cf.Tensor:
    """All of an array as a slice, which an extent that turned out to be another one leaves."""
    spec = LayoutSpec("slice", ((0, 1),), t.shape, t.dtype, False)
    return cf.Tensor(Layout.occur(spec, t.node))


def meant(node: Node) -> np.ndarray:
    """Its value as written, by the interpreter."""
    arrays = values()
    run = cf.function(
        [cf.Tensor(a) for a in arrays], cf.Tensor(node), mode="FAST_COMPILE",
        on_unused_input="ignore",
    )  # fmt: skip
    return np.asarray(run(*arrays.values()))


inv = cf.linalg.inv
WITNESS = {
    "centred": lambda: ((C - C.mean(0)).sum(1) - (C - C.mean(0)).sum() / 5) * x,
    "known-choice": lambda: cf.median(x) + cf.cov(x),
    "same-product": lambda: A @ B + cf.einsum("ij,ki->kj", B, A),
    "inverse-cancels": lambda: inv(A) @ (A @ x) + S @ x,
    "inverse-of-product": lambda: inv(A @ A) @ (A @ y),
    "determinant-of-product": lambda: cf.linalg.det(A @ A) + cf.linalg.logdet(B @ B @ B),
    "orthogonal": lambda: Q.T @ (Q @ x),
    "total-probability": lambda: cf.softmax(C).sum(axis=1) * x + T.sum(axis=1),
    "split-sum": lambda: (x - x.mean()).sum() + (cf.softmax(y) * (x - y.sum())).sum(),
    "sign-leaves-sum": lambda: A @ (-(B @ x) - cf.exp(x)),
    "sign-into-sum": lambda: -cf.exp(x) * (y - cf.tanh(x)),
    "sign-into-product": lambda: y - A @ (x - B @ y),
    "common-factor": lambda: x * cf.exp(y) + x * cf.tanh(y),
    "joined-sums": lambda: A @ B + A @ C @ C.T,
    "product-over-element": lambda: cf.grad((cf.prod(C, axis=0) ** 2).sum() * cf.prod(x), C),
    "whole-slice": lambda: cf.exp(whole(x)),
    "slice-of-join": lambda: cf.grad((cf.concatenate([x, x * y]) ** 2).sum(), y),
    "shift": lambda: cf.logsumexp(C + x[:, None], axis=1),
}
ALL = (
    *display_nodes.CONTRACTION, *display_nodes.SPLITTING, *display_nodes.SINGLE,
    *display_nodes.ACROSS, *display_nodes.JOINING, *display_nodes.CALLS,
)  # fmt: skip


def values() -> dict:
    r = np.random.default_rng(0)
    draw = {
        t.node: r.normal(size=[{"n": 5, "k": 3}[str(d)] for d in t.shape]) for t in (x, y, A, B)
    }
    draw[C.node] = r.normal(size=(5, 3))
    draw[S.node] = draw[A.node] + draw[A.node].T
    draw[Q.node] = np.linalg.qr(draw[A.node])[0]
    draw[T.node] = np.eye(3)[[0, 2, 1, 1, 0]]
    return draw


def test_every_row_has_a_witness() -> None:
    assert set(WITNESS) == {r.name for r in ALL}
    assert all(r.source and r.left and r.right for r in ALL)


@pytest.mark.parametrize("row", ALL, ids=[r.name for r in ALL])
def test_fires_keeps_the_value_and_is_no_longer(row) -> None:
    node = WITNESS[row.name]().node
    start = compute_form([node], parameters_as_numbers([node])).outputs
    displayer = Displayer()
    new = displayer.run(start)
    fired = displayer.fired + displayer.scratch.fired
    assert row.name in fired, fired
    np.testing.assert_allclose(meant(new[0]), meant(node), rtol=1e-11, atol=1e-12)
    assert reading_cost(new[0]) <= reading_cost(start[0])


def test_the_display_form_is_a_fixpoint() -> None:
    for build in WITNESS.values():
        once = display_form(build().node)
        assert display_form(once) is once


def test_8_2_kinks_are_said_if_asked_for() -> None:
    gradient = cf.grad(cf.maximum(x, y).sum(), x).node
    assert "where" not in cf.pp(cf.Tensor(display_form(gradient)), "unicode")
    exact_form = display_form(gradient, kinks=True)
    at_a_tie = {x.node: np.ones(5), y.node: np.ones(5)}
    np.testing.assert_array_equal(evaluate([exact_form], at_a_tie)[0], 0.5)


def test_a_factor_of_one_element_is_symmetric() -> None:
    z = cf.matrix("z", shape=("n", "n")).node
    one, body = delta_leaf(1, z.dtype), Mul(Slot(0), Slot(1))
    for other, want in ((delta_leaf(z.dims[0], z.dtype), True), (z, False)):
        indices = (None, None), (0, 1)
        assert is_symmetric(map_node(body, indices, z.dims, z.dtype, one, other)) == want


def test_a_product_keeps_its_derivative_where_an_element_is_0() -> None:
    v = cf.vector("v", shape="n")
    gradient = cf.grad(cf.prod(v), v)
    assert cf.pp(gradient) == "prod(v) / v"
    given = {v: np.array([2.0, 0.0, -3.0])}
    np.testing.assert_array_equal(cf.simplify(gradient).eval(given), [-0.0, -6.0, 0.0])
    assert "cumprod" in cf.pp(gradient, kinks=True)
