"""A smoke set of kernels under the address and undefined-behaviour sanitizers.

The whole catalogue, random programs, the extension and the thread sanitizer: `make sanitize`.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests import standalone
from tests.emit.test_catalogue import assert_agree
from tests.runtime import programs

from closedform.emit.program import Argument, Program

SMOKE = ("extremes", "slices", "softmax_regression", "logistic", "integers", "single_precision")


def need(sanitizer: tuple[str, ...], folder) -> None:
    if reason := standalone.missing(sanitizer, folder):
        pytest.skip(reason)


@pytest.mark.semantics("9.3")
def test_forty_kernels_stay_inside_their_arrays(tmp_path):
    need(standalone.ADDRESS, tmp_path)
    cases = [standalone.case(name) for name in SMOKE]
    assert standalone.kernels(cases) >= 40
    executable = standalone.build(cases, tmp_path, standalone.ADDRESS)
    jobs = [standalone.Job(c, threads) for c in cases for threads in (1, 3)]
    for job, got in zip(jobs, standalone.run(executable, jobs, cases), strict=True):
        assert_agree(got, job.case.want)


SUM = "f->scalar[0] * x[i] + y[i]"
FAULTS = {
    "heap-buffer-overflow": (standalone.ADDRESS, SUM, "x[i + 1]"),
    "runtime error: shift exponent": (standalone.ADDRESS, SUM, "1 << (i + 32)"),
    "data race": (standalone.THREAD, "ROWS z[i] =", "ROWS z[0] ="),
}


@pytest.mark.parametrize("complaint", FAULTS)
def test_the_sanitizers_notice_what_is_wrong(complaint, tmp_path):
    sanitizer, right, wrong = FAULTS[complaint]
    need(sanitizer, tmp_path)
    assert programs.AXPY.count(right) == 1
    source = programs.AXPY.replace(right, wrong)
    arguments = [Argument(kind, programs.F64, (0,)) for kind in ("input", "input", "output")]
    made = Program(lambda: source, source, "c", tuple(arguments), (None,), (2.0,))
    x = np.arange(200.0)
    faulty = standalone.Case("faulty", made, {"x": x, "y": x}, [x])
    executable = standalone.build([faulty], tmp_path, sanitizer)
    with pytest.raises(AssertionError, match=complaint):
        standalone.run(executable, [standalone.Job(faulty)], [faulty])
