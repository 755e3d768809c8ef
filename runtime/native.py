"""The trampoline: the extension if it was built and is not refused, else ctypes.

`CLOSEDFORM_NO_EXTENSION` set to anything refuses it. Importing this compiles nothing.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from . import abi


def _choose() -> ModuleType:
    extension = None if os.environ.get("CLOSEDFORM_NO_EXTENSION") else _extension()
    return extension or import_module(".native_fallback", __package__)


def _extension() -> ModuleType | None:
    """Return the extension, unless it is missing or was built from another tree."""
    try:
        extension = import_module("._native", __package__)
    except ImportError:
        return None
    return extension if extension.abi_version() == abi.version() else None


if TYPE_CHECKING:
    from ._native import Callable, Entry, abi_version, commit, num_threads, set_num_threads
else:
    _chosen = _choose()
    Callable, Entry = _chosen.Callable, _chosen.Entry
    abi_version, commit = _chosen.abi_version, _chosen.commit
    num_threads, set_num_threads = _chosen.num_threads, _chosen.set_num_threads

IS_EXTENSION = not Entry.__module__.endswith("native_fallback")
__all__ = [
    "IS_EXTENSION",
    "Callable",
    "Entry",
    "abi_version",
    "commit",
    "num_threads",
    "set_num_threads",
]
