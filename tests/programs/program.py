"""A drawn program: inputs, lines of Python, outputs. It prints as text that runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from tests.programs.meaning import REFERENCE

import closedform as cf


@dataclass(frozen=True)
class Input:
    """An input as it is declared, and the shape of its array."""

    name: str
    dims: tuple[int | str | None, ...]
    dtype: str
    shape: tuple[int, ...]

    def declared(self) -> str:
        return f'{self.name} = cf.tensor("{self.name}", {self.dims}, "{self.dtype}")'

    def drawn(self, seed: int) -> str:
        """An expression of its array."""
        rng = f"np.random.default_rng([{seed}, {int(self.name[1:])}])"
        if self.dtype == "bool":
            return f"np.asarray({rng}.random({self.shape}) > 0.5)"
        low = 0 if self.dtype.startswith("u") else -4
        what = (
            f"normal(size={self.shape})"
            if "float" in self.dtype
            else f"integers({low}, 5, {self.shape})"
        )
        return f'np.asarray({rng}.{what}).astype("{self.dtype}")'

    def array(self, seed: int) -> np.ndarray:
        return eval(self.drawn(seed), {"np": np})  # noqa: S307 (a text of this file)


@dataclass(frozen=True)
class Line:
    """`name = text`; `reference` is what it says of arrays, if that is another text."""

    name: str
    word: str
    text: str
    reference: str = ""
    reads: tuple[str, ...] = ()

    def of(self, scope: dict[str, Any]) -> Any:
        return eval(self.text, scope)  # noqa: S307 (a text of grammar.py)

    def of_arrays(self, scope: dict[str, Any]) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(eval(self.reference or self.text, scope))  # noqa: S307


@dataclass(frozen=True)
class Program:
    """Inputs with a seed of their values, lines, names of outputs; and, of the sum of the squares
    of one value, the gradient by some of the inputs."""

    inputs: tuple[Input, ...]
    lines: tuple[Line, ...]
    outputs: tuple[str, ...]
    seed: int = 0
    cost: str = ""
    wrt: tuple[str, ...] = ()
    refused: tuple[str, ...] = field(default=(), compare=False)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How Hypothesis shows it: the text is in the message already."""
        printer.text("the program below")

    @cached_property
    def arrays(self) -> list[np.ndarray]:
        return [x.array(self.seed) for x in self.inputs]

    def source(self) -> str:
        """The program as Python that runs as it stands."""
        names = ", ".join(x.name for x in self.inputs)
        lines = ["import numpy as np", "import closedform as cf", "", *self._graph()]
        outputs = ", ".join([*self.outputs, *(f"d_{x}" for x in self.wrt)])
        lines.append(f'f = cf.function([{names}], [{outputs}], on_unused_input="ignore")')
        lines += ["print(f("] + [f"    {x.drawn(self.seed)}," for x in self.inputs] + ["))"]
        return "\n".join(lines)

    def _graph(self) -> list[str]:
        lines = [x.declared() for x in self.inputs]
        lines += [f"{line.name} = {line.text}" for line in self.lines]
        if self.wrt:
            which = ", ".join(self.wrt)
            lines.append(f"cost = cf.sum(cf.square({self.cost}))")
            lines.append("".join(f"d_{x}, " for x in self.wrt) + f"= cf.grad(cost, [{which}])")
        return lines

    def tensors(self) -> tuple[list[cf.Tensor], list[cf.Tensor]]:
        """Inputs and outputs; gradients come last."""
        scope: dict[str, Any] = {"cf": cf, "np": np}
        exec("\n".join(self._graph()), scope)  # noqa: S102 (a text of this file)
        names = [*self.outputs, *(f"d_{x}" for x in self.wrt)]
        return [scope[x.name] for x in self.inputs], [scope[n] for n in names]

    def graph_of_cost(self) -> tuple[list[cf.Tensor], cf.Tensor]:
        """Inputs and the number that is differentiated."""
        scope: dict[str, Any] = {"cf": cf, "np": np}
        exec("\n".join(self._graph()), scope)  # noqa: S102
        return [scope[x.name] for x in self.inputs], scope["cost"]

    def of_numpy(self) -> list[np.ndarray]:
        """The outputs by NumPy's own functions, without the gradients."""
        scope: dict[str, Any] = {"cf": REFERENCE, "np": np}
        scope.update((x.name, a) for x, a in zip(self.inputs, self.arrays, strict=True))
        for line in self.lines:
            scope[line.name] = line.of_arrays(scope)
        return [scope[name] for name in self.outputs]


def needed(lines: Sequence[Line], wanted: Sequence[str]) -> tuple[list[Line], set[str]]:
    """The lines that some values need, and the names of all that they read."""
    kept, names = [], set(wanted)
    for line in reversed(lines):
        if line.name in names:
            kept.append(line)
            names.update(line.reads)
    return kept[::-1], names
