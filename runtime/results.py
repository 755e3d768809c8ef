"""Handing back what NumPy computed: fresh arrays, `out=`, updates at once (semantics 9.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..algebra.build import here
from ..algebra.errors import CallError, ShapeError
from ..algebra.node import Leaf


def structured(result: Any, arrays: Sequence[np.ndarray]) -> Any:
    """Return outputs as the user asked for them: None, one, a list or a dict."""
    if result is None:
        return None
    if result == "single":
        return arrays[0]
    return list(arrays) if result == "list" else dict(zip(result, arrays, strict=True))


def listed(result: Any, found: Any) -> list[np.ndarray]:
    """Return the outputs in what a call returned: the inverse of `structured`."""
    if result is None:
        return []
    if result == "single":
        return [found]
    return list(found) if result == "list" else list(found.values())


def owned(values: Iterable[np.ndarray], borrowed: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Return arrays that share memory with nothing: C-contiguous, each its own."""
    taken = {id(a) for a in borrowed}
    fresh = []
    for a in values:
        if a.base is not None or id(a) in taken or not a.flags.carray:
            a = np.array(a, order="C", copy=True)
        taken.add(id(a))
        fresh.append(a)
    return fresh


def check_updates(targets: Sequence[Leaf], values: Sequence[np.ndarray]) -> None:
    """Refuse new values that break what a shared variable promises."""
    for leaf, value in zip(targets, values, strict=True):
        fits = all(d != 1 or s == 1 for d, s in zip(leaf.dims, value.shape, strict=True))
        assert value.dtype == leaf.dtype, "updates are cast at construction"
        if not fits:
            raise ShapeError(f"the update of {leaf.label!r} has shape {value.shape}")


def check_out(out: Any, shapes: Sequence[tuple], dtypes: Sequence[np.dtype]) -> list[Any]:
    """Return what `out=` gives per output: arrays that fit, or None.

    Raises
    ------
    CallError
        Saying what the outputs need.
    """
    need = ", ".join(f"{s} {d}" for s, d in zip(shapes, dtypes, strict=True)) or "none"
    given = [out] if isinstance(out, np.ndarray) else out
    if not isinstance(given, list | tuple) or len(given) != len(shapes):
        raise CallError(
            f"out= is {type(out).__name__}, and the outputs are: {need}",
            where=here(),
            fix="pass one array, or a list with one array or None per output",
        )
    for a, shape, dtype in zip(given, shapes, dtypes, strict=True):
        fits = isinstance(a, np.ndarray) and (a.shape, a.dtype) == (shape, dtype)
        if a is not None and not (fits and a.flags.writeable):
            found = f"shape {a.shape}, dtype {a.dtype}" if isinstance(a, np.ndarray) else repr(a)
            raise CallError(
                f"out= has an entry with {found}; the output has shape {shape}, dtype {dtype}",
                where=here(),
                fix="pass writeable arrays that fit exactly, such as results of an earlier call",
            )
    _check_apart([a for a in given if a is not None])
    return list(given)


def _check_apart(arrays: Sequence[np.ndarray]) -> None:
    """Refuse outputs that would overwrite each other."""
    for k, a in enumerate(arrays):
        if any(np.shares_memory(a, b) for b in arrays[:k]):
            raise CallError(
                "two arrays of out= share memory",
                where=here(),
                fix="pass arrays that are apart, or None for all but one",
            )


def fill(out: list[Any], arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the arrays, copied into those of `out` that are given."""
    for target, a in zip(out, arrays, strict=True):
        if target is not None:
            np.copyto(target, a, casting="no")
    return [a if target is None else target for target, a in zip(out, arrays, strict=True)]
