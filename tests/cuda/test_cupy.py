"""CuPy's own module, where it is installed: what `cupy_device` and the stand-in use is there. It
can be imported, and refuses to launch, without a driver."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from tests.cuda.standin import StandIn

cupy = pytest.importorskip("cupy")

NAMES = (
    "RawKernel.max_dynamic_shared_size_bytes",
    "RawKernel.preferred_shared_memory_carveout",
    "RawModule.get_function",
    "asarray",
    "asnumpy",
    "cuda.Device",
    "cuda.Graph.launch",
    "cuda.MemoryPointer.device_id",
    "cuda.MemoryPointer.ptr",
    "cuda.Stream.begin_capture",
    "cuda.Stream.end_capture",
    "cuda.Stream.record",
    "cuda.Stream.synchronize",
    "cuda.Stream.wait_event",
    "cuda.Event.done",
    "cuda.Event.synchronize",
    "cuda.get_current_stream",
    "cuda.get_elapsed_time",
    "cuda.memory.OutOfMemoryError",
    "cuda.runtime.CUDARuntimeError",
    "cuda.runtime.driverGetVersion",
    "cuda.runtime.getDevice",
    "cuda.runtime.getDeviceCount",
    "cuda.runtime.getDeviceProperties",
    "cuda.runtime.runtimeGetVersion",
    "empty",
    "from_dlpack",
    "get_default_memory_pool",
    "ndarray.astype",
    "ndarray.data",
    "ndarray.device",
    "ndarray.dot",
    "ndarray.set",
    "ndarray.strides",
)
ATTRIBUTES = (
    "MultiProcessorCount",
    "MaxSharedMemoryPerBlockOptin",
    "MaxSharedMemoryPerMultiprocessor",
    "MaxThreadsPerMultiProcessor",
    "MaxRegistersPerMultiprocessor",
)


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    found = cupy
    for part in name.split("."):
        found = getattr(found, part)


def test_attributes_of_a_device():
    for name in ATTRIBUTES:
        assert hasattr(cupy.cuda.runtime, f"cudaDevAttr{name}")
    assert set(StandIn().cuda.Device(0).attributes) == set(ATTRIBUTES)


def test_a_frame_is_taken_by_value():
    """A function of no kernel looks at its arguments before it asks for a device."""

    class Null:
        ptr = 0

    function = cupy.cuda.function.Function.__new__(cupy.cuda.function.Function)
    frame = np.zeros(24, np.uint8)
    with pytest.raises(TypeError, match="size one"):
        function((1,), (1,), (frame,), 0, Null())
    if cupy.cuda.runtime.driverGetVersion() == 0:
        for taken in (frame.view("V24"), np.int32(1)):
            with pytest.raises(cupy.cuda.runtime.CUDARuntimeError):
                function((1,), (1,), (taken,), 0, Null())


def test_out_of_memory_is_a_memory_error():
    assert issubclass(cupy.cuda.memory.OutOfMemoryError, MemoryError)


def test_pinned_memory():
    cupyx = pytest.importorskip("cupyx")
    assert callable(cupyx.empty_pinned) and inspect.isclass(cupy.ndarray)
