"""`mode="DebugMode"`: the compute form against the graph as written, at every call (semantics 3.4).

Rewrites may fill removable singularities and change rounding. Every such point is reported:
as a warning where the value became finite or more accurate, as an error where a finite value was
lost. Declared assumptions are checked too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from ..algebra.build import describe, here, place
from ..algebra.errors import CallError, ClosedformError
from ..algebra.node import Leaf, Node
from . import tracing
from .extents import Sizes
from .forms import Forms

SHOWN = 5
# relative to the largest value of an output: what reassociated sums may differ by
BOUND = {4: 1e-4, 8: 1e-9}
CLOSE = {4: 1e-4, 8: 1e-8}  # how far a promise may be off, relative to the largest value


def _close(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    scale = max(1.0, float(np.abs(b).max(initial=0.0)))
    return np.asarray(np.abs(a - b) <= CLOSE.get(a.dtype.itemsize, 1e-4) * scale)


def _semidefinite(a: np.ndarray) -> np.ndarray:
    least = np.linalg.eigvalsh((a + a.T) / 2).min(initial=0.0)
    return np.full(a.shape, bool(_close(np.minimum(least, 0.0), np.abs(a).max(initial=0.0) * 0)))


def _orthogonal(a: np.ndarray) -> np.ndarray:
    gram = _close(a.T @ a, np.eye(a.shape[1], dtype=a.dtype)).all(axis=0)
    return np.broadcast_to(gram, a.shape)


def _rows(a: np.ndarray, fits: np.ndarray) -> np.ndarray:
    return np.broadcast_to(fits[..., None], a.shape)


# promise -> per element, whether it holds there
FACTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "positive": lambda a: a > 0,
    "nonnegative": lambda a: a >= 0,
    "symmetric": lambda a: _close(a, a.T),
    "psd": _semidefinite,
    "diagonal": lambda a: (a == 0) | np.eye(len(a), dtype=bool),
    "orthogonal": _orthogonal,
    "onehot": lambda a: _rows(a, ((a == 1).sum(-1) == 1) & ((a != 0).sum(-1) == 1)),
    "simplex": lambda a: _rows(a, _close(a.sum(-1), np.ones(a.shape[:-1], a.dtype))),
}


class DebugError(ClosedformError, ArithmeticError):
    """The compute form and the graph as written disagree."""


class DebugWarning(UserWarning):
    """The compute form is finite where the graph as written is not, or differs beyond rounding."""


def check_facts(leaf: Leaf, array: np.ndarray) -> None:
    """Check what was promised about an input.

    Raises
    ------
    CallError
        Naming the first positions that break the promise.
    """
    for fact in sorted(leaf.spec.facts):
        broken = ~FACTS[fact](array)
        if broken.any():
            raise CallError(
                f"{describe(leaf)} is declared {fact}, but {_points(broken, array)}",
                where=here(),
                fix="pass such values, or declare the input without assume=",
            )


Begins = Callable[[], str]  # where a difference begins; asked only if there is one


def compare_forms(
    forms: Forms,
    written: Sequence[np.ndarray],
    found: Sequence[np.ndarray],
    who: str,
    begins: Begins = str,
) -> None:
    """Compare outputs and updates with those of the graph as written.

    Raises
    ------
    DebugError
        Where a finite value was lost, or shapes or dtypes differ.
    """
    wanted = forms.signature
    for node, old, new in zip((*wanted.outputs, *wanted.updates), written, found, strict=True):
        _compare(node, old, new, who, begins)


def _compare(node: Node, old: np.ndarray, new: np.ndarray, who: str, begins: Begins) -> None:
    if old.shape != new.shape or old.dtype != new.dtype:
        raise DebugError(
            f"{describe(node)}: {old.shape} {old.dtype} as written, {new.shape} {new.dtype} {who}",
            where=place(node.origin) or here(),
            fix="please report this",
        )
    if old.dtype.kind != "f":
        _report(node, old != new, old, new, who, begins)
        return
    finite, kept = np.isfinite(old), np.isfinite(new)
    if (lost := finite & ~kept).any():
        raise DebugError(
            _difference(node, lost, old, new, who) + begins(),
            where=place(node.origin) or here(),
            fix="please report this, with the expression",
        )
    _report(node, (~finite & kept) | _far(old, new), old, new, who, begins)


def _far(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Where both are finite and differ by more than rounding."""
    finite = np.isfinite(old)
    with np.errstate(all="ignore"):
        largest = np.max(np.abs(old), where=finite, initial=0)
        far = np.abs(old - new) > BOUND[old.dtype.itemsize] * largest
    return np.asarray(finite & np.isfinite(new) & far)


def _differs(old: np.ndarray, new: np.ndarray) -> bool:
    if old.dtype.kind != "f":
        return bool(np.any(old != new))
    return bool(np.any((np.isfinite(old) != np.isfinite(new)) | _far(old, new)))


def beginning(forms: Forms, values: dict, sizes: Sizes) -> str:
    """Which operation as written a difference begins with, for a message."""
    first = tracing.first_different(forms, values, sizes, _differs)
    return "" if first is None else f"; it begins with {tracing.formula(first)}"


def _report(
    node: Node, bad: np.ndarray, old: np.ndarray, new: np.ndarray, who: str, begins: Begins
) -> None:
    if np.any(bad):
        text = _difference(node, bad, old, new, who) + begins()
        where = place(node.origin) or here()
        warnings.warn(f"{text}\n  where: {where}", DebugWarning, stacklevel=2)


def _difference(node: Node, bad: np.ndarray, old: np.ndarray, new: np.ndarray, who: str) -> str:
    return f"{describe(node)}: as written {_points(bad, old)}; {who} {_points(bad, new)}"


def _points(bad: np.ndarray, array: np.ndarray) -> str:
    """The first positions of a mask with their values."""
    places = np.argwhere(bad)
    shown = ", ".join(f"{array[tuple(p)]} at {tuple(map(int, p))}" for p in places[:SHOWN])
    rest = len(places) - SHOWN
    return shown + (f" and {rest} more" if rest > 0 else "")


def expected(
    forms: Forms,
    arrays: Sequence[np.ndarray],
    sizes: Sizes,
    held: Sequence[np.ndarray] | None = None,
) -> list[np.ndarray]:
    """Return outputs and updates as written, after checking promises and the compute form.

    The compute form is evaluated in NumPy, so that a difference is a rewrite's, not a compiler's.
    """
    for leaf, array in zip(forms.inputs, arrays, strict=True):
        check_facts(leaf, array)
    values = forms.values(arrays, held)
    written = [np.array(a) for a in forms.written.run(values, sizes)]
    if not forms.empty(sizes):
        found = forms.computed.run(forms.translated(values), sizes)
        begins = lambda: beginning(forms, values, sizes)  # noqa: E731
        compare_forms(forms, written, found, "in compute form", begins)
    return written
