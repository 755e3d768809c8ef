"""Seconds to reach formulas: `formula problems median|worst`, `formula NET BLOCKS VERB`."""

from __future__ import annotations

import pickle
import re
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

SHAPES: dict[str, Any] = {
    **dict.fromkeys("abcxsgh", "d"),
    **dict.fromkeys(("A", "B", "C", "D", "W", "Y"), ("d", "d")),
    **dict.fromkeys("ytz", "n"),
    **dict.fromkeys(("T", "L", "U", "G"), ("n", "k")),
    **dict.fromkeys(("M", "Qa"), ("n", "d")),
    "P": ("m", "d"), "Q": ("d", "k"), "V": ("d", "k"), "H": ("d", "k"), "X": ("n", "d"), "w": "d",
    "Mu": ("k", "d"), "v": "k", "pr": "k", "Ka": ("m", "d"), "Va": ("m", "k"),
}  # fmt: skip
# cost and variable: the kinds of formulas that people look up
PROBLEMS = """
a @ x; x|a @ A @ b; A|b @ P.T @ P @ c; P|(B@x + b) @ C @ (D@x + c); x|x @ A @ x; x
(x - A@s) @ W @ (x - A@s); s|(x - A@s) @ W @ (x - A@s); A|(x @ A @ x)**-2; x|trace(A @ Y @ B); Y
trace(A @ Y.T @ B); Y|trace(Y @ Y @ B); Y|trace(A @ Y @ B @ Y); Y|trace(Y @ Y @ Y); Y
trace((A@Y@B + C) @ (A@Y@B + C).T); Y|trace(A * Y); Y|norm(x - a); x|sum(P**2); P
sum(abs(X@w - y)); w|mean((X@w - y)**2); w|mean(softplus(X@w) - y*(X@w)) + 0.01*(w@w); w
sum(log1p(exp(-t*(X@w)))); w|-sum(T * (L - logsumexp(L, axis=1, keepdims=True))); L
sum(exp(X@w) - y*(X@w)); w|sum(maximum(0, 1 - t*(X@w))) + lam*(w@w)/2; w
sum(maximum(0, 1 - t*(X@w))**2); w|sum(maximum(tau*(y - X@w), (tau-1)*(y - X@w))); w
sum(log(cosh(X@w - y))); w|sum((1 - sigmoid(z))**2 * softplus(-z)); z|sum(z*sigmoid(z)); z
logsumexp(x); x|x[1] - logsumexp(x); x|-sum(softmax(x) * (x - logsumexp(x))); x
sum(logsumexp(log(pr) - 0.5*sum((X[:,None,:]-Mu[None])**2, axis=2), axis=1)); Mu
sum((M - U@V.T)**2); U|exp(-sum((x-a)**2)/(2*ell**2)); x
z @ exp(-sum((X[:,None]-X[None])**2, axis=2)/(2*ell**2)) @ z; ell|(x-a) @ Q @ Q.T @ (x-a); Q
sum((tanh(X@H)@v - y)**2)/n; H|sum(G*(softmax(Qa@Ka.T/8, axis=1)@Va)); Qa
sum(g*(s*(x-mean(x))/sqrt(mean((x-mean(x))**2)+eps))); x|sum(g*s*x/sqrt(mean(x**2)+eps)); x
mean(logsumexp(Qa@X.T, axis=1) - diag(Qa@X.T)); Qa|g @ (x/norm(x)); x
sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2); x
"""


def problems() -> list[float]:
    """Per problem the seconds of gradient, display form and LaTeX."""
    rows = [row.split("; ") for row in PROBLEMS.strip().replace("\n", "|").split("|")]
    for text, name in rows:
        derived(text, name, "'")  # modules are imported and tables made once, with other extents
    return [derived(text, name, "") for text, name in rows]


def derived(text: str, name: str, mark: str) -> float:
    """Seconds from a cost to the LaTeX of its derivative; the extents' names end in a mark."""
    import closedform as cf

    names = set(re.findall(r"[A-Za-z_]\w*", text))
    shapes = {n: tuple(f"{e}{mark}" for e in s) for n, s in SHAPES.items() if n in names}
    cost = cf.parse(text, shapes)
    variable = cf.inputs(cost)[name]
    start = time.perf_counter()
    cf.latex(cf.grad(cost, variable))
    return time.perf_counter() - start


def residual(blocks: int) -> tuple[Any, list[Any]]:
    """A cost of a net of residual blocks, and its parameters."""
    import closedform as cf

    h, parameters = cf.matrix("X", shape=("n", "d")), []
    for k in range(blocks):
        W, b = cf.matrix(f"W{k}", shape=("d", "d")), cf.vector(f"b{k}", shape="d")
        parameters += [W, b]
        h = h + cf.tanh(h @ W + b)
    return (h**2).mean(), parameters


def attention(blocks: int) -> tuple[Any, list[Any]]:
    """The same of attention blocks with layer norm and a perceptron."""
    import closedform as cf

    h, parameters = cf.matrix("X", shape=("n", "d")), []
    for k in range(blocks):
        Q, K, V, O = (cf.matrix(f"{name}{k}", shape=("d", "d")) for name in "QKVO")
        A, B = cf.matrix(f"A{k}", shape=("d", "m")), cf.matrix(f"B{k}", shape=("m", "d"))
        parameters += [Q, K, V, O, A, B]
        centred = h - h.mean(1, keepdims=True)
        u = centred / cf.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
        h = h + cf.softmax((u @ Q) @ (u @ K).T / 8.0) @ (u @ V) @ O
        h = h + cf.relu(h @ A) @ B
    return (h**2).mean(), parameters


def verbs() -> dict[str, Callable[[Any, list[Any]], Any]]:
    """Public operations on the gradient of a cost by the first parameter."""
    import closedform as cf

    return {
        "grad": lambda cost, gradient: cf.grad(cost, gradient[1]),
        "latex": lambda cost, gradient: cf.latex(gradient[0]),
        "pp": lambda cost, gradient: cf.pp(gradient[0]),
        "ascii": lambda cost, gradient: cf.pp(gradient[0], "ascii"),
        "equal": lambda cost, gradient: cf.equal(2 * gradient[0], gradient[0] + gradient[0]),
        "simplify": lambda cost, gradient: cf.simplify(gradient[0]),
        "hash": lambda cost, gradient: hash(gradient[0]),
        "pickle": lambda cost, gradient: pickle.loads(pickle.dumps(gradient[0])),
    }


def of_net(net: str, blocks: int, verb: str) -> float:
    """Seconds of a verb on a net; what it imports was imported for a small one."""
    import closedform as cf

    work = verbs()[verb]
    for size in (1, blocks):
        cost, parameters = {"residual": residual, "attention": attention}[net](size)
        pair = [cf.grad(cost, parameters[0]), parameters]
        start = time.perf_counter()
        work(cost, pair)
        taken = time.perf_counter() - start
    return taken


def main() -> None:
    what, *rest = sys.argv[1:]
    if what == "problems":
        print({"median": statistics.median, "worst": max}[rest[0]](problems()))
    else:
        print(of_net(what, int(rest[0]), rest[1]))


if __name__ == "__main__":
    main()
