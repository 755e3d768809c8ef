"""How many threads a call may use when nobody has said (semantics 9.4).

`CLOSEDFORM_NUM_THREADS` says it for this library, `OMP_NUM_THREADS` for every library of a
process: joblib and Dask set that one in their worker processes. Worker processes that are started
without either, as by PyTorch's data loaders, come in numbers that fill the machine: they get one
thread. Everybody else gets the processors that the process may use.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ..algebra.errors import CallError

OWN, USUAL = "CLOSEDFORM_NUM_THREADS", "OMP_NUM_THREADS"
GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def default() -> int:
    """Return the number of threads of a call, the caller included.

    The driver asks once per process, at the first call; a forked child asks anew.

    Raises
    ------
    CallError
        If `CLOSEDFORM_NUM_THREADS` is set and no positive integer.
    """
    own = os.environ.get(OWN, "").strip()
    if own:
        return _own(own)
    usual = os.environ.get(USUAL, "").split(",")[0].strip()  # "4,2": of the outermost level
    if usual.isdecimal() and int(usual) > 0:
        return int(usual)
    return 1 if _is_worker() else processors()


def _own(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise CallError(
        f"{OWN} is {text!r}, not a positive integer",
        where=f"environment variable {OWN}",
        fix="set it to a number of threads such as 4, or unset it",
    )


def _is_worker() -> bool:
    """Whether multiprocessing started this process, by whichever method."""
    module = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None


def processors() -> int:
    """Return how many processors this process may use: by its affinity and its control groups."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(count or 1, *map(math.ceil, _quotas()), sys.maxsize))


def _quotas() -> Iterator[float]:
    """Processors that the control groups of this process grant: version 2, then version 1."""
    try:
        lines = MEMBERSHIP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _granted(GROUPS, path, "cpu.max")
        elif "cpu" in controllers.split(","):
            for root in (GROUPS / controllers, GROUPS / "cpu"):
                yield from _granted(root, path, "cpu.cfs_quota_us", "cpu.cfs_period_us")


def _granted(root: Path, path: str, *names: str) -> Iterator[float]:
    """Quota over period of a group and of those that it is in."""
    group = root / path.strip("/")
    for folder in (group, *group.parents):
        if folder.is_relative_to(root):
            try:
                words = " ".join((folder / name).read_text() for name in names).split()
                quota, period = map(float, words)
            except (OSError, ValueError):  # no limit is "max", or no file
                continue
            if quota > 0 and period > 0:
                yield quota / period
