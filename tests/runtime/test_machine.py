"""Facts of the machine: as systems tell them, half of them, or none."""

from __future__ import annotations

import pytest

from closedform.runtime import machine
from closedform.runtime.machine import Cache


def described(folder, rows):
    for k, (level, kind, size, shared) in enumerate(rows):
        index = folder / f"index{k}"
        index.mkdir(parents=True)
        values = {"level": level, "type": kind, "size": size, "shared_cpu_list": shared}
        for name, value in values.items():
            if value is not None:
                (index / name).write_text(f"{value}\n")


def test_caches_of_linux(tmp_path):
    described(
        tmp_path,
        [
            (1, "Data", "48K", "0"),
            (1, "Instruction", "32K", "0"),
            (2, "Unified", "2048K", "0,32"),
            (3, "Unified", "36M", "0-7,32-39"),
        ],
    )
    found = machine._completed(machine._linux(tmp_path), "there")
    assert found.l1 == Cache(48 << 10, 1)
    assert found.l2 == Cache(2 << 20, 2) and found.l2.share == 1 << 20
    assert found.l3 == Cache(36 << 20, 16)
    assert found.core == (36 << 20) // 16
    assert found.source == "there"
    assert str(found) == "L1 48 KiB, L2 2 MiB, L3 36 MiB"


def test_half_a_description_is_completed(tmp_path):
    described(tmp_path, [(1, "Data", "32K", "0"), (2, "Unified", None, "0")])
    found = machine._completed(machine._linux(tmp_path), "there")
    assert found.l1.size == 32 << 10
    assert found.l2.size == machine.ASSUMED_CACHES[2] and found.l3.size == 0
    assert found.source == "there; L2 assumed"
    assert found.core == found.l2.size


def test_nothing_known_is_assumed(tmp_path):
    found = machine._completed(machine._linux(tmp_path), "there")
    assert [c.size for c in found[:3]] == list(machine.ASSUMED_CACHES.values())
    assert found.source.startswith("assumed")


def test_caches_of_macos():
    said = {
        "hw.perflevel0.l1dcachesize": 128 << 10,
        "hw.perflevel0.l2cachesize": 16 << 20,
        "hw.perflevel0.cpusperl2": 4,
        "hw.l2cachesize": 4 << 20,
    }
    found = machine._completed(machine._mac(lambda name: said.get(name, 0)), "sysctl")
    assert found.l1 == Cache(128 << 10) and found.l2 == Cache(16 << 20, 4)
    assert found.l3.size == 0 and found.core == 4 << 20


def test_this_machine_has_caches():
    found = machine.caches()
    assert 0 < found.l1.size <= found.l2.size
    assert found.core >= found.l2.share


@pytest.mark.parametrize(
    ("features", "size", "fused"),
    [
        ("x86_64; Some CPU; fpu sse2 avx avx2 fma avx512f", 64, True),
        ("x86_64; fpu sse2 avx", 32, False),
        ("x86_64; fpu sse2", 16, False),
        ("aarch64; fp asimd sve", 16, True),
        ("arm64; Apple M1", 16, True),
        ("x86_64 Intel; AVX1.0 FMA; AVX2", 32, True),
        ("riscv64", 16, False),
    ],
)
def test_vectors(features, size, fused):
    assert machine._vectors(features) == (size, fused)


def test_peak_is_vectors_times_clock(monkeypatch):
    monkeypatch.setattr(machine, "vectors", lambda: machine.Vectors(32, True))
    monkeypatch.setattr(machine, "clock", lambda: machine.Clock(2e9, "here"))
    assert machine.peak(8) == 2e9 * 2 * 2 * 4
    assert machine.peak(4) == 2 * machine.peak(8)


def test_clock_from_what_the_system_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "PROCESSORS", tmp_path)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "_sysctl", lambda name: 0)
    assert machine.clock.__wrapped__() == (machine.ASSUMED_CLOCK, "assumed")
    (tmp_path / "cpuinfo").write_text("cpu MHz\t\t: 1200.5\nmodel\t: x\ncpu MHz : 2600\n")
    assert machine.clock.__wrapped__().rate == 2.6e9
    (tmp_path / "cpu0" / "cpufreq").mkdir(parents=True)
    (tmp_path / "cpu0" / "cpufreq" / "cpuinfo_max_freq").write_text("3700000\n")
    assert machine.clock.__wrapped__() == (3.7e9, "cpufreq")


def test_levels(monkeypatch):
    found = machine.Caches(Cache(1000), Cache(4000, 2), Cache(100_000, 4), "here")
    monkeypatch.setattr(machine, "caches", lambda: found)
    assert machine.level(2000, 1) == "L2" and machine.level(2001, 1) == "L3"
    assert machine.level(4000, 2) == "L2"
    assert machine.level(100_000, 1) == "L3" and machine.level(100_001, 1) == "memory"


@pytest.mark.parametrize("place", ["L2", "L3"])
def test_reading_is_measured_once(place):
    rate = machine.read_rate(place, 1)
    assert 1e7 < rate < 1e13  # a tenth of a floppy interface; more than any core
    assert machine.read_rate(place, 1) == rate


def test_numbers_are_read_easily():
    assert machine.decimal(188_160_000, "B") == "188 MB"
    assert machine.decimal(999.6, "B") == "1 kB"
    assert machine.decimal(8, "B") == "8 B"
    assert machine.decimal(0, "") == "0"
    assert machine.decimal(37.4e9, "B/s") == "37.4 GB/s"
    assert machine.decimal(12e18, "B") == "12000 PB"
    assert machine.binary(1 << 20) == "1 MiB"
    assert machine.binary(100_761) == "98.4 KiB"


def test_lines_for_doctor_measure_nothing(monkeypatch):
    monkeypatch.delattr(machine, "read_rate")
    caches, peak = machine.lines()
    assert "L2 " in caches and "Gflop/s in float32" in peak
