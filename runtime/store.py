"""The cache directory: where it is, whether it may be trusted, its locks, its temporary folders.

What is loaded from it runs with the rights of the user, so every level belongs to the user and is
closed to others for writing. Verification on load finds damage; it is no defence against someone
who can already write here.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..algebra.errors import CacheError

VARIABLE = "CLOSEDFORM_CACHE_DIR"
TEMPORARY = "tmp"
LOCKS = "locks"
FAILED = "failed"
CHOOSE = f"set {VARIABLE} to a folder that only you can write, such as one on local disk"


def _user_folder() -> str:
    import platformdirs

    return platformdirs.user_cache_dir("closedform")


def root() -> Path:
    """Return the cache directory, created and checked.

    Raises
    ------
    CacheError
        If it cannot be created, or somebody else could write to it.
    """
    named = os.environ.get(VARIABLE)
    path = Path(os.path.abspath(named or _user_folder()))
    for level in reversed(path.parents):
        _make(level)
        _check_parent(level)
    return folder(path)


def folder(path: Path) -> Path:
    """Return a folder of ours, created if missing, after checking that only the user can write."""
    _make(path)
    check(path, stat.S_ISDIR, "a folder")
    return path


def _make(path: Path) -> None:
    try:
        if not os.path.isdir(path):
            os.mkdir(path, 0o700)
    except FileExistsError:
        pass  # another process was faster, or it is no folder, which the check will say
    except OSError as error:
        raise unusable(path, error) from error


def unusable(path: Path, error: OSError) -> CacheError:
    """Return the error that says why a path in the cache cannot be used."""
    return CacheError(
        f"the cache cannot be written: {error.strerror or error}: {path}",
        where=str(path),
        fix=f"make room and allow writing there, or {CHOOSE}",
    )


def check(path: Path, is_kind: Callable[[int], bool], kind: str) -> os.stat_result:
    """Return the status of a path that is ours alone; links are refused."""
    status = os.lstat(path)
    if not is_kind(status.st_mode):
        found = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "something else"
        raise _distrust(path, f"it is {found}, not {kind}", f"name the real place in {VARIABLE}")
    if status.st_uid != os.geteuid():
        owner = f"it belongs to user {status.st_uid}, not to you ({os.geteuid()})"
        raise _distrust(path, owner, f"chown it to yourself, or {CHOOSE}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(status.st_mode)
        raise _distrust(path, f"others can write to it (mode {mode:04o})", f"chmod go-w '{path}'")
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
        mode = stat.S_IMODE(status.st_mode)
        raise _distrust(path, f"you cannot write to it (mode {mode:04o})", f"chmod u+rwx '{path}'")
    return status


def _check_parent(path: Path) -> None:
    mode = os.stat(path).st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        found = "anybody can replace what is in a folder above it"
        raise _distrust(path, found, f"chmod o-w '{path}', or {CHOOSE}")


def _distrust(path: Path, found: str, fix: str) -> CacheError:
    return CacheError(f"the cache is not used, for {found}: {path}", where=str(path), fix=fix)


@contextmanager
def locked(name: str, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a name between processes and threads; yield False if not waiting and taken.

    Locks are shared by names with the same first three digits: lock files must never be removed,
    so their number is bounded instead.
    """
    path = folder(root() / LOCKS) / name[:3]
    import filelock

    lock = filelock.FileLock(path, timeout=-1 if wait else 0, mode=0o600, thread_local=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        yield False
        return
    except OSError as error:
        raise unusable(path, error) from error
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def temporary() -> Iterator[Path]:
    """Yield a new folder whose name says which process owns it; removed at the end."""
    owner = f"{_here()}-{os.getpid()}-{_birth(os.getpid())}"
    path = folder(folder(root() / TEMPORARY) / f"{owner}-{secrets.token_hex(8)}")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def sweep() -> None:
    """Remove what dead processes left behind; of other machines, what is a day old."""
    for path in (root() / TEMPORARY).glob("*-*-*-*"):
        if _is_abandoned(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_abandoned(path: Path) -> bool:
    here, pid, birth, _ = path.name.split("-")
    if here == _here():
        return _birth(int(pid)) != birth
    try:
        return time.time() - path.stat().st_mtime > 86400
    except OSError:
        return False


@cache
def _here() -> str:
    """Identify where numbers of processes mean what they mean to us: machine and namespace."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return sha256(f"{platform.node()} {namespace}".encode()).hexdigest()[:8]


def _birth(pid: int) -> str:
    """Return when a process was started, "" if it is gone: numbers of processes are used again."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        state, *fields = text.rpartition(")")[2].split()
        return "" if state in "ZX" else fields[18]
    except FileNotFoundError:
        return "" if os.path.exists("/proc/self/stat") else _alive(pid)
    except (OSError, IndexError):
        return ""


def _alive(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"


def publish(source: Path, target: Path) -> None:
    """Move a finished file or folder to its place in one step, over a damaged one if need be.

    Called under the lock of the target.
    """
    folder(target.parent)
    try:
        if target.is_dir() and not target.is_symlink():
            os.rename(target, source.parent / f"damaged-{secrets.token_hex(4)}")
        os.rename(source, target)
    except OSError as error:
        raise unusable(target, error) from error


def write(path: Path, text: str) -> None:
    """Write a new private file."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise unusable(path, error) from error


def read(path: Path) -> bytes:
    """Return the contents of a file of ours."""
    check(path, stat.S_ISREG, "a file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with open(descriptor, "rb") as file:
        return file.read()


def digest(fields: dict[str, Any]) -> str:
    """Return the SHA-256 of named fields, the same in every process."""
    text = json.dumps(fields, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def remembered(kind: str, key: dict[str, Any], find_out: Callable[[], dict[str, Any]]) -> Any:
    """Return facts about this machine, found out once and then read from the cache."""
    name = digest({"kind": kind, **key})
    path = root() / f"{kind}s" / f"{name}.json"
    facts = _recall(path)
    if facts is not None:
        return facts
    with locked(name):
        facts = _recall(path)
        if facts is None:
            facts = find_out()
            _keep(path, {"key": key, "facts": facts})
    return facts


def _recall(path: Path) -> Any:
    try:
        return json.loads(read(path))["facts"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, content: dict[str, Any]) -> None:
    with temporary() as scratch:
        write(scratch / path.name, json.dumps(content, indent=1, sort_keys=True))
        publish(scratch / path.name, path)
