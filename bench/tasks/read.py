"""One read of an array: what every fold is held against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .. import reading
from ..case import Case


def cases(quick: bool) -> Iterator[Case]:
    for n in (6000,) if quick else (60000, 400000):
        for dtype in ("float32", "float64") if n < 10**5 else ("float32",):
            yield one(n, 784, dtype)


def one(n: int, d: int, dtype: str) -> Case:
    r = np.random.default_rng(0)
    x = r.standard_normal((n, d), dtype=np.float32).astype(dtype, copy=False)
    first, *others = reading.reads(x)
    entries = [replace(first, kind="ours"), *(replace(e, kind="peer") for e in others)]
    return Case(f"sum of {n} x {d} {dtype}", entries, facts={"bytes": x.nbytes})
