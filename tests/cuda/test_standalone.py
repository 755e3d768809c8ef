"""`derive --emit cuda`: the files as they are, for a processor, for NVRTC, and for nvcc if there is
one; and what they refuse."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests import standalone
from tests.emitted import MODELS, Library, assert_same, derivatives, functions, results, written

from closedform.emit.standalone_cuda import FACTS
from closedform.runtime import doctor, nvrtc

STUB = Path(__file__).parent / "stub"
SIZES = {"n": 43, "d": 37, "k": 18, "h": 17, "m": 7}
FILES = {
    **MODELS,
    "solve": ["log(det(A)) + b@solve(A, b)", "--wrt", "A", "--shape", "A=m,m", "--shape", "b=m"],
    "scans": ["sum(cumsum(x)*sort(x))", "--wrt", "x", "--shape", "x=n"],
}  # fmt: skip

needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="the emulation needs g++")


def planned(words, folder) -> str:
    """A file for the extents of SIZES that its words name."""
    names = set(re.findall(r"[a-z]", " ".join(re.findall(r"=([a-z,]+)", " ".join(words)))))
    sizes = [word for name in sorted(names) for word in ("--size", f"{name}={SIZES[name]}")]
    return written([*words, *sizes], folder / "made.cu", "cuda")


def built(folder, *flags) -> Path:
    """The file, compiled for a processor against the stub of the CUDA runtime."""
    out = folder / ("made.so" if "-shared" in flags else "made")
    words = ["g++", "-x", "c++", "-std=c++17", "-O1", "-w", "-ffp-contract=off", f"-I{STUB}"]
    words += [*flags, str(folder / "made.cu"), "-o", str(out)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def run(path, schedule=0):
    environment = {**os.environ, **standalone.OPTIONS, "SCHEDULE": str(schedule)}
    return subprocess.run([str(path)], capture_output=True, text=True, env=environment)


@needs_compiler
@pytest.mark.parametrize("name", FILES)
def test_a_file_checks_itself_under_two_schedules(name, tmp_path) -> None:
    text = planned(FILES[name], tmp_path)
    assert max(map(len, text.splitlines())) <= 100
    path = built(tmp_path)
    first, other = run(path), run(path, 4)
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stdout.count(" agrees with central differences") == derivatives(FILES[name])
    assert other.stdout == first.stdout, "another order of threads, another result"


@needs_compiler
def test_a_file_checks_itself_under_sanitizers(tmp_path) -> None:
    if reason := standalone.missing(standalone.ADDRESS, tmp_path):
        pytest.skip(reason)
    planned(FILES["scans"], tmp_path)
    done = run(built(tmp_path, *standalone.ADDRESS))
    assert done.returncode == 0, done.stdout + done.stderr


@needs_compiler
def test_a_wrong_launch_is_found(tmp_path) -> None:
    text = planned(FILES["ridge"], tmp_path)
    changed = re.sub(r"launch\(fold0, (\d+), \d+", r"launch(fold0, \1, 2048", text)
    assert changed != text
    (tmp_path / "made.cu").write_text(changed)
    done = run(built(tmp_path))
    assert done.returncode == 1
    assert done.stdout == "no check: unspecified launch failure\n"
    assert "no device takes a launch of 2048 threads" in done.stderr


@needs_compiler
@pytest.mark.parametrize("name", ["logistic", "mlp"])
def test_results_are_those_of_numpy(name, tmp_path) -> None:
    given, wanted = results(functions(FILES[name], tmp_path), SIZES)
    planned(FILES[name], tmp_path)
    assert_same(built(tmp_path, "-shared", "-fPIC", "-DNO_MAIN"), given, wanted)


@needs_compiler
def test_other_shapes_and_singular_matrices_are_a_status(tmp_path) -> None:
    planned(FILES["solve"], tmp_path)
    f = Library(built(tmp_path, "-shared", "-fPIC", "-DNO_MAIN"), 2)
    A, b, cost = np.eye(7), np.ones(7), np.zeros(())
    gradient = np.zeros((7, 7))
    assert f(A, b, cost, gradient) == "" and cost == 7
    assert f(np.eye(6), b, cost, gradient) == "A: axis 0 must be 7 (m)"
    assert f(A, b, cost, np.zeros((7, 6))) == "gradient: axis 1 must be 7 (m)"
    assert "a matrix is singular" in f(A * 0, b, cost, gradient)


def test_the_device_part_compiles_within_the_bounds_of_the_plan(tmp_path) -> None:
    pytest.importorskip("nvidia.cu13", reason="the package nvidia-cuda-nvrtc is for Linux")
    text = planned(FILES["mlp"], tmp_path)
    device = text[text.index("/* ---- on the device") : text.index("/* ---- on the host")]
    found = nvrtc.compile_cuda(device, "sm_80").use
    launches = re.findall(r"launch\((\w+), (\d+), (\d+), (\d+), q", text)
    assert launches and {name for name, *_ in launches} <= set(found)
    for name, _, block, shared in launches:
        assert found[name].spilled == 0
        assert found[name].registers * int(block) <= FACTS.registers
        assert found[name].shared + int(shared) <= FACTS.shared


@pytest.mark.skipif(not shutil.which("nvcc"), reason="nvcc is not installed")
def test_nvcc_compiles_a_file_without_a_warning(tmp_path) -> None:
    planned(FILES["mlp"], tmp_path)
    flags = ["-std=c++17", "-arch=sm_80", "-Werror", "all-warnings", "-Xcompiler", "-Wall,-Wextra"]
    words = ["nvcc", *flags, "-c", str(tmp_path / "made.cu"), "-o", str(tmp_path / "made.o")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sum(x)"], "launches are planned for numbers, and there is none for n"),
        (["sum(x)", "--size", "n=3", "--size", "m=3"], "--size of m, which is no extent"),
        (["sum(x[3:]**2)", "--size", "n=3"], "a slice has no elements"),
    ],
)
def test_what_cannot_stand_alone_is_refused(words, says, capsys) -> None:
    given = ["derive", *words, "--wrt", "x", "--shape", "x=n", "--emit", "cuda"]
    assert doctor.main(given) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and f"--emit cuda: {says}" in printed.err
    assert "  where: " in printed.err and "  fix: " in printed.err


@pytest.mark.parametrize("size", ["n", "n=0", "n=-1", "n=2.5", "=3"])
def test_a_size_is_a_name_and_a_number(size, capsys) -> None:
    with pytest.raises(SystemExit):
        doctor.main(["derive", "sum(x)", "--wrt", "x", "--size", size])
    assert "NAME=1000" in capsys.readouterr().err
