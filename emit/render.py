"""The one place that fills templates."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from ..algebra.dims import SEVERAL, FreshDim
from ..algebra.errors import EmitError
from .axis import lower
from .cost import count
from .key import canonical_text
from .plan import Planner, Stage
from .program import Argument, Program, Unit
from .routine import C as ROUTINES
from .target import TARGETS, Target

MATRIX = [name.replace("_", "") for name, row in ROUTINES.items() if row.matrix]
FOLDER = Path(__file__).parent.parent / "templates"


@cache
def _environment():
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def fill(template: str, **values: object) -> str:
    """Return the text of a template of the folder."""
    return _environment().get_template(template).render(**values)


@cache
def template_digest(target: str) -> str:
    """SHA-256 of the templates of a target, a field of every cache key."""
    folders = (FOLDER / TARGETS[target].templates, FOLDER / "functions")
    found = [path for folder in folders for path in sorted(folder.glob("*.j2"))]
    return hashlib.sha256(
        b"\0".join(p.name.encode() + b"\0" + p.read_bytes() for p in found)
    ).hexdigest()


def compile_unit(unit: Unit, target: str = "c") -> Program:
    """Lower, plan and spell a unit.

    Raises EmitError for what the target cannot express.
    """
    return planned_unit(unit, TARGETS[target])[0]


def planned_unit(unit: Unit, target: Target) -> tuple[Program, Planner, list[str]]:
    """The program of a unit, its plan, and the statements that define extents."""
    lowering = lower(unit)
    plan = Planner(lowering, target)
    if lowering.axis is not None:
        plan.dim(lowering.axis)  # also where no array has it: a trace of many rows is one number
    definitions = _definitions(plan, unit)
    program = Program(
        render=lambda: _text(plan, target, definitions),
        key_text=canonical_text(lowering),
        target=target.name,
        arguments=_arguments(plan, unit),
        dims=tuple(map(lowering.known, plan.dims)),
        externals=tuple(plan.externals),
        parameters=tuple(float(x) for x in lowering.parameters),
        refuses=plan.refuses,
        plan=_explanation(plan),
        count=lambda: count(plan),
    )
    return program, plan, definitions


def _text(plan: Planner, target: Target, definitions: list[str]) -> str:
    return fill(
        f"{target.templates}/unit.c.j2",
        **kernel_values(plan, target, definitions),
        title=f"emitted by closedform; computes {', '.join(map(str, plan.low.results))}",
        arguments=plan.arguments,
        dims=plan.dims,
        parameters=len(plan.low.parameters),
        externals=len(plan.externals),
    )


def kernel_values(plan: Planner, target: Target, definitions: list[str]) -> dict[str, Any]:
    """What the templates of kernels and of what they call need."""
    stages = [_stage(plan, k, s) for k, s in enumerate(plan.stages)]
    library, helpers = _needs(stages, definitions, target)
    return {
        "stages": stages,
        "library": library,
        "helpers": helpers,
        "definitions": definitions,
        "buffers": plan.buffers,
        "axis": plan.dim(plan.low.axis) if plan.low.axis is not None else 0,
    }


def _needs(stages: list[dict], definitions: list[str], target: Target) -> tuple[list, list]:
    """Library functions (name, type, types of arguments, first version) and helpers (template,
    type) that the text calls."""
    lines = [*definitions]
    for stage in stages:
        lines += [a.combine for a in stage["accumulators"]]
        for k in stage["kernels"]:
            lines += [t for b in k.bodies for t in (*b.lanes, *b.lines, *b.ends)]
            if k.vector:
                lines += [f"cf_hsum_{k.vector.type}("] + [
                    t for b in k.vector.blocks for x in b.loads for t in x[2:]
                ]
            lines += [t for fill in (*k.fills, *k.flushes) for t in fill[1:]]
    text = "\n".join(lines)
    called = dict.fromkeys(re.findall(r"\b(\w+)\(", text))
    types = {
        suffix: target.types[name] for name, suffix in {"float64": "", **target.suffixes}.items()
    }
    library = [
        (n + s, t, ", ".join([t] * arity), since)
        for n, (since, arity) in target.vectors.items()
        for s, t in types.items()
        if n + s in called
    ]
    helpers = dict.fromkeys(re.findall(r"\bcf_([a-z]+)_(\w+)\(", text))
    helpers |= {
        (n, ""): None
        for n, call in (("clamp", "cf_clamp"), ("slice", "cf_slice"), ("at", "CF_AT"))
        if call in called
    }
    if any(kind == "hsum" for kind, _ in helpers):
        helpers = {("vectors", ""): None, **helpers}
    for kind, name in list(helpers):
        if kind in MATRIX:
            helpers = {("matrix", name): None, **helpers}
    return library, list(helpers)


def _stage(plan: Planner, k: int, stage: Stage) -> dict:
    used = {n for a in stage.accumulators for n in plan.buffers[a.number].dims}
    number = {k: d for d, k in plan.dims.items()}
    extents = [k for k in sorted(used) if plan.low.known(number[k]) is None]
    return {
        "number": k,
        "kernels": stage.kernels,
        "accumulators": stage.accumulators,
        "extents": extents,
        "fold": stage.fold,
        "work": stage.work,
        "panel": stage.panel,
        "columns": stage.columns,
        "shared": any(work and len(dims) > 1 for work, dims in stage.columns),
        "merges": stage.merges,
    }


def _definitions(plan: Planner, unit: Unit) -> list[str]:
    """Statements that set the extents which no argument binds."""
    bound = {d for leaf in (*unit.inputs, *unit.shared, *unit.constants) for d in leaf.dims}
    lines: list[str] = []
    done: set = set()

    def define(d) -> None:
        if isinstance(d, int) or d in bound or d in done:
            return
        done.add(d)
        if not isinstance(d, FreshDim) or d.definition is None:
            raise EmitError(
                f"the extent {d} follows from no argument of the function",
                fix="make an array that has it an input",
            )
        kind, source, *rest = d.definition
        for s in source if kind in SEVERAL else (source,):
            define(s)
        lines.append(f"extent[{plan.dim(d)}] = {_definition(plan, kind, source, rest)};")

    for d in list(plan.dims):
        define(d)
    return lines


def _definition(plan: Planner, kind: str, source, rest) -> str:
    at = lambda s: str(s) if isinstance(s, int) else f"extent[{plan.dim(s)}]"  # noqa: E731
    if kind == "quotient":
        return " * ".join(map(at, source)) + f" / {rest[0]}"
    if kind == "sum":
        return " + ".join(map(at, (*source, rest[0])))
    if kind == "least":
        first, second = map(at, source if len(source) == 2 else (*source, rest[0]))
        return f"{first} < {second} ? {first} : {second}"
    start, stop, step = rest
    given = lambda x: f"{int(x is not None)}, {x or 0}"  # noqa: E731
    length = kind == "length"
    text = f"cf_slice({at(source)}, {int(length)}, {given(start)}, {given(stop)}, {step})"
    return text if length else text + " + 1"


def _arguments(plan: Planner, unit: Unit) -> tuple[Argument, ...]:
    kinds = (
        ["input"] * len(unit.inputs)
        + ["shared"] * len(unit.shared)
        + ["constant"] * len(unit.constants)
    )
    kinds += ["output"] * len(unit.outputs) + ["update"] * len(unit.updates)
    return tuple(
        Argument(kind, v.dtype, plan.buffers[k].dims, plan.layout(v))
        for k, (kind, v) in enumerate(zip(kinds, plan.arguments, strict=True))
    )


def _explanation(plan: Planner) -> tuple[str, ...]:
    from ..algebra.dims import show

    low = plan.low
    folds = sum(s.fold for s in plan.stages)
    lines = [
        f"fold axis: {show(low.axis) if low.axis is not None else 'none'}; passes over it: {folds}"
    ]
    for s in plan.stages:
        lines.append("per panel of rows:" if s.fold else "once:")
        lines += [f"  {k.name}: {k.about}   ({k.strategy})" for k in s.kernels]
    return tuple(lines)
