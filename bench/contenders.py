"""Contenders on a CUDA device: ours, PyTorch eager and compiled, JAX; a copy, for its bandwidth.

Every runner waits for the device at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .case import Arrays, Runner


def wait() -> None:
    import cupy

    cupy.cuda.Device().synchronize()


def then_wait(run: Callable[[], Any]) -> Callable[[], Any]:
    def both() -> Any:
        found = run()
        wait()
        return found

    return both


def host(value: Any) -> np.ndarray:
    """A result of any of the libraries in NumPy's memory."""
    if hasattr(value, "get"):
        return value.get()
    return np.array(value.detach().cpu() if hasattr(value, "detach") else value)


def read(names: tuple[str, ...]) -> Callable[[Any], Arrays]:
    return lambda found: {k: host(v) for k, v in zip(names, found, strict=True)}


def random(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Any:
    """Normal numbers on the device, made without a second copy."""
    import cupy

    return cupy.random.default_rng(seed).standard_normal(shape, dtype=dtype)


def copy(count: int) -> Runner:
    """Moves `count` bytes: half of them read, half written."""
    import cupy

    memory = cupy.empty(count // 2, cupy.uint8)
    other = cupy.empty_like(memory)
    return Runner(then_wait(lambda: cupy.copyto(other, memory)))


def ours(loss: Callable, data: dict[str, Any], dims: dict[str, tuple], names: tuple) -> Runner:
    """Cost and gradients by a compiled function."""
    import closedform as cf

    symbols = {k: cf.tensor(k, dims[k], str(a.dtype)) for k, a in data.items()}
    cost = loss(cf, **symbols)
    grads = cf.grad(cost, [symbols[k] for k in names])
    f = cf.function(list(symbols.values()), [cost, *grads], target="cuda")
    arrays = list(data.values())
    return Runner(then_wait(lambda: f(*arrays)), read(("cost", *names)))


def torch_runner(loss: Callable, data: dict[str, Any], names: tuple, compiled: bool) -> Runner:
    """Cost and gradients by autograd, eager or compiled."""
    import torch

    tensors = {k: torch.from_dlpack(a) for k, a in data.items()}
    leaves = {k: tensors[k].clone().requires_grad_() for k in names}
    function = torch.compile(loss) if compiled else loss

    def run() -> Any:
        cost = function(torch, **(tensors | leaves))
        grads = torch.autograd.grad(cost, list(leaves.values()))
        torch.cuda.synchronize()
        return cost, *grads

    return Runner(run, read(("cost", *names)))


def jax_runner(loss: Callable, data: dict[str, Any], names: tuple) -> Runner:
    """Cost and gradients by `jit`."""
    import jax

    jax.config.update("jax_enable_x64", True)
    arrays = {k: jax.dlpack.from_dlpack(a) for k, a in data.items()}
    graded = jax.jit(jax.value_and_grad(lambda leaves, rest: loss(jax.numpy, **(rest | leaves))))
    leaves = {k: arrays[k] for k in names}
    rest = {k: v for k, v in arrays.items() if k not in names}

    def run() -> Any:
        cost, grads = jax.block_until_ready(graded(leaves, rest))
        return cost, *(grads[k] for k in names)

    return Runner(run, read(("cost", *names)))
