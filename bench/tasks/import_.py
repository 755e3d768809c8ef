"""`import closedform` beside `import sympy, numpy`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..bar import Bar
from ..case import Case, Entry, measured
from ..import_time import PROMISE, STATEMENTS, seconds


def cases(quick: bool) -> Iterator[Case]:
    base, ours = STATEMENTS
    entries = [
        Entry(ours, measured(partial(seconds, ours)), "ours"),
        Entry(base, measured(partial(seconds, base)), "reference"),
    ]
    bars = (Bar(PROMISE, "within", (base,)),)
    yield Case("import in a new process", entries, bars=bars, rounds=3 if quick else 9)
