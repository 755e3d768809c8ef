"""Pickling functions: the graph as written and its state; unpickling checks and compiles anew.

No source, binary or path is in a pickle (semantics 6.3). Tensors of one pickle agree on what they
share, so state is included once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..algebra.tensor import Tensor
from . import signature
from .forms import Forms
from .shared import SharedVariable
from .signature import In, Signature


def reduced(forms: Forms, options: dict[str, Any]) -> tuple[Any, ...]:
    """Return what pickle needs to make a function again."""
    wanted = forms.signature
    inputs = [(Tensor(p.leaf), p.default, p.name) for p in wanted.parameters]
    outputs = [Tensor(x) for x in wanted.outputs]
    updates = [
        (SharedVariable(target), Tensor(new))
        for target, new in zip(wanted.targets, wanted.updates, strict=True)
    ]
    givens = [(Tensor(key), Tensor(new)) for key, new in wanted.givens]
    return rebuilt, (inputs, wanted.result, outputs, updates, givens, options)


def rebuilt(
    inputs: Sequence[tuple],
    result: Any,
    outputs: Sequence[Tensor],
    updates: Sequence[tuple],
    givens: Sequence[tuple],
    options: dict[str, Any],
) -> Any:
    """Make a function from what `reduced` gave."""
    from .function import made

    read = signature.read([In(*i) for i in inputs], outputs, updates, givens)
    wanted = Signature(
        read.parameters, result, read.outputs, read.targets, read.updates, read.givens, read.joined
    )
    return made(Forms(wanted, "ignore", options["soundness"]), options)
