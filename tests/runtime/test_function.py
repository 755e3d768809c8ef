"""`function` and what it returns: signature, calls, specialisation, updates, modes, pickling."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.acceptance.targets import every_target

import closedform as cf
from closedform.runtime.debug import DebugWarning

RNG = np.random.default_rng(0)


# ---------------------------------------------------------------- outputs


@every_target
def test_9_7_outputs_keep_their_structure(options):
    x = cf.vector("x")
    one = cf.function([x], x.sum(), **options)([1, 2])
    assert_array_equal(one, np.array(3.0), strict=True)
    several = cf.function([x], (x + 1, 2 * x), **options)([1, 2])
    assert isinstance(several, list)
    assert_array_equal(several, [[2, 3], [2, 4]])
    named = cf.function([x], {"b": x + 1, "a": x.sum()}, **options)([1, 2])
    assert list(named) == ["b", "a"]
    assert_array_equal(named["b"], [2, 3])
    assert cf.function([x], on_unused_input="ignore", **options)([1.0]) is None
    assert cf.function([], [], **options)() == []
    assert_array_equal(cf.function([], 3.5, **options)(), 3.5)


@every_target
def test_an_output_may_be_an_input_and_is_a_copy(options):
    x = cf.vector("x")
    values = np.arange(4.0)
    found = cf.function([x], [x, x], **options)(values)
    assert_array_equal(found, [values, values])
    assert not any(np.shares_memory(a, b) for a, b in [(found[0], values), (found[0], found[1])])


@every_target
def test_out(options):
    x = cf.vector("x")
    f = cf.function([x], [x + 1, x.sum()], **options)
    values = np.arange(4.0)
    held, total = np.zeros(4), np.zeros(())
    found = f(values, out=[held, total])
    assert found[0] is held and found[1] is total
    assert_array_equal(held, values + 1)
    assert total == 6
    g = cf.function([x], x + 1, **options)
    assert g(values, out=values) is values  # an output in the memory of an input, asked for
    assert_array_equal(values, np.arange(4.0) + 1)
    assert_array_equal(g([1, 2], out=held[1:3]), [2, 3])
    for bad in (np.zeros(3), np.zeros(4, "float32"), "no", [held, held]):
        with pytest.raises(cf.CallError, match="out="):
            g(values, out=bad)


# ---------------------------------------------------------------- inputs


@every_target
def test_keywords_and_defaults(options):
    x, y = cf.scalars("x", "y")
    f = cf.function([x, cf.In(y, value=10.0, name="step")], x - y, **options)
    assert f(1.0) == -9
    assert f(1.0, 2) == f(1.0, step=2) == f(step=2, x=1) == -1


@pytest.mark.parametrize("size", [7, 20000])
@every_target
def test_4_3_any_storage(options, size):
    X = cf.matrix("X")
    f = cf.function([X], [2 * X, X.sum(0)], **options)
    base = RNG.normal(size=(size, 6)).astype("float32").astype(float)
    want = [2 * base, base.sum(0)]
    forms = {
        "C": base,
        "Fortran": np.asfortranarray(base),
        "negative": base[::-1, ::-1].copy()[::-1, ::-1],
        "strided": np.repeat(base, 2, axis=1)[:, ::2],
        "swapped": base.astype(">f8"),
        "float32": base.astype("float32"),
        "list": base.tolist(),
        "read-only": base.copy(),
        "unaligned": _unaligned(base),
    }
    forms["read-only"].flags.writeable = False
    for name, value in forms.items():
        for _ in range(2):
            doubled, total = f(value)
            assert_allclose(doubled, want[0], rtol=1e-15, err_msg=name)
            assert_allclose(total, want[1], rtol=1e-10, atol=1e-10, err_msg=name)


def _unaligned(a):
    buffer = np.zeros(a.nbytes + 1, np.uint8)
    result = np.frombuffer(buffer[1:].data, dtype=a.dtype).reshape(a.shape)
    assert not result.flags.aligned
    result[...] = a
    return result


@every_target
def test_numbers_adapt_to_the_input(options):
    x, k = cf.vector("x", dtype="float32"), cf.scalar("k", dtype="int8")
    f = cf.function([x, k], x * k, **options)
    assert f([0.1, 2], 3).dtype == np.float32
    assert_array_equal(f([0.1, 2], 3), np.array([0.1, 2], "float32") * np.int8(3))
    assert_array_equal(f(np.array([1, 2], "int8"), np.int8(2)), [2, 4])
    assert_array_equal(f([], 2), [])
    wide = np.array([0.1])
    with pytest.raises(cf.CallError, match="'x' has dtype float32, and the array float64"):
        f(wide, 1)
    g = cf.function([x, k], x * k, allow_input_downcast=True, **options)
    assert_array_equal(g(wide, 2.9), wide.astype("float32") * 2)
    strict = cf.function([x, k], x * k, allow_input_downcast=False, **options)
    assert_array_equal(strict([0.5], 1), [0.5])
    with pytest.raises(cf.CallError, match="cannot hold 0.1"):
        strict([0.1], 1)
    with pytest.raises(cf.CallError, match="cannot hold 300"):
        f([1.0], 300)
    with pytest.raises(cf.CallError, match="dtype int8"):
        f([1.0], 1.5)


def test_9_6_specialisations_are_bounded():
    args = [cf.matrix(name, shape=("n", "m")) for name in "abcd"]
    f = cf.function(args, args[0] + args[1] * args[2] - args[3], target="c")
    wide = [RNG.normal(size=(200, 100)) for _ in args]
    want = wide[0] + wide[1] * wide[2] - wide[3]
    for mask in range(16):
        values = [np.asfortranarray(a) if mask >> k & 1 else a for k, a in enumerate(wide)]
        assert_allclose(f(*values), want, rtol=1e-14, atol=1e-14)
    assert len(f._special) == 8
    assert f.explain().count("kernel for") == 8


# ---------------------------------------------------------------- updates and givens


@every_target
def test_9_2_updates_read_old_values(options):
    a, b = cf.shared(1.0, "a"), cf.shared(2.0, "b")
    swap = cf.function([], [a, b], updates={a: b, b: a}, **options)
    assert swap() == [1, 2]
    assert swap() == [2, 1]
    assert (a.get_value(), b.get_value()) == (1, 2)
    fibonacci = cf.function([], updates=[(a, b), (b, a + b)], **options)
    for _ in range(8):
        fibonacci()
    assert (a.get_value(), b.get_value()) == (55, 89)


@every_target
def test_9_2_a_failing_call_updates_nothing(options):
    s, x, y = cf.shared(np.zeros(3), "s"), cf.vector("x", shape="n"), cf.vector("y", shape="n")
    f = cf.function([x, y], (x * y).sum(), updates=[(s, s + 1)], **options)
    with pytest.raises(cf.CallError):
        f([1, 2], [1, 2, 3])
    assert_array_equal(s.get_value(), np.zeros(3))
    f([1], [1])
    assert_array_equal(s.get_value(), np.ones(3))


@every_target
def test_4_1_weak_results_take_the_dtype_of_the_shared_variable(options):
    w = cf.shared(np.ones(2, "float32"), "w")
    x = cf.vector("x", dtype="float32")
    cf.function([x], updates=[(w, w - 0.1 * x)], **options)(np.ones(2, "float32"))
    assert w.get_value().dtype == np.float32
    assert_allclose(w.get_value(), [0.9, 0.9], rtol=1e-6)
    cf.function([], updates={w: w * 0 + 3}, **options)()
    assert_array_equal(w.get_value(), [3, 3])


@every_target
def test_givens(options):
    x, y = cf.vectors("x", "y")
    inner = x**2
    z = cf.exp(inner) + x
    values = np.array([0.1, 0.2])
    f = cf.function([x, y], z, givens={inner: y}, **options)
    assert_allclose(f(values, [1, 2]), np.exp([1, 2]) + values)
    g = cf.function([y], z, givens=[(x, 2 * y)], **options)
    assert_allclose(g(values), np.exp(4 * values**2) + 2 * values)
    h = cf.function([], z, givens={x: values}, **options)
    assert_allclose(h(), np.exp(values**2) + values)
    s = cf.shared(values, "s")
    assert_allclose(cf.function([], z, givens={x: s}, **options)(), h())


@every_target
def test_1_2_givens_come_after_the_derivative_is_defined(options):
    """The derivative is by the replaced expression, also if its replacement occurs elsewhere."""
    x = cf.scalar("x")
    p = cf.exp(x)
    slope = cf.grad(p * x, p)
    assert_allclose(cf.function([x], slope, givens={p: x}, **options)(3.0), 3.0)


@every_target
def test_1_1_equal_lines_are_two_nodes(options):
    x, y = cf.scalars("x", "y")
    a = cf.exp(x)
    b = cf.exp(x)
    f = cf.function([x, y], a + 10 * b, givens={a: y}, **options)
    assert_allclose(f(0.0, 5.0), 15)
    slope = cf.function([x], cf.grad(a * b, a), **options)
    assert_allclose(slope(1.0), np.e)
    held = cf.function([x], cf.grad(a * b, x, consider_constant=[a]), **options)
    assert_allclose(held(1.0), np.e**2)


# ---------------------------------------------------------------- shapes


@every_target
def test_5_1_extents_come_from_equalities(options):
    X, w = cf.matrix("X", shape=("n", "d")), cf.shared(np.arange(3.0), "w")
    f = cf.function([X], X @ w, **options)
    a = RNG.normal(size=(5, 3))
    assert_allclose(f(a), a @ np.arange(3.0), rtol=1e-14)
    w.set_value(np.arange(4.0))
    b = RNG.normal(size=(5, 4))
    assert_allclose(f(b), b @ np.arange(4.0), rtol=1e-14)
    with pytest.raises(cf.CallError, match="axis 0 of 'w' has extent 4, but axis 1 of 'X' has ext"):
        f(a)


@every_target
def test_5_4_slices_of_unknown_extents(options):
    x, y = cf.vectors("x", "y")
    f = cf.function([x, y], x[1:] - x[:-1] + y, **options)
    for size in (2, 3, 9):
        a, b = RNG.normal(size=size), RNG.normal(size=size - 1)
        assert_allclose(f(a, b), np.diff(a) + b, rtol=1e-14)
    with pytest.raises(cf.ShapeError):
        f(np.ones(5), np.ones(5))
    assert_array_equal(f([1.0], np.zeros(0)), np.zeros(0))


@every_target
def test_5_3_zero_extents(options):
    X, y = cf.matrix("X", shape=("n", "d")), cf.vector("y", shape="n")
    f = cf.function([X, y], [X.T @ y, y.mean(), y * 2], **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        product, mean, twice = f(np.zeros((0, 3)), np.zeros(0))
    assert_array_equal(product, np.zeros(3))
    assert np.isnan(mean) and twice.shape == (0,)
    found = f(np.ones((2, 3)), [1.0, 2.0])
    assert_array_equal(found[0], [3, 3, 3])


# ---------------------------------------------------------------- modes and facts


def test_5_zero_extents_after_a_compiled_call_start_no_kernel():
    x = cf.vector("x")
    f = cf.function([x], x.sum())
    assert f(np.ones(3)) == 3
    assert f(np.ones(0)) == 0


def test_3_4_debug_mode_reports_what_became_finite():
    x, y = cf.vectors("x", "y", shape="n")
    f = cf.function([x, y], x * y / y, mode="DebugMode")
    assert_array_equal(f([1, 2], [3, 4]), [1, 2])
    with pytest.warns(DebugWarning, match=r"nan at \(1,\)"):
        f([1, 2], [3, 0])


def test_3_5_debug_mode_checks_promises():
    x = cf.vector("x", assume="positive")
    f = cf.function([x], cf.log(x), mode="DebugMode")
    f([1.0])
    with pytest.raises(cf.CallError, match=r"'x' is declared positive, but -2.0 at \(1,\)"):
        f([1.0, -2.0])


HALF = np.full((2, 2), 0.5)
PROMISES = {
    "symmetric": (np.array([[1.0, 2], [2, 3]]), np.array([[1.0, 2], [0, 3]])),
    "psd": (np.array([[2.0, 1], [1, 2]]), np.array([[1.0, 2], [2, 1]])),
    "diagonal": (np.diag([1.0, 2]), HALF),
    "orthogonal": (np.array([[0.6, -0.8], [0.8, 0.6]]), HALF),
    "onehot": (np.eye(2), HALF),
    "simplex": (HALF, np.eye(2) * 2),
}


@pytest.mark.parametrize("name", sorted(PROMISES))
def test_3_5_debug_mode_checks_promises_about_matrices(name):
    A = cf.matrix("A", shape=("n", "n"), assume=name)
    f = cf.function([A], A.sum(), mode="DebugMode")
    holds, breaks = PROMISES[name]
    f(holds)
    with pytest.raises(cf.CallError, match="'A' is declared "):
        f(breaks)
    with pytest.raises(cf.ShapeError, match=name):
        cf.scalar("x", assume=name)


@every_target
def test_9_6_explain_and_source_before_and_after_a_call(options):
    X, w = cf.matrix("X"), cf.shared(np.ones(3), "w")
    f = cf.function([X], [X @ w], updates={w: 2 * w}, name="product", **options)
    for _ in range(2):
        text = f.explain()
        for piece in ("product", "'X'", "'w'", "output", "update", "passes"):
            assert piece in text
        assert f.source
        f(np.ones((2, 3)))
    if options.get("target") == "c":
        assert "closedform_program" in f.source
        assert "cache key" in f.explain()
    assert [t.name for t in f.inputs] == ["X"]
    assert [t.name for t in f.shared] == ["w"]
    assert "product" in repr(f)


def test_9_6_explain_takes_examples():
    X = cf.matrix("X")
    f = cf.function([X], X.sum(0))
    assert "kernel for float64 C:" in f.explain()
    assert "kernel for float64 F" in f.explain(np.zeros((100, 200)).T)
    assert "kernel for float32 C" in f.explain(np.zeros((200, 100), "float32"))


def test_4_1_promotions_are_named():
    x = cf.vector("x", dtype="float32")
    s = cf.shared(2.0, "scale")
    text = cf.function([x], x * s, target="numpy").explain()
    assert "promoted to float64 at" in text and "'scale'" in text and "test_function.py" in text
    assert "promoted" not in cf.function([x], x * 2.5, target="numpy").explain()


def test_eval():
    x, y = cf.scalars("x", "y")
    z = x + y
    assert z.eval({x: 1, y: 2}) == 3
    assert z.eval({y: 5, x: 1}) == 6
    assert (cf.shared(2.0) * 3).eval() == 6
    with pytest.raises(cf.CallError, match="dict from variables"):
        z.eval({"x": 1})
    with pytest.raises(cf.FunctionError, match="'y'"):
        z.eval({x: 1})


@every_target
def test_6_3_functions_pickle(options):
    x, s = cf.vector("x", shape="n"), cf.shared(np.ones(2), "s")
    f = cf.function([x], {"sum": x.sum()}, updates={s: s + 0.5 * x.sum()}, name="f", **options)
    g = cf.function([cf.In(x, value=[1.0])], (x * 2, s), **options)
    f([1.0])
    f2, g2, s2 = pickle.loads(pickle.dumps((f, g, s)))
    assert f2([2.0, 2.0])["sum"] == 4
    assert_array_equal(s2.get_value(), [3.5, 3.5])
    assert_array_equal(g2()[1], [3.5, 3.5])
    assert_array_equal(g2()[0], [2])
    assert_array_equal(s.get_value(), [1.5, 1.5])
    assert f2.name == "f"


def test_9_5_without_a_compiler_numpy_runs_and_says_so_once(monkeypatch):
    from closedform.runtime import function as module
    from closedform.runtime import toolchain

    def nothing():
        raise cf.CompileError("no C compiler was found", fix=toolchain.NO_COMPILER)

    monkeypatch.setattr(toolchain, "find", nothing)
    monkeypatch.setattr(module, "_warned", set())
    x = cf.vector("x")
    with pytest.warns(RuntimeWarning, match="no C compiler was found"):
        assert cf.function([x], x.sum())([1, 2]) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cf.function([x], 2 * x.sum())([1, 2]) == 6
    with pytest.raises(cf.CompileError, match="ziglang"):
        cf.function([x], 3 * x.sum(), target="c")([1, 2])


def test_config_target():
    x = cf.vector("x")
    cf.config.target = "numpy"
    try:
        assert cf.function([x], x.sum()).target == "numpy"
    finally:
        cf.config.target = "c"


# ---------------------------------------------------------------- arrays without elements


def test_5_3_an_input_without_elements_that_nothing_reads() -> None:
    x, y = cf.matrix("x", shape=(2, "n")), cf.vector("y")
    f = cf.function([x, y], x.shape[0] * y, on_unused_input="ignore")
    assert_array_equal(f(np.ones((2, 0)), [1.0, 2.0]), [2.0, 4.0])


def test_5_3_a_derivative_that_cuts_an_axis_to_nothing() -> None:
    x = cf.matrix("x", shape=("n", "d"))
    f = cf.function([x], cf.grad((cf.cumprod(x, 1) ** 2).sum(), x))
    assert_array_equal(f([[3.0], [4.0]]), [[6.0], [8.0]])
    assert_allclose(f([[3.0, 2.0]]), [[6 * (1 + 4), 9 * 4]])


def test_5_3_an_extent_that_is_twice_itself_is_zero() -> None:
    x = cf.matrix("x", shape=("n", "m"))
    y = cf.kron(x, x)
    f = cf.function([x], cf.maximum(y, cf.column_stack([y, y])))
    assert f(np.ones((3, 0))).shape == (9, 0)
    with pytest.raises(cf.ShapeError):
        f(np.ones((3, 2)))
