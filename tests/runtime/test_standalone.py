"""`derive --emit numpy`: files that run without closedform, and check themselves."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
import scipy.special

from closedform.emit.numpy_definitions import DEFINITIONS
from closedform.runtime import doctor

ALONE = """
import sys, runpy
sys.modules["closedform"] = None
runpy.run_path(sys.argv[1], {}, "__main__")
"""
LOSS = ["sum(log(1+exp(-y*(X@w))))", "--shape", "X=n,d", "--shape", "w=d", "--shape", "y=n"]
FILES = [
    [*LOSS, "--wrt", "w", "--hessian"],
    [*LOSS, "--wrt", "w", "--wrt", "X"],
    ["norm(X@w - y)**2/2 + lam*w.T@w", *LOSS[1:], "--wrt", "w", "--wrt", "lam"],
    ["-sum(Y*log(softmax(X@W, axis=1)))/3", "--wrt", "W", "--shape", "X=n,d", "--shape", "W=d,k",
     "--shape", "Y=n,k"],
    ["logsumexp(x) - mean(x)", "--wrt", "x", "--shape", "x=5", "--hessian"],
    ["log(det(A)) + trace(inv(A)@B)", "--wrt", "A", "--shape", "A=n,n", "--shape", "B=n,n"],
    ["sum(maximum(x, 0)*sqrt(z)) + sum(x[1:]*x[:-1])", "--wrt", "x", "--wrt", "z", "--shape", "x=n",
     "--shape", "z=n"],
    ["tanh(a*x)", "--wrt", "x", "--shape", "x=n"],
    ["sum(cumsum(x)**2) + sum(w*exp(1.0*(x > 0)))", "--wrt", "x", "--wrt", "w", "--shape", "x=n",
     "--shape", "w=n"],
    ["sum(sin(x)*cos(x)) + mean(abs(x))", "--wrt", "x", "--shape", "x=eye"],
    ["sum(solve(cholesky(A), b)**2)", "--wrt", "A", "--wrt", "b", "--shape", "A=n,n", "--shape",
     "b=n"],
    ["2*z", "--wrt", "z"],
    ["trace(P.T @ kron(eye(2), ones((3, 3))) @ P)", "--wrt", "P", "--shape", "P=m,n"],
    ["-sum(Y*log(softmax(tanh(X@V)@W, axis=1)))", "--wrt", "V", "--wrt", "W", "--shape", "X=n,d",
     "--shape", "V=d,h", "--shape", "W=h,k", "--shape", "Y=n,k"],
    ["sum(linear_recurrence(a, b)**2)", "--wrt", "a", "--wrt", "b", "--shape", "a=k,n", "--shape",
     "b=k,n"],
]  # fmt: skip


def written(words, path) -> str:
    assert doctor.main(["derive", *words, "--emit", "numpy", "--output", str(path)]) == 0
    return path.read_text()


def run(path):
    command = [sys.executable, "-I", "-c", ALONE, str(path)]
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True)


@pytest.mark.parametrize("words", FILES, ids=lambda words: words[0])
def test_a_file_stands_alone_and_checks_itself(words, tmp_path) -> None:
    text = written(words, tmp_path / "made.py")
    assert text.startswith(f"# {words[0]}\n")
    assert max(map(len, text.splitlines())) <= 100
    done = run(tmp_path / "made.py")
    assert done.returncode == 0, done.stdout + done.stderr
    derivatives = words.count("--wrt") + words.count("--hessian")
    assert done.stdout.count(" agrees with central differences") == derivatives


def test_a_wrong_derivative_is_found(tmp_path) -> None:
    path = tmp_path / "made.py"
    text = written([*LOSS, "--wrt", "w"], path)
    path.write_text(text.replace("return -X.T", "return X.T"))
    assert path.read_text() != text
    done = run(path)
    assert done.returncode == 1 and "gradient DISAGREES" in done.stdout


def test_functions_compute_and_check_shapes(tmp_path) -> None:
    space: dict = {"__name__": "made"}
    exec(written([*LOSS, "--wrt", "w"], tmp_path / "made.py"), space)  # noqa: S102 (made here)
    rng = np.random.default_rng(1)
    X, w, y = rng.normal(size=(5, 2)), rng.normal(size=2), rng.choice([-1, 1], 5)
    given = {"X": X, "w": w, "y": y}
    margins = -y * (X @ w)
    np.testing.assert_allclose(space["cost"](**given), np.log1p(np.exp(margins)).sum(), rtol=1e-12)
    wanted = -X.T @ (y * scipy.special.expit(margins))
    np.testing.assert_allclose(space["gradient"](**given), wanted, rtol=1e-12)
    with pytest.raises(ValueError, match=r"w has shape \(3,\): axis 0 must be d = 2"):
        space["gradient"](X=X, w=np.ones(3), y=y)
    with pytest.raises(ValueError, match=r"X has shape \(5,\): it must have 2 axes"):
        space["cost"](X=y, w=w, y=y)


def test_the_file_goes_to_the_output_by_default(tmp_path, capsys) -> None:
    assert doctor.main(["derive", *LOSS, "--wrt", "w", "--emit", "numpy"]) == 0
    assert capsys.readouterr().out == written([*LOSS, "--wrt", "w"], tmp_path / "made.py")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sum(erf(x))", "--emit", "numpy"], "erf is no function of NumPy"),
        (["trace(expm(outer(x, x)))", "--emit", "numpy"], "expm"),
        (["x*checked", "--emit", "numpy"], "'checked' would have two meanings"),
        (["sum(x)", "--shape", "x=x", "--emit", "numpy"], "'x' would have two meanings"),
        (["x*\N{GREEK SMALL LETTER LAMDA}", "--emit", "numpy"], "no plain name"),
        (["sum(x)", "--emit", "numpy", "--latex"], "--emit with --latex"),
        (["sum(x)", "--output", "f.py"], "--output without --emit"),
        (["sum(x)", "--emit", "numpy", "--output", "no/such/folder/f.py"], "cannot be written"),
    ],
)
def test_what_cannot_stand_alone_is_refused(words, says, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    shape = [] if "--shape" in words else ["--shape", "x=n"]
    assert doctor.main(["derive", *words, *shape, "--wrt", "x"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and says in printed.err
    assert "  where: " in printed.err and "  fix: " in printed.err
    assert not list(tmp_path.iterdir())


def _norm(x, axis=None):
    return np.linalg.norm(np.ravel(x)) if axis is None else np.linalg.norm(x, axis=axis)


def _recurrence(a, b):
    return np.linalg.solve(np.eye(len(a)) - np.diag(a[1:], -1), b)


REFERENCES = {
    "linear_recurrence": _recurrence,
    "sigmoid": scipy.special.expit,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "logdet": lambda a: np.log(np.linalg.det(a)),
    "logcosh": lambda x: np.log(np.cosh(x)),
    "relu": lambda x: x * (x > 0),
    "one_hot": lambda k, n: np.eye(n)[k],
    "argsort": lambda x: np.array(sorted(range(len(x)), key=lambda i: x[i])),
    "solve_triangular": scipy.linalg.solve_triangular,
    "norm": _norm,
}
SIGNED = np.linspace(-4, 5, 12)
PAIRS = [a.ravel() for a in np.meshgrid([-0.5, 0, 0.3, 2], [-0.4, 0, 0.7, 3])]
ARGUMENTS = {
    "linear_recurrence": [(SIGNED, SIGNED[::-1])],
    "logit": [(np.linspace(0.01, 0.99, 9),)],
    "xlogy": [PAIRS],
    "xlog1py": [PAIRS],
    "rel_entr": [PAIRS],
    "one_hot": [(np.array([2, 0, 1]), 4)],
    "argsort": [(np.array([2.0, 1, 2, 1, 0]),)],
    "logdet": [(np.array([[3.0, 1], [1, 2]]),), (np.array([[1.0, 3], [2, 1]]),)],
    "solve_triangular": [(np.arange(9.0).reshape(3, 3) + np.eye(3), np.arange(3.0))],
}


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_definitions_mean_what_scipy_means(name) -> None:
    space: dict = {"np": np}
    exec(DEFINITIONS[name], space)  # noqa: S102 (our own table)
    reference = REFERENCES.get(name) or getattr(scipy.special, name)
    with np.errstate(all="ignore"):
        for given in ARGUMENTS.get(name, [(SIGNED,)]):
            found, wanted = space[name](*given), reference(*given)
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "norm"])
def test_definitions_along_an_axis(name) -> None:
    space: dict = {"np": np}
    exec(DEFINITIONS[name], space)  # noqa: S102 (our own table)
    x = SIGNED.reshape(3, 4) * 100
    reference = REFERENCES.get(name) or getattr(scipy.special, name)
    np.testing.assert_allclose(space[name](x, axis=1), reference(x, axis=1), rtol=1e-12)


@pytest.mark.parametrize(("lower", "unit"), [(True, False), (False, True), (True, True)])
def test_triangular_systems_read_one_triangle(lower, unit) -> None:
    space: dict = {"np": np}
    exec(DEFINITIONS["solve_triangular"], space)  # noqa: S102 (our own table)
    a, b = np.arange(9.0).reshape(3, 3) + np.eye(3), np.eye(3)
    wanted = scipy.linalg.solve_triangular(a, b, lower=lower, unit_diagonal=unit)
    found = space["solve_triangular"](a, b, lower=lower, unit_diagonal=unit)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)
