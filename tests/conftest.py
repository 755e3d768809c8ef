"""One private cache per test session, shared by its workers; the user's own is never touched."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

CACHE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Point the cache to a new 0700 folder; xdist workers inherit it through the environment."""
    if not hasattr(config, "workerinput"):
        config.stash[CACHE] = tempfile.mkdtemp(prefix="closedform-tests-")
        os.environ["CLOSEDFORM_CACHE_DIR"] = config.stash[CACHE]


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(CACHE, None):
        shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    on_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if on_gpu and not gpu_present():
        for item in on_gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA device, or no CuPy"))


def gpu_present() -> bool:
    try:
        import cupy

        return cupy.cuda.runtime.getDeviceCount() > 0
    except Exception:  # CuPy raises several kinds without a driver
        return False
