"""Mistakes put into emitted kernels, to see that the comparison notices every one.

A mutant counts where it changes some result by more than rounding does; of the others the mistake
is in what did not run, or did not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from tests.programs import sharing
from tests.programs.checking import Case, differs

from closedform.algebra.graph import topological
from closedform.algebra.node import Call, Gather

READ = r"(?:v\d+\[[^\[\]]+\]|[cprtx]\d+\b)"  # a value, never a part of an address
MISTAKES: dict[str, tuple[str, str]] = {
    "a term is dropped": (rf" [+-] {READ}(?=\);)", ""),
    "a factor is dropped": (rf"\*{READ}(?=\);)", ""),
    "minus for plus": (rf" \+ (?={READ})", " - "),
    "a wrong index": (r"(= .*\bv\d+)\[(?!0\])[^\[\]]+\]", r"\1[0]"),
    "float for double": (r"(const double t\d+ = )([^;?]*);", r"\1(float)(\2);"),
    "a sum forgets": (r"(\b[ar]\d+) \+= ", r"\1 = "),
    "a loop begins late": (r"(for \(int64_t \w+ = )0(?=; \w+ < )", r"\g<1>1"),
    "a loop ends early": (r"(for \(int64_t (\w+) = \w+; \2 < \w+)(?=;)", r"\1 - 1"),
    "another function": (r"\b(sin|exp|tanh|log|expm1|sqrt|fabs)(?=f?\()", "cos"),
    "the smallest for the largest": (r"\bcf_max_(?=\w+\()", "cf_min_"),
}


class Altered(NamedTuple):
    """A text with one mistake, and the lines that have it."""

    mistake: str
    text: str
    line: str


def altered(
    source: str, mistakes: dict[str, tuple[str, str]], rng: Any, start: int, end: int
) -> Iterator[Altered]:
    """One mistake of each kind between two places of a text."""
    for mistake, (pattern, instead) in mistakes.items():
        places = list(re.compile(pattern).finditer(source, start, end))
        if not places or instead == "cf_min_" and "double cf_min_double" not in source:
            continue
        place = places[rng.integers(len(places))]
        text = source[: place.start()] + place.expand(instead) + source[place.end() :]
        line = source[source.rfind("\n", 0, place.start()) + 1 : source.find("\n", place.end())]
        yield Altered(mistake, text, line.strip())


@dataclass(frozen=True)
class Mutant:
    """A text with one mistake."""

    mistake: str
    case: Case
    source: str
    line: str


def mutants(cases: Sequence[Case], number: int = 0) -> list[Mutant]:
    """Up to one mutant of each kind of each program, at places that a seed decides."""
    rng = np.random.default_rng(number)
    found = []
    for case in cases:
        source = case.emitted.source
        start, end = source.find("static int32_t k"), source.find("static const cf_array")
        for m in altered(source, MISTAKES, rng, start, end):
            found.append(Mutant(m.mistake, case, m.text, m.line))
    return found


def takes(case: Case) -> bool:
    """Whether mistakes in a program cannot reach addresses, and its results can be compared."""
    order = [] if case.empty else topological(case.forms.simplified.outputs)
    return bool(order) and not case.ill and not any(isinstance(x, Gather | Call) for x in order)


def survivors(chosen: Sequence[Mutant]) -> tuple[list[Mutant], dict[str, int]]:
    """Mutants whose results differ from the right ones, and pass; how many differ, by mistake."""
    survived, ran = [], dict.fromkeys(MISTAKES, 0)
    cases = list({id(m.case): m.case for m in chosen}.values())
    loaded = sharing.loaded([c.emitted.source for c in cases] + [m.source for m in chosen])
    right = {}
    for case, part in zip(cases, loaded, strict=False):
        case.adopt(part)
        right[id(case)] = case.by_c()
    for m, part in zip(chosen, loaded[len(cases) :], strict=True):
        m.case.adopt(part)
        found = m.case.by_c()
        if any(map(changed, found, right[id(m.case)])):
            ran[m.mistake] += 1
            if not differs(m.case, found, "C"):
                survived.append(m)
    return survived, ran


def changed(found: np.ndarray, right: np.ndarray) -> bool:
    """Whether an element is off by a thousand last places of the largest one."""
    if right.dtype.kind != "f":
        return bool((found != right).any())
    scale = np.max(np.abs(right), initial=0) + np.finfo(right.dtype).smallest_normal
    return bool((~(np.abs(found - right) <= 1000 * np.finfo(right.dtype).eps * scale)).any())
