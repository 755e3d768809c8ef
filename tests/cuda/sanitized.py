"""Run emitted kernels under the address, undefined-behaviour and alignment sanitizers, once each.

    python -m tests.cuda.sanitized [NAME...]    cases of the catalogue; all without a name

The process starts itself again with the sanitizers' libraries loaded first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import numpy as np

FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g1")
MARK = "CLOSEDFORM_SANITIZED"


def library(name: str) -> str:
    words = ["g++", f"-print-file-name=lib{name}.so"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def environment(folder: str) -> dict[str, str]:
    """The environment of a process in which sanitized libraries can be loaded."""
    return os.environ | {
        "LD_PRELOAD": f"{library('asan')} {library('ubsan')}",
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "CLOSEDFORM_CACHE_DIR": folder,
        MARK: "1",
    }


def again(arguments: list[str]) -> int:
    """Start this module with the sanitizers loaded first."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "tests.cuda.sanitized", *arguments]
        return subprocess.run(words, env=environment(folder)).returncode


def shifted(array: np.ndarray) -> np.ndarray:
    """The array one element behind where vectors of four begin."""
    raw = np.empty(array.nbytes + 64 + array.itemsize, np.uint8)
    start = -raw.ctypes.data % 64 + array.itemsize
    made = raw[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    made[...] = array
    return made


def run(name: str) -> None:
    """Run one case, also on arrays that take no vectors, and compare it with the graph as
    written."""
    from tests import running
    from tests.catalogue import CASES
    from tests.cuda.emulated import Emulated
    from tests.cuda.running import emulated
    from tests.emit.test_catalogue import arrays_of, assert_agree

    values, outputs = CASES[name]()
    arrays = arrays_of(values)
    want = running.interpreted(running.as_written(outputs), arrays)
    nodes, device = running.simplified(outputs), Emulated(2, flags=FLAGS)
    for given in (arrays, {x: shifted(a) for x, a in arrays.items()}):
        assert_agree(emulated(nodes, given, device), want)


def main(arguments: list[str]) -> int:
    if MARK not in os.environ:
        return again(arguments)
    from tests.catalogue import CASES

    for name in arguments or CASES:
        run(name)
        print(f"{name}: clean", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
