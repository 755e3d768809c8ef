"""The text of a program of CUDA kernels, and everything a caller must know to run it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from ..algebra.dims import Extent, FreshDim
from .axis import lower
from .cuda import DevicePlanner, DeviceProgram, OnceText
from .device_routine import RoutineText
from .grid import ONCE_THREADS, Kernels
from .key import canonical_text
from .program import Argument, Unit
from .render import _environment
from .target import TARGETS


def compile_device(unit: Unit) -> DeviceProgram:
    """Lower, plan and spell a unit for a CUDA device.

    Raises EmitError for what the target cannot express.
    """
    lowering = lower(unit, joins=False)
    key = canonical_text(lowering)
    plan = DevicePlanner(lowering, TARGETS["cuda"])
    return DeviceProgram(
        render=lambda: _text(plan),
        key_text=key,
        target="cuda",
        arguments=_arguments(plan, unit),
        dims=tuple(map(lowering.known, plan.dims)),
        parameters=tuple(float(x) for x in lowering.parameters),
        refuses=plan.flag >= 0,
        plan=_explanation(plan),
        kernels=Kernels(
            tuple(plan.described),
            plan.whole,
            len(plan.arguments),
            tuple(plan.buffers),
            plan.words,
            plan.flag,
        ),
        extents=tuple(plan.dims),
        strides=plan.strides,
    )


def _text(plan: DevicePlanner) -> str:
    helpers = _CALL.findall(_rendered(plan, ()))
    shared = _shared_helpers()
    return _rendered(plan, tuple(dict.fromkeys(h for h in helpers if h[0] in shared)))


_CALL = re.compile(r"\bcf_([a-z]+)_(\w+)\(")


@cache
def _shared_helpers() -> frozenset[str]:
    """Helpers whose text CUDA shares with C: a template each."""
    found = _environment().list_templates(filter_func=lambda name: name.startswith("functions/"))
    return frozenset(name.removeprefix("functions/").partition(".")[0] for name in found)


def _rendered(plan: DevicePlanner, helpers: tuple[tuple[str, str], ...]) -> str:
    return (
        _environment()
        .get_template("cuda/unit.cu.j2")
        .render(
            title=f"emitted by closedform; computes {', '.join(map(str, plan.low.results))}",
            helpers=helpers,
            steps=plan.steps,
            parts=_parts(plan),
            arrays=len(plan.arguments) + len(plan.buffers),
            dims=len(plan.dims),
            strides=plan.stride_count,
            parameters=len(plan.low.parameters),
            words=plan.words,
            once_threads=ONCE_THREADS,
        )
    )


def _parts(plan: DevicePlanner) -> list[str]:
    """Templates of what only some programs need."""
    found = [part for s in plan.steps if isinstance(s, RoutineText) for part in s.parts]
    return list(dict.fromkeys(found))


def _arguments(plan: DevicePlanner, unit: Unit) -> tuple[Argument, ...]:
    kinds = (
        ["input"] * len(unit.inputs)
        + ["shared"] * len(unit.shared)
        + ["constant"] * len(unit.constants)
        + ["output"] * len(unit.outputs)
        + ["update"] * len(unit.updates)
    )
    return tuple(
        Argument(kind, v.dtype, tuple(plan.dim(v.space[t]) for t in v.own), plan.layout(v))
        for kind, v in zip(kinds, plan.arguments, strict=True)
    )


def _explanation(plan: DevicePlanner) -> tuple[str, ...]:
    from ..algebra.dims import show

    axis = plan.low.axis
    folds = sum(s.kind == "fold" for s in plan.steps)
    lines = [f"fold axis: {show(axis) if axis is not None else 'none'}; passes over it: {folds}"]
    for step in plan.steps:
        lines.append(f"{step.name}:")
        if isinstance(step, OnceText):
            lines += [f"  combines v{c['number']} in {c['wide']}" for c in step.combines]
        if isinstance(step, RoutineText):
            lines.append(f"  {step.about}")
            continue
        lines += [f"  {p.kind}: {p.about}" for p in step.phases]
    return tuple(lines)


def extents_of(program: DeviceProgram, sizes: Callable[[Extent], int]) -> tuple[int, ...]:
    """The extents of a call in the order of the program's dims; run-time starts of slices are kept
    plus 1, for extents are positive."""
    return tuple(sizes(d) + _is_start(d) for d in program.extents)


def _is_start(d: Extent) -> bool:
    return isinstance(d, FreshDim) and d.definition is not None and d.definition[0] == "start"
