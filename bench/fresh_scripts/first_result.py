"""Seconds from the call that compiles to the first result: `first_result MODEL LIBRARY`.

Imports, data and the building of expressions are done before the clock starts; for `closedform`
and PyTensor it starts at `function(...)`, for JAX at `jit(...)`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..step import Model, Named
from ..tasks import linear, logistic

Start = Callable[[], Any]
BLOCKS, WIDTH = 40, 64


def residual(rows: int = 256) -> Model:
    """A net of residual blocks."""
    r = np.random.default_rng(0)
    params = {f"W{i}": r.normal(size=(WIDTH, WIDTH)) / WIDTH for i in range(BLOCKS)}

    def loss(library: str) -> Callable[[Named, Named], tuple[Any, Any]]:
        def cost(params: Named, data: Named) -> tuple[Any, Any]:
            import importlib

            h, xp = data["X"], importlib.import_module(library)
            for i in range(BLOCKS):
                h = h + xp.tanh(h @ params[f"W{i}"])
            return (h**2).mean(), None

        return cost

    data = {"X": r.normal(size=(rows, WIDTH))}
    dims = {"X": ("n", "d")}
    return Model(data, params, dims, loss("closedform"), loss("jax.numpy"), rate=0.1)


MODELS: dict[str, Callable[[], Model]] = {
    "logistic": lambda: linear.model(logistic.LOSS, 400, 784, "float64"),
    "residual": residual,
}


def closedform(model: Model) -> Start:
    import closedform as cf

    data = {k: cf.tensor(k, model.dims[k], str(v.dtype)) for k, v in model.data.items()}
    params = {k: cf.shared(v, name=k) for k, v in model.params.items()}
    cost, _ = model.ours(params, data)
    grads = cf.grad(cost, list(params.values()))
    updates = [(p, p - model.rate * g) for p, g in zip(params.values(), grads, strict=True)]

    def start() -> Any:
        f = cf.function(list(data.values()), [cost, *grads], updates=updates)
        return f(*model.data.values())

    return start


def jax(model: Model) -> Start:
    import jax

    from ..step import jax_arrays

    assert model.jax is not None
    params, data = jax_arrays(model.params), jax_arrays(model.data)
    graded = jax.value_and_grad(model.jax, has_aux=True)

    def step(params: Named, data: Named) -> Any:
        (cost, _), grads = graded(params, data)
        return cost, grads, {k: p - model.rate * grads[k] for k, p in params.items()}

    jax.block_until_ready(jax.jit(lambda x: x + 1)(1.0))  # starts the back end
    return lambda: jax.block_until_ready(jax.jit(step)(params, data))


def pytensor(model: Model) -> Start:
    import pytensor
    import pytensor.tensor as pt

    assert model.pytensor is not None
    data = {k: pt.TensorType(str(v.dtype), (None,) * v.ndim)(k) for k, v in model.data.items()}
    params = {k: pytensor.shared(v, name=k, shape=v.shape) for k, v in model.params.items()}
    cost, _ = model.pytensor(params, data)
    grads: Any = pytensor.grad(cost, list(params.values()))
    updates = [(p, p - model.rate * g) for p, g in zip(params.values(), grads, strict=True)]

    def start() -> Any:
        f = pytensor.function(list(data.values()), [cost, *grads], updates=updates)
        return f(*model.data.values())

    return start


LIBRARIES = {"closedform": closedform, "jax": jax, "pytensor": pytensor}


def main() -> None:
    model, library = sys.argv[1:3]
    start = LIBRARIES[library](MODELS[model]())
    before = time.perf_counter()
    start()
    print(time.perf_counter() - before)


if __name__ == "__main__":
    main()
