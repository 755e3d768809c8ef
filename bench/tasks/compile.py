"""From the call that compiles to the first result, in new processes, caches empty and filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..bar import Bar
from ..case import Case, Entry, measured
from ..fresh import cold, warm


def cases(quick: bool) -> Iterator[Case]:
    rounds = 1 if quick else 7
    yield case("logistic", "empty", cold, 0.6, rounds, ("jax", "pytensor"))
    yield case("logistic", "filled", warm, 0.03, rounds, ("jax", "pytensor"))
    yield case("residual", "empty", cold, 8.0, min(rounds, 3), ("jax",))
    yield case("residual", "filled", warm, None, min(rounds, 3), ("jax",))


def case(
    model: str,
    state: str,
    how: Callable[..., Callable[[], float]],
    limit: float | None,
    rounds: int,
    peers: tuple[str, ...],
) -> Case:
    entries = [entry("closedform", model, how), *(entry(name, model, how) for name in peers)]
    bars = (Bar(limit, "below"),) if limit else ()
    title = {"logistic": "logistic regression, 784 inputs", "residual": "40 residual blocks"}[model]
    return Case(f"first result of {title}, disk cache {state}", entries, bars=bars, rounds=rounds)


def entry(library: str, model: str, how: Callable[..., Callable[[], float]]) -> Entry:
    kind = "ours" if library == "closedform" else "peer"
    return Entry(library, measured(how("first_result", model, library)), kind)  # type: ignore[arg-type]
