"""The passes, in order, and what they report."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..algebra.dims import Equalities
from ..algebra.graph import topological
from ..algebra.node import Derivative, Map, Mark, Node
from . import derive as derivatives
from .compose import Composer
from .intern import Interner, unify
from .island import weight


@dataclass
class State:
    """What the passes hand on."""

    outputs: list[Node]
    givens: dict[Node, Node]
    soundness: str
    rules: Any = None
    table: Equalities = field(default_factory=Equalities)
    interner: Interner | None = None
    fired: Counter = field(default_factory=Counter)


@dataclass(frozen=True)
class PassReport:
    """One pass: which rows fired how often, operations before and after, seconds."""

    name: str
    fired: dict[str, int]
    before: int
    after: int
    seconds: float


@dataclass(frozen=True)
class Report:
    """What every pass did."""

    passes: tuple[PassReport, ...]

    @property
    def fired(self) -> dict[str, int]:
        """Rows over all passes, in order of first firing."""
        total: Counter = Counter()
        for p in self.passes:
            total.update(p.fired)
        return dict(total)

    @property
    def seconds(self) -> float:
        return sum(p.seconds for p in self.passes)

    def __str__(self) -> str:
        rows = [f"{'pass':<10} {'ops':>7} {'->':>2} {'ops':>7} {'ms':>8}  rows that fired"]
        for p in self.passes:
            names = ", ".join(
                f"{name} x{count}" if count > 1 else name for name, count in p.fired.items()
            )
            rows.append(
                f"{p.name:<10} {p.before:>7} -> {p.after:>7} {1000 * p.seconds:>8.1f}  {names}"
            )
        return "\n".join(rows)


@dataclass(frozen=True)
class Simplified:
    """Outputs in compute form, and the report."""

    outputs: tuple[Node, ...]
    report: Report


@dataclass(frozen=True)
class Pass:
    """A named step of the pipeline."""

    name: str
    run: Callable[[State], None]


def givens(state: State) -> None:
    if state.givens:
        state.outputs = derivatives.rewire(state.outputs, dict(state.givens))


def unite(state: State) -> None:
    state.table = unify(state.outputs)
    state.interner = Interner(state.table)


def derive(state: State) -> None:
    assert state.interner is not None
    state.outputs, fired = derivatives.derive(
        state.outputs, state.interner, state.soundness, state.rules
    )
    state.fired.update(fired)


def unmark(state: State) -> None:
    state.outputs = derivatives.without_marks(state.outputs)


def intern(state: State) -> None:
    assert state.interner is not None
    state.outputs = state.interner.run(state.outputs)


def stabilise(state: State) -> None:
    composer = Composer(state.soundness, state.rules)
    state.outputs = composer.run(state.outputs)
    state.fired.update(composer.fired)


PASSES = (
    Pass("givens", givens),  # first: what is replaced must not be seen by anything else
    Pass("unify", unite),  # before derive: shapes of derivatives use representatives
    Pass(
        "derive",
        derive,
        # before intern: a held node must not be confused with an equal one; stabilises each cost
        # itself
    ),
    Pass("unmark", unmark),  # after derive: marks say how derivatives go through them
    Pass("intern", intern),  # before compose: memos and sharing rely on identity
    Pass(
        "compose", stabilise
    ),  # islands, stable rows, contraction algebra: one traversal, since each enables the others
)


def compute_form(
    outputs: Sequence[Node],
    givens: dict[Node, Node] | None = None,
    soundness: str = "real",
    *,
    rules: Any = None,
) -> Simplified:
    """Outputs with the same meaning, without Gradient, stable and composed into islands.

    Parameters
    ----------
    outputs : nodes as written.
    givens : nodes to be replaced, and by what.
    soundness : "bits", "real" or "fast" (semantics 3).

    Raises
    ------
    ShapeError for extents that contradict each other, DerivativeError for what has no derivative.
    """
    state = State(list(outputs), dict(givens or {}), soundness, rules)
    with _collector_at_rest():
        return _run(state)


def _run(state: State) -> Simplified:
    reports = []
    before = operations(state.outputs)
    for step in PASSES:
        start = time.perf_counter()
        state.fired = Counter()
        old = state.outputs
        step.run(state)
        seconds = time.perf_counter() - start
        after = before if state.outputs is old else operations(state.outputs)
        fired = dict(sorted(state.fired.items()))  # sets of names have no order of their own
        reports.append(PassReport(step.name, fired, before, after, seconds))
        before = after
    return Simplified(tuple(state.outputs), Report(tuple(reports)))


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """No garbage collection while a graph is built: everything in it is alive, and scanning it
    costs a third of the time.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def operations(nodes: Sequence[Node]) -> int:
    """Operations of a graph: those of bodies, and one per other node."""
    return sum(
        weight(x.spec.body) if isinstance(x, Map) else bool(x.operands) for x in topological(nodes)
    )


def check(nodes: Sequence[Node]) -> None:
    """Assert the invariants of compute form."""
    for x in topological(nodes):
        assert x.func(*x.args) is x, f"{x!r} is not interned"
        assert not isinstance(x, Derivative), f"{x!r} is a derivative that was not expanded"
        assert not isinstance(x, Mark), f"{x!r} is a mark"
