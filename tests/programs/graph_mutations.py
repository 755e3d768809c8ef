"""Mistakes put into simplified graphs, as a wrong rewrite would, and into texts for CUDA, to see
that the comparison notices every one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.cuda.emulated import Fault
from tests.programs import mutations, sharing
from tests.programs.checking import Case, differs
from tests.programs.mutations import changed

import closedform as cf
from closedform.algebra.graph import rewire, topological
from closedform.algebra.node import Contract, Map, Node
from closedform.algebra.scalar import CLASSES, op, replace, subexpressions
from closedform.emit.device_text import compile_device, extents_of
from closedform.runtime import specialisation
from closedform.runtime.device import DeviceEntry
from closedform.runtime.interpreter import Interpreter

FUNCTIONS = frozenset("sin exp tanh log log1p expm1 sqrt sigmoid".split())
Change = Callable[[Node, Any], Node | None]


@dataclass(frozen=True)
class Mutant:
    """A program with one mistake, and where that is."""

    mistake: str
    case: Case
    line: str
    run: Callable[[], Sequence[np.ndarray]]


def survivors(chosen: Sequence[Mutant], right: dict[int, Any]) -> tuple[list[Mutant], list[str]]:
    """Mutants that change results, and pass; and the mistakes that changed some.

    right : results without mistakes, by the identity of the case.
    """
    survived, ran = [], []
    for m in chosen:
        try:
            found = m.run()
        except Fault:  # out of bounds, a race: noticed by the emulation
            ran.append(m.mistake)
            continue
        if any(map(changed, found, right[id(m.case)])):
            ran.append(m.mistake)
            if not differs(m.case, found, m.mistake):
                survived.append(m)
    return survived, ran


# ---------------------------------------------------------------- graphs


def _one(rng: Any, items: Sequence[Any]) -> Any:
    return items[rng.integers(len(items))] if items else None


def _without(name: str) -> Change:
    """A sum without a term, or a product without a factor."""

    def change(x: Node, rng: Any) -> Node | None:
        if not isinstance(x, Map) or x.dtype.kind != "f":
            return None
        e = _one(rng, [e for e in subexpressions(x.spec.body) if op(e) == name])
        if e is None:
            return None
        gone = rng.integers(len(e.args))
        rest = [a for k, a in enumerate(e.args) if k != gone]
        new = CLASSES[name](*rest) if len(rest) > 1 else rest[0]
        return type(x)(x.spec.with_(body=replace(x.spec.body, {e: new})), *x.operands)

    return change


def _another(x: Node, rng: Any) -> Node | None:
    if not isinstance(x, Map):
        return None
    e = _one(rng, [e for e in subexpressions(x.spec.body) if op(e) in FUNCTIONS])
    if e is None:
        return None
    body = replace(x.spec.body, {e: CLASSES["cos"](e.args[0])})
    return type(x)(x.spec.with_(body=body), *x.operands)


def _narrow(x: Node, rng: Any) -> Node | None:
    if not isinstance(x, Map) or x.spec.compute != np.float64:
        return None
    return type(x)(x.spec.with_(compute=np.dtype(np.float32)), *x.operands)


def _turned(x: Node, rng: Any) -> Node | None:
    """An operand is read along the wrong axis, where both are of one extent."""
    if not isinstance(x, Map | Contract):
        return None
    squares = [k for k, a in enumerate(x.operands) if a.ndim == 2 and a.dims[0] == a.dims[1]]
    k = _one(rng, squares)
    if k is None or None in x.spec.indices[k]:
        return None
    indices = list(x.spec.indices)
    indices[k] = indices[k][::-1]
    return type(x)(x.spec.with_(indices=tuple(indices)), *x.operands)


GRAPH: dict[str, Change] = {
    "a term is dropped": _without("Add"),
    "a factor is dropped": _without("Mul"),
    "another function": _another,
    "float for double": _narrow,
    "a wrong index": _turned,
}


def of_graphs(cases: Sequence[Case], number: int = 0) -> list[Mutant]:
    """One mutant of each kind of each program, where there is a place for it."""
    rng = np.random.default_rng(number)
    found = []
    for case in cases:
        outputs = case.forms.simplified.outputs
        order = topological(outputs)
        for mistake, change in GRAPH.items():
            changes = [(x, change(x, rng)) for x in order]
            place = _one(rng, [(x, new) for x, new in changes if new is not None and new is not x])
            if place is not None:
                x, new = place
                roots = rewire(outputs, {x: new})
                found.append(Mutant(mistake, case, str(x.spec), _interpreted(case, roots)))
    return found


def _interpreted(case: Case, roots: Sequence[Node]) -> Callable[[], list[np.ndarray]]:
    def run() -> list[np.ndarray]:
        values = case.forms.translated(case.forms.values(case.arrays))
        return Interpreter(roots).run(values, case.forms.sizes(case.arrays))

    return run


# ---------------------------------------------------------------- texts for CUDA

READ = r"(?:[vz]\d+\[[^\[\]]+\]|[cptx]\d+\b)"
CUDA: dict[str, tuple[str, str]] = {
    "a term is dropped": (rf" [+-] {READ}(?=\);)", ""),
    "minus for plus": (rf" \+ (?={READ})", " - "),
    "a wrong index": (r"(cf_load\(z\d+, &v\d+\[first) \+ e\]", r"\1]"),
    "float for double": (r"(const double t\d+ = )([^;?]*);", r"\1(float)(\2);"),
    "another function": (r"\b(exp|tanh|log|expm1|sqrt|fabs)(?=f?\()", "cos"),
}


def of_texts(cases: Sequence[Case], number: int = 0) -> tuple[list[Mutant], dict[int, Any]]:
    """Mutants of texts for CUDA, which share a unit; and the results without mistakes."""
    device = sharing.SharedDevice()
    rng = np.random.default_rng(number)
    plain, found = [], []
    for case in cases:
        with suppress(cf.EmitError):
            program = compile_device(specialisation.unit_of(case.forms, case.kind))
            plain.append((case, _entry(case, program, device)))
            body = program.source.find("__global__ void")
            for m in mutations.altered(program.source, CUDA, rng, body, len(program.source)):
                wrong = copy.copy(program)
                object.__setattr__(wrong, "source", m.text)
                entry = _entry(case, wrong, device)
                found.append(Mutant(m.mistake, case, m.line, _on(device, case, entry)))
    return found, {id(case): _on(device, case, entry)() for case, entry in plain}


def _entry(case: Case, program: Any, device: Any) -> DeviceEntry:
    entry = DeviceEntry(program, device)
    entry.prepare(extents_of(program, case.sizes))
    return entry


def _on(device: Any, case: Case, entry: DeviceEntry) -> Callable[[], list[np.ndarray]]:
    def run() -> list[np.ndarray]:
        arrays = [*case.arrays, *(x.payload for x in case.forms.constants)]
        there = [device.put(np.asarray(a)) for a in arrays]
        made = entry.run(there, extents_of(entry.program, case.sizes))
        return [device.host(a) for a in made]

    return run
