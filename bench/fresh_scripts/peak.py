"""Bytes of memory that a full-batch step needs beyond what is there: `peak LIBRARY ROWS`.

Compilation is done on a few rows before. Linux only: the kernel's own high-water mark is reset.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import replace
from pathlib import Path

from .. import step
from ..case import Runner
from ..step import Model
from ..tasks import mlp


def runner(library: str, model: Model, small: Model) -> Runner:
    if library == "closedform":
        return ours(model, small)
    entries = {entry.name: entry for entry in step.entries(small)}
    entries[library].make().run()
    return {entry.name: entry for entry in step.entries(model)}[library].make()


def ours(model: Model, small: Model) -> Runner:
    """One function for both sizes, so that compiling is over."""
    f, _ = step.our_function(small)
    f(*small.data.values())
    arrays = list(model.data.values())
    return Runner(lambda: f(*arrays))


def status(field: str) -> int:
    """Bytes that the kernel reports for this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (text for text in lines if text.startswith(field + ":"))
    return 1024 * int(line.split()[1])


def main() -> None:
    library, rows = sys.argv[1], int(sys.argv[2])
    model = mlp.model(rows, "float32")
    small = replace(model, data={k: v[:64].copy() for k, v in model.data.items()})
    contender = runner(library, model, small)
    if library == "jax":
        contender.run()  # its shapes are compiled here; what it frees is free again
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    contender.run()
    print(status("VmHWM") - before)


if __name__ == "__main__":
    main()
