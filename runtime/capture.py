"""Recorded steps: a function with updates as graphs of launches that are started again and again.

Two graphs take turns: one reads the first memory of the shared variables and writes the second, the
other one the other way round, so that nothing is copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..algebra.build import describe, here
from ..algebra.errors import CallError
from ..emit.device_text import extents_of
from . import homes, results
from .arguments import Arguments
from .extents import Sizes
from .native import commit

if TYPE_CHECKING:
    from .cuda import CudaFunction

BUNDLE = 32  # steps that one graph holds


def check_in_place(
    arguments: Arguments, args: Sequence[Any], kwargs: Mapping[str, Any], arrays: Sequence[Any]
) -> None:
    """Refuse arguments that are copied before kernels read them.

    Raises
    ------
    CallError
        Naming the input: writing into it would change nothing.
    """
    device = homes.current_device()
    values = arguments.collect(args, kwargs)
    for p, value, array in zip(arguments.parameters, values, arrays, strict=True):
        given = device.adopt(value)
        if given is not None and device.pointer(given) != device.pointer(array):
            raise CallError(
                f"capture of a call whose input {p.shown} is copied first: it has dtype"
                f" {given.dtype}, where {p.leaf.dtype} is needed, or elements that are not aligned",
                where=here(),
                fix="pass an aligned array of that dtype: a recorded step reads the same memory"
                " every time",
            )


class Captured:
    """Steps of a function on fixed memory.

    Attributes
    ----------
    outputs : None, array, list or dict
        Arrays with the results of the last step, as the function returns them.

    What is frozen: the memory of the arguments, of the outputs and of the shared variables.
    Writing into the arguments changes what the next step reads. A shared variable that was given a
    new value otherwise (`set_value`, or another function's update) is noticed: capture again.
    """

    def __init__(self, function: CudaFunction, arrays: Sequence[Any], sizes: Sizes) -> None:
        forms = function._forms
        if forms.empty(sizes):
            raise CallError(
                "capture of a call with arrays without elements",
                where=here(),
                fix="pass arrays with elements; such a call starts no kernel",
            )
        self._leaves = forms.shared
        self._targets = forms.signature.targets
        self._check_memory(function, arrays)
        entry = function._entry(arrays, sizes)
        if entry.program.refuses:
            raise CallError(
                "capture of a function that reads or writes at computed positions, or solves with"
                " matrices, which are checked before results are given out",
                where=here(),
                fix="call the function instead",
            )
        device = entry.device
        seen = [x.payload.cell[0] for x in self._leaves]
        given = [*arrays, *function._state(entry, seen)]
        prepared = entry.prepare(extents_of(entry.program, sizes))
        made, workspace = entry.room(prepared)
        count = entry.outputs
        self.outputs = results.structured(forms.signature.result, made[:count])
        first = dict(zip(self._leaves, seen, strict=True))
        second = first | dict(zip(self._targets, made[count:], strict=True))
        self._memory = [[s[x] for x in self._leaves] for s in (first, second)]
        n = len(arrays)

        def start(turn: int) -> None:
            read, write = (first, second) if turn == 0 else (second, first)
            state = [read[x] for x in self._leaves]
            new = [write[x] for x in self._targets]
            constants = given[n + len(state) :]
            entry.start(prepared, [*arrays, *state, *constants, *made[:count], *new], workspace)

        def bundle() -> None:
            for k in range(BUNDLE):
                start(k % 2)

        device.enter()
        start(0)  # loads what is loaded at first use; its results are not kept
        self._single = [device.record(lambda: start(0)), device.record(lambda: start(1))]
        self._bundle = device.record(bundle)
        self._kept = (given, made, workspace, prepared)
        self._enter = device.enter
        self._turn = 0

    def _check_memory(self, function: CudaFunction, arrays: Sequence[Any]) -> None:
        parameters = function._arguments.parameters
        for p, a in zip(parameters, arrays, strict=True):
            if not homes.on_device(a):
                raise CallError(
                    f"capture of a call whose input {p.shown} is in host memory",
                    where=here(),
                    fix="pass a CuPy array: a recorded step reads the same memory every time",
                )
        for x in self._leaves:
            if not homes.on_device(x.payload.cell[0]):
                raise CallError(
                    f"capture of a function with {describe(x)}, which lives in host memory",
                    where=here(),
                    fix="make it with cf.shared(..., target='cuda')",
                )

    def __call__(self, steps: int = 1) -> Any:
        """Run steps, and return `outputs`; nothing waits for the device.

        Raises
        ------
        CallError
            If a shared variable has another value than the last step gave it.
        """
        seen = self._memory[self._turn]
        for x, a in zip(self._leaves, seen, strict=True):
            if x.payload.cell[0] is not a:
                raise CallError(
                    f"{describe(x)} has been given a new value since its step was captured",
                    where=here(),
                    fix="call capture again: a recorded step keeps the memory that it was made for",
                )
        self._enter()
        left = steps
        while left > 0:
            if left >= BUNDLE and self._turn == 0:
                self._bundle()
                left -= BUNDLE
            else:
                self._single[self._turn]()
                self._turn = 1 - self._turn
                left -= 1
        cells = [x.payload.cell for x in self._leaves]
        commit(cells, list(seen), cells, list(self._memory[self._turn]))
        return self.outputs
