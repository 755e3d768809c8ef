"""What a file that stands alone holds, whatever its language: a cost, its derivatives, its shapes.

`FILES` has a writer per language: Python with NumPy, C and CUDA.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..algebra.errors import EmitError
from ..algebra.gradient import hessian, jacobian
from ..algebra.graph import leaves
from ..algebra.node import Node
from ..algebra.tensor import Tensor
from ..algebra.text import pp
from ..simplify.passes import compute_form


@dataclass(frozen=True)
class Formula:
    """A result of the file.

    what   what it is, for a reader
    of     the formula that it is the derivative of, by the variable `wrt`; "" for the cost
    """

    name: str
    what: str
    value: Tensor
    of: str = ""
    wrt: str = ""


@dataclass(frozen=True)
class Content:
    """What is to be written.

    title     the text of the cost, on one line
    inputs    its variables by name, with the extents that the cost makes known
    formulas  the cost and its derivatives
    outputs   compute forms of the formulas, over these variables
    sizes     numbers of named extents, where a language needs them
    """

    title: str
    inputs: Mapping[str, Tensor]
    formulas: tuple[Formula, ...]
    outputs: tuple[Node, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def shapes(self) -> dict[str, tuple[str | int, ...]]:
        """Extents of each variable, by name or number."""
        return {
            n: tuple(e if isinstance(e, int) else str(e) for e in x.shape)
            for n, x in self.inputs.items()
        }

    @property
    def where(self) -> str:
        """Where an error is."""
        return f"in {self.title}"

    @property
    def explained(self) -> str:
        """Lines for a reader: every derivative in matrix notation."""
        lines = [self.title, ""]
        lines += [f"{f.name}: {pp(f.value)}" for f in self.formulas if f.of]
        shapes = [f"{n} ({', '.join(map(str, s))})" for n, s in self.shapes.items() if s]
        return "\n".join([*lines, "", f"Shapes: {', '.join(shapes)}."] if shapes else lines)


def content(
    title: str,
    cost: Tensor,
    inputs: Mapping[str, Tensor],
    wrt: Sequence[str],
    second: bool,
    sizes: Mapping[str, int],
) -> Content:
    """The cost and its derivatives.

    Parameters
    ----------
    title : text of the cost
    wrt : names of the variables to differentiate by
    second : whether second derivatives are wanted, too
    sizes : numbers of named extents
    """
    formulas = [Formula("cost", "the cost", cost)]
    for name in wrt:
        suffix = f"_{name}" if len(wrt) > 1 else ""
        first = ("jacobian" if cost.ndim else "gradient") + suffix
        value = jacobian(cost, inputs[name])
        formulas.append(
            Formula(first, f"the derivative of the cost by {name}", value, "cost", name)
        )
        if second:
            value = hessian(cost, inputs[name])
            what = f"the second derivative of the cost by {name}"
            formulas.append(Formula(f"hessian{suffix}", what, value, first, name))
    outputs = compute_form([f.value.node for f in formulas]).outputs
    unified = {leaf.label: Tensor(leaf) for leaf in leaves(outputs)}
    known = {name: unified.get(name, x) for name, x in inputs.items()}
    return Content(title, known, tuple(formulas), outputs, sizes)


def refuse(language: str, found: str, where: str, fix: str) -> EmitError:
    """The error for what cannot stand alone in a language."""
    return EmitError(f"--emit {language}: {found}", where=where, fix=fix)
