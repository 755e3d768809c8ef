"""Columns standardised inside the model, then logistic regression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import step
from ..bar import Bar
from ..case import Case
from ..step import Model, Named
from . import logistic


def cases(quick: bool) -> Iterator[Case]:
    n, d = 6000 if quick else 60000, 784
    r = np.random.default_rng(7)
    X = 2 * r.standard_normal((n, d), dtype=np.float32) + r.normal(size=d).astype("float32")
    made = Model(
        {"X": X, "y": (r.random(n) > 0.5).astype("float32")},
        {"w": (r.normal(size=d) / d**0.5).astype("float32")},
        {"X": ("n", "d"), "y": ("n",)},
        our_loss,
        jax_loss,
        {"": torch_loss},
    )
    facts = {"n": n, "d": d, "dtype": "float32"}
    title = f"standardised columns, then logistic regression, {n} x {d} float32"
    yield Case(title, step.entries(made), 5e-3, (Bar(3),), rounds=11, facts=facts)


def our_loss(params: Named, data: Named) -> tuple[Any, Any]:
    import closedform as cf

    centred = data["X"] - data["X"].mean(axis=0)
    scaled = centred / cf.sqrt((centred**2).mean(axis=0))
    return logistic.naive(scaled @ params["w"], data["y"]).mean(), None


def jax_loss(params: Named, data: Named) -> tuple[Any, Any]:
    X = data["X"]
    scaled = (X - X.mean(0)) / X.std(0)
    return logistic.jax_loss(scaled @ params["w"], data["y"]).mean(), None


def torch_loss(params: Named, data: Named) -> tuple[Any, Any]:
    X = data["X"]
    scaled = (X - X.mean(0)) / X.std(0, correction=0)
    return logistic.torch_loss(scaled @ params["w"], data["y"]).mean(), None
