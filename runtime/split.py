"""What the driver decides for a call: panels, parts, threads, workspace. It is asked."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from ..emit.estimate import Split
from . import abi, ctypes_driver, native


class Decision(NamedTuple):
    """The answer of the driver.

    shared, panel, accumulator  bytes of workspace: of a call, of the panels of one thread, of the
                                sums of one part
    stages                      per stage of the program; zeros for one that runs once
    """

    shared: int
    panel: int
    accumulator: int
    stages: tuple[Split, ...]

    @property
    def workspace(self) -> int:
        """Bytes of workspace of a call."""
        parts = max((s.parts for s in self.stages), default=0)
        threads = max((s.threads for s in self.stages), default=0)
        return self.shared + max(threads, 1) * self.panel + max(parts, 1) * self.accumulator


def decide(
    address: int, extents: Sequence[int], threads: int, deterministic: bool = False
) -> Decision:
    """Ask the driver what it would do.

    Parameters
    ----------
    address : int
        Where the table of the program is.
    extents : sequence of int
        One per dim of the program.
    threads : int
        That the call may use.
    deterministic : bool
        Whether bits may not depend on the number of threads.

    Raises
    ------
    MemoryError
        If the workspace would be larger than memory can be.
    """
    extent = (ctypes.c_int64 * max(len(extents), 1))(*extents)
    call = ctypes_driver.Call(extent=ctypes.addressof(extent), deterministic=deterministic)
    call.threads = threads
    stages = ctypes_driver.Head.from_address(address).stages
    found = (ctypes.c_int64 * (3 + 3 * stages))()
    status = _driver().cf_split(ctypes.c_void_p(address), ctypes.byref(call), found)
    if status == abi.STATUS["CF_NO_MEMORY"]:
        raise MemoryError(f"no memory is large enough for a workspace at extents {list(extents)}")
    assert status == abi.STATUS["CF_OK"], f"the driver answers {status}"
    rows = (Split(*found[k : k + 3]) for k in range(3, len(found), 3))
    return Decision(found[0], found[1], found[2], tuple(rows))


@cache
def _driver() -> ctypes.CDLL:
    """The driver that calls go through."""
    if native.IS_EXTENSION:
        return ctypes.PyDLL(str(sys.modules[native.Entry.__module__].__file__))
    return ctypes_driver.library()
