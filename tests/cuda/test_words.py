"""Every word of the vocabulary on the emulated device: values and derivatives of the words on whole
arrays, elementwise operations on every dtype; and all of it compiles for a device."""

from __future__ import annotations

import importlib.util
import os

import numpy as np
import pytest
from tests import operations as table
from tests.acceptance.test_operations import (
    Built,
    assert_close_over_the_domain,
    assert_right_at_edges,
    drawn,
)
from tests.vocabulary import words
from tests.vocabulary.test_words import outputs, written

import closedform as cf
from closedform.algebra.graph import topological
from closedform.algebra.node import Call
from closedform.algebra.routines import ROUTINES, routine
from closedform.emit import grid
from closedform.emit.device_routine import CUDA
from closedform.runtime import nvrtc, specialisation

CHUNK = 8  # rows in one function
chunks = pytest.mark.parametrize("start", range(0, len(words.ROWS), CHUNK))
compiles = pytest.mark.skipif(
    not (importlib.util.find_spec("nvidia") or os.environ.get("CLOSEDFORM_NVRTC")),
    reason="the package nvidia-cuda-nvrtc is for Linux",
)


def refused(result: cf.Tensor) -> bool:
    """Whether the target has no kernel for a routine of this expression."""
    calls = (x for x in topological([result.node]) if isinstance(x, Call))
    return any(x.spec.routine not in CUDA for x in calls)


def function(start: int):
    arrays = words.drawn()
    inputs = words.tensors(arrays)
    rows = words.ROWS[start : start + CHUNK]
    made = list(outputs([r for r in rows if not refused(r.of_tensors(inputs))], inputs, arrays))
    given = list(inputs.values())
    f = cf.function(given, made, target="cuda", on_unused_input="ignore")
    return f, made, inputs, arrays


def assert_compiles(f, arch="sm_90") -> None:
    """The default program of a function compiles for a device. (That nothing is spilled is asked of
    the catalogue: twenty unrelated words in one kernel are nobody's program.)"""
    program = f._emitted(specialisation.default_kind(f._forms))
    plan = grid.plan(program.kernels, [d or 1000 for d in program.dims], grid.DeviceFacts())
    found = nvrtc.compile_cuda(program.source, arch, plan.options)
    assert {x.name for x in plan.launches if x.name != "product"} <= set(found.use)


@chunks
def test_words_on_whole_arrays(device, start):
    f, made, inputs, arrays = function(start)
    for t, a, b in zip(made, f(*arrays.values()), written(made, inputs, arrays), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), cf.pp(t)
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11, err_msg=cf.pp(t))


@compiles
@chunks
def test_words_on_whole_arrays_compile(start):
    assert_compiles(function(start)[0])


@pytest.mark.parametrize("name", sorted(set(ROUTINES) - set(CUDA)))
def test_routines_without_a_kernel_are_refused_by_name(name):
    row = ROUTINES[name]
    operands = [cf.tensor(f"a{k}", ("n",) * core) for k, core in enumerate(row.cores)]
    dims = operands[0].shape
    made = routine(name, operands, dims, operands[0].dtype, (0,) * row.numbers)
    f = cf.function(operands, made, target="cuda")
    with pytest.raises(cf.EmitError, match=f"{name} is not built for the target 'cuda'"):
        print(f.source)


# SciPy's routines without a counterpart in CUDA
REFUSED = ("special.binom",)


class OnDevice(Built):
    """What CUDA has functions for."""

    def __init__(self, dtype: str) -> None:
        super().__init__(dtype, ("cuda",), [r for r in table.rows() if r.public not in REFUSED])


@pytest.mark.parametrize("name", REFUSED)
def test_functions_that_cuda_lacks_are_refused_by_name(name):
    row = table.OPERATIONS[name]
    xs = [cf.vector(f"x{k}") for k in range(len(row.domain))]
    f = cf.function(xs, table.ours(row)(*xs), target="cuda")
    with pytest.raises(cf.EmitError, match=f"{row.name} has no spelling on the target 'cuda'"):
        print(f.source)


@pytest.mark.parametrize("dtype", table.DTYPES)
def test_elementwise_operations(device, dtype):
    built = OnDevice(dtype)
    assert_close_over_the_domain(built.values("cuda", drawn))
    assert_right_at_edges(built.values("cuda", table.edges))


@compiles
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8"])
def test_elementwise_operations_compile(dtype):
    assert_compiles(OnDevice(dtype).functions["cuda"])
