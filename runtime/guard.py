"""`mode="NanGuardMode"`: a call that meets NaN, infinity or huge numbers raises, and changes
nothing.

Inputs, outputs and new values of shared variables are looked at. The message names the first
operation of the graph as written whose value goes wrong although its operands are well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..algebra.build import describe, here, place
from ..algebra.errors import ClosedformError
from ..algebra.node import Node
from . import homes, results, tracing
from .extents import Sizes
from .forms import Forms

BIG = 1e10


class NanGuardError(ClosedformError, ArithmeticError):
    """NaN, infinity or a huge number in a function with mode "NanGuardMode"."""


def wrong(value: np.ndarray) -> str:
    """What is wrong with a value, or ""."""
    if value.dtype.kind != "f" or not value.size:
        return ""
    if np.isnan(value).any():
        return "NaN"
    largest = np.abs(value).max()
    if np.isinf(largest):
        return "infinity"
    return f"a magnitude of {largest:.3g}" if largest > BIG else ""


def guarded(forms: Forms, arrays: Sequence[Any], sizes: Sizes, run: Callable[[], Any]) -> Any:
    """Return what `run` returns, unless a value is wrong: then nothing is changed.

    Values on a device are copied, to be looked at.

    Raises
    ------
    NanGuardError
        For NaN, infinity or magnitudes over `BIG` in inputs, outputs or updates.
    """
    wanted = forms.signature
    seen = [x.payload.cell[0] for x in forms.shared]
    for leaf, array in zip(forms.inputs, arrays, strict=True):
        if problem := wrong(homes.host(array)):
            raise NanGuardError(
                f"the input {describe(leaf)} has {problem}",
                where=forms.line(leaf) or here(),
                fix="check the data",
            )
    result = run()
    found = results.listed(wanted.result, result)
    found += [x.payload.cell[0] for x in wanted.targets]
    for node, value in zip((*wanted.outputs, *wanted.updates), found, strict=True):
        if problem := wrong(homes.host(value)):
            for leaf, old in zip(forms.shared, seen, strict=True):
                leaf.payload.cell[0] = old
            hosts = (list(map(homes.host, values)) for values in (arrays, seen))
            raise _error(forms, forms.values(*hosts), sizes, node, problem)
    return result


def _error(
    forms: Forms, values: dict[Any, np.ndarray], sizes: Sizes, node: Node, problem: str
) -> NanGuardError:
    """The error for an output or update, with the operation that its trouble begins with."""
    first, text = tracing.first_wrong(forms, values, sizes, wrong) or (node, problem)
    begins = f"; it begins with {text} in {tracing.formula(first)}"
    return NanGuardError(
        f"{describe(node)} has {problem}{begins}",
        where=place(first.origin) or here(),
        fix="check inputs and step sizes, or guard the operation that is named with cf.where",
    )
