"""The whole check, part by part, with the time that each part takes. `make test` runs this.

    python tests/run.py            all parts
    python tests/run.py ruff mypy  these parts

Every part runs, also after one has failed; the exit status says whether all passed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 600  # seconds, for everything
PYTHON = [sys.executable, "-m"]
REPORT = "{report}"

# One pytest run for tests and doctests: one summary line, and two workers that stay busy.
PARTS = {
    "ruff": [*PYTHON, "ruff", "check", "."],
    "mypy": [*PYTHON, "mypy"],
    "pytest": [
        *(*PYTHON, "pytest", "-q", "-n", "2", "--dist", "loadgroup", "--durations", "15"),
        *("--doctest-modules", f"--junit-xml={REPORT}", "./tests", "--pyargs", "closedform"),
    ],
    "import time": [sys.executable, "bench/import_time.py"],
}


@dataclass
class Outcome:
    """How one part ended: seconds, exit status, and for pytest the seconds of each group."""

    name: str
    seconds: float
    status: int
    groups: dict[str, tuple[int, float]] = field(default_factory=dict)


def main() -> int:
    wanted = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        print(f"No part is called {unknown}; there are: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    outcomes = [run(name) for name in wanted]
    print(table(outcomes))
    return int(any(outcome.status for outcome in outcomes))


def run(name: str) -> Outcome:
    print(f"\n== {name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [word.replace(REPORT, str(report)) for word in PARTS[name]]
        env = os.environ | {"CLOSEDFORM_CACHE_DIR": folder}
        start = time.monotonic()
        status = subprocess.run(command, cwd=ROOT, env=env).returncode
        seconds = time.monotonic() - start
        return Outcome(name, seconds, status, groups(report) if report.exists() else {})


def groups(report: Path) -> dict[str, tuple[int, float]]:
    """Number of tests and sum of their seconds, by folder of `tests/`, doctests together."""
    count: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        words = case.get("classname", "").split(".")
        group = f"tests/{words[1]}" if words[0] == "tests" and len(words) > 2 else "tests"
        group = "doctests" if words[0] in ("closedform", "src") else group
        group = "/".join(words) if words[1:2] == ["docs"] else group
        count[group] += 1
        seconds[group] += float(case.get("time", 0))
    return {group: (count[group], seconds[group]) for group in sorted(count)}


def table(outcomes: list[Outcome]) -> str:
    lines = ["", f"{'part':<30} {'seconds':>8}  result"]
    for outcome in outcomes:
        result = "passed" if outcome.status == 0 else f"FAILED (status {outcome.status})"
        lines.append(f"{outcome.name:<30} {outcome.seconds:8.1f}  {result}")
        for group, (tests, seconds) in outcome.groups.items():
            lines.append(f"  {group:<28} {seconds:8.1f}  {tests} tests, seconds of all workers")
    total = sum(outcome.seconds for outcome in outcomes)
    return "\n".join([*lines, f"{'all':<30} {total:8.1f}  (limit {LIMIT})"])


if __name__ == "__main__":
    sys.exit(main())
