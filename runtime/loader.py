"""From a program as text to its table in memory."""

from __future__ import annotations

import ctypes
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from ..algebra.errors import CompileError
from ..emit.program import Program
from . import abi, cache, toolchain

SYMBOL = "closedform_program"


@dataclass(frozen=True)
class Loaded:
    """A program in memory.

    Attributes
    ----------
    address : int
        Where its table is.
    owner : object
        What keeps it loaded.
    source_path : Path
        Where its source is on disk.
    key : str
        Its key in the cache.
    compiled : bool
        Whether this process compiled it.
    """

    address: int
    owner: object
    source_path: Path
    key: str
    compiled: bool


class _Memory:
    """What this process has loaded: one key once, whichever thread asks."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.locks: dict[str, threading.Lock] = {}
        self.loaded: dict[str, Loaded] = {}

    def lock(self, key: str) -> threading.Lock:
        with self.guard:
            return self.locks.setdefault(key, threading.Lock())

    def start_afresh(self) -> None:
        """Forget locks that threads of the parent held when it forked."""
        self.guard = threading.Lock()
        self.locks = {}


_memory = _Memory()
os.register_at_fork(after_in_child=_memory.start_afresh)


def load(program: Program, soundness: str = "real") -> Loaded:
    """Compile a program, or find it compiled, and load it.

    Parameters
    ----------
    program : Program
        For target "c".
    soundness : str
        How far rewriting was allowed to go; a field of the cache key.

    Raises
    ------
    CompileError
        If there is no compiler, it fails, or it hangs.
    CacheError
        If the cache directory cannot be used.
    """
    compiler = toolchain.find()
    fields = cache.key_fields(program, compiler, soundness)
    key = cache.store.digest(fields)
    with _memory.lock(key):
        if key not in _memory.loaded:
            entry = cache.obtain(program.render, fields, compiler)
            _memory.loaded[key] = _open(entry)
    return _memory.loaded[key]


def _open(entry: cache.Entry) -> Loaded:
    library = open_library(entry)
    try:
        number = ctypes.c_int32.in_dll(library, SYMBOL)
    except ValueError:
        raise CompileError(
            f"the compiled program does not export {SYMBOL}",
            where=str(entry.source),
            fix="please report this with the file named above",
        ) from None
    if number.value != abi.version():
        raise CompileError(
            f"the program's table has version {number.value}, this library's {abi.version()}",
            where=str(entry.source),
            fix="please report this with the file named above",
        )
    return Loaded(ctypes.addressof(number), library, entry.source, entry.key, entry.compiled)


def open_library(entry: cache.Entry) -> ctypes.CDLL:
    """Load the binary of an entry."""
    try:
        return ctypes.CDLL(str(entry.binary), mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError as error:
        raise CompileError(
            f"the compiled program cannot be loaded: {error}",
            where=str(entry.source),
            fix=f"if the folder of the cache forbids execution (noexec), {cache.store.CHOOSE}",
        ) from error
