"""`make sanitize`: the catalogue and random programs with kernels under the address and
undefined-behaviour sanitizers (gcc).

    python tests/sanitize.py [arguments of pytest]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -g"
TESTS = ["tests/emit/test_catalogue.py", "tests/emit/test_random_programs.py"]


def library(name: str) -> str:
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


def main(arguments: list[str]) -> int:
    environment = os.environ | {
        "LD_PRELOAD": f"{library('libasan.so')} {library('libubsan.so')}",
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself keeps memory until it ends
        "CLOSEDFORM_CC": f"gcc {FLAGS}",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *TESTS, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
