"""`make sanitize`: every kernel, the driver, the pool and the extension under sanitizers (gcc).

    python tests/sanitize.py                   all parts
    python tests/sanitize.py arrays threads    these parts

arrays     the whole catalogue in every layout, with many panels and parts, outside Python: every
           buffer is a heap block of its own (address, undefined behaviour, leaks)
threads    the same with several callers at once (thread sanitizer)
python     kernels and driver inside Python: catalogue, random programs
extension  the extension, built anew: calls, updates, faults
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-g")
IN_PYTHON = [
    "tests/emit/test_catalogue.py",
    "tests/programs/test_random_programs.py::test_programs_agree",
    "tests/runtime/test_driver.py",
]
OF_EXTENSION = [
    "tests/runtime/test_trampoline.py",
    "tests/runtime/test_driver.py",
    "tests/runtime/test_function.py",
    "tests/runtime/test_shared.py",
]
SHARED_COLUMNS = {"SMALL_ACCUMULATORS": "0"}  # threads then share the columns of kernels, too
UNLIMITED = "not memory"  # the address sanitizer reserves terabytes and grants any allocation


def main(wanted: list[str]) -> int:
    if unknown := [name for name in wanted if name not in PARTS]:
        print(f"No part is called {unknown}; there are: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    failed = 0
    for name in wanted or PARTS:
        print(f"== {name}", flush=True)
        start = time.monotonic()
        status = PARTS[name]()
        failed |= status
        print(f"{name}: {'FAILED' if status else 'clean'}, {time.monotonic() - start:.0f} s\n")
    return failed


# ---------------------------------------------------------------- outside Python


def arrays() -> int:
    from tests import standalone
    from tests.runtime.test_layouts import LAYOUTS

    def jobs(case: standalone.Case) -> list[standalone.Job]:
        return [standalone.Job(case, count) for count in (1, 3)]

    status = _outside(standalone.ADDRESS, jobs, **SHARED_COLUMNS)
    kinds = {kind: change for change, kind in LAYOUTS.values()}
    for change in kinds.values():
        status |= _outside(standalone.ADDRESS, jobs, change)
    return status


def threads() -> int:
    from tests import standalone

    def jobs(case: standalone.Case) -> list[standalone.Job]:
        kinds = [(3, 1, False), (3, 4, False), (2, 3, True), (7, 2, False)]
        return [standalone.Job(case, *kind) for kind in kinds]

    usual = _outside(standalone.THREAD, jobs)
    return usual | _outside(standalone.THREAD, jobs, **SHARED_COLUMNS)


def _outside(
    sanitizer: tuple[str, ...], jobs: Callable, change: Callable = lambda a: a, **constants: str
) -> int:
    """Build and run the catalogue under a sanitizer; 0 if it is clean and right."""
    from tests import standalone
    from tests.catalogue import CASES
    from tests.emit.test_catalogue import assert_agree

    with tempfile.TemporaryDirectory() as folder:
        if reason := standalone.missing(sanitizer, Path(folder)):
            print(reason)
            return 1
        cases = [standalone.case(name, change) for name in CASES]
        every = [job for case in cases for job in jobs(case)]
        try:
            executable = standalone.build(
                cases, Path(folder), sanitizer, os.cpu_count() or 1, **constants
            )
            for job, got in zip(every, standalone.run(executable, every, cases), strict=True):
                assert_agree(got, job.case.want)
        except AssertionError as error:
            print(error)
            return 1
        kernels = standalone.kernels(cases)
        print(f"{len(cases)} programs, {kernels} kernels, {len(every)} calls {sanitizer[0]}")
        return 0


# ---------------------------------------------------------------- inside Python


def python() -> int:
    return _pytest(IN_PYTHON, CLOSEDFORM_NO_EXTENSION="1")  # the driver is then compiled, too


def extension() -> int:
    import numpy as np

    native = ROOT / "runtime" / "native"
    sources = [str(native / f"{name}.c") for name in ("trampoline", "driver", "pool")]
    headers = (native, np.get_include(), sysconfig.get_paths()["include"])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "_native.so")
        words = ["gcc", *FLAGS, "-O1", "-fPIC", "-shared", "-pthread", *sources, "-o", str(out)]
        subprocess.run([*words, *(f"-I{h}" for h in headers)], check=True)
        return _pytest(["-p", "tests.sanitized_extension", *OF_EXTENSION], SANITIZED=str(out))


def _pytest(words: list[str], **variables: str) -> int:
    environment = os.environ | variables
    environment |= {
        "LD_PRELOAD": f"{_library('libasan.so')} {_library('libubsan.so')}",
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself keeps memory until it ends
        "CLOSEDFORM_CC": f"gcc {' '.join(FLAGS)}",
        "CLOSEDFORM_COMPILE_TIMEOUT": "1000",  # sanitizers make large programs slow to compile
        "PYTHONPATH": os.pathsep.join(sys.path[:2]),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-k", UNLIMITED, *words]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def _library(name: str) -> str:
    """Return the path of a runtime library of gcc.

    Raises SystemExit if gcc or the library is missing.
    """
    command = ["gcc", f"-print-file-name={name}"]
    try:
        path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        raise SystemExit("make sanitize needs gcc, which was not found") from None
    if not os.path.isabs(path):
        raise SystemExit(f"make sanitize needs {name}, which gcc does not have here")
    return path


PARTS: dict[str, Callable[[], int]] = {
    "arrays": arrays,
    "threads": threads,
    "python": python,
    "extension": extension,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
