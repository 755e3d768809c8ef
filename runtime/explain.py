"""What `Function.explain` shows: what is computed, what was rewritten, what the kernel does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..algebra import late
from ..algebra.build import describe, place
from ..algebra.dims import show, show_shape
from ..algebra.errors import CompileError
from ..algebra.node import Leaf, Node
from ..algebra.tensor import Tensor
from ..emit.program import Program
from . import loader
from .extents import Sizes
from .forms import Forms
from .specialisation import Kind, emitted

if TYPE_CHECKING:
    from . import costs

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def head(name: str | None, forms: Forms, target: str) -> list[str]:
    """The function's inputs, outputs and updates as formulas."""
    signature = forms.signature
    lines = [f"function {name or '(unnamed)'}, target {target}, soundness {forms.soundness}"]
    lines += [f"  input   {_typed(x)}" for x in forms.inputs]
    lines += [f"  shared  {_typed(x)}" for x in forms.shared]
    lines += [f"  output  {_formula(x)}" for x in signature.outputs]
    for target_leaf, new in zip(signature.targets, signature.updates, strict=True):
        lines.append(f"  update  {describe(target_leaf)} <- {_formula(new)}")
    return lines


def _typed(x: Leaf) -> str:
    return f"{describe(x)} {show_shape(x.dims)} {x.dtype}"


def _formula(x: Node) -> str:
    text = late.call("pp", Tensor(x))
    return text if len(text) <= 300 else text[:297] + "..."


def passes(report: Any) -> list[str]:
    """The passes of the simplifier and what they did."""
    lines = str(report).splitlines() if report is not None else []
    return ["passes:"] + ["  " + line for line in lines]


def program_lines(forms: Forms, kind: Kind, program: Program, call: costs.Call | None) -> list[str]:
    """One kernel: what it is specialised to, its plan, and what it costs: at the extents of a call,
    or over extents."""
    from . import costs

    stored = ", ".join(f"{dtype} {layout}" for dtype, layout in kind.storage) or "no inputs"
    fixed = "".join(f", {show(dim)} = {size}" for dim, size in kind.baked)
    names = costs.Names(forms, program)
    axis = program.cost.axis
    fold = "none" if axis is None else names.extent(axis)
    plan = [line.replace("fold axis: ?", f"fold axis: {fold}") for line in program.plan]
    counted = costs.numeric(program, names, call) if call else costs.symbolic(program.cost, names)
    return [f"kernel for {stored}{fixed}:", *("  " + line for line in (*plan, *counted))]


def of_examples(forms: Forms, kind: Kind, sizes: Sizes, deterministic: bool) -> tuple:
    """The program that arguments of a kind would run, and what that call would be.

    It is compiled, as a call would do, for the driver to be asked; no call runs without rows.
    """
    from . import costs

    program = emitted(forms, kind)
    if forms.empty(sizes):
        return program, None
    try:
        address = loader.load(program, forms.soundness).address
    except CompileError as error:
        reason = f"decided at a call: {error.found}"
        return program, costs.Call(sizes, "these arguments", None, reason)
    return program, costs.Call(sizes, "these arguments", address, "", deterministic)


def promotions(forms: Forms) -> list[str]:
    """What makes a program with float32 inputs compute in float64, and the cure (semantics 4.1)."""
    inputs = [x.dtype for x in forms.inputs]
    if FLOAT32 not in inputs or FLOAT64 in inputs:
        return []
    lines = []
    for x in forms.order:
        narrow = [a for a in x.operands if a.dtype == FLOAT32]
        wide = [a for a in x.operands if a.dtype == FLOAT64 and not a.weak]
        if x.dtype == FLOAT64 and narrow and wide:
            lines.append(
                f"promoted to float64 at {place(x.origin)} by {describe(wide[0])}: "
                "make it float32, for instance with dtype='float32' or .astype('float32')"
            )
    return list(dict.fromkeys(lines))
