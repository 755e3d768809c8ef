"""The page of operations is what comes out now, complete, and true."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose

import closedform as cf
from closedform.algebra.dtypes import SUPPORTED
from closedform.algebra.vocabulary import TUTORIAL
from closedform.runtime import totality

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
ENTRIES = [entry for rows in totality.entries().values() for entry in rows]
# callables of the door that are no operations on tensors
VERBS = set(
    "Function In SharedVariable Tensor function shared grad jacobian hessian from_sympy latex pp "
    "jvp vjp hvp Rop Lop clone print_value "
    "parse inputs equal steps display simplify expand factor collect substitute".split()
)


def test_the_page_is_what_comes_out_now() -> None:
    cure = "run `python -m closedform operations > docs/operations.md`"
    assert PAGE.read_text(encoding="utf-8") == totality.page(), cure


def test_no_cell_is_empty() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    assert len(rows) == len(ENTRIES)
    for line in rows:
        found = re.split(r"(?<!\\)\|", line)[1:-1]
        assert len(found) == len(totality.COLUMNS), line
        assert all(cell.strip() for cell in found), line


def constructors() -> set[str]:
    from closedform.algebra.constructors import CONSTRUCTORS

    return {*CONSTRUCTORS, "tensor"}


def words(module) -> dict[str, object]:
    """Functions of tensors that a module has."""
    named = {name: getattr(module, name) for name in module.__all__ if name not in VERBS}
    return {
        name: f
        for name, f in named.items()
        if callable(f) and not isinstance(f, type) and name not in constructors()
    }


@pytest.mark.parametrize("door", ["", "special", "tensor", "nnet", "linalg"])
def test_every_function_of_a_door_has_a_row(door: str) -> None:
    module = getattr(cf, door) if door and hasattr(cf, door) else cf
    known = {id(totality.resolved(entry.name)) for entry in ENTRIES}
    missing = [name for name, f in words(module).items() if id(f) not in known]
    assert not missing, f"no row in algebra/operations.py or array_operations.py: {missing}"


def test_every_word_of_the_tutorial_has_a_row() -> None:
    known = {id(totality.resolved(entry.name)) for entry in ENTRIES}
    assert all(id(getattr(cf.tensor, name)) in known for name in TUTORIAL)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.call)
def test_what_it_means_exists(entry: totality.Entry) -> None:
    for name in re.findall(r"\b(?:numpy|scipy)(?:\.\w+)+", entry.meaning):
        found: object = {"numpy": np, "scipy": scipy}[name.split(".")[0]]
        for part in name.split(".")[1:]:
            if part not in ("at",):
                found = getattr(found, part)
        assert callable(found)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.call)
def test_refusals_have_three_parts(entry: totality.Entry) -> None:
    for dtype in SUPPORTED:
        try:
            entry.results(entry.values(dtype))
        except cf.ClosedformError as error:
            assert error.found and error.where and error.fix


ARRAYS = {
    "x": (4, 3), "y": (2, 3), "s": (4, 4), "t": (2, 4, 3), "v": (4,), "w": (4,), "u": (4, 3),
    "r": (3,), "c": (4, 1), "a": (4, 4),
}  # fmt: skip


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    found = {name: rng.uniform(0.2, 0.8, shape) for name, shape in ARRAYS.items()}
    found["a"] = found["a"] @ found["a"].T + np.eye(4)
    return found | {"i": np.array([2, -1]), "b": found["x"] > 0.5}


def runnable() -> list[totality.Entry]:
    """Rows on whole arrays that are not refused outright."""
    rows = [entry for entry in ENTRIES if not entry.elementwise]
    return [e for e in rows if e.name.split(".")[-1] not in ("nonzero", "nonzero_values", "unique")]


def test_the_examples_on_whole_arrays_give_numpys_values_on_both_targets() -> None:
    values, data = {}, arrays()
    for entry in runnable():
        values |= {n: x for n, x in entry.values().items() if n not in values}
    inputs = {n: cf.tensor(n, x.shape, x.dtype) for n, x in values.items()}
    outputs = [entry.results(inputs) for entry in runnable()]
    flat = [r for results in outputs for r in results]
    found = [
        iter(cf.function(list(inputs.values()), flat, target=t)(*(data[n] for n in inputs)))
        for t in ("c", "numpy")
    ]
    space = {**vars(scipy.special), **vars(np), **data}
    space |= {"norm": np.linalg.norm, "special": scipy.special}
    for entry, results in zip(runnable(), outputs, strict=True):
        pairs = [[next(f) for f in found] for _ in results]
        for c, numpy in pairs:
            assert_allclose(c, numpy, rtol=1e-12, atol=1e-14, err_msg=entry.call)
        name = entry.name.rpartition(".")[2]
        if re.fullmatch(r"(numpy|scipy\.special)\.(linalg\.)?" + name, entry.meaning):
            want = eval(entry.call, space)  # noqa: S307 (a row of ours)
            want = want if isinstance(want, list | tuple) else [want]
            for (c, _), w in zip(pairs, want, strict=True):
                assert_allclose(c, w, rtol=1e-12, atol=1e-14, err_msg=entry.call)


SHOWN = ("exp", "bitwise_and", "special.i0e", "special.binom", "max", "tensor.unique")


def test_a_cell_says_what_happens() -> None:
    rows = {e.name: dict(zip(totality.COLUMNS, totality.cells(e), strict=True)) for e in ENTRIES
            if e.name in SHOWN}  # fmt: skip
    assert rows["exp"]["derivative"] == "`exp(x)`" and rows["exp"]["C"] == "`exp`"
    assert "float (DTypeError)" in rows["bitwise_and"]["refuses"]
    assert rows["special.i0e"]["C"] == "SciPy's i0e"
    assert rows["special.i0e"]["CUDA"] == "`ive`, `fabs`, `fmod`, `sqrt`, `exp`, `pow`, `tgamma`"
    assert rows["special.binom"]["CUDA"].startswith("`tgamma`")
    assert rows["max"]["no elements"] == "refused (ShapeError)"
    assert rows["tensor.unique"]["dtypes"] == "none"
