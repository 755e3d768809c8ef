"""On a CUDA device: gradients, elementwise code, captured steps, calls and streaming, beside CuPy,
PyTorch and JAX. Without a device there is nothing to measure, and the reason is printed.

Every runner waits for the device at its end. "copy" moves as many bytes as one read of the data,
half of them read and half of them written, so that its time is that of the measured bandwidth.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..bar import Bar
from ..case import Case, Entry, Runner, measured
from ..contenders import copy, host, jax_runner, ours, random, read, then_wait, torch_runner, wait

BYTES = 3 * 10**9  # of X
BUDGET = 7 * 60  # seconds after which no case is begun: one call stays below 8 minutes
COLUMNS = (28, 128, 784, 1024, 2048, 8192)
STEPS = 1000
RATE = 0.1
COPY = "copy"


def cases(quick: bool) -> Iterator[Case]:
    reason = absent()
    if reason:
        print(f"gpu: nothing is measured: {reason}")
        return
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX leaves room for others
    start = time.monotonic()
    for name, make in planned(quick):
        if time.monotonic() - start > BUDGET:
            print(f"gpu: {name} is left out, for {BUDGET} s have passed")
            continue
        case = make()
        yield replace(case, facts=case.facts | device())


def device() -> dict[str, Any]:
    """The device, its driver and what runs on it, kept with every result."""
    import cupy

    from closedform.runtime import cupy_device, nvrtc

    found, runtime = cupy_device.current(), cupy.cuda.runtime
    return {
        "device": found.name,
        "memory": found.facts.memory,
        "processors": found.facts.processors,
        "driver": runtime.driverGetVersion(),
        "runtime": runtime.runtimeGetVersion(),
        "nvrtc": ".".join(map(str, nvrtc.version())),
        "cupy": f"{cupy_device.package()} {cupy.__version__}",
    }


def planned(quick: bool) -> list[tuple[str, Callable[[], Case]]]:
    """Every case with its name, those with bars first; data is made when its turn comes."""
    size = BYTES // 100 if quick else BYTES
    columns = COLUMNS[2:4] if quick else COLUMNS
    return [
        ("a call", calls),
        *((f"logistic {d}", partial(logistic, size // (4 * d), d, "float32")) for d in columns),
        ("elementwise", partial(elementwise, 10**6 if quick else 10**8)),
        ("softmax", partial(softmax, size // (4 * 784), 784, 10)),
        *(
            (f"steps {batch}", partial(captured, batch, 784, 100 if quick else STEPS))
            for batch in (256, 8192)
        ),
        ("streamed", partial(streamed, 10**4 if quick else 10**6, 784)),
        ("logistic float64", partial(logistic, size // (8 * 784), 784, "float64")),
        ("perceptron", partial(perceptron, 6000 if quick else 60000, 784, 500, 10)),
    ]


def absent() -> str:
    """Why nothing can be measured, or nothing."""
    from closedform.algebra.errors import ClosedformError
    from closedform.runtime import cupy_device

    try:
        cupy_device.current()
    except ClosedformError as error:
        return str(error).splitlines()[0]
    return ""


# ---------------------------------------------------------------- regressions


def softplus(xp: Any, z: Any) -> Any:
    """In the form that each library documents."""
    if xp.__name__ == "torch":
        return xp.nn.functional.softplus(z)
    if xp.__name__ == "jax.numpy":
        import jax

        return jax.nn.softplus(z)
    return xp.softplus(z) if hasattr(xp, "softplus") else xp.logaddexp(0, z)


def logistic_loss(xp: Any, X: Any, y: Any, w: Any) -> Any:
    z = X @ w
    return (softplus(xp, z) - y * z).mean()


def entries(loss: Callable, data: dict, dims: dict, names: tuple, count: int) -> list[Entry]:
    return [
        Entry("closedform", partial(ours, loss, data, dims, names), "ours"),
        Entry("torch", partial(torch_runner, loss, data, names, False)),
        Entry("torch compiled", partial(torch_runner, loss, data, names, True)),
        Entry("jax", partial(jax_runner, loss, data, names)),
        Entry(COPY, partial(copy, count), "reference"),
    ]


def logistic(n: int, d: int, dtype: str) -> Case:
    data = {"X": random((n, d), dtype), "y": random((n,), dtype, 1), "w": random((d,), dtype, 2)}
    data["y"] = (data["y"] > 0).astype(dtype)
    data["w"] /= np.sqrt(d).astype(dtype)
    dims = {"X": ("n", "d"), "y": ("n",), "w": ("d",)}
    found = entries(logistic_loss, data, dims, ("w",), data["X"].nbytes)
    found.insert(1, Entry("cupy", partial(by_hand, data)))
    bars = [Bar(1.7)] if dtype == "float32" and d >= 128 else []
    if dtype == "float32" and d >= 128:
        bars.append(Bar(1 / 0.85, "within", (COPY,)))
    facts = {"n": n, "d": d, "dtype": dtype, "bytes of X": data["X"].nbytes}
    name = f"gpu: logistic gradient {n} x {d} {dtype}"
    return Case(name, found, 2e-3, tuple(bars), rounds=15, facts=facts)


def by_hand(data: dict[str, Any]) -> Runner:
    """The gradient that a user of CuPy writes."""
    import cupy

    X, y, w = data["X"], data["y"], data["w"]

    def run() -> Any:
        z = X @ w
        cost = (cupy.logaddexp(z.dtype.type(0), z) - y * z).mean()
        return cost, X.T @ (1 / (1 + cupy.exp(-z)) - y) / len(y)

    return Runner(then_wait(run), read(("cost", "w")))


def log_softmax(xp: Any, z: Any) -> Any:
    if xp.__name__ == "jax.numpy":
        import jax

        return jax.nn.log_softmax(z, 1)
    return xp.log_softmax(z, 1)


def softmax_loss(xp: Any, X: Any, T: Any, W: Any) -> Any:
    return -(T * log_softmax(xp, X @ W)).sum(1).mean()


def classes(n: int, k: int) -> Any:
    import cupy

    places = cupy.random.default_rng(3).integers(0, k, n)
    return (places[:, None] == cupy.arange(k)).astype("float32")


def softmax(n: int, d: int, k: int) -> Case:
    W = random((d, k), "float32", 2) / np.float32(np.sqrt(d))
    data = {"X": random((n, d), "float32"), "T": classes(n, k), "W": W}
    dims = {"X": ("n", "d"), "T": ("n", k), "W": ("d", k)}
    found = entries(softmax_loss, data, dims, ("W",), data["X"].nbytes)
    facts = {"n": n, "d": d, "classes": k}
    return Case(f"gpu: softmax {n} x {d} x {k}", found, 2e-3, (Bar(1.5),), rounds=15, facts=facts)


def perceptron_loss(xp: Any, X: Any, T: Any, V: Any, W: Any) -> Any:
    return -(T * log_softmax(xp, xp.tanh(X @ V) @ W)).sum(1).mean()


def perceptron(n: int, d: int, h: int, k: int) -> Case:
    V = random((d, h), "float32", 2) / np.float32(np.sqrt(d))
    W = random((h, k), "float32", 4) / np.float32(np.sqrt(h))
    data = {"X": random((n, d), "float32"), "T": classes(n, k), "V": V, "W": W}
    dims = {"X": ("n", "d"), "T": ("n", k), "V": ("d", "h"), "W": ("h", k)}
    found = entries(perceptron_loss, data, dims, ("V", "W"), data["X"].nbytes)
    facts = {"n": n, "d": d, "hidden": h, "classes": k}
    return Case(f"gpu: perceptron {n} x {d}-{h}-{k}", found, 5e-3, rounds=15, facts=facts)


# ---------------------------------------------------------------- elementwise, steps, calls


def formula(xp: Any, a: Any, b: Any) -> Any:
    return xp.exp(-(a * a)) * xp.tanh(b) + a


def elementwise(n: int) -> Case:
    a, b = random((n,), "float32"), random((n,), "float32", 1)
    value = lambda found: {"value": host(found)}  # noqa: E731

    def compiled() -> Runner:
        import closedform as cf

        x, y = cf.vector("a", dtype="float32"), cf.vector("b", dtype="float32")
        f = cf.function([x, y], formula(cf, x, y), target="cuda")
        return Runner(then_wait(lambda: f(a, b)), value)

    def cupy_fused() -> Runner:
        import cupy

        f = cupy.fuse()(partial(formula, cupy))
        return Runner(then_wait(lambda: f(a, b)), value)

    def torch_elementwise(compile_it: bool) -> Runner:
        import torch

        f = partial(formula, torch)
        f = torch.compile(f) if compile_it else f
        x, y = torch.from_dlpack(a), torch.from_dlpack(b)

        def run() -> Any:
            found = f(x, y)
            torch.cuda.synchronize()
            return found

        return Runner(run, value)

    def jax_elementwise() -> Runner:
        import jax

        f = jax.jit(partial(formula, jax.numpy))
        x, y = jax.dlpack.from_dlpack(a), jax.dlpack.from_dlpack(b)
        return Runner(lambda: jax.block_until_ready(f(x, y)), value)

    found = [
        Entry("closedform", compiled, "ours"),
        Entry("cupy fused", cupy_fused),
        Entry("torch", partial(torch_elementwise, False)),
        Entry("torch compiled", partial(torch_elementwise, True)),
        Entry("jax", jax_elementwise),
        Entry(COPY, partial(copy, 3 * a.nbytes), "reference"),
    ]
    bar = Bar(1 / 0.9, "within", (COPY,))
    return Case(f"gpu: elementwise {n} float32", found, 1e-4, (bar,), facts={"n": n})


def captured(n: int, d: int, steps: int) -> Case:
    """Steps of logistic regression on one batch that stays on the device."""
    X, y = random((n, d), "float32"), (random((n,), "float32", 1) > 0).astype("float32")

    def compiled() -> Runner:
        import closedform as cf

        x, t = cf.tensor("X", ("n", "d"), "float32"), cf.tensor("y", ("n",), "float32")
        w = cf.shared(np.zeros(d, "float32"), name="w", target="cuda")
        cost = logistic_loss(cf, x, t, w)
        f = cf.function([x, t], cost, updates=[(w, w - RATE * cf.grad(cost, w))], target="cuda")
        step = f.capture(X, y)
        return Runner(then_wait(lambda: step(steps)), lambda _: {"w": w.get_value()})

    found = [
        Entry("closedform", compiled, "ours"),
        Entry("torch", partial(torch_steps, X, y, steps, False)),
        Entry("torch graph", partial(torch_steps, X, y, steps, True)),
    ]
    bars = (Bar(5, against=("torch",)), Bar(1.2, against=("torch graph",)))
    facts = {"n": n, "d": d, "steps": steps}
    name = f"gpu: {steps} captured steps, batch {n} x {d}"
    return Case(name, found, 1e-2, bars, rounds=9, facts=facts)


def torch_steps(X: Any, y: Any, steps: int, graphed: bool) -> Runner:
    import torch

    inputs, labels = torch.from_dlpack(X), torch.from_dlpack(y)
    w = torch.zeros(X.shape[1], device="cuda", requires_grad=True)

    def step() -> None:
        (g,) = torch.autograd.grad(logistic_loss(torch, inputs, labels, w), [w])
        with torch.no_grad():
            w.sub_(g, alpha=RATE)

    start = step
    if graphed:
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        start = graph.replay
        with torch.no_grad():
            w.zero_()

    def run() -> None:
        for _ in range(steps):
            start()
        torch.cuda.synchronize()

    return Runner(run, lambda _: {"w": host(w)})


def calls() -> Case:
    """Seconds of a call from Python, five arguments, without waiting; and of a first call."""

    def per_call() -> float:
        import cupy

        import closedform as cf

        names = [cf.vector(f"x{k}") for k in range(5)]
        f = cf.function(names, names[0] + names[1] * names[2] - names[3] / names[4], target="cuda")
        arrays = [cupy.ones(8) for _ in names]
        f(*arrays)
        wait()
        start = time.perf_counter()
        for _ in range(500):
            f(*arrays)
        seconds = (time.perf_counter() - start) / 500
        wait()
        return seconds

    def first() -> float:
        import cupy

        import closedform as cf

        x, rate = cf.vector("x"), float(time.perf_counter_ns() % 7 + 2)
        start = time.perf_counter()
        cf.function([x], cf.exp(x**rate).sum() + rate, target="cuda")(cupy.ones(8))
        wait()
        return time.perf_counter() - start

    found = [
        Entry("closedform", measured(per_call), "ours"),
        Entry("closedform, first call", measured(first), "reference"),
    ]
    return Case("gpu: a call", found, bars=(Bar(10e-6, "below"),), rounds=5)


def streamed(n: int, d: int) -> Case:
    """Data in host memory, three times what the device is allowed, against a pinned copy."""
    X = np.random.default_rng(0).standard_normal((n, d), dtype="float32")
    y = (X[:, 0] > 0).astype("float32")

    def through() -> float:
        import closedform as cf
        from closedform.runtime import homes

        x, t = cf.tensor("X", ("n", "d"), "float32"), cf.tensor("y", ("n",), "float32")
        w = cf.tensor("w", ("d",), "float32")
        cost = logistic_loss(cf, x, t, w)
        f = cf.function([x, t, w], cf.grad(cost, w), target="cuda")
        device, zero = homes.current_device(), np.zeros(d, "float32")
        device.free = lambda: X.nbytes // 3  # type: ignore[method-assign]
        try:
            f(X, y, zero)
            wait()
            start = time.perf_counter()
            f(X, y, zero)
            wait()
            return time.perf_counter() - start
        finally:
            del device.free

    def pinned() -> float:
        import cupy
        import cupyx

        rows = max(1, min(n, (1 << 28) // (4 * d)))
        memory, there = cupyx.empty_pinned((rows, d), "float32"), cupy.empty((rows, d), "float32")
        there.set(memory)
        wait()
        start = time.perf_counter()
        there.set(memory)
        wait()
        return (time.perf_counter() - start) * n / rows

    found = [
        Entry("closedform", measured(through), "ours"),
        Entry("pinned copy", measured(pinned), "reference"),
    ]
    bar = Bar(1 / 0.9, "within", ("pinned copy",))
    return Case(f"gpu: {n} x {d} from host memory", found, bars=(bar,), rounds=3)
