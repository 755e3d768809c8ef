"""The same number of threads for every library; set before any of them is imported."""

from __future__ import annotations

import os

VARIABLES = (
    "CLOSEDFORM_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)


def use(count: int | None) -> int:
    """Bind this process to `count` processors (default: all it may use); return how many.

    Libraries without a setting, such as XLA, count the processors that they may run on.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    present = len(allowed) if allowed else os.cpu_count() or 1
    count = min(count or present, present)
    if allowed:
        os.sched_setaffinity(0, allowed[:count])
    os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    return count
