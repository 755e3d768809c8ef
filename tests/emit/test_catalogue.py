"""Every expression of the catalogue: the C target agrees with the NumPy interpreter on the graph as
written."""

from __future__ import annotations

import numpy as np
import pytest
from tests import running
from tests.catalogue import CASES

from closedform.algebra.tensor import Tensor


def arrays_of(values: dict[Tensor, np.ndarray]) -> dict:
    return {t.node: np.asarray(v) for t, v in values.items()}


def assert_agree(got, want):
    for k, (g, w) in enumerate(zip(got, want, strict=True)):
        assert g.shape == w.shape, f"output {k}: shape {g.shape}, not {w.shape}"
        assert g.dtype == w.dtype, f"output {k}: dtype {g.dtype}, not {w.dtype}"
        tolerance = 5e-6 if w.dtype == np.float32 else 2e-13
        scale = np.max(np.abs(w[np.isfinite(w)]), initial=1.0) if w.dtype.kind == "f" else 1.0
        np.testing.assert_allclose(
            g, w, rtol=tolerance, atol=tolerance * scale, err_msg=f"output {k}"
        )


@pytest.mark.parametrize("name", CASES)
def test_c_agrees_with_the_interpreter(name):
    values, outputs = CASES[name]()
    arrays, nodes = arrays_of(values), running.as_written(outputs)
    assert_agree(running.compiled(nodes, arrays), running.interpreted(nodes, arrays))


@pytest.mark.parametrize("name", CASES)
def test_the_compute_form_agrees_with_the_graph_as_written(name):
    values, outputs = CASES[name]()
    arrays = arrays_of(values)
    want = running.interpreted(running.as_written(outputs), arrays)
    nodes = running.simplified(outputs)
    assert_agree(running.interpreted(nodes, arrays), want)
    assert_agree(running.compiled(nodes, arrays), want)


@pytest.mark.parametrize(
    "name", ["logistic", "slices", "products", "sums", "wide_columns", "reshapes", "residual_net"]
)
def test_any_layout_of_the_inputs(name):
    values, outputs = CASES[name]()
    arrays, nodes = arrays_of(values), running.as_written(outputs)
    want = running.interpreted(nodes, arrays)
    fortran = {x: np.asfortranarray(a) if a.ndim else a for x, a in arrays.items()}
    wide = {x: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a for x, a in arrays.items()}
    backward = {
        x: np.ascontiguousarray(a[..., ::-1])[..., ::-1] if a.ndim else a for x, a in arrays.items()
    }
    rows = {
        x: np.concatenate([a, a], axis=-1)[..., : a.shape[-1]] if a.ndim else a
        for x, a in arrays.items()
    }
    unaligned = {x: _unaligned(a) for x, a in arrays.items()}
    swapped = {x: _swapped(a) for x, a in backward.items()}
    for other in (fortran, wide, backward, rows, unaligned, swapped):
        assert_agree(running.compiled(nodes, other), want)


def _unaligned(a: np.ndarray) -> np.ndarray:
    memory = np.zeros(a.nbytes + 1, np.uint8)
    result = np.frombuffer(memory[1:].data, dtype=a.dtype).reshape(a.shape)
    result[...] = a
    return result if a.ndim else a


def _swapped(a: np.ndarray) -> np.ndarray:
    turned = (slice(None, None, -1),) * a.ndim
    other = a[turned].astype(a.dtype.newbyteorder())[turned]
    return other if a.ndim else a


@pytest.mark.parametrize("name", ["logistic", "softmax_regression", "mixture"])
def test_float32_storage_of_float64_inputs(name):
    values, outputs = CASES[name]()
    arrays, nodes = arrays_of(values), running.as_written(outputs)
    narrow = {x: a.astype(np.float32) for x, a in arrays.items()}
    want = running.interpreted(nodes, {x: a.astype(np.float64) for x, a in narrow.items()})
    assert_agree(running.compiled(nodes, narrow), want)


def test_source_is_the_same_for_renamed_variables():
    first = running.program(*_renamed("X", "w"))
    second = running.program(*_renamed("b a", "for"))
    assert first.source == second.source
    assert first.key_text == second.key_text


def _renamed(x: str, w: str):
    from closedform.algebra import functions as F
    from closedform.algebra.constructors import tensor

    X, v = tensor(x, (x, w)), tensor(w, (w,))
    return running.as_written([F.tanh(X * v).sum(1), (X * 0.3).mean()]), {
        X.node: np.ones((2, 3)),
        v.node: np.ones(3),
    }


def test_parameters_do_not_change_the_source():
    from closedform.algebra.constructors import tensor

    x = tensor("x", ("n",))
    programs = [
        running.program(running.as_written([x * rate]), {x.node: np.ones(3)})
        for rate in (0.1, 50.0, 1e-7)
    ]
    assert len({p.source for p in programs}) == 1
    assert [p.parameters for p in programs] == [(0.1,), (50.0,), (1e-7,)]


def test_different_slices_have_different_keys():
    from closedform.algebra.constructors import tensor

    x = tensor("x", ("n",))
    keys = [
        slice(None, -2),
        slice(None, -3),
        slice(None, 2),
        slice(None, 3),
        slice(-3, None),
        slice(-5, -1),
    ]
    array = np.arange(7.0)
    programs = [running.program(running.as_written([x[k]]), {x.node: array}) for k in keys]
    assert len({p.key_text for p in programs}) == len(keys)
    for k in keys:
        (got,) = running.compiled(running.as_written([x[k]]), {x.node: array})
        np.testing.assert_array_equal(got, array[k])


def test_a_key_determines_the_source():
    sources: dict = {}
    for build in CASES.values():
        values, outputs = build()
        arrays = arrays_of(values)
        for nodes in ([x] for x in running.simplified(outputs)):
            p = running.program(nodes, arrays)
            key = (
                p.key_text,
                p.dims,
                tuple((a.kind, a.dtype, a.dims, a.layout) for a in p.arguments),
            )
            assert sources.setdefault(key, p.source) == p.source


def test_exp_of_log_is_kept_where_the_argument_may_be_negative():
    from closedform.algebra import functions as F
    from closedform.algebra.constructors import tensor

    x = tensor("x", ("n",))
    (got,) = running.compiled(
        running.as_written([F.exp(F.log(x))]), {x.node: np.array([-1.0, 2.0])}
    )
    np.testing.assert_allclose(got, [np.nan, 2.0])


def test_comparisons_with_an_extreme_read_the_same_bits():
    from closedform.algebra import functions as F
    from closedform.algebra.constructors import tensor
    from closedform.algebra.gradient import grad

    x = tensor("x", ("d", "k"))
    y = F.sigmoid(x) - x
    arrays = {x.node: np.random.default_rng(1).normal(size=(501, 7))}
    outputs = [y.argmax(0), y.argmin(1), grad(y.max(1).sum(), x)]
    for nodes in (running.as_written(outputs), running.simplified(outputs)):
        high, low, slope = running.compiled(nodes, arrays)
        p = 1 / (1 + np.exp(-arrays[x.node]))
        value = p - arrays[x.node]
        np.testing.assert_array_equal(high, value.argmax(0))
        np.testing.assert_array_equal(low, value.argmin(1))
        hit = value == value.max(1, keepdims=True)
        np.testing.assert_allclose(slope, hit * (p * (1 - p) - 1), atol=1e-13)
