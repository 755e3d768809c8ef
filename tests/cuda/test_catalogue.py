"""The emitted CUDA text itself, run on this processor: every expression of the catalogue agrees
with the graph as written in float64, and bit for bit with itself under every schedule."""

from __future__ import annotations

import numpy as np
import pytest
from tests import running
from tests.catalogue import CASES
from tests.cuda.emulated import SCHEDULES, Emulated
from tests.cuda.running import agree_bit_for_bit, emulated
from tests.emit.test_catalogue import arrays_of, assert_agree


def forms(name):
    values, outputs = CASES[name]()
    arrays, written = arrays_of(values), running.as_written(outputs)
    return arrays, written, running.simplified(outputs), running.interpreted(written, arrays)


@pytest.mark.parametrize("name", CASES)
def test_every_schedule_gives_the_same_bits(name):
    arrays, written, computed, want = forms(name)
    for nodes in (written, computed):
        first = emulated(nodes, arrays)
        assert_agree(first, want)
        for schedule in SCHEDULES[1:]:
            found = emulated(nodes, arrays, Emulated(schedule))
            agree_bit_for_bit(found, first, f"schedule {schedule}")


@pytest.mark.parametrize(
    "name", ["logistic", "slices", "products", "sums", "wide_columns", "reshapes", "residual_net"]
)
def test_any_layout_of_the_inputs(name):
    arrays, _, computed, want = forms(name)
    fortran = {x: np.asfortranarray(a) if a.ndim else a for x, a in arrays.items()}
    wide = {x: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a for x, a in arrays.items()}
    rows = {
        x: np.concatenate([a, a], axis=-1)[..., : a.shape[-1]] if a.ndim else a
        for x, a in arrays.items()
    }
    backward = {
        x: np.ascontiguousarray(a[..., ::-1])[..., ::-1] if a.ndim else a for x, a in arrays.items()
    }
    for other in (fortran, wide, backward, rows):
        assert_agree(emulated(computed, other), want)


@pytest.mark.parametrize("name", ["logistic", "softmax_regression", "mixture"])
@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_narrow_storage_is_widened_in_registers(name, storage):
    arrays, _, computed, _ = forms(name)
    narrow = {x: a.astype(storage) for x, a in arrays.items()}
    want = running.interpreted(computed, {x: a.astype(np.float64) for x, a in narrow.items()})
    assert_agree(emulated(computed, narrow), want)


@pytest.mark.parametrize("name", ["softmax_regression", "mixture", "logistic", "sums"])
def test_small_extents_that_are_constants_of_the_text(name):
    arrays, _, computed, want = forms(name)
    sizes = {d: n for x, a in arrays.items() for d, n in zip(x.dims, a.shape, strict=True)}
    baked = tuple((d, n) for d, n in sizes.items() if n <= 16 and not isinstance(d, int))
    first = emulated(computed, arrays, baked=baked)
    assert_agree(first, want)
    for schedule in SCHEDULES[1:]:
        found = emulated(computed, arrays, Emulated(schedule), baked)
        agree_bit_for_bit(found, first, f"schedule {schedule}")
