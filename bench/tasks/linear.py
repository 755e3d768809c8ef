"""Linear models: a loss of y and z = Xw + b, the same step for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..step import Derived, Loss, Model, Named

RIDGE = 0.01
PerExample = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class LinearLoss:
    """A loss per example, as each library would have it written.

    Attributes
    ----------
    labels : "binary", "count" or "real"
    ours, jax, torch, pytensor : (z, y) -> loss of each example
    slope : (z, y) -> loss of each example and its derivative by z, in NumPy
    """

    labels: str
    ours: PerExample
    jax: PerExample
    torch: PerExample
    slope: PerExample | None = None
    pytensor: PerExample | None = None


def model(loss: LinearLoss, n: int, d: int, dtype: str = "float32", **changes: Any) -> Model:
    """The model on random data of n rows and d columns."""
    r = np.random.default_rng(n + d)
    X = r.standard_normal((n, d), dtype=np.float32).astype(dtype, copy=False)
    params = {"w": r.normal(size=d) * 0.5 / np.sqrt(d), "b": np.array(0.3)}
    made = Model(
        data={"X": X, "y": drawn(loss.labels, r, n).astype(dtype)},
        params={k: v.astype(dtype) for k, v in params.items()},
        dims={"X": ("n", "d"), "y": ("n",)},
        ours=linear(loss.ours),
        jax=linear(loss.jax),
        torch={"": linear(loss.torch)},
        pytensor=linear(loss.pytensor) if loss.pytensor else None,
        numpy=by_hand(loss.slope) if loss.slope else None,
    )
    return Model(**{**made.__dict__, **changes})


def drawn(labels: str, r: np.random.Generator, n: int) -> np.ndarray:
    """Labels of a kind."""
    kinds = {
        "binary": lambda: r.random(n) > 0.5,
        "count": lambda: r.poisson(2.0, n),
        "real": lambda: r.normal(size=n),
    }
    return kinds[labels]()


def linear(loss: PerExample) -> Loss:
    """Mean loss with a ridge, and the sign of z."""

    def cost(params: Named, data: Named) -> tuple[Any, Any]:
        z = data["X"] @ params["w"] + params["b"]
        return loss(z, data["y"]).mean() + RIDGE * (params["w"] ** 2).sum(), z > 0

    return cost


def by_hand(slope: PerExample) -> Derived:
    def derived(params: Named, data: Named) -> tuple[Any, Any, Named]:
        X, w = data["X"], params["w"]
        z = X @ w + params["b"]
        losses, slopes = slope(z, data["y"])
        ridge = w.dtype.type(RIDGE)
        grads = {"w": X.T @ slopes / z.dtype.type(len(X)) + 2 * ridge * w, "b": slopes.mean()}
        return losses.mean() + ridge * (w**2).sum(), z > 0, grads

    return derived
