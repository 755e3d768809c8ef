"""Definitions of NumPy text: a name that is used once goes, a call that is repeated gets one.

It works on texts: a call is a whole expression wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

LONG = 120  # a definition of this length keeps its name
LEAST = 24  # a call of this length may get a name
SAVED = 30  # characters that a name must save
MOST = 20_000  # characters of texts that are searched

Lines = list[tuple[str, str]]


def tidied(
    lines: Lines, main: str, calls: Mapping[str, int], kept: set[str], name: Callable[[int], str]
) -> tuple[Lines, str]:
    """Definitions (name, text) and the last line, with names where they help.

    Parameters
    ----------
    calls : calls that were written, with the number of axes of what they give.
    kept : names that users gave.
    name : a new name for something with that many axes.
    """
    if len(main) + sum(len(text) for _, text in lines) > MOST:
        return lines, main
    lines, main = _inlined(lines, main, kept)
    for call in sorted(calls, key=len, reverse=True):
        texts = [text for _, text in lines if text != call] + [main] * (main != call)
        found = sum(len(_places(call, text)) for text in texts)
        if len(call) >= LEAST and (found - 1) * len(call) >= SAVED:
            lines, main = _named(lines, main, call, name(calls[call]))
    return lines, main


def _places(call: str, text: str) -> list[int]:
    """Where a call stands in a text, as a whole name followed by its arguments."""
    pattern = rf"(?<![\w.]){re.escape(call)}"
    return [m.start() for m in re.finditer(pattern, text)]


def _named(lines: Lines, main: str, call: str, name: str) -> tuple[Lines, str]:
    pattern = re.compile(rf"(?<![\w.]){re.escape(call)}")
    result: Lines = []
    for old, text in [*lines, ("", main)]:
        new = pattern.sub(name, text)
        if new != text and not any(n == name for n, _ in result):
            result.append((name, call))
        result.append((old, new))
    return [(n, t) for n, t in result if n and (n != name or t == call)], result[-1][1]


def _inlined(lines: Lines, main: str, kept: set[str]) -> tuple[Lines, str]:
    """Without the names that are used once."""
    everything = " ".join([*(text for _, text in lines), main])
    found: Lines = []
    values: dict[str, str] = {}
    for name, text in lines:
        text = _filled(text, values)
        uses = len(re.findall(rf"(?<![\w.]){name}\b", everything))
        if uses == 1 and len(text) < LONG and name not in kept:
            values[name] = text
        else:
            found.append((name, text))
    return found, _filled(main, values)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """A text with names replaced, in parentheses unless they are all of an argument."""
    if not values:
        return text

    def put(m: re.Match) -> str:
        value = values.get(m[0])
        if value is None:
            return m[0]
        alone = text[: m.start()].endswith(("(", "[", ", ")) and text[m.end() :].startswith(
            (")", "]", ", ")
        )
        whole = not text.strip(m[0]) and not text.replace(m[0], "", 1)
        called = text[: m.start()].endswith("(") and re.search(r"\w\($", text[: m.start()])
        simple = re.fullmatch(r"\w+\([^()]*\)", value)
        argument = alone and (called or not text[: m.start()].endswith("("))
        return value if whole or simple or argument else f"({value})"

    return re.sub(r"(?<![\w.])[A-Za-z_]\w*\b", put, text)
