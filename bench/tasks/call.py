"""What a call costs: five small arrays and almost no work, so that the call itself is timed.

The kernel of four additions on eight numbers takes some ten nanoseconds; the figure of a Python
function that does nothing is the floor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..bar import Bar
from ..case import Arrays, Case, Entry, Runner

N = 8
FLOOR = "empty Python function"


def cases(quick: bool) -> Iterator[Case]:
    r = np.random.default_rng(10)
    arrays = [r.normal(size=N) for _ in range(5)]
    yield Case(
        f"call with five arrays of {N}, result reused",
        [
            entry("closedform, out=", our_reused, arrays, "ours"),
            entry("numpy, out=", numpy_reused, arrays),
            entry("numba, out=", numba_reused, arrays),
            entry(FLOOR, floor, arrays, "reference"),
        ],
        bars=(Bar(0.5e-6, "below"),),
    )
    yield Case(
        f"call with five arrays of {N}, fresh result",
        [
            entry("closedform", our_runner, arrays, "ours"),
            entry("numpy", numpy_runner, arrays),
            entry("numba", numba_runner, arrays),
            entry("jax", jax_runner, arrays),
            entry("torch", torch_runner, arrays),
            entry("pytensor", pytensor_runner, arrays),
            entry(FLOOR, floor, arrays, "reference"),
        ],
        bars=(Bar(1e-6, "below"),),
    )


def entry(
    name: str,
    make: Callable[[list[np.ndarray]], Runner],
    arrays: list[np.ndarray],
    kind: Any = "peer",
) -> Entry:
    return Entry(name, lambda: make(arrays), kind)


def value(found: Any) -> Arrays:
    return {"value": np.array(found)}


def added(a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
    return a + b + c + d + e


def added_into(a: Any, b: Any, c: Any, d: Any, e: Any, out: Any) -> Any:
    for i in range(len(a)):
        out[i] = a[i] + b[i] + c[i] + d[i] + e[i]
    return out


def called(f: Callable[..., Any], arrays: list[Any]) -> Callable[[], Any]:
    """A call with the five arrays, spelled out: no unpacking is timed."""
    a, b, c, d, e = arrays
    return lambda: f(a, b, c, d, e)


def our_function() -> Any:
    import closedform as cf

    variables = [cf.tensor(name, ("n",), "float64") for name in "abcde"]
    return cf.function(variables, added(*variables))


def our_runner(arrays: list[np.ndarray]) -> Runner:
    return Runner(called(our_function(), arrays), value)


def our_reused(arrays: list[np.ndarray]) -> Runner:
    (a, b, c, d, e), f, out = arrays, our_function(), np.empty(N)
    return Runner(lambda: f(a, b, c, d, e, out=out), value)


def numpy_runner(arrays: list[np.ndarray]) -> Runner:
    return Runner(called(added, arrays), value)


def numpy_reused(arrays: list[np.ndarray]) -> Runner:
    (a, b, c, d, e), out, add = arrays, np.empty(N), np.add

    def run() -> np.ndarray:
        add(a, b, out)
        add(out, c, out)
        add(out, d, out)
        return add(out, e, out)

    return Runner(run, value)


def numba_runner(arrays: list[np.ndarray]) -> Runner:
    import numba

    return Runner(called(numba.njit(added), arrays), value)


def numba_reused(arrays: list[np.ndarray]) -> Runner:
    import numba

    (a, b, c, d, e), f, out = arrays, numba.njit(added_into), np.empty(N)
    return Runner(lambda: f(a, b, c, d, e, out), value)


def jax_runner(arrays: list[np.ndarray]) -> Runner:
    import jax

    jax.config.update("jax_enable_x64", True)
    f = jax.jit(added)
    a, b, c, d, e = map(jax.numpy.array, arrays)
    return Runner(lambda: f(a, b, c, d, e).block_until_ready(), value)


def torch_runner(arrays: list[np.ndarray]) -> Runner:
    import torch

    return Runner(called(added, [torch.from_numpy(v) for v in arrays]), value)


def pytensor_runner(arrays: list[np.ndarray]) -> Runner:
    import pytensor
    import pytensor.tensor as pt

    variables = [pt.dvector(name) for name in "abcde"]
    f = pytensor.function(variables, added(*variables), trust_input=True)
    return Runner(called(f, arrays), value)


def floor(arrays: list[np.ndarray]) -> Runner:
    return Runner(called(lambda a, b, c, d, e: None, arrays))
