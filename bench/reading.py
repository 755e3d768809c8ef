"""The physical reference: one plain threaded read of an array, by whoever does it fastest."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np

from .case import Arrays, Entry, Runner

NAMES = ("read: closedform", "read: numba", "read: torch", "read: jax")


def reads(x: np.ndarray) -> list[Entry]:
    """The sum of all elements, by us and by peers; these are references, not contenders."""
    makers = (our_sum, numba_sum, torch_sum, jax_sum)
    return [
        Entry(name, partial(make, x), "reference") for name, make in zip(NAMES, makers, strict=True)
    ]


def total(found: Any) -> Arrays:
    return {"total": np.array(found, dtype="float64")}


def our_sum(x: np.ndarray) -> Runner:
    import closedform as cf

    v = cf.tensor("x", tuple(f"n{axis}" for axis in range(x.ndim)), str(x.dtype))
    summed = cf.function([v], v.sum())
    return Runner(lambda: summed(x))


@cache
def numba_kernel() -> Any:
    import numba

    @numba.njit(parallel=True, fastmath=True)
    def kernel(x):  # type: ignore[no-untyped-def]
        found = x.dtype.type(0)
        for i in numba.prange(x.size):
            found += x[i]
        return found

    return kernel


def numba_sum(x: np.ndarray) -> Runner:
    kernel, flat = numba_kernel(), x.reshape(-1)
    return Runner(lambda: kernel(flat))


def torch_sum(x: np.ndarray) -> Runner:
    import torch

    tensor = torch.from_numpy(x)
    return Runner(lambda: tensor.sum())


def jax_sum(x: np.ndarray) -> Runner:
    import jax

    jax.config.update("jax_enable_x64", True)
    array, summed = jax.numpy.array(x), jax.jit(lambda a: a.sum())
    return Runner(lambda: summed(array).block_until_ready())
