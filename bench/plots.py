"""Plots of a task, if matplotlib is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .harness import Outcome
from .report import RESULTS, shown


def draw(task: str, outcomes: list[Outcome], folder: Path = RESULTS) -> Path | None:
    """Draw medians: lines over the size where a task has sizes, bars by case otherwise."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    good = [outcome for outcome in outcomes if outcome.samples]
    if not good:
        return None
    groups = grouped(good)
    columns = min(len(groups), 3)
    rows = -(-len(groups) // columns)
    size = (5 * columns, 3.2 * rows)
    figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False)
    for spare in axes.flat[len(groups) :]:
        spare.axis("off")
    for axis, (title, group) in zip(axes.flat, groups.items(), strict=False):
        (lines if len(group) > 1 else bars)(axis, group)
        axis.set_title(title, fontsize=9)
    figure.tight_layout()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{task}.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def grouped(outcomes: list[Outcome]) -> dict[str, list[Outcome]]:
    """Cases that differ in size only, under the fact "curve"; every other case is its own group."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.case.facts.get("curve", outcome.case.name), []).append(outcome)
    return groups


def lines(axis: Any, group: list[Outcome]) -> None:
    for name in group[0].samples:
        rows = [outcome for outcome in group if name in outcome.samples]
        sizes = [outcome.case.facts["n"] for outcome in rows]
        width = 2.5 if name == group[0].ours else 1
        axis.loglog(sizes, [o.median(name) for o in rows], marker=".", linewidth=width, label=name)
    axis.set_xlabel("n")
    axis.set_ylabel("bytes" if group[0].case.unit == "B" else "seconds")
    axis.legend(fontsize=7)


def bars(axis: Any, group: list[Outcome]) -> None:
    (outcome,) = group
    names = sorted(outcome.samples, key=outcome.median, reverse=True)
    medians = [outcome.median(name) for name in names]
    kinds = {entry.name: entry.kind for entry in outcome.case.entries}
    colours = {"ours": "tab:blue", "peer": "tab:gray", "reference": "lightgray"}
    drawn = axis.barh(names, medians, color=[colours[kinds[name]] for name in names])
    axis.bar_label(drawn, [shown(m, outcome.case.unit) for m in medians], fontsize=8, padding=2)
    axis.margins(x=0.2)
    axis.set_xticks([])
