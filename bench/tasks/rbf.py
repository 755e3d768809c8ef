"""Kernel regression on radial basis functions: weights, centres and width are learnt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import step
from ..bar import Bar
from ..case import Case
from ..step import Model, Named


def cases(quick: bool) -> Iterator[Case]:
    n, d, m = (2000, 8, 50) if quick else (20000, 8, 200)
    r = np.random.default_rng(6)
    params = {"C": r.normal(size=(m, d)), "a": r.normal(size=m) * 0.1, "g": np.array(-1.0)}
    made = Model(
        {"X": r.normal(size=(n, d)).astype("float32"), "y": r.normal(size=n).astype("float32")},
        {key: v.astype("float32") for key, v in params.items()},
        {"X": ("n", "d"), "y": ("n",)},
        lambda p, data: loss("closedform", p, data),
        lambda p, data: loss("jax.numpy", p, data),
        {"": lambda p, data: loss("torch", p, data), "expanded": torch_expanded},
    )
    facts = {"n": n, "d": d, "centres": m, "dtype": "float32"}
    title = f"radial basis functions {n} x {d}, {m} centres, float32"
    yield Case(title, step.entries(made), 5e-3, (Bar(2),), rounds=11, facts=facts)


def loss(library: str, params: Named, data: Named) -> tuple[Any, Any]:
    """In words that are the same in all libraries."""
    import importlib

    xp = importlib.import_module(library)
    distance = ((data["X"][:, None, :] - params["C"][None, :, :]) ** 2).sum(2)
    f = xp.exp(-xp.exp(params["g"]) * distance) @ params["a"]
    return ((f - data["y"]) ** 2).mean(), None


def torch_expanded(params: Named, data: Named) -> tuple[Any, Any]:
    """Distances through a matrix product."""
    import torch

    X, C = data["X"], params["C"]
    distance = (X**2).sum(1)[:, None] + (C**2).sum(1) - 2 * (X @ C.T)
    f = torch.exp(-torch.exp(params["g"]) * distance) @ params["a"]
    return ((f - data["y"]) ** 2).mean(), None
