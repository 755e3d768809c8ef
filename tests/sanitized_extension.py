"""A plugin of pytest: the extension is the one that `SANITIZED` names (see sanitize.py)."""

from __future__ import annotations

import importlib.util
import os
import sys

import closedform.runtime

NAME = "closedform.runtime._native"


def install(path: str) -> None:
    """Load the extension at a path in place of the installed one."""
    spec = importlib.util.spec_from_file_location(NAME, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    setattr(closedform.runtime, "_native", module)  # noqa: B010


if "SANITIZED" in os.environ:  # elsewhere it is only looked at, for doctests
    install(os.environ["SANITIZED"])
