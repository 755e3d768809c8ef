"""The command line: `derive` differentiates a text, `doctor` says what this machine offers, `cache`
shows or empties the cache.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

from ..algebra.errors import ClosedformError, CompileError
from ..algebra.version import VERSION
from . import abi, cache, derive_command, machine, threads, toolchain

LIBRARIES = ("numpy", "sympy", "scipy", "scipy-openblas32")
REINSTALL = "install closedform again (pip install --force-reinstall --no-deps closedform)"
SIMD_SOURCE = """
__attribute__((simd("notinbranch"))) double exp(double);
void probe(double *restrict x, long n) { for (long i = 0; i < n; i++) x[i] = exp(x[i]); }
"""
VECTOR_NAME = b"_ZGV"  # how names of vector functions begin in the platform's calling convention


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 if all is well, 1 if something was found that needs a cure, 2 for words it does not know.
    """
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(derive_command.positional(given))
    try:
        return options.run(options)
    except ClosedformError as error:
        print(f"closedform: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m closedform", description=main.__doc__)
    parser.description = "Differentiate an expression; see what this machine offers closedform."
    commands = parser.add_subparsers(required=True, metavar="command")
    derive_command.add(commands)
    _command(commands, "doctor", "compiler, extension, cache, threads, vector math", doctor)
    _command(commands, "operations", "every operation on every target, as Markdown", operations)
    verbs = commands.add_parser("cache", help="the compiled programs on disk").add_subparsers(
        required=True, metavar="info|clear"
    )
    _command(verbs, "info", "where it is and how much it holds", cache_info)
    _command(verbs, "clear", "remove what it holds", cache_clear)
    return parser


def _command(commands, name: str, text: str, run: Callable[[], int]) -> None:
    commands.add_parser(name, help=text, description=text).set_defaults(run=lambda _: run())


def operations() -> int:
    """Print the table of operations, which `docs/operations.md` holds."""
    from .totality import page

    print(page(), end="")
    return 0


def doctor() -> int:
    """Print one paragraph per topic; a topic that fails says how to cure it."""
    healthy = [_report(topic, examine) for topic, examine in TOPICS]
    cured = "all is well" if all(healthy) else "what is marked PROBLEM needs a cure"
    print(f"{'':11}{cured}")
    return 0 if all(healthy) else 1


def _report(topic: str, examine: Callable[[], list[str]]) -> bool:
    try:
        lines, healthy = examine(), True
    except ClosedformError as error:
        lines, healthy = ["PROBLEM", *str(error).splitlines()], False
    for label, line in zip([topic] + [""] * len(lines), lines, strict=False):
        print(f"{label:11}{line}")
    return healthy


def _versions() -> list[str]:
    ours = f"closedform {VERSION}, Python {platform.python_version()}"
    return [ours, ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)]


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "missing"


def _machine() -> list[str]:
    processor = ", ".join(toolchain.cpu_features().split("; ")[:2])
    system = f"{platform.system()} {processor[:70]}"
    return [system, " ".join(platform.libc_ver()).strip(), *machine.lines()]


def _compiler() -> list[str]:
    found = toolchain.find()
    words = " ".join(found.command)
    first = found.version.splitlines()[0]
    return [f"{words} ({found.path})", f"{first}, for {found.target}", " ".join(found.flags)]


def extension() -> ModuleType | None:
    """Return the trampoline, or None where it was not built."""
    try:
        return import_module("closedform.runtime._native")
    except ImportError:
        return None


def _extension() -> list[str]:
    native = extension()
    if native is None:
        return [
            "not built: calls go through ctypes, which costs a few microseconds each",
            "for the fast path, install a C compiler and the Python headers (Debian: gcc,"
            " python3-dev),",
            f"then {REINSTALL}",
        ]
    if native.abi_version() != abi.version():
        raise ClosedformError(
            f"the extension follows version {native.abi_version()} of the program table,"
            f" this library version {abi.version()}",
            fix=REINSTALL,
        )
    return [f"built, program table version {abi.version()}"]


def _cache() -> list[str]:
    return _describe(cache.info())


def _describe(info: cache.Info) -> list[str]:
    noun = "program" if info.entries == 1 else "programs"
    held = f"{info.entries} {noun}, {_mb(info.bytes)} of at most {_mb(info.limit)}"
    return [str(info.folder), held]


def _mb(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _threads() -> list[str]:
    used, present = threads.default(), threads.processors()
    return [f"{used} of {present} processors; {threads.OWN} sets another number"]


def _vector_math() -> list[str]:
    if has_vector_math(toolchain.find()):
        return ["exp, log, tanh and others run on vectors"]
    return ["absent from this C library or compiler: exp, log, tanh run one element at a time"]


def has_vector_math(compiler: toolchain.Toolchain) -> bool:
    """Say whether a loop over `exp` becomes calls of a vector function that can be loaded."""
    with tempfile.TemporaryDirectory(prefix="closedform-probe-") as folder:
        source, binary = Path(folder, "probe.c"), Path(folder, "probe.so")
        source.write_text(SIMD_SOURCE)
        try:
            compiler.compile(source, binary)
            ctypes.CDLL(str(binary), mode=os.RTLD_NOW | os.RTLD_LOCAL)
        except (ClosedformError, OSError):
            return False
        return VECTOR_NAME in binary.read_bytes()


def _gpu() -> list[str]:
    """The device and its compiler; a machine without one is healthy."""
    from . import cupy_device, nvrtc

    lines = []
    try:
        device = cupy_device.current()
        facts = device.facts
        lines.append(f"{device.name}, sm_{facts.arch}, {facts.processors} multiprocessors")
        lines.append(f"{_mb(device.free())} of {_mb(facts.memory)} free, {cupy_device.package()}")
    except CompileError as error:
        lines.append(f"target='cuda' has no device: {error.found}")
    try:
        lines.append(f"NVRTC {'.'.join(map(str, nvrtc.version()))} ({nvrtc.path()})")
    except CompileError:
        lines.append(f"no NVRTC, which target='cuda' needs (pip install {nvrtc.PACKAGE})")
    return lines


TOPICS = (
    ("versions", _versions),
    ("machine", _machine),
    ("compiler", _compiler),
    ("extension", _extension),
    ("cache", _cache),
    ("threads", _threads),
    ("SIMD math", _vector_math),
    ("GPU", _gpu),
)


def cache_info() -> int:
    """Print where the cache is and how much it holds."""
    print("\n".join(_describe(cache.info())))
    return 0


def cache_clear() -> int:
    """Empty the cache and print how much was removed."""
    before = cache.info()
    cache.clear()
    after = cache.info()
    removed, freed = before.entries - after.entries, before.bytes - after.bytes
    print(f"removed {removed} of {before.entries} programs, {_mb(freed)}, from {after.folder}")
    return 0
