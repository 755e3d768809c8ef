"""What `Function.explain` shows: what is computed, what was rewritten, what the kernel does."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from ..algebra import late
from ..algebra.build import describe, place
from ..algebra.dims import show, show_shape
from ..algebra.node import Leaf, Node
from ..algebra.tensor import Tensor
from ..emit.program import Program
from .forms import Forms
from .specialisation import Kind

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


def program_lines(kind: Kind, program: Program) -> list[str]:
    """One kernel: what it is specialised to, and its plan."""
    stored = ", ".join(f"{dtype} {layout}" for dtype, layout in kind.storage) or "no inputs"
    fixed = "".join(f", {show(dim)} = {size}" for dim, size in kind.baked)
    plan = [line.replace("fold axis: ?", f"fold axis: {_fold(program)}") for line in program.plan]
    return [f"kernel for {stored}{fixed}:", *("  " + line for line in plan)]


def _fold(program: Program) -> str:
    """Which argument's axis a fold axis without a name is; the key's text labels it i."""
    found = re.search(r"\bi:d(\d+)", program.key_text)
    dim, counts = int(found[1]) if found else -1, Counter[str]()
    for a in program.arguments:
        counts[a.kind] += 1
        if dim in a.dims:
            return f"axis {a.dims.index(dim)} of {a.kind} {counts[a.kind]}"
    return "?"


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
