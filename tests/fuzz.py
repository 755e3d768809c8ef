"""`make fuzz`: many random programs, each checked as `tests/programs/checking` says.

python tests/fuzz.py [how many [first seed [processes]]]    check these, report what is wrong
python tests/fuzz.py --seed 123    print a program, check it, look for a simpler one
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
BATCH = 50  # programs in one translation unit
PROCESS = 20  # batches that a process checks before another one takes its place
DEVICE = 10  # one batch of so many also runs its text for CUDA


def checked(start: int, count: int) -> tuple[Counter[str], dict[int, str]]:
    """Check the programs of some seeds: a tally, and complaints by seed."""
    from tests.programs.checking import checked as together
    from tests.programs.drawing import drawn

    warnings.simplefilter("ignore")
    device = start // BATCH % DEVICE == 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLOSEDFORM_CACHE_DIR"] = folder
        report = together([drawn(seed) for seed in range(start, start + count)], device)
    tally = Counter(report.tally())
    return tally, {start + number: message for number, message in report.wrong.items()}


def shown(seed: int) -> int:
    """Print a program, and the simplest one like it that is wrong in some way."""
    from tests.programs.checking import fails
    from tests.programs.drawing import drawn, shrunk

    print(drawn(seed).source(), flush=True)
    try:
        shrunk(seed, lambda program: fails(program, device=True))
    except AssertionError as error:
        print(f"\n{error}")
        return 1
    print("\nnothing is wrong with it")
    return 0


def main(count: int = 20_000, first: int = 0, processes: int = os.cpu_count() or 1) -> int:
    starts = range(first, first + count, BATCH)
    total: Counter[str] = Counter()
    context = multiprocessing.get_context("spawn")
    together = PROCESS * processes
    for k in range(0, len(starts), together):
        part = starts[k : k + together]
        sizes = [min(BATCH, first + count - start) for start in part]
        with ProcessPoolExecutor(processes, context) as pool:
            for tally, wrong in pool.map(checked, part, sizes):
                total += tally
                for seed, message in wrong.items():
                    print(f"seed {seed}: {message}\n", flush=True)
        print(", ".join(f"{n} {what}" for what, n in total.items()), flush=True)
    return int(total["wrong"] > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--seed"]:
        with tempfile.TemporaryDirectory() as place:
            os.environ["CLOSEDFORM_CACHE_DIR"] = place
            sys.exit(shown(int(sys.argv[2])))
    sys.exit(main(*map(int, sys.argv[1:])))
