"""Verbs that users call on tensors but that later stages implement.

The door binds each once (semantics 9.8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_verbs: dict[str, Callable[..., Any]] = {}


def bind(name: str, verb: Callable[..., Any]) -> None:
    """Provide a verb; called once by the package's door."""
    assert name not in _verbs, f"{name} is bound twice"
    _verbs[name] = verb


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Call a verb of a later stage."""
    return _verbs[name](*args, **kwargs)
