"""A function that closedform does not have, added as CONTRIBUTING says: rows, and nothing else.

The Gudermannian function gd(x) = 2 arctan(tanh(x/2)) with derivative 1/cosh(x). Run as a script
of its own, for the rows must stand in the tables before anything reads them.
"""

from __future__ import annotations

import numpy as np
import sympy
from numpy.testing import assert_allclose

import closedform as cf
from closedform.algebra import operations, partials, primitives, scalar, sympy_bodies
from closedform.algebra.scalar import MINUS_ONE, Pow
from closedform.algebra.tensor import apply
from closedform.emit import functions
from closedform.runtime import numpy_table

# ---------------------------------------------------------------- the rows
primitives.PRIMITIVES["gd"] = primitives.Primitive(
    "gd", 1, keeps=primitives.SIGN, latex=r"\operatorname{{gd}}\left({0}\right)"
)
partials.PARTIALS["gd"] = (lambda x: Pow(scalar.cosh(x), MINUS_ONE),)
numpy_table.NUMPY["gd"] = lambda x: 2 * np.arctan(np.tanh(x / 2))
functions.FUNCTIONS["gd"] = functions.Spelling("(2*atan{f}(tanh{f}({0}/2)))")
sympy_bodies.MEANINGS["gd"] = lambda x: 2 * sympy.atan(sympy.tanh(x / 2))
operations.FAMILIES["made up"] = (operations.Operation("gd", "", ((-5, 5),)),)


def gd(x):
    """The Gudermannian function."""
    return apply(scalar.CLASSES["gd"], x, floats=True)


cf.gd = gd  # type: ignore[attr-defined]  # the door

# ---------------------------------------------------------------- what follows from them
POINTS = np.array([-3.0, -0.5, -0.0, 0.0, 1e-9, 2.0, 20.0, np.nan])


def exact(x: np.ndarray) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        return [2 * np.arctan(np.tanh(x / 2)), 1 / np.cosh(x), -np.tanh(x) / np.cosh(x)]


def outputs(x: cf.Tensor) -> list[cf.Tensor]:
    first = cf.grad(gd(x).sum(), x)
    return [gd(x), first, cf.grad(first.sum(), x)]


def on_every_target() -> None:
    from tests.cuda.running import emulated
    from tests.running import simplified

    for dtype, rtol in (("float64", 1e-14), ("float32", 1e-6)):
        at = POINTS.astype(dtype)
        x = cf.vector("x", dtype=dtype, shape="n")
        found = {t: cf.function([x], outputs(x), target=t)(at) for t in ("c", "numpy")}
        found["cuda"] = emulated(simplified(outputs(x)), {x.node: at})
        for target, values in found.items():
            for got, want in zip(values, exact(at.astype(float)), strict=True):
                assert got.dtype == dtype
                assert_allclose(got, want, rtol, 1e-30, err_msg=f"{target} {dtype}")


def in_print() -> None:
    from closedform.algebra.deserialise import load
    from closedform.algebra.serialise import dump

    x = cf.scalar("x")
    assert cf.pp(cf.grad(gd(x), x)) == "1/cosh(x)"
    assert cf.latex(gd(x)) == r"\operatorname{gd}\left(x\right)"
    assert cf.pp(gd(x), form="ascii") == "gd(x)"
    t = sympy.Symbol("x", real=True)
    assert abs(float(gd(x).to_sympy().subs(dict.fromkeys(gd(x).to_sympy().free_symbols, 1)))
               - float((2 * sympy.atan(sympy.tanh(t / 2))).subs(t, 1))) < 1e-15  # fmt: skip
    (again,) = load(dump([gd(x).node]))
    assert cf.pp(cf.Tensor(again)) == "gd(x)"


def on_the_page() -> None:
    from closedform.runtime import totality

    (entry,) = totality.entries()["made up"]
    cells = dict(zip(totality.COLUMNS, totality.cells(entry), strict=True))
    assert cells["derivative"] == "`1/cosh(x)`"
    assert cells["C"] == cells["CUDA"] == "`atan`, `tanh`"
    assert cells["no elements"] == "shape (0,)" and "float" in cells["dtypes"]


if __name__ == "__main__":
    on_every_target()
    in_print()
    on_the_page()
    print("added")
