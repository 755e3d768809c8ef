"""CUDA programs in the cache: source and cubin under a key that names the architecture, the
compiler and its options (semantics 9.6). CuPy's own cache is not used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..algebra.version import VERSION
from ..emit.cuda import DeviceProgram
from . import cache, nvrtc, store

NAMES = ("program.cu", "program.cubin")


@dataclass(frozen=True)
class Compiler:
    """NVRTC for one architecture, with the options of one plan.

    Attributes
    ----------
    arch : str
        "sm_90", or "compute_90" for text that the driver compiles: see `architecture`.
    options : tuple of str
    """

    arch: str
    options: tuple[str, ...]

    def compile(self, source: Path, out: Path) -> None:
        """Compile one file of CUDA C into a binary that the driver loads.

        Raises CompileError if NVRTC is missing or refuses it.
        """
        found = nvrtc.compile_cuda(source.read_text(), self.arch, self.options)
        out.write_bytes(found.image)


def architecture(capability: int, known: Sequence[int] | None = None) -> str:
    """Return what to compile for on a device of a compute capability, such as 90.

    It is the device's own architecture if NVRTC knows it; else the newest older one, as text that
    the driver compiles further.

    >>> architecture(90, known=(80, 90, 100))
    'sm_90'
    >>> architecture(120, known=(80, 90, 100))
    'compute_100'
    """
    every = nvrtc.architectures() if known is None else known
    if capability in every:
        return f"sm_{capability}"
    older = [a for a in every if a < capability]
    return f"compute_{max(older or every)}"


def key_fields(program: DeviceProgram, compiler: Compiler, soundness: str) -> dict[str, Any]:
    """Return the named fields that a binary depends on."""
    return {
        "program": program.key_text,
        "emitter": cache.emitter_digest(),
        "arguments": [[a.kind, a.dtype.str, list(a.dims), a.layout] for a in program.arguments],
        "dims": list(program.dims),
        "target": program.target,
        "soundness": soundness,
        "templates": cache.template_digest(),
        "compiler": {"nvrtc": ".".join(map(str, nvrtc.version()))},
        "architecture": compiler.arch,
        "flags": [*nvrtc.FLAGS, *compiler.options],
        "closedform": VERSION,
    }


def key(program: DeviceProgram, compiler: Compiler, soundness: str = "real") -> str:
    """Return the key of a binary."""
    return store.digest(key_fields(program, compiler, soundness))


def obtain(program: DeviceProgram, compiler: Compiler, soundness: str = "real") -> cache.Entry:
    """Return the binary of a program, compiled now unless it is in the cache.

    Raises
    ------
    CompileError
        If there is no NVRTC, or it refuses the source, which stays on disk then.
    CacheError
        If the cache directory cannot be used.
    """
    return cache.obtain(program.render, key_fields(program, compiler, soundness), compiler, NAMES)
