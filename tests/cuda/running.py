"""Run a graph on the emulated device."""

from __future__ import annotations

import numpy as np
import pytest
from tests import running
from tests.cuda.emulated import Emulated

from closedform.algebra.errors import EmitError
from closedform.algebra.node import Node
from closedform.emit.cuda import DeviceProgram
from closedform.emit.device_text import compile_device, extents_of
from closedform.emit.program import Unit
from closedform.runtime.device import DeviceEntry
from closedform.runtime.layout import layout


def program(nodes: list[Node], arrays: dict[Node, np.ndarray], baked: tuple = ()) -> DeviceProgram:
    """The program of a graph; a test of what the target refuses by name is skipped."""
    storage = tuple((a.dtype, layout(a)) for a in arrays.values())
    try:
        return compile_device(Unit(tuple(arrays), (), (), tuple(nodes), (), storage, baked))
    except EmitError as error:
        if "is not built for the target" not in error.found:
            raise
        pytest.skip(error.found)


def extents(p: DeviceProgram, arrays: dict[Node, np.ndarray]) -> tuple[int, ...]:
    return extents_of(p, running.sizes(arrays))


def emulated(
    nodes: list[Node],
    arrays: dict[Node, np.ndarray],
    device: Emulated | None = None,
    baked: tuple = (),
) -> list[np.ndarray]:
    p = program(nodes, arrays, baked)
    entry = DeviceEntry(p, device or Emulated())
    return entry.run(list(arrays.values()), extents(p, arrays))


def agree_bit_for_bit(found: list[np.ndarray], first: list[np.ndarray], what: str) -> None:
    for k, (a, b) in enumerate(zip(found, first, strict=True)):
        same = a.tobytes() == b.tobytes()
        assert same, f"{what}: output {k} differs, {np.sum(a != b)} elements"
