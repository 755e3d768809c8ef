"""simplify, expand, factor, collect, substitute: what they give, and that it has the same value."""

from __future__ import annotations

import numpy as np
import pytest
from tests.simplify.test_display_rows import as_node

import closedform as cf
from closedform.algebra.scalar import Pow, show
from closedform.simplify.engine import apply
from closedform.simplify.expansion_rows import BODIES
from closedform.simplify.verbs import Expander

x, y, a, b = (cf.scalar(n) for n in "xyab")
p = cf.scalar("p", assume="positive")
A, B, C = (cf.matrix(n, shape=("n", "n")) for n in "ABC")
u, v = cf.vectors("u", "v", shape="n")


def cases() -> list[tuple]:
    return [
        (cf.simplify(x * y + x * cf.exp(y) - x * y), "x*exp(y)", x * cf.exp(y)),
        (cf.simplify(cf.grad((A @ u) @ (A @ u), u)), "2*(A.T @ A @ u)", 2 * A.T @ (A @ u)),
        (cf.expand((A + B) @ u), "A @ u + B @ u", A @ u + B @ u),
        (cf.expand((x + y) ** 3), "x**3 + 3*x**2*y + 3*x*y**2 + y**3", (x + y) ** 3),
        (cf.expand(cf.exp(x + y)), "exp(x)*exp(y)", cf.exp(x + y)),
        (cf.expand(cf.log(p * p * b * b)), None, cf.log(p * p * b * b)),
        (cf.expand((A @ u - v) @ (u - v)), None, (A @ u - v) @ (u - v)),
        (cf.expand((x + y) ** 50), "(x + y)**50", (x + y) ** 50),
        (cf.factor(A @ B + A @ C), "A @ (B + C)", A @ B + A @ C),
        (cf.factor(B @ A + C @ A), "(B + C) @ A", B @ A + C @ A),
        (cf.factor(u * cf.exp(v) + u * v), "u*(exp(v) + v)", u * (cf.exp(v) + v)),
        (cf.collect(x * (a + x) + b * x, x), "(a + b)*x + x**2", x * (a + x) + b * x),
        (cf.collect((x + a) ** 2, x), "a**2 + 2*a*x + x**2", (x + a) ** 2),
        (cf.collect(A @ u + B @ u + C @ v, u), "(A + B) @ u + C @ v", A @ u + B @ u + C @ v),
        (cf.substitute(cf.grad(x**3, x), {x: y + 1}), "3*(y + 1)**2", 3 * (y + 1) ** 2),
        (cf.substitute(A @ u, {u: v, A: B + C}), "(B + C) @ v", (B + C) @ v),
        (cf.substitute(x * y, [(x, y), (y, x)]), None, x * y),
        (cf.substitute(A @ u, {u: np.ones(3)}), None, A.sum(axis=1)),
    ]


@pytest.mark.parametrize(("found", "text", "meant"), cases(), ids=lambda v: str(v)[:50])
def test_a_verb_gives_what_was_asked_for(found, text, meant) -> None:
    if text is not None:
        assert cf.pp(found, "ascii") == text
    assert found.ndim == meant.ndim and found.dtype == meant.dtype
    rng = np.random.default_rng(0)
    inputs = [x, y, a, b, p, A, B, C, u, v]
    values = [rng.uniform(0.5, 1.5, (3,) * t.ndim) for t in inputs]
    run = cf.function(inputs, [found, meant], on_unused_input="ignore")
    np.testing.assert_allclose(*run(*values), rtol=1e-10)


@pytest.mark.parametrize("row", BODIES, ids=[r.name for r in BODIES])
def test_every_row_of_expand_fires_and_keeps_the_value(row) -> None:
    left = row.example()
    right = apply(row, left)
    assert right is not None, show(left)
    nodes = as_node(left), as_node(right)
    values = [cf.Tensor(n).eval({cf.Tensor(leaf): 0.5 + k for k, leaf in enumerate(n.operands)
                                 if leaf in n.operands}) for n in nodes]  # fmt: skip
    np.testing.assert_allclose(*values, rtol=1e-13)


def test_8_2_simplify_keeps_what_holds_at_kinks() -> None:
    gradient = cf.simplify(cf.grad(cf.maximum(x, y), x))
    assert gradient.eval({x: 1.0, y: 1.0}) == 0.5


def test_what_is_expanded_is_shown_expanded() -> None:
    assert cf.latex(cf.expand((A + B) @ u)) == "A u + B u"
    assert cf.latex((A + B) @ u) == r"\left(A + B\right) u"


def test_a_name_given_to_a_result_names_nothing_else() -> None:
    one, other = cf.simplify(cf.exp(x)), cf.simplify(cf.exp(x))
    one.name = "one"
    assert other.name is None


def test_the_folder_is_called_as_its_verb() -> None:
    import closedform.simplify as folder

    assert cf.simplify is folder and folder.verbs is not None
    assert cf.simplify(x).node is x.node
    assert {"simplify", "expand", "factor", "collect", "substitute"} <= set(dir(cf))


def test_a_large_power_stays() -> None:
    (found,) = Expander().run([as_node(Pow(Pow(2, 1) + 1, 40))])
    assert found is not None


WRONG = {
    "no tensor": lambda: cf.simplify(3),
    "no tensor to expand": lambda: cf.expand("x"),
    "by another": lambda: cf.collect(x * y, a),
    "another": lambda: cf.substitute(x * y, {a: 1}),
    "shape": lambda: cf.substitute(A @ u, {u: A}),
    "extents": lambda: cf.substitute(A @ u, {u: cf.vector("w", shape="m")}),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_an_error_with_three_parts(name) -> None:
    with pytest.raises(cf.ClosedformError) as info:
        WRONG[name]()
    assert "test_verbs.py:" in info.value.where and info.value.fix
