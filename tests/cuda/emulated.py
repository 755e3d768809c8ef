"""A device that executes the emitted text itself, on this processor, with NumPy's memory.

The text is compiled as it is with `shim.h` before it; see there for what is checked.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from closedform.algebra.errors import CallError
from closedform.emit.cuda import DeviceProgram
from closedform.emit.grid import DeviceFacts, Launch
from closedform.runtime.scipy_special import address

HERE = Path(__file__).parent
SCHEDULES = (0, 1, 2, 3, 4)
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-shared", "-w", "-ffp-contract=off", "-fwrapv")
SMALL = DeviceFacts(arch=90, processors=2, shared=5632, shared_processor=5632)  # several panels
SPECIAL = ("erfcx", "erfinv", "erfcinv", "ndtri", "i0", "i1")  # as in shim.h, by SciPy's names
KERNEL = re.compile(
    r"__launch_bounds__\([^)]*\) (\w+)\(const __grid_constant__ cf_frame q(.*)\)$", re.M
)


class Fault(Exception):
    """What the emulation found wrong."""


def unit(source: str) -> str:
    """The text of a program with an entry per kernel."""
    entries = []
    for name, more in KERNEL.findall(source):
        call = f"{name}(*d->q{', d->which' if more else ''})"
        entries.append(
            f"struct data_{name} {{ const cf_frame *q; int which; }};\n"
            f"static void body_{name}(void *x) {{ data_{name} *d = (data_{name} *)x; {call}; }}\n"
            f'extern "C" const char *run_{name}(const cf_frame *q, int which, unsigned grid, '
            f"unsigned block, size_t shared, unsigned order)\n"
            f"{{ data_{name} d = {{ q, which }}; "
            f"return shim::launch(grid, block, shared, order, body_{name}, &d); }}"
        )
    return f'#include "shim.h"\n{source}\n' + "\n".join(entries) + "\n"


def build(source: str, options: tuple[str, ...], flags: tuple[str, ...] = ()) -> Path:
    """Compile a unit, or find it compiled."""
    return compiled(unit(source), options, flags)


def compiled(text: str, options: tuple[str, ...] = (), flags: tuple[str, ...] = ()) -> Path:
    """Compile a text with entries, or find it compiled."""
    facts = repr((text, options, flags, FLAGS, (HERE / "shim.h").read_text()))
    key = hashlib.sha256(facts.encode()).hexdigest()[:24]
    folder = Path(os.environ["CLOSEDFORM_CACHE_DIR"]) / "emulated"
    folder.mkdir(mode=0o700, exist_ok=True)
    library = folder / f"{key}.so"
    if not library.exists():
        path, made = folder / f"{key}.cpp", folder / f"{key}.{os.getpid()}"
        path.write_text(text)
        words = ["g++", *FLAGS, *flags, *options, f"-I{HERE}", str(path), "-o", str(made)]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise Fault(done.stderr[:3000])
        os.replace(made, library)
    return library


def opened(path: Path) -> ctypes.CDLL:
    """A library that was built, with the functions of CUDA that the C library lacks."""
    library = ctypes.CDLL(str(path))
    table = (ctypes.c_void_p * len(SPECIAL)).in_dll(library, "special_functions")
    table[:] = [address(name, 1) for name in SPECIAL]
    return library


class DeviceArray(np.ndarray):
    """An array in the memory of the emulated device; NumPy's own arrays are in the host's."""


def poisoned(shape: tuple[int, ...], dtype: np.dtype) -> DeviceArray:
    """Memory that is not a number in floats."""
    count = int(np.prod(shape)) * dtype.itemsize
    raw = np.full(count + 64, 0xFF, np.uint8).view(DeviceArray)
    start = -raw.ctypes.data % 64
    return raw[start : start + count].view(dtype).reshape(shape)


@dataclass
class Emulated:
    """A `Device` of `runtime.device`; `schedule` decides in which order threads run."""

    schedule: int = 0
    facts: DeviceFacts = SMALL
    name: str = "emulated"
    flags: tuple[str, ...] = ()
    launches: int = 0
    taken: int = 0

    def load(self, program: DeviceProgram, options: tuple[str, ...], soundness: str) -> Any:
        return opened(build(program.source, options, self.flags))

    def launch(self, loaded: Any, launch: Launch, frame: np.ndarray) -> None:
        run = getattr(loaded, f"run_{launch.name}")
        run.restype = ctypes.c_char_p
        run.argtypes = [
            ctypes.c_void_p,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_size_t,
            ctypes.c_uint,
        ]
        self.launches += 1
        at = frame.ctypes.data
        said = run(at, launch.group, launch.grid, launch.block, launch.shared, self.schedule)
        if said:
            raise Fault(f"{launch.name}: {said.decode()}")

    def product(self, left: Any, right: Any, out: Any) -> None:
        out[...] = left @ right

    def mark(self) -> float:
        return time.perf_counter()

    def between(self, first: float, second: float) -> float:
        return second - first

    def record(self, start: Callable[[], None]) -> Callable[[], None]:
        return start

    def wait(self) -> None:
        pass

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> DeviceArray:
        need = int(np.prod(shape)) * dtype.itemsize
        if need > self.free():
            raise CallError(f"no room for an array of shape {shape}")
        return poisoned(shape, dtype)

    def cast(self, array: Any, dtype: np.dtype) -> DeviceArray:
        made = self.empty(array.shape, dtype)
        made[...] = array
        return made

    def view(self, memory: Any, offset: int, shape: Any, dtype: np.dtype) -> DeviceArray:
        count = int(np.prod(shape)) * dtype.itemsize
        return memory[offset : offset + count].view(dtype).reshape(shape)

    def pointer(self, array: Any) -> int:
        return array.ctypes.data

    def adopt(self, value: Any) -> Any:
        return value if isinstance(value, DeviceArray) else None

    def aligned(self, array: Any) -> Any:
        return array if array.flags.aligned else self.put(array)

    def signature(self, arrays: Sequence[Any]) -> tuple[Any, list[int]] | None:
        if not all(type(a) is DeviceArray and a.flags.aligned for a in arrays):
            return None
        return tuple((a.shape, a.strides, a.dtype) for a in arrays), list(map(self.pointer, arrays))

    def enter(self) -> None:
        pass

    def leave(self, arrays: Sequence[Any]) -> None:
        pass

    def put(self, array: np.ndarray) -> DeviceArray:
        made = self.empty(array.shape, array.dtype.newbyteorder("="))
        made[...] = array
        return made

    def host(self, array: Any) -> np.ndarray:
        return np.array(array, subok=False, copy=True)

    def free(self) -> int:
        return self.facts.memory

    def chunks(
        self, arrays: Sequence[np.ndarray], ranges: Iterable[tuple[int, int]]
    ) -> Iterator[tuple[tuple[int, int], list[Any]]]:
        before: list[Any] = []
        for begin, end in ranges:
            now = [self.put(a[begin:end]) for a in arrays]
            yield (begin, end), now
            for a in before:
                a.view(np.uint8)[...] = 0xFF  # its memory is used again
            before = now
