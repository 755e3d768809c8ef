"""Routines in C: one row each, and the call of one as text.

A row says which extents the function takes and which arrays of work; the function itself is a
template of the name without underscores. Its arguments: library routines, the extent of the batch,
extents, operands, results (0 for those that nobody wants), work, numbers. It returns a status.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..algebra.dims import Extent
from ..algebra.errors import EmitError
from ..algebra.routines import ROUTINES
from .value import Value

if TYPE_CHECKING:
    from .kernel import KernelPlanner

Place = tuple[int, int]  # an axis of an operand, or, for operand RESULT, of the result
RESULT = -1
T = 8  # bytes of an element, of those of a float more than it takes


@dataclass(frozen=True)
class Spelling:
    """One row.

    extents   axes whose extents the function takes
    batch     the operand whose leading axes are the batch, or None where there is none
    typed     the operand whose type the function is made for
    work      per array of work: bytes of an element, and the axes that it is as large as
    library   routines of the library, by the dtype of the operand
    parts     operands whose batch is the end of that batch; the function takes its extent too
    matrix    whether the function needs the template of what those on matrices share
    """

    extents: tuple[Place, ...]
    batch: int | None = 0
    typed: int = 0
    work: tuple[tuple[int, tuple[Place, ...]], ...] = ()
    library: tuple[str, ...] = ()
    parts: tuple[int, ...] = ()
    matrix: bool = False


ROWS, COLUMNS, LAST = (0, -2), (0, -1), (1, -1)
SQUARE, WHOLE = (COLUMNS, COLUMNS), (ROWS, COLUMNS)
LU = ("LAPACKE_{t}getrf_work", "LAPACKE_{t}getrs_work")
GEMM = "cblas_{t}gemm"
# work of gesdd: up to 4 k^2 + 7 k numbers and 8 k integers for k the smaller extent
SVD = ((T, WHOLE), (T, WHOLE), (T, WHOLE), (T, (COLUMNS,)), (11 * T, WHOLE), (32, (COLUMNS,)))


def _matrix(
    extents: tuple[Place, ...], library: tuple[str, ...], *work: tuple, **more: Any
) -> Spelling:
    return Spelling(extents, library=library, work=work, matrix=True, **more)


C: dict[str, Spelling] = {
    "cumsum": Spelling(((0, -1),)),
    "cumprod": Spelling(((0, -1),)),
    "recurrence": Spelling(((0, -1),)),
    "argsort": Spelling(((0, -1),), work=((8, ((0, -1),)),)),
    "scatter_add": Spelling(((1, -2), (1, -1), (RESULT, -2)), batch=1, typed=1),
    "scatter_last": Spelling(((0, -1), (RESULT, -1)), batch=None),
    "inv": _matrix((COLUMNS,), LU, (T, SQUARE), (T, SQUARE), (4, (COLUMNS,))),
    "solve": _matrix(
        (COLUMNS, LAST), LU, (T, SQUARE), (T, (COLUMNS, LAST)), (4, (COLUMNS,)), batch=1, parts=(0,)
    ),
    "solve_triangular": _matrix(
        (COLUMNS, LAST), ("LAPACKE_{t}trtrs_work",), (T, (COLUMNS, LAST)), batch=1, parts=(0,)
    ),
    "det": _matrix((COLUMNS,), LU[:1], (T, SQUARE), (4, (COLUMNS,))),
    "logdet": _matrix((COLUMNS,), LU[:1], (T, SQUARE), (4, (COLUMNS,))),
    "slogdet": _matrix((COLUMNS,), LU[:1], (T, SQUARE), (4, (COLUMNS,))),
    "cholesky": _matrix((COLUMNS,), ("LAPACKE_{t}potrf_work",), (T, SQUARE)),
    # work of syevd: 1 + 6 n + 2 n^2 numbers and 3 + 5 n integers
    "eigh": _matrix(
        (COLUMNS,), ("LAPACKE_{t}syevd_work",), (T, SQUARE), (9 * T, SQUARE), (32, (COLUMNS,))
    ),
    "svd": _matrix((ROWS, COLUMNS), ("LAPACKE_{t}gesdd_work",), *SVD),
    "qr": _matrix(
        (ROWS, COLUMNS), ("LAPACKE_{t}geqrf_work", "LAPACKE_{t}orgqr_work"),
        (T, WHOLE), (T, (COLUMNS,)), (64 * T, (COLUMNS,)),
    ),
    "pinv": _matrix((ROWS, COLUMNS), ("LAPACKE_{t}gesdd_work", GEMM), *SVD),
    "matrix_power": _matrix((COLUMNS,), (GEMM,), (T, SQUARE), (T, SQUARE)),
    "expm": _matrix((COLUMNS,), (GEMM, *LU), (6 * T, SQUARE), (4, (COLUMNS,))),
}  # fmt: skip


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
            *map(self._leading, self.row.parts),
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
        return "1" if self.row.batch is None else self._leading(self.row.batch)

    def _leading(self, number: int) -> str:
        """The extent of the batch of an operand."""
        core = ROUTINES[self.work.name].cores[number]
        dims = self.work.operands[number].dims
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
