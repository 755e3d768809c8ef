"""A plugin of pytest: the extension is the one that `SANITIZED` names (see sanitize.py)."""

from __future__ import annotations

import importlib.util
import os
import sys

import closedform.runtime

NAME = "closedform.runtime._native"
spec = importlib.util.spec_from_file_location(NAME, os.environ["SANITIZED"])
assert spec is not None and spec.loader is not None
module = importlib.util.module_from_spec(spec)
sys.modules[NAME] = module
spec.loader.exec_module(module)
setattr(closedform.runtime, "_native", module)  # noqa: B010
