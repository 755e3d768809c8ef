"""One training step of a model (loss, predictions, gradients, updates) in every library.

A model is data, first parameters, and its loss written for each library in the form that the
library's own documentation recommends. Everything else is the same for all models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from .case import Arrays, Entry, Kind, Runner

Named = dict[str, Any]
# (parameters, data) -> loss, prediction; the prediction may be None
Loss = Callable[[Named, Named], tuple[Any, Any]]
# (parameters, data) -> loss, prediction, gradients, written by hand
Derived = Callable[[Named, Named], tuple[Any, Any, Named]]


@dataclass(frozen=True)
class Model:
    """A loss in several libraries, on one data set.

    Attributes
    ----------
    data, params : arrays by name
    dims : shapes of the data as `closedform` declares them
    rate : of the update of each parameter
    torch : by label, where there is more than one documented form
    """

    data: Arrays
    params: Arrays
    dims: dict[str, tuple[Any, ...]]
    ours: Loss
    jax: Loss | None = None
    torch: dict[str, Loss] = field(default_factory=dict)
    pytensor: Loss | None = None
    numpy: Derived | None = None
    rate: float = 0.01


def entries(model: Model, compile_torch: bool = True) -> list[Entry]:
    """Ours, and the peers that the model has a loss for."""
    found = [ours("closedform", model)]
    if model.jax:
        found.append(Entry("jax", lambda: jax_step(model)))
    for label, loss in model.torch.items():
        name = f"torch {label}".strip()
        found.append(Entry(name, partial(torch_step, model, loss, False)))
        if compile_torch:
            found.append(Entry(f"{name} compiled", partial(torch_step, model, loss, True)))
    if model.pytensor:
        found.append(Entry("pytensor", lambda: pytensor_step(model)))
    if model.numpy:
        found.append(Entry("numpy", lambda: numpy_step(model)))
    return found


def ours(name: str, model: Model, kind: Kind = "ours") -> Entry:
    return Entry(name, lambda: our_step(model), kind)


def named(model: Model, cost: Any, prediction: Any, grads: Any, new: Any) -> Arrays:
    """The results of a step under the names that the check of agreement compares."""
    found = {"cost": cost}
    found |= {} if prediction is None else {"prediction": prediction}
    found |= {f"gradient {k}": g for k, g in zip(model.params, grads, strict=True)}
    found |= {f"new {k}": v for k, v in zip(model.params, new, strict=True)}
    return {name: np.array(value) for name, value in found.items()}


# ---------------------------------------------------------------- closedform


def our_function(model: Model) -> tuple[Any, list[Any]]:
    """The compiled step and its parameters."""
    import closedform as cf

    data = {k: cf.tensor(k, model.dims[k], str(a.dtype)) for k, a in model.data.items()}
    params = {k: cf.shared(v, name=k) for k, v in model.params.items()}
    cost, prediction = model.ours(params, data)
    grads = cf.grad(cost, list(params.values()))
    outputs = [cost, *([] if prediction is None else [prediction]), *grads]
    updates = [(p, p - model.rate * g) for p, g in zip(params.values(), grads, strict=True)]
    return cf.function(list(data.values()), outputs, updates=updates), list(params.values())


def passes(model: Model) -> list[str]:
    """The fold axes and passes that `explain` shows for the compiled step."""
    step, _ = our_function(model)
    step(*model.data.values())
    lines = (line.strip() for line in step.explain().splitlines())
    return [line for line in lines if line.startswith("fold axis")]


def our_step(model: Model) -> Runner:
    step, params = our_function(model)
    arrays = list(model.data.values())

    def reset() -> None:
        for variable, value in zip(params, model.params.values(), strict=True):
            variable.set_value(value)

    def read(found: list[np.ndarray]) -> Arrays:
        count = len(params)
        prediction = found[1] if len(found) > count + 1 else None
        new = [variable.get_value() for variable in params]
        return named(model, found[0], prediction, found[-count:], new)

    return Runner(lambda: step(*arrays), read, reset)


# ---------------------------------------------------------------- peers


def jax_arrays(arrays: Arrays) -> Named:
    import jax

    jax.config.update("jax_enable_x64", True)
    return {k: jax.numpy.array(v) for k, v in arrays.items()}


def jax_step(model: Model) -> Runner:
    """`jit` of `value_and_grad`, parameters donated."""
    data, state = jax_arrays(model.data), [jax_arrays(model.params)]
    import jax

    assert model.jax is not None
    graded = jax.value_and_grad(model.jax, has_aux=True)

    def step(params: Named, data: Named) -> Any:
        (cost, prediction), grads = graded(params, data)
        return cost, prediction, grads, {k: p - model.rate * grads[k] for k, p in params.items()}

    compiled = jax.jit(step, donate_argnums=0)

    def run() -> Any:
        found = jax.block_until_ready(compiled(state[0], data))
        state[0] = found[3]
        return found

    def reset() -> None:
        state[0] = jax_arrays(model.params)

    def read(found: Any) -> Arrays:
        cost, prediction, grads, new = found
        return named(model, cost, prediction, *[[d[k] for k in model.params] for d in (grads, new)])

    return Runner(run, read, reset)


def torch_step(model: Model, loss: Loss, compiled: bool) -> Runner:
    """Autograd, eager or through `torch.compile`, and updates in place."""
    import torch

    data = {k: torch.from_numpy(v) for k, v in model.data.items()}
    params = {k: torch.tensor(v, requires_grad=True) for k, v in model.params.items()}
    leaves = list(params.values())
    if compiled:
        torch._dynamo.reset()
        loss = torch.compile(loss)

    def run() -> Any:
        cost, prediction = loss(params, data)
        grads = torch.autograd.grad(cost, leaves)
        with torch.no_grad():
            for p, g in zip(leaves, grads, strict=True):
                p.sub_(g, alpha=model.rate)
        return cost, prediction, grads

    def reset() -> None:
        with torch.no_grad():
            for p, value in zip(leaves, model.params.values(), strict=True):
                p.copy_(torch.tensor(value))

    def read(found: Any) -> Arrays:
        cost, prediction, grads = found
        shown = None if prediction is None else prediction.detach()
        return named(model, cost.detach(), shown, grads, [p.detach() for p in leaves])

    return Runner(run, read, reset)


def pytensor_step(model: Model) -> Runner:
    import pytensor
    import pytensor.tensor as pt

    assert model.pytensor is not None
    data = {k: pt.TensorType(str(v.dtype), (None,) * v.ndim)(k) for k, v in model.data.items()}
    params = {k: pytensor.shared(v, name=k, shape=v.shape) for k, v in model.params.items()}
    with pytensor.config.change_flags(floatX=str(next(iter(model.params.values())).dtype)):
        cost, prediction = model.pytensor(params, data)
    grads: Any = pytensor.grad(cost, list(params.values()))
    pairs = zip(params.values(), grads, strict=True)
    new = [p - np.asarray(model.rate, p.dtype) * g for p, g in pairs]
    updates = [(p, v.astype(p.dtype)) for p, v in zip(params.values(), new, strict=True)]
    outputs = [cost, prediction, *grads]
    step = pytensor.function(list(data.values()), outputs, updates=updates)
    arrays = list(model.data.values())

    def reset() -> None:
        for variable, value in zip(params.values(), model.params.values(), strict=True):
            variable.set_value(value)

    def read(found: Any) -> Arrays:
        new = [variable.get_value() for variable in params.values()]
        return named(model, found[0], found[1], found[2:], new)

    return Runner(lambda: step(*arrays), read, reset)


def numpy_step(model: Model) -> Runner:
    """Gradients derived by hand, in NumPy's own words."""
    assert model.numpy is not None
    derived, params = model.numpy, {k: v.copy() for k, v in model.params.items()}

    def run() -> Any:
        cost, prediction, grads = derived(params, model.data)
        for k, p in params.items():
            params[k] = p - p.dtype.type(model.rate) * grads[k]
        return cost, prediction, grads

    def reset() -> None:
        params.update({k: v.copy() for k, v in model.params.items()})

    def read(found: Any) -> Arrays:
        cost, prediction, grads = found
        return named(model, cost, prediction, [grads[k] for k in params], params.values())

    return Runner(run, read, reset)
