"""Long lines of emitted files, broken where their language lets a line end: at a space."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Sequence

WIDTH = 100
INDENT = "    "

Piece = tuple[int, str]  # brackets that are open before it, text


def comment(text: str, mark: str) -> list[str]:
    """Lines of a comment, each after a mark."""
    room = WIDTH - len(mark) - 1
    wrap = textwrap.TextWrapper(
        room, subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False
    )
    lines = [wrap.wrap(line) or [""] for line in text.replace("*/", "* /").splitlines()]
    return [f"{mark} {line}".rstrip() for line in itertools.chain.from_iterable(lines)]


def wrapped(text: str, least: int = 0) -> str:
    """A text whose lines have at most `WIDTH` columns, where that can be.

    Parameters
    ----------
    text : lines of Python or C.
    least : how many brackets must be open where a line ends: 0 in C, 1 in Python.
    """
    lines = (_broken(line, least) if len(line) > WIDTH else [line] for line in text.splitlines())
    return "".join(f"{line.rstrip()}\n" for line in itertools.chain.from_iterable(lines))


def _broken(line: str, least: int) -> Iterator[str]:
    directive = line.lstrip().startswith("#")
    if directive and (least or line.endswith("\\")):  # Python's comment; one line of a macro
        yield line
        return
    indent, end = line[: len(line) - len(line.lstrip())], " \\" if directive else ""
    rest, start = list(_pieces(line.strip(), least)), indent
    while rest:
        count = _count(rest, WIDTH - len(start) - len(end))
        yield start + " ".join(text for _, text in rest[:count]) + end * (count < len(rest))
        rest, start = rest[count:], indent + INDENT


def _pieces(text: str, least: int) -> Iterator[Piece]:
    """What lies between the spaces where a line may end."""
    begin = depth = before = 0
    quote = ""
    for k, c in enumerate(text):
        if quote:
            quote = "" if c == quote and text[k - 1] != "\\" else quote
        elif c in "\"'":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == " " and depth >= least:
            yield before, text[begin:k]
            begin, before = k + 1, depth
    yield before, text[begin:]


def _count(pieces: Sequence[Piece], room: int) -> int:
    """How many pieces go on a line, of the numbers that fill half of it: where the fewest brackets
    are open, then after a comma, then the most."""
    ends = list(itertools.accumulate(len(text) + 1 for _, text in pieces))
    if ends[-1] - 1 <= room:
        return len(pieces)
    fits = [k for k in range(1, len(pieces)) if ends[k - 1] - 1 <= room]
    if not fits:
        return 1
    full = [k for k in fits if 2 * ends[k - 1] >= room] or fits
    return max(full, key=lambda k: (-pieces[k][0], pieces[k - 1][1].endswith(","), k))
