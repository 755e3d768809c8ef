"""What `_native` does, in Python over ctypes, where the extension was not built.

Same classes, same checks, same results; a call costs some microseconds more.
"""

from __future__ import annotations

import ctypes
import operator
import os
import threading
from collections import deque
from collections.abc import Callable as Function
from collections.abc import Sequence
from functools import cache
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds

from . import abi
from .ctypes_driver import Head, Tables, library, settled
from .layout import has_rows, layout

KINDS = ("input", "shared", "constant", "output", "update")
LAYOUTS = ("C", "F", "rows", "strided", "unaligned", "swapped")
MAX_ENTRIES = 8


class Row(NamedTuple):
    """One argument of a program, as `Entry` takes it."""

    kind: str
    typenum: int
    dims: tuple[int, ...]
    layout: str


class Refusal(Exception):
    """These arguments do not fit this entry."""


class Entry:
    """One compiled specialisation of a function."""

    def __init__(
        self,
        address: int,
        owner: object,
        arguments: Sequence[tuple[str, int, tuple[int, ...], str]],
        extents: Sequence[int],
        cells: Sequence[list[Any]] = (),
        constants: Sequence[np.ndarray] = (),
        parameters: Sequence[float] = (),
        externals: Sequence[int] = (),
        update_cells: Sequence[int | list[Any]] = (),
        result: str | tuple[str, ...] | None = None,
        deterministic: bool = False,
    ) -> None:
        self._address, self._owner = address, owner
        self._program = ctypes.c_void_p(address)
        self._rows = [Row(*row) for row in arguments]
        self._extents = list(extents)
        self._cells, self._constants = tuple(cells), tuple(constants)
        self._parameters = np.array(parameters, dtype=np.float64)
        self._externals = np.array(externals, dtype=np.uintp)
        self._result, self._deterministic = result, deterministic
        self._check_rows()
        self._groups = {kind: [r for r in self._rows if r.kind == kind] for kind in KINDS}
        self._targets = [self._target(cell) for cell in update_cells]
        self._check_counts()
        self._bind(self._groups["constant"], self._constants, self._extents)
        self._spare_tables: list[Tables] = []

    def run(self, args: tuple[Any, ...], out: Any = None) -> Any:
        """Run with arguments that fit exactly; ValueError if they do not."""
        try:
            return self._try(args, out)
        except Refusal as refusal:
            message = f"the arguments do not fit this entry: {refusal}"
            raise ValueError(message) from None

    # construction

    def _check_rows(self) -> None:
        for row in self._rows:
            _require(row.kind in KINDS and row.layout in LAYOUTS, "unknown kind or layout")
            _require(row.layout == "C" or row.kind != "update", "updates are C-contiguous")
            _require(len(row.dims) <= abi.header()["CF_MAX_RANK"], "rank is too large")
            in_range = all(0 <= dim < len(self._extents) for dim in row.dims)
            _require(in_range, "a dim number is out of range")
        kinds = [KINDS.index(row.kind) for row in self._rows]
        grouped = all(first <= second for first, second in pairwise(kinds))
        _require(grouped, "arguments are not grouped by kind")

    def _target(self, cell: int | list[Any]) -> list[Any]:
        if isinstance(cell, list):
            return cell
        _require(0 <= cell < len(self._cells), "an update names no cell")
        return self._cells[cell]

    def _check_counts(self) -> None:
        _require(self._address != 0, "no program")
        head = Head.from_address(self._address)
        _require(head.abi == abi.version(), "the program was built for another driver")
        numbers = (len(self._rows), len(self._extents))
        same = (head.arguments, head.dims) == numbers
        _require(same, "arguments or extents differ in number from those of the program")
        same = (head.scalars, head.externals) == (len(self._parameters), len(self._externals))
        _require(same, "parameters or externals differ in number from those of the program")
        _require(len(self._cells) == len(self._groups["shared"]), "one cell per shared argument")
        _require(len(self._constants) == len(self._groups["constant"]), "one array per constant")
        _require(len(self._targets) == len(self._groups["update"]), "one cell per update")
        _require(self._result_fits(), "result is None, 'single', 'list' or one key per output")

    def _result_fits(self) -> bool:
        outputs = len(self._groups["output"])
        if isinstance(self._result, tuple):
            return len(self._result) == outputs
        return self._result in (None, "list") or (self._result == "single" and outputs == 1)

    # a call

    def _try(self, args: tuple[Any, ...], out: Any) -> Any:
        """Calls behave as if made one after another: one that was overtaken computes again."""
        overtaken = False
        while True:
            shared = list(map(_in_cell, list(map(list.copy, self._cells))))  # of one moment
            outputs, updates = self._attempt(args, shared, out, overtaken)
            result = self._pack(outputs)
            if not updates or commit(list(self._cells), shared, self._targets, updates):
                return result
            overtaken = True

    def _attempt(
        self, args: tuple[Any, ...], shared: list[Any], out: Any, keeps_lock: bool
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        extents = list(self._extents)
        self._bind(self._groups["input"], args, extents)
        self._bind(self._groups["shared"], shared, extents)
        extent = self._complete(extents)
        given = [*args, *shared, *self._constants]
        outputs = self._outputs(out, extent, given)
        updates = [_fresh(row, extent) for row in self._groups["update"]]
        self._run([*given, *outputs, *updates], extent, keeps_lock)
        return outputs, updates

    def _bind(self, rows: Sequence[Row], arrays: Sequence[Any], extents: list[int]) -> None:
        if len(rows) != len(arrays):
            raise Refusal("the number of arguments differs")
        for row, array in zip(rows, arrays, strict=True):
            _check_fit(row, array, extents)

    def _complete(self, extents: list[int]) -> list[int]:
        extent = (ctypes.c_int64 * len(extents))(*extents)
        library().cf_define_extents(self._program, extent)
        if min(extent, default=1) <= 0:
            raise Refusal("an extent is zero or not bound")
        return list(extent)

    def _outputs(self, out: Any, extent: list[int], given: list[Any]) -> list[np.ndarray]:
        rows = self._groups["output"]
        if out is None:
            return [_fresh(row, extent) for row in rows]
        wanted = _as_sequence(out, len(rows))
        for row, array in zip(rows, wanted, strict=True):
            if array is not None:
                _check_fit(row, array, extent)
                if not array.flags.writeable:
                    raise Refusal("an array in out= is read-only")
        others = [*given, *map(_in_cell, self._targets)]
        _check_overlap([array for array in wanted if array is not None], others)
        pairs = zip(rows, wanted, strict=True)
        return [_fresh(row, extent) if array is None else array for row, array in pairs]

    def _run(self, arrays: list[np.ndarray], extent: list[int], keeps_lock: bool) -> None:
        tables = self._spare_tables.pop() if self._spare_tables else self._new_tables()
        tables.fill(arrays, extent)
        try:
            status = tables.run(self._program, keeps_lock)
        finally:
            self._spare_tables.append(tables)
        _raise_status(status, tables.call.needed)

    def _new_tables(self) -> Tables:
        numbers = (self._parameters, self._externals)
        return Tables(len(self._rows), len(self._extents), *numbers, self._deterministic)

    def _pack(self, outputs: list[np.ndarray]) -> Any:
        if self._result is None:
            return None
        if self._result == "single":
            return outputs[0]
        if self._result == "list":
            return outputs
        return dict(zip(self._result, outputs, strict=True))


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(f"Entry: {message}")


def _in_cell(cell: list[Any]) -> Any:
    return cell[0] if len(cell) == 1 else None


def commit(
    cells: list[list[Any]], seen: list[Any], targets: list[list[Any]], values: list[Any]
) -> bool:
    """Put values into targets, at once, if every cell holds what was seen; return whether."""
    with _Commits.lock:
        if not all(map(operator.is_, map(_in_cell, cells), seen)):
            return False
        deque(map(operator.setitem, targets, repeat(0), values), maxlen=0)  # runs no Python code
        return True


class _Commits:
    """What one thread does at a time; a signal handler may come in between."""

    lock = threading.RLock()

    @classmethod
    def start_afresh(cls) -> None:
        """Forget what threads of the parent held when it forked."""
        cls.lock = threading.RLock()


os.register_at_fork(after_in_child=_Commits.start_afresh)


def _check_fit(row: Row, array: Any, extents: list[int]) -> None:
    if type(array) is not np.ndarray:
        raise Refusal(f"{row.kind} argument is not a numpy.ndarray")
    if _canonical(array.dtype.num) != _canonical(row.typenum) or array.ndim != len(row.dims):
        raise Refusal(f"{row.kind} argument has another dtype or rank")
    if not _has_layout(array, row.layout):
        raise Refusal(f"{row.kind} argument has another layout")
    for dim, length in zip(row.dims, array.shape, strict=True):
        if extents[dim] < 0:
            extents[dim] = length
        if length == 0 or extents[dim] != length:
            raise Refusal(f"{row.kind} argument has other extents, or an extent of zero")


def _has_layout(array: np.ndarray, wanted: str) -> bool:
    """Whether a kernel for a layout may read an array, and none does better."""
    found = layout(array)
    if found == wanted:
        return True
    if wanted == "F":
        return found == "C" and array.flags.f_contiguous
    return wanted == "rows" and found == "C" and has_rows(array)


def _canonical(typenum: int) -> int:
    """Return one number for long and long long where they are the same."""
    return _TWINS.get(typenum, typenum)


_TWINS: dict[int, int] = {
    np.dtype(twin).num: np.dtype(plain).num
    for twin, plain in (("longlong", "long"), ("ulonglong", "ulong"))
    if np.dtype(twin).itemsize == np.dtype(plain).itemsize
}


def _fresh(row: Row, extent: Sequence[int]) -> np.ndarray:
    return np.empty([extent[dim] for dim in row.dims], dtype=_dtype(row.typenum))


@cache
def _dtype(typenum: int) -> np.dtype[Any]:
    return next(d for d in map(np.dtype, np.typecodes["All"]) if d.num == typenum)


def _as_sequence(out: Any, count: int) -> Sequence[Any]:
    if out is None:
        return [None] * count
    if isinstance(out, np.ndarray) and count == 1:
        return [out]
    if type(out) not in (tuple, list) or len(out) != count:
        raise Refusal("out= does not name every output")
    return list(out)


def _check_overlap(outputs: Sequence[np.ndarray], others: Sequence[Any]) -> None:
    taken = [byte_bounds(array) for array in others if isinstance(array, np.ndarray)]
    for output in outputs:
        low, high = byte_bounds(output)
        if any(low < end and start < high for start, end in taken):
            raise Refusal("an array in out= overlaps another array of the call")
        taken.append((low, high))


def _raise_status(status: int, needed: int) -> None:
    if status == abi.STATUS["CF_NO_MEMORY"]:
        raise MemoryError(
            f"this call needs {needed} bytes of workspace, which the system does not grant; nothing"
            " was changed: free memory, or pass smaller arrays"
            if needed
            else "this call needs more workspace than there are addresses; nothing was changed:"
            " pass smaller arrays"
        )
    if status != abi.STATUS["CF_OK"]:
        raise RuntimeError(f"a kernel stopped with status {status}")


class Callable:
    """Tries its entries, then calls slow(args, kwargs)."""

    def __init__(self, slow: Function[[tuple[Any, ...], dict[str, Any]], Any] | None) -> None:
        self._slow_path = slow
        self._entry_list: tuple[Entry, ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not kwargs or kwargs.keys() == {"out"}:
            for entry in self._entry_list:
                try:
                    return entry._try(args, kwargs.get("out"))
                except Refusal:
                    continue
        if self._slow_path is None:
            raise TypeError("no entry fits, and there is no slow path")
        return self._slow_path(args, kwargs)

    def add_entry(self, entry: Entry) -> None:
        """Put an entry first; the oldest of more than eight leaves."""
        self._entry_list = (entry, *self._entry_list)[:MAX_ENTRIES]

    def entries(self) -> list[Entry]:
        """Return the entries, newest first."""
        return list(self._entry_list)

    def clear_entries(self) -> None:
        """Forget all entries."""
        self._entry_list = ()


def num_threads() -> int:
    """Return how many threads a call may use."""
    return int(settled().cf_threads())


def set_num_threads(n: int) -> None:
    """Set how many threads a call may use, the caller included."""
    if n < 1:
        raise ValueError("the number of threads is at least 1")
    library().cf_set_threads(ctypes.c_int32(min(n, 2**31 - 1)))


def abi_version() -> int:
    """Return the version of the program table."""
    return abi.version()
