"""Every row of `words`: values, shapes and dtypes are NumPy's on both targets, also for arrays
without elements; derivatives are those of a complex step; it prints; it survives being saved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from tests.running import as_written, interpreted
from tests.vocabulary.words import ROWS, Row, drawn, tensors

import closedform as cf
from closedform.algebra.deserialise import load
from closedform.algebra.serialise import dump

STEP = 1e-30
CHUNK = 12  # rows in one translation unit
POSITIONS = re.compile(r"\bj\b|subtensor|\[0, 2|repeat")
UNLIKE = re.compile(r"median|average")  # of no elements: refused, and NaN where NumPy raises
each = pytest.mark.parametrize("row", ROWS, ids=lambda r: r.text)
chunks = pytest.mark.parametrize("start", range(0, len(ROWS), CHUNK))


def written(outputs: list[cf.Tensor], inputs: dict, arrays: dict) -> list[np.ndarray]:
    """Values of the graph as written."""
    values = {inputs[name].node: a for name, a in arrays.items()}
    return interpreted(as_written(outputs), values)


@each
@pytest.mark.parametrize("known", [False, True])
def test_values_shapes_and_dtypes_are_numpys(row: Row, known: bool) -> None:
    arrays = drawn()
    inputs = tensors(arrays, known)
    result = row.of_tensors(inputs)
    wanted = np.asarray(row.of_arrays(arrays))
    (found,) = written([result], inputs, arrays)
    assert (found.shape, found.dtype) == (wanted.shape, result.dtype)
    assert result.dtype == wanted.dtype and result.ndim == wanted.ndim
    assert all(
        d == s for d, s in zip(result.shape, wanted.shape, strict=True) if isinstance(d, int)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)


@each
def test_single_precision_stays_single(row: Row) -> None:
    arrays = {n: a.astype("float32") if a.dtype == float else a for n, a in drawn().items()}
    inputs = tensors(arrays)
    result = row.of_tensors(inputs)
    wanted = np.asarray(row.of_arrays(arrays))
    if "ones" in row.text or "eye" in row.text or "zeros" in row.text or "identity" in row.text:
        return  # these have a dtype of their own
    assert result.dtype == wanted.dtype
    (found,) = written([result], inputs, arrays)
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)


@each
@pytest.mark.parametrize("extents", [(0, 4, 0), (5, 0, 0), (0, 0, 0)])
def test_no_elements(row: Row, extents: tuple) -> None:
    empty = extents[1] == 0 and POSITIONS.search(row.text)
    if "inf" in row.text or empty or UNLIKE.search(row.text):
        return  # norms by an extreme are refused; positions along an empty axis are out of range
    arrays = drawn(*extents)
    inputs = tensors(arrays)
    try:
        wanted = np.asarray(row.of_arrays(arrays))
    except (ValueError, IndexError, ZeroDivisionError, TypeError):
        with pytest.raises(cf.ClosedformError):
            written([row.of_tensors(inputs)], inputs, arrays)
        return
    (found,) = written([row.of_tensors(inputs)], inputs, arrays)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)


# ---------------------------------------------------------------- derivatives


def cost(result: cf.Tensor) -> cf.Tensor:
    """A number that every element has its own part in."""
    flat = result.flatten() if result.ndim else result.dimshuffle("x")
    return (cf.sin(flat) * cf.cos(cf.arange(flat.shape[0]) + 1)).sum()


def wanted_gradient(row: Row, arrays: dict, name: str) -> np.ndarray:
    """The derivative of the same number, by a complex step per element."""
    gradient = np.empty_like(arrays[name])
    for place in np.ndindex(gradient.shape):
        moved = arrays[name].astype(complex)
        moved[place] += 1j * STEP
        flat = np.asarray(row.stepped({**arrays, name: moved})).ravel()
        gradient[place] = (np.sin(flat) * np.cos(np.arange(flat.size) + 1)).sum().imag / STEP
    return gradient


def differentiable(row: Row, arrays: dict) -> list[str]:
    return [n for n in row.inputs if row.smooth and arrays[n].dtype.kind == "f"]


SMOOTH = [r for r in ROWS if differentiable(r, drawn())]


@pytest.mark.parametrize("row", SMOOTH, ids=lambda r: r.text)
def test_derivatives(row: Row) -> None:
    arrays = drawn()
    inputs = tensors(arrays)
    names = differentiable(row, arrays)
    total = cost(row.of_tensors(inputs))
    gradients = cf.grad(total, [inputs[n] for n in names], disconnected_inputs="ignore")
    for name, found in zip(names, written(gradients, inputs, arrays), strict=True):
        np.testing.assert_allclose(found, wanted_gradient(row, arrays, name), 1e-11, 1e-12)


# ---------------------------------------------------------------- the C target


def outputs(rows: list[Row], inputs: dict, arrays: dict) -> Iterator[cf.Tensor]:
    for row in rows:
        result = row.of_tensors(inputs)
        yield result
        names = differentiable(row, arrays)
        if names:
            wrt = [inputs[n] for n in names]
            yield from cf.grad(cost(result), wrt, disconnected_inputs="ignore")


@chunks
def test_the_c_target_agrees(start: int) -> None:
    arrays = drawn()
    inputs = tensors(arrays)
    found = list(outputs(ROWS[start : start + CHUNK], inputs, arrays))
    f = cf.function(list(inputs.values()), found, target="c", on_unused_input="ignore")
    results = f(*arrays.values())
    for t, c, n in zip(found, results, written(found, inputs, arrays), strict=True):
        assert (c.shape, c.dtype) == (n.shape, n.dtype), cf.pp(t)
        np.testing.assert_allclose(c, n, rtol=1e-11, atol=1e-11, err_msg=cf.pp(t))


# ---------------------------------------------------------------- text


@each
def test_it_prints_and_comes_back(row: Row) -> None:
    result = row.of_tensors(tensors(drawn()))
    assert cf.pp(result) and "\\" in cf.latex(result) + "\\"
    text = dump([result.node])
    (again,) = load(text)
    assert dump([again]) == text and cf.pp(cf.Tensor(again)) == cf.pp(result)
