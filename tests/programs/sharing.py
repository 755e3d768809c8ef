"""Many programs in one translation unit: one compilation serves them all.

What a text of the emitter defines is renamed in C, and put into a namespace of its own in CUDA.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cuda.emulated import KERNEL, Emulated, compiled, opened, unit

from closedform.runtime import toolchain
from closedform.runtime.loader import SYMBOL, Loaded

DEFINED = re.compile(r"^(?:(?:static|CF_FUNCTION) [^\n;={(]*?\b|enum { )(\w+)(?=\(|\[\]| = )", re.M)


def separate(source: str, number: int) -> str:
    """A C text whose own names end in a number."""
    names = {*DEFINED.findall(source), SYMBOL}
    words = re.compile(rf"(?<!#)\b(?:{'|'.join(sorted(names))})\b")
    return words.sub(lambda m: f"{m[0]}_{number}", source)


def loaded(sources: Sequence[str]) -> list[Loaded]:
    """Programs in memory, from one compilation of all their texts."""
    texts = [separate(source, number) for number, source in enumerate(sources)]
    text = "\n".join(texts)
    name = hashlib.sha256(text.encode()).hexdigest()[:24]
    folder = Path(os.environ["CLOSEDFORM_CACHE_DIR"]) / "shared"
    folder.mkdir(parents=True, exist_ok=True)
    path, binary = folder / f"{name}.c", folder / f"{name}.so"
    if not binary.exists():
        path.write_text(text)
        toolchain.find().compile(path, binary)
    library = ctypes.CDLL(str(binary))
    return [
        Loaded(
            ctypes.addressof(ctypes.c_int32.in_dll(library, f"{SYMBOL}_{k}")),
            library,
            path,
            name,
            True,
        )
        for k in range(len(sources))
    ]


@dataclass
class SharedDevice(Emulated):
    """An emulated device that compiles everything that was loaded at its first launch."""

    texts: list[str] = field(default_factory=list)
    library: Any = None

    def load(self, program: Any, options: tuple[str, ...], soundness: str) -> int:
        self.texts.append(spaced(program.source, options, len(self.texts)))
        return len(self.texts) - 1

    def launch(self, loaded: int, launch: Any, frame: Any) -> None:
        if self.library is None:
            self.library = opened(compiled("\n".join(self.texts)))
        super().launch(_Part(self.library, loaded), launch, frame)


@dataclass(frozen=True)
class _Part:
    """The kernels of one program in a shared library."""

    library: ctypes.CDLL
    number: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.library, f"{name}_{self.number}")


def spaced(source: str, options: Sequence[str], number: int) -> str:
    """A CUDA text in a namespace, with what its options define, and names of its own."""
    pairs = [o[2:].partition("=")[::2] for o in options if o.startswith("-D")]
    before = "".join(f"#define {name} {value or 1}\n" for name, value in pairs)
    guards = re.findall(r"^#ifndef (\w+)\n#define \1\b", source, re.M)
    after = "".join(f"#undef {name}\n" for name in (*(name for name, _ in pairs), *guards))
    for name in {k for k, _ in KERNEL.findall(source)}:
        source = re.sub(rf"\b{name}(?=\()", f"{name}_{number}", source)
    return f'#include "shim.h"\n{before}namespace p{number} {{\n{unit(source)}\n}}\n{after}'
