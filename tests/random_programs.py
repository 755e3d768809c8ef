"""Random well-typed programs over the vocabulary there is, from a seed.

Shapes are drawn from a few named extents, so that values meet; a draw whose extents clash only at
run time (two slices of unknown length, say) is no program and is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import closedform as cf
from closedform.algebra import functions as F
from closedform.algebra import products as P

SIZES = {"n": 23, "d": 5, "k": 3}
UNARY = (F.tanh, F.sigmoid, F.softplus, F.sin, F.relu, F.absolute, F.sign)
SLICES = (slice(1, None), slice(None, None, -1), slice(None, -1, 2), 0, -1, slice(-3, None))

Program = tuple[dict[cf.Tensor, np.ndarray], list[cf.Tensor]]


def draw(seed: int, sizes: dict[str, int] = SIZES) -> Program:
    """Inputs with values; outputs: some results, and gradients of the sum of the last one."""
    rng = np.random.default_rng(seed)
    inputs = {x: value(rng, x, sizes) for x in (tensor(rng, f"x{j}", sizes) for j in range(3))}
    pool = list(inputs)
    while len(pool) < 3 + rng.integers(4, 13):
        try:
            result = OPERATIONS[rng.integers(len(OPERATIONS))](
                rng, pick(rng, pool), pick(rng, pool)
            )
        except (cf.ClosedformError, ValueError):  # this operation does not fit these operands
            continue
        if result.ndim <= 4:
            pool.append(result)
    outputs = [pool[k] for k in sorted(set(rng.integers(3, len(pool), size=3).tolist()))]
    wanted = [x for x in inputs if x.dtype.kind == "f"]
    if wanted and pool[-1].dtype.kind == "f":
        cost = F.sin(F.tanh(pool[-1])).sum()  # a sine of large numbers would be ill-conditioned
        outputs += cf.grad(cost, wanted, disconnected_inputs="ignore")
    return inputs, outputs


def tensor(rng: np.random.Generator, name: str, sizes: dict[str, int]) -> cf.Tensor:
    shape = [
        str(rng.choice(list(sizes))) if rng.random() < 0.9 else 1 for _ in range(rng.integers(4))
    ]
    odd = rng.random() < 0.15
    return cf.tensor(name, shape, str(rng.choice(["int64", "int32"])) if odd else "float64")


def value(rng: np.random.Generator, x: cf.Tensor, sizes: dict[str, int]) -> np.ndarray:
    shape = [d if isinstance(d, int) else sizes[str(d)] for d in x.shape]
    return np.asarray(
        rng.normal(size=shape) if x.dtype.kind == "f" else rng.integers(-4, 5, shape)
    ).astype(x.dtype)


def pick(rng: np.random.Generator, pool: list[cf.Tensor]) -> cf.Tensor:
    return pool[rng.integers(len(pool))]


def axis(rng: np.random.Generator, a: cf.Tensor) -> int:
    if not a.ndim:
        raise ValueError("a scalar has no axis")
    return int(rng.integers(a.ndim))


def cut(rng: np.random.Generator, a: cf.Tensor, b: cf.Tensor) -> cf.Tensor:
    key: list = [slice(None)] * a.ndim
    key[axis(rng, a)] = SLICES[rng.integers(len(SLICES))]
    return a[tuple(key)]


OPERATIONS: tuple[Callable[[np.random.Generator, cf.Tensor, cf.Tensor], cf.Tensor], ...] = (
    lambda r, a, b: a + b,
    lambda r, a, b: a - b,
    lambda r, a, b: a * b,
    lambda r, a, b: a / (1 + b * b),
    lambda r, a, b: a**2 + 0.3 * a,
    lambda r, a, b: UNARY[r.integers(len(UNARY))](a),
    lambda r, a, b: F.exp(F.tanh(a)),
    lambda r, a, b: F.log(1 + a * a),
    lambda r, a, b: F.where(a > b, a, b * 0.5),
    lambda r, a, b: F.maximum(a, b),
    lambda r, a, b: a.sum(axis(r, a), keepdims=bool(r.random() < 0.3)),
    lambda r, a, b: a.sum(),
    lambda r, a, b: a.mean(axis(r, a)),
    lambda r, a, b: (a.max, a.min, a.argmax, a.argmin)[r.integers(4)](axis(r, a)),
    lambda r, a, b: F.logsumexp(a, axis(r, a)),
    lambda r, a, b: F.softmax(a, axis(r, a)),
    lambda r, a, b: (a - a.mean(0)) / F.sqrt(1 + (a * a).sum(axis(r, a) * 0)),
    lambda r, a, b: a @ b,
    lambda r, a, b: P.dot(a, b),
    lambda r, a, b: a.T,
    lambda r, a, b: a.dimshuffle(*r.permutation(a.ndim).tolist(), "x"),
    lambda r, a, b: a.flatten(),
    cut,
)


def disagreement(seed: int, sizes: dict[str, int] = SIZES) -> str | None:
    """What the C target gets wrong of a program, "" for nothing, None if the draw is no program."""
    inputs, outputs = draw(seed, sizes)
    options = {"on_unused_input": "ignore"}
    try:
        written = cf.function(list(inputs), outputs, mode="FAST_COMPILE", **options)
        want = written(*inputs.values())
    except (cf.ShapeError, cf.CallError):
        return None
    got = cf.function(list(inputs), outputs, target="c", **options)(*inputs.values())
    return next((m for m in map(mismatch, got, want) if m), "")


def mismatch(got: np.ndarray, want: np.ndarray) -> str:
    if (got.shape, got.dtype) != (want.shape, want.dtype):
        return f"{got.dtype}{got.shape}, not {want.dtype}{want.shape}"
    if want.dtype.kind != "f":
        return "" if np.mean(got != want) < 0.05 else "other integers"  # ties of rounded values
    finite = np.isfinite(want)
    if not np.array_equal(np.isfinite(got), finite):
        return "other elements are finite"
    error = np.max(np.abs(got[finite] - want[finite]), initial=0.0)
    scale = np.max(np.abs(want[finite]), initial=1.0)
    return "" if error <= 1e-9 * scale else f"off by {error:g} at scale {scale:g}"
