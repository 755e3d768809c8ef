"""NVIDIA GPUs through CuPy: memory, streams, launches. CuPy is imported when a device is asked for.

Work goes to CuPy's current device and stream. Kernels come from cubins of ours (`cubin`); CuPy only
loads them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from ..algebra.build import here
from ..algebra.errors import CallError, CompileError
from ..emit.cuda import DeviceProgram
from ..emit.grid import DeviceFacts, Fold, Launch
from . import cubin
from .device import Range
from .threads import processors

INSTALL = (
    "pip install cupy-cuda13x (for a driver of CUDA 13) or cupy-cuda12x (for one of CUDA 12);"
    " target='c' needs no GPU"
)
CUDA_MEMORY = (2, 13)  # kinds of device in DLPack: CUDA, CUDA managed
UNASKED = 47 << 10  # bytes of shared memory that a kernel may use without asking, less its own
COPIERS = 8  # threads that copy into pinned memory
LARGE = 8 << 10  # bytes of a block from which on shared memory is worth more than cache


@cache
def _cupy() -> Any:
    """The module.

    Raises CompileError if it cannot be imported.
    """
    try:
        import cupy
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "cupy"
        found = "the package cupy is missing" if missing else f"cupy cannot be imported: {error}"
        raise CompileError(f"{found}, which runs target='cuda'", fix=INSTALL) from None
    return cupy


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def check() -> Any:
    """Return CuPy if it has a device.

    Raises
    ------
    CompileError
        Saying what is missing: CuPy, a driver, a device, or a build that fits the driver.
    """
    cupy = _cupy()
    runtime = cupy.cuda.runtime
    try:
        driver, built = runtime.driverGetVersion(), runtime.runtimeGetVersion()
    except Exception as error:
        raise CompileError(
            f"CuPy finds no CUDA driver: {error}",
            fix="install the NVIDIA driver; target='c' needs none",
        ) from None
    if driver == 0:
        raise CompileError(
            "there is no NVIDIA driver", fix="install the NVIDIA driver; target='c' needs none"
        )
    if driver // 1000 < built // 1000:
        wanted = f"cupy-cuda{driver // 1000}x"
        raise CompileError(
            f"the driver is for CUDA {_version(driver)}, and this CuPy for CUDA {_version(built)}",
            fix=f"pip uninstall {package()} and pip install {wanted}, or update the driver",
        )
    try:
        count = runtime.getDeviceCount()
    except Exception as error:
        raise CompileError(f"CuPy finds no device: {error}", fix="see `nvidia-smi`") from None
    if count == 0:
        raise CompileError("there is no CUDA device", fix="target='c' needs none")
    return cupy


@cache
def _void(size: int) -> np.dtype:
    """The dtype of a frame that is passed by value."""
    return np.dtype((np.void, size))


def package() -> str:
    """Return the name of the installed CuPy package."""
    from importlib import metadata

    names = (d.metadata["Name"] for d in metadata.distributions())
    return next((n for n in names if n and n.startswith("cupy-")), "cupy")


class CupyDevice:
    """One GPU; see `runtime.device.Device` for its methods."""

    def __init__(self, number: int) -> None:
        self.cupy = check()
        self.number = number
        device = self.cupy.cuda.Device(number)
        facts = device.attributes
        properties = self.cupy.cuda.runtime.getDeviceProperties(number)
        self.name = properties["name"].decode()
        self.facts = DeviceFacts(
            arch=int(device.compute_capability),
            processors=facts["MultiProcessorCount"],
            shared=facts["MaxSharedMemoryPerBlockOptin"],
            shared_processor=facts["MaxSharedMemoryPerMultiprocessor"],
            threads=facts["MaxThreadsPerMultiProcessor"],
            registers=facts["MaxRegistersPerMultiprocessor"],
            memory=device.mem_info[1],
        )
        self._loaded: dict[str, dict[str, Any]] = {}
        self._allowed: dict[int, int] = {}
        self._stream: Any = None
        self._several = False
        self._held: deque[tuple[Any, Any]] = deque()

    # ------------------------------------------------------------ kernels

    def load(
        self, program: DeviceProgram, options: tuple[str, ...], soundness: str
    ) -> dict[str, Any]:
        """Kernels by name, from the cache or compiled now."""
        compiler = cubin.Compiler(cubin.architecture(self.facts.arch), options)
        key = cubin.key(program, compiler, soundness)
        if key not in self._loaded:
            entry = cubin.obtain(program, compiler, soundness)
            module = self.cupy.RawModule(path=str(entry.binary))
            names = [s.name for s in program.kernels.steps if hasattr(s, "name")]
            self._loaded[key] = {name: module.get_function(name) for name in names}
        return self._loaded[key]

    def launch(self, loaded: dict[str, Any], launch: Launch, frame: np.ndarray) -> None:
        kernel = loaded[launch.name]
        if launch.shared > self._allowed.get(id(kernel), 0):
            self._allow(kernel, launch.shared)
        arguments: tuple[Any, ...] = (frame.view(_void(frame.nbytes)),)
        if not isinstance(launch.step, Fold):
            arguments += (np.int32(launch.group),)
        kernel((launch.grid,), (launch.block,), arguments, shared_mem=launch.shared)

    def _allow(self, kernel: Any, shared: int) -> None:
        """Let a kernel, which `_loaded` keeps, have this much shared memory."""
        self._allowed[id(kernel)] = shared
        if shared > UNASKED:
            kernel.max_dynamic_shared_size_bytes = shared
        if shared > LARGE:
            kernel.preferred_shared_memory_carveout = 100

    def product(self, left: Any, right: Any, out: Any) -> None:
        try:
            left.dot(right, out)
        except (ImportError, RuntimeError) as error:
            if "cublas" not in str(error):
                raise
            raise CompileError(
                f"CuPy cannot load cuBLAS, which multiplies matrices: {error}",
                fix="pip install nvidia-cublas (for CUDA 13), or install the CUDA toolkit",
            ) from None

    # ------------------------------------------------------------ streams

    def enter(self) -> None:
        stream = self.cupy.cuda.get_current_stream()
        if self._stream is not None and stream.ptr != self._stream.ptr:
            self._several = True
            stream.wait_event(self._stream.record())
        self._stream = stream

    def leave(self, arrays: Sequence[Any]) -> None:
        """Memory goes back to the pool of the stream that it came from, which knows nothing of what
        reads it on another one: it is held until that is done."""
        if self._several:
            self._held.append((self._stream.record(), list(arrays)))
        while self._held and self._held[0][0].done:
            self._held.popleft()

    def mark(self) -> Any:
        return self.cupy.cuda.get_current_stream().record()

    def between(self, first: Any, second: Any) -> float:
        return self.cupy.cuda.get_elapsed_time(first, second) / 1e3

    def record(self, start: Callable[[], None]) -> Callable[[], None]:
        """A CUDA graph of what `start` launches."""
        stream = self.cupy.cuda.Stream(non_blocking=True)
        stream.wait_event(self.cupy.cuda.get_current_stream().record())
        with stream:
            stream.begin_capture()
            try:
                start()
            finally:
                graph = stream.end_capture()
        return lambda: graph.launch(self.cupy.cuda.get_current_stream())

    def wait(self) -> None:
        try:
            self.cupy.cuda.get_current_stream().synchronize()
        except self.cupy.cuda.runtime.CUDARuntimeError as error:
            raise CallError(
                f"the device reports {error}",
                fix="a kernel of this call failed: please report it with f.source; this process"
                " cannot use the device any more",
            ) from None

    # ------------------------------------------------------------ memory

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        try:
            return self.cupy.empty(shape, dtype)
        except self.cupy.cuda.memory.OutOfMemoryError as error:
            raise self._full(error) from None

    def cast(self, array: Any, dtype: np.dtype) -> Any:
        try:
            return array.astype(dtype)
        except self.cupy.cuda.memory.OutOfMemoryError as error:
            raise self._full(error) from None

    def _full(self, error: Exception) -> CallError:
        return CallError(
            f"no room in the memory of {self.name}: {error}",
            where=here(),
            fix="pass fewer rows at a time, or free arrays"
            " (cupy.get_default_memory_pool().free_all_blocks())",
        )

    def view(self, memory: Any, offset: int, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        return self.cupy.ndarray(shape, dtype, memory.data + offset)

    def pointer(self, array: Any) -> int:
        return array.data.ptr

    def adopt(self, value: Any) -> Any:
        if not isinstance(value, self.cupy.ndarray):
            value = self._taken(value)
        if value is None:
            return None
        if value.device.id != self.number:
            raise CallError(
                f"an array lives on device {value.device.id}, and the current device is"
                f" {self.number}",
                where=here(),
                fix=f"move it, or call within `with cupy.cuda.Device({value.device.id}):`",
            )
        return value

    def _taken(self, value: Any) -> Any:
        """An array of another library in device memory; None if it is not."""
        on_cuda = getattr(value, "__dlpack_device__", None)
        try:
            if on_cuda is not None and on_cuda()[0] in CUDA_MEMORY:
                return self.cupy.from_dlpack(value)
            if hasattr(value, "__cuda_array_interface__"):
                return self.cupy.asarray(value)
        except (RuntimeError, TypeError, ValueError, BufferError) as error:
            raise CallError(
                f"CuPy cannot take an array of type {type(value).__name__}: {error}",
                where=here(),
                fix="pass what cupy.asarray or cupy.from_dlpack takes, such as x.detach()",
            ) from None
        return None

    def aligned(self, array: Any) -> Any:
        item = array.itemsize
        steps = (s for s, n in zip(array.strides, array.shape, strict=True) if n > 1)
        if not (array.data.ptr % item or any(s % item for s in steps)):
            return array
        shape, strides = (*array.shape, item), (*array.strides, 1)
        made = self.empty(shape, np.dtype(np.uint8))
        made[...] = self.cupy.ndarray(shape, np.uint8, array.data, strides)
        return made.view(array.dtype).reshape(array.shape)

    def signature(self, arrays: Sequence[Any]) -> tuple[Any, list[int]] | None:
        kind, number = self.cupy.ndarray, self.number
        key: list[Any] = []
        pointers = []
        for a in arrays:
            if type(a) is not kind:
                return None
            memory = a.data
            pointer = memory.ptr
            if memory.device_id != number or pointer % a.itemsize:
                return None
            pointers.append(pointer)
            key += (a.shape, a.strides, a.dtype)
        return tuple(key), pointers

    def put(self, array: np.ndarray) -> Any:
        self.enter()
        native = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
        result = self.empty(array.shape, native.dtype)
        result.set(native.reshape(array.shape))  # it has made one axis of none
        return result

    def host(self, array: Any) -> np.ndarray:
        self.enter()
        return self.cupy.asnumpy(array)

    def free(self) -> int:
        pool = self.cupy.get_default_memory_pool()
        return self.cupy.cuda.Device(self.number).mem_info[0] + pool.free_bytes()

    def chunks(
        self, arrays: Sequence[np.ndarray], ranges: Iterable[Range]
    ) -> Iterator[tuple[Range, list[Any]]]:
        """Two sets of buffers take turns: one is copied into while the other is computed with."""
        cupy, compute = self.cupy, self.cupy.cuda.get_current_stream()
        ranges = list(ranges)
        rows = max(end - begin for begin, end in ranges)
        copy = cupy.cuda.Stream(non_blocking=True)
        copy.wait_event(compute.record())  # the memory may have been in use there
        slots = [_Slot(self, arrays, rows) for _ in range(min(2, len(ranges)))]
        with ThreadPoolExecutor(min(COPIERS, processors())) as copiers:
            for k, (begin, end) in enumerate(ranges):
                slot = slots[k % len(slots)]
                slot.fill(arrays, begin, end, copy, copiers)
                compute.wait_event(slot.filled)
                yield (begin, end), slot.arrays
                slot.used = compute.record()
        compute.synchronize()  # the buffers go back to the pool


class _Slot:
    """Room for one chunk: pinned memory of the host, and device memory."""

    def __init__(self, device: CupyDevice, arrays: Sequence[np.ndarray], rows: int) -> None:
        import cupyx

        shapes = [(rows, *a.shape[1:]) for a in arrays]
        self.pinned = [cupyx.empty_pinned(s, a.dtype) for s, a in zip(shapes, arrays, strict=True)]
        self.arrays = [device.empty(s, a.dtype) for s, a in zip(shapes, arrays, strict=True)]
        self.filled: Any = None
        self.used: Any = None

    def fill(
        self, arrays: Sequence[np.ndarray], begin: int, end: int, stream: Any, copiers: Executor
    ) -> None:
        """Copy rows: into pinned memory now, by several threads, for one is slower than the way to
        the device; from there to the device behind the stream."""
        if self.filled is not None:
            self.filled.synchronize()
            stream.wait_event(self.used)
        for pinned, array, into in zip(self.pinned, arrays, self.arrays, strict=True):
            there = pinned[: end - begin]
            parts = zip(
                np.array_split(there, COPIERS),
                np.array_split(array[begin:end], COPIERS),
                strict=True,
            )
            list(copiers.map(lambda part: np.copyto(*part), parts))
            into[: end - begin].set(there, stream=stream)
        self.filled = stream.record()


_devices: dict[int, CupyDevice] = {}


def current() -> CupyDevice:
    """Return CuPy's current device.

    Raises
    ------
    CompileError
        If there is none, naming what to install.
    """
    cupy = _cupy() if _devices else check()
    number = cupy.cuda.runtime.getDevice()
    if number not in _devices:
        _devices[number] = CupyDevice(number)
    return _devices[number]
