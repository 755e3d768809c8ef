"""The emulated device in the place of CuPy's."""

from __future__ import annotations

import shutil

import pytest
from tests.cuda.emulated import Emulated

from closedform.runtime import homes

collect_ignore = [] if shutil.which("g++") else ["test_catalogue.py", "test_function.py"]
collect_ignore += [] if shutil.which("g++") else ["test_shim.py"]


@pytest.fixture
def device(monkeypatch) -> Emulated:
    found = Emulated()
    monkeypatch.setattr(homes, "current_device", lambda: found)
    return found
