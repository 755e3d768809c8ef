"""A module in the place of CuPy, with NumPy's memory, whose kernels are the emulated ones.

It notes what is done on which stream, in order; memory is recycled at once, as CuPy's pool does.
Only what `cupy_device` uses is here; `test_cupy.py` compares its names with CuPy's own.
"""

from __future__ import annotations

import ctypes
import itertools
import time
import types
from typing import Any

import numpy as np
from tests.cuda.emulated import opened


class CUDARuntimeError(RuntimeError):
    pass


class OutOfMemoryError(MemoryError):
    pass


class Pointer:
    """An address in the memory of an array of bytes."""

    def __init__(self, array: Any, offset: int = 0) -> None:
        self.array, self.offset = array, offset
        self.ptr, self.device_id = array.ctypes.data + offset, array.number

    def __add__(self, offset: int) -> Pointer:
        return Pointer(self.array, self.offset + offset)


class ndarray(np.ndarray):  # noqa: N801 (CuPy's name)
    number = 0

    def __new__(cls, shape: tuple, dtype: Any, pointer: Pointer, strides: Any = None) -> ndarray:
        if strides is None:
            strides = np.empty((), dtype).itemsize * np.cumprod([1, *shape[:0:-1]])[::-1]
        interface = {"shape": shape, "strides": tuple(map(int, strides)), "version": 3}
        interface |= {"typestr": np.dtype(dtype).str, "data": (pointer.ptr, False)}
        held = types.SimpleNamespace(__array_interface__=interface, array=pointer.array)
        made = np.asarray(held).view(ndarray)
        made.number = pointer.device_id
        return made

    def __array_finalize__(self, other: Any) -> None:
        self.number = getattr(other, "number", 0)

    @property
    def device(self) -> Any:
        return types.SimpleNamespace(id=self.number)

    @property
    def data(self) -> Any:
        return Pointer(self)

    def set(self, array: np.ndarray, stream: Any = None) -> None:
        self.module.note("copy", stream or self.module.stream, array.shape)
        self[...] = array


class Event:
    def __init__(self, stream: Any) -> None:
        self.stream, self.done, self.time = stream, True, time.perf_counter()

    def synchronize(self) -> None:
        self.stream.module.note("synchronize", self.stream, None)


class Stream:
    counter = itertools.count(1)

    def __init__(self, module: StandIn, null: bool = False) -> None:
        self.module, self.ptr = module, 0 if null else next(self.counter)
        self.recording: list | None = None

    def __enter__(self) -> Stream:
        self._before, self.module.stream = self.module.stream, self
        return self

    def __exit__(self, *_: Any) -> None:
        self.module.stream = self._before

    def record(self) -> Event:
        event = Event(self)
        self.module.note("record", self, event)
        return event

    def wait_event(self, event: Event) -> None:
        self.module.note("wait", self, event)

    def synchronize(self) -> None:
        self.module.note("synchronize", self, None)
        if self.module.fault:
            raise CUDARuntimeError(self.module.fault)

    def begin_capture(self) -> None:
        self.recording = []

    def end_capture(self) -> Graph:
        assert self.recording is not None, "begin_capture comes first"
        graph, self.recording = Graph(self.module, self.recording), None
        return graph


class Graph:
    def __init__(self, module: StandIn, launches: list) -> None:
        self.module, self.launches = module, launches

    def launch(self, stream: Stream) -> None:
        self.module.note("graph", stream, len(self.launches))
        for start in self.launches:
            start()


class Kernel:
    """A function of a library that `emulated.build` made; it refuses what a device refuses."""

    shared_size_bytes = 512  # of its own

    def __init__(self, module: StandIn, path: str, name: str) -> None:
        self.module, self.name = module, name
        self.run = getattr(opened(path), f"run_{name}")
        self.run.restype = ctypes.c_char_p
        self.allowed, self.preferred_shared_memory_carveout = 48 << 10, -1

    @property
    def max_dynamic_shared_size_bytes(self) -> int:
        return self.allowed

    @max_dynamic_shared_size_bytes.setter
    def max_dynamic_shared_size_bytes(self, count: int) -> None:
        if count + self.shared_size_bytes > 232448:
            raise CUDARuntimeError("CUDA_ERROR_INVALID_VALUE: more than the device has")
        self.allowed = count

    def __call__(self, grid: tuple, block: tuple, args: tuple, *, shared_mem: int = 0) -> None:
        frame, *which = args
        assert frame.dtype.kind == "V" and frame.size == 1, "CuPy takes one number of any size"
        assert all(type(w) is np.int32 for w in which)
        if shared_mem > self.allowed or shared_mem + self.shared_size_bytes > 232448:
            raise CUDARuntimeError("CUDA_ERROR_INVALID_VALUE: too much shared memory")
        held = frame.copy()  # kernels keep a copy of their arguments
        group = int(which[0]) if which else 0

        def start() -> None:
            said = self.run(
                ctypes.c_void_p(held.ctypes.data), group, grid[0], block[0],
                ctypes.c_size_t(shared_mem), 0,
            )  # fmt: skip
            assert not said, said

        stream = self.module.stream
        if stream.recording is not None:
            stream.recording.append(start)
            return
        self.module.note("launch", stream, self.name)
        start()


class StandIn(types.ModuleType):
    """`log` holds (what, number of the stream, subject)."""

    ndarray = ndarray

    def __init__(self, memory: int = 1 << 34) -> None:
        super().__init__("cupy")
        self.log: list[tuple[str, int, Any]] = []
        self.memory, self.fault, self.current = memory, "", 0
        ndarray.module = self
        self.stream = Stream(self, null=True)
        attributes = {
            "MultiProcessorCount": 2,
            "MaxSharedMemoryPerBlockOptin": 232448,
            "MaxSharedMemoryPerMultiprocessor": 233472,
            "MaxThreadsPerMultiProcessor": 2048,
            "MaxRegistersPerMultiprocessor": 65536,
        }
        device = lambda number: types.SimpleNamespace(  # noqa: E731
            attributes=attributes, compute_capability="90", mem_info=(self.memory, self.memory)
        )
        self.cuda = types.SimpleNamespace(
            Device=device,
            Stream=lambda non_blocking=False: Stream(self),
            get_current_stream=lambda: self.stream,
            get_elapsed_time=lambda first, second: 1e3 * (second.time - first.time),
            memory=types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            runtime=types.SimpleNamespace(
                CUDARuntimeError=CUDARuntimeError,
                driverGetVersion=lambda: 13000,
                runtimeGetVersion=lambda: 13000,
                getDeviceCount=lambda: 2,
                getDevice=lambda: self.current,
                getDeviceProperties=lambda number: {"name": b"stand-in"},
            ),
        )
        self.get_default_memory_pool = lambda: types.SimpleNamespace(free_bytes=lambda: 0)

    def note(self, what: str, stream: Stream, subject: Any) -> None:
        self.log.append((what, stream.ptr, subject))

    def RawModule(self, path: str) -> Any:  # noqa: N802 (CuPy's name)
        return types.SimpleNamespace(get_function=lambda name: Kernel(self, path, name))

    def empty(self, shape: Any, dtype: Any) -> ndarray:
        made = np.empty(shape, dtype)
        if made.nbytes > self.memory:
            raise OutOfMemoryError(f"Out of memory allocating {made.nbytes} bytes")
        if made.dtype.kind == "f":
            made.fill(np.nan)
        made = made.view(ndarray)
        made.number = self.current
        return made

    def put(self, array: np.ndarray, number: int = 0) -> ndarray:
        made = np.array(array, copy=True, order="K").view(ndarray)
        made.number = number
        return made

    def asnumpy(self, array: ndarray) -> np.ndarray:
        self.note("read", self.stream, array.shape)
        return np.array(array, subok=False, copy=True)

    def asarray(self, value: Any) -> ndarray:
        return self.put(np.asarray(value.held))

    def from_dlpack(self, value: Any) -> ndarray:
        if not hasattr(value, "held"):
            raise BufferError("this array requires a gradient")
        return self.put(np.asarray(value.held))
