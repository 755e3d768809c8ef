"""`steps`: how a cost becomes its gradient, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..algebra.build import here
from ..algebra.dims import show_shape
from ..algebra.errors import DerivativeError
from ..algebra.gradient import grad
from ..algebra.latex import latex_of
from ..algebra.node import Node
from ..algebra.tensor import Tensor
from ..algebra.text import text


@dataclass(frozen=True)
class Line:
    """One line of a derivation: `name`, `explanation`, and `node`, the expression reached."""

    name: str
    explanation: str
    node: Node

    def __str__(self) -> str:
        return _indented(self.name, text(self.node))

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {latex_of(self.node)}$"


class Derivation(Sequence):
    """The lines of a derivation: `name`, `explanation` and expression; prints as text and LaTeX."""

    def __init__(self, lines: Sequence[Any]) -> None:
        self._lines = [Line(s.name, s.explanation, s.node) for s in lines]

    def __getitem__(self, index: Any) -> Any:
        return self._lines[index]

    def __len__(self) -> int:
        return len(self._lines)

    def __str__(self) -> str:
        return "\n".join(map(str, self._lines))

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        rows = (rf"\text{{{s.name}}} && {latex_of(s.node)}" for s in self._lines)
        return r"$\displaystyle \begin{aligned} " + r" \\ ".join(rows) + r" \end{aligned}$"

    def explanations(self) -> Iterator[str]:
        """Yield per line what was done, with the rows that fired."""
        for s in self._lines:
            yield f"{s.name}: {s.explanation}"


def _indented(name: str, formula: str) -> str:
    return f"{name:<24} " + formula.replace("\n", "\n" + " " * 25)


def steps(cost: Tensor, wrt: Tensor) -> Derivation:
    """Return how the gradient of a cost comes about: at most ten lines.

    Parameters
    ----------
    cost : Tensor
        A scalar.
    wrt : Tensor
        One variable.

    Raises
    ------
    DerivativeError
        As `grad`.
    """
    if isinstance(wrt, list | tuple) or not isinstance(wrt, Tensor):
        raise DerivativeError(f"steps with respect to {wrt!r}", where=here(), fix="give one tensor")
    gradient = grad(cost, wrt)
    assert gradient.shape == wrt.shape, show_shape(gradient.shape)
    from ..simplify.display import steps as lines

    return Derivation(lines(cost.node, wrt.node))
