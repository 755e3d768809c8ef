"""Running programs of kernels on a device: plans, frames, workspace, launches.

`Device` is what a device must offer; `cupy_device` is the one for NVIDIA GPUs. Nothing here waits
for the device: launches go to its current stream, in order.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..algebra.errors import CallError
from ..emit import grid
from ..emit.cuda import DeviceProgram

KEPT = 16  # plans of one program
PLACE = 256  # bytes that workspace arrays are aligned to
Range = tuple[int, int]


class Device(Protocol):
    """A device, its memory and its kernels. Arrays of a device have NumPy's `shape`, `dtype`,
    `strides`, `flags` and `T`.

    Attributes
    ----------
    facts : DeviceFacts
    name : str
        For messages.
    """

    facts: grid.DeviceFacts
    name: str

    def load(self, program: DeviceProgram, options: tuple[str, ...], soundness: str) -> Any:
        """Compile a program with these options, or find it compiled: what `launch` takes."""

    def launch(self, loaded: Any, launch: grid.Launch, frame: np.ndarray) -> None:
        """Start one kernel with a frame, which is copied."""

    def product(self, left: Any, right: Any, out: Any) -> None:
        """Multiply matrices into an array in C order."""

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """A new array in C order.

        Raises CallError if there is no room.
        """

    def cast(self, array: Any, dtype: np.dtype) -> Any:
        """A new array with the elements of another one, converted.

        Raises CallError if there is no room.
        """

    def view(self, memory: Any, offset: int, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """A part of an array of bytes as an array."""

    def pointer(self, array: Any) -> int:
        """The address of an array's first element."""

    def adopt(self, value: Any) -> Any:
        """The value as an array of this device without a copy; None if it is not in device memory.

        Raises CallError if it is in the memory of another device.
        """

    def aligned(self, array: Any) -> Any:
        """An array of this device, or a copy of one whose elements do not begin at multiples of
        their size, which kernels cannot read.

        Raises CallError if there is no room.
        """

    def signature(self, arrays: Sequence[Any]) -> tuple[Any, list[int]] | None:
        """Shapes, strides and dtypes of arrays of this device as a key, and their addresses; None
        if something else is among them, or an array whose elements are not aligned."""

    def enter(self) -> None:
        """See that what is started now comes after what was started before on other streams: shared
        variables may have been written there."""

    def leave(self, arrays: Sequence[Any]) -> None:
        """Note that what was started uses these arrays, of which the caller may let go."""

    def put(self, array: np.ndarray) -> Any:
        """A copy in device memory."""

    def host(self, array: Any) -> np.ndarray:
        """A copy in NumPy's memory; waits for what computes it."""

    def free(self) -> int:
        """Bytes that arrays may still take."""

    def wait(self) -> None:
        """Wait for everything that was started.

        Raises CallError if a kernel failed.
        """

    def mark(self) -> Any:
        """An event behind everything that was started on the current stream."""

    def between(self, first: Any, second: Any) -> float:
        """Seconds between two events, which both have been waited for."""

    def record(self, start: Callable[[], None]) -> Callable[[], None]:
        """What `start` launches, as something that launches it again."""

    def chunks(
        self, arrays: Sequence[np.ndarray], ranges: Iterable[Range]
    ) -> Iterator[tuple[Range, list[Any]]]:
        """Rows of NumPy arrays in device memory, range by range; an array is valid until the next
        but one."""


@dataclass(frozen=True)
class Prepared:
    """What is the same in all calls with the same extents.

    offsets  of the workspace buffers, in bytes; workspace: all of it
    """

    extents: tuple[int, ...]
    plan: grid.Plan
    loaded: Any
    frame: np.ndarray
    offsets: tuple[int, ...]
    workspace: int


class Refused(Exception):
    """A kernel met a position outside of its axis, or a matrix that it cannot decompose."""


class DeviceEntry:
    """A program on a device.

    Parameters
    ----------
    program : DeviceProgram
    device : Device
    soundness : str
        How far rewriting was allowed to go; a field of the cache key.

    Attributes
    ----------
    pointers : int
        Number of pointers in a frame, which come first.
    """

    def __init__(self, program: DeviceProgram, device: Device, soundness: str = "real") -> None:
        self.program, self.device, self.soundness = program, device, soundness
        self._prepared: OrderedDict[Any, Prepared] = OrderedDict()
        kinds = [a.kind for a in program.arguments]
        self.outputs = kinds.count("output")
        self.given = len(kinds) - self.outputs - kinds.count("update")
        made = program.arguments[self.given :]
        self._made = tuple((a.dtype, a.dims) for a in made)
        self.pointers = len(kinds) + len(program.kernels.buffers)
        self._dims = max(1, len(program.dims))
        self._strides = max(1, sum(len(program.arguments[n].dims) for n, _ in program.strides))

    def run(self, arrays: Sequence[Any], extents: tuple[int, ...]) -> list[Any]:
        """Return new arrays: outputs, then new values of shared variables.

        Parameters
        ----------
        arrays : sequence of device arrays
            Inputs, shared variables and constants, as the program's arguments describe them.
        extents : tuple of int
            One per dim of the program, all positive.

        Raises
        ------
        Refused
            If a kernel met what it refuses; only programs that may meet any wait for the device, to
            find out.
        """
        prepared = self._prepared.get(extents) or self.prepare(extents)
        made, workspace = self.room(prepared)
        self.start(prepared, [*arrays, *made], workspace)
        return made

    def shapes(self, prepared: Prepared) -> tuple[tuple[tuple[int, ...], np.dtype], ...]:
        """Shapes and dtypes of the results of one call."""
        extents = prepared.extents
        return tuple((tuple(extents[d] for d in dims), dtype) for dtype, dims in self._made)

    def room(self, prepared: Prepared) -> tuple[list[Any], Any]:
        """New memory for the results and the workspace of one call."""
        made = [self.device.empty(shape, dtype) for shape, dtype in self.shapes(prepared)]
        return made, self.device.empty((prepared.workspace,), np.dtype(np.uint8))

    def start(
        self,
        prepared: Prepared,
        arrays: Sequence[Any],
        workspace: Any,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Launch everything on the current stream; `after` is called behind every launch."""
        frame = self.frame(prepared, arrays, workspace)
        flag = self._flagged(frame)
        for launch in prepared.plan.launches:
            if isinstance(launch.step, grid.Product):
                self._multiply(prepared, launch.step, arrays, workspace)
            else:
                self.device.launch(prepared.loaded, launch, frame)
            after()
        self._check(flag)

    def _flagged(self, frame: np.ndarray) -> Any:
        """Memory where kernels note what they refuse, if they can meet any."""
        if self.program.kernels.flag < 0:
            return None
        flag = self.device.put(np.zeros(1, np.int32))
        frame.view(np.int64)[self.program.kernels.flag] = self.device.pointer(flag)
        return flag

    def _check(self, flag: Any) -> None:
        if flag is not None and self.device.host(flag)[0]:
            raise Refused

    # ------------------------------------------------------------ plans and frames

    @property
    def fold_axis(self) -> int | None:
        """Number of the dim that is folded."""
        return next((s.axis for s in self.program.kernels.steps if isinstance(s, grid.Fold)), None)

    @property
    def plans(self) -> list[tuple[tuple[int, ...], grid.Plan]]:
        """The plans of the calls so far, with their extents."""
        return [(p.extents, p.plan) for p in self._prepared.values()]

    def plan(self, extents: tuple[int, ...], chunks: int = 1) -> grid.Plan:
        """The launches for these extents; nothing is compiled."""
        return grid.plan(self.program.kernels, extents, self.device.facts, chunks)

    def prepare(self, extents: tuple[int, ...], chunks: int = 1) -> Prepared:
        """Plan and compile for these extents; `chunks`: launches of each fold."""
        key = extents if chunks == 1 else (extents, chunks)
        if key in self._prepared:
            return self._prepared[key]
        plan = self.plan(extents, chunks)
        offsets, total = [], 0
        for size in plan.buffers:
            offsets.append(total)
            total += (size + PLACE - 1) // PLACE * PLACE
        loaded = self.device.load(self.program, plan.options, self.soundness)
        frame = self._template(extents, plan)
        prepared = Prepared(extents, plan, loaded, frame, tuple(offsets), max(1, total))
        self._prepared[key] = prepared
        while len(self._prepared) > KEPT:
            self._prepared.popitem(last=False)
        return prepared

    def _template(self, extents: tuple[int, ...], plan: grid.Plan) -> np.ndarray:
        """A frame in which pointers and strides are missing: `cf_frame` of the source."""
        values = self.program.parameters
        parameters = np.zeros(max(1, len(values)))
        parameters[: len(values)] = values
        narrow = np.zeros(2 * len(parameters), np.float32)
        with np.errstate(over="ignore"):
            narrow[::2] = parameters
        words = np.zeros(max(1, len(plan.words)), np.int64)
        words[: len(plan.words)] = plan.words
        sizes = np.zeros(self._dims, np.int64)
        sizes[: len(extents)] = extents
        later = np.zeros(self.pointers, np.int64), np.zeros(self._strides, np.int64)
        parts = (later[0], sizes, later[1], parameters, narrow, words)
        return np.concatenate([p.view(np.uint8) for p in parts])

    def frame(self, prepared: Prepared, arrays: Sequence[Any], workspace: Any) -> np.ndarray:
        """The frame of one call."""
        frame = self.strided(prepared, arrays)
        base = self.device.pointer(workspace)
        frame.view(np.int64)[: self.pointers] = [
            *map(self.device.pointer, arrays),
            *(base + offset for offset in prepared.offsets),
        ]
        return frame

    def strided(self, prepared: Prepared, arrays: Sequence[Any]) -> np.ndarray:
        """The frame of calls with arrays of these strides; pointers are missing."""
        frame = prepared.frame.copy()
        words = frame.view(np.int64)
        at = self.pointers + self._dims
        for number, first in self.program.strides:
            strides = arrays[number].strides
            words[at + first : at + first + len(strides)] = strides
        return frame

    def word(self, number: int) -> int:
        """Where a word of the plan is in a frame."""
        parameters = max(1, len(self.program.parameters))
        return self.pointers + self._dims + self._strides + 2 * parameters + number

    def _multiply(
        self, prepared: Prepared, product: grid.Product, arrays: Sequence[Any], workspace: Any
    ) -> None:
        m, n, k = (prepared.extents[d] for d in product.extents)
        dtype = np.dtype(f"f{product.item}")

        def array(number: int, stored: Sequence[int]) -> Any:
            if number < len(arrays):
                return arrays[number]
            offset = prepared.offsets[number - len(arrays)]
            return self.device.view(workspace, offset, tuple(stored), dtype)

        def operand(side: int, rows: int, columns: int) -> Any:
            whole = array(
                product.arrays[1 + side], [prepared.extents[d] for d in product.stored[side]]
            )
            matrix = whole.T if product.swapped[side] else whole
            part = matrix.shape != (rows, columns)
            return matrix[:rows, :columns] if part else matrix

        left, right = operand(0, m, k), operand(1, k, n)
        self.device.product(left, right, array(product.arrays[0], (m, n)))

    # ------------------------------------------------------------ data larger than the memory

    def stream(
        self,
        arrays: Sequence[Any],
        hosts: dict[int, np.ndarray],
        extents: tuple[int, ...],
        rows: int,
    ) -> list[Any]:
        """As `run`, with some arguments in NumPy's memory, whose rows go through the device.

        Parameters
        ----------
        arrays : sequence of device arrays or None
            None for those in `hosts`.
        hosts : dict from number of an argument to ndarray
            Their first axis is the fold axis, and they are in C order.
        rows : int
            Of a chunk.
        """
        self.check_streams(hosts)
        assert self.fold_axis is not None
        length = extents[self.fold_axis]
        ranges = [(a, min(a + rows, length)) for a in range(0, length, rows)]
        prepared = self.prepare(extents, len(ranges))
        made, workspace = self.room(prepared)
        nothing = self.device.empty((1,), np.dtype(np.uint8))
        every = [*(nothing if a is None else a for a in arrays), *made]
        frame = self.frame(prepared, every, workspace)
        flag = self._flagged(frame)
        for launch in prepared.plan.launches:
            if isinstance(launch.step, grid.Fold):
                self._in_chunks(prepared, launch, frame, hosts, ranges)
            else:
                self.device.launch(prepared.loaded, launch, frame)
        self._check(flag)
        return made

    def check_streams(self, hosts: Iterable[int]) -> None:
        """Refuse a program that needs whole arrays where only some of their rows are at hand.

        Raises
        ------
        CallError
            Naming what needs them.
        """
        steps = self.program.kernels.steps
        if not any(isinstance(s, grid.Fold) for s in steps):
            need = "the arrays as a whole"
        elif any(isinstance(s, grid.Product) for s in steps):
            need = "products of matrices by cuBLAS"
        elif set(hosts) & set(self.program.kernels.whole):
            need = "other rows beside the current one"
        else:
            return
        raise CallError(
            "arguments are larger than the free device memory, and this function cannot take them"
            f" in chunks: it needs {need}",
            fix="pass fewer rows at a time",
        )

    def _in_chunks(
        self,
        prepared: Prepared,
        launch: grid.Launch,
        frame: np.ndarray,
        hosts: dict[int, np.ndarray],
        ranges: list[Range],
    ) -> None:
        fold = launch.step
        assert isinstance(fold, grid.Fold)
        words = frame.view(np.int64)
        starts = {p.buffer: int(words[p.buffer]) for p in fold.partials}
        numbers = [n for n in hosts if n in fold.reads]
        first, last = self.word(fold.first), self.word(fold.last)
        chunks = self.device.chunks([hosts[n] for n in numbers], ranges)
        for k, ((begin, end), parts) in enumerate(chunks):
            words[first], words[last] = begin, end
            for n, part in zip(numbers, parts, strict=True):  # addressed by rows of the whole
                words[n] = self.device.pointer(part) - begin * hosts[n].strides[0]
            for p in fold.partials:
                words[p.buffer] = starts[p.buffer] + k * grid.partial_bytes(
                    p, launch.grid, prepared.extents
                )
            self.device.launch(prepared.loaded, launch, frame)
        for number, start in starts.items():
            words[number] = start
