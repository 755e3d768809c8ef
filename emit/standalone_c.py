"""A C file that needs no closedform: the fused kernels of the C target, a call, and a check.

The kernels are those that `cf.function` would compile. What they call of BLAS and LAPACK is written
out in plain loops (`PLAIN`); other routines, and functions of SciPy, are refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..algebra.dims import Extent
from ..algebra.errors import EmitError
from ..algebra.version import VERSION
from . import standalone_call as call
from .plan import PANEL, PANEL_EXTENT, Planner
from .render import fill, kernel_values, planned_unit
from .routine import C as ROUTINES
from .standalone import Content, refuse
from .target import ALONE
from .wrapping import comment, wrapped

PLAIN = {  # routines of libraries that are written out -> their templates
    "cblas_{t}gemm": "gemm",
    "LAPACKE_{t}getrf_work": "getrf",
    "LAPACKE_{t}getrs_work": "getrs",
    "LAPACKE_{t}potrf_work": "potrf",
    "LAPACKE_{t}trtrs_work": "trtrs",
}
CACHE = 131072  # bytes that a panel touches, and most of its rows; as the driver has them
MOST_ROWS = 1024
LONG = 33554432  # where a plan wants panels of a number of rows


def c_file(content: Content) -> str:
    """Return the text of a C file with one function, which computes every formula.

    Raises
    ------
    EmitError
        For an operation that calls a library.
    """
    try:
        program, plan, definitions = planned_unit(call.unit(content, "c"), ALONE)
    except EmitError as error:
        found = error.found.removeprefix("--emit c: ")
        raise refuse("c", found, content.where, error.fix) from None
    _check_routines(content, plan)
    dims = list(plan.dims)
    kernels = kernel_values(plan, ALONE, definitions)
    kernels["helpers"] = _helpers(kernels["helpers"])
    doubles = {name.format(t="d"): kind for name, kind in PLAIN.items()}
    plain = [doubles[name] for name in plan.externals]
    work = plan.buffers[len(program.arguments) :]
    wanted = max((s.panel for s in plan.stages), default=0)
    text = fill(
        "c/standalone.c.j2",
        **kernels,
        **call.values(content, program, dims, program.dims),
        header=comment(content.explained, " *"),
        version=VERSION,
        api="",
        device=False,
        plain=plain,
        external=[f"(void *)plain_{name}" for name in plain],
        parameters=[*map(call.number, program.parameters)],
        work=work,
        work_rank=max([1, *(len(b.dims) for b in work)]),
        folds=any(s.fold for s in plan.stages),
        row_bytes=_row_bytes(plan),
        panel_bytes=LONG if wanted else CACHE,
        panel_most=wanted or MOST_ROWS,
        lengths=call.lengths(content, program, dims),
    )
    return wrapped(text)


def _helpers(found: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Templates of what kernels call, and of what these need."""
    kinds = {kind for kind, _ in found}
    return [("halfturns", ""), *found] if kinds & {"digamma", "binom"} else list(found)


def _check_routines(content: Content, plan: Planner) -> None:
    """Raise EmitError for what calls a routine of a library that has no plain loops."""
    routines = sorted({v.routine.name for v in plan.low.values if v.routine})
    for name in routines:
        if not set(ROUTINES[name].library) <= set(PLAIN):
            raise refuse(
                "c",
                f"{name} calls LAPACK, so the file cannot stand alone",
                content.where,
                "write --emit numpy, compile it with cf.function, or write the expression without"
                " it",
            )


def _row_bytes(plan: Planner) -> str:
    """What a row of the fold takes in all arrays that have one, as C."""
    axis: Extent | None = plan.low.axis
    terms = []
    for k, b in enumerate(plan.buffers):
        row = PANEL_EXTENT if b.scope == PANEL else plan.dims.get(axis)  # type: ignore[arg-type]
        if row in b.dims and (b.scope == PANEL or k < len(plan.arguments)):
            others = list(b.dims)
            others.remove(row)  # type: ignore[arg-type]
            terms.append(" * ".join([f"{b.item}.0", *(f"(double)extent[{d}]" for d in others)]))
    return " + ".join(terms) or "8.0"
