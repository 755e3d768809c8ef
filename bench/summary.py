"""One page of all saved results: `python -m bench --summary` writes a table and a plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from . import report
from .report import RESULTS, shown

TABLE, PLOT = "summary.md", "summary.png"


class Row(NamedTuple):
    """One case: our median, the fastest peer, how many times as long it takes, and the bars."""

    case: str
    ours: str
    peer: str
    times: float
    bars: tuple[str, ...]


def rows(folder: Path = RESULTS) -> list[Row]:
    """The cases of all saved tasks, in the order of files and cases."""
    files = sorted(folder.glob("*.json"))
    return [row(case) for file in files for case in report.load(file)["cases"]]


def row(case: dict[str, Any]) -> Row:
    """The row of one saved case; without peers the name of the fastest one is empty."""
    entries, times = case["entries"], case["times ours"]
    ours = next((e["median"] for e in entries.values() if e["kind"] == "ours"), None)
    peers = [name for name, e in entries.items() if e["kind"] == "peer" and name in times]
    best = min(peers, key=lambda name: entries[name]["median"], default="")
    figure = "" if ours is None else shown(ours, case["unit"])
    return Row(case["case"], figure, best, times.get(best, 0.0), tuple(map(bar, case["bars"])))


def bar(found: dict[str, Any]) -> str:
    """A bar in words: its value, whether it is met, what was promised."""
    return f"{found['value']:.3g} {'met' if found['met'] else 'NOT MET'} ({found['bar']})"


def table(found: list[Row]) -> str:
    """Markdown of all rows."""
    lines = [
        "Written by `python -m bench --summary` from the files beside it.",
        "",
        "| case | ours | fastest peer | takes times ours | bars |",
        "| --- | --- | --- | --- | --- |",
    ]
    for r in found:
        times = f"{r.times:.2f}" if r.peer else ""
        lines.append(f"| {r.case} | {r.ours} | {r.peer} | {times} | {'; '.join(r.bars)} |")
    return "\n".join(lines).replace("|  |", "| |") + "\n"


def write(folder: Path = RESULTS) -> list[Path]:
    """Write the table and, if matplotlib is there, the plot; return what was written."""
    found = rows(folder)
    (folder / TABLE).write_text(table(found))
    drawn = draw([r for r in found if r.peer], folder)
    return [folder / TABLE, *([drawn] if drawn else [])]


def draw(found: list[Row], folder: Path) -> Path | None:
    """Bars of how many times as long the fastest peer takes; None without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(9, 0.22 * len(found) + 1))
    labels = [f"{r.case} ({r.peer})" for r in reversed(found)]
    times = [r.times for r in reversed(found)]
    colours = ["tab:blue" if t >= 1 else "tab:orange" for t in times]
    drawn = axis.barh(range(len(found)), times, color=colours)
    axis.bar_label(drawn, [f"{t:.1f}" for t in times], fontsize=6, padding=2)
    axis.set_yticks(range(len(found)), labels, fontsize=6)
    axis.set_xscale("log")
    axis.axvline(1, color="black", linewidth=0.8)
    axis.set_xlabel("time of the fastest peer (in brackets) / time of closedform", fontsize=8)
    axis.margins(y=0.01)
    figure.tight_layout()
    path = folder / PLOT
    figure.savefig(path, dpi=130, metadata={"Software": None})
    pyplot.close(figure)
    return path
