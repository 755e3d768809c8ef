"""Gaussian mixtures: diagonal covariances, and full ones by triangular factors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import step
from ..bar import Bar
from ..case import Case
from ..step import Model, Named


def cases(quick: bool) -> Iterator[Case]:
    yield diagonal_case(6000 if quick else 60000, 16, 8)
    n = 1000 if quick else 10000
    for d, k in ((10, 5),) if quick else ((10, 5), (10, 25), (64, 5), (64, 25)):
        yield full_case(n, d, k)


# ---------------------------------------------------------------- diagonal


def diagonal_case(n: int, d: int, k: int) -> Case:
    r = np.random.default_rng(3)
    params = {"mu": r.normal(size=(k, d)), "ls": r.normal(size=(k, d)) * 0.1, "a": r.normal(size=k)}
    made = Model(
        {"X": r.standard_normal((n, d), dtype=np.float32)},
        {key: v.astype("float32") for key, v in params.items()},
        {"X": ("n", "d")},
        our_diagonal,
        jax_diagonal,
        {"": torch_diagonal, "expanded": torch_expanded},
    )
    facts = {"n": n, "d": d, "components": k, "dtype": "float32"}
    title = f"mixture, diagonal, {n} x {d}, {k} components, float32"
    return Case(title, step.entries(made), 5e-3, (Bar(8),), rounds=11, facts=facts)


def our_diagonal(params: Named, data: Named) -> tuple[Any, Any]:
    import closedform as cf

    X, mu, ls, a = data["X"], params["mu"], params["ls"], params["a"]
    q = ((X[:, None, :] - mu[None, :, :]) ** 2 * cf.exp(-2 * ls)[None, :, :]).sum(axis=2)
    score = a - cf.logsumexp(a) - ls.sum(axis=1) - q / 2
    return -cf.logsumexp(score, axis=1).mean(), None


def jax_diagonal(params: Named, data: Named) -> tuple[Any, Any]:
    from jax import numpy as jnp
    from jax.scipy.special import logsumexp

    X, mu, ls, a = data["X"], params["mu"], params["ls"], params["a"]
    q = ((X[:, None, :] - mu[None, :, :]) ** 2 * jnp.exp(-2 * ls)[None, :, :]).sum(axis=2)
    return -logsumexp(a - logsumexp(a) - ls.sum(1) - q / 2, axis=1).mean(), None


def torch_diagonal(params: Named, data: Named) -> tuple[Any, Any]:
    import torch

    X, mu, ls, a = data["X"], params["mu"], params["ls"], params["a"]
    q = ((X[:, None, :] - mu[None, :, :]) ** 2 * torch.exp(-2 * ls)[None, :, :]).sum(2)
    score = torch.log_softmax(a, 0) - ls.sum(1) - q / 2
    return -torch.logsumexp(score, 1).mean(), None


def torch_expanded(params: Named, data: Named) -> tuple[Any, Any]:
    """The square expanded into matrix products: fewer passes, fewer digits."""
    import torch

    X, mu, ls, a = data["X"], params["mu"], params["ls"], params["a"]
    v = torch.exp(-2 * ls)
    q = (X**2) @ v.T - 2 * (X @ (mu * v).T) + (mu**2 * v).sum(1)
    score = torch.log_softmax(a, 0) - ls.sum(1) - q / 2
    return -torch.logsumexp(score, 1).mean(), None


# ---------------------------------------------------------------- full


def full_case(n: int, d: int, k: int) -> Case:
    """Inverse covariances by their triangular factors: the objective of Gaussian mixture fitting.

    Source: ADBench (Srajer, Kukelova and Fitzgibbon 2018), without its Wishart prior.
    """
    r = np.random.default_rng(4)
    lower = np.tril(np.ones((d, d)), -1)
    params = {
        "mu": r.normal(size=(k, d)),
        "s": r.normal(size=(k, d)) * 0.1,
        "L": r.normal(size=(k, d, d)) * lower / math.sqrt(d),
        "a": r.normal(size=k),
    }
    made = Model(
        {"X": r.normal(size=(n, d)), "lower": lower, "eye": np.eye(d)},
        params,
        {"X": ("n", "d"), "lower": ("d", "d"), "eye": ("d", "d")},
        our_full,
        jax_full,
        {"": torch_full},
    )
    facts = {"n": n, "d": d, "components": k, "dtype": "float64"}
    title = f"mixture, full, {n} x {d}, {k} components, float64"
    return Case(title, step.entries(made), 1e-7, (Bar(2),), rounds=11, facts=facts)


def our_full(params: Named, data: Named) -> tuple[Any, Any]:
    import closedform as cf

    X, mu, s, a = data["X"], params["mu"], params["s"], params["a"]
    factor = params["L"] * data["lower"] + cf.exp(s)[:, :, None] * data["eye"]
    scaled = cf.einsum("kij,nkj->nki", factor, X[:, None, :] - mu[None, :, :])
    score = a - cf.logsumexp(a) + s.sum(axis=1) - (scaled**2).sum(axis=2) / 2
    return -cf.logsumexp(score, axis=1).mean(), None


def jax_full(params: Named, data: Named) -> tuple[Any, Any]:
    from jax import numpy as jnp
    from jax.scipy.special import logsumexp

    X, mu, s, a = data["X"], params["mu"], params["s"], params["a"]
    factor = params["L"] * data["lower"] + jnp.exp(s)[:, :, None] * data["eye"]
    scaled = jnp.einsum("kij,nkj->nki", factor, X[:, None, :] - mu[None, :, :])
    score = a - logsumexp(a) + s.sum(1) - (scaled**2).sum(2) / 2
    return -logsumexp(score, axis=1).mean(), None


def torch_full(params: Named, data: Named) -> tuple[Any, Any]:
    import torch

    X, mu, s, a = data["X"], params["mu"], params["s"], params["a"]
    factor = params["L"] * data["lower"] + torch.exp(s)[:, :, None] * data["eye"]
    scaled = torch.einsum("kij,nkj->nki", factor, X[:, None, :] - mu[None, :, :])
    score = torch.log_softmax(a, 0) + s.sum(1) - (scaled**2).sum(2) / 2
    return -torch.logsumexp(score, 1).mean(), None
