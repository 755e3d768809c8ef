"""What to write instead of the notation of books and of other languages."""

from __future__ import annotations

import ast
import re

NUMPY = (
    "write it as NumPy would: 2*x, X @ w, x**2, sum(x, axis=0); a definition, as in t = X @ w, has "
    "a line of its own before it"
)
WORDS = (  # of Python, which no variable can be called
    "lambda class del from global with yield pass is def return import as async await assert break "
    "continue except finally raise try while nonlocal"
)
# what Python says of a text, or what stands in one that is no expression -> what to write
OF_MESSAGES = (
    ("was never closed", "close the bracket"),
    ("unmatched", "remove the bracket, or open one before it"),
)
OF_TEXTS = (
    (r"\\[A-Za-z]", "write it as NumPy would, not in LaTeX: X.T @ (p - y), exp(x), x**2"),
    (r"^[^([]*(?<![=<>!])=(?!=)", "a definition, as in t = X @ w, has a line of its own before the "
     "expression"),
    (r"\|\|", "write norm(x) for ||x||"),
    (r"\|[^|]+\|", "write abs(x) for |x|"),
    (r"\^\W*(T\b|\u22a4)|[\w)\]]'|[\u22a4\u1d40]", "write X.T for a transpose"),
    (r"\^\W*-\W*1", "write inv(X) for an inverse, x**-1 for 1/x"),
    (r"[\u00b2\u00b3]", "write x**2 for a square"),
    (r"[\u00b7\u00d7\u22c5\u2299\u2218]", "write X @ w for a product of matrices, x*y of elements"),
    (r"[\u2211\u03a3]|\bsum_", "write sum(x) over all elements, sum(X, axis=0) along an axis"),
    (rf"\b({'|'.join(WORDS.split())})\b", "no variable has the name of a word of Python: use lam"
     " for lambda"),
    (r"(?<![\w.])\d+(\.\d*)?\s*(?!e\d)[^\W\d]", "write * between factors: 2*x"),
    (r"[\w)\]]\s+[\w(]", "write X @ w between matrices and vectors, a*x between numbers"),
)  # fmt: skip
# functions of books and of other libraries -> what to write
FUNCTIONS = {
    "cdf": "write ndtr(x) for the normal distribution",
    "cross_entropy": "write -sum(Y*log(softmax(X, axis=1)))",
    "determinant": "write det(X)",
    "frobenius": "write norm(X)",
    "inverse": "write inv(X)",
    "logistic": "write sigmoid(x)",
    "mse": "write mean((x - y)**2)",
    "sigma": "write sigmoid(x)",
    "sqr": "write x**2",
    "transposed": "write X.T",
    "vec": "write X.ravel()",
}
LARGEST = {"max": "maximum", "min": "minimum"}
PRODUCTS = "; X @ w is the product of matrices, X*w that of elements"


def of_syntax(text: str, message: str) -> str:
    """What to write instead of a text that is no expression."""
    for part, fix in OF_MESSAGES:
        if part in message:
            return fix
    return next((fix for pattern, fix in OF_TEXTS if re.search(pattern, text)), NUMPY)


def of_shapes(node: ast.AST) -> str:
    """What to add where the shapes in an expression do not fit."""
    products = (n for n in ast.walk(node) if isinstance(n, ast.BinOp))
    return PRODUCTS if any(isinstance(n.op, ast.Mult) for n in products) else ""
