"""Logistic regression: sizes, layouts and mixed precision, beside peers and one read of X."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .. import reading, step
from ..bar import Bar
from ..case import Case
from .linear import LinearLoss, model

C, FORTRAN, STRIDED = "closedform", "closedform Fortran", "closedform strided"
NARROW = "closedform float32 model"


def naive(z: Any, y: Any) -> Any:
    """As a textbook writes it."""
    import closedform as cf

    p = 1 / (1 + cf.exp(-z))
    return -y * cf.log(p) - (1 - y) * cf.log(1 - p)


def jax_loss(z: Any, y: Any) -> Any:
    import jax

    return jax.nn.softplus(z) - y * z


def torch_loss(z: Any, y: Any) -> Any:
    import torch

    return torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="none")


def pytensor_loss(z: Any, y: Any) -> Any:
    import pytensor.tensor as pt

    return pt.softplus(z) - y * z


def slope(z: np.ndarray, y: np.ndarray) -> Any:
    return np.logaddexp(z, z.dtype.type(0)) - y * z, 1 / (1 + np.exp(-z)) - y


LOSS = LinearLoss("binary", naive, jax_loss, torch_loss, slope, pytensor_loss)


def cases(quick: bool) -> Iterator[Case]:
    n = 6000 if quick else 60000
    yield size(n, 784, "float32", 1.2, 2)
    yield size(n, 784, "float64", 1.25, 2)
    if not quick:
        yield size(400000, 784, "float32", 1.2, 2)
    yield size(2000, 20, "float64", None, 3)
    yield size(n * 25 // 3, 28, "float64", None, 3)
    yield layouts(n, 784)
    yield mixed(n, 784)


def size(n: int, d: int, dtype: str, over_read: float | None, ahead: float) -> Case:
    made = model(LOSS, n, d, dtype)
    bars = [Bar(ahead)] + ([Bar(over_read, "within", reading.NAMES)] if over_read else [])
    entries = step.entries(made) + (reading.reads(made.data["X"]) if over_read else [])
    facts = {"n": n, "d": d, "dtype": dtype}
    return Case(
        f"logistic regression {n} x {d} {dtype}",
        entries,
        2e-3 if dtype == "float32" else 1e-8,
        tuple(bars),
        rounds=25 if n < 10**5 else 9,
        facts=facts,
    )


def layouts(n: int, d: int) -> Case:
    """C order, Fortran order, and every second row of a larger array."""
    made = model(LOSS, n, d)
    X = made.data["X"]
    larger = np.zeros((2 * n, d), X.dtype)
    larger[::2] = X
    others = {FORTRAN: np.asfortranarray(X), STRIDED: larger[::2]}
    variants = {k: replace(made, data=made.data | {"X": v}) for k, v in others.items()}
    entries = [step.ours(C, made), *(step.ours(k, v) for k, v in variants.items())]
    for name, variant in variants.items():
        peers = {e.name: e for e in step.entries(variant, False)}
        entries.append(replace(peers["torch"], name=name.replace(C, "torch")))
    bars = tuple(Bar(1.3, "within", (C,), subject) for subject in (FORTRAN, STRIDED))
    return Case(f"logistic regression {n} x {d} float32, layouts of X", entries, 2e-3, bars)


def mixed(n: int, d: int) -> Case:
    """float32 X in a float64 model."""
    narrow = model(LOSS, n, d)
    params = {k: v.astype("float64") for k, v in narrow.params.items()}
    data = {"X": narrow.data["X"], "y": narrow.data["y"].astype("float64")}
    wide = replace(narrow, data=data, params=params, torch={}, pytensor=None)
    entries = [step.ours(C, wide), step.ours(NARROW, narrow), *step.entries(wide)[1:]]
    bars = (Bar(1.3, "within", (NARROW,)), Bar(2))
    return Case(f"logistic regression {n} x {d}, float32 X in a float64 model", entries, 2e-3, bars)
