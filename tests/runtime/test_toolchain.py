"""Compilers that are missing, fail or hang, and what they are asked."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.runtime.test_cache import program

from closedform.algebra.errors import CompileError
from closedform.runtime import cache, loader, store, toolchain

REAL = shutil.which("gcc") or shutil.which("cc")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache, and no compiler by name."""
    path = tmp_path / "cache"
    monkeypatch.setenv(store.VARIABLE, str(path))
    monkeypatch.delenv("CLOSEDFORM_CC", raising=False)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(loader, "_memory", loader._Memory())
    return path


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """Make a compiler of a script that sees the arguments of the real one."""

    def make(body: str) -> Path:
        path = tmp_path / "bin dir" / "my cc"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\nREAL='{REAL}'\n{body}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CLOSEDFORM_CC", f"'{path}'")
        toolchain._find.cache_clear()
        return path

    return make


PASS = 'exec "$REAL" "$@"'
ONLY_PROGRAMS = 'case "$*" in *program.c*) {};; *) exec "$REAL" "$@";; esac'


def failure(match: str) -> CompileError:
    with pytest.raises(CompileError, match=match) as caught:
        loader.load(program())
    assert caught.value.fix
    return caught.value


def test_facts_about_the_compiler(compiler):
    path = compiler(PASS)
    found = toolchain.find()
    assert found.command == (str(path),) and found.path == os.path.realpath(path)
    assert found.version and found.target
    assert set(toolchain.REQUIRED_FLAGS) <= set(found.flags)
    assert "-ffast-math" not in found.flags
    assert loader.load(program()).compiled


def test_the_environment_is_asked_in_order(compiler, monkeypatch):
    path = compiler(PASS)
    monkeypatch.setenv("CC", "gcc")
    assert toolchain.find().command == (str(path),)
    monkeypatch.delenv("CLOSEDFORM_CC")
    monkeypatch.setenv("CC", f"{path.parent / 'other'} -v")
    shutil.copy(path, path.parent / "other")
    monkeypatch.setenv("CC", f"'{path.parent / 'other'}' -pipe")
    assert toolchain.find().command == (str(path.parent / "other"), "-pipe")


def test_flags_are_probed_once_and_dropped_if_unknown(compiler, tmp_path):
    log = tmp_path / "log"
    body = f'echo "$@" >> {log}\ncase "$*" in *-fopenmp-simd*) exit 1;; esac\n{PASS}'
    path = compiler(body)
    flags = toolchain.find().flags
    assert "-fopenmp-simd" not in flags and "-fno-math-errno" in flags
    asked = log.read_text()
    toolchain._find.cache_clear()
    assert toolchain.find().flags == flags
    assert log.read_text() == asked
    path.write_text(path.read_text() + "\n# upgraded\n")
    toolchain._find.cache_clear()
    toolchain.find()
    assert log.read_text() != asked


def test_no_compiler_names_the_ways_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    error = failure("no C compiler")
    for way in ("gcc or clang", "package manager", "pip install ziglang", 'target="numpy"'):
        assert way in error.fix


def test_ziglang_is_the_last_resort(monkeypatch, tmp_path):
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: name == "ziglang")
    assert list(toolchain._candidates(None, None))[-1][1:] == ("-m", "ziglang", "cc")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert len(list(toolchain._candidates(None, None))) == 1


@pytest.mark.parametrize("variable", ["CLOSEDFORM_CC", "CC"])
def test_a_named_compiler_that_does_not_exist(monkeypatch, variable):
    monkeypatch.setenv(variable, "no-such-compiler -O1")
    error = failure("no-such-compiler")
    assert variable in str(error)


def test_a_compiler_that_cannot_say_its_version(compiler):
    compiler("echo broken; exit 3")
    assert "broken" in str(failure("status 3"))


def test_a_compiler_that_cannot_be_started(compiler):
    path = compiler(PASS)
    path.write_text("#!/no/such/interpreter\n")
    failure("cannot be started")


def test_a_failing_compiler_keeps_the_source(compiler, folder):
    compiler(ONLY_PROGRAMS.format("for i in $(seq 99); do echo line $i; done; exit 4"))
    error = failure("status 4")
    assert "line 1\n" in str(error) and "line 99" not in str(error) and "more lines" in str(error)
    assert Path(error.where).read_text() == program().source
    assert str(error.where) in error.found
    assert list((folder / store.TEMPORARY).iterdir()) == []
    assert cache.info().entries == 0


def test_an_error_in_the_source_shows_the_message_of_the_compiler():
    made = replace(
        program(), render=lambda: '#include "abi.h"\nint f(void) { return undeclared; }\n'
    )
    with pytest.raises(CompileError, match="undeclared") as caught:
        loader.load(made)
    assert Path(caught.value.where).read_text() == made.source


def test_failures_kept_are_bounded(folder):
    for i in range(cache.KEPT_FAILURES + 3):
        with pytest.raises(CompileError):
            loader.load(replace(program(), render=lambda i=i: f"#error {i}\n", key_text=str(i)))
    assert len(list((folder / store.FAILED).iterdir())) == cache.KEPT_FAILURES


def test_a_compiler_that_makes_nothing(compiler):
    compiler(ONLY_PROGRAMS.format("exit 0"))
    failure("status 0")


def gone(pid: int) -> bool:
    for _ in range(100):
        if store._birth(pid) == "":
            return True
        time.sleep(0.05)
    return False


def test_a_hanging_compiler_is_killed_with_its_children(compiler, monkeypatch, tmp_path):
    pids = tmp_path / "pids"
    compiler(ONLY_PROGRAMS.format(f"echo $$ >> {pids}; sleep 1000 & echo $! >> {pids}; wait"))
    toolchain.find()
    monkeypatch.setenv("CLOSEDFORM_COMPILE_TIMEOUT", "0.5")
    error = failure("was killed, for it had run 0.5 s")
    assert "CLOSEDFORM_COMPILE_TIMEOUT" in error.fix
    assert Path(error.where).is_file()
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2 and all(map(gone, started))


@pytest.mark.parametrize("text", ["soon", "1 minute"])
def test_a_time_limit_that_is_no_number(monkeypatch, text):
    monkeypatch.setenv("CLOSEDFORM_COMPILE_TIMEOUT", text)
    assert text in str(failure("CLOSEDFORM_COMPILE_TIMEOUT"))


def test_words_are_never_given_to_a_shell(compiler, tmp_path, monkeypatch):
    compiler(PASS)
    trap = tmp_path / "trap"
    monkeypatch.setenv("CLOSEDFORM_CC", f"gcc; touch {trap}")
    with pytest.raises(CompileError):
        loader.load(program())
    assert not trap.exists()


def test_features_of_the_processor_are_named():
    text = toolchain.cpu_features()
    assert text and toolchain.cpu_features() is text
