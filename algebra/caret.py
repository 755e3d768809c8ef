"""A place in a text that was read: the line with a caret under it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

WIDTH = 88  # of what is shown of a long line


@dataclass(frozen=True)
class Place:
    """Characters `start` to `stop` of a text."""

    line: str
    start: int
    stop: int

    @property
    def quoted(self) -> str:
        """What stands there, shortened."""
        text = self.line[self.start : self.stop].strip()
        return text if len(text) <= 40 else f"{text[:36]} ..."

    def __str__(self) -> str:
        start, stop, line = self.start, max(self.stop, self.start + 1), self.line
        if len(line) > WIDTH:
            first = max(0, min(start - WIDTH // 3, len(line) - WIDTH))
            line, start, stop = line[first : first + WIDTH], start - first, stop - first
        line = "".join(c if c.isprintable() else " " for c in line)
        carets = "^" * max(1, min(stop, len(line) or 1) - start)
        return f"in the text\n    {line.rstrip()}\n    {' ' * start}{carets}"


def of_node(text: str, node: ast.AST) -> Place:
    """The place of a syntax node in a text of one line."""
    raw = text.encode("utf-8", "surrogatepass")
    start, stop = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
    return Place(text, _characters(raw, start), _characters(raw, stop))


def of_error(text: str, error: SyntaxError) -> Place:
    """The place that Python's parser complains about, in a text of one line."""
    start = min(max((error.offset or 1) - 1, 0), len(text))
    return Place(text, start, max((error.end_offset or 0) - 1, start + 1))


def _characters(raw: bytes, offset: int) -> int:
    """Python counts bytes of UTF-8; a reader counts characters."""
    return len(raw[:offset].decode("utf-8", "ignore"))
