"""Panels in the memory of a block: what lies there, how it gets there, how it is addressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import grid
from .device import DeviceKernel, Region
from .nest import innermost
from .schedule import FoldStep
from .value import AXIS, Load, Value, loads_of

if TYPE_CHECKING:
    from .cuda import DevicePlanner


def in_panel(v: Value) -> bool:
    """Whether a value has one row, or number, per row of a panel."""
    return v.in_body and not v.is_accumulator and not v.whole


def reads_row(load: Load) -> bool:
    """Whether a load reads the row of the fold that is being computed."""
    found = [t for own, t in zip(load.value.own, load.indices, strict=True) if own == AXIS]
    return bool(found) and all(t.plain and t.label == AXIS for t in found)


def regions(p: DevicePlanner, step: FoldStep) -> dict[Value, Region]:
    """What lies in the memory of a block while a panel is computed."""
    values = [v for team in step.teams for v in team.values]
    found = {v: _region(p, v, staged=False) for v in values if v in p.stored and in_panel(v)}
    return found | {v: _region(p, v, staged=True) for v in _staged(p, step)}


def _region(p: DevicePlanner, v: Value, staged: bool) -> Region:
    odd = staged and v.memory[-1] == AXIS
    kind = p.target.type_of(v.dtype)
    name = f"CF_SHARED_{len(p.described)}_{v.number}"
    places = p.word(), p.word()
    second = p.word() if staged and _together(p, v) else -1
    return Region(v, kind, *places, name, staged, odd, second)


def _together(p: DevicePlanner, v: Value) -> bool:
    """Whether the rows of a panel lie together in memory."""
    others = tuple(t for t in v.own if t != AXIS)
    return p.layout(v) in ("C", "F") and v.memory == (AXIS, *others)


def _staged(p: DevicePlanner, step: FoldStep) -> list[Value]:
    """Arguments whose rows are copied once per panel: several groups read them, or one reads them
    across memory."""
    uses: dict[Value, int] = {}
    for team in step.teams:
        read = {load.value for v in team.values for load in loads_of(v.expr) if reads_row(load)}
        along = all(innermost(v, p.low) == AXIS for v in team.values)
        for d in sorted(read, key=lambda d: d.number):
            if d.leaf is not None and len(d.own) > 1 and d.own.count(AXIS) == 1:
                across = d.memory[-1] == AXIS and not along
                uses[d] = uses.get(d, 0) + (2 if across else 1)
    return [d for d, count in uses.items() if count > 1]


def described(p: DevicePlanner, r: Region) -> grid.Region:
    """What plans need of a region."""
    dims = p.dims_of(r.value.own, r.value.space)
    item = r.value.dtype.itemsize
    return grid.Region(item, dims, r.offset, r.pitch, r.option, r.staged, r.odd, r.second)


def macro(kernel: DeviceKernel, r: Region) -> tuple[Region, str, str, str]:
    """Parameters of the macro of a region, its text in the memory of the block, and its text where
    a staged region is left out."""
    v = r.value
    names = [f"a{k}" for k in range(len(v.own))]
    row, text = "0", ""
    for t, a in zip(v.own, names, strict=True):
        if t == AXIS:
            row = f"({a})"
        else:
            text = f"({text})*{kernel.count(t, v.space)} + ({a})" if text else f"({a})"
    inside = f"s{v.number}[{row}*pitch{v.number} + {text or '0'}]"
    outside = ""
    if r.staged:
        places = [
            f"(begin + ({a}))" if t == AXIS else f"(int64_t)({a})"
            for t, a in zip(v.own, names, strict=True)
        ]
        outside = kernel.address(v, places)
    return r, ", ".join(names), inside, outside


def copy(kernel: DeviceKernel, r: Region) -> dict[str, Any]:
    """How rows of an argument get into the memory of the block."""
    v = r.value
    others = [t for t in v.own if t != AXIS]
    decode, rest = [], "o"
    for k, t in enumerate(reversed(others[1:])):
        n = kernel.count(t, v.space)
        decode.append(f"const cf_index {t} = {rest} % {n}, o{k} = {rest} / {n};")
        rest = f"o{k}"
    decode.append(f"const cf_index {others[0]} = {rest};")
    places = [f"(begin + {AXIS})" if t == AXIS else f"(int64_t){t}" for t in v.own]
    return {
        "columns": r.odd,
        "inner": kernel.product(others, v.space),
        "inner64": "*".join(kernel.extent(v.space[t]) for t in others),
        "decode": decode,
        "place": kernel.address(v, places),
    }
