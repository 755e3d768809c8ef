"""What this machine offers: caches, vector units, clock; how fast it reads, measured when asked.

Facts are read from the system; where it does not tell, they are assumed, and their source says so.
Peak rates are estimates: two multiply-adds of the widest vectors a cycle, at the highest clock that
the system names. A core that has one such unit, or slows down under wide vectors, is slower.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import toolchain

PROCESSORS = Path("/sys/devices/system/cpu")
CPUINFO = Path("/proc/cpuinfo")
ASSUMED_CACHES = {1: 32 << 10, 2: 256 << 10, 3: 4 << 20}
ASSUMED_CLOCK = 3e9
UNITS = 2  # vector operations that a core starts in one cycle
VECTORS = (("avx512f", 64), ("avx", 32), ("avx1.0", 32), ("asimd", 16), ("arm64", 16))
LEAST_READ = 8 << 20  # bytes that one thread reads between two looks at the clock
LEAST_CHUNK = 16 << 10  # bytes that one thread reads between two returns to the start
LEAST_MEMORY, MOST_MEMORY = 64 << 20, 256 << 20  # bytes of the buffer that is larger than caches


class Cache(NamedTuple):
    """Bytes of one cache, and how many processors use it together."""

    size: int
    processors: int = 1

    @property
    def share(self) -> int:
        """Bytes for each of its processors."""
        return self.size // self.processors


class Caches(NamedTuple):
    """The data caches of one processor; size 0 where there is none of a level."""

    l1: Cache
    l2: Cache
    l3: Cache
    source: str

    @property
    def core(self) -> int:
        """Bytes of the caches that one processor may count on."""
        return max(self.l2.share, self.l3.share)

    def __str__(self) -> str:
        names = (f"L{k + 1} {binary(c.size)}" for k, c in enumerate(self[:3]) if c.size)
        return ", ".join(names)


@cache
def caches() -> Caches:
    """Return the caches of the first processor that this process may use."""
    try:
        first = min(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        first = 0
    found = _linux(PROCESSORS / f"cpu{first}" / "cache")
    return _completed(found, str(PROCESSORS)) if found else _completed(_mac(_sysctl), "sysctl")


def _linux(folder: Path) -> dict[int, Cache]:
    """Level -> cache, from the folders that describe the caches of one processor."""
    found = {}
    for index in sorted(folder.glob("index*")):
        try:
            level, kind, size, shared = (
                (index / name).read_text().strip()
                for name in ("level", "type", "size", "shared_cpu_list")
            )
            if kind in ("Data", "Unified"):
                found[int(level)] = Cache(_bytes(size), _members(shared))
        except (OSError, ValueError):  # a virtual machine may describe half of it
            continue
    return found


def _bytes(text: str) -> int:
    """A size such as 48K."""
    factor = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:], 1)
    return int(text.rstrip("KMG")) * factor


def _members(text: str) -> int:
    """How many processors a list such as 0-3,8 names."""
    ranges = (part.partition("-") for part in text.split(",") if part)
    return max(1, sum(int(last or first) - int(first) + 1 for first, _, last in ranges))


def _mac(ask: Callable[[str], int]) -> dict[int, Cache]:
    """Level -> cache; of the fast cores where there are several kinds."""
    fast, every = "hw.perflevel0.", "hw."
    found = {}
    for level, name in ((1, "l1dcachesize"), (2, "l2cachesize"), (3, "l3cachesize")):
        if size := ask(fast + name) or ask(every + name):
            users = ask(fast + "cpusperl2") if level == 2 else 0
            found[level] = Cache(size, max(users, 1))
    return found


def _sysctl(name: str) -> int:
    """A number that the system knows by name; 0 if it does not."""
    if not shutil.which("sysctl"):
        return 0
    words = ["sysctl", "-n", name]
    said = subprocess.run(words, capture_output=True, text=True, timeout=10).stdout.strip()
    return int(said) if said.isdecimal() else 0


def _completed(found: dict[int, Cache], source: str) -> Caches:
    """The first two levels always; a third where there is one, or nothing is known."""
    if not found:
        l1, l2, l3 = (Cache(size) for size in ASSUMED_CACHES.values())
        return Caches(l1, l2, l3, "assumed: the system does not tell")
    missing = [level for level in (1, 2) if level not in found]
    l1, l2 = (found.get(level) or Cache(ASSUMED_CACHES[level]) for level in (1, 2))
    assumed = "".join(f"; L{level} assumed" for level in missing)
    return Caches(l1, l2, found.get(3, Cache(0)), source + assumed)


# ---------------------------------------------------------------- arithmetic


class Clock(NamedTuple):
    """Cycles per second."""

    rate: float
    source: str


@cache
def clock() -> Clock:
    """Return the highest clock that the system names."""
    try:
        text = (PROCESSORS / "cpu0" / "cpufreq" / "cpuinfo_max_freq").read_text()
        return Clock(float(text) * 1e3, "cpufreq")
    except (OSError, ValueError):
        return _named_clock()


def _named_clock() -> Clock:
    try:
        found = re.findall(r"^cpu MHz\s*:\s*([\d.]+)", CPUINFO.read_text(), re.MULTILINE)
    except OSError:
        found = []
    if found:
        return Clock(max(map(float, found)) * 1e6, str(CPUINFO))
    rate = _sysctl("hw.cpufrequency_max")
    return Clock(float(rate), "sysctl") if rate else Clock(ASSUMED_CLOCK, "assumed")


class Vectors(NamedTuple):
    """Bytes of the widest vectors, and whether they multiply and add in one operation."""

    bytes: int
    fused: bool


@cache
def vectors() -> Vectors:
    """Return what the features of the processor say of its vectors."""
    return _vectors(f"{platform.machine()} {toolchain.cpu_features()}")


def _vectors(features: str) -> Vectors:
    words = set(re.split(r"[\s;]+", features.lower()))
    size = next((size for name, size in VECTORS if name in words), 16)
    return Vectors(size, bool(words & {"fma", "asimd", "arm64"}))


def peak(itemsize: int) -> float:
    """Return operations per second of one core, at most, on numbers of so many bytes."""
    found = vectors()
    return clock().rate * UNITS * (2 if found.fused else 1) * found.bytes / max(itemsize, 1)


# ---------------------------------------------------------------- reading


def level(size: float, used: int) -> str:
    """Return where so many bytes stay between calls of so many threads: L2, L3 or memory."""
    found = caches()
    if size <= found.l2.share * used:
        return "L2"
    return "L3" if size <= found.l3.size else "memory"


@cache
def read_rate(place: str, used: int) -> float:
    """Return bytes per second that so many threads read from L2, L3 or memory: measured, once.

    Takes some milliseconds, and for memory the time to get a buffer larger than the caches.
    """
    found = caches()
    memory = min(max(2 * found.l3.size, LEAST_MEMORY), MOST_MEMORY)
    size = {"L2": found.l2.share // 2 * used, "L3": found.l3.size // 2}.get(place, memory)
    size = max(size, LEAST_CHUNK * used)
    chunks = np.array_split(np.ones(size // 8, dtype=np.int64), used)
    rounds = max(1, LEAST_READ * used // size)

    def read(chunk: np.ndarray) -> None:
        for _ in range(rounds):
            chunk.max()

    with ThreadPoolExecutor(used) as pool:
        best = min(_seconds(lambda: list(pool.map(read, chunks))) for _ in range(4))
    return size * rounds / best


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# ---------------------------------------------------------------- text


def binary(size: float) -> str:
    """A number of bytes in units of 1024, as caches are named."""
    return _scaled(size, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def decimal(number: float, unit: str) -> str:
    """A number of something in units of 1000: 188 MB."""
    return _scaled(number, 1000, tuple(prefix + unit for prefix in ("", "k", "M", "G", "T", "P")))


def _scaled(number: float, base: int, units: Sequence[str]) -> str:
    k = 0
    while number >= base * 0.9995 and k < len(units) - 1:
        number, k = number / base, k + 1
    text = f"{number:.3g}" if number < 1000 else f"{number:.0f}"
    return f"{text} {units[k]}".rstrip()


def lines() -> list[str]:
    """Return the facts as `doctor` shows them; nothing is measured."""
    found, wide, ticks = caches(), vectors(), clock()
    shared = f", L3 for {found.l3.processors} processors" if found.l3.processors > 1 else ""
    fused = " multiply-add" if wide.fused else ""
    rates = ", ".join(f"{decimal(peak(k), 'flop/s')} in float{8 * k}" for k in (4, 8))
    return [
        f"{found}{shared} ({found.source})",
        f"a core computes {rates} at most: {8 * wide.bytes}-bit{fused},"
        f" {decimal(ticks.rate, 'Hz')} ({ticks.source})",
    ]
