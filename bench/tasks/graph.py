"""How the cost of handling graphs grows: in new processes, nothing is compiled."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..bar import Bar
from ..case import Case, Entry, measured
from ..fresh import figure

CHAIN = 100_000


def cases(quick: bool) -> Iterator[Case]:
    for blocks in (8, 100) if quick else (8, 40, 200, 1000):
        yield net(blocks)
    size = CHAIN // 10 if quick else CHAIN
    for verb in ("builds", "prints", "hashes", "pickles"):
        entry = Entry("closedform", measured(partial(figure, "graph", verb, str(size))), "ours")
        yield Case(f"a chain of {size} operations {verb}", [entry], rounds=3)
    for what, number, title in (
        ("gradient", "10000", "gradient of a graph of 10000 operations, in compute form"),
        ("words", "30", "the slowest word of the vocabulary to build, per operation"),
    ):
        entry = Entry("closedform", measured(partial(figure, "graph", what, number)), "ours")
        yield Case(title, [entry], rounds=3)


def net(blocks: int) -> Case:
    """Build and gradient of a residual net; JAX traces to its own graph."""
    of = partial(figure, "graph", "net", str(blocks))
    entries = [
        Entry("closedform", measured(partial(of, "closedform")), "ours"),
        Entry("jax", measured(partial(of, "jax"))),
    ]
    bars = (Bar(1.0, "below"),) if blocks == 1000 else ()
    facts = {"n": blocks, "curve": "residual blocks: build and gradient"}
    title = f"residual net of {blocks} blocks: build and gradient"
    return Case(title, entries, bars=bars, rounds=3, facts=facts)
