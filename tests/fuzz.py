"""`make fuzz`: many random programs on the C target against the graph as written.

python tests/fuzz.py [how many] [first seed]
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.random_programs import SIZES, disagreement  # noqa: E402

LARGE = {"n": 1500, "d": 20, "k": 3}


def main(count: int = 1000, first: int = 0) -> int:
    warnings.simplefilter("ignore")
    tally = {"agreed": 0, "no program": 0, "wrong": 0}
    for seed in range(first, first + count):
        try:
            message = disagreement(seed, LARGE if seed % 10 == 9 else SIZES)
        except MemoryError:
            message = None
        except Exception as error:  # every failure is a finding: report it and go on
            message = f"{type(error).__name__}: {error}"
        tally["no program" if message is None else "wrong" if message else "agreed"] += 1
        if message:
            print(f"seed {seed}: {message}", flush=True)
    print(", ".join(f"{n} {what}" for what, n in tally.items()))
    return int(tally["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
