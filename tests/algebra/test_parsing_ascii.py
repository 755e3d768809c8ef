"""What ASCII text prints is read back: the same values at random points, by name where it is not.

Texts are read with the shapes of the inputs alone, as somebody who has only the text would.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.acceptance import problems
from tests.algebra.test_formulas import GOLDEN
from tests.catalogue import CASES

import closedform as cf
from closedform.algebra.array_names import RESERVED
from closedform.algebra.constructors import tensor

SIZES = {"n": 5, "d": 4, "k": 3, "m": 6}
PROBLEMS = sorted(problems.rows())


def printed_name(t: cf.Tensor) -> str:
    """The name of an input in ASCII text: one that means something else gets an underscore."""
    return f"{t.name}_" if t.name in RESERVED | {"pi"} else t.name


def check(t: cf.Tensor, values: dict[str, np.ndarray], sizes: dict[str, int]) -> None:
    """Print, read, and compare values at one point.

    sizes  extents that a text may name though none of its inputs has them
    """
    carriers = {f"size_{n}": tensor(f"size_{n}", (n,)) for n in sizes}
    lengths = [np.zeros(size) for size in sizes.values()]
    known = cf.inputs(t)
    text = cf.pp(t, form="ascii")
    names = {printed_name(x): name for name, x in known.items()}
    shapes = {new: known[old] for new, old in names.items()}
    read = cf.parse(text, carriers | {n: tensor(n, x.shape, x.dtype) for n, x in shapes.items()})
    again = cf.inputs(read)
    assert set(again) <= set(names), text
    f = cf.function(
        [*known.values(), *carriers.values()], t, target="numpy", on_unused_input="ignore"
    )
    g = cf.function(
        [*again.values(), *carriers.values()], read, target="numpy", on_unused_input="ignore"
    )
    want = f(*(values[n] for n in known), *lengths)
    found = g(*(values[names[n]] for n in again), *lengths)
    assert np.shape(found) == np.shape(want), text
    rtol = 1e-9 if np.asarray(want).dtype.itemsize == 8 else 1e-5
    assert_allclose(found, want, rtol=rtol, atol=rtol, err_msg=text)


def drawn(t: cf.Tensor) -> dict[str, np.ndarray]:
    """Positive values for the inputs of a formula, and positions; promises are kept."""
    rng = np.random.default_rng(7)
    found = {}
    for name, x in cf.inputs(t).items():
        shape = [SIZES[e.name] for e in x.shape]
        a = rng.uniform(0.3, 1.0, shape)
        if x.dtype.kind == "i":
            a = rng.integers(0, 4, shape)
        elif name == "T":
            a = np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
        elif name == "Q":
            a = np.linalg.qr(a)[0]
        elif len(shape) == 2 and shape[0] == shape[1]:
            a = a + a.T if "symmetric" in x.node.spec.facts else a
            a = a + 4 * np.eye(len(a))
        found[name] = a
    return found


@pytest.mark.parametrize("number", PROBLEMS)
def test_problems_are_read_back(number):
    check(problems.read(number).derivative, problems.values(0), problems.EXTENTS)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_formulas_are_read_back(name):
    t = GOLDEN[name][0]
    check(t, drawn(t), SIZES)


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_catalogue_is_read_back(name):
    values, outputs = CASES[name]()
    arrays = {x.name: a for x, a in values.items()}
    for t in outputs:
        check(t, arrays, {})


def test_numbers_in_every_element_are_printed_as_arrays():
    n = cf.vector("x", shape="n").shape[0]
    for t, text in [
        (cf.ones((3, 3)), "ones((3, 3))"),
        (cf.zeros((n,)), "zeros((n,))"),
        (cf.zeros_like(cf.matrix("A", shape=(n, 2))) + cf.eye(2)[0], None),
        (cf.full((2, 3), 0.5), "full((2, 3), 0.5)"),
    ]:
        assert text is None or cf.pp(t) == text
        read = cf.parse(cf.pp(t), {"x": ("n",)})
        assert read.shape == t.shape


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda x, k, b: cf.deg2rad(k), "pi*k.astype('float32')/180"),
        (lambda x, k, b: (b & b) - x, "1*(b & b) - x"),
        (lambda x, k, b: -cf.cast(b, "float64"), "-1*b"),
        (lambda x, k, b: cf.sinc(x), "sinc(x)"),
        (lambda x, k, b: k ^ k, "bitwise_xor(k, k)"),
        (lambda x, k, b: k << 1, "left_shift(k, 1)"),
        (lambda x, k, b: cf.concatenate([k, cf.zeros(2, "uint8")]), None),
        (lambda x, k, b: cf.diagonal(x[:, None] * x), None),
        (lambda x, k, b: cf.reshape(cf.outer(x, x), (3, -1)), "reshape(outer(x, x), (3, -1))"),
        (lambda x, k, b: cf.where(x > 0, x, np.inf), "where(x > 0, x, inf)"),
    ],
)
def test_dtypes_and_extents_survive(make, text):
    """What NumPy would count in small integers, keep as truth values, or not know the extent of."""
    x, k, b = (cf.vector(name, dtype, shape="n") for name, dtype in (("x", "float32"),
               ("k", "uint8"), ("b", "bool")))  # fmt: skip
    t = make(x, k, b)
    found = cf.pp(t, form="ascii")
    if text is not None:
        assert found == text
    read = cf.parse(found, {v.name: v for v in (x, k, b)})
    arrays = np.float32([0.5, -2, 3]), np.uint8([0, 7, 200]), np.array([True, False, True])
    f = cf.function([x, k, b], [t, read], mode="FAST_COMPILE", on_unused_input="ignore")
    want, value = f(*arrays)
    assert_allclose(value, want, rtol=1e-6)
