"""Import time of closedform beside `import sympy, numpy`: the promise is a ratio of at most 1.3.

    python bench/import_time.py [runs]

Each run is a new process; the two commands alternate, and medians are compared.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

PROMISE = 1.3
TIMED = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
STATEMENTS = ("import sympy, numpy", "import closedform")


def seconds(statement: str) -> float:
    command = [sys.executable, "-c", TIMED.format(statement)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def medians(runs: int) -> tuple[float, float]:
    """Median seconds of both statements over interleaved runs, after one that warms the disk."""
    table = [[seconds(statement) for statement in STATEMENTS] for _ in range(runs + 1)]
    base, ours = (statistics.median(column) for column in zip(*table[1:], strict=True))
    return base, ours


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    base, ours = medians(runs)
    print(f"{STATEMENTS[0]:22} {1000 * base:7.1f} ms")
    print(f"{STATEMENTS[1]:22} {1000 * ours:7.1f} ms")
    kept = "kept" if ours <= PROMISE * base else "NOT KEPT"
    print(f"ratio {ours / base:.2f}; promised at most {PROMISE}: {kept} (medians of {runs})")


if __name__ == "__main__":
    main()
