"""A CUDA file that needs no closedform: kernels, launches as they were planned, a call, a check.

A plan depends on the extents and is a part of the text, so the file is for the extents that it was
made for; it is planned for what every device since compute capability 8.0 has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ..algebra.dims import Extent
from ..algebra.errors import EmitError
from ..algebra.version import VERSION
from . import grid
from . import standalone_call as call
from .cuda import DeviceProgram
from .device_text import compile_device, extents_of
from .render import fill
from .standalone import Content, refuse
from .wrapping import comment, wrapped

FACTS = grid.DeviceFacts(arch=80, shared=101376, shared_processor=102400)
TILE = 16  # of `cf_product`


def cuda_file(content: Content) -> str:
    """Return the text of a CUDA file with one function, which computes every formula.

    Raises
    ------
    EmitError
        For extents without a number, and for an operation without a kernel.
    """
    given = _extents(content)
    try:
        program = compile_device(call.unit(content, "cuda"))
    except EmitError as error:
        raise refuse("cuda", error.found, content.where, error.fix) from None
    size = call.sizes(given)
    extents = extents_of(program, size)
    if min(extents, default=1) < 1:
        raise refuse("cuda", "a slice has no elements", content.where, "plan for larger extents")
    plan = grid.plan(program.kernels, extents, FACTS)
    text = fill(
        "cuda/standalone.cu.j2",
        **call.values(content, program, program.extents, [size(d) for d in program.extents]),
        **_frame(program, plan, extents),
        header=comment(f"{content.explained}\n\n{_planned(given)}", " *"),
        version=VERSION,
        api='extern "C" ',
        device=True,
        definitions=[],
        options=[option.removeprefix("-D").split("=") for option in plan.options],
        source=program.source.rstrip("\n"),
        products=any(isinstance(s, grid.Product) for s in program.kernels.steps),
        launches=list(_launches(plan, extents)),
        lengths=[size(d) for d in program.extents],
    )
    return wrapped(text)


def _extents(content: Content) -> dict[Extent, int]:
    """The number of each extent that has a name."""
    free = {d for x in content.inputs.values() for d in x.shape if not isinstance(d, int)}
    missing = sorted({str(d) for d in free} - set(content.sizes))
    unknown = sorted(set(content.sizes) - {str(d) for d in free})
    if missing or unknown:
        names = " and ".join(missing or unknown)
        raise refuse(
            "cuda",
            f"launches are planned for numbers, and there is none for {names}"
            if missing
            else f"--size of {names}, which is no extent of a variable",
            content.where,
            f"add {' '.join(f'--size {name}=1000' for name in missing)}, with the extents of the"
            " arrays that the function will get"
            if missing
            else f"leave it out; there is {', '.join(sorted(map(str, free))) or 'none'}",
        )
    return {d: content.sizes[str(d)] for d in sorted(free, key=str)}


def _planned(given: Mapping[Extent, int]) -> str:
    """What launches were planned for."""
    extents = ", ".join(f"{d} = {n}" for d, n in given.items()) or "these extents"
    return f"Planned for {extents}, on devices of compute capability 8.0 or later."


def _frame(program: DeviceProgram, plan: grid.Plan, extents: tuple[int, ...]) -> dict[str, Any]:
    """What the frame of the kernels and the copies need."""
    arrays = [
        math.prod([a.dtype.itemsize, *(extents[d] for d in a.dims)]) for a in program.arguments
    ]
    parameters = [*map(call.number, program.parameters)]
    narrow = [text for p in parameters for text in (f"(float){p}", "0")]
    return {
        "bytes": [*arrays, *(max(1, size) for size in plan.buffers)],
        "extents": extents,
        "parameters": parameters,
        "narrow": narrow,
        "words": plan.words,
        "flag": program.kernels.flag,
    }


def _launches(plan: grid.Plan, extents: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """Launches as the template takes them."""
    for x in plan.launches:
        if isinstance(x.step, grid.Product):
            yield _product(x.step, extents)
            continue
        group = None if isinstance(x.step, grid.Fold) else x.group
        yield {
            "product": False,
            "name": x.name,
            "grid": x.grid,
            "block": x.block,
            "shared": x.shared,
            "group": group,
        }


def _product(step: grid.Product, extents: tuple[int, ...]) -> dict[str, Any]:
    m, n, k = (extents[d] for d in step.extents)
    out, left, right = step.arrays
    long, wide = (extents[stored[1]] for stored in step.stored)
    across = (1, long) if step.swapped[0] else (long, 1)
    along = (1, wide) if step.swapped[1] else (wide, 1)
    return {
        "product": True,
        "out": out,
        "left": left,
        "right": right,
        "numbers": (m, n, k, *across, *along),
        "grid": -(-m // TILE) * -(-n // TILE),
    }
