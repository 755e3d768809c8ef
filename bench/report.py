"""Tables for the eye, JSON for later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .harness import Outcome

RESULTS = Path(__file__).parent / "results"
SCALES = {"s": ((1e-6, "ns"), (1e-3, "us"), (1.0, "ms"), (np.inf, "s"))}


def shown(figure: float, unit: str) -> str:
    """A figure with a unit that reads well."""
    if unit == "B":
        return f"{figure / 1e6:.1f} MB"
    for number, (limit, name) in enumerate(SCALES["s"]):
        if figure < limit:
            return f"{figure * 1000 ** (3 - number):.3g} {name}"
    raise AssertionError(figure)


def table(outcome: Outcome) -> str:
    """One case: median, times ours, fastest; then bars."""
    case = outcome.case
    lines = [f"\n{case.name}"]
    if outcome.failure:
        lines.append(f"  NOT MEASURED: {outcome.failure}")
    ratios = outcome.ratios()
    for name, column in sorted(outcome.samples.items(), key=lambda item: np.median(item[1])):
        median, fastest = shown(outcome.median(name), case.unit), shown(min(column), case.unit)
        times = f"{ratios[name]:.2f}" if name in ratios else ""
        lines.append(f"  {name:<32} {median:>10} {times:>9} {fastest:>10}")
    lines += [f"  {name:<32} absent: {why}" for name, why in outcome.absent.items()]
    for text, value, met in outcome.bars():
        lines.append(f"  {'met    ' if met else 'NOT MET'} {value:.3g} ({text})")
    return "\n".join(lines)


def record(outcome: Outcome) -> dict[str, Any]:
    """One measured case, ready for JSON."""
    kinds = {entry.name: entry.kind for entry in outcome.case.entries}
    return {
        "case": outcome.case.name,
        "unit": outcome.case.unit,
        "facts": outcome.case.facts,
        "entries": {
            name: {"kind": kinds[name], "median": outcome.median(name), "samples": column}
            for name, column in outcome.samples.items()
        },
        "times ours": outcome.ratios(),
        "absent": outcome.absent,
        "bars": [{"bar": text, "value": value, "met": met} for text, value, met in outcome.bars()],
    }


def save(
    task: str, outcomes: list[Outcome], facts: dict[str, Any], folder: Path = RESULTS
) -> Path | None:
    """Write the cases that were measured; None, and no file, if there are none."""
    cases = [record(outcome) for outcome in outcomes if not outcome.failure]
    if not cases:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{task}.json"
    path.write_text(json.dumps({"task": task, "machine": facts, "cases": cases}, indent=1) + "\n")
    return path


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote."""
    return json.loads(path.read_text())
