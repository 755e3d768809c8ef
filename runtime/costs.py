"""What a kernel costs, as `Function.explain` shows it: the counts of `emit.cost` over extents.

At the extents of a call, with what the driver decides and what this machine can do.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..algebra.dims import Extent, FreshDim, show
from ..algebra.node import Node
from ..emit.count import Count
from ..emit.estimate import FUNCTION_WORK, Cost, Estimate, Split
from ..emit.program import Program
from . import machine, native
from .extents import Sizes
from .forms import Forms
from .machine import binary, decimal
from .split import Decision, decide

LISTED = 6  # arrays of one line that are named
WIDTH = 13  # of the word before a fact
DEFINED = {
    "length": "length of a slice",
    "start": "start of a slice",
    "sum": "length of arrays side by side",
    "least": "length of a diagonal",
}


@dataclass(frozen=True)
class Call:
    """Of which call the cost is shown.

    sizes    its extents; said: which call it is, in words
    address  where the table of the program is, or None with the reason why there is none
    """

    sizes: Sizes
    said: str
    address: int | None
    reason: str = ""
    deterministic: bool = False


class Names:
    """How the user calls the arrays and extents of a program."""

    def __init__(self, forms: Forms, program: Program) -> None:
        given = (*forms.inputs, *forms.shared)
        self._leaves = (*forms.same(given), *forms.constants)
        results = (*forms.signature.outputs, *forms.signature.targets)
        nodes: tuple[Node, ...] = (*given, *forms.constants, *results)
        self.arrays = [
            repr(x.label) if x.label else f"{kind} {number}"
            for x, (kind, number) in zip(nodes, _ordinals(program), strict=True)
        ]
        self._letters: dict[Extent, str] = {}

    def extent(self, d: Extent) -> str:
        """An extent in words: its name, or whose axis it is."""
        if not isinstance(d, FreshDim):
            return show(d)
        for name, leaf in zip(self.arrays, self._leaves, strict=False):
            if d in leaf.dims:
                return f"axis {leaf.dims.index(d)} of {name}"
        kind = (d.definition or ("",))[0]
        return DEFINED.get(kind, "rows of a reshape")

    def symbols(self, cost: Cost) -> dict[Extent, str]:
        """Names and letters for the extents of a program."""
        taken = {show(d) for d in cost.dims}
        free = (
            c for c in itertools.chain("abcdefghijklmnopqrstuvwxyz", _numbered()) if c not in taken
        )
        return {d: next(free) if isinstance(d, FreshDim) else show(d) for d in cost.dims}


def _numbered() -> Iterable[str]:
    return (f"a{k}" for k in itertools.count(1))


def _ordinals(program: Program) -> Iterable[tuple[str, int]]:
    """The kind of each argument, and its number among those."""
    for kind, group in itertools.groupby(program.arguments, key=lambda a: a.kind):
        yield from ((kind, number) for number, _ in enumerate(group, 1))


# ---------------------------------------------------------------- over extents


def symbolic(cost: Cost, names: Names) -> list[str]:
    """The cost of a program whose extents are not known."""
    symbols = names.symbols(cost)
    text = lambda count: count.text(symbols)  # noqa: E731
    passes = [cost.passes(k) for k in range(cost.arguments)]
    lines = [
        "at any extents:",
        *_by_passes(cost, names, passes, None),
        _fact("memory", f"{text(cost.memory)} bytes"),
        _fact("flops", text(cost.operations) + _calls(cost.calls, text)),
    ]
    used = {
        d for count in (cost.memory, cost.operations, *cost.calls.values()) for d in _dims(count)
    }
    legend = [f"{c} = {names.extent(d)}" for d, c in symbols.items() if d in used and c != show(d)]
    return lines + ([_fact("where", ", ".join(legend))] if legend else [])


def _dims(count: Count) -> Iterable[Extent]:
    return (d for key in count.terms for d, _ in key.factors)


def _calls(calls: dict, text) -> str:
    if not calls:
        return ""
    listed = ", ".join(f"{text(count)} {name}" for name, count in sorted(calls.items()))
    return f"; {listed} (each counts as {FUNCTION_WORK})"


# ---------------------------------------------------------------- at the extents of a call


def numeric(program: Program, names: Names, call: Call) -> list[str]:
    """The cost of one call."""
    cost, found = program.cost, None
    if call.address is not None:
        extents = [call.sizes(d) for d in cost.dims]
        found = decide(call.address, extents, native.num_threads(), call.deterministic)
    splits: Sequence[Split | None] = found.stages if found else [None] * len(cost.walks)
    estimate = cost.at(call.sizes, machine.caches().core, splits)
    used = max((s.threads for s in found.stages), default=1) if found else 1
    at = ", ".join(
        f"{names.extent(d)} = {call.sizes(d)}" for d in cost.dims if not isinstance(d, int)
    )
    return [
        f"at {at} ({call.said}):" if at else f"at a call ({call.said}):",
        *_by_passes(cost, names, estimate.passes, estimate.touched),
        _fact("moved", _moved(estimate)),
        _fact("flops", _operations(estimate)),
        _fact("intensity", f"{estimate.intensity:.3g} flops per byte of memory"),
        *(_decided(cost, names, found, estimate) if found else [_fact("panel", call.reason)]),
        _fact("bound", _bound(estimate, max(used, 1))),
    ]


def _moved(estimate: Estimate) -> str:
    return f"{_bytes(estimate.memory)} from and to memory, {_bytes(estimate.caches)} within caches"


def _operations(estimate: Estimate) -> str:
    calls: dict[str, float] = {}
    for (_, name), number in estimate.calls.items():
        calls[name] = calls.get(name, 0) + number
    text = lambda number: decimal(number, "")  # noqa: E731
    return text(sum(estimate.operations.values())) + _calls(calls, text)


def _decided(cost: Cost, names: Names, found: Decision, estimate: Estimate) -> list[str]:
    """One line per fold, and the workspace."""
    lines = []
    l2 = machine.caches().l2.share
    for walk, split, touched in zip(cost.walks, found.stages, estimate.panels, strict=True):
        if walk.fold and cost.axis is not None:
            parts = f"{split.parts} part{'s' * (split.parts > 1)}"
            on = f"{split.threads} thread{'s' * (split.threads > 1)}"
            rows = f"{split.panel} rows of {names.extent(cost.axis)}"
            size = f"{binary(touched)} (L2: {binary(l2)})"
            lines.append(_fact("panel", f"{rows}, {size}; {parts} on {on}"))
    return [*lines, _fact("workspace", _bytes(found.workspace))]


def _bound(estimate: Estimate, used: int) -> str:
    """The larger of two times that no call can beat, and the other one."""
    place = machine.level(estimate.footprint, used)
    rate = machine.read_rate(place, used)
    moving = estimate.memory / rate
    computing = (
        sum(number / machine.peak(itemsize) for itemsize, number in _weighted(estimate).items())
        / used
    )
    work = sum(_weighted(estimate).values())
    speed = work / computing if computing else 0.0
    sides = [
        (
            moving,
            f"{place}: {_bytes(estimate.memory)} at {decimal(rate, 'B/s')} (measured)"
            f" = {_seconds(moving)}",
        ),
        (
            computing,
            f"compute: {decimal(work, 'flop')} at {decimal(speed, 'flop/s')} (estimated)"
            f" = {_seconds(computing)}",
        ),
    ]
    return "; ".join(text for _, text in sorted(sides, key=lambda side: -side[0]))


def _weighted(estimate: Estimate) -> dict[int, float]:
    """Operations by size of the numbers; divisions, roots and functions with their weight."""
    total = dict(estimate.operations)
    for (itemsize, _), number in estimate.calls.items():
        total[itemsize] = total.get(itemsize, 0.0) + FUNCTION_WORK * number
    return total


def _seconds(number: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return f"{number * 1e9:.3g} ns"


# ---------------------------------------------------------------- arrays


def _by_passes(
    cost: Cost, names: Names, passes: Sequence[int], touched: Sequence[float] | None
) -> list[str]:
    """One line per number of passes, and one for what is written; largest arrays first."""
    every = range(cost.arguments)
    order = sorted(every, key=lambda k: -touched[k]) if touched else list(every)
    shown = [f"{names.arrays[k]}" + (f" ({_bytes(touched[k])})" if touched else "") for k in every]
    lines = []
    for times in sorted({n for n in passes if n}):
        group = [shown[k] for k in order if passes[k] == times]
        lines.append(_fact("read " + _times(times), _listed(group)))
    written = [shown[k] for k in order if cost.writes(k)]
    return [*lines, _fact("written", _listed(written))]


def _listed(texts: list[str]) -> str:
    more = len(texts) - LISTED
    return ", ".join(texts[:LISTED]) + (f" and {more} more" if more > 0 else "")


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _bytes(number: float) -> str:
    return decimal(number, "B")


def _fact(word: str, text: str) -> str:
    return f"  {word:{WIDTH}} {text}"
