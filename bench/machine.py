"""Facts of the machine that a figure was measured on."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

HERE = str(Path(__file__).parent)
PACKAGES = (
    "closedform numpy scipy sympy scikit-learn numexpr numba torch jax jaxlib pytensor"
).split()


def facts(threads: int) -> dict[str, Any]:
    """Processor, compiler, versions, date."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "processors": os.cpu_count(),
        "threads": threads,
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "compiler": first_line(["cc", "--version"]),
        "packages": {name: version for name in PACKAGES if (version := version_of(name))},
        "commit": first_line(["git", "-C", HERE, "rev-parse", "--short", "HEAD"]),
    }


def processor() -> str:
    """The model and its widest vector unit, as the system names them."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    fields = {k.strip(): v for k, _, v in (line.partition(":") for line in text.splitlines())}
    flags = fields.get("flags", "").split()
    unit = next((name for name in ("avx512f", "avx2", "sse4_2") if name in flags), "")
    return " ".join([*fields.get("model name", platform.processor()).split(), unit]).strip()


def first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout.splitlines() or [""])[0]


def version_of(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
