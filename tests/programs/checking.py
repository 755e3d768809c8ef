"""What is checked of a program, many at a time.

Shape and dtype are NumPy's. Four evaluations of the outputs agree with the value of the graph as
written in a wider type, each element within the bound of its own running error analysis
(`rounding`): NumPy's own functions, the NumPy target on the graph as written, the simplified graph
on the NumPy target, and the C target; with `device` also the CUDA text on this processor. The
gradient's product with a direction is the difference quotient of the cost along it. The program
survives being saved; what it prints as text is read back.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from tests.programs import differences, reading, sharing
from tests.programs.bound import WIDE, Bound, spacing
from tests.programs.program import Program
from tests.programs.rounding import analysed

import closedform as cf
from closedform.algebra.deserialise import load
from closedform.algebra.serialise import dump
from closedform.emit.device_text import compile_device, extents_of
from closedform.runtime import specialisation
from closedform.runtime.device import DeviceEntry
from closedform.runtime.forms import Forms
from closedform.runtime.function import made
from closedform.runtime.signature import read

SLACK = 1 + 2.0**-6  # what the wider type rounds itself
OPTIONS = dict.fromkeys(("name", "mode", "target", "allow_input_downcast"))
OPTIONS |= {"soundness": "real", "deterministic": False}


def forms_of(inputs: list[cf.Tensor], outputs: list[cf.Tensor]) -> Forms:
    return Forms(read(inputs, outputs, None, None), "ignore", "real")


class Case:
    """A program that was drawn, in all its forms."""

    def __init__(self, program: Program) -> None:
        self.program, self.arrays = program, program.arrays
        self.inputs, self.outputs = program.tensors()
        self.forms = forms_of(self.inputs, self.outputs)
        self.sizes = self.forms.sizes(self.arrays)
        self.c = made(self.forms, {**OPTIONS, "target": "c"})

    @property
    def empty(self) -> bool:
        return self.forms.empty(self.sizes)

    @cached_property
    def kind(self) -> specialisation.Kind:
        return specialisation.kind_of(self.forms, self.arrays, self.sizes)

    @cached_property
    def emitted(self) -> Any:
        """The program for the C target."""
        return specialisation.emitted(self.forms, self.kind)

    def adopt(self, loaded: Any) -> None:
        """Let calls run a program that is in memory."""
        entry = specialisation._entry(self.forms, self.emitted, loaded, False)
        special = specialisation.Specialisation(self.kind, self.emitted, loaded, entry, self.sizes)
        self.c = made(self.forms, {**OPTIONS, "target": "c"})
        self.c._special[self.kind] = special

    @cached_property
    def bounds(self) -> list[Bound]:
        """Of every output."""
        return analysed(self.roots, self.forms.values(self.arrays), self.sizes)

    @cached_property
    def roots(self) -> list[Any]:
        """The graph as written, gradients expanded."""
        written = self.forms.written
        return [written.order[k] for k in written._roots]

    @cached_property
    def ill(self) -> bool:
        """Whether the analysis can say little: half of the digits of an output may be lost."""
        floats = [x.dtype for x in self.forms.written.order if x.dtype.kind == "f"]
        limit = np.sqrt(max(map(spacing, floats), default=0))
        return any(_vague(b, limit) for b in self.bounds)

    # ------------------------------------------------------------ evaluations

    def by_numpy(self) -> list[np.ndarray]:
        return self.program.of_numpy()

    def by_the_graph(self) -> list[np.ndarray]:
        return made(self.forms, {**OPTIONS, "mode": "FAST_COMPILE"})(*self.arrays)

    def by_the_simplified_graph(self) -> list[np.ndarray]:
        return made(self.forms, {**OPTIONS, "target": "numpy"})(*self.arrays)

    def by_c(self) -> list[np.ndarray]:
        return self.c(*self.arrays)


def _vague(b: Bound, limit: float) -> bool:
    if b.value.dtype.kind != "f":
        return bool(b.error.any())
    scale = np.max(b.magnitude[np.isfinite(b.magnitude)], initial=1)
    return not b.error.max(initial=0) <= limit * scale


EVALUATIONS: dict[str, Callable[[Case], list[np.ndarray]]] = {
    "NumPy": Case.by_numpy,
    "the graph as written": Case.by_the_graph,
    "the simplified graph": Case.by_the_simplified_graph,
    "C": Case.by_c,
}


@dataclass
class Report:
    """What was found of some programs: complaints by their number, those that count as
    ill-conditioned, and why texts were not read back."""

    wrong: dict[int, str] = field(default_factory=dict)
    ill: list[int] = field(default_factory=list)
    kinks: list[int] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)
    count: int = 0

    def tally(self) -> dict[str, int]:
        """How many programs there are of each kind."""
        return {
            "programs": self.count,
            "wrong": len(self.wrong),
            "ill-conditioned": len(self.ill),
            "gradients near kinks": len(self.kinks),
            **{f"texts: {why}": count for why, count in self.unread.items()},
        }


def checked(programs: Sequence[Program], device: bool = False) -> Report:
    """Check programs that share one compilation."""
    report = Report(count=len(programs))
    cases: dict[int, Case] = {}
    for number, program in enumerate(programs):
        with _noted(report, number):
            cases[number] = Case(program)
            if not cases[number].empty:
                _ = cases[number].emitted.source
    compiled = {n: c for n, c in cases.items() if n not in report.wrong and not c.empty}
    if compiled:
        _compile(compiled, report)
    found = _on_device(cases, report) if device else {}
    for number, case in cases.items():
        if number not in report.wrong:
            with _noted(report, number):
                message = complaint(case, found.get(number))
                report.wrong.update({number: message} if message else {})  # noqa: B035
                _note(report, number, case)
    return report


def _note(report: Report, number: int, case: Case) -> None:
    if number in report.wrong:
        return
    if case.ill:
        report.ill.append(number)
        return
    message, unread = reading.complaint(case)
    report.unread.update(unread)
    if not message and case.program.wrt and not case.empty:
        message, kink = differences.complaint(case)
        report.kinks += [number] * kink
    report.wrong.update({number: message} if message else {})


class _noted:
    """Makes an exception a complaint about a program."""

    def __init__(self, report: Report, number: int) -> None:
        self.report, self.number = report, number

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if isinstance(error, Exception):
            last = traceback.extract_tb(trace)[-1]
            where = f"{last.filename.rsplit('/', 1)[-1]}:{last.lineno} {last.name}"
            self.report.wrong[self.number] = f"{kind.__name__} at {where}: {error}"
        return isinstance(error, Exception)


def _compile(cases: dict[int, Case], report: Report) -> None:
    """Compile cases together; where the compiler complains, find out about which."""
    try:
        parts = sharing.loaded([c.emitted.source for c in cases.values()])
    except cf.CompileError as error:
        if len(cases) == 1:
            report.wrong.update((number, str(error)) for number in cases)
            return
        items = list(cases.items())
        for half in (items[: len(items) // 2], items[len(items) // 2 :]):
            _compile(dict(half), report)
        return
    for (number, case), part in zip(cases.items(), parts, strict=True):
        with _noted(report, number):
            case.adopt(part)


def _on_device(cases: dict[int, Case], report: Report) -> dict[int, list[np.ndarray]]:
    """Outputs of the CUDA texts on this processor."""
    device = sharing.SharedDevice()
    entries, found = {}, {}
    for number, case in cases.items():
        if number not in report.wrong and not case.empty:
            with _noted(report, number), suppress(cf.EmitError):  # words that CUDA does not have
                program = compile_device(specialisation.unit_of(case.forms, case.kind))
                _ = program.source
                entry = DeviceEntry(program, device)
                entry.prepare(extents_of(program, case.sizes))
                entries[number] = entry
    for number, entry in entries.items():
        case = cases[number]
        with _noted(report, number):
            arrays = [*case.arrays, *(x.payload for x in case.forms.constants)]
            there = [device.put(np.asarray(a)) for a in arrays]
            made_there = entry.run(there, extents_of(entry.program, case.sizes))
            found[number] = [device.host(a) for a in made_there]
    return found


# ---------------------------------------------------------------- complaints


def fails(program: Program, device: bool = False) -> str:
    """What is wrong with one program, or ""."""
    return checked([program], device).wrong.get(0, "")


def complaint(case: Case, on_device: list[np.ndarray] | None = None) -> str:
    """What is wrong with a program, or ""."""
    for name, evaluate in EVALUATIONS.items():
        if message := differs(case, evaluate(case), name):
            return message
    if on_device is not None and (message := differs(case, on_device, "CUDA")):
        return message
    return _texts(case)


def differs(case: Case, found: Sequence[np.ndarray], name: str) -> str:
    """How some evaluation leaves the bounds, or ""."""
    for k, (a, b, t) in enumerate(zip(found, case.bounds, case.outputs, strict=False)):
        if (a.shape, a.dtype) != (b.value.shape, t.dtype):
            return f"output {k} by {name} is {a.dtype}{a.shape}, not {t.dtype}{b.value.shape}"
        outside = _outside(a, b, exact=name in ("NumPy", "the graph as written"))
        if outside.any():
            at = np.unravel_index(np.argmax(outside), a.shape)
            return (
                f"output {k} by {name} at {tuple(map(int, at))} is {a[at]!r}, not {b.value[at]!r} "
                f"within {float(b.error[at]):.3g}; {int(outside.sum())} elements of {a.size}"
            )
    return ""


def _outside(found: np.ndarray, b: Bound, exact: bool) -> np.ndarray:
    """Elements that are further from the value than its bound says. A rewrite may define what is
    undefined as written (semantics 3.2)."""
    with np.errstate(all="ignore"):
        distance = np.abs(found.astype(WIDE) - b.value.astype(WIDE))
        far = ~(distance <= b.error * SLACK)
        same = (found == b.value) | ((found != found) & (b.value != b.value))
        free = ~np.isfinite(b.value) if not exact and found.dtype.kind == "f" else False
    return far & ~same & ~(b.error == np.inf) & ~free


def _texts(case: Case) -> str:
    """Whether the outputs print, and survive being saved."""
    for t in case.outputs:
        cf.pp(t), cf.latex(t)
    text = dump([t.node for t in case.outputs])
    return "" if dump(load(text)) == text else "saved and read again it is another graph"
