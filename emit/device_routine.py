"""Routines on a CUDA device: one row each, and the text of the kernel that calls one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..algebra.errors import EmitError
from ..algebra.routines import ROUTINES
from . import grid
from .device import DeviceKernel
from .value import Value, Work

if TYPE_CHECKING:
    from .cuda import DevicePlanner

FLOAT32 = np.dtype(np.float32)
RESULT = -1
Place = tuple[int, int]  # an axis of an operand, or, for operand RESULT, of the result


@dataclass(frozen=True)
class Spelling:
    """One row.

    extents  axes whose extents the routine works on
    parts    templates of the functions that it calls
    batch    the operand whose leading axes are the batch, or None where there is none
    typed    the operand whose type the functions are made for
    work     bytes of the elements of each array of work; 0: of a running sum
    share    the operand whose batch blocks share out, if not that of `batch`
    """

    extents: tuple[Place, ...]
    parts: tuple[str, ...]
    batch: int | None = 0
    typed: int = 0
    work: tuple[int, ...] = ()
    share: int | None = None


ROWS, COLUMNS, LAST = (0, -2), (0, -1), (1, -1)
LU = ("largest", "block", "lu", "substitute")
REFLECTIONS = ("largest", "block", "reflect")
ROTATIONS = ("largest", "block", "rotation")
SINGULAR = (*ROTATIONS, "orthogonal", "singular")
CUDA: dict[str, Spelling] = {
    "cumsum": Spelling(((0, -1),), ("states", "sequence", "tile", "running"), work=(0,)),
    "cumprod": Spelling(((0, -1),), ("states", "sequence")),
    "recurrence": Spelling(((0, -1),), ("states", "sequence")),
    "argsort": Spelling(((0, -1),), ("merge", "sort"), work=(8,)),
    "scatter_add": Spelling(
        ((1, -2), (1, -1), (RESULT, -2)), ("states", "merge", "sort", "segments"), 1, 1, (8, 8)
    ),
    "scatter_last": Spelling(((0, -1), (RESULT, -1)), (), None),
    "cholesky": Spelling((COLUMNS,), ()),
    "solve_triangular": Spelling((COLUMNS, LAST), ("block", "substitute"), 1),
    "solve": Spelling((COLUMNS, LAST), LU, 1, work=(8, 8), share=0),
    **{name: Spelling((COLUMNS,), LU, work=(8, 8)) for name in ("inv", "det", "logdet", "slogdet")},
    "eigh": Spelling((COLUMNS,), (*ROTATIONS, "turned", "jacobi"), work=(8, 8, 8, 8)),
    "svd": Spelling((ROWS, COLUMNS), (*SINGULAR, "completed"), work=(8, 8, 8, 8)),
    "pinv": Spelling((ROWS, COLUMNS), SINGULAR, work=(8, 8, 8)),
    "qr": Spelling((ROWS, COLUMNS), REFLECTIONS, work=(8, 8)),
    "matrix_power": Spelling((COLUMNS,), ("matmul",), work=(8, 8)),
    "expm": Spelling((COLUMNS,), (*LU, "matmul", "pade"), work=(8, 8, 8)),
}
# meet values that they refuse: positions out of range, singular matrices, numbers that are not
# finite, a decomposition without an end
CHECKED = (
    "scatter_add", "scatter_last", "cholesky", "solve_triangular", "solve", "inv", "eigh", "svd",
    "pinv", "expm",
)  # fmt: skip


@dataclass
class RoutineText:
    """What the template of a routine needs.

    call      template of the statements that call it
    type      that its functions are made for
    sizes     texts of the extents it works on; batch: text of how often it is repeated; own: of how
              many first operands there are
    operands, results, work  numbers of the arrays in the frame; -1: nobody wants the result
    flag      number of the array where positions out of range are noted
    """

    name: str
    about: str
    call: str
    parts: tuple[str, ...]
    type: str
    declarations: list[str]
    batch: str
    own: str
    params: tuple[int, ...]
    sizes: list[str]
    operands: list[int]
    results: list[int]
    work: list[int]
    flag: int
    description: grid.Routine
    kind: str = "routine"


def routine(p: DevicePlanner, values: list[Value], name: str) -> RoutineText:
    """The kernel of one call.

    Raises EmitError, by name, for a routine that has none.
    """
    work = values[0].routine
    assert work is not None, "a routine has work"
    row = CUDA.get(work.name)
    if row is None:
        raise EmitError(
            f"{work.name} is not built for the target 'cuda'", fix="use target='c' or 'numpy'"
        )
    kernel = DeviceKernel(p, {}, fold=False)
    dims = [_dims(place, work, values) for place in row.extents]
    batch = () if row.batch is None else _batch(work, row.batch)
    shared = batch if row.share is None else _batch(work, row.share)
    own = _batch(work, 0)
    typed = work.operands[row.typed].dtype
    running = 8 if typed == FLOAT32 else typed.itemsize
    items = [item or running for item in row.work]
    buffers = [p.buffer(grid.Buffer(0, ())) for _ in items]
    words = p.word(), p.word()
    description = grid.Routine(
        name,
        work.name,
        tuple(p.dim(d) for d in shared),
        tuple(p.dim(d) for d in dims),
        tuple(zip(buffers, items, strict=True)),
        words[0],
    )
    wanted = {v.expr.content[1]: p.number[v] for v in values}  # type: ignore[attr-defined]
    about = ", ".join(f"v{v.number}[{', '.join(v.own)}]" for v in values)
    sizes = [kernel.extent(d) for d in dims]
    repeated, first = ("*".join(map(kernel.extent, dims)) or "1" for dims in (batch, own))
    return RoutineText(
        name,
        f"{about} = {work.name}",
        work.name.replace("_", ""),
        row.parts,
        p.target.type_of(typed),
        kernel.declarations(),
        repeated,
        first,
        work.params,
        sizes,
        [p.number[v.root] for v in work.operands],
        [wanted.get(k, -1) for k in range(len(ROUTINES[work.name].results))],
        buffers,
        p.flag,
        description,
    )


def _dims(place: Place, work: Work, values: list[Value]):
    number, axis = place
    return (values[0] if number == RESULT else work.operands[number]).dims[axis]


def _batch(work: Work, operand: int) -> tuple:
    dims = work.operands[operand].dims
    return dims[: len(dims) - ROUTINES[work.name].cores[operand]]
