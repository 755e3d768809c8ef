"""Seconds of work on large graphs: `graph WHAT SIZE [LIBRARY]`."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def net(blocks: int, library: str) -> Callable[[], Any]:
    """Build a residual net and its gradients."""
    return our_net(blocks) if library == "closedform" else jax_net(blocks)


def our_net(blocks: int) -> Callable[[], Any]:
    import closedform as cf
    from closedform.algebra.pullback import accumulate

    def work() -> Any:
        X = cf.tensor("X", ("n", "d"))
        weights = [cf.tensor(f"W{i}", ("d", "d")) for i in range(blocks)]
        h = X
        for W in weights:
            h = h + cf.tanh(h @ W)
        # `cf.grad` only promises gradients; this is what keeps the promise
        return accumulate((h**2).mean().node, [W.node for W in weights])

    return work


def jax_net(blocks: int) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    def cost(weights: list[Any], X: Any) -> Any:
        h = X
        for W in weights:
            h = h + jnp.tanh(h @ W)
        return (h**2).mean()

    shape = jax.ShapeDtypeStruct((64, 64), np.float32)
    return lambda: jax.make_jaxpr(jax.grad(cost))([shape] * blocks, shape)


def chain(size: int) -> Any:
    """That many operations in a row."""
    import closedform as cf

    x = cf.vector("x")
    y = x
    for i in range(size // 2):
        y = (y + x) if i % 2 else y * x
        y = cf.sin(y)
    return y


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


CHAIN: dict[str, Callable[[int], float]] = {
    "builds": lambda size: seconds(lambda: chain(size)),
    "prints": lambda size: on(chain(size), lambda y: repr(y)),
    "hashes": lambda size: on(chain(size), lambda y: hash(y.node)),
    "pickles": lambda size: on(chain(size), lambda y: pickle.loads(pickle.dumps(y))),
}


def gradient(size: int) -> float:
    """From a cost to its gradient in compute form."""
    import closedform as cf
    from closedform.simplify.passes import compute_form

    x = cf.vector("x", shape="n")
    y = x
    for _ in range(size // 3):
        y = cf.tanh(y * 1.01 + x)
    slope = cf.grad(y.sum(), x)
    return seconds(lambda: compute_form([slope.node]))


def words(rounds: int) -> float:
    """Of all rows of the vocabulary, the one that takes longest to build, per operation."""
    from closedform.algebra.graph import topological
    from closedform.runtime import totality

    slowest = 0.0
    for row in (row for rows in totality.entries().values() for row in rows):
        values = row.values()
        try:
            made = row.results(values)  # once, for what is imported at first use
        except Exception:  # rows that are refused by name
            continue
        nodes = sum(bool(x.operands) for x in topological(t.node for t in made))
        taken = min(seconds(lambda: row.results(values)) for _ in range(rounds))  # noqa: B023
        slowest = max(slowest, taken / max(1, nodes))
    return slowest


def on(y: Any, verb: Callable[[Any], Any]) -> float:
    return seconds(lambda: verb(y))


def main() -> None:
    what, size = sys.argv[1], int(sys.argv[2])
    if what in ("gradient", "words"):
        print({"gradient": gradient, "words": words}[what](size))
    elif what == "net":
        work = net(size, sys.argv[3])
        print(seconds(work))
    else:
        print(CHAIN[what](size))


if __name__ == "__main__":
    main()
