"""Routines in C: one row each, and the call of one as text.

A row says which extents the function takes and which arrays of work; the function itself is a
template of the name without underscores. Its arguments: library routines, the extent of the batch,
extents, operands, results (0 for those that nobody wants), work, numbers. It returns a status.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..algebra.dims import Extent
from ..algebra.errors import EmitError
from ..algebra.routines import ROUTINES
from .value import Value

if TYPE_CHECKING:
    from .kernel import KernelPlanner

Place = tuple[int, int]  # an axis of an operand, or, for operand RESULT, of the result
RESULT = -1


@dataclass(frozen=True)
class Spelling:
    """One row.

    extents   axes whose extents the function takes
    batch     the operand whose leading axes are the batch, or None where there is none
    typed     the operand whose type the function is made for
    work      per array of work: bytes of an element, and the axes that it is as large as
    library   routines of the library, by the dtype of the operand
    """

    extents: tuple[Place, ...]
    batch: int | None = 0
    typed: int = 0
    work: tuple[tuple[int, tuple[Place, ...]], ...] = ()
    library: tuple[str, ...] = ()


C: dict[str, Spelling] = {
    "cumsum": Spelling(((0, -1),)),
    "cumprod": Spelling(((0, -1),)),
    "recurrence": Spelling(((0, -1),)),
    "argsort": Spelling(((0, -1),), work=((8, ((0, -1),)),)),
    "scatter_add": Spelling(((1, -2), (1, -1), (RESULT, -2)), batch=1, typed=1),
    "scatter_last": Spelling(((0, -1), (RESULT, -1)), batch=None),
}


class RoutineCall:
    """The statement that calls a routine."""

    def __init__(self, kernel: KernelPlanner, values: Sequence[Value]) -> None:
        self.k, self.values = kernel, values
        work = values[0].routine
        assert work is not None, "a routine has work"
        self.work = work
        if work.name not in C:
            raise EmitError(
                f"the routine {work.name} has no spelling in C", fix="use target='numpy'"
            )
        self.row = C[work.name]

    def lines(self) -> list[str]:
        """One statement; a status that is not CF_OK ends the kernel."""
        kind = self.k.p.target.type_of(self.work.operands[self.row.typed].dtype)
        arguments = [
            *(f"q->external[{self.k.p.external(self._routine(n))}]" for n in self.row.library),
            self._batch(),
            *(self.k.extent(self._extent(place)) for place in self.row.extents),
            *map(self._pointer, self.work.operands),
            *self._results(),
            *(self._work(*row) for row in self.row.work),
            *map(str, self.work.params),
        ]
        name = f"cf_{self.work.name.replace('_', '')}_{kind}"
        call = f"const int32_t status = {name}({', '.join(arguments)});"
        return [f"{call}", "if (status != CF_OK) return status;"]

    def _routine(self, name: str) -> str:
        single = self.work.operands[self.row.typed].dtype.itemsize == 4
        return name.format(t="s" if single else "d")

    def _extent(self, place: Place) -> Extent:
        number, axis = place
        return (self.values[0] if number == RESULT else self.work.operands[number]).dims[axis]

    def _batch(self) -> str:
        if self.row.batch is None:
            return "1"
        core = ROUTINES[self.work.name].cores[self.row.batch]
        dims = self.work.operands[self.row.batch].dims
        return " * ".join(map(self.k.extent, dims[: len(dims) - core])) or "1"

    def _pointer(self, v: Value) -> str:
        self.k.pointers.setdefault(v.root, False)
        return f"v{v.root.number}"

    def _results(self) -> list[str]:
        wanted = {v.expr.content[1]: v for v in self.values}  # type: ignore[attr-defined]
        for v in self.values:
            self.k.pointers[v] = True
        return [
            f"v{wanted[k].number}" if k in wanted else "0"
            for k in range(len(ROUTINES[self.work.name].results))
        ]

    def _work(self, item: int, places: tuple[Place, ...]) -> str:
        number = self.k.p.scratch(item, [self._extent(place) for place in places])
        return f"q->data[{number}]"
