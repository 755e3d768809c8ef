"""Semantics 3 and 4: soundness of rewrites, and numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.acceptance.targets import every_target

import closedform as cf

TARGETS = ["numpy", "c"]


@pytest.mark.parametrize("target", TARGETS)
def test_3_2_no_function_is_extended_without_proof(target):
    x = cf.vector("x")
    for made in (cf.exp(cf.log(x)), cf.sqrt(x) ** 2, cf.exp(2 * cf.log(x))):
        assert np.isnan(cf.function([x], made, target=target)([-1.0])[0]), made


def test_3_2_declared_assumptions_are_a_proof():
    x = cf.vector("x", assume="positive")
    f = cf.function([x], cf.exp(cf.log(x)))
    assert_array_equal(f([0.3]), [0.3])


def test_3_3_fast_rows_are_opt_in_and_part_of_the_key():
    x, y = cf.vectors("x", "y")
    made = cf.exp(x) * cf.exp(y)
    keys = set()
    for soundness in ("real", "fast"):
        f = cf.function([x, y], made, soundness=soundness)
        assert_allclose(f([0.5], [0.25]), [np.exp(0.75)], rtol=1e-15)
        keys.add(f.explain().rpartition("cache key ")[2])
        assert ("exp-product" in f.explain()) == (soundness == "fast")
    assert len(keys) == 2


def test_3_4_a_quotient_of_equals_is_real():
    x, y = cf.vectors("x", "y")
    assert_array_equal(cf.function([x, y], x * y / y)([3.0], [0.0]), [3.0])
    f = cf.function([x, y], x * y / y, mode="DebugMode")
    with pytest.warns(UserWarning, match="nan at"):
        f([3.0], [0.0])


@every_target
def test_4_1_python_numbers_and_extents_are_weak(options):
    x = cf.matrix("x", dtype="float32")
    outputs = [2 * x, x + 0.5, x / 3, x**2.0, x.mean(), x / x.shape[0], cf.exp(x) * 1e-3]
    found = cf.function([x], outputs, **options)(np.ones((3, 2), np.float32))
    assert {a.dtype.name for a in found} == {"float32"}


@every_target
def test_4_1_a_shared_scalar_is_as_strong_as_its_array(options):
    x = cf.vector("x", dtype="float32")
    f = cf.function([x], x * cf.shared(0.5), **options)
    assert f(np.ones(2, np.float32)).dtype == np.float64


def key(rate):
    x, w = cf.vector("x"), cf.shared([1.0, 2.0], "w")
    f = cf.function([x], w - rate * x + 0.01 * w)
    assert_allclose(f([1.0, 1.0]), np.array([1, 2]) * 1.01 - rate, rtol=1e-15)
    return f.explain().rpartition("cache key ")[2], f.source


def test_4_2_a_learning_rate_is_an_argument():
    rates = [50.0, 0.01, 0.1, 0.7, 1e-6, 31.4]
    assert len({key(rate) for rate in rates}) == 1


def test_4_2_numbers_that_shape_a_formula_are_read():
    x = cf.scalar("x")
    want = cf.pp(cf.grad(1 / (1 + cf.exp(-x)), x))
    assert "sigma" in want
    assert cf.pp(cf.grad(1.0 / (1.0 + cf.exp(-x)), x)) == want


@pytest.mark.parametrize("typed", ["0.02", "0.1", "1e-6", "3.14159"])
def test_4_2_decimals_are_shown_as_typed(typed):
    x = cf.vector("x")
    assert cf.pp(cf.grad((float(typed) * x).sum(), x)).startswith(typed)


@every_target
def test_4_3_float32_data_may_be_passed_to_a_float64_input(options):
    x = cf.vector("x")
    f = cf.function([x], x / 3, **options)
    found = f(np.array([1.0], np.float32))
    assert_array_equal(found, np.array([1 / 3]), strict=True)


def test_4_3_narrowing_raises_or_is_allowed():
    x = cf.vector("x", dtype="float32")
    with pytest.raises(cf.CallError, match="'x'.*float32.*float64"):
        cf.function([x], 2 * x)(np.ones(2))
    f = cf.function([x], 2 * x, allow_input_downcast=True)
    assert f(np.ones(2)).dtype == np.float32


def test_4_4_float32_programs_have_no_double_arithmetic_per_element():
    x = cf.vector("x", dtype="float32")
    source = cf.function([x], 0.1 * cf.exp(-x) + cf.log1p(x * x) / 3).source
    body = source[source.index("for (int64_t") : source.index("return CF_OK")]
    assert "double" not in body
    assert not re.search(r"\b(exp|log1p)\(", body)
    assert not re.search(r"\d\.\d*(?![\df])", body)


def test_4_4_accumulators_across_panels_are_wide():
    x = cf.vector("x", dtype="float32")
    n = 20_000_000
    found = cf.function([x], x.sum())(np.full(n, 0.1, np.float32))
    assert_allclose(found, n * np.float64(np.float32(0.1)), rtol=2e-6)


@pytest.mark.parametrize("value", [1j, np.ones(2, complex), np.array([None]), np.array(["a"])])
def test_4_5_complex_and_object_are_refused(value):
    x = cf.vector("x")
    with pytest.raises(cf.DTypeError, match="complex|object|<U1|real"):
        x + value
    with pytest.raises(cf.DTypeError, match="float64"):
        cf.shared(value)


@pytest.mark.parametrize("dtype", ["complex128", "object", "float16", "datetime64[s]"])
def test_4_5_what_is_supported_is_named(dtype):
    with pytest.raises(cf.DTypeError, match="float32, float64"):
        cf.vector("x", dtype=dtype)


@pytest.mark.parametrize("target", ["c", "numpy"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "uint64"])
def test_4_6_integers_wrap_between_the_operations_of_a_formula(dtype, target):
    a, b = cf.vectors("a", "b", shape="n", dtype=dtype)
    info = np.iinfo(dtype)
    x = np.array([info.min, info.min + 1, info.max - 1, info.max, 3], dtype)
    y = np.array([info.max, info.max - 1, 2, 1, 5], dtype)
    formulas = {
        "sum": lambda a, b: (a + b) > 10,
        "minus": lambda a, b: -a > 3,
        "difference": lambda a, b: (a - b) > 1,
        "product": lambda a, b: (a * b) < 100,
        "power": lambda a, b: a**2 < 100,
        "flipped": lambda a, b: ~a > b,
        "shifted": lambda a, b: (a << 1) > b,
        "quotient": lambda a, b: (a + b) // 3,
        "rest": lambda a, b: (a * b) % 7,
    }
    for name, formula in formulas.items():
        with np.errstate(all="ignore"):
            want = formula(x, y)
        got = cf.function([a, b], formula(a, b), target=target, on_unused_input="ignore")(x, y)
        assert_array_equal(got, want, err_msg=name)


@pytest.mark.parametrize("target", ["c", "numpy"])
def test_4_6_division_by_zero_and_shifts_beyond_the_width(target):
    a, b = cf.vectors("a", "b", shape="n", dtype="int8")
    x, y = np.array([-128, 7, -7, 7, -7, 7], np.int8), np.array([-1, 0, 0, 9, 9, -1], np.int8)
    outputs = [a // b, a % b, cf.fmod(a, b), a << b, a >> b, cf.reciprocal(b), a**b]
    found = cf.function([a, b], outputs, target=target)(x, y)
    assert_array_equal(found[0], [-128, 0, 0, 0, -1, -7])
    assert_array_equal(found[1], [0, 0, 0, 7, 2, 0])
    assert_array_equal(found[2], [0, 0, 0, 7, -7, 0])
    assert_array_equal(found[3], [0, 7, -7, 0, 0, 0])
    assert_array_equal(found[4], [-1, 7, -7, 0, -1, 0])
    assert_array_equal(found[5], [-1, 0, 0, 0, 0, -1])
    assert_array_equal(found[6], np.array([0, 1, 1, 7**9, (-7) ** 9, 0]).astype(np.int8))
