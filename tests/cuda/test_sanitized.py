"""Emitted kernels under sanitizers: clean as they are, and a seeded mistake is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cuda import sanitized

ROOT = Path(__file__).resolve().parents[2]
HALVES = (slice(0, None, 2), slice(1, None, 2))
OUTSIDE = """
from tests.cuda import sanitized, emulated
plain = emulated.unit
wrong = "v0 + begin*(n1) + 1, rows*(m1)"
right = wrong.replace(" + 1", "")
def unit(source):
    assert right in source
    return plain(source.replace(right, wrong))
emulated.unit = unit
sanitized.run("logistic")
"""


@pytest.mark.slow
@pytest.mark.parametrize("half", [0, 1])
def test_the_catalogue_is_clean(half):
    from tests.catalogue import CASES

    names = list(CASES)[HALVES[half]]
    words = [sys.executable, "-m", "tests.cuda.sanitized", *names]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-4000:]
    assert done.stdout.count(": clean") == len(names)


def test_a_read_outside_of_an_argument_is_found(tmp_path):
    words = [sys.executable, "-c", OUTSIDE]
    env = sanitized.environment(str(tmp_path))
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr or "misaligned" in done.stderr, done.stderr[-2000:]
