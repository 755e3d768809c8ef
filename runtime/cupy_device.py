"""NVIDIA GPUs through CuPy: memory, streams, launches. CuPy is imported when a device is asked for.

Work goes to CuPy's current device and stream. Kernels come from cubins of ours (`cubin`); CuPy only
loads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..algebra.errors import CallError, CompileError
from ..emit.cuda import DeviceProgram
from ..emit.grid import DeviceFacts, Fold, Launch
from . import cubin
from .device import Range

INSTALL = (
    "pip install cupy-cuda13x (for a driver of CUDA 13) or cupy-cuda12x (for one of CUDA 12);"
    " target='c' needs no GPU"
)
CUDA_MEMORY = (2, 13)  # kinds of device in DLPack: CUDA, CUDA managed
STATIC_SHARED = 48 << 10  # bytes that a kernel may use without asking


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
        if launch.shared > STATIC_SHARED:
            kernel.max_dynamic_shared_size_bytes = self.facts.shared
        arguments: tuple[Any, ...] = (frame.view(f"V{frame.nbytes}"),)
        if not isinstance(launch.step, Fold):
            arguments += (np.int32(launch.group),)
        kernel((launch.grid,), (launch.block,), arguments, shared_mem=launch.shared)

    def product(self, left: Any, right: Any, out: Any) -> None:
        left.dot(right, out)

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
            raise CallError(
                f"no room in the memory of {self.name} for an array of shape {shape}, dtype"
                f" {dtype}: {error}",
                fix="pass fewer rows at a time, or free arrays"
                " (cupy.get_default_memory_pool().free_all_blocks())",
            ) from None

    def view(self, memory: Any, offset: int, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        return self.cupy.ndarray(shape, dtype, memory.data + offset)

    def pointer(self, array: Any) -> int:
        return array.data.ptr

    def adopt(self, value: Any) -> Any:
        cupy = self.cupy
        if not isinstance(value, cupy.ndarray):
            if hasattr(value, "__cuda_array_interface__"):
                value = cupy.asarray(value)
            elif (
                hasattr(value, "__dlpack_device__") and value.__dlpack_device__()[0] in CUDA_MEMORY
            ):
                value = cupy.from_dlpack(value)
            else:
                return None
        if value.device.id != self.number:
            raise CallError(
                f"an array lives on device {value.device.id}, and the current device is"
                f" {self.number}",
                fix=f"move it, or call within `with cupy.cuda.Device({value.device.id}):`",
            )
        if value.data.ptr % value.itemsize:  # a view of bytes; memory is copied byte by byte
            return self.cupy.array(value.view(np.uint8), copy=True).view(value.dtype)
        return value

    def put(self, array: np.ndarray) -> Any:
        native = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
        result = self.empty(native.shape, native.dtype)
        result.set(native.reshape(array.shape))
        return result

    def host(self, array: Any) -> np.ndarray:
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
        for k, (begin, end) in enumerate(ranges):
            slot = slots[k % len(slots)]
            slot.fill(arrays, begin, end, copy)
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

    def fill(self, arrays: Sequence[np.ndarray], begin: int, end: int, stream: Any) -> None:
        """Copy rows: into pinned memory now, from there to the device behind the stream."""
        if self.filled is not None:
            self.filled.synchronize()
            stream.wait_event(self.used)
        for pinned, array, into in zip(self.pinned, arrays, self.arrays, strict=True):
            pinned[: end - begin] = array[begin:end]
            into[: end - begin].set(pinned[: end - begin], stream=stream)
        self.filled = stream.record()


_devices: dict[int, CupyDevice] = {}


def current() -> CupyDevice:
    """Return CuPy's current device.

    Raises
    ------
    CompileError
        If there is none, naming what to install.
    """
    number = check().cuda.runtime.getDevice()
    if number not in _devices:
        _devices[number] = CupyDevice(number)
    return _devices[number]
