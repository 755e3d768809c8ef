"""Every word of the vocabulary on the emulated device: values and derivatives of the words on whole
arrays, elementwise operations on every dtype; and all of it compiles for a device."""

from __future__ import annotations

import importlib.util
import math
import os

import mpmath
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
from closedform.algebra.routines import ROUTINES
from closedform.emit import grid
from closedform.emit.device_routine import CUDA
from closedform.emit.grid_routine import PLANS
from closedform.runtime import nvrtc, specialisation

CHUNK = 8  # rows in one function
chunks = pytest.mark.parametrize("start", range(0, len(words.ROWS), CHUNK))
compiles = pytest.mark.skipif(
    not (importlib.util.find_spec("nvidia") or os.environ.get("CLOSEDFORM_NVRTC")),
    reason="the package nvidia-cuda-nvrtc is for Linux",
)


def function(start: int):
    arrays = words.drawn()
    inputs = words.tensors(arrays)
    rows = words.ROWS[start : start + CHUNK]
    made = list(outputs(rows, inputs, arrays))
    given = list(inputs.values())
    f = cf.function(given, made, target="cuda", on_unused_input="ignore")
    return f, made, inputs, arrays


def assert_compiles(f, arch="sm_90") -> nvrtc.Compiled:
    """The default program of a function compiles for a device. (That nothing is spilled is asked of
    the catalogue: twenty unrelated words in one kernel are nobody's program.)"""
    program = f._emitted(specialisation.default_kind(f._forms))
    plan = grid.plan(program.kernels, [d or 1000 for d in program.dims], grid.DeviceFacts())
    found = nvrtc.compile_cuda(program.source, arch, plan.options)
    assert {x.name for x in plan.launches if x.name != "product"} <= set(found.use)
    return found


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


def test_every_routine_has_a_kernel_and_a_plan():
    assert set(CUDA) == set(ROUTINES) == set(PLANS)


def test_a_routine_without_a_kernel_is_refused_by_name(monkeypatch):
    monkeypatch.delitem(CUDA, "expm")
    x = cf.matrix("x")
    f = cf.function([x], cf.linalg.expm(x), target="cuda")
    with pytest.raises(cf.EmitError, match="expm is not built for the target 'cuda'"):
        print(f.source)


@pytest.mark.parametrize("dtype", table.DTYPES)
def test_elementwise_operations(device, dtype):
    built = Built(dtype, ("cuda",))
    assert_close_over_the_domain(built.values("cuda", drawn))
    assert_right_at_edges(built.values("cuda", table.edges))


@compiles
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8"])
def test_elementwise_operations_compile(dtype):
    assert_compiles(Built(dtype, ("cuda",)).functions["cuda"])


ANGLES = {"sin": mpmath.sin, "cos": mpmath.cos, "tan": mpmath.tan}


@pytest.mark.parametrize("name", ANGLES)
def test_angles_of_any_size_keep_their_digits(device, name):
    """Next to multiples of pi/2, beyond 2^20, and where a double comes closest to one of them."""
    r = np.random.default_rng(0)
    x = np.r_[
        np.arange(1, 300) * np.pi / 2, r.uniform(-9, 9, 400), 10 ** r.uniform(-12, 308, 800),
        2.0**20, np.nextafter(2.0**20, 0), 6381956970095103 * 2.0**797, np.finfo(float).max,
    ]  # fmt: skip
    x = np.r_[x, -x]
    with mpmath.workdps(400):
        exact = [float(ANGLES[name](mpmath.mpf(float(a)))) for a in x]
    t = cf.vector("x")
    found = cf.function([t], getattr(cf, name)(t), target="cuda")(x)
    np.testing.assert_allclose(found, exact, rtol=5e-16)
    edges = cf.function([t], getattr(cf, name)(t), target="cuda")(np.array([np.inf, np.nan, 0.0]))
    np.testing.assert_array_equal(edges, [np.nan, np.nan, float(ANGLES[name](0))])


@compiles
def test_functions_that_reduce_angles_keep_no_stack():
    x = cf.vector("x")
    outputs = [
        cf.sin(x), cf.cos(x), cf.tan(x), cf.special.digamma(x),
        cf.special.sinc_derivative(1, x), cf.special.binom(x, x + 0.5),
    ]  # fmt: skip
    found = assert_compiles(cf.function([x], outputs, target="cuda"))
    assert {(use.stack, use.spilled) for use in found.use.values()} == {(0, 0)}


def test_binomial_coefficients_of_whole_and_real_numbers(device):
    x, y = cf.vector("x"), cf.vector("y")
    f = cf.function([x, y], cf.special.binom(x, y), target="cuda")
    n, k = (a.ravel() for a in np.meshgrid(np.arange(61.0), np.arange(-2.0, 63.0)))
    whole = [math.comb(int(a), int(b)) if b >= 0 else 0 for a, b in zip(n, k, strict=True)]
    np.testing.assert_allclose(f(n, k), np.array(whole, float), rtol=2e-15)
    r = np.random.default_rng(0)
    n = np.r_[r.uniform(-20, 40, 200), 10 ** r.uniform(2, 9, 100)]
    k = r.uniform(-12, 45, 300)
    exact, *moved = (
        np.array([float(mpmath.binomial(a, b)) for a, b in zip(n * s, k * t, strict=True)])
        for s, t in ((1, 1), (1 + 1e-12, 1), (1, 1 + 1e-12))
    )
    spread = sum(abs(m - exact) for m in moved) / 100  # what a move by 1e-14 makes
    error = abs(np.asarray(f(n, k)) - exact)
    assert np.all((error <= 2e-13 * abs(exact) + spread) | ~np.isfinite(exact))
    np.testing.assert_array_equal(f(np.array([0.5, -0.5, -2.5]), np.array([1.5, 0.5, -1.5])), 0)
