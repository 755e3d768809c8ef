"""Plain ASCII text is NumPy: what it evaluates to, line by line, is what the graph means."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.linalg
import scipy.special
from tests.catalogue import CASES
from tests.programs.drawing import drawn as drawn_program
from tests.vocabulary.words import ROWS, drawn, tensors

import closedform as cf
from closedform.algebra import late
from closedform.algebra.array_names import RESERVED, spelled
from closedform.algebra.array_text import array_text
from closedform.algebra.dims import Dim
from closedform.algebra.node import map_node
from closedform.algebra.notation import Symbol
from closedform.algebra.scalar import CLASSES, PRIMITIVES, Slot
from closedform.algebra.tensor import apply
from closedform.algebra.vocabulary import MATRIX_WORDS
from closedform.runtime.numpy_table import NUMPY as MEANINGS


def linear_recurrence(a, b, axis=-1):
    """y_i = a_i y_(i-1) + b_i along the last axis."""
    y, before = np.zeros(b.shape), np.zeros(b.shape[:-1])
    for i in range(b.shape[-1]):
        y[..., i] = before = np.broadcast_to(a, b.shape)[..., i] * before + b[..., i]
    return y


NUMPY = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
NUMPY = {n: getattr(scipy.special, n) for n in dir(scipy.special) if n[0] != "_"} | NUMPY
NUMPY |= {n: getattr(np.linalg, n) for n in MATRIX_WORDS if hasattr(np.linalg, n)}
NUMPY |= {
    "expm": scipy.linalg.expm,
    "sigmoid": scipy.special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "softmax": lambda x, axis=None: np.nan_to_num(scipy.special.softmax(x, axis=axis)),
    "relu": lambda x: np.maximum(x, 0),
    "logcosh": lambda x: np.logaddexp(x, -x) - np.log(2),
    "norm": lambda x, axis=None: np.sqrt((x * x).sum(axis=axis)),
    "one_hot": lambda k, n: (k[..., None] == np.arange(n)) * 1.0,
    "argsort": lambda x, axis: np.argsort(x, axis=axis, kind="stable"),
    "linear_recurrence": linear_recurrence,
} | {
    name: lambda order, x, meaning=meaning: meaning(order, np.asarray(x, float))
    for name, meaning in MEANINGS.items()
    if "_derivative" in name
}


def precise(function):
    """An elementwise function that has no half precision for truth values and small integers."""

    def call(*args):
        wide = [np.asarray(a, np.float64) if np.asarray(a).dtype.itemsize < 4 else a for a in args]
        return function(*wide)

    return call


FLOATING = [n for n, row in PRIMITIVES.items() if row.arity and not row.boolean and not row.infix]
NUMPY |= {n: precise(NUMPY[n]) for n in FLOATING if n in NUMPY and not PRIMITIVES[n].truths}
NUMPY |= {n: precise(NUMPY[n]) for n in ("sqrt", "gammaln")}


def value(text: str, arrays: dict) -> np.ndarray:
    """What NumPy makes of a text whose lines before the last one define names."""
    space = {**NUMPY, **arrays}
    *definitions, last = text.splitlines()
    with np.errstate(all="ignore"):
        for line in definitions:
            name, _, definition = line.partition(" = ")
            space[name] = eval(definition, space)  # noqa: S307 (printed by the code under test)
        return eval(last, space)  # noqa: S307


def named(values: dict) -> dict:
    """Arrays by the names of their inputs, and extents by theirs."""
    found = {t.name: a for t, a in values.items()}
    for t, a in values.items():
        found |= {d.name: n for d, n in zip(t.shape, a.shape, strict=True) if isinstance(d, Dim)}
    return found


def check(tensors, values: dict, kinks: bool = False) -> None:
    run = cf.function(list(values), list(tensors), mode="FAST_COMPILE", on_unused_input="ignore")
    for t, want in zip(tensors, run(*values.values()), strict=True):
        text = cf.pp(t, form="ascii", kinks=kinks)
        assert text.isascii()
        found = value(text, named(values))
        assert np.shape(found) == np.shape(want), text
        rough = any(np.asarray(a).dtype.itemsize < 8 for a in values.values())
        bound = 1e-4 if rough else 1e-6
        want = np.asarray(want, float)
        fits = np.isfinite(want)
        np.testing.assert_allclose(
            np.asarray(found, float)[fits], want[fits], rtol=bound, atol=bound / 100, err_msg=text
        )


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_catalogue_as_numpy_reads_it(name) -> None:
    values, outputs = CASES[name]()
    check(outputs, values)


def rows_of_words():
    texts = list(dict.fromkeys(r.text for r in ROWS))
    return [next(r for r in ROWS if r.text == t) for t in texts]


@pytest.mark.parametrize("row", rows_of_words(), ids=lambda r: r.text)
def test_words_and_their_gradients_as_numpy_reads_them(row) -> None:
    arrays = drawn()
    inputs = tensors(arrays)
    result = row.of_tensors(inputs)
    if not isinstance(result, cf.Tensor):
        return
    values = {inputs[n]: arrays[n] for n in row.inputs}
    outputs = [result]
    if result.dtype.kind == "f" and row.smooth:
        floats = [x for x in values if x.dtype.kind == "f"]
        cost = (result * result).sum()
        outputs += cf.grad(cost, floats, disconnected_inputs="ignore")
    check(outputs, values, kinks=True)


def ours() -> list[tuple]:
    X, w, y = cf.matrix("X", shape=("n", "d")), cf.vector("w", shape="d"), cf.vector("y", shape="n")
    A, B = cf.matrix("A", shape=("n", "n")), cf.matrix("B", shape=("n", "n"))
    a, b, s = cf.vector("a", shape="n"), cf.vector("b", shape="n"), cf.scalar("lam")
    cost = (cf.softplus(X @ w) - y * (X @ w)).mean() + 0.01 * (w @ w)
    return [
        (cf.grad(cost, w), "X.T @ (sigmoid(X @ w) - y)/n + 0.02*w"),
        (cf.hessian(((X @ w - y) ** 2).sum() / 2, w), "X.T @ X"),
        (cf.grad((y * cf.exp(X @ w)).sum(), w), "X.T @ (y*exp(X @ w))"),
        (a @ A @ b, "a @ A @ b"),
        (cf.trace(A @ B.T), "trace(A @ B.T)"),
        ((A * B).sum(), "sum(A*B)"),
        (A.sum(axis=1), "sum(A, axis=1)"),
        (cf.outer(a, b), "outer(a, b)"),
        (cf.jacobian(cf.exp(a), a), "diag(exp(a))"),
        (cf.softmax(A), "softmax(A, axis=1)"),
        (((A - B) ** 2).sum(), "sum((A - B)**2)"),
        (s * a / 3 + 0.1, "lam*a/3 + 0.1"),
        (A[1:, 0], "A[1:, 0]"),
        (cf.concatenate([a, b]), "concatenate([a, b], axis=0)"),
        (cf.eye(3) + 1, "eye(3) + 1"),
        (cf.einsum("ijk,jkl->il", cf.tensor("t", tuple("pqr")), cf.tensor("u", tuple("qrs"))),
         "einsum('ikl,klj->ij', t, u)"),
        (cf.zeros((2, "n")) + a, "broadcast_to(a, (2, n))"),
    ]  # fmt: skip


@pytest.mark.parametrize(("tensor", "expected"), ours(), ids=lambda v: str(v)[:40])
def test_formulas(tensor, expected) -> None:
    assert cf.pp(tensor, form="ascii") == expected


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_every_primitive_is_spelled(name) -> None:
    row = PRIMITIVES[name]
    arity = 2 if row.arity is None else row.arity
    whole = row.orders or name in ("gcd", "lcm", "invert", "bitwise_count") or "shift" in name
    dtype = "bool" if row.truths else "int64" if whole or name.startswith("bit") else "float64"
    if name == "Add" or not arity:
        return
    xs = [cf.vector(f"x_{k}", dtype, shape="n") for k in range(arity)]
    node = apply(lambda *a: CLASSES[name](*a), *xs).node
    assert node.spec.body is CLASSES[name](*(Slot(k) for k in range(arity)))
    text = array_text(node)
    assert text.isascii() and all(x.name in text for x in xs)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("w'", "w_"), ("λ", "lam"), ("x; y", "x__y"), ("2x", "_2x"), ("変", "u5909"), ("", "_")],
)
def test_names_become_identifiers(name, expected) -> None:
    assert spelled(Symbol(name)) == expected


@pytest.mark.parametrize("name", ["sum", "exp", "lambda", "if", "eye", "None", "import os"])
def test_a_name_with_a_meaning_is_told_apart(name) -> None:
    text = cf.pp(cf.exp(cf.scalar(name)), form="ascii")
    shown = re.fullmatch(r"exp\((\w+)\)", text)
    assert shown and shown[1].isidentifier() and shown[1] not in RESERVED


def test_6_3_a_chain_100_000_deep_prints() -> None:
    x = cf.vector("x", shape="n")
    for _ in range(100_000):
        x = cf.exp(x)
    text = array_text(x.node)
    assert len(text) < 2_000_000


def test_another_form_is_refused() -> None:
    with pytest.raises(cf.ExpressionError, match="form='latex'"):
        cf.pp(cf.scalar("x"), form="latex")


def test_the_text_is_of_the_display_form(monkeypatch) -> None:
    x, y = cf.scalar("x"), cf.scalar("y")
    monkeypatch.setitem(late._verbs, "display", lambda node, **_: y.node)
    assert cf.pp(x, form="ascii") == "y"


@pytest.mark.parametrize("axis", [None, (0, 1), 0, 1])
@pytest.mark.parametrize("word", [cf.softmax, cf.log_softmax])
def test_a_softmax_says_its_axes(word, axis) -> None:
    x, value = cf.matrix("x", shape=("n", "d")), np.random.default_rng(0).normal(size=(3, 4))
    t = word(x, axis=axis)
    check([t], {x: value})
    for text in (cf.pp(t), cf.pp(t, "ascii")):
        again = cf.parse(text, x=("n", "d"))
        np.testing.assert_array_equal(
            again.eval({cf.inputs(again)["x"]: value}), t.eval({x: value})
        )


OF_INTEGERS = ("bitwise_count", "gcd", "lcm", "polygamma")
OF_REALS = [n for n in FLOATING if n not in OF_INTEGERS and not n.endswith("_derivative")]


@pytest.mark.parametrize("name", OF_REALS)
def test_elementwise_functions_as_numpy_reads_them(name) -> None:
    x, arity = cf.vector("x", shape="n"), PRIMITIVES[name].arity
    e = map_node(CLASSES[name](*(Slot(k) for k in range(arity))), ((0,),) * arity, x.node.dims,
                 x.dtype, *([x.node] * arity))  # fmt: skip
    check([cf.Tensor(e)], {x: np.array([0.25, 0.5, 0.75])})


@pytest.mark.parametrize("start", range(0, 40, 20))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_random_programs_as_numpy_reads_them(start) -> None:
    for seed in range(start, start + 20):
        program = drawn_program(seed)
        inputs, outputs = program.tensors()
        try:
            check(outputs, dict(zip(inputs, program.arrays, strict=True)))
        except (cf.ShapeError, cf.CallError):  # no program: extents clash when it is run
            continue
        except ValueError as error:  # NumPy finds no extent -1 where there are no elements
            assert "array of size 0" in str(error)
        except NameError:  # the text names an extent that has no name outside of it
            assert any(not isinstance(d, Dim) for x in inputs for d in x.shape)
        for t in outputs:
            assert cf.latex(t) and cf.pp(t, "unicode")


def test_numbers_made_of_truth_values_are_numbers() -> None:
    b, x = cf.matrix("b", "bool", shape=("n", "m")), cf.matrix("x", shape=("n", "m"))
    values = {b: np.array([[True, False], [True, True]]), x: np.array([[0.5, -1.0], [2.0, 3.0]])}
    for t in (cf.fabs(b), cf.trunc(cf.fabs(b)), cf.fabs(b) @ x.T, abs(b)):
        check([t], {v: a for v, a in values.items() if v in cf.inputs(t).values()})
        text = cf.pp(t, "ascii")
        again = cf.parse(
            text, {n: v for n, v in (("b", b), ("x", x)) if re.search(rf"\b{n}\b", text)}
        )
        assert again.dtype == t.dtype
