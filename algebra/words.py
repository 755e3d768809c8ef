"""Words of composites: what the graph as written shows instead of what they are made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from .node import Node, Word
from .protocol import Handle

T = TypeVar("T", bound=Handle)


def named(result: T, text: str, *sources: Handle) -> T:
    """The result, shown as a text with {0}, {1}... for the sources; nothing else changes.

    A result that is a source itself, or a leaf, keeps its own form.
    """
    nodes = tuple(s.node for s in sources)
    if result.node.operands and result.node not in nodes:
        result.node.word = Word(text, nodes)
    return result


def call(word: str, *sources: Handle | None, **options: object) -> str:
    """Text of a call of a function: one place per source, then options by name.

    >>> call("roll", None, shift=2)
    'roll({0}, shift=2)'
    """
    places = [f"{{{k}}}" for k in range(len(sources))]
    return f"{word}({', '.join([*places, *(f'{k}={v}' for k, v in options.items())])})"


def along(word: str, a: Handle | Node, axes: Sequence[int], keepdims: bool = False) -> str:
    """Text of a function of one array along axes, which are not shown if all are meant."""
    options: dict[str, object] = {}
    if len(axes) < a.ndim:
        options["axis"] = axes[0] if len(axes) == 1 else tuple(axes)
    if keepdims:
        options["keepdims"] = True
    return call(word, None, **options)


def filled(text: str, parts: Sequence[str]) -> str:
    """A text with its places filled; a text from outside can name nothing else."""
    return re.sub(r"\{(\d{1,3})\}", lambda m: parts[int(m[1])], text)


def places(text: str) -> set[int]:
    """Numbers of the places of a text."""
    return {int(m) for m in re.findall(r"\{(\d{1,3})\}", text)}
