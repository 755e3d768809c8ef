"""Expressions over the words on whole arrays, each a text that NumPy understands too.

A row's text is evaluated twice: over tensors with our functions, and over arrays with NumPy's.
Where the names or the meaning differ, `reference` says it in NumPy's words; `step` says it once
more with functions that are analytic where they are defined, so that a complex step differentiates
it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

import closedform as cf
from closedform.algebra import tutorial

N, D = 5, 4


def drawn(n: int = N, d: int = D, k: int = 7) -> dict[str, np.ndarray]:
    """Arrays for the rows; with n or k = 0 some have no elements."""
    r = np.random.default_rng(7)
    x = r.normal(size=(n, d))
    if (n, d) == (N, D):
        x[1, 2] = x[1, 3] = x[4, 0] = 0.0  # products are hard where elements are 0
    return {
        "x": x,
        "y": r.normal(size=(3, d)),
        "v": r.normal(size=n),
        "s": r.normal(size=(n, n)),
        "t": r.normal(size=(3, n, d)),
        "c": r.normal(size=(n, 1)),
        "i": np.array([0, -1, 2, 2, 4, -5, 1])[:k],
        "j": r.integers(0, max(d, 1), (2, 3)),
        "b": r.random((n, d)) > 0.4,
        "p": np.where(r.random((n, d)) > 0.7, np.nan, r.normal(size=(n, d))),
        "m": r.integers(-3, 4, (n, d)),
    }


SHAPES: dict[str, tuple] = {
    "x": ("n", "d"), "y": ("m", "d"), "v": ("n",), "s": ("n", "n"), "t": ("p", "n", "d"),
    "c": ("n", 1), "i": ("k",), "j": ("q", "r"), "b": ("n", "d"), "p": ("n", "d"), "m": ("n", "d"),
}  # fmt: skip


def tensors(arrays: Mapping[str, np.ndarray], known: bool = False) -> dict[str, cf.Tensor]:
    """One input per array, with named extents, or with those of the arrays."""
    return {n: cf.tensor(n, a.shape if known else SHAPES[n], a.dtype) for n, a in arrays.items()}


class Row(NamedTuple):
    """text, and what it means; smooth: whether a complex step of `step` is its derivative."""

    text: str
    reference: str
    step: str
    smooth: bool

    @property
    def inputs(self) -> list[str]:
        """Names of the arrays it reads."""
        return [name for name in SHAPES if re.search(rf"(?<![\w.]){name}\b(?!\s*[=(])", self.text)]

    def of_tensors(self, values: Mapping[str, Any]) -> Any:
        return eval(self.text, {**OURS, **values})  # noqa: S307 (a row of this file)

    def of_arrays(self, values: Mapping[str, Any]) -> Any:
        return eval(self.reference, {**NUMPY, **values})  # noqa: S307

    def stepped(self, values: Mapping[str, Any]) -> Any:
        return eval(self.step, {**NUMPY, **values})  # noqa: S307


def size(z: np.ndarray) -> np.ndarray:
    """The absolute value, continued to complex numbers."""
    return np.where(z.real < 0, -z, z)


def placed(x: np.ndarray, key: Any, value: Any, add: bool = False) -> np.ndarray:
    """x with a value set or added at x[key], every occurrence of a position counted."""
    result = np.array(x, np.result_type(x, value) if np.iscomplexobj(value) else x.dtype)
    if add:
        np.add.at(result, key, value)
    else:
        result[key] = value
    return result


def one_hot(k: np.ndarray, n: int) -> np.ndarray:
    return (k[..., None] == np.arange(n)) * 1.0


def recurred(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    """y_i = a_i y_(i-1) + b_i, one place after the other."""
    a, b = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0)
    y = [b[0] * 0] if len(b) else []
    for factor, term in zip(a, b, strict=True):
        y.append(factor * y[-1] + term)
    return np.moveaxis(np.array(y[1:]).reshape(b.shape), 0, axis)


OURS = {name: getattr(cf, name) for name in dir(cf) if not name.startswith("_")}
OURS |= {"newaxis": None, "inf": np.inf, "batched_dot": tutorial.batched_dot, "array": np.array}
NUMPY = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
NUMPY |= {
    "norm": np.linalg.norm,
    "size": size,
    "placed": placed,
    "recurred": recurred,
    "one_hot": one_hot,
    "S": np.s_,
}
ROWS: list[Row] = []


def row(text: str, reference: str = "", step: str = "", smooth: bool = True) -> None:
    ROWS.append(Row(text, reference or text, step or reference or text, smooth))


for a in ("None", "0", "-1", "(0, 1)", "()"):
    row(f"prod(x, {a})")
    row(f"x.mean({a})")
    row(f"var(x, {a})", step=f"((x - mean(x, {a}, keepdims=True)) ** 2).mean({a})")
    row(f"any(b, {a})", smooth=False)
    row(f"all(m, {a})", smooth=False)
    row(f"count_nonzero(x, {a})", smooth=False)
    row(f"cumsum(x, {a})" if a[0] != "(" else "cumsum(t, 1)")
    row(f"cumprod(x, {a})" if a[0] != "(" else "cumprod(t, 1)")
    if a in ("0", "-1"):
        row(f"linear_recurrence(x, x + 1, {a})", f"recurred(x, x + 1, {a})")
    if a != "()":
        row(f"ptp(s, {a})", step=f"max(s, {a}) - min(s, {a})")
        row(f"norm(x, axis={a})", step=f"sqrt((x * x).sum({a}))")
for o in ("None", "1", "2", "3", "-1", "inf", "-inf", "0"):
    step = {"1": "size(v).sum()", "3": "(size(v)**3).sum()**(1/3)", "inf": "size(v).max()"}.get(o)
    row(f"norm(v, {o})", step=step or "", smooth=bool(step))
    row(f"norm(t, {o}, axis=1)", smooth=False)
row("std(x, 0)", step="sqrt(((x - x.mean(0)) ** 2).mean(0))")
row("t.std((0, 2), ddof=1)", smooth=False)
row("var(m, 0, ddof=1)", smooth=False)
row("var(x, axis=0, keepdims=True)", smooth=False)
row("prod(m, 1)", smooth=False)
row("prod(b, 0)", smooth=False)
row("cumsum(b, 1)", smooth=False)
row("cumsum(m)", smooth=False)
row("prod(t, (0, 2), keepdims=True)")
row("any(x, 0, keepdims=True)", smooth=False)
row("norm(m, axis=0)", smooth=False)
for a in ("None", "0", "1"):
    row(f"nansum(p, {a})", smooth=False)
    row(f"nanprod(p, {a})", smooth=False)
    row(f"nanmean(p, {a})", smooth=False)
    row(f"nanvar(p, {a}, ddof=1)", smooth=False)
    row(f"nanstd(p, axis={a}, keepdims=True)", smooth=False)
    row(f"nanmax(p, {a})", smooth=False)
    row(f"nanmin(p, {a}, keepdims=True)", smooth=False)
    row(f"nanmean(x, {a})", step=f"x.mean({a})")
    row(f"median(s, {a})")
    row(f"median(m, {a}, keepdims=True)", smooth=False)
row("median(p, 0)", smooth=False)
row("nansum(m, 0)", smooth=False)
row("nanmax(m, 1)", smooth=False)
row("average(x, 0, v)", "average(x, 0, v)", "(x * v[:, None]).sum(0) / v.sum()")
row("average(x, weights=x * x)", step="(x ** 3).sum() / (x * x).sum()")
row("average(x, 1)", step="x.mean(1)")
for a in ("x", "x.T"):
    centred = f"({a} - {a}.mean(1, keepdims=True))"
    covariance = f"{centred} @ {centred}.T / ({a}.shape[1] - 1)"
    row(f"cov(x, rowvar={a == 'x'})", step=covariance)
row("cov(v)", step="((v - v.mean()) ** 2).sum() / (v.size - 1)")
row("cov(v, c[:, 0], bias=True)", smooth=False)
row("corrcoef(s)", smooth=False)
row("trapezoid(x)")
row("trapezoid(x, y[0])")
row("trapezoid(x, v, axis=0)")
row("trapezoid(m, dx=0.5, axis=0)", smooth=False)
row("amax(x, 0) - amin(x, 0)")

row("inner(x, y)")
row("inner(v, v)")
row("vdot(x, x)", step="(x * x).sum()")
row("vecdot(x, y[0])", "(x * y[0]).sum(-1)")
row("vecdot(x, c, axis=0)", "(x * c).sum(0)")
row("cross(stack([v, v * v, sin(v)], 1), [0.5, -2, 3])")
row("cross(stack([v, sin(v), v + 1]), stack([sin(v), v, v * v]), axis=0)")
row("outer(v, y)")
row("kron(x, y)")
row("kron(v, y)")
row("tensordot(x, y, (1, 1))")
row("tensordot(t, x, 2)")
row("tensordot(t, x, ([2, 1], [1, 0]))")
row("einsum('...ij,kj->...ik', t, y)")
row("einsum('pij,ij', t, x)")
row("einsum('...j->...', t)")
row("einsum('ij,ik->jk', x, c)")
row("einsum('ii->i', s)")
row("batched_dot(t, moveaxis(t, 1, 2))", "matmul(t, moveaxis(t, 1, 2))")
row("trace(s)")
row("trace(x, 1)")
row("trace(t, 0, 1, 2)")
row("diagonal(s)")
row("diagonal(x)")
row("diagonal(x, 1)")
row("diagonal(x, -2)")
row("diagonal(t, 1, 0, 2)")
row("diagonal(m)", smooth=False)
row("diag(v)")
row("diag(v, 2)")
row("diag(v, -1)")
row("diag(s, 1)")

row("swapaxes(t, 0, 2)")
row("moveaxis(t, 0, -1)")
row("moveaxis(t, (0, 1), (2, 0))")
row("expand_dims(x, (0, 2))")
row("fliplr(x)")
row("flipud(x)")
row("rot90(x)")
row("rot90(t, 2, (0, 2))")
row("rot90(t, -1, (2, 1))")
row("matrix_transpose(t)")
row("x.mT @ c", "x.T @ c")
row("permute_dims(t, (2, 0, 1))", "transpose(t, (2, 0, 1))")
row("atleast_1d(v[0]) + v")
row("atleast_2d(v)")
row("atleast_3d(x) * atleast_3d(y[0])[0] + atleast_3d(v[0])")
row("hstack([v, v * v])")
row("hstack([x, c])")
row("vstack([v, s])")
row("dstack([x, sin(x)])")
row("dstack([v, v])")
row("column_stack([v, x, c])")
row("append(x, y, 0)")
row("append(x, v)")
row("broadcast_arrays(c, x)[0]")
row("meshgrid(v, y[0])[1]")
row("meshgrid(v, y[0], y[1], indexing='ij')[1]")
row("squeeze(c, 1) * v", "c[:, 0] * v")
row("broadcast_to(v[:, None], x.shape)")
row("broadcast_to(c, (2, 3, x.shape[0], 6))")
row("flip(t, (0, 2))")
row("flip(x)")
row("ravel(t)")
row("x.T.reshape(-1)")
row("t.reshape((3, -1))")
row("repeat(x, 3, 0)")
row("repeat(x, 2)")
row("repeat(x, [0, 2, 1, 3][:x.shape[1]] if isinstance(x.shape[1], int) else [0, 2, 1, 3], 1)")
row("tile(v, 3)")
row("tile(x, (2, 1, 3))")
row("pad(x, 2)")
row("pad(x, ((1, 2), (0, 3)), constant_values=7)")
row("pad(x, ((1, 2), (3, 0)), 'edge')")
row("concatenate([x, y, x])")
row("concatenate([x, c, x * 2], 1)")
row("concatenate([x, m], 0)")
row("concatenate([x, y], None)")
row("concatenate([m, b], 1)", smooth=False)
row("stack([x, x * x, sin(x)], 1)")
row("stack([v, v])")
row("split(t, 3)[1]")
row("split(t, 2, 2)[0]")
row("split(x, [1, 3])[1]")
row("split(x, [2], 1)[1]")
row("tril(x)")
row("tril(t, 1)")
row("triu(s, -1)")
row("diff(x)")
row("diff(t, 2, 1)")
row("diff(b)", smooth=False)

row("x[i]")
row("x[:, j]")
row("x[i, 1]")
row("x[i[:, None], [0, 2]]")
row("t[:, i, 0]")
row("t[1, i]")
row("t[[0, 2], :, j[0, 0]]")
row("t[[0, 2], i[:2], None, 1:3]")
row("t[i[0], None, :, j]")
row("x[..., [3, 3, 0]]")
row("x[-1, i * 0]")
row("x[[[True, False] * 2 + [True]][0]]" if N == 5 else "x")
row("x[i][:3] * x[1:4]")
row("take(x, i, 0)")
row("take(t, j)")
row("take(t, j, 2)")
row("take(m, i, axis=0)", smooth=False)
row("take_along_axis(x, argsort(x, 0), 0)")
row("take_along_axis(x, argsort(x, 1)[:, :2], 1)")
row("take_along_axis(c, argsort(x, 1)[:1] * 0, 0)")
row("sort(s)")
row("sort(t, 1)")
row("sort(s, None)")
row("sort(m, 0)", smooth=False)
row("argsort(x, 0)", smooth=False)
row("argsort(m, 1)", "argsort(m, 1, kind='stable')", smooth=False)
row("set_subtensor(x[1:3], y[0])", "placed(x, S[1:3], y[0])")
row("set_subtensor(x[::-2, 1], 5.0)", "placed(x, S[::-2, 1], 5.0)")
row("set_subtensor(x[2], y[1])", "placed(x, 2, y[1])")
row("set_subtensor(x[:], v[:, None])", "placed(x, S[:], v[:, None])")
row("set_subtensor(x[None, 1:][:, :2], 0)", "placed(x[None, 1:], S[:, :2], 0)")
row("set_subtensor(x[1:, None, 0], 3)", "placed(x, S[1:, 0], 3)")
row("set_subtensor(x[i], y[2])", "placed(x, i, y[2])")
row("set_subtensor(x[i, 1:3], y[0, :2])", "placed(x, S[i, 1:3], y[0, :2])")
row("set_subtensor(x[i, j[0, 0]], i * 1.0)", "placed(x, S[i, j[0, 0]], i)")
row("set_subtensor(m[i], 9)", "placed(m, i, 9)", smooth=False)
row("set_subtensor(b[1:], True)", "placed(b, S[1:], True)", smooth=False)
row("inc_subtensor(x[1:3], y[0])", "placed(x, S[1:3], y[0], True)")
row("inc_subtensor(x[i], y[1])", "placed(x, i, y[1], True)")
row("inc_subtensor(x[i[1:], 1], 2)", "placed(x, S[i[1:], 1], 2, True)")
row("inc_subtensor(m[i, 0], 1)", "placed(m, S[i, 0], 1, True)", smooth=False)

row("isclose(x, x * (1 + 1e-6))", smooth=False)
row("isclose(p, p, equal_nan=True)", smooth=False)
row("allclose(x, x + 1e-9)", smooth=False)
row("isposinf(1 / x)", smooth=False)
row("isneginf(1 / x)", smooth=False)
row("select([x > 1, b], [x * x, sin(x)], 7)")
row("modf(x * 5)[0]", smooth=False)
row("modf(x * 5)[1]", smooth=False)
row("around(x, 2)", smooth=False)
row("tri(3, 4, 1) * y")
row("logspace(0, 2, 5)", smooth=False)
row("logspace(v[0], v[1], 5, base=2.0)", "2.0 ** linspace(v[0], v[1], 5)")
row("empty_like(x) * 0 + x", "x")
row("concat([x, y])", "concatenate([x, y])")
row("zeros((x.shape[0], 2)) + c")
row("ones(3) * y[:, 0]")
row("full((2, x.shape[1]), y[0])")
row("full_like(x, 2.5) * x")
row("full(3, 7)", smooth=False)
row("eye(3) @ y")
row("eye(x.shape[0], x.shape[1], 1) * x")
row("identity(x.shape[0]) @ x")
row("arange(x.shape[0]) * v")
row("arange(1, x.shape[0], 2)", smooth=False)
row("arange(5)", smooth=False)
row("arange(9, 2, -3)", smooth=False)
row("arange(0.5, 2, 0.25)", smooth=False)
row("linspace(0, 1, 7)", smooth=False)
row("linspace(v[0], v[1] * 3, 5)")
row("linspace(v[0], 2, 4, endpoint=False)")
row("one_hot(j, 3)", smooth=False)
row("one_hot(i, x.shape[0]) @ x", smooth=True)
