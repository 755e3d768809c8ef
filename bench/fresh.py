"""Figures that only a new process can give: it prints one number, we read it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 600  # seconds


def figure(script: str, *arguments: str, env: Mapping[str, str] | None = None) -> float:
    """The number on the last line that `bench/fresh_scripts/SCRIPT.py` prints.

    Raises
    ------
    RuntimeError
        With the last line of its error, if it fails.
    """
    command = [sys.executable, "-m", f"bench.fresh_scripts.{script}", *arguments]
    whole = os.environ | dict(env or {})
    done = subprocess.run(
        command, cwd=ROOT, env=whole, capture_output=True, text=True, timeout=LIMIT
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise RuntimeError(f"{script} {' '.join(arguments)}: {last}")
    return float(done.stdout.split()[-1])


def caches(folder: str) -> dict[str, str]:
    """Put the disk caches of every library into a folder."""
    return {
        "CLOSEDFORM_CACHE_DIR": str(Path(folder, "closedform")),
        "JAX_COMPILATION_CACHE_DIR": str(Path(folder, "jax")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "NUMBA_CACHE_DIR": str(Path(folder, "numba")),
        "PYTENSOR_FLAGS": f"base_compiledir={Path(folder, 'pytensor')}",
        "TORCHINDUCTOR_CACHE_DIR": str(Path(folder, "torch")),
    }


def cold(script: str, *arguments: str) -> Callable[[], float]:
    """A figure with caches that are empty every time."""

    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return figure(script, *arguments, env=caches(folder))

    return run


def warm(script: str, *arguments: str) -> Callable[[], float]:
    """A figure with caches that an earlier process has filled."""
    folder = tempfile.TemporaryDirectory()
    filled: list[float] = []

    def run() -> float:
        env = caches(folder.name)
        if not filled:
            filled.append(figure(script, *arguments, env=env))
        return figure(script, *arguments, env=env)

    return run
