"""NVRTC, the compiler of CUDA C, through ctypes: from a wheel or from CUDA, never through CuPy.

It needs no device and no driver, so a machine without a GPU can compile and check every kernel.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..algebra.errors import CompileError

PACKAGE = "nvidia-cuda-nvrtc"
FIX = (
    f"pip install {PACKAGE} (NVRTC for CUDA 13), or install the CUDA toolkit; CLOSEDFORM_NVRTC may"
    " name the library file"
)
FLAGS = ("-std=c++17", "-ftz=false", "-prec-div=true", "-prec-sqrt=true", "-fmad=true", "-w")
SONAMES = ("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so")
MESSAGE_LINES = 30
_SUFFIX = r"libnvrtc\.so\.\d+$"


@dataclass(frozen=True)
class Use:
    """What one kernel takes: registers of a thread, bytes of a block and of a thread."""

    registers: int
    shared: int
    stack: int
    spilled: int


@dataclass(frozen=True)
class Compiled:
    """What NVRTC made of one source.

    image : bytes
        A cubin for "sm_90", PTX text for "compute_90".
    use : dict
        Resources by name of the kernel; for a cubin only.
    """

    image: bytes
    use: dict[str, Use]


def _candidates() -> Iterator[str]:
    named = os.environ.get("CLOSEDFORM_NVRTC")
    if named:
        yield named
        return
    found = importlib.util.find_spec("nvidia")
    for root in found.submodule_search_locations or () if found else ():
        for pattern in ("cu1*/lib/libnvrtc.so.*", "cuda_nvrtc/lib/libnvrtc.so.*"):
            hits = sorted(Path(root).glob(pattern), reverse=True)
            yield from (str(p) for p in hits if re.search(_SUFFIX, p.name))
    yield from SONAMES


def _open(path: str) -> ctypes.CDLL | None:
    folder = Path(path).parent
    try:  # the library asks for its built-in functions by a bare name
        for part in sorted(folder.glob("libnvrtc-builtins.so.*")) if folder.name else ():
            ctypes.CDLL(str(part))
        return ctypes.CDLL(path)
    except OSError:
        return None


@cache
def _library() -> ctypes.CDLL:
    """The first library that loads.

    Raises CompileError if none does.
    """
    for path in _candidates():
        library = _open(path)
        if library is not None:
            library.nvrtcGetErrorString.restype = ctypes.c_char_p
            return library
    tried = ", ".join(_candidates())
    raise CompileError(
        f"NVRTC, which compiles CUDA kernels, was not found (tried {tried})", fix=FIX
    )


def version() -> tuple[int, int]:
    """Return the version of NVRTC, such as (13, 0).

    Raises
    ------
    CompileError
        If there is no NVRTC, naming the package to install.
    """
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(_library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return major.value, minor.value


def path() -> str:
    """Return the file of the library in use."""
    return str(_library()._name)


def architectures() -> tuple[int, ...]:
    """Return the compute capabilities that this NVRTC compiles for, such as 90."""
    count = ctypes.c_int()
    _check(_library().nvrtcGetNumSupportedArchs(ctypes.byref(count)))
    found = (ctypes.c_int * count.value)()
    _check(_library().nvrtcGetSupportedArchs(found))
    return tuple(found)


def compile_cuda(source: str, arch: str, options: Sequence[str] = ()) -> Compiled:
    """Compile CUDA C.

    Parameters
    ----------
    source : str
    arch : str
        "sm_90" for a cubin, "compute_90" for PTX.
    options : sequence of str
        Beyond `FLAGS`, such as "-DNAME=1".

    Raises
    ------
    CompileError
        If there is no NVRTC, or it refuses the source; the message holds the start of its log.
    """
    library, program = _library(), ctypes.c_void_p()
    real = arch.startswith("sm_")
    words = [f"-arch={arch}", *FLAGS, *options, *(["--ptxas-options=-v"] if real else [])]
    name = b"program.cu"
    _check(library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), name, 0, None, None))
    try:
        given = (ctypes.c_char_p * len(words))(*(w.encode() for w in words))
        status = library.nvrtcCompileProgram(program, len(words), given)
        log = _text(program, "ProgramLog")
        if status:
            head = "\n".join(log.splitlines()[:MESSAGE_LINES])
            raise CompileError(
                f"NVRTC {'.'.join(map(str, version()))} failed: {' '.join(words)}\n{head}",
                fix="please report this with the source of the function",
            )
        return Compiled(_bytes(program, "CUBIN" if real else "PTX"), _usage(log))
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _bytes(program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(getattr(_library(), f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(max(size.value, 1))
    _check(getattr(_library(), f"nvrtcGet{what}")(program, buffer))
    return buffer.raw[: size.value]


def _text(program: ctypes.c_void_p, what: str) -> str:
    return _bytes(program, what).rstrip(b"\0").decode(errors="replace")


def _check(status: int) -> None:
    if status:
        text = _library().nvrtcGetErrorString(status).decode()
        raise CompileError(f"NVRTC reports {text} (status {status})", fix=FIX)


_ENTRY = re.compile(r"Compiling entry function '(\w+)'")
_STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")


def _usage(log: str) -> dict[str, Use]:
    """What the assembler reports per kernel."""
    result: dict[str, Use] = {}
    name, stack, spilled = "", 0, 0
    for line in log.splitlines():
        if found := _ENTRY.search(line):
            name = found[1]
        elif found := _STACK.search(line):
            stack, spilled = int(found[1]), int(found[2]) + int(found[3])
        elif name and (found := _USED.search(line)):
            shared = _SHARED.search(line)
            result[name] = Use(int(found[1]), int(shared[1]) if shared else 0, stack, spilled)
            name = ""
    return result
