"""Files that `derive --emit` writes: written, compiled and called by tests."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from closedform.runtime import doctor

LOGISTIC = ["sum(log(1+exp(-y*(X@w))))", "--shape", "X=n,d", "--shape", "w=d", "--shape", "y=n"]
MODELS = {
    "logistic": [*LOGISTIC, "--wrt", "w", "--hessian"],
    "softmax": ["-sum(Y*log(softmax(X@W, axis=1)))/3", "--wrt", "W", "--shape", "X=n,d",
                "--shape", "W=d,k", "--shape", "Y=n,k"],
    "ridge": ["norm(X@w - y)**2/2 + lam*w.T@w", *LOGISTIC[1:], "--wrt", "w", "--wrt", "lam"],
    "mlp": ["-sum(Y*log(softmax(tanh(X@V)@W, axis=1)))", "--wrt", "V", "--wrt", "W", "--shape",
            "X=n,d", "--shape", "V=d,h", "--shape", "W=h,k", "--shape", "Y=n,k"],
}  # fmt: skip


def written(words: Sequence[str], path: Path, language: str) -> str:
    """The text of a file."""
    assert doctor.main(["derive", *words, "--emit", language, "--output", str(path)]) == 0
    return path.read_text()


def derivatives(words: Sequence[str]) -> int:
    """How many derivatives a file checks."""
    return words.count("--wrt") * (1 + words.count("--hessian"))


def functions(words: Sequence[str], folder: Path) -> dict:
    """What `--emit numpy` makes of the same words."""
    space: dict = {"__name__": "made"}
    exec(written(words, folder / "made.py", "numpy"), space)  # noqa: S102 (made here)
    return space


class Library:
    """The function of a compiled file, called with arrays; returns what is wrong, or ""."""

    def __init__(self, path: Path, rank: int) -> None:
        self.library = ctypes.CDLL(str(path))
        self.library.explain.restype = ctypes.c_char_p
        fields = [("data", ctypes.c_void_p), ("shape", ctypes.c_int64 * rank)]
        self.array = type("array", (ctypes.Structure,), {"_fields_": fields})
        self.rank = rank

    def __call__(self, *arguments: float | np.ndarray) -> str:
        status = self.library.evaluate(*map(self._argument, arguments))
        return self.library.explain(status).decode() if status else ""

    def _argument(self, a: float | np.ndarray) -> object:
        if isinstance(a, float):
            return ctypes.c_double(a)
        if a.ndim == 0:
            return ctypes.c_void_p(a.ctypes.data)
        data = a.ctypes.data if a.size else None
        return self.array(data, (ctypes.c_int64 * self.rank)(*a.shape))


def results(
    space: dict, sizes: dict[str, int]
) -> tuple[list[float | np.ndarray], list[np.ndarray]]:
    """Random inputs of a NumPy file, and what its functions give for them."""
    rng = np.random.default_rng(3)
    shapes = [tuple(sizes.get(e, e) for e in shape) for shape in space["SHAPES"].values()]
    given = [rng.uniform(0.02, 0.3, s) if s else 0.7 for s in shapes]
    names = ["cost", *(f.__name__ for f, _, _ in space["CHECKS"])]
    return given, [np.asarray(space[n](*given)) for n in names]


def assert_same(path: Path, given: list, wanted: list[np.ndarray]) -> None:
    """A compiled file gives what NumPy gives."""
    found = [np.full_like(w, np.nan) for w in wanted]
    rank = max(a.ndim for a in [*map(np.asarray, given), *wanted])
    assert Library(path, rank)(*given, *found) == ""
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * np.max(np.abs(b)))
