"""Adding an operation means adding rows: a made-up function goes through every target."""

from __future__ import annotations

import subprocess
import sys


def test_rows_alone_make_an_operation() -> None:
    command = [sys.executable, "-m", "tests.acceptance.made_up"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "added\n", done.stderr
