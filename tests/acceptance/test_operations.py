"""Every elementwise operation, on every dtype, on both targets, against NumPy, SciPy and mpmath.

All operations of a dtype are outputs of one function, so that one compilation serves them.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from tests import operations as table

import closedform as cf


class Built:
    """Every operation that takes a dtype, and a function of each target that computes them all."""

    def __init__(self, dtype, targets=("c", "numpy"), operations=None) -> None:
        self.dtype, self.refused = dtype, {}
        self.rows, inputs, outputs = [], [], []
        for row in operations or table.rows():
            xs = self._inputs(row, len(inputs))
            try:
                outputs.append(table.ours(row)(*xs))
            except cf.ClosedformError as error:
                self.refused[row.public] = error
                continue
            self.rows.append(row)
            inputs += xs
        self.functions = {t: cf.function(inputs, outputs, target=t) for t in targets}

    def _inputs(self, row, count):
        dtypes = [self.dtype] * len(row.domain)
        if row.choice:
            dtypes[0] = "bool"
        return [cf.vector(f"x{count + k}", dtype=d, shape="n") for k, d in enumerate(dtypes)]

    def values(self, target, sample):
        """Arguments and value of each operation, for a way to draw arguments."""
        columns = [sample(row, self.dtype) for row in self.rows]
        found = self.functions[target](*(c for cs in columns for c in cs))
        return list(zip(self.rows, columns, found, strict=True))


@cache
def built(dtype):
    return Built(dtype)


def drawn(row, dtype):
    return table.dense(row, dtype, np.random.default_rng([3, len(row.name)]))


@cache
def computed(dtype, target, sample):
    return built(dtype).values(target, sample)


cases = pytest.mark.parametrize("dtype", table.DTYPES)
targets = pytest.mark.parametrize("target", ["c", "numpy"])


@cases
def test_refuses_what_numpy_refuses(dtype):
    for row in table.rows():
        want = table.expected(row, drawn(row, dtype))
        refused = built(dtype).refused.get(row.public)
        assert (want is None) == (refused is not None), f"{row.public} of {dtype}: {refused}"
        assert refused is None or (refused.where and refused.fix)


@pytest.mark.parametrize(
    "row", [r for r in table.rows() if len(r.domain) == 2], ids=lambda r: r.public
)
def test_4_1_dtypes_of_two_different_arguments_are_numpys(row):
    failed = []
    for left, right in itertools.product(table.DTYPES, repeat=2):
        want = table.called(table.reference(row), np.ones(1, left), np.ones(1, right))
        if row.like != table.NUMPY or want is None or row.choice:
            continue
        dtype = np.dtype(np.float32) if want.dtype == np.float16 else want.dtype
        found = table.ours(row)(cf.vector(dtype=left), cf.vector(dtype=right)).dtype
        if found != dtype:
            failed.append(f"{row.public} of {left} and {right} is {found}, not {dtype}")
    assert not failed, "\n".join(failed)


@targets
@cases
def test_samples_all_over_the_domain(dtype, target):
    assert_close_over_the_domain(computed(dtype, target, drawn))


def assert_close_over_the_domain(found):
    """Operations with arguments and values: dtypes are right, and values as close as promised."""
    failed = []
    for row, columns, got in found:
        want = table.expected(row, columns)
        assert got.dtype == want.dtype, f"{row.public} is {got.dtype}, not {want.dtype}"
        if want.dtype.kind != "f" or not row.ulps:
            wrong = ~((got == want) | ((got != got) & (want != want)))
            error = np.max(wrong)
        else:
            info = np.finfo(want.dtype)
            exact = np.asarray(table.called(table.reference(row), *map(table.widened, columns)))
            scale = np.asarray(table.spread(row, columns)) + info.smallest_normal
            with np.errstate(invalid="ignore"):
                same = (got == exact) | (np.isnan(got) & np.isnan(exact))
                error = np.max(np.where(same, 0, abs(got - exact) / (info.eps * scale)))
        if not error <= row.ulps:
            failed.append(f"{row.public}: {error:.3g}, not {row.ulps}")
    assert not failed, "\n".join(failed)


@targets
@cases
def test_edges(dtype, target):
    assert_right_at_edges(computed(dtype, target, table.edges))


def assert_right_at_edges(found):
    """Operations with arguments and values: as NumPy where functions are not smooth."""
    failed = []
    for row, columns, got in found:
        want = table.expected(row, columns)
        wrong = differs(got, want, row, columns) & ~table.excepted(row, columns)
        if wrong.any():
            k = int(np.argmax(wrong))
            at = ", ".join(str(c[k]) for c in columns)
            failed.append(f"{row.public}({at}) = {got[k]}, not {want[k]}; {wrong.sum()} wrong")
    assert not failed, "\n".join(failed)


def differs(got, want, row, columns):
    """Where values are other numbers than NumPy's; how close they are is for the other test."""
    if want.dtype.kind != "f" or not row.ulps:
        return ~((got == want) | ((got != got) & (want != want)))
    info = np.finfo(want.dtype)
    with np.errstate(all="ignore"):
        scale = np.nan_to_num(table.spread(row, columns), posinf=0)
        close = abs(got - want) <= 1e-3 * abs(want) + 64 * info.eps * scale + info.smallest_normal
    return ~((got == want) | (close & np.isfinite(want)) | (np.isnan(got) & np.isnan(want)))
