"""Where the user's code is: the file and line that messages and occurrences name."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PACKAGE = __name__.partition(".")[0]
_PASSED = (_PACKAGE, "numpy", "sympy")  # libraries that call us on the user's behalf

Origin = tuple[str, int]


_read: ContextVar[Origin | None] = ContextVar("read", default=None)


@contextmanager
def reading(text: str) -> Iterator[None]:
    """While a part of a text is read, that part is the origin: (text, 0)."""
    token = _read.set((text, 0))
    try:
        yield
    finally:
        _read.reset(token)


def origin() -> Origin | None:
    """File and line of the nearest calling frame that is the user's own, or the text being read."""
    read = _read.get()
    if read is not None:
        return read
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _PASSED:
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return None


def place(where: Origin | None) -> str:
    """An origin as errors show it."""
    if where is None:
        return ""
    file, line = where
    if not line:  # a part of a text
        return repr(file)
    return f"{os.path.relpath(file) if os.path.isabs(file) else file}:{line}"


def here() -> str:
    """The user's current line, for errors."""
    return place(origin())
