"""The compiled programs: keyed by everything that decides their bits, verified, bounded.

An entry is a folder `<2 digits>/<key>/` of `program.c`, `program.so` and `key.json`, the fields of
the key for a reader and the digest of the binary. It appears by one rename and never changes. What
other compilers than C's make has other names of files.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from ..algebra.errors import CacheError, CompileError
from ..algebra.version import VERSION
from ..emit.program import Program
from . import abi, store
from .toolchain import Toolchain, cpu_features

SOURCE, BINARY, KEY = "program.c", "program.so", "key.json"
NAMES = (SOURCE, BINARY)
DEFAULT_BYTES = 10**9
KEPT_FAILURES = 20


@dataclass(frozen=True)
class Entry:
    """A verified entry of the cache. `compiled` says whether this call made it; `names` are those
    of its source and its binary."""

    key: str
    folder: Path
    compiled: bool
    names: tuple[str, str] = NAMES

    @property
    def source(self) -> Path:
        return self.folder / self.names[0]

    @property
    def binary(self) -> Path:
        return self.folder / self.names[1]


class Compiler(Protocol):
    """What makes binaries."""

    def compile(self, source: Path, out: Path) -> None:
        """Compile one file.

        Raises CompileError if that fails.
        """


@dataclass(frozen=True)
class Info:
    """What the cache holds."""

    folder: Path
    entries: int
    bytes: int
    limit: int


def key_fields(program: Program, toolchain: Toolchain, soundness: str = "real") -> dict[str, Any]:
    """Return the named fields that a compiled program depends on."""
    return {
        "program": program.key_text,
        "emitter": emitter_digest(),
        "arguments": [[a.kind, a.dtype.str, list(a.dims), a.layout] for a in program.arguments],
        "dims": list(program.dims),
        "target": program.target,
        "soundness": soundness,
        "templates": template_digest(),
        "compiler": toolchain.identity(),
        "flags": list(toolchain.flags),
        "cpu": cpu_features(),
        "abi": abi.version(),
        "closedform": VERSION,
    }


@cache
def template_digest() -> str:
    """Return the digest of all templates."""
    folder = Path(__file__).parent.parent / "templates"
    return folder_digest(folder, "*.j2")


@cache
def emitter_digest() -> str:
    """Return the digest of the code that turns a lowered program into text."""
    return folder_digest(Path(__file__).parent.parent / "emit", "*.py")


def folder_digest(folder: Path, pattern: str) -> str:
    """Return the digest of names and contents of files below a folder."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob(pattern))
    return store.digest({name: (folder / name).read_text() for name in names})


def obtain(
    render: Callable[[], str],
    fields: Mapping[str, Any],
    toolchain: Compiler,
    names: tuple[str, str] = NAMES,
) -> Entry:
    """Return the entry of a key, compiled now unless it is there and whole.

    Many processes may ask at once: one compiles, the others wait for it.
    """
    fields = dict(fields)
    key = store.digest(fields)
    there = is_whole(place(key), fields, names)
    if there or not _compile_once(render, fields, key, toolchain, names):
        _touch(place(key))
        return Entry(key, place(key), compiled=False, names=names)
    _evict(keep=key)
    return Entry(key, place(key), compiled=True, names=names)


def _compile_once(
    render: Callable[[], str],
    fields: dict[str, Any],
    key: str,
    toolchain: Compiler,
    names: tuple[str, str],
) -> bool:
    """Compile under the lock of the key, unless somebody else has meanwhile."""
    with store.locked(key):
        if is_whole(place(key), fields, names):
            return False
        _compile(render(), fields, key, toolchain, names)
        return True


def place(key: str) -> Path:
    """Return where the entry of a key is, or would be."""
    return store.root() / key[:2] / key


def is_whole(folder: Path, fields: Mapping[str, Any], names: tuple[str, str] = NAMES) -> bool:
    """Say whether an entry is present and undamaged."""
    try:
        store.check(folder.parent, stat.S_ISDIR, "a folder")
        store.check(folder, stat.S_ISDIR, "a folder")
        record = json.loads(store.read(folder / KEY))
        binary = sha256(store.read(folder / names[1])).hexdigest()
        store.check(folder / names[0], stat.S_ISREG, "a file")
        return record["fields"] == fields and record["binary"] == binary
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return False


def _compile(
    source: str, fields: dict[str, Any], key: str, toolchain: Compiler, names: tuple[str, str]
) -> None:
    store.sweep()
    with store.temporary() as scratch:
        made = store.folder(scratch / key)
        text, image = made / names[0], made / names[1]
        store.write(text, source)
        try:
            toolchain.compile(text, image)
        except CompileError as error:
            raise _with_kept_source(error, source, key + text.suffix) from None
        os.chmod(image, 0o700)
        binary = sha256(store.read(image)).hexdigest()
        record = {"fields": fields, "binary": binary}
        store.write(made / KEY, json.dumps(record, indent=1, sort_keys=True))
        store.publish(made, place(key))


def _with_kept_source(error: CompileError, source: str, name: str) -> CompileError:
    """Return the error with a source that stays on disk for the reader."""
    folder = store.folder(store.root() / store.FAILED)
    path = folder / name
    path.unlink(missing_ok=True)
    store.write(path, source)
    for old in sorted(folder.iterdir(), key=_age, reverse=True)[KEPT_FAILURES:]:
        old.unlink(missing_ok=True)
    found = error.found.replace(error.where, str(path)) if error.where else error.found
    return CompileError(found, where=str(path), fix=error.fix)


def _touch(folder: Path) -> None:
    try:
        os.utime(folder / KEY)
    except OSError:
        pass


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def limit() -> int:
    """Return how many bytes the cache may take: `CLOSEDFORM_CACHE_BYTES`, or 1 GB."""
    text = os.environ.get("CLOSEDFORM_CACHE_BYTES", "")
    try:
        return int(float(text)) if text else DEFAULT_BYTES
    except ValueError:
        raise CacheError(
            f"CLOSEDFORM_CACHE_BYTES is {text!r}, not a number of bytes",
            where="environment variable CLOSEDFORM_CACHE_BYTES",
            fix="set it to a number such as 1e9, or unset it",
        ) from None


def _entries() -> Iterator[Path]:
    for folder in store.root().glob("[0-9a-f][0-9a-f]/*"):
        if len(folder.name) == 64:
            yield folder


def _size(folder: Path) -> int:
    try:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(folder))
    except OSError:
        return 0


def _evict(keep: str) -> None:
    """Remove entries that were not used for longest, until the cache is below its bound."""
    entries = sorted(_entries(), key=lambda folder: _age(folder / KEY))
    sizes = {folder: _size(folder) for folder in entries}
    excess = sum(sizes.values()) - limit()
    for folder in entries:
        if excess <= 0:
            return
        if folder.name != keep and _remove(folder):
            excess -= sizes[folder]


def _remove(folder: Path) -> bool:
    """Remove an entry unless somebody holds its lock."""
    with store.locked(folder.name, wait=False) as mine:
        if not mine:
            return False
        with store.temporary() as scratch:
            try:
                os.rename(folder, scratch / folder.name)
            except OSError:
                return False
    return True


def info() -> Info:
    """Return where the cache is and how much it holds."""
    entries = list(_entries())
    return Info(store.root(), len(entries), sum(map(_size, entries)), limit())


def clear() -> None:
    """Remove every entry that nobody is making at this moment, and what failures left."""
    store.sweep()
    for folder in _entries():
        _remove(folder)
    for kind in (store.FAILED, "toolchains"):
        shutil.rmtree(store.root() / kind, ignore_errors=True)
