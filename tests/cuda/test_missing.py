"""What a machine without a GPU, a driver, CuPy or NVRTC is told."""

from __future__ import annotations

import subprocess
import sys
import types

import numpy as np
import pytest

import closedform as cf
from closedform.runtime import cupy_device, nvrtc


@pytest.fixture(autouse=True)
def afresh():
    """Libraries are looked for again."""
    cupy_device._cupy.cache_clear()
    nvrtc._library.cache_clear()
    yield
    cupy_device._cupy.cache_clear()
    nvrtc._library.cache_clear()


class CudaError(Exception):
    pass


def fake(monkeypatch, driver=13000, built=13000, devices=1):
    """The questions that CuPy answers before anything runs; no kernel is faked."""

    def count():
        if isinstance(devices, Exception):
            raise devices
        return devices

    def version():
        if isinstance(driver, Exception):
            raise driver
        return driver

    runtime = types.SimpleNamespace(
        driverGetVersion=version, runtimeGetVersion=lambda: built, getDeviceCount=count
    )
    module = types.ModuleType("cupy")
    module.cuda = types.SimpleNamespace(runtime=runtime)
    monkeypatch.setitem(sys.modules, "cupy", module)
    cupy_device._cupy.cache_clear()


def refusal(action) -> str:
    with pytest.raises(cf.CompileError) as caught:
        action()
    assert caught.value.fix
    return str(caught.value)


def test_without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    x = cf.vector("x")
    f = cf.function([x], x + 1, target="cuda")
    text = refusal(lambda: f(np.ones(3)))
    assert "cupy" in text and "pip install cupy-cuda13x" in text
    assert "pip install cupy-cuda13x" in refusal(lambda: cf.shared(0.0, target="cuda"))


def test_a_cupy_that_does_not_load(monkeypatch, tmp_path):
    package = tmp_path / "cupy"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('libcublas.so.13 is missing')")
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "cupy cannot be imported: libcublas.so.13 is missing" in refusal(cupy_device.check)


def test_without_a_driver(monkeypatch):
    fake(monkeypatch, driver=0)
    assert "no NVIDIA driver" in refusal(cupy_device.check)
    fake(monkeypatch, driver=CudaError("insufficient"))
    assert "finds no CUDA driver: insufficient" in refusal(cupy_device.check)


def test_a_cupy_for_another_driver(monkeypatch):
    fake(monkeypatch, driver=12040)
    text = refusal(cupy_device.check)
    assert "the driver is for CUDA 12.4, and this CuPy for CUDA 13.0" in text
    assert "pip install cupy-cuda12x" in text


def test_without_a_device(monkeypatch):
    fake(monkeypatch, devices=0)
    assert "no CUDA device" in refusal(cupy_device.check)
    fake(monkeypatch, devices=CudaError("cudaErrorNoDevice"))
    assert "cudaErrorNoDevice" in refusal(cupy_device.check)


def test_without_nvrtc(monkeypatch):
    monkeypatch.setenv("CLOSEDFORM_NVRTC", "/nowhere/libnvrtc.so.13")
    text = refusal(nvrtc.version)
    assert "/nowhere/libnvrtc.so.13" in text and "pip install nvidia-cuda-nvrtc" in text


def test_source_and_explain_need_no_device(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    x = cf.matrix("x")
    f = cf.function([x], cf.exp(x).sum(), target="cuda")
    assert "__global__" in f.source
    assert "fold0" in f.explain()


def test_importing_the_project_never_imports_cupy():
    code = (
        "import sys, closedform as cf; x = cf.vector('x');"
        "f = cf.function([x], x + 1, target='cuda'); f.source;"
        "print(sorted(m for m in sys.modules if m.startswith(('cupy', 'nvidia'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
