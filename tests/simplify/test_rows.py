"""Every scalar row proves itself on its witness: it fires, both sides agree, it costs or errs no
more, its edges hold.
"""

from __future__ import annotations

import math
import random

import mpmath
import numpy as np
import pytest
from tests.simplify.meaning import double, exact

from closedform.algebra.scalar import Slot, show, slots, subexpressions
from closedform.simplify.engine import apply
from closedform.simplify.island import weight
from closedform.simplify.rows import DISCRETE, FLOATING
from closedform.simplify.rule import BITS, FAST, REAL
from closedform.simplify.stable_rows import STABLE

ROWS = list(dict.fromkeys((*FLOATING, *DISCRETE)))
IDS = [r.name for r in ROWS]
rows = pytest.mark.parametrize("row", ROWS, ids=IDS)


def sides(row):
    left = row.example()
    return left, apply(row, left)


def _slots(e):
    return {s.index: s for s in subexpressions(e) if isinstance(s, Slot)}


def draw(left, generator, low=-12.0, high=3.0):
    """A point of the domain: log-uniform magnitudes, signs as the slots allow."""
    values = [0.0] * (max(slots(left), default=-1) + 1)
    for k, s in _slots(left).items():
        size = 10 ** generator.uniform(low, high)
        values[k] = size if s.sign != "real" or generator.random() < 0.5 else -size
    return values


def finite(x):
    return isinstance(x, bool) or mpmath.isfinite(x)


@rows
def test_names_are_unique_and_sources_given(row):
    assert IDS.count(row.name) == 1
    assert row.source and row.soundness in (BITS, REAL, FAST)


@rows
def test_fires_on_its_witness(row):
    left, right = sides(row)
    assert right is not None, f"{row.name} does not fire on {show(left)}"


@rows
def test_3_2_both_sides_agree_at_50_digits(row):
    left, right = sides(row)
    generator, checked = random.Random(row.name), 0
    for _ in range(60):
        values = [mpmath.mpf(v) for v in draw(left, generator, -3, 1.5)]
        a = exact(left, values)
        if finite(a):
            b = exact(right, values)
            checked += 1
            assert a == b or abs(a - b) <= mpmath.mpf(10) ** -45 * max(
                abs(a), abs(b), mpmath.mpf(10) ** -5
            ), (values, a, b)
    assert checked >= 20


def ulps(got, want):
    """Error in units of the last place of the exact value."""
    if not math.isfinite(got):
        return math.inf if mpmath.isfinite(want) and abs(want) < 1.7e308 else 0.0
    return float(
        abs(mpmath.mpf(float(got)) - want)
        / mpmath.mpf(math.ulp(float(want)) if abs(want) < 1e308 else math.inf)
    )


def worst(row, count=1000):
    left, right = sides(row)
    generator, errors = random.Random(row.name), (0.0, 0.0)
    for _ in range(count):
        values = draw(left, generator)
        want = exact(left, [mpmath.mpf(v) for v in values])
        if (
            not finite(want)
            or isinstance(want, bool)
            or abs(want) > 1e300
            or (want != 0 and abs(want) < 1e-300)
        ):
            continue
        with np.errstate(all="ignore"):
            point = [np.float64(v) for v in values]
            found = [ulps(float(double(e, point)), want) for e in (left, right)]
        errors = (max(errors[0], found[0]), max(errors[1], found[1]))
    return errors


@pytest.mark.parametrize("row", STABLE, ids=[r.name for r in STABLE])
def test_1_4_stable_rows_do_not_raise_the_error(row):
    before, after = worst(row)
    assert after <= before + 1, f"{row.name}: worst error {before} ULP before, {after} after"


@rows
def test_costs_or_errs_no_more(row):
    left, right = sides(row)
    if row.soundness == FAST or weight(right) <= weight(left):
        return
    before, after = worst(row, 300)
    assert after <= before + 1, (
        f"{row.name}: {weight(left)} -> {weight(right)} operations, {before} -> {after} ULP"
    )


EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize(
    "row",
    [r for r in ROWS if r.soundness == BITS],
    ids=[r.name for r in ROWS if r.soundness == BITS],
)
def test_3_1_bits_hold_at_the_edges(row):
    left, right = sides(row)
    found = _slots(left)
    for trial in range(len(EDGES) ** min(len(found), 2)):
        values: list = [np.float64(1.5)] * (max(found, default=-1) + 1)
        for n, k in enumerate(sorted(found)):
            edge = EDGES[trial // len(EDGES) ** (n % 2) % len(EDGES)]
            whole = row.name.startswith("integer")
            values[k] = (
                np.int64(edge if abs(edge) < 1e300 else 2**63 - 1) if whole else np.float64(edge)
            )
        with np.errstate(all="ignore"):
            a, b = (
                np.asarray(double(e, values, values[0].dtype if values else float), float)
                for e in (left, right)
            )
        assert np.isnan(a) == np.isnan(b), (values, a, b)
        assert np.isnan(a) or (
            a == b and (np.signbit(a) == np.signbit(b) or "negated" in row.name)
        ), (values, a, b)
