"""Programs of the emitter, compiled into an executable without Python, for sanitizers.

`build` compiles programs, the driver and `standalone.c` under flags of a sanitizer; `run` hands it
inputs and returns what it computed.
"""

from __future__ import annotations

import os
import re
import struct
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.array_utils import byte_bounds
from tests import running
from tests.catalogue import CASES

from closedform.algebra.node import Node
from closedform.emit import Program
from closedform.runtime import abi, blas, toolchain

ADDRESS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
THREAD = ("-fsanitize=thread",)
OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:halt_on_error=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}
MAIN = Path(__file__).with_suffix(".c")
# Constants of the driver under which a few hundred rows make many panels and parts.
SHORT = {
    "PANEL_BYTES": "1.0",
    "PANEL_ROWS_BUFFERED": "16",
    "PANEL_ROWS_FREE": "16",
    "WORK_PER_PART": "1.0",
}
RANK = 12


@dataclass(frozen=True)
class Case:
    """A program of the catalogue, its inputs, and what the graph as written gives for them."""

    name: str
    program: Program
    arrays: dict[Node, np.ndarray]
    want: list[np.ndarray]


@dataclass(frozen=True)
class Job:
    """One case, called by several threads of the host, each of which may use some of the pool."""

    case: Case
    threads: int = 3
    callers: int = 1
    deterministic: bool = False


def case(name: str, change=lambda a: a) -> Case:
    """A case of the catalogue in its compute form, its inputs laid out by `change`."""
    values, outputs = CASES[name]()
    plain = {t.node: np.asarray(v) for t, v in values.items()}
    arrays = {x: change(a) if a.ndim else a for x, a in plain.items()}
    want = running.interpreted(running.as_written(outputs), plain)
    return Case(name, running.program(running.simplified(outputs), arrays), arrays, want)


def kernels(cases: Sequence[Case]) -> int:
    """How many kernels the programs have."""
    return sum(c.program.source.count("static int32_t k") for c in cases)


# ---------------------------------------------------------------- building


def missing(sanitizer: Sequence[str], folder: Path) -> str:
    """Why this machine cannot run a sanitizer, or ""."""
    source = folder / "probe.c"
    source.write_text("int main(void) { return 0; }\n")
    found = toolchain.find()
    words = [*found.command, *sanitizer, str(source), "-o", str(folder / "probe")]
    for step in (words, [str(folder / "probe")]):
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            return f"{' '.join(found.command)} has no {sanitizer[0]} here: {last}"
    return ""


def build(
    cases: Sequence[Case],
    folder: Path,
    sanitizer: Sequence[str],
    workers: int = 2,
    **constants: str,
) -> Path:
    """Return an executable of these programs, in the order of the cases.

    constants : of the driver, beside those that make panels and parts short
    """
    sources = {}
    for k, c in enumerate(cases):
        sources[f"program{k}"] = f"#define closedform_program program{k}\n{c.program.source}"
    names = ", ".join(f"&{name}" for name in sources)
    declared = "".join(f"extern const cf_program {name};\n" for name in sources)
    table = f"const cf_program *const programs[] = {{{names}}};\n"
    sources |= {"driver": _driver(SHORT | constants), "pool": _pool()}
    sources["table"] = f'#include "abi.h"\n{declared}{table}'
    paths = [folder / f"{name}.c" for name in sources]
    for path, text in zip(paths, sources.values(), strict=True):
        path.write_text(text)
    paths.append(MAIN)
    with ThreadPoolExecutor(workers) as pool:
        objects = list(pool.map(lambda path: _compile(path, folder, sanitizer), paths))
    return _command([*objects, "-o", str(folder / "standalone"), "-lm", "-ldl"], sanitizer, folder)


def _driver(constants: dict[str, str]) -> str:
    text = (abi.NATIVE / "driver.c").read_text()
    for name, value in constants.items():
        text, count = re.subn(rf"#define {name} \S+", f"#define {name} {value}", text)
        assert count == 1, f"driver.c defines no {name} any more: see {__file__}"
    return text


def _pool() -> str:
    """The pool, where every part takes so long that all threads get some."""
    text = (abi.NATIVE / "pool.c").read_text()
    work = "        job->task(job->context, part, lane);\n"
    assert text.count(work) == 1, f"pool.c does parts in another way: see {__file__}"
    nap = "        nanosleep(&(struct timespec){0, 500000}, NULL);\n"
    return text.replace(work, nap + work)


def _compile(path: Path, folder: Path, sanitizer: Sequence[str]) -> str:
    made = str(folder / f"{path.stem}.o")
    _command(["-c", str(path), f"-I{abi.NATIVE}", "-o", made], sanitizer, folder)
    return made


def _command(words: Sequence[str], sanitizer: Sequence[str], folder: Path) -> Path:
    found = toolchain.find()
    flags = [f for f in found.flags if f not in ("-O3", "-shared", "-fPIC")]
    command = [*found.command, *flags, "-O1", "-g", *sanitizer, *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return folder / "standalone"


# ---------------------------------------------------------------- running


def run(executable: Path, jobs: Sequence[Job], order: Sequence[Case]) -> list[list[np.ndarray]]:
    """Return the outputs of each job; what the sanitizer says otherwise is the error.

    order : the cases as they were built
    """
    texts = [_packed(job, order.index(job.case)) for job in jobs]
    inputs, outputs = executable.with_name("jobs"), executable.with_name("results")
    inputs.write_bytes(struct.pack("q", len(jobs)) + b"".join(texts))
    wanted = any(job.case.program.externals for job in jobs)
    words = [str(executable), str(inputs), str(outputs), str(blas._path()) if wanted else ""]
    done = subprocess.run(
        words, capture_output=True, text=True, env={**os.environ, **OPTIONS}, timeout=300
    )
    assert done.returncode == 0, done.stderr[-6000:]
    memory, start, found = outputs.read_bytes(), 0, []
    for job in jobs:
        arrays = []
        for like in job.case.want:
            flat = np.frombuffer(memory, like.dtype, like.size, start)
            arrays.append(flat.reshape(like.shape))
            start += like.nbytes
        found.append(arrays)
    assert start == len(memory), "results of another size"
    return found


def _packed(job: Job, number: int) -> bytes:
    p, arrays = job.case.program, list(job.case.arrays.values())
    parts = [struct.pack("4q", number, job.threads, job.deterministic, job.callers)]
    parts.append(struct.pack("q", len(arrays)))
    for a in arrays:
        low, high = byte_bounds(a)
        strides = [*a.strides, *[0] * (RANK - a.ndim)]
        offset = a.__array_interface__["data"][0] - low
        parts.append(struct.pack("2q", high - low, offset) + struct.pack(f"{RANK}q", *strides))
        parts.append(_memory(a, low, high))
    extents = [-1 if d is None else d for d in p.dims]
    for row, a in zip(p.arguments, arrays, strict=False):
        for dim, size in zip(row.dims, a.shape, strict=True):
            extents[dim] = size
    parts.append(struct.pack(f"{len(extents)}q", *extents))
    parts.append(struct.pack(f"{len(p.parameters)}d", *p.parameters))
    return b"".join([*parts, *(f"scipy_{name}".encode().ljust(63, b"\0") for name in p.externals)])


def _memory(a: np.ndarray, low: int, high: int) -> bytes:
    """The bytes from the first to the last that belong to an array."""
    facts = {"version": 3, "shape": (high - low,), "typestr": "|u1", "data": (low, True)}
    return np.asarray(type("Memory", (), {"__array_interface__": facts})()).tobytes()
