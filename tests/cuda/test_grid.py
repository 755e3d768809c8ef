"""The plan of a launch is a pure function of extents and device facts: many shapes, no device."""

from __future__ import annotations

import itertools

import pytest
from tests import running
from tests.catalogue import CASES
from tests.cuda.models import MODELS
from tests.cuda.running import program
from tests.emit.test_catalogue import arrays_of

from closedform.emit import grid

DEVICES = {
    "A100": grid.DeviceFacts(80, 108, 166912, 167936, memory=80 << 30),
    "H200": grid.DeviceFacts(90, 132, 232448, 233472, memory=141 << 30),
    "B200": grid.DeviceFacts(100, 148, 232448, 233472, memory=180 << 30),
    "small": grid.DeviceFacts(75, 14, 65536, 65536, 1024, memory=4 << 30),
}
SIZES = [1, 2, 3, 31, 32, 33, 127, 1000, 4096, 50_000, 3_000_000]


def kernels(name: str, dtype: str = "float32"):
    values, outputs = MODELS[name](dtype)
    return program(running.simplified(outputs), arrays_of(values))


def check(p, extents, facts) -> grid.Plan:
    plan = grid.plan(p.kernels, extents, facts)
    assert plan == grid.plan(p.kernels, extents, facts), "equal arguments give equal plans"
    words = plan.words
    for launch in plan.launches:
        if isinstance(launch.step, grid.Product):
            continue
        assert 1 <= launch.grid < 2**31
        assert launch.block in (256, 512) and launch.block <= facts.threads
        assert launch.shared <= facts.shared
        if isinstance(launch.step, grid.Fold):
            assert 1 <= words[launch.step.rows]
            blocks = -(-extents[launch.step.axis] // words[launch.step.rows])
            assert launch.grid <= blocks, "no block without rows"
            for phase in launch.step.phases:
                lanes = words[phase.lanes]
                assert 1 <= lanes <= launch.block
                assert phase.kind == "sum" or lanes & (lanes - 1) == 0
    assert all(size >= 0 for size in plan.buffers)
    return plan


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", MODELS)
def test_plans_of_many_shapes(name, device):
    p = kernels(name)
    free = [k for k, d in enumerate(p.dims) if d is None]
    for sizes in itertools.product(SIZES, repeat=min(2, len(free))):
        extents = [d if d is not None else 7 for d in p.dims]
        for k, n in zip(free, sizes, strict=False):
            extents[k] = n
        check(p, tuple(extents), DEVICES[device])


@pytest.mark.parametrize("name", CASES)
def test_plans_of_the_catalogue(name):
    values, outputs = CASES[name]()
    arrays = arrays_of(values)
    p = program(running.simplified(outputs), arrays)
    size = running.sizes(arrays)
    for facts in DEVICES.values():
        check(p, tuple(size(d) for d in p.extents), facts)


def test_all_processors_have_work_where_there_are_rows():
    p = kernels("logistic")
    facts = DEVICES["H200"]
    for n, d in ((256, 784), (8192, 784), (60000, 28), (10**6, 784), (90_000, 8192)):
        fold = check(p, (n, d), facts).launches[0]
        assert fold.grid >= min(n // 4, facts.processors)


def test_rows_are_read_once_as_long_as_one_fits_on_the_chip():
    p = kernels("logistic")
    facts = DEVICES["H200"]
    (staged,) = (r for r in p.kernels.steps[0].regions if r.staged)
    for d in (28, 784, 8192, 16384, 50_000):
        assert f"-D{staged.option}=1" in check(p, (10**5, d), facts).options
    assert f"-D{staged.option}=0" in check(p, (10**5, 100_000), facts).options


def test_columns_stay_in_registers_until_they_are_too_many():
    p = kernels("logistic")
    strips = next(q.strips for q in p.kernels.steps[0].phases if q.kind == "sum" and q.own)
    found = {}
    for d in (28, 128, 784, 2048, 4096, 8192, 16384, 20000):
        options = dict(o[2:].split("=") for o in check(p, (10**5, d), grid.DeviceFacts()).options)
        found[d] = int(options[strips])
    assert found == {28: 1, 128: 1, 784: 4, 2048: 8, 4096: 8, 8192: 16, 16384: 32, 20000: 0}


def test_indices_are_wide_where_a_panel_or_an_array_is_large():
    x = kernels("logistic")
    options = check(x, (2**33, 28), grid.DeviceFacts()).options
    assert "-DCF_WIDE_INDEX=0" in options, "rows are counted in 64 bits anyway"
    options = check(x, (100, 2**32), grid.DeviceFacts()).options
    assert "-DCF_WIDE_INDEX=1" in options


def test_small_work_after_a_fold_joins_the_combine():
    p = kernels("logistic")
    assert len(check(p, (10**5, 784), grid.DeviceFacts()).launches) == 2
    assert len(check(p, (10**5, 10**6), grid.DeviceFacts()).launches) > 2


def test_chunks_have_partial_results_of_their_own():
    p = kernels("logistic")
    one = grid.plan(p.kernels, (10**5, 784), grid.DeviceFacts())
    ten = grid.plan(p.kernels, (10**5, 784), grid.DeviceFacts(), chunks=10)
    assert [x.grid for x in one.launches] == [x.grid for x in ten.launches]
    fold = p.kernels.steps[0]
    for part in fold.partials:
        k = part.buffer - p.kernels.arguments
        assert ten.buffers[k] == 10 * one.buffers[k] > 0
