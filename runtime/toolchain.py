"""The C compiler: which one, who it is, which flags it takes, and one way to run it.

Compilers run by argument list, never through a shell, in a process group of their own that is
killed as a whole when the time is up.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..algebra.errors import CompileError
from . import store
from .abi import NATIVE

REQUIRED_FLAGS = ("-std=gnu11", "-O3", "-fPIC", "-shared", "-Werror=incompatible-pointer-types")
OPTIONAL_FLAGS = (
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fopenmp-simd",
    "-fwrapv",
    "-fvisibility=hidden",
    "-pthread",
)
LIBRARIES = ("-lm",)
DEFAULT_TIMEOUT = 120.0
MESSAGE_LINES = 30
PROBE = "int closedform_probe;\n"

NO_COMPILER = (
    "install gcc or clang with your package manager (Debian: apt install gcc, Fedora: dnf install"
    " gcc, macOS: xcode-select --install), or run `pip install ziglang`, which brings a compiler;"
    ' target="numpy" works without one'
)


@dataclass(frozen=True)
class Toolchain:
    """A compiler that was found, and the flags it takes.

    Attributes
    ----------
    command : tuple of str
        The words that start it.
    path : str
        The file behind the first word.
    version, target : str
        What it says of itself: text of ``--version``, and its machine triple.
    flags : tuple of str
        Every flag of a compilation but the names of files.
    """

    command: tuple[str, ...]
    path: str
    version: str
    target: str
    flags: tuple[str, ...]

    def identity(self) -> dict[str, str]:
        """Return what distinguishes this compiler from another one."""
        return {"path": self.path, "version": self.version, "target": self.target}

    def compile(self, source: Path, out: Path) -> None:
        """Compile one C file into a shared object.

        Raises
        ------
        CompileError
            If the compiler fails, hangs, or cannot be started.
        """
        words = [*self.command, *self.flags, f"-I{NATIVE}", str(source), "-o", str(out), *LIBRARIES]
        status, output = _run(words, timeout(), where=str(source))
        if status != 0 or not out.is_file():
            raise CompileError(
                f"the C compiler failed with status {status}: {shlex.join(words)}\n{_head(output)}",
                where=str(source),
                fix="if another program compiles with this compiler, the source named above is"
                " at fault: please report it; otherwise set CLOSEDFORM_CC to a compiler that works",
            )


def find() -> Toolchain:
    """Return the compiler of this machine.

    The first that exists of the environment's ``CLOSEDFORM_CC`` and ``CC``, then gcc, clang, cc
    and the one that the ``ziglang`` package brings.

    Raises
    ------
    CompileError
        If there is none, or the one that the environment names does not exist.
    """
    return _find(os.environ.get("CLOSEDFORM_CC"), os.environ.get("CC"), os.environ.get("PATH"))


@cache
def _find(own: str | None, usual: str | None, path: str | None) -> Toolchain:
    command = next(_candidates(own, usual), None)
    if command is None:
        raise CompileError("no C compiler was found", fix=NO_COMPILER)
    return _describe(command)


def _candidates(own: str | None, usual: str | None) -> Iterator[tuple[str, ...]]:
    for name, text in (("CLOSEDFORM_CC", own), ("CC", usual)):
        if text and text.strip():
            yield _named(name, tuple(shlex.split(text)))
    for word in ("gcc", "clang", "cc"):
        if shutil.which(word):
            yield (word,)
    if importlib.util.find_spec("ziglang"):
        yield (sys.executable, "-m", "ziglang", "cc")


def _named(variable: str, command: tuple[str, ...]) -> tuple[str, ...]:
    if not shutil.which(command[0]):
        raise CompileError(
            f"{variable} names {command[0]!r}, which is not a program on the search path",
            where=f"environment variable {variable}",
            fix=f"correct or unset {variable}; or {NO_COMPILER}",
        )
    return command


def _describe(command: tuple[str, ...]) -> Toolchain:
    """Ask the compiler who it is and what it takes: once per machine, for the answer is stored."""
    key = {"command": list(command), "files": _stamps(command), "flags": list(OPTIONAL_FLAGS)}
    facts = store.remembered("toolchain", key, lambda: _examine(command))
    return Toolchain(
        command,
        _resolved(command[0]),
        facts["version"],
        facts["target"],
        (*REQUIRED_FLAGS, *facts["flags"]),
    )


def _resolved(word: str) -> str:
    return os.path.realpath(shutil.which(word) or word)


def _stamps(command: Sequence[str]) -> list[list[object]]:
    """Identify the files that the command names, so that an upgrade is noticed."""
    paths = [_resolved(word) for word in command if shutil.which(word)]
    status = [(path, os.stat(path)) for path in paths]
    return [[path, s.st_size, s.st_mtime_ns, s.st_ino] for path, s in status]


def _examine(command: tuple[str, ...]) -> dict[str, object]:
    status, version = _run([*command, "--version"], timeout())
    if status != 0:
        raise CompileError(
            f"{shlex.join(command)} --version failed with status {status}:\n{_head(version)}",
            fix=f"set CLOSEDFORM_CC to a compiler that works; or {NO_COMPILER}",
        )
    _, target = _run([*command, "-dumpmachine"], timeout())
    return {"version": version.strip(), "target": target.strip(), "flags": _accepted(command)}


def _accepted(command: tuple[str, ...]) -> list[str]:
    """Return the optional flags that the compiler takes: one probe if it takes them all."""
    if _accepts(command, OPTIONAL_FLAGS):
        return list(OPTIONAL_FLAGS)
    return [flag for flag in OPTIONAL_FLAGS if _accepts(command, (flag,))]


def _accepts(command: tuple[str, ...], flags: Sequence[str]) -> bool:
    with store.temporary() as folder:
        source, out = folder / "probe.c", folder / "probe.so"
        store.write(source, PROBE)
        words = [*command, *REQUIRED_FLAGS, *flags, "-Werror", str(source), "-o", str(out)]
        status, _ = _run(words, timeout(), where=str(source))
        return status == 0 and out.is_file()


def timeout() -> float:
    """Return how many seconds a compiler may run."""
    text = os.environ.get("CLOSEDFORM_COMPILE_TIMEOUT", "")
    try:
        return float(text) if text else DEFAULT_TIMEOUT
    except ValueError:
        raise CompileError(
            f"CLOSEDFORM_COMPILE_TIMEOUT is {text!r}, not a number of seconds",
            where="environment variable CLOSEDFORM_COMPILE_TIMEOUT",
            fix="set it to a number such as 300, or unset it",
        ) from None


def _run(words: Sequence[str], limit: float, where: str = "") -> tuple[int, str]:
    """Return exit status and output of a command; nothing of it is left when this returns."""
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise CompileError(
            f"the C compiler cannot be started: {words[0]}: {error.strerror or error}",
            where=where,
            fix=f"set CLOSEDFORM_CC to a compiler that works; or {NO_COMPILER}",
        ) from error
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise CompileError(
            f"the C compiler was killed, for it had run {limit:g} s: {shlex.join(words)}",
            where=where,
            fix="set CLOSEDFORM_COMPILE_TIMEOUT to more seconds if the machine is slow, or"
            " CLOSEDFORM_CC to another compiler",
        ) from None
    except BaseException:
        _kill(process)
        raise
    return process.returncode, output.decode(errors="replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.communicate()


def _head(output: str) -> str:
    lines = output.strip().splitlines()
    rest = len(lines) - MESSAGE_LINES
    return "\n".join(lines[:MESSAGE_LINES] + [f"... and {rest} more lines"] * (rest > 0))


@cache
def cpu_features() -> str:
    """Return what this processor can do, as text for the cache key."""
    return "; ".join(part for part in (platform.machine(), _features()) if part)


def _features() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return _sysctl()
    wanted = ("model name", "flags", "Features", "CPU part")
    facts = dict(_fact(line) for line in reversed(lines) if line.startswith(wanted))
    return "; ".join(facts[name] for name in wanted if name in facts)


def _fact(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _sysctl() -> str:
    names = ("machdep.cpu.brand_string", "machdep.cpu.features", "machdep.cpu.leaf7_features")
    if not shutil.which("sysctl"):
        return platform.processor()
    return _run(["sysctl", "-n", *names], 10.0)[1].strip()
