"""`steps`: how a cost becomes its gradient, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..algebra.build import here
from ..algebra.dims import show_shape
from ..algebra.errors import DerivativeError
from ..algebra.gradient import grad
from ..algebra.latex import latex_lines
from ..algebra.latex import spelled as spelled_latex
from ..algebra.node import Node
from ..algebra.tensor import Tensor
from ..algebra.text import spelled as spelled_text
from ..algebra.text import text
from ..algebra.transcription import common_names

PAGE = 60  # characters of a typeset line that fit a page


@dataclass(frozen=True)
class Line:
    """One line of a derivation: `name`, `explanation`, and `node`, the expression reached."""

    name: str
    explanation: str
    node: Node
    text: str
    latex: tuple[str, ...]

    def __str__(self) -> str:
        return _indented(self.name, self.text)

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return _aligned(self.latex)


class Derivation(Sequence):
    """The lines of a derivation: `name`, `explanation` and expression; prints as text and LaTeX.

    A step that reads like the one before it is left out; names and letters of extents are the same
    on every line, those that the gradient has by itself.
    """

    def __init__(self, steps: Sequence[Any]) -> None:
        nodes = [s.node for s in reversed(steps)]
        words, signs = common_names(nodes, spelled_text), common_names(nodes, spelled_latex)
        self._lines: list[Line] = []
        for s in steps:
            formula = text(s.node, common=words)
            if not self._lines or formula != self._lines[-1].text:
                rows = tuple(latex_lines(s.node, common=signs, width=PAGE))
                self._lines.append(Line(s.name, s.explanation, s.node, formula, rows))

    def __getitem__(self, index: Any) -> Any:
        return self._lines[index]

    def __len__(self) -> int:
        return len(self._lines)

    def __str__(self) -> str:
        return "\n".join(map(str, self._lines))

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        rows: list[str] = []
        for s in self._lines:
            rows.append(rf"\text{{{s.name}}}")
            rows += (r"\quad " + row for row in s.latex)
        return _aligned(rows)

    def explanations(self) -> Iterator[str]:
        """Yield per line what was done, with the rows that fired."""
        for s in self._lines:
            yield f"{s.name}: {s.explanation}"


def _aligned(rows: Sequence[str]) -> str:
    body = r" \\ ".join("& " + row for row in rows)
    return rf"$\displaystyle \begin{{aligned}} {body} \end{{aligned}}$"


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
