"""Matrix factorisation with missing entries, dense storage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import step
from ..bar import Bar
from ..case import Case
from ..step import Model, Named


def cases(quick: bool) -> Iterator[Case]:
    n, m, k = (800, 600, 20) if quick else (6000, 4000, 20)
    r = np.random.default_rng(5)
    params = {"U": r.normal(size=(n, k)) / k**0.5, "V": r.normal(size=(m, k)) / k**0.5}
    made = Model(
        {
            "R": r.standard_normal((n, m), dtype=np.float32),
            "seen": (r.random((n, m), dtype=np.float32) < 0.3).astype("float32"),
        },
        {key: v.astype("float32") for key, v in params.items()},
        {"R": ("n", "m"), "seen": ("n", "m")},
        loss,
        loss,
        {"": loss},
        numpy=by_hand,
    )
    facts = {"n": n, "m": m, "k": k, "dtype": "float32"}
    title = f"factorisation {n} x {m} by {k}, float32"
    yield Case(title, step.entries(made), 2e-3, (Bar(2),), rounds=11, facts=facts)


def loss(params: Named, data: Named) -> tuple[Any, Any]:
    """In words that are the same in all libraries."""
    U, V = params["U"], params["V"]
    residual = data["seen"] * (data["R"] - U @ V.T)
    return (residual**2).mean() + 0.01 * ((U**2).mean() + (V**2).mean()), None


def by_hand(params: Named, data: Named) -> tuple[Any, Any, Named]:
    U, V, seen = params["U"], params["V"], data["seen"]
    residual = seen * (data["R"] - U @ V.T)
    cost = (residual**2).mean() + 0.01 * ((U**2).mean() + (V**2).mean())
    slope = seen * residual * np.float32(-2 / residual.size)
    ridge = {k: np.float32(0.02 / v.size) * v for k, v in params.items()}
    return cost, None, {"U": slope @ V + ridge["U"], "V": slope.T @ U + ridge["V"]}
