"""The driver through ctypes: its structures, and the library they are handed to.

It is compiled once per machine, at the first call, through the cache.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ..algebra.version import VERSION
from . import abi, threads, toolchain
from . import cache as disk
from .loader import open_library


class Block(ctypes.Structure):
    """`cf_block`."""

    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class Call(ctypes.Structure):
    """`cf_call`."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("stride", ctypes.c_void_p),
        ("extent", ctypes.c_void_p),
        ("scalar", ctypes.c_void_p),
        ("external", ctypes.c_void_p),
        ("block", ctypes.POINTER(Block)),
        ("poll", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
        ("threads", ctypes.c_int32),
        ("deterministic", ctypes.c_int32),
        ("needed", ctypes.c_size_t),
    ]


class Interpreter(ctypes.Structure):
    """`cf_interpreter`."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("save", "restore", "check", "thread")),
        ("keeps_lock", ctypes.c_ssize_t),
    ]


class Head(ctypes.Structure):
    """The numbers at the head of a `cf_program`."""

    _fields_ = [
        (name, ctypes.c_int32)
        for name in ("abi", "dims", "arguments", "arrays", "scalars", "externals", "stages")
    ]


@cache
def library() -> ctypes.PyDLL:
    """Return the driver, compiled if this machine has none yet."""
    compiler = toolchain.find()
    fields = {
        "program": "driver",
        "source": disk.folder_digest(abi.NATIVE, "*.[ch]"),
        "compiler": compiler.identity(),
        "flags": list(compiler.flags),
        "cpu": toolchain.cpu_features(),
        "abi": abi.version(),
        "closedform": VERSION,
    }
    entry = disk.obtain(lambda: '#include "standalone.c"\n', fields, compiler)
    open_library(entry)  # raises with a reason
    driver = ctypes.PyDLL(str(entry.binary))
    driver.cf_release.restype = None
    driver.cf_define_extents.restype = None
    driver.cf_set_threads.restype = None
    driver.cf_assume_threads.restype = None
    return driver


def settled() -> ctypes.PyDLL:
    """Return the driver, which knows how many threads a call may use: asked once per process."""
    driver = library()
    if not driver.cf_threads_known():
        driver.cf_assume_threads(ctypes.c_int32(min(threads.default(), 2**31 - 1)))
    return driver


@cache
def _lock_functions() -> tuple[int | None, ...]:
    names = ("PyEval_SaveThread", "PyEval_RestoreThread", "PyErr_CheckSignals")
    addresses = [ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p) for name in names]
    return tuple(address.value for address in addresses)


class Workspace:
    """A block that the driver sizes; freed with this object."""

    def __init__(self) -> None:
        self.block = Block(None, 0)
        self._release = library().cf_release

    def __del__(self) -> None:
        self._release(ctypes.byref(self.block))


class Tables:
    """What one running call needs; kept for the next call."""

    def __init__(
        self,
        arguments: int,
        dims: int,
        parameters: np.ndarray,
        externals: np.ndarray,
        deterministic: bool,
    ) -> None:
        self.workspace = Workspace()
        self.data = (ctypes.c_size_t * arguments)()
        self.stride = (ctypes.c_int64 * (arguments * abi.header()["CF_MAX_RANK"]))()
        self.extent = (ctypes.c_int64 * dims)()
        places = [ctypes.addressof(t) for t in (self.data, self.stride, self.extent)]
        numbers = (parameters.ctypes.data, externals.ctypes.data)
        block = ctypes.pointer(self.workspace.block)
        self.call = Call(*places, *numbers, block, None, None, 0, deterministic)

    def fill(self, arrays: Sequence[np.ndarray], extent: Sequence[int]) -> None:
        self.data[:] = [array.__array_interface__["data"][0] for array in arrays]
        self.extent[:] = list[Any](extent)
        rank = abi.header()["CF_MAX_RANK"]
        for i, array in enumerate(arrays):
            self.stride[i * rank : i * rank + array.ndim] = list(array.strides)

    def run(self, program: ctypes.c_void_p, keeps_lock: bool) -> int:
        """Return the status of a run, without the interpreter's lock or with it; signals may
        raise."""
        python = Interpreter(*_lock_functions(), None, keeps_lock)
        return settled().cf_run_released(program, ctypes.byref(self.call), ctypes.byref(python))
