"""The cache: one compilation per key, damage is repaired, strangers are refused."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.runtime import programs

from closedform.algebra.errors import CacheError, CompileError
from closedform.emit.program import Argument, Program
from closedform.runtime import cache, loader, native, store, toolchain

ROOT = Path(__file__).parents[2]
PROCESSES, PROGRAMS = 64, 20
FORKS = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache."""
    path = tmp_path / "cache"
    monkeypatch.setenv(store.VARIABLE, str(path))
    monkeypatch.setattr(loader, "_memory", loader._Memory())
    return path


@pytest.fixture
def log(tmp_path, monkeypatch):
    """The command lines of a compiler that writes them down."""
    path, script = tmp_path / "log", tmp_path / "cc"
    compiler = shutil.which("gcc") or shutil.which("cc")
    script.write_text(f'#!/bin/sh\necho "$@" >> "{path}"\nexec "{compiler}" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CLOSEDFORM_CC", str(script))
    return path


def program(number: int = 1) -> Program:
    source = programs.AXPY.replace("f->scalar[0]", f"{number}.0")
    arguments = tuple(Argument(k, programs.F64, (0,)) for k in ("input", "input", "output"))
    return Program(lambda: source, f"axpy {number}", "c", arguments, (None,), (0.0,))


def works(number: int, loaded: loader.Loaded) -> bool:
    rows = programs.rows(*[("input", "f8", (0,))] * 2, ("output", "f8", (0,)))
    options = {"parameters": [0.0], "result": "single"}
    entry = native.Entry(loaded.address, loaded, rows, [-1], **options)
    return bool((entry.run((np.arange(4.0), np.ones(4))) == number * np.arange(4.0) + 1).all())


def fork(work) -> int:
    """Start work in a child; it exits with 0 if work returns true."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    return pid


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def all_programs(seed: int) -> bool:
    numbers = list(range(1, PROGRAMS + 1))
    random.Random(seed).shuffle(numbers)
    return all(works(number, loader.load(program(number))) for number in numbers)


def compiled_keys(log: Path) -> Counter[str]:
    words = log.read_text().split()
    return Counter(Path(w).parent.name for w in words if w.endswith(f"/{cache.SOURCE}"))


def obtain(number: int = 1) -> cache.Entry:
    compiler = toolchain.find()
    made = program(number)
    return cache.obtain(made.render, cache.key_fields(made, compiler), compiler)


# many processes


@FORKS
def test_many_processes_compile_each_key_once(folder, log):
    works(3, programs.load(programs.AXPY.replace("f->scalar[0]", "3.0")))  # warms up this process
    log.unlink()
    shutil.rmtree(folder)
    loader._memory.loaded.clear()
    toolchain._find.cache_clear()
    children = [fork(lambda seed=seed: all_programs(seed)) for seed in range(PROCESSES)]
    assert [ended(pid) for pid in children] == [0] * PROCESSES
    keys = compiled_keys(log)
    assert len(keys) == PROGRAMS and set(keys.values()) == {1}
    assert sum("--version" in line for line in log.read_text().splitlines()) == 1
    assert list((folder / store.TEMPORARY).iterdir()) == []
    assert cache.info().entries == PROGRAMS


@FORKS
def test_killed_processes_leave_a_working_cache(folder, log):
    chance = random.Random(0)
    for seed in range(8):
        children = [fork(lambda seed=seed: all_programs(seed)) for _ in range(3)]
        time.sleep(chance.uniform(0.0, 0.25))
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            ended(pid)
    assert ended(fork(lambda: all_programs(99))) == 0
    store.sweep()
    assert list((folder / store.TEMPORARY).iterdir()) == []
    assert all(obtain(number).compiled is False for number in range(1, PROGRAMS + 1))


def test_threads_load_a_key_once(folder, log):
    loaded = []
    threads = [
        threading.Thread(target=lambda: loaded.append(loader.load(program()))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 8 and all(one is loaded[0] for one in loaded)
    assert loaded[0].compiled and loaded[0].source_path.is_file()
    assert set(compiled_keys(log).values()) == {1}


# keys


def test_every_field_counts():
    compiler = toolchain.find()
    made = program()
    other_dtype = (replace(made.arguments[0], dtype=programs.F32), *made.arguments[1:])
    other_layout = (replace(made.arguments[0], layout="strided"), *made.arguments[1:])
    variants = [
        (made, compiler, "real"),
        (made, compiler, "fast"),
        (replace(made, key_text="other"), compiler, "real"),
        (replace(made, target="cuda"), compiler, "real"),
        (replace(made, dims=(5,)), compiler, "real"),
        (replace(made, arguments=other_dtype), compiler, "real"),
        (replace(made, arguments=other_layout), compiler, "real"),
        (made, replace(compiler, version="0"), "real"),
        (made, replace(compiler, flags=("-O0",)), "real"),
    ]
    assert len({store.digest(cache.key_fields(*variant)) for variant in variants}) == len(variants)


def test_parameters_do_not_count():
    compiler = toolchain.find()
    one, other = program(), replace(program(), parameters=(9.0,))
    assert cache.key_fields(one, compiler) == cache.key_fields(other, compiler)


def test_key_is_the_same_for_every_hash_seed():
    code = (
        "from tests.runtime.test_cache import *;"
        "print(store.digest(cache.key_fields(program(), toolchain.find())))"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(keys) == 1 and len(keys.pop().strip()) == 64


# entries


def test_an_entry_can_be_read(folder):
    entry = obtain()
    record = json.loads((entry.folder / cache.KEY).read_text())
    assert record["fields"]["program"] == "axpy 1"
    assert len(record["binary"]) == 64
    assert entry.source.read_text() == program().source
    assert entry.folder.parent.name == entry.key[:2]
    for path in [folder, entry.folder.parent, entry.folder, *entry.folder.iterdir()]:
        assert path.stat().st_mode & 0o077 == 0


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def garble(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-10] + b"0123456789")


DAMAGES = [
    (cache.BINARY, truncate),
    (cache.BINARY, garble),
    (cache.BINARY, Path.unlink),
    (cache.KEY, truncate),
    (cache.KEY, garble),
    (cache.KEY, Path.unlink),
    (cache.KEY, lambda path: path.write_text("[]")),
    (cache.SOURCE, Path.unlink),
]


@FORKS
@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_damaged_entries_are_made_again(folder, name, damage):
    entry = obtain()
    damage(entry.folder / name)
    assert obtain().compiled
    assert not obtain().compiled
    assert ended(fork(lambda: works(1, loader.load(program())))) == 0
    assert list((folder / store.TEMPORARY).iterdir()) == []


def test_what_dead_processes_left_is_removed(folder):
    obtain()
    here = store._here()
    kept = store.folder(
        folder / store.TEMPORARY / f"{here}-{os.getpid()}-{store._birth(os.getpid())}-a"
    )
    for name in (f"{here}-{os.getpid()}-0-b", f"{here}-4194305-77-c"):
        store.folder(folder / store.TEMPORARY / name)
        (folder / store.TEMPORARY / name / "half").write_text("x")
    other = store.folder(folder / store.TEMPORARY / "elsewhere-1-1-d")
    store.sweep()
    assert sorted((folder / store.TEMPORARY).iterdir()) == sorted([kept, other])
    os.utime(other, (0, 0))
    store.sweep()
    assert list((folder / store.TEMPORARY).iterdir()) == [kept]


def age(entry: cache.Entry, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(entry.folder / cache.KEY, (moment, moment))


def test_least_recently_used_entries_leave_first(folder, monkeypatch):
    first, second, third = obtain(1), obtain(2), obtain(3)
    for seconds, entry in ((300, first), (200, second), (100, third)):
        age(entry, seconds)
    obtain(1)  # used again
    monkeypatch.setenv("CLOSEDFORM_CACHE_BYTES", str(int(cache.info().bytes * 1.05)))
    obtain(4)
    assert not second.folder.exists()
    assert first.folder.exists() and third.folder.exists()
    assert cache.info().bytes <= cache.info().limit


def test_entries_under_a_lock_and_the_newest_stay(folder, monkeypatch):
    first, second = obtain(1), obtain(2)
    monkeypatch.setenv("CLOSEDFORM_CACHE_BYTES", "1")
    with store.locked(first.key):
        newest = obtain(3)
    assert first.folder.exists() and newest.folder.exists() and not second.folder.exists()


def test_info_and_clear(folder):
    obtain(1), obtain(2)
    info = cache.info()
    assert (info.folder, info.entries) == (folder, 2) and 0 < info.bytes < info.limit == 10**9
    cache.clear()
    assert cache.info().entries == 0 and cache.info().bytes == 0
    assert obtain(1).compiled


@pytest.mark.parametrize("text", ["much", "1GB"])
def test_a_bound_that_is_no_number(folder, monkeypatch, text):
    monkeypatch.setenv("CLOSEDFORM_CACHE_BYTES", text)
    with pytest.raises(CacheError, match="CLOSEDFORM_CACHE_BYTES"):
        cache.info()


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("const cf_program closedform_program", "static const cf_program other", "does not export"),
        ("{CF_ABI_VERSION,", "{CF_ABI_VERSION + 1,", "version"),
    ],
)
def test_a_binary_without_the_right_table_is_refused(folder, old, new, found):
    text = program().source.replace(old, new)
    made = replace(program(), render=lambda: text, key_text=text)
    with pytest.raises(CompileError, match=found):
        loader.load(made)


# who may write


def refused(match: str) -> CacheError:
    with pytest.raises(CacheError, match=match) as caught:
        obtain()
    assert caught.value.fix and caught.value.where
    return caught.value


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722, 0o1777])
def test_a_folder_that_others_can_write_is_refused(folder, mode):
    folder.mkdir()
    folder.chmod(mode)
    assert "chmod go-w" in refused("others can write").fix


def test_a_foreign_folder_is_refused(folder, monkeypatch):
    folder.mkdir(mode=0o700)
    stranger = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    assert store.VARIABLE in refused("belongs to user").fix


def test_a_folder_without_write_permission_is_refused(folder):
    folder.mkdir(mode=0o500)
    assert "chmod u+rwx" in refused("cannot write").fix


def test_a_folder_that_cannot_be_made(folder, monkeypatch):
    folder.write_text("a file")
    refused("not a folder")
    monkeypatch.setenv(store.VARIABLE, str(folder / "below"))
    assert store.VARIABLE in refused("cannot be written").fix


def test_a_link_is_refused(folder, tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "real")
    refused("symbolic link")


def test_a_folder_below_one_that_anybody_can_write_is_refused(folder, monkeypatch, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv(store.VARIABLE, str(shared / "cache"))
    refused("anybody can replace")


@pytest.mark.parametrize("level", ["", "..", cache.BINARY, cache.KEY])
def test_every_level_is_checked(folder, level):
    path = Path(os.path.normpath(obtain().folder / level))
    path.chmod(0o722)
    refused("others can write")


@pytest.mark.parametrize("level", ["", "..", cache.BINARY, cache.KEY])
def test_links_are_refused_at_every_level(folder, level, tmp_path):
    path = Path(os.path.normpath(obtain().folder / level))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    refused("symbolic link")


def test_a_full_disk_is_said(folder, monkeypatch):
    toolchain.find()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    refused("No space left")


def test_default_folder_is_private(monkeypatch, tmp_path):
    monkeypatch.delenv(store.VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new" / "caches"))
    path = store.root()
    assert path.is_relative_to(tmp_path) and "closedform" in path.name
    assert path.stat().st_mode & 0o777 == 0o700
