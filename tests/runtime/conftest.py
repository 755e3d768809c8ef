"""Both trampolines: every test of one is a test of the other."""

from __future__ import annotations

import importlib

import pytest


@pytest.fixture(params=["_native", "native_fallback"])
def native(request):
    try:
        module = importlib.import_module(f"closedform.runtime.{request.param}")
    except ImportError as error:
        pytest.skip(f"the extension is not built: {error}")
    threads = module.num_threads()
    yield module
    module.set_num_threads(threads)
