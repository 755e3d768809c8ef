"""Binaries of CUDA programs in the cache: what their key names, and that a warm cache compiles
nothing. NVRTC compiles them here; no device loads them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests import running
from tests.cuda.models import MODELS
from tests.cuda.running import extents, program
from tests.emit.test_catalogue import arrays_of

from closedform.emit import grid
from closedform.runtime import cubin, nvrtc

pytest.importorskip("nvidia.cu13", reason="the package nvidia-cuda-nvrtc is for Linux")


@pytest.fixture(scope="module")
def planned():
    values, outputs = MODELS["logistic"]("float32")
    arrays = arrays_of(values)
    p = program(running.simplified(outputs), arrays)
    return p, grid.plan(p.kernels, extents(p, arrays), grid.DeviceFacts()).options


def test_the_key_names_architecture_compiler_and_options(planned, monkeypatch):
    p, options = planned
    compiler = cubin.Compiler("sm_90", options)
    first = cubin.key(p, compiler)
    assert first == cubin.key(p, cubin.Compiler("sm_90", options))
    others = [
        cubin.key(p, cubin.Compiler("sm_80", options)),
        cubin.key(p, cubin.Compiler("sm_90", options[1:])),
        cubin.key(p, compiler, soundness="fast"),
    ]
    monkeypatch.setattr(nvrtc, "version", lambda: (12, 9))
    others.append(cubin.key(p, compiler))
    monkeypatch.setattr(nvrtc, "FLAGS", ("-std=c++17", "-ftz=true"))
    others.append(cubin.key(p, compiler))
    assert len({first, *others}) == 1 + len(others)


def test_subnormals_are_kept_by_an_option_of_every_compilation():
    assert "-ftz=false" in nvrtc.FLAGS


def test_a_warm_cache_compiles_nothing(planned, monkeypatch):
    p, options = planned
    compiler = cubin.Compiler("sm_90", options)
    entry = cubin.obtain(p, compiler)
    assert entry.binary.read_bytes()[:4] == b"\x7fELF"
    assert "__global__" in entry.source.read_text()
    monkeypatch.setattr(nvrtc, "compile_cuda", lambda *a: pytest.fail("compiled"))
    again = cubin.obtain(p, compiler)
    assert again.binary == entry.binary


def test_keys_are_the_same_in_every_process(planned):
    code = (
        "from tests.cuda.test_cubin import *;"
        "values, outputs = MODELS['logistic']('float32'); arrays = arrays_of(values);"
        "p = program(running.simplified(outputs), arrays);"
        "o = grid.plan(p.kernels, extents(p, arrays), grid.DeviceFacts()).options;"
        "print(cubin.key(p, cubin.Compiler('sm_90', o)))"
    )
    p, options = planned
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == cubin.key(p, cubin.Compiler("sm_90", options)), done.stderr
