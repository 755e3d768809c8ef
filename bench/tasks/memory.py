"""Peak memory of a full-batch step beyond data and parameters, in new processes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..bar import Bar
from ..case import Case, Entry, measured
from ..fresh import figure

LIMIT = 40e6


def cases(quick: bool) -> Iterator[Case]:
    rows = 6000 if quick else 60000
    entries = [
        Entry("closedform", measured(partial(figure, "peak", "closedform", str(rows))), "ours"),
        Entry("jax", measured(partial(figure, "peak", "jax", str(rows)))),
        Entry("torch", measured(partial(figure, "peak", "torch", str(rows)))),
    ]
    facts = {"n": rows, "dtype": "float32"}
    title = f"extra memory of an MLP step 784-500-10, full batch {rows}, float32"
    yield Case(title, entries, bars=(Bar(LIMIT, "below"),), unit="B", rounds=3, facts=facts)
