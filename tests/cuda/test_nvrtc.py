"""Every kernel of the catalogue compiles for sm_80, sm_90 and sm_100 without a GPU: no spills, no
stack, registers and shared memory within the launch bounds, no double arithmetic in float32 kernels
outside of what the plan declares."""

from __future__ import annotations

import re

import pytest
from tests import running
from tests.catalogue import CASES
from tests.cuda.models import MODELS
from tests.cuda.running import extents, program
from tests.emit.test_catalogue import arrays_of

from closedform.algebra.errors import CompileError
from closedform.emit import grid
from closedform.runtime import nvrtc

pytest.importorskip("nvidia.cu13", reason="the package nvidia-cuda-nvrtc is for Linux")

ARCHITECTURES = {
    "sm_80": grid.DeviceFacts(80, 108, 166912, 167936),
    "sm_90": grid.DeviceFacts(90, 132, 232448, 233472),
    "sm_100": grid.DeviceFacts(100, 148, 232448, 233472),
}
DOUBLE = re.compile(r"^\s*(?!//).*\.f64", re.M)


def forms(name):
    values, outputs = CASES[name]()
    arrays = arrays_of(values)
    return [(nodes, arrays) for nodes in (running.as_written(outputs), running.simplified(outputs))]


def check(p, plan, facts, arch):
    found = nvrtc.compile_cuda(p.source, arch, plan.options)
    bounds = {x.name: x for x in plan.launches}
    for name, use in found.use.items():
        assert use.spilled == 0, f"{name} on {arch} spills {use.spilled} bytes"
        assert use.stack == 0, f"{name} on {arch} has a stack of {use.stack} bytes"
        launch = bounds.get(name)
        if launch is not None:
            assert use.registers * launch.block <= facts.registers
            assert use.shared + launch.shared <= facts.shared


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("name", CASES)
def test_every_kernel_compiles_within_its_bounds(name, arch):
    facts = ARCHITECTURES[arch]
    for nodes, arrays in forms(name)[0 if arch == "sm_90" else 1 :]:
        p = program(nodes, arrays)
        check(p, grid.plan(p.kernels, extents(p, arrays), facts), facts, arch)


def entries(ptx: str) -> dict[str, str]:
    """Body of each kernel in PTX."""
    parts = re.split(r"\.visible \.entry (\w+)\(", ptx)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_float32_kernels_have_no_double_arithmetic_but_in_combines():
    for build in MODELS.values():
        arrays, outputs = build("float32")
        p = program(running.simplified(outputs), arrays_of(arrays))
        plan = grid.plan(p.kernels, extents(p, arrays_of(arrays)), grid.DeviceFacts())
        ptx = nvrtc.compile_cuda(p.source, "compute_90", plan.options).image.decode()
        declared = {s.name for s in p.kernels.steps if isinstance(s, grid.Once) and s.partials}
        for kernel, body in entries(ptx).items():
            if kernel not in declared:
                assert not DOUBLE.search(body), f"{kernel}: {DOUBLE.search(body)}"
        assert any("in double" in line for line in p.plan)


@pytest.mark.parametrize("d", [1, 3, 28, 128, 784, 1024, 2048, 8192, 16384, 60000, 200000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logistic_regression_keeps_its_columns_in_registers(d, dtype):
    arrays, outputs = MODELS["logistic"](dtype)
    p = program(running.simplified(outputs), arrays_of(arrays))
    sizes = (100000, d)
    facts = grid.DeviceFacts()
    plan = grid.plan(p.kernels, sizes, facts)
    check(p, plan, facts, "sm_90")
    if d <= 16384:
        assert len(plan.launches) <= 2, "a step is two launches at most"


def test_a_source_that_does_not_compile_is_shown_with_the_log():
    with pytest.raises(CompileError, match="expected a"):
        nvrtc.compile_cuda("__global__ void f( {", "sm_90")


def test_subnormals_are_kept():
    source = 'extern "C" __global__ void f(float *x) { x[0] = x[0]*x[1]; }'
    ptx = nvrtc.compile_cuda(source, "compute_90").image.decode()
    assert ".ftz" not in ptx


NEEDED = 36 << 10  # bytes on their way to a processor that hide a microsecond at 4.8 TB/s


@pytest.mark.parametrize("d", [28, 128, 784, 1024, 2048, 8192, 16384])
def test_enough_bytes_are_on_their_way_on_paper(d):
    """All blocks are resident at once, and the panels that are copied ahead hide the latency of
    memory; what a device makes of it is not known before one is measured."""
    values, outputs = MODELS["logistic"]("float32")
    p = program(running.simplified(outputs), arrays_of(values))
    facts = grid.DeviceFacts()
    sizes = (3 * 10**9 // (4 * d), d)
    plan = grid.plan(p.kernels, sizes, facts)
    (fold,) = (x for x in plan.launches if isinstance(x.step, grid.Fold))
    use = nvrtc.compile_cuda(p.source, "sm_90", plan.options).use[fold.name]
    registers = -(-use.registers // 8) * 8 * fold.block
    shared = fold.shared + use.shared + 1024
    resident = min(facts.registers // registers, facts.shared_processor // shared)
    assert fold.grid <= resident * facts.processors, "one wave"
    assert plan.words[fold.step.ahead] == 1
    on_the_way = fold.grid / facts.processors * plan.words[fold.step.rows] * 4 * d
    assert on_the_way >= NEEDED
