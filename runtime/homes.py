"""Where the value of a shared variable lives: in NumPy's memory, or on a device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..algebra.build import describe, here
from ..algebra.errors import FunctionError
from ..algebra.node import Leaf


def current_device() -> Any:
    """Return the device that new values go to, and functions for target "cuda" run on.

    Raises
    ------
    CompileError
        If there is none, naming what to install.
    """
    from . import cupy_device

    return cupy_device.current()


def on_device(value: Any) -> bool:
    """Whether a value lives on a device."""
    return type(value) is not np.ndarray


def host(value: Any) -> np.ndarray:
    """Return a value in NumPy's memory: itself, or a copy from its device."""
    if not on_device(value):
        return value
    device = current_device()
    return device.host(device.aligned(device.adopt(value)))


def check_homes(shared: Iterable[Leaf], target: str) -> None:
    """Refuse a function of the processor that reads or updates values on a device.

    Raises
    ------
    FunctionError
        Naming the shared variable.
    """
    for leaf in shared:
        if on_device(leaf.payload.cell[0]):
            raise FunctionError(
                f"{describe(leaf)} lives on a device, and this function has target={target!r}",
                where=here(),
                fix="compile it with target='cuda', or make the variable with target='c'",
            )
