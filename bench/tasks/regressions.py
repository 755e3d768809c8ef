"""Poisson, hinge and Huber regression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import step
from ..bar import Bar
from ..case import Case
from .linear import LinearLoss, model


def our_poisson(z: Any, y: Any) -> Any:
    import closedform as cf

    return cf.exp(z) - y * z


def our_hinge(z: Any, y: Any) -> Any:
    import closedform as cf

    return cf.maximum(0, 1 - (2 * y - 1) * z)


def our_huber(z: Any, y: Any) -> Any:
    import closedform as cf

    r = abs(z - y)
    return cf.where(r < 1, r**2 / 2, r - 0.5)


def jax_poisson(z: Any, y: Any) -> Any:
    import jax

    return jax.numpy.exp(z) - y * z


def jax_hinge(z: Any, y: Any) -> Any:
    import jax

    return jax.nn.relu(1 - (2 * y - 1) * z)


def jax_huber(z: Any, y: Any) -> Any:
    import jax.numpy as jnp

    r = abs(z - y)
    return jnp.where(r < 1, r**2 / 2, r - 0.5)


def torch_poisson(z: Any, y: Any) -> Any:
    import torch

    return torch.nn.functional.poisson_nll_loss(z, y, reduction="none")


def torch_hinge(z: Any, y: Any) -> Any:
    import torch

    return torch.relu(1 - (2 * y - 1) * z)


def torch_huber(z: Any, y: Any) -> Any:
    import torch

    return torch.nn.functional.huber_loss(z, y, reduction="none")


def poisson_slope(z: np.ndarray, y: np.ndarray) -> Any:
    e = np.exp(z)
    return e - y * z, e - y


def hinge_slope(z: np.ndarray, y: np.ndarray) -> Any:
    s = 2 * y - 1
    margin = 1 - s * z
    return np.maximum(margin, 0), np.where(margin > 0, -s, 0)


def huber_slope(z: np.ndarray, y: np.ndarray) -> Any:
    r = z - y
    return np.where(abs(r) < 1, r**2 / 2, abs(r) - 0.5), np.clip(r, -1, 1)


LOSSES = {
    "poisson": LinearLoss("count", our_poisson, jax_poisson, torch_poisson, poisson_slope),
    "hinge": LinearLoss("binary", our_hinge, jax_hinge, torch_hinge, hinge_slope),
    "huber": LinearLoss("real", our_huber, jax_huber, torch_huber, huber_slope),
}


def regression(name: str, quick: bool) -> Iterator[Case]:
    n, d = 6000 if quick else 60000, 784
    made = model(LOSSES[name], n, d)
    facts = {"n": n, "d": d, "dtype": "float32"}
    title = f"{name} regression {n} x {d} float32"
    yield Case(title, step.entries(made), 2e-3, (Bar(2),), facts=facts)


def poisson_cases(quick: bool) -> Iterator[Case]:
    return regression("poisson", quick)


def hinge_cases(quick: bool) -> Iterator[Case]:
    return regression("hinge", quick)


def huber_cases(quick: bool) -> Iterator[Case]:
    return regression("huber", quick)
