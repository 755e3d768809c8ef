"""Five losses drawn from a seed: nothing in the compiler can have been made for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .. import step
from ..bar import Bar
from ..case import Case, Entry, Runner
from ..step import Model, Named
from .linear import RIDGE, LinearLoss, model

SEED, COUNT = 20, 5
LIBRARIES = ("closedform", "jax.numpy", "torch")
# terms in words that every library has; xp is its namespace
TERMS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "exp(z/4) - yz/4": lambda xp, z, y: xp.exp(z / 4) - y * z / 4,
    "sqrt(1 + (z-y)^2)": lambda xp, z, y: xp.sqrt(1 + (z - y) ** 2),
    "log1p((z-y)^2)": lambda xp, z, y: xp.log1p((z - y) ** 2),
    "(tanh(z) - y)^2": lambda xp, z, y: (xp.tanh(z) - y) ** 2,
    "log1p(exp(-yz))": lambda xp, z, y: xp.log1p(xp.exp(-y * z)),
    "exp(-(z-y)^2/2)": lambda xp, z, y: -xp.exp(-((z - y) ** 2) / 2),
    "z^2/(1 + z^2)": lambda xp, z, y: z**2 / (1 + z**2),
    "where(z>y, ...)": lambda xp, z, y: xp.where(z > y, 0.7 * (z - y), 0.3 * (y - z)),
    "sin(z - y)^2": lambda xp, z, y: xp.sin(z - y) ** 2,
}


def cases(quick: bool) -> Iterator[Case]:
    r = np.random.default_rng(SEED)
    for number in range(COUNT):
        names = list(r.choice(list(TERMS), size=3, replace=False))
        weights = [round(float(v), 2) for v in r.uniform(0.2, 2.0, size=3)]
        yield one(number, dict(zip(names, weights, strict=True)), 6000 if quick else 60000, 784)


def one(number: int, terms: dict[str, float], n: int, d: int) -> Case:
    loss = LinearLoss("real", *(loss_of(terms, library) for library in LIBRARIES))
    made = model(loss, n, d)
    respelled = replace(made, ours=spelled_otherwise(terms))
    entries = [
        step.ours("closedform", made),
        Entry("closedform respelled", partial(checked, made, respelled), "ours"),
    ]
    entries += step.entries(made)[1:]
    bars = (Bar(2), Bar(1.1, "within", ("closedform",), "closedform respelled"))
    text = " + ".join(f"{c} {name}" for name, c in terms.items())
    facts = {"n": n, "d": d, "dtype": "float32", "loss": text, "passes": step.passes(made)}
    title = f"random loss {number}: {text}, {n} x {d} float32"
    return Case(title, entries, 2e-3, bars, facts=facts)


def checked(made: Model, respelled: Model) -> Runner:
    """The respelled model's step, if it passes over the data as often."""
    np.testing.assert_equal(step.passes(respelled), step.passes(made))
    return step.our_step(respelled)


def loss_of(terms: dict[str, float], library: str) -> Callable[[Any, Any], Any]:
    def loss(z: Any, y: Any) -> Any:
        import importlib

        xp = importlib.import_module(library)
        first, *others = (c * TERMS[name](xp, z, y) for name, c in terms.items())
        return sum(others, first)

    return loss


def spelled_otherwise(terms: dict[str, float]) -> Callable[[Named, Named], tuple[Any, Any]]:
    """The same loss: other order, other words, every term summed on its own."""

    def cost(params: Named, data: Named) -> tuple[Any, Any]:
        import closedform as cf

        z = params["b"] + cf.dot(data["X"], params["w"])
        rows = [(TERMS[name](cf, z, data["y"]) * c).mean() for name, c in reversed(terms.items())]
        ridge = RIDGE * (params["w"] * params["w"]).sum()
        return ridge + rows[0] + rows[1] + rows[2], z > 0

    return cost
