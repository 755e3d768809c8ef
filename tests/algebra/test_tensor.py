"""Operators, methods and NumPy functions of tensors against NumPy itself."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy
from numpy.testing import assert_allclose, assert_array_equal

import closedform as cf
from closedform.algebra.dtypes import SUPPORTED

DRAWN = np.random.default_rng(0)
A, B, C, D = (DRAWN.normal(size=s) for s in ((3, 4), (4, 3), (2, 3, 4), (2, 4, 5)))
V, S, ZERO_D = DRAWN.normal(size=4), DRAWN.normal(size=(3, 3)), np.array(1.3)


def compare(meaning, *arrays, declared=None):
    """The function applied to tensors and evaluated equals the function applied to arrays.

    NumPy's float16, which is not supported, is float32 here. Both must raise, or none.
    """
    shapes = declared or [a.shape for a in arrays]
    given = zip(shapes, arrays, strict=True)
    xs = [cf.tensor(f"x{k}", shape, a.dtype) for k, (shape, a) in enumerate(given)]
    with np.errstate(all="ignore"):
        try:
            want = np.asarray(meaning(*arrays))
        except Exception as error:
            with pytest.raises(cf.ClosedformError, match=r"(?s)test_tensor\.py:\d+.*fix: ."):
                meaning(*xs)
            return error
    found = cf.function(xs, meaning(*xs), mode="FAST_COMPILE", on_unused_input="ignore")(*arrays)
    half = want.dtype == np.float16
    assert found.dtype == (np.dtype(np.float32) if half else want.dtype)
    assert found.shape == want.shape
    if want.dtype.kind == "f":
        rtol = 2e-3 if half else 1e-6 if want.dtype.itemsize == 4 else 1e-13
        assert_allclose(found, want, rtol=rtol, atol=rtol)
    else:
        assert_array_equal(found, want)
    return want


OPERATORS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "max": np.maximum,
    "min": np.minimum,
}
NUMBERS = [True, 2, -1, 0, 2.5, 2.0, 300, np.bool_(True), np.int8(3), np.int64(3), np.uint8(3),
           np.float32(2.5), np.float64(2.5), np.float64(2)]  # fmt: skip


@pytest.mark.parametrize("dtype", SUPPORTED)
@pytest.mark.parametrize("name", OPERATORS)
def test_4_1_numbers_beside_arrays(name, dtype):
    values = np.array([0, 1, 1, 3]).astype(dtype)
    for number in NUMBERS:
        compare(lambda x, c=number: OPERATORS[name](x, c), values)
        compare(lambda x, c=number: OPERATORS[name](c, x), values)


@pytest.mark.parametrize("dtype", SUPPORTED)
def test_4_1_powers(dtype):
    values = np.array([0, 1, 1, 3]).astype(dtype)
    for number in [1, 3, 2.5, np.int8(3), np.float32(2.5), -1, -2.0]:
        compare(lambda x, c=number: x**c, values)
    for other in SUPPORTED:
        compare(lambda x, y: x**y, values, np.array([1, 0, 2, 1]).astype(other))


@pytest.mark.parametrize("dtype", SUPPORTED)
@pytest.mark.parametrize(
    "name",
    "negative positive absolute sign sqrt exp log expm1 log1p sin cos tanh sinh cosh fabs "
    "logical_not sum mean max min argmax argmin".split(),
)
def test_4_1_functions_of_one(name, dtype):
    compare(getattr(np, name), np.array([0, 1, 1, 3]).astype(dtype))


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "dot", "outer", "matmul", "where"])
def test_4_1_functions_of_two(name):
    meaning = {"where": lambda x, y: np.where(x, x, y)}.get(name, getattr(np, name))
    for left, right in itertools.product(SUPPORTED, repeat=2):
        if left == right == "bool" and name in ("dot", "outer", "matmul"):
            continue  # sums of booleans are refused
        compare(meaning, np.array([0, 1, 1, 3]).astype(left), np.array([1, 0, 2, 1]).astype(right))


def test_comparisons_with_numbers_beyond_the_dtype():
    for target in ("numpy", "c"):
        for dtype, number in [("uint8", -1), ("int8", 300), ("uint16", 2**40), ("int32", -(2**40))]:
            x = cf.vector("x", dtype=dtype)
            values = np.array([0, 1, 100], dtype)
            found = cf.function([x], [x < number, x >= number, cf.eq(x, number)], target=target)
            for a, b in zip(
                found(values), [values < number, values >= number, values == number], strict=True
            ):
                assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "float32"])
@pytest.mark.parametrize("target", ["int64", "float32", "float64", "int32", "uint8"])
def test_dtypes_of_sums_and_means(dtype, target):
    values = np.array([[1, 2], [3, 100]]).astype(dtype)
    for axis in (None, 0, -1):
        compare(lambda x, axis=axis: x.sum(axis, dtype=target), values)
        compare(lambda x, axis=axis: x.mean(axis, dtype=target), values)


SHAPES = {"A": A, "B": B, "C": C, "D": D, "v": V, "S": S, "row": A[:1], "batch": C[:1],
"one": V[:1],
          "v3": V[:3], "D1": D[:1], "stack": DRAWN.normal(size=(2, 1, 4, 3))}  # fmt: skip


@pytest.mark.parametrize("name", ["dot", "matmul", "outer", "add"])
@pytest.mark.parametrize("known", [True, False])
def test_shapes_of_products_and_sums(name, known):
    for a, b in itertools.product(SHAPES.values(), repeat=2):
        declared = [tuple(d if known or d == 1 else None for d in x.shape) for x in (a, b)]
        try:
            getattr(np, name)(a, b)
        except ValueError:
            if not known:
                continue  # found at the call
        compare(getattr(np, name), a, b, declared=declared)


@pytest.mark.parametrize(
    "subscripts, operands",
    [
        ("ij->ji", [A]), ("ii", [S]), ("ii->i", [S]), ("ij,jk", [A, B]), ("ij,jk->k", [A, B]),
        ("ij,ij->", [A, A]), ("i,i", [V, V]), ("i,j", [V, V]), ("bij,bjk->bik", [C, D]),
        ("ij->", [A]), ("ij->j", [A]), (" i j , j k -> i k ", [A, B]), ("ij,j->ij", [A, V]),
        ("ji", [A]), ("Ab,bC", [A, B]), (",ij", [ZERO_D, A]), ("i,i,i->i", [V, V, V]),
        ("iij->j", [DRAWN.normal(size=(3, 3, 2))]), ("ij,jk", [A, A]), ("ij->ik", [A]),
        ("ij->ii", [A]), ("ijk", [A]), ("i1", [A]), ("ij->i->j", [A]),
    ],
    ids=str,
)  # fmt: skip
def test_einsum(subscripts, operands):
    compare(lambda *xs: np.einsum(subscripts, *xs), *operands)


@pytest.mark.parametrize("axis", [None, 0, 1, -1, -3, (0, 1), (0, -1), (), (0, 0), 3, -4, 1.0])
@pytest.mark.parametrize("keepdims", [False, True])
def test_axes(axis, keepdims):
    for name in ("sum", "mean", "max", "min"):
        compare(lambda x, f=name: getattr(np, f)(x, axis=axis, keepdims=keepdims), C)
        compare(lambda x, f=name: getattr(x, f)(axis=axis, keepdims=keepdims), C)
    for name in ("argmax", "argmin"):
        compare(lambda x, f=name: getattr(np, f)(x, axis=axis, keepdims=keepdims), C)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (-1, 0, 1), (0, 1), (0, 0, 1), None])
def test_transposes(axes):
    compare(lambda x: np.transpose(x, axes), C)
    compare(lambda x: x.transpose(axes), C)


def test_scalars_have_no_axes():
    for name in ("sum", "mean", "max", "min", "argmax"):
        compare(getattr(np, name), ZERO_D)
        compare(lambda x, f=name: getattr(x, f)(axis=None, keepdims=True), ZERO_D)
    with pytest.raises(cf.ShapeError, match="fix: give no axis"):
        cf.scalar("x").sum(0)


def test_logsumexp_of_nothing_is_minus_infinity():
    x = cf.tensor("x", (2, 0))
    found = cf.function([x], cf.logsumexp(x, 1), mode="FAST_COMPILE")(np.zeros((2, 0)))
    assert_array_equal(found, [-np.inf, -np.inf])


def test_numpy_scalars_and_arrays_on_the_left():
    for left in (np.float64(2), np.float32(2.5), np.arange(4.0), np.arange(4, dtype="float32")):
        for op in OPERATORS.values():
            compare(lambda x, c=left, op=op: op(c, x), V)
    x = cf.vector("x")
    assert cf.pp(np.float64(2) * x) == cf.pp(2 * x)
    assert cf.pp(np.add(2, x)) == cf.pp(2 + x)


X = cf.matrix("X", shape=("n", 3))
Y = cf.matrix("Y", shape=("m", 3))
I, T = cf.ivector("i"), cf.vector("t", dtype="bool")
x = cf.vector("x")
WRONG = {
    "shapes": lambda: X + Y,
    "shapes by NumPy": lambda: np.add(X, Y),
    "an array": lambda: np.zeros((5, 7)) + X,
    "axis": lambda: np.sum(X, axis=5),
    "np.fft": lambda: np.fft.fft(X),
    "a method of a ufunc": lambda: np.add.reduce(X),
    "out": lambda: np.exp(X, out=np.zeros(3)),
    "out of a function": lambda: np.mean(X, out=np.zeros(3)),
    "where of a function": lambda: np.sum(X, where=True),
    "initial": lambda: np.sum(X, initial=3),
    "an order": lambda: np.reshape(X, (-1,), order="F"),
    "np.where of one": lambda: np.where(X > 0),
    "a list of tensors": lambda: np.max([X, X]),
    "tensors in a list": lambda: X + [cf.scalar(), 1, 2],
    "== number": lambda: X == 1,
    "number ==": lambda: 1 == X,  # noqa: SIM300
    "array ==": lambda: np.zeros(3) == X,
    "!=": lambda: X != 1,
    "float": lambda: float(x),
    "int": lambda: int(x),
    "bool": lambda: bool(X),
    "index": lambda: [1, 2][X],
    "iteration": lambda: list(X),
    "len": lambda: len(X),
    "in": lambda: 3 in X,
    "np.array": lambda: np.array(X),
    "complex number": lambda: X + 1j,
    "complex array": lambda: X * np.zeros(3, complex),
    "text": lambda: X + "a",
    "None": lambda: X + None,
    "object": lambda: X + object(),
    "objects": lambda: X + np.array([None, 1, 2]),
    "texts": lambda: X + np.array(["a"]),
    "ragged": lambda: X + [[1], [1, 2]],
    "free symbol": lambda: X + sympy.Symbol("q"),
    "shift": lambda: X << 2,
    "bits": lambda: X & 3,
    "gcd": lambda: cf.gcd(X, 2),
    "& of floats": lambda: X & X,
    "~ of floats": lambda: ~X,
    "- of booleans": lambda: -T,
    "+ of booleans": lambda: +T,
    "difference of booleans": lambda: T - True,
    "sign of booleans": lambda: cf.sign(T),
    "product of booleans": lambda: T @ T,
    "sum of booleans as such": lambda: T.sum(dtype=bool),
    "integer power": lambda: I**-1,
    "a number beyond the dtype": lambda: cf.bvector("k") + 300,
    "a number beyond every dtype": lambda: cf.as_tensor(2**70),
    "branches beyond the dtype": lambda: cf.where(T, cf.bvector("k"), 300),
    "argmax along two axes": lambda: X.argmax((0, 1)),
    "axis as text": lambda: X.sum("a"),
    "axis as a tensor": lambda: X.sum(I),
    "flatten to none": lambda: X.flatten(0),
    "flatten to more": lambda: X.flatten(5),
    "flatten in an order": lambda: X.flatten("C"),
    "transpose": lambda: X.transpose(0),
    "dimshuffle that drops": lambda: X.dimshuffle(0),
    "dimshuffle negative": lambda: X.dimshuffle(-1, 0),
    "dimshuffle as text": lambda: X.dimshuffle("y", 0, 1),
    "astype": lambda: X.astype("foo"),
    "astype complex": lambda: X.astype(complex),
    "astype half": lambda: X.astype("float16"),
    "cast": lambda: cf.cast(X, object()),
    "name": lambda: setattr(X, "name", 3),
    "no name": lambda: setattr(X, "name", " "),
    "matmul of a scalar": lambda: X @ 2,
    "einsum of no text": lambda: cf.einsum(3, X),
    "einsum of nothing": lambda: cf.einsum("ij"),
    "trace of a vector": lambda: cf.trace(x),
    "max of nothing": lambda: cf.as_tensor(np.zeros((0, 3))).max(0),
    "softmax": lambda: cf.softmax(X, axis=5),
    "where": lambda: cf.where("a", X, X),
    "exp": lambda: cf.exp("a"),
    "zeros_like": lambda: cf.zeros_like("a"),
    "as_tensor": lambda: cf.as_tensor(object()),
    "vector name": lambda: cf.vector(3),
    "vector dtype": lambda: cf.vector("x", dtype="foo"),
    "vector shape": lambda: cf.vector("x", shape=(1, 2)),
    "negative extent": lambda: cf.vector("x", shape=-3),
    "fractional extent": lambda: cf.vector("x", shape=1.5),
    "object as shape": lambda: cf.vector("x", shape=object()),
    "tensor as extent": lambda: cf.tensor("x", (X,)),
    "row that is none": lambda: cf.row("r", shape=(2, 3)),
    "assumption": lambda: cf.vector("x", assume="foo"),
    "assumption as number": lambda: cf.vector("x", assume=3),
    "negative count": lambda: cf.vectors(-1),
    "fractional count": lambda: cf.vectors(1.5),
    "floatX": lambda: setattr(cf.config, "floatX", "float16"),
    "target": lambda: setattr(cf.config, "target", "tpu"),
    "vector cost": lambda: cf.grad(X, X),
    "number as cost": lambda: cf.grad(3.0, X),
    "number as variable": lambda: cf.grad(X.sum(), 3),
    "integer variable": lambda: cf.grad((I * 1.0).sum(), I),
    "integer cost": lambda: cf.grad(I.sum(), I),
    "disconnected": lambda: cf.grad(X.sum(), Y),
    "disconnected_inputs": lambda: cf.grad(X.sum(), X, disconnected_inputs="x"),
    "held number": lambda: cf.grad(X.sum(), X, consider_constant=[3]),
    "held object": lambda: cf.grad(X.sum(), X, consider_constant=object()),
    "jacobian": lambda: cf.jacobian(X, None),
    "hessian": lambda: cf.hessian(X, X),
    "hessian of a symbol": lambda: cf.hessian(sympy.Symbol("x"), X),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_an_error_with_three_parts_at_the_users_line(name):
    with pytest.raises(cf.ClosedformError) as info:
        WRONG[name]()
    error = info.value
    assert "test_tensor.py:" in error.where
    assert error.found and error.fix
    assert str(error) == f"{error.found}\n  where: {error.where}\n  fix: {error.fix}"


CONSTRUCTORS = [n for n in dir(cf) if n in cf._CONSTRUCTORS]
FUNCTIONS = [
    n for n in dir(cf)
    if callable(getattr(cf, n)) and getattr(getattr(cf, n), "__module__", "").endswith(
        (".functions", ".products", ".gradient"))
]  # fmt: skip


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_every_constructor_refuses_what_is_no_name(name):
    with pytest.raises(cf.ClosedformError):
        getattr(cf, name)(b"x")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_refuses_what_is_no_tensor(name):
    function = getattr(cf, name)
    for value in (None, "a", object(), {}, 1j):
        for count in (1, 2, 3):
            try:
                with pytest.raises(cf.ClosedformError):
                    function(*[value] * count)
            except TypeError as error:
                assert "argument" in str(error), error  # another number of arguments
