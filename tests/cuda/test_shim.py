"""The emulation itself: it runs right kernels, and catches every kind of mistake that is seeded."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys

import numpy as np
import pytest
from tests import running
from tests.cuda.emulated import SCHEDULES, Emulated, Fault, build
from tests.cuda.models import MODELS
from tests.cuda.running import extents, program
from tests.emit.test_catalogue import arrays_of

from closedform.runtime.device import DeviceEntry

FRAME = """
struct cf_frame { float *x; int n; };
extern "C" __global__ void __launch_bounds__(128, 1) work(const __grid_constant__ cf_frame q)
{
    __shared__ float part[4];
    float *const row = (float *)cf_shared;
    const int t = threadIdx.x;
    %s
}
"""
SUM = """
    row[t] = t < q.n ? q.x[t] : 0;
    __syncthreads();
    float s = row[127 - t];
    for (int m = 16; m; m >>= 1) s += __shfl_xor_sync(0xffffffffu, s, m);
    if (t % 32 == 0) part[t / 32] = s;
    __syncthreads();
    if (t == 0) q.x[0] = part[0] + part[1] + part[2] + part[3];
"""


class Frame(ctypes.Structure):
    _fields_ = [("x", ctypes.c_void_p), ("n", ctypes.c_int)]


def run(body: str, schedule: int = 0, block: int = 128, shared: int = 512, n: int = 128):
    """What a kernel leaves of 0, 1, 2... under a schedule."""
    library = ctypes.CDLL(str(build(FRAME % body, ())))
    x = np.arange(256, dtype=np.float32)
    frame = Frame(x.ctypes.data, n)
    library.run_work.restype = ctypes.c_char_p
    said = library.run_work(
        ctypes.byref(frame), 0, 1, block, ctypes.c_size_t(shared), ctypes.c_uint(schedule)
    )
    if said:
        raise Fault(said.decode())
    return x


def caught(body: str, **more) -> bool:
    """Whether some schedule reports a fault, or schedules differ, or a result is no number."""
    try:
        found = [run(body, s, **more) for s in SCHEDULES]
    except Fault:
        return True
    same = all(a.tobytes() == found[0].tobytes() for a in found)
    return not same or not np.isfinite(found[0]).all()


def test_a_right_kernel_is_right_under_every_schedule():
    for schedule in SCHEDULES:
        assert run(SUM, schedule)[0] == 127 * 64


@pytest.mark.parametrize("which", [0, 1])
def test_a_missing_barrier(which):
    parts = SUM.split("__syncthreads();")
    body = "__syncthreads();".join(parts[: which + 1]) + "__syncthreads();".join(parts[which + 1 :])
    assert caught(body)


MISTAKES = {
    "divergent barrier": SUM.replace("__syncthreads();", "if (t < 64) __syncthreads();", 1),
    "different barriers": "if (t < 64) __syncthreads();\n else __syncthreads();\n" + SUM,
    "barrier after the end of a thread": "if (t == 7) return;\n" + SUM,
    "unwritten shared memory": SUM.replace("row[t] =", "if (t != 9) row[t] ="),
    "write behind shared memory": SUM.replace("row[t] =", "row[t + 1] = 0; row[t] ="),
    "shuffle without a lane": SUM.replace("float s = row", "if (t == 3) return; float s = row"),
    "lanes at different shuffles": SUM.replace(
        "for (int m",
        "if (t % 2) s += __shfl_xor_sync(0xffffffffu, s, 2);\n"
        "else s -= __shfl_xor_sync(0xffffffffu, s, 2);\nfor (int m",
    ),
    "a lane outside its own mask": SUM.replace("0xffffffffu, s, m", "0x0000ffffu, s, m"),
    "cross-iteration race": """
    float s = 0;
    for (int k = 0; k < 8; k++) {
        row[t] = q.x[t] + k;
        __syncthreads();
        s += row[(t + 33) % 128];
    }
    __syncthreads();
    q.x[t] = s;
""",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_seeded_mistake(name):
    assert caught(MISTAKES[name])


def test_a_partial_warp():
    assert caught(SUM, block=112)


def test_launches_that_no_device_takes():
    with pytest.raises(Fault, match="no device takes"):
        run(SUM, block=2048)
    with pytest.raises(Fault, match="no device takes"):
        run(SUM, shared=300_000)


MISALIGNED = """
import sys
from tests.cuda.test_shim import FRAME, Frame, np, ctypes
from tests.cuda.emulated import build
body = "*(four *)(q.x + t*4) = four{1, 2, 3, 4};"
text = "struct __align__(16) four { float a, b, c, d; };" + FRAME % body
flags = ("-fsanitize=alignment", "-fno-sanitize-recover=all", "-static-libubsan")
library = ctypes.CDLL(str(build(text, (), flags)))
memory = np.zeros(1024, np.float32)
start = -memory.ctypes.data % 16 // 4 + int(sys.argv[1])
frame = Frame(memory[start:].ctypes.data, 0)
library.run_work(ctypes.byref(frame), 0, 1, 128, ctypes.c_size_t(512), ctypes.c_uint(0))
"""


@pytest.mark.parametrize("offset", [0, 1])
def test_a_misaligned_vector_store(offset):
    words = [sys.executable, "-c", MISALIGNED, str(offset)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode != 0) == bool(offset), done.stderr
    assert ("misaligned" in done.stderr) == bool(offset)


def outputs(source: str, p, arrays) -> list[bytes]:
    """Results of a changed text under every schedule; faults count as results."""
    found = []
    for schedule in SCHEDULES:
        device = Emulated(schedule)
        entry = DeviceEntry(p, device)
        device.load = lambda program, options, soundness: ctypes.CDLL(str(build(source, options)))
        try:
            made = entry.run(list(arrays.values()), extents(p, arrays))
            found.append(b"".join(a.tobytes() for a in made))
        except Fault as fault:
            found.append(str(fault).encode())
    return found


def test_every_barrier_between_phases_of_an_emitted_fold_is_needed():
    values, nodes = MODELS["softmax"]("float32")
    arrays = arrays_of(values)
    p = program(running.simplified(nodes), arrays)
    right = outputs(p.source, p, arrays)
    assert len(set(right)) == 1
    start = p.source.index("for (int64_t begin")
    end = p.source.index("cf_tree", start)
    places = [start + m.start() for m in re.finditer(r"__syncthreads\(\);", p.source[start:end])]
    assert len(places) >= 4
    for place in places:
        wrong = p.source[:place] + p.source[place + len("__syncthreads();") :]
        assert set(outputs(wrong, p, arrays)) != set(right), p.source[place - 300 : place]


COPIES = {
    "no wait for a copy": ("cf_async_wait<1>();", ""),
    "a wait for the copy before": ("cf_async_wait<1>();", "cf_async_wait<2>();"),
    "the next panel over the current one": (
        "fetch(begin + gridDim.x*panel, 1 - turn)",
        "fetch(begin + gridDim.x*panel, turn)",
    ),
    "the place of the panel before": ("turn*q.w", "(1 - turn)*q.w"),
    "a copy without an end": ("cf_async_end();\n    };", "};"),
    "a panel of the block beside": ("if (ahead && start < length) fetch(start, 0);",
                                    "if (ahead && start < length) fetch(start + panel, 0);"),
}  # fmt: skip


@pytest.mark.parametrize("name", COPIES)
def test_mistakes_in_copying_ahead(name):
    values, nodes = MODELS["logistic"]("float32")
    arrays = arrays_of(values)
    p = program(running.simplified(nodes), arrays)
    right = outputs(p.source, p, arrays)
    assert len(set(right)) == 1
    before, after = COPIES[name]
    assert before in p.source
    assert set(outputs(p.source.replace(before, after), p, arrays)) != set(right)


def test_a_counter_that_is_not_set_back():
    """The counter of blocks that are done is set back by every fold: else the next call fails."""
    values, nodes = MODELS["logistic"]("float32")
    arrays = arrays_of(values)
    p = program(running.simplified(nodes), arrays)
    (line,) = set(re.findall(r"if \(blockIdx.x == 0 && rank == 0\) .*", p.source))
    right = outputs(p.source, p, arrays)
    assert set(outputs(p.source.replace(line, ""), p, arrays)) != set(right)
