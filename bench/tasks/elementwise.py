"""Four expressions at sizes from 10 to 10^7, with fresh results and with results reused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..bar import Bar
from ..case import Arrays, Case, Entry, Kind, Runner

REUSED = "closedform, out="
MOVED = "read inputs, write output"


@dataclass(frozen=True)
class Expression:
    """One expression: as text for numexpr, and in the words that all others share.

    Attributes
    ----------
    of : (namespace, a, b) -> value
    bound_by_memory : whether reading and writing is the limit at large sizes
    """

    text: str
    of: Callable[[Any, Any, Any], Any]
    bound_by_memory: bool


EXPRESSIONS = (
    Expression("a**2 + b**2 + 2*a*b", lambda xp, a, b: a**2 + b**2 + 2 * a * b, True),
    Expression("2*a + b**10", lambda xp, a, b: 2 * a + b**10, True),
    Expression("exp(-a)*tanh(b)", lambda xp, a, b: xp.exp(-a) * xp.tanh(b), False),
    Expression(
        "where(a > b, exp(a - b), 1 + a*b)",
        lambda xp, a, b: xp.where(a > b, xp.exp(a - b), 1 + a * b),
        False,
    ),
)


def cases(quick: bool) -> Iterator[Case]:
    for expression in EXPRESSIONS:
        for power in (1, 3, 5) if quick else range(1, 8):
            yield case(expression, 10**power)


def case(expression: Expression, n: int) -> Case:
    r = np.random.default_rng(9)
    a, b = r.uniform(-1, 1, n), r.uniform(-1, 1, n)
    makers: dict[str, Callable[..., Runner]] = {
        "numpy": numpy_runner, "numexpr": numexpr_runner, "numexpr, out=": numexpr_reused,
        "numba": numba_runner, "jax": jax_runner, "torch": torch_runner,
        "pytensor": pytensor_runner,
    }  # fmt: skip
    made = {"closedform": our_runner, REUSED: our_reused} | makers
    entries = [
        Entry(name, partial(make, expression, a, b), kind_of(name)) for name, make in made.items()
    ]
    bars = [Bar(1.0)]
    if n == 10**7 and expression.bound_by_memory:
        entries.append(Entry(MOVED, lambda: mover(a, b), "reference"))
        bars.append(Bar(1.15, "within", (MOVED,), REUSED))
    facts = {"n": n, "dtype": "float64", "curve": expression.text}
    return Case(f"{expression.text}, n = {n}", entries, 1e-12, tuple(bars), rounds=15, facts=facts)


def kind_of(name: str) -> Kind:
    return "ours" if name.startswith("closedform") else "peer"


def value(found: Any) -> Arrays:
    return {"value": np.array(found)}


def our_function(expression: Expression) -> Any:
    import closedform as cf

    a, b = cf.tensor("a", ("n",), "float64"), cf.tensor("b", ("n",), "float64")
    return cf.function([a, b], expression.of(cf, a, b))


def our_runner(expression: Expression, a: np.ndarray, b: np.ndarray) -> Runner:
    f = our_function(expression)
    return Runner(lambda: f(a, b), value)


def our_reused(expression: Expression, a: np.ndarray, b: np.ndarray) -> Runner:
    f, out = our_function(expression), np.empty_like(a)
    return Runner(lambda: f(a, b, out=out), value)


def numpy_runner(expression: Expression, a: np.ndarray, b: np.ndarray) -> Runner:
    return Runner(lambda: expression.of(np, a, b), value)


def numexpr_object(text: str) -> Any:
    """The compiled expression that `numexpr.evaluate` keeps, without its look-up."""
    import numexpr

    return numexpr.NumExpr(text, [("a", np.double), ("b", np.double)])


def numexpr_runner(expression: Expression, a: np.ndarray, b: np.ndarray) -> Runner:
    f = numexpr_object(expression.text)
    return Runner(lambda: f(a, b), value)


def numexpr_reused(expression: Expression, a: np.ndarray, b: np.ndarray) -> Runner:
    f, out = numexpr_object(expression.text), np.empty_like(a)
    return Runner(lambda: f(a, b, out=out, ex_uses_vml=False), value)


def numba_runner(expression: Expression, a: np.ndarray, b: np.ndarray) -> Runner:
    """`njit(parallel=True)` of the array expression; the plain one for small arrays."""
    import numba

    f = numba.njit(parallel=a.size > 10**4)(KERNELS[expression.text])
    return Runner(lambda: f(a, b), value)


def _square(a: Any, b: Any) -> Any:
    return a**2 + b**2 + 2 * a * b


def _power(a: Any, b: Any) -> Any:
    return 2 * a + b**10


def _product(a: Any, b: Any) -> Any:
    return np.exp(-a) * np.tanh(b)


def _choice(a: Any, b: Any) -> Any:
    return np.where(a > b, np.exp(a - b), 1 + a * b)


# numba compiles functions that name their library
KERNELS = {
    expression.text: kernel
    for expression, kernel in zip(EXPRESSIONS, (_square, _power, _product, _choice), strict=True)
}


def jax_runner(expression: Expression, a: np.ndarray, b: np.ndarray) -> Runner:
    import jax

    jax.config.update("jax_enable_x64", True)
    x, y = jax.numpy.array(a), jax.numpy.array(b)
    f = jax.jit(lambda a, b: expression.of(jax.numpy, a, b))
    return Runner(lambda: f(x, y).block_until_ready(), value)


def torch_runner(expression: Expression, a: np.ndarray, b: np.ndarray) -> Runner:
    import torch

    x, y = torch.from_numpy(a), torch.from_numpy(b)
    return Runner(lambda: expression.of(torch, x, y), value)


def pytensor_runner(expression: Expression, a: np.ndarray, b: np.ndarray) -> Runner:
    import pytensor
    import pytensor.tensor as pt

    x, y = pt.dvector("a"), pt.dvector("b")
    f = pytensor.function([x, y], expression.of(pt, x, y), trust_input=True)
    return Runner(lambda: f(a, b), value)


def mover(a: np.ndarray, b: np.ndarray) -> Runner:
    """Read two arrays and write one, threaded, in an array that exists."""
    import numba

    @numba.njit(parallel=True, fastmath=True)
    def move(a, b, out):  # type: ignore[no-untyped-def]
        for i in numba.prange(a.size):
            out[i] = a[i] + b[i]

    out = np.empty_like(a)
    return Runner(lambda: move(a, b, out))
