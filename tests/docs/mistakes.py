"""The commonest mistakes of users who come from Theano, NumPy and SymPy, and docs/errors.md.

`python -m tests.docs.mistakes > docs/errors.md` runs each and writes what came out; a test compares
both.
"""

from __future__ import annotations

import warnings

FILE = "model.py"
SETUP = "import numpy as np\nimport closedform as cf\n"
# where from -> (what was meant, code)
MISTAKES: dict[str, list[tuple[str, str]]] = {
    "From Theano": [
        ("A variable is used and not listed", """
x, y = cf.vectors("x", "y")
f = cf.function([x], x + y)"""),
        ("A variable is listed and not used", """
x, y = cf.vectors("x", "y")
f = cf.function([x, y], x * 2)"""),
        ("One variable where a list is needed", """
x = cf.vector("x")
f = cf.function(x, x.sum())"""),
        ("A shared variable as an input", """
w = cf.shared(np.zeros(3), name="w")
f = cf.function([w], w.sum())"""),
        ("An update of what is not shared", """
x = cf.vector("x")
f = cf.function([x], [], updates=[(x, x + 1)])"""),
        ("An update of another shape", """
w = cf.shared(np.zeros(3), name="w")
f = cf.function([], [], updates=[(w, w.sum())])"""),
        ("An update of another dtype", """
w = cf.shared(np.zeros(3, "float32"), name="w")
f = cf.function([], [], updates=[(w, w * np.float64(2))])"""),
        ("float64 data for a float32 input", """
x = cf.vector("x", dtype="float32")
f = cf.function([x], x.sum())
f(np.ones(3))"""),
        ("The gradient of an array", """
x = cf.vector("x")
gradient = cf.grad(x**2, x)"""),
        ("The gradient by what the cost does not depend on", """
x, y = cf.vectors("x", "y")
gradient = cf.grad((x**2).sum(), y)"""),
        ("The gradient by integers", """
k = cf.ivector("k")
gradient = cf.grad((k**2).sum(), k)"""),
        ("A target of another name", """
x = cf.vector("x")
f = cf.function([x], x.sum(), target="cpu")"""),
        ("A misspelt option", """
x = cf.vector("x")
f = cf.function([x], x.sum(), update=[])"""),
        ("A setting that does not exist", """
cf.config.floatx = "float32"
"""),
        ("A replacement of another rank", """
x, m = cf.vector("x"), cf.matrix("m")
cost = cf.clone(x.sum(), {x: m})"""),
    ],
    "From NumPy": [
        ("A condition on a value that is not there yet", """
x = cf.vector("x")
if x.sum() > 0:
    x = x / x.sum()"""),
        ("A chained comparison", """
x = cf.vector("x")
inside = 0 < x < 1"""),
        ("== for elements", """
x = cf.vector("x")
zeros = x == 0"""),
        ("Assignment to elements", """
x = cf.vector("x")
x[0] = 1"""),
        ("A loop over an axis of unknown length", """
x = cf.vector("x")
total = sum(value**2 for value in x)"""),
        ("range of an extent", """
x = cf.vector("x", shape="n")
for i in range(x.shape[0]):
    pass"""),
        ("A symbolic tensor as an array", """
x = cf.vector("x")
values = np.array(x)"""),
        ("A symbolic tensor as a number", """
import math
x = cf.scalar("x")
y = math.exp(x)"""),
        ("Shapes that do not match, when the expression is written", """
X = cf.matrix("X", shape=("n", "d"))
w = cf.vector("w", shape="n")
scores = X @ w"""),
        ("Shapes that do not match, when the function is called", """
x, w = cf.vector("x"), cf.vector("w")
dot = (x * w).sum()
f = cf.function([x, w], dot)
f(np.ones(3), np.ones(4))"""),
        ("An array of another rank", """
x = cf.vector("x")
f = cf.function([x], x.sum())
f(np.ones((2, 3)))"""),
        ("A missing argument", """
x, w = cf.vector("x"), cf.vector("w")
f = cf.function([x, w], x.sum() + w.sum())
f(np.ones(3))"""),
        ("A misspelt argument", """
x, w = cf.vector("x"), cf.vector("weights")
f = cf.function([x, w], x.sum() + w.sum())
f(np.ones(3), wieghts=np.ones(3))"""),
        ("An axis that does not exist", """
X = cf.matrix("X")
total = X.sum(axis=2)"""),
        ("Two lengths left open", """
x = cf.vector("x")
y = x.reshape(3, -1, -1)"""),
        ("An index out of range", """
x = cf.vector("x", shape=3)
last = x[3]"""),
        ("Arrays that are not in a list", """
x, y = cf.vectors("x", "y")
both = cf.concatenate(x, y)"""),
        ("A misspelt function", """
x = cf.vector("x")
y = cf.sigmiod(x)"""),
        ("A misspelt special function", """
x = cf.vector("x")
y = cf.special.gamaln(x)"""),
        ("A misspelt method", """
x = cf.vector("x")
y = x.cumsumm()"""),
        ("A misspelt dtype", """
x = cf.vector("x", dtype="flaot32")
"""),
    ],
    "From SymPy": [
        ("diff instead of grad", """
x = cf.scalar("x")
slope = (x**2).diff(x)"""),
        ("subs instead of clone", """
x = cf.scalar("x")
y = (x**2).subs({x: 3})"""),
        ("evalf instead of eval", """
x = cf.scalar("x")
y = (x**2).evalf()"""),
        ("A value without its variables", """
x = cf.scalar("x")
y = (x**2).eval()"""),
        ("^ instead of **", """
x = cf.scalar("x")
y = x ^ 2"""),
        ("A SymPy symbol beside a tensor", """
import sympy
x, t = cf.scalar("x"), sympy.Symbol("t")
y = t * x"""),
        ("The gradient of a SymPy expression", """
import sympy
t = sympy.Symbol("t")
slope = cf.grad(t**2, t)"""),
        ("A SymPy function of an array", """
import sympy
x = cf.vector("x")
y = sympy.sin(x)"""),
    ],
}  # fmt: skip
HEAD = """\
# Mistakes that new users make, and what they read

Every message says what was found, where in your code, and how to fix it. Errors of shape, rank and
dtype are raised at the line that writes them; what only a call can show names the line that built
the expression, too. Every error is a `closedform.ClosedformError`, and also the built-in kind that
Python or NumPy would raise (`TypeError`, `ValueError`, `AttributeError`, ...).

This page is made by `python -m tests.docs.mistakes > docs/errors.md`, and a test compares both.
Each piece of code is a file `model.py` that begins with

```py
import numpy as np
import closedform as cf
```
"""


def error_of(code: str) -> BaseException:
    """What running a piece of code raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exec(compile(SETUP + code, FILE, "exec"), {"__name__": "model"})
    except Exception as error:  # whatever it is, it goes on the page
        return error
    raise AssertionError(f"nothing is wrong with:\n{code}")


def page() -> str:
    """The text of docs/errors.md."""
    lines, count = [HEAD], 0
    for family, rows in MISTAKES.items():
        lines.append(f"## {family}\n")
        for title, code in rows:
            count += 1
            error = error_of(code.strip())
            lines.append(f"**{count}. {title}**\n")
            lines.append(f"```py\n{code.strip()}\n```\n")
            lines.append(f"```text\n{type(error).__name__}: {error}\n```\n")
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
