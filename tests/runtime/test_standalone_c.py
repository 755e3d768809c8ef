"""`derive --emit c`: files for a C compiler alone, which check themselves and can be called."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from tests import standalone
from tests.emitted import MODELS, Library, assert_same, derivatives, functions, results, written

from closedform.runtime import doctor, toolchain

SHARED = ("-O2", "-march=native", "-shared", "-fPIC", "-DNO_MAIN", "-DPANEL_BYTES=4096")
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-fopenmp-simd")
FILES = {
    **MODELS,
    "slices": ["sum(maximum(x, 0)*sqrt(z)) + sum(x[1:]*x[:-1])", "--wrt", "x", "--wrt", "z",
               "--shape", "x=n", "--shape", "z=n"],
    "positions": ["sum(sort(x)*y) + max(x)*x[2]", "--wrt", "x", "--shape", "x=n", "--shape", "y=n"],
    "matrices": ["log(det(A)**2) + b@solve(A, b) + sum(solve(cholesky(A@A.T + eye(m)), b)**2)"
                 " + trace(matrix_power(A, 5))", "--wrt", "A", "--shape", "A=m,m",
                 "--shape", "b=m"],
    "known": ["trace(P.T @ kron(eye(2), ones((3, 3))) @ P)", "--wrt", "P", "--shape", "P=m,n"],
    "gamma": ["sum(gammaln(x) + ive(1, x))", "--wrt", "x", "--shape", "x=n", "--hessian"],
    "jacobian": ["tanh(A@x)*cumsum(x)", "--wrt", "x", "--shape", "A=5,5", "--shape", "x=5"],
    "names": ["double*NULL**2 + M_PI*X_train*lam*cost # */", "--wrt", "double", "--hessian"],
}  # fmt: skip


def compiled(path, out, *flags):
    command = toolchain.find().command
    words = [*command, "-std=c11", *WARNINGS, *flags, str(path), "-o", str(out), "-lm"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def run(path, *flags):
    executable = compiled(path, path.with_suffix(".out"), *flags)
    return subprocess.run([str(executable)], capture_output=True, text=True)


@pytest.mark.parametrize("name", FILES)
def test_a_file_checks_itself_under_sanitizers(name, tmp_path) -> None:
    if reason := standalone.missing(standalone.ADDRESS, tmp_path):
        pytest.skip(reason)
    text = written(FILES[name], tmp_path / "made.c", "c")
    assert max(map(len, text.splitlines())) <= 100
    done = run(tmp_path / "made.c", "-O1", "-DPANEL_BYTES=1", *standalone.ADDRESS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" agrees with central differences") == derivatives(FILES[name])


def test_a_wrong_derivative_is_found(tmp_path) -> None:
    text = written(["sum(sin(x))", "--wrt", "x", "--shape", "x=n"], tmp_path / "made.c", "c")
    assert text.count("cos(v") == 1
    (tmp_path / "made.c").write_text(text.replace("cos(v", "sin(v"))
    done = run(tmp_path / "made.c", "-O1")
    assert done.returncode == 1 and "gradient DISAGREES" in done.stdout


def test_a_check_looks_for_slopes_that_can_be_seen(tmp_path) -> None:
    """Products of numbers around 0 vanish, those of numbers above 1 do not."""
    written(["prod(x)", "--shape", "x=n"], tmp_path / "made.c", "c")
    done = run(tmp_path / "made.c", "-O1")
    assert done.returncode == 0 and float(done.stdout.split(" of ")[1]) > 1


def test_values_that_are_no_numbers_check_nothing(tmp_path) -> None:
    written(["sum(sqrt(-exp(x)))", "--wrt", "x", "--shape", "x=n"], tmp_path / "made.c", "c")
    done = run(tmp_path / "made.c", "-O1")
    assert done.returncode == 1 and done.stdout.startswith("no check")


# ---------------------------------------------------------------- calling


def library(words, folder, rank) -> Library:
    written(words, folder / "made.c", "c")
    return Library(compiled(folder / "made.c", folder / "made.so", *SHARED), rank)


SIZES = {"m": 7, "n": 301, "d": 37, "k": 11, "h": 29}


@pytest.mark.parametrize(
    "name", ["logistic", "softmax", "ridge", "mlp", "slices", "jacobian", "matrices"]
)
def test_results_are_those_of_numpy(name, tmp_path) -> None:
    space = functions(FILES[name], tmp_path)
    given, wanted = results(space, SIZES)
    written(FILES[name], tmp_path / "made.c", "c")
    assert_same(compiled(tmp_path / "made.c", tmp_path / "made.so", *SHARED), given, wanted)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ""),
        ({"w": (4,)}, "w: axis 0 must be as long as axis 1 of X (d)"),
        ({"X": (6, 3)}, "X: axis 0 must be as long as axis 0 of y (n)"),
        ({"y": (0,)}, "y: its data is NULL"),
        ({"X": (5, 0), "w": (0,)}, "X: its data is NULL"),
        ({"gradient": (2,)}, "gradient: axis 0 must be as long as axis 1 of X (d)"),
        ({"hessian": (3, 4)}, "hessian: axis 1 must be as long as axis 1 of X (d)"),
    ],
)
def test_shapes_that_do_not_fit_are_a_status(changes, says, tmp_path_factory) -> None:
    folder = tmp_path_factory.getbasetemp() / "shapes"
    folder.mkdir(exist_ok=True)
    shapes = {"y": (5,), "X": (5, 3), "w": (3,), "cost": (), "gradient": (3,), "hessian": (3, 3)}
    arrays = {n: np.ones(changes.get(n, s)) for n, s in shapes.items()}
    assert library(FILES["logistic"], folder, 2)(*arrays.values()) == says
    untouched = all(np.all(arrays[n] == 1) for n in ("gradient", "hessian"))
    assert untouched == bool(says)


def test_a_slice_without_elements_is_a_status(tmp_path) -> None:
    f = library(["sum(x[3:]**2)", "--wrt", "x", "--shape", "x=n"], tmp_path, 1)
    cost = np.zeros(())
    assert f(np.ones(3), cost, np.ones(3)) == "a slice has no elements"
    assert f(np.ones(5), cost, np.ones(5)) == "" and cost == 2


def test_a_singular_matrix_is_a_status(tmp_path) -> None:
    f = library(["b@solve(A, b)", "--wrt", "b", "--shape", "A=n,n", "--shape", "b=n"], tmp_path, 2)
    A, b, cost = np.eye(3)[[1, 2, 0]], np.arange(3.0), np.zeros(())
    assert f(b, A, cost, np.zeros(3)) == "" and cost == b @ np.linalg.solve(A, b)
    assert "a matrix is singular" in f(b, np.ones((3, 3)), cost, np.zeros(3))


def test_the_determinant_of_a_singular_matrix_is_0(tmp_path) -> None:
    f = library(["det(A)*x", "--wrt", "x", "--shape", "A=3,3"], tmp_path, 2)
    cost, gradient = np.ones(()), np.ones(())
    assert f(np.arange(9.0).reshape(3, 3) - 4, 2.0, cost, gradient) == ""
    np.testing.assert_allclose([cost, gradient], 0, atol=1e-14)


def test_a_position_out_of_range_is_a_status(tmp_path) -> None:
    f = library(["sum(x[argmax(y)]*y)", "--wrt", "y", "--shape", "x=k", "--shape", "y=n"],
                tmp_path, 1)  # fmt: skip
    y = np.arange(4.0)
    assert f(np.ones(4), y, np.zeros(()), np.zeros(4)) == ""
    assert "out of range" in f(np.ones(3), y, np.zeros(()), np.zeros(4))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sum(eigvalsh(outer(x, x)))", "eigh calls LAPACK"),
        ("sum(erfinv(x))", "erfinv calls SciPy"),
    ],
)
def test_what_calls_a_library_is_refused(text, says, capsys) -> None:
    assert doctor.main(["derive", text, "--wrt", "x", "--shape", "x=n", "--emit", "c"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and f"--emit c: {says}" in printed.err
    assert "  where: " in printed.err and "  fix: " in printed.err


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_text_is_the_same_in_every_process(seed, tmp_path) -> None:
    command = [sys.executable, "-m", "closedform", "derive", *FILES["mlp"], "--emit", "c"]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout == written(FILES["mlp"], tmp_path / "made.c", "c")
