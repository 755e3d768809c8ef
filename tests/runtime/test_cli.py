"""`python -m closedform`: derive, doctor and cache."""

from __future__ import annotations

import subprocess
import sys

import pytest

from closedform.algebra.errors import CompileError
from closedform.runtime import doctor, toolchain


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("CLOSEDFORM_CACHE_DIR", str(folder))
    return folder


def no_compiler() -> toolchain.Toolchain:
    raise CompileError("no C compiler was found", fix=toolchain.NO_COMPILER)


def test_doctor_names_every_topic(own_cache, capsys):
    assert doctor.main(["doctor"]) == 0
    said = capsys.readouterr().out
    for topic, _ in doctor.TOPICS:
        assert f"\n{topic} " in f"\n{said}"
    assert str(own_cache) in said and "numpy" in said and "PROBLEM" not in said


def test_doctor_without_a_compiler_names_the_ways_out(own_cache, monkeypatch, capsys):
    monkeypatch.setattr(toolchain, "find", no_compiler)
    assert doctor.main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "PROBLEM" in said and "pip install ziglang" in said
    assert str(own_cache) in said  # the topics after it are still reported


def test_doctor_names_a_compiler_that_does_not_exist(own_cache, monkeypatch, capsys):
    monkeypatch.setenv("CLOSEDFORM_CC", "no-such-compiler")
    assert doctor.main(["doctor"]) == 1
    assert "CLOSEDFORM_CC names 'no-such-compiler'" in capsys.readouterr().out


def test_doctor_without_the_extension(own_cache, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "extension", lambda: None)
    assert doctor.main(["doctor"]) == 0
    assert "calls go through ctypes" in capsys.readouterr().out


def test_doctor_notices_a_stale_extension(own_cache, monkeypatch, capsys):
    class Stale:
        abi_version = staticmethod(lambda: -7)
        num_threads = staticmethod(lambda: 1)

    monkeypatch.setattr(doctor, "extension", Stale)
    assert doctor.main(["doctor"]) == 1
    assert "version -7 of the program table" in capsys.readouterr().out


def test_vector_math_is_absent_where_nothing_compiles(own_cache, monkeypatch):
    compiler = toolchain.Toolchain(("false",), "false", "", "", ())
    assert doctor.has_vector_math(compiler) is False


def test_cache_info_of_an_empty_cache(own_cache, capsys):
    assert doctor.main(["cache", "info"]) == 0
    said = capsys.readouterr().out
    assert str(own_cache) in said and "0 programs, 0.0 MB" in said


def test_cache_clear_removes_entries(own_cache, capsys):
    doctor.main(["cache", "info"])
    entry = own_cache / "ab" / ("ab" + 62 * "0")
    entry.mkdir(parents=True, mode=0o700)
    entry.parent.chmod(0o700)
    (entry / "program.c").write_text("int x;\n")
    assert doctor.main(["cache", "clear"]) == 0
    assert "removed 1 of 1 programs" in capsys.readouterr().out
    assert not entry.exists()


@pytest.mark.parametrize("verb", ["info", "clear"])
def test_cache_that_others_can_write_is_an_error(own_cache, capsys, verb):
    own_cache.mkdir()
    own_cache.chmod(0o777)
    assert doctor.main(["cache", verb]) == 1
    said = capsys.readouterr().err
    assert "others can write to it" in said and "fix: chmod go-w" in said


@pytest.mark.parametrize("words", [[], ["cache"], ["cure"], ["cache", "burn"]])
def test_unknown_words_are_refused(words, capsys):
    with pytest.raises(SystemExit) as stop:
        doctor.main(words)
    assert stop.value.code == 2
    assert "usage: python -m closedform" in capsys.readouterr().err


def test_python_dash_m(own_cache, tmp_path):
    command = [sys.executable, "-m", "closedform", "cache", "info"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "0 programs" in run.stdout


LOSS = ["sum(log(1+exp(-y*(X@w))))", "--shape", "X=n,d", "--shape", "w=d", "--shape", "y=n"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--wrt", "w"], "-X^T(y * sigma(-y * Xw))\n"),
        (["--wrt", "w", "--latex"], r"-X^\top"),
        (["--wrt", "w", "--hessian"], "X^T diag(t_0) X"),
        (["--wrt", "w", "--wrt", "y"], "w: -X^T("),
    ],
)
def test_derive_prints_formulas(words, says, capsys):
    assert doctor.main(["derive", *LOSS, *words]) == 0
    assert says in capsys.readouterr().out


def test_derive_takes_scalars_numbers_and_a_leading_minus(capsys):
    words = ["derive", "-0.5*c*sum(x*v)", "--wrt", "c", "--shape", "x=3", "--shape", "c=()"]
    assert doctor.main([*words, "--shape", "v=3"]) == 0
    assert capsys.readouterr().out == "-x^T v/2\n"


@pytest.mark.parametrize("wrt", [["--wrt", "a,b"], ["--wrt", "a", "--wrt", "b, a"]])
def test_derive_takes_several_names(wrt, capsys):
    assert doctor.main(["derive", "a/b", *wrt]) == 0
    assert capsys.readouterr().out == "a: 1/b\nb: -a/b^2\n"


def test_derive_needs_no_name_where_there_is_one_variable(capsys):
    assert doctor.main(["derive", "x**2"]) == 0
    assert capsys.readouterr().out == "2x\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sum(X@w)", "--wrt", "w", "--shape", "X=n,d", "--shape", "w=k"], "        ^^^\n"),
        (["sum(X@w)", "--wrt", "W", "--shape", "X=n,d", "--shape", "w=d"], "did you mean w?"),
        (["2*z", "--wrt", "z", "--shape", "zz=n"], "'zz' is declared"),
        (["2*z", "--wrt", "z", "--shape", "z=n", "--shape", "z=m"], "two shapes"),
        (["exp(z)", "--wrt", "z", "--shape", "z=n", "--hessian"], "the cost has shape (n,)"),
        (["a*x**2"], "no --wrt: the expression has a, x\n"),
        (["a*x**2", "--wrt", "a,y"], "--wrt y: the expression has no such variable"),
        (["3"], "no --wrt: the expression has no variable"),
        (["x", "--size", "n=3"], "--size without --emit cuda"),
    ],
)
def test_derive_says_what_is_wrong(words, says, capsys):
    assert doctor.main(["derive", *words]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and says in printed.err and ".py" not in printed.err


@pytest.mark.parametrize("words", [[], ["2*z", "--wrt", "z", "--shape", "z:n"]])
def test_derive_refuses_words_it_does_not_know(words, capsys):
    with pytest.raises(SystemExit) as end:
        doctor.main(["derive", *words])
    assert end.value.code == 2 and "usage:" in capsys.readouterr().err
