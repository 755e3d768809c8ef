"""`Function.copy`: the same function over other shared variables."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..algebra.build import describe, here
from ..algebra.errors import FunctionError
from ..algebra.node import Node
from .forms import Forms
from .shared import SharedVariable
from .signature import fitted, pairs


def copied(forms: Forms, swap: Any, delete_updates: bool) -> Forms:
    """Return the forms with shared variables replaced.

    Raises
    ------
    FunctionError
        For what is no shared variable of the function; ShapeError or DTypeError for one of another
        rank or dtype.
    """
    wanted, joined = forms.signature, list(forms.signature.joined)
    swapped: dict[Node, Any] = {}
    for old, new in pairs("swap", swap):
        if not isinstance(old, SharedVariable) or old.node not in forms.shared:
            name = describe(old.node) if hasattr(old, "node") else repr(old)
            raise FunctionError(
                f"swap replaces {name}, which is no shared variable of the function",
                where=here(),
                fix="swap variables of f.shared",
            )
        if not isinstance(new, SharedVariable):
            raise FunctionError(
                f"swap puts {new!r} for {describe(old.node)}",
                where=here(),
                fix="give a shared variable",
            )
        fitted("what swap puts for ", old.node, new, joined)
        if new.dtype != old.dtype:
            raise FunctionError(
                f"swap puts {describe(new.node)} of dtype {new.dtype} for {describe(old.node)} of "
                f"dtype {old.dtype}",
                where=here(),
                fix="give a shared variable of the same dtype",
            )
        swapped[old.node] = new.node
    targets: tuple[Any, ...] = tuple(swapped.get(x, x) for x in wanted.targets)
    if len(set(targets)) < len(targets):
        raise FunctionError(
            "swap makes one variable have two updates",
            where=here(),
            fix="swap in a variable that is not updated itself, or use delete_updates=True",
        )
    signature = dataclasses.replace(
        wanted,
        targets=() if delete_updates else targets,
        updates=() if delete_updates else wanted.updates,
        givens=(*wanted.givens, *swapped.items()),
        joined=joined,
    )
    return Forms(signature, "ignore", forms.soundness)
