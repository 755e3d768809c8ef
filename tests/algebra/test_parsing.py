"""Text in: what it means, what it refuses and where, and that nothing else ever escapes."""

from __future__ import annotations

import random

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import closedform as cf
from closedform.algebra import parse_words
from closedform.algebra.operations import BITS, OPERATIONS

RNG = np.random.default_rng(5)
VALUES = {
    "X": RNG.normal(size=(5, 4)),
    "w": RNG.normal(size=4),
    "y": RNG.normal(size=5),
    "A": RNG.normal(size=(4, 4)),
    "lam": np.array(0.3),
}
SHAPES = {"X": ("n", "d"), "w": ("d",), "y": ("n",), "A": ("d", "d"), "lam": ()}
NUMPY = {
    **{f: getattr(np, f) for f in "abs sum mean maximum where exp log tanh sqrt outer".split()},
    **{f: getattr(np, f) for f in "einsum eye ones concatenate diag kron".split()},
    "tr": np.trace, "norm": np.linalg.norm, "n": 5, "d": 4, "np": np,
}  # fmt: skip
# Each is Python too: what NumPy makes of it is the reference.
TEXTS = [
    "norm(X@w - y)**2/2 + lam*w.T@w",
    "sum(log(1+exp(-y*(X@w))))",
    "1/3 + 2**-1 - 2*(3 - 5)**2",
    "0.1*y + -y**2 - 1e-3",
    "X[1:, None] * X[0][::-1]",
    "X[..., -1] @ y",
    "sum(X, axis=0, keepdims=True) - X.T[:, 0]",
    "X.sum(axis=1) + mean(X, axis=(1,)) + X.T.mean(0)[0]",
    "where((y > 0) & ~(y >= 1) | (y == lam), y, -y)",
    "y*(lam*y < 1) + maximum(0, 1 - y)",
    "einsum('ij,j->i', X, w) + einsum('ij->i', X)",
    "outer(w, w) + eye(d) + tr(A)*ones((d, d))",
    "(2/n)*X.T@y + sum(w)/d",
    "eye(2 + 1)[1:] * 2**3",
    "concatenate([[0], w, 2*w[:-1]])",
    "np.tanh(w) + np.linalg.norm(w)*np.pi",
    "(lambda r, s: r*s + sum(r))(X@w, y)",
    "(lambda y: y*y)(w) + w",
    "kron(eye(2), ones((3, 3)))",
    "diag(diag(A)) - 3",
    "y.shape[0]*sum(y) + X.ndim",
]


@pytest.mark.parametrize("text", TEXTS)
def test_means_what_numpy_means(text):
    found = cf.parse(text, SHAPES)
    known = cf.inputs(found)
    arrays = {name: VALUES[name] for name in known}
    f = cf.function([*known.values()], found, mode="FAST_COMPILE")
    want = eval(text, {**NUMPY, **VALUES})  # the reference; the library never evaluates text
    assert_allclose(f(**arrays), want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("text", TEXTS)
def test_printed_as_written_it_parses_to_an_equal_graph(text):
    first = cf.parse(text, SHAPES)
    second = cf.parse(cf.pp(first), SHAPES)
    assert cf.pp(second) == cf.pp(first)
    assert second.shape == first.shape and second.dtype == first.dtype
    arrays = [{t: VALUES[n] for n, t in cf.inputs(e).items()} for e in (first, second)]
    assert_array_equal(second.eval(arrays[1]), first.eval(arrays[0]))


def test_declarations():
    w = cf.vector("weights", shape="d")
    double = lambda v: 2 * v  # noqa: E731
    scale = np.arange(3.0)
    found = cf.parse("double(w) @ w + c*k + N + sum(scale)", {"unused": ("q",)}, w=w, double=double,
                     N=w.shape[0], scale=scale)  # fmt: skip
    assert list(cf.inputs(found)) == ["weights", "c", "k"]
    assert cf.inputs(found)["weights"] == w
    assert_allclose(found.eval({w: [1.0, 2.0], **_scalars(found, c=3, k=4)}), 10 + 12 + 2 + 3)


def _scalars(expression, **values):
    known = cf.inputs(expression)
    return {known[name]: value for name, value in values.items()}


def test_names_of_extents_are_numbers_unless_declared():
    mean = cf.parse("sum(y)/n", y="n")
    assert_allclose(mean.eval({cf.inputs(mean)["y"]: [1.0, 2.0, 6.0]}), 3)
    other = cf.parse("y*n", y="n", n=())
    assert list(cf.inputs(other)) == ["y", "n"]


def test_numbers_with_names_unless_declared():
    assert_allclose(cf.parse("pi/2 + where(1 > 0, 1, inf)").eval(), np.pi / 2 + 1)
    assert np.isnan(cf.parse("nan*2").eval())
    assert list(cf.inputs(cf.parse("2*pi", pi="k"))) == ["pi"]


def test_sums_and_products_of_extents_are_extents():
    found = cf.parse("reshape(X, (n*d,)) @ arange(n*d) + sum(ones(n + 2))", X=("n", "d"))
    want = VALUES["X"].ravel() @ np.arange(20) + 7
    assert_allclose(found.eval({cf.inputs(found)["X"]: VALUES["X"]}), want, rtol=1e-13)


@pytest.mark.parametrize(
    ("text", "line", "marked", "says"),
    [
        ("t = x +\n2*t", "t = x +", "", "no expression"),
        ("t = 2*expp(x)\n2*t", "t = 2*expp(x)", "expp", "did you mean exp"),
        ("t = 2*x\nX @ t", "X @ t", "X @ t", "axis 1 of"),
        ("x = 2*s\n2*x", "x = 2*s", "x", "has a meaning already"),
        ("t = 2*x\nt = 3*x\nt", "t = 3*x", "t", "has a meaning already"),
        ("n = 2*s\nn*x", "n = 2*s", "n", "has a meaning already"),
        ("t = u\nu = x\nt + u", "u = x", "u", "has a meaning already"),
        ("t = x\n2*x", "t = x", "t", "do not use it"),
        ("t = (x, x)\nt[0]", "t = (x, x)", "(x, x)", "name of a tuple"),
        ("t = u = x\nt + u", "t = u = x", "t = u = x", "defines no name"),
        ("t = x; u = x\nt + u", "t = x; u = x", "u = x", "two statements"),
        ("np = x\nnp", "np = x", "np", "the name 'np'"),
        ("__a__ = x\n__a__", "__a__ = x", "__a__", "the name '__a__'"),
        ("t = open('f')\nt", "t = open('f')", "open", "no function"),
        ("t = sum = x\nt", "t = sum = x", "t = sum = x", "defines no name"),
        ("x + s\nt = 2", "x + s t = 2", "t", "line of its own"),
        ("t, u = x, x\nt", "t, u = x, x t", "=", "line of its own"),
    ],
)  # fmt: skip
def test_errors_of_definitions_mark_the_place(text, line, marked, says):
    with pytest.raises(cf.ClosedformError) as caught:
        cf.parse(text, {"x": ("n",), "s": (), **SHAPES})
    lines = str(caught.value).splitlines()
    carets = lines[lines.index(f"    {line}") + 1]
    assert set(carets) == {" ", "^"} and says in str(caught.value)
    assert line[carets.index("^") - 4 : carets.rindex("^") - 3].startswith(marked)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2x + 1", "2*x"),
        ("3 x", "2*x"),
        ("2.5(x", "close the bracket"),
        ("x + 1)", "remove the bracket"),
        ("A x", "write X @ w"),
        ("sin(x) x", "write X @ w"),
        ("x'A x", "write X.T"),
        ("x^T A x", "write X.T"),
        ("X^{-1} y", "write inv(X)"),
        ("||x - s||^2", "write norm(x)"),
        ("|x|", "write abs(x)"),
        ("x\N{SUPERSCRIPT TWO}", "write x**2"),
        ("X \N{MIDDLE DOT} y", "write X @ w"),
        ("sum_i x_i", "write sum(x)"),
        ("lambda*x", "use lam for lambda"),
        ("\\frac{1}{2} x", "not in LaTeX"),
        ("x + s t = 2", "line of its own"),
        ("x @@ x", "as NumPy would"),
        ("x^2", "write ** for a power, X.T for a transpose"),
        ("torch.exp(x)", "write np.exp(x)"),
        ("max(0, x)", "write maximum(x, y)"),
        ("max(x, 0)", "write maximum(x, y)"),
        ("min(x, y)", "write minimum(x, y)"),
        ("sigma(x)", "write sigmoid(x)"),
        ("determinant(X)", "write det(X)"),
        ("X*x", "X @ w is the product of matrices"),
        ("sum((X*s - x)**2)", "X @ w is the product of matrices"),
    ],
)
def test_errors_say_what_to_write_instead(text, says):
    with pytest.raises(cf.ClosedformError) as caught:
        cf.parse(text, {"x": ("n",), "X": ("n", "d"), "y": ("n",)})
    assert says in caught.value.fix


@pytest.mark.parametrize("text", ["x.max(0)", "np.max(x, 0)", "max(x, axis=0)", "math.exp(x)"])
def test_what_numpy_means_is_read(text):
    cf.parse(text, {"x": ("n",)})


def test_definitions_alone_are_no_expression():
    with pytest.raises(cf.ParseError, match="definitions without an expression"):
        cf.parse("t = x\nu = 2*t\n")


def test_lines_after_the_definitions_are_one_expression():
    found = cf.parse("\n r = X @ w - y\n\n  s = sum(r)\n(r @ r\n + s)", SHAPES)
    values = {t: VALUES[n] for n, t in cf.inputs(found).items()}
    r = VALUES["X"] @ VALUES["w"] - VALUES["y"]
    assert_allclose(found.eval(values), r @ r + r.sum(), rtol=1e-13)


def test_decimals_are_as_typed():
    cost = cf.parse("0.1*x**2")
    assert cf.pp(cf.grad(cost, cf.inputs(cost)["x"])) == "0.2 x"


@pytest.mark.parametrize(
    ("text", "kind", "marked", "says"),
    [
        ("norm(X@y) + 1", cf.ShapeError, "X@y", "axis 1 of 'X'"),
        ("sum((X@w) * w)", cf.ShapeError, "(X@w) * w"[:9], "'X@w'"),
        ("sum(x, axis=3)", cf.ShapeError, "sum(x, axis=3)", "axis 3"),
        ("2*expp(x)", cf.ParseError, "expp", "did you mean exp"),
        ("2*softmx(x)", cf.ParseError, "softmx", "did you mean softmax"),
        ("np.softmx(x)", cf.ParseError, "np.softmx", "did you mean softmax"),
        ("sum(x, axes=0)", cf.ParseError, "sum(x, axes=0)", "axis=None"),
        ("x^2", cf.ParseError, "x^2", "**"),
        ("x**99999", cf.ParseError, "99999", "exponent"),
        ("9**9**9", cf.ParseError, "9**9", "exponent"),
        ("10**40*x", cf.ParseError, "10**40", "whole number"),
        ("x.__class__", cf.ParseError, "x.__class__", "attribute"),
        ("x.summ()", cf.ParseError, "x.summ", "did you mean sum"),
        ("__import__('os')", cf.ParseError, "__import__", "no function"),
        ("__builtins__", cf.ParseError, "__builtins__", "name"),
        ("open('f')", cf.ParseError, "open", "no function"),
        ("np.load('f')", cf.ParseError, "np.load", "no function"),
        ("np.os.system('f')", cf.ParseError, "np.os.system", "module"),
        ("exp.__call__(x)", cf.ParseError, "exp.__call__", "method"),
        ("'{0.node}'.format(x)", cf.ParseError, "'{0.node}'.format", "method"),
        ("x if x else x", cf.ParseError, "x if x else x", "where("),
        ("x > 0 and x < 1", cf.ParseError, "x > 0 and x < 1", "&"),
        ("0 < x < 1", cf.ParseError, "0 < x < 1", "&"),
        ("not x", cf.ParseError, "not x", "~"),
        ("x := 2", cf.ParseError, ":", "no expression"),
        ("[v for v in x]", cf.ParseError, "[v for v in x]", "whole-array"),
        ("lambda v: v", cf.ParseError, "lambda v: v", "at once"),
        ("f'{x}'", cf.ParseError, "f'{x}'", "f-string"),
        ("sum(*x)", cf.ParseError, "*x", "argument"),
        ("sum(**x)", cf.ParseError, "sum(**x)", "argument"),
        ("x(x + 1)", cf.ParseError, "x", "*"),
        ("(x)(x)", cf.ParseError, "x", "*"),
        ("exp + 1", cf.ParseError, "exp", "call"),
        ("1j*x", cf.ParseError, "1j", "complex"),
        ("1e999*x", cf.ParseError, "1e999", "range"),
        ("'a'*x", cf.ParseError, "'a'", "arithmetic"),
        ("(x + 1", cf.ParseError, "(", "never closed"),
        ("x + é@@y", cf.ParseError, "@", "no expression"),
        ("é + sin(X)@y", cf.ShapeError, "sin(X)@y", "axis 1"),
    ],
)
def test_errors_mark_the_place(text, kind, marked, says):
    with pytest.raises(kind) as caught:
        cf.parse(text, {"x": ("n",), **SHAPES})
    lines = str(caught.value).splitlines()
    row = lines.index(f"    {text}")
    carets = lines[row + 1]
    assert text[carets.index("^") - 4 : carets.rindex("^") - 3].startswith(marked)
    assert set(carets) == {" ", "^"} and says in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "x" + ")" * 5000,
        "-" * 9000 + "x",
        "exp(" * 150 + "x" + ")" * 150,
        "x" * 20_000,
        "x\0y",
        "\ud800",
        "",
        " \n ",
        "1" * 5000,
        "x, y",
        "None",
        3,
    ],
)
def test_what_is_too_much_or_nothing_is_refused(text):
    with pytest.raises(cf.ParseError):
        cf.parse(text)


def test_a_sum_of_many_terms_is_not_nested():
    found = cf.parse("+".join(["x"] * 900))
    assert_allclose(found.eval({cf.inputs(found)["x"]: 2.0}), 1800)


@pytest.mark.parametrize(
    ("text", "shapes", "says"),
    [
        ("x", {"x": "n", "z": "n"}, "'z' is declared"),
        ("x", {"x": None}, "None as the shape"),
        ("x", {"x": ("n", -1)}, "-1"),
        ("x", {"2x": "n"}, "declaration"),
    ],
)
def test_declarations_are_checked(text, shapes, says):
    with pytest.raises(cf.ClosedformError, match=says):
        cf.parse(text, **shapes)


def test_inputs_needs_names_of_their_own():
    with pytest.raises(cf.ExpressionError, match="without a name"):
        cf.inputs(cf.vector() + 1)
    with pytest.raises(cf.ExpressionError, match="'x'"):
        cf.inputs(cf.scalar("x") + cf.scalar("x"))


# ---------------------------------------------------------------- nothing else escapes

ATOMS = (
    "X w y A v s K n d 0 1 -1 3 0.5 None True ... 'ij,jk' [1,2] [] () (1,2) (n,d) [[1],[2,3]] X.T "
    "X.shape X.shape[0] 10**9 A>0 'fro' 'float32' [v,v]"
).split()
OPTIONS = "axis keepdims shape k n ord dtype axes ddof m".split()
OPERATORS = [*"+-*/@%&|^", "**", "<", "==", "//", " and ", " in ", "<<"]
INDICES = [":", "1:", ":-1", "None", "0", "-1", "::2", "::-1", "...", "99"]
SOUP = [*"()[]{}+-*/@.,:=<>!~^%&|#'\"\\ \n\t0123exyXwλ\0\ud800", "lambda ", "sum(", "**", ":="]


class Texts:
    """Random texts: expressions with arguments that do not fit, and character soup."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.names = parse_words.names()

    def text(self) -> str:
        kind = self.rng.random()
        if kind < 0.2:
            return "".join(self.rng.choices(SOUP, k=self.rng.randint(0, 30)))
        text = self.expression(self.rng.randint(1, 3))
        if kind < 0.8:
            return text
        place = self.rng.randrange(len(text))
        return text[:place] + self.rng.choice(SOUP) + text[place + self.rng.randint(0, 2) :]

    def expression(self, depth: int) -> str:
        pick, kind = self.rng.choice, self.rng.random()
        if not depth or kind < 0.1:
            return pick(ATOMS)
        inner = lambda: self.expression(depth - 1)  # noqa: E731
        if kind < 0.35:
            return f"({inner()} {pick(OPERATORS)} {inner()})"
        if kind < 0.75:
            args = [inner() for _ in range(pick([0, 1, 1, 1, 2, 2, 3]))]
            args += [f"{pick(OPTIONS)}={pick(ATOMS)}"] if self.rng.random() < 0.3 else []
            return f"{pick(self.names)}({', '.join(args)})"
        if kind < 0.9:
            return f"{inner()}[{', '.join(self.rng.choices(INDICES, k=pick([1, 2, 3])))}]"
        return pick([f"({inner()}).T", f"(lambda r: {inner()} + r)({inner()})", f"-{inner()}"])


@pytest.mark.parametrize("seed", range(4))
def test_nothing_but_our_errors_escapes(seed):
    texts, read = Texts(seed), 0
    shapes = {"X": ("n", "d"), "w": "d", "y": "n", "A": (3, 3), "v": 3, "K": (2, 3, 4)}
    for _ in range(500):
        text = texts.text()
        try:
            cf.parse(text, shapes)
            read += 1
        except cf.ClosedformError:
            pass
        except Exception as error:
            raise AssertionError(f"{text!r} escapes as {error!r}") from error
    assert read > 20


@pytest.mark.parametrize("row", OPERATIONS.values(), ids=lambda r: r.public)
def test_every_elementwise_operation_is_read(row) -> None:
    names = [f"x{k}" for k in range(len(row.domain))]
    dtype = "int64" if row in BITS else "float64"
    xs = {n: cf.vector(n, dtype=dtype, shape="n") for n in names}
    if row.choice:
        xs["x0"] = cf.vector("x0", dtype="bool", shape="n")
    order = [] if row.order is None else [row.order]
    text = f"{row.name}({', '.join(map(str, [*order, *names]))})"
    built = getattr(cf.special if row.special else cf, row.name)(*order, *xs.values())
    found = cf.parse(text, xs)
    assert (cf.pp(found), found.dtype, found.shape) == (cf.pp(built), built.dtype, built.shape)
