"""Functions with target "cuda": arrays in device memory in and out, nothing waits for them."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..algebra.build import here
from ..algebra.dims import show
from ..algebra.errors import CallError
from ..algebra.node import Leaf
from ..emit.cuda import DeviceProgram
from ..emit.device_text import compile_device, extents_of
from . import explain, homes, results, specialisation
from .arguments import Arguments
from .device import DeviceEntry, Refused
from .device_call import MISSED, QuickCalls
from .extents import Sizes
from .forms import Forms
from .function import CHECKED, KEPT, Function
from .native import commit
from .signature import Parameter

NARROW = ("float16", "bfloat16")  # storage that is widened in registers
ROOM = 0.8  # of the free device memory that arguments may take


class DeviceArguments(Arguments):
    """As `Arguments`; what lives on the device stays there.

    realigned  is given the names of inputs that are copied there, for kernels cannot read them
    """

    def __init__(self, *given: Any, realigned: dict[str, None]) -> None:
        super().__init__(*given)
        self._realigned = realigned

    def convert(self, p: Parameter, value: Any) -> Any:
        """Return a device array, or a NumPy array for what was in host memory."""
        array = self._taken(p, value)
        wanted = p.leaf.dtype
        if array is None:
            narrow = isinstance(value, np.ndarray) and value.dtype.name in NARROW
            if not (narrow and wanted.kind == "f"):
                return super().convert(p, value)
            array = value
        self._check_typed(p, array)
        stored = array.dtype
        if array.ndim != p.leaf.ndim:
            self._refuse_rank(p, array)
        widened = stored.name in (*NARROW, "float32") and wanted.kind == "f"
        if stored == wanted or (widened and stored.itemsize < wanted.itemsize):
            return array
        if not np.can_cast(stored, wanted, "safe") and not self.downcast:
            raise CallError(
                f"the input {p.shown} has dtype {wanted}, and the array {stored}",
                where=here(),
                fix=f"pass it as .astype('{wanted}'), or allow_input_downcast=True to cf.function",
            )
        return homes.current_device().cast(array, wanted)

    def _taken(self, p: Parameter, value: Any) -> Any:
        """The value as an array of the device; None for what is in host memory."""
        device = homes.current_device()
        found = device.adopt(value)
        array = found if found is None else device.aligned(found)
        if array is not found:
            self._realigned[p.shown] = None
        return array

    def _check_typed(self, p: Parameter, array: Any) -> None:
        if array.dtype.name not in NARROW:
            self._check_kind(p, array)


class CudaFunction(Function):
    """A function that runs on a device; see `Function` for its attributes.

    Arguments may be CuPy arrays, whatever has `__cuda_array_interface__` or DLPack, or NumPy
    arrays, which are copied. Results are CuPy arrays on CuPy's current device; work goes to its
    current stream.
    """

    def __init__(self, forms: Forms, options: dict[str, Any]) -> None:
        super().__init__(forms, options)
        self.target = "cuda"
        self._realigned: dict[str, None] = {}
        self._arguments = DeviceArguments(
            forms.signature.parameters,
            options["allow_input_downcast"],
            lambda p: forms.line(p.leaf),
            realigned=self._realigned,
        )
        self._entries: OrderedDict[Any, tuple[specialisation.Kind, DeviceEntry]] = OrderedDict()
        self._constants: dict[int, list[Any]] = {}
        self._copied: dict[str, None] = {}
        self._quick = QuickCalls(forms)

    # ------------------------------------------------------------ facts

    @property
    def source(self) -> str:
        """The CUDA C text: of every program made so far, or of the default one before any call."""
        return "\n".join(program.source for _, program in self._programs())

    def _programs(self) -> list[tuple[specialisation.Kind, DeviceProgram]]:
        made = [(kind, entry.program) for kind, entry in self._entries.values()]
        kind = specialisation.default_kind(self._forms)
        return made or [(kind, self._emitted(kind))]

    def _emitted(self, kind: specialisation.Kind) -> DeviceProgram:
        return compile_device(specialisation.unit_of(self._forms, kind))

    def explain(self, *examples: Any) -> str:
        """Return what is computed, what was rewritten, the programs and their launches.

        Parameters
        ----------
        examples : array_like, optional
            Arguments as for a call: also the launches of that call, which is not made.
        """
        forms = self._forms
        lines = explain.head(self.name, forms, self.target)
        lines += explain.promotions(forms) + explain.passes(forms.simplified.report)
        plans = [p for _, entry in self._entries.values() for p in entry.plans]
        if examples:
            arrays = self._arguments.read(examples, {})
            sizes = forms.sizes(arrays)
            entry = self._entry(arrays, sizes)
            extents = extents_of(entry.program, sizes)
            plans = [(extents, entry.plan(extents))]
        for kind, program in self._programs():
            stored = ", ".join(f"{dtype} {layout}" for dtype, layout in kind.storage)
            fixed = "".join(f", {show(dim)} = {size}" for dim, size in kind.baked)
            lines += [f"program for {stored or 'no inputs'}{fixed}:"]
            lines += ["  " + line for line in program.plan]
        for extents, plan in plans:
            lines += [f"launches for extents {', '.join(map(str, extents))}:"]
            lines += ["  " + note for note in plan.notes]
        lines += [f"copied from host memory at every call: {name}" for name in self._copied]
        lines += [
            f"copied within the device, for its elements are not aligned: {name}"
            for name in self._realigned
        ]
        return "\n".join(lines)

    # ------------------------------------------------------------ calls

    def _slow(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Serve a call: as one before, if there was one of its kind."""
        if not kwargs and self.mode not in CHECKED:
            found = self._quick.call(homes.current_device(), args)
            if found is not MISSED:
                return found
        return super()._slow(args, kwargs)

    def profile(self, *examples: Any, calls: int = 10) -> Any:
        """Return where the time of a call goes, per launch; see `Function.profile`."""
        from . import profiling

        forms = self._forms
        arrays = self._arguments.read(examples, {})
        sizes = forms.sizes(arrays)
        device, seen = homes.current_device(), [x.payload.cell[0] for x in forms.shared]
        if forms.empty(sizes):
            values = forms.values(list(map(homes.host, arrays)), list(map(homes.host, seen)))
            return profiling.interpreted(forms.written, values, sizes, calls)
        self._computed(arrays, seen, sizes)  # loads; says what cannot be computed
        there = [a if homes.on_device(a) else device.put(a) for a in arrays]
        entry = self._entry(there, sizes)
        given = [*there, *self._state(entry, seen)]
        return profiling.launched(entry, given, extents_of(entry.program, sizes), calls)

    def _entry(self, arrays: Sequence[Any], sizes: Sizes) -> DeviceEntry:
        kind = specialisation.kind_of(self._forms, arrays, sizes)
        device = homes.current_device()
        key = (kind, id(device))
        with self._forms.lock:
            if key not in self._entries:
                entry = DeviceEntry(self._emitted(kind), device, self._forms.soundness)
                self._entries[key] = kind, entry
                while len(self._entries) > KEPT:
                    self._entries.popitem(last=False)
            return self._entries[key][1]

    def _debugged(self, arrays: list[Any], sizes: Sizes, out: Any) -> Any:
        from . import debug

        forms, wanted = self._forms, self._forms.signature
        hosts = [homes.host(a) for a in arrays]
        held = [homes.host(x.payload.cell[0]) for x in forms.shared]
        written = debug.expected(forms, hosts, sizes, held)
        result = self._run(arrays, sizes, out)
        homes.current_device().wait()
        found = results.listed(wanted.result, result)
        found = [homes.host(a) for a in (*found, *(x.payload.cell[0] for x in wanted.targets))]
        debug.compare_forms(forms, written, found, "compiled")
        return result

    def _run(self, arrays: list[Any], sizes: Sizes, out: Any) -> Any:
        """Calls behave as if made one after another: one that was overtaken computes again."""
        wanted, count = self._forms.signature, len(self._forms.signature.outputs)
        cells = [x.payload.cell for x in self._forms.shared]
        targets = [x.payload.cell for x in wanted.targets]
        given = self._checked_out(out, sizes)
        while True:
            seen = [value for (value,) in list(map(list.copy, cells))]
            if self._forms.empty(sizes):
                found = self._as_written(arrays, seen, sizes)
            else:
                found = self._computed(arrays, seen, sizes)
            new = [self._home(x, a) for x, a in zip(wanted.targets, found[count:], strict=True)]
            results.check_updates(wanted.targets, new)
            if not targets or commit(cells, seen, targets, new):
                break
        outputs = found[:count]
        for target, a in zip(given, outputs, strict=True):
            if target is not None:
                target[...] = a
        outputs = [a if t is None else t for t, a in zip(given, outputs, strict=True)]
        return results.structured(wanted.result, outputs)

    @staticmethod
    def _home(leaf: Leaf, value: Any) -> Any:
        """A new value of a shared variable where the variable lives."""
        return value if homes.on_device(leaf.payload.cell[0]) else homes.host(value)

    def _as_written(self, arrays: Sequence[Any], seen: Sequence[Any], sizes: Sizes) -> list[Any]:
        """The graph as written in NumPy, and no kernel: of arrays without elements, and where
        something has to be found out."""
        forms = self._forms
        values = forms.values(list(map(homes.host, arrays)), list(map(homes.host, seen)))
        found = results.owned(forms.written.run(values, sizes), (*values.values(), *forms.held()))
        return [homes.current_device().put(a) for a in found]

    def _computed(self, arrays: Sequence[Any], seen: Sequence[Any], sizes: Sizes) -> list[Any]:
        with contextlib.suppress(Refused):
            return self._launched(arrays, seen, sizes)
        return self._as_written(arrays, seen, sizes)  # says what was refused, and where

    def _launched(self, arrays: Sequence[Any], seen: Sequence[Any], sizes: Sizes) -> list[Any]:
        device = homes.current_device()
        if seen:
            device.enter()
        hosts = {k: a for k, a in enumerate(arrays) if not homes.on_device(a)}
        self._copied |= dict.fromkeys(self._arguments.parameters[k].shown for k in hosts)
        if sum(a.nbytes for a in hosts.values()) > ROOM * device.free():
            return self._streamed(arrays, hosts, seen, sizes)
        there = [device.put(a) if k in hosts else a for k, a in enumerate(arrays)]
        entry = self._entry(there, sizes)
        given = [*there, *self._state(entry, seen)]
        prepared = entry.prepare(extents_of(entry.program, sizes))
        made = entry.run(given, prepared.extents)
        device.leave(seen)
        self._quick.remember(entry, prepared, given, len(self._forms.constants))
        return made

    def _state(self, entry: DeviceEntry, seen: Sequence[Any]) -> list[Any]:
        """Shared variables and constants, on the device."""
        device = entry.device
        key = id(device)
        if key not in self._constants:
            self._constants[key] = [device.put(x.payload) for x in self._forms.constants]
            device.wait()  # calls on other streams read them too
        shared = [a if homes.on_device(a) else device.put(a) for a in seen]
        return [*shared, *self._constants[key]]

    def _streamed(
        self, arrays: Sequence[Any], hosts: dict[int, Any], seen: Sequence[Any], sizes: Sizes
    ) -> list[Any]:
        """Arguments that do not fit: their rows go through the device in chunks."""
        native = {
            k: np.ascontiguousarray(a, a.dtype.newbyteorder("=")).reshape(a.shape)
            for k, a in hosts.items()
        }
        whole = [native.get(k, a) for k, a in enumerate(arrays)]
        entry = self._entry(whole, sizes)
        fold = entry.fold_axis
        rows = {
            k: whole[k]
            for k in hosts
            if fold is not None and entry.program.arguments[k].dims[:1] == (fold,)
        }
        entry.check_streams(rows)
        there = [
            None if k in rows else entry.device.put(a) if k in hosts else a
            for k, a in enumerate(whole)
        ]
        extents = extents_of(entry.program, sizes)
        each = sum(a.nbytes // len(a) for a in rows.values())
        most = int(ROOM * entry.device.free() / 4 / max(each, 1))
        chunk = max(1, min(most, MOST_CHUNK // max(each, 1)))
        return entry.stream([*there, *self._state(entry, seen)], rows, extents, chunk)

    def _checked_out(self, out: Any, sizes: Sizes) -> list[Any]:
        nodes = self._forms.signature.outputs
        if out is None:
            return [None] * len(nodes)
        listed = list(out) if isinstance(out, list | tuple) else [out]
        shapes = [tuple(map(sizes, x.dims)) for x in nodes]
        need = ", ".join(f"{s} {x.dtype}" for s, x in zip(shapes, nodes, strict=True)) or "none"
        for k, a in enumerate(listed):
            fits = k < len(nodes) and (a is None or _is(a, shapes[k], nodes[k].dtype))
            if len(listed) != len(nodes) or not fits:
                raise CallError(
                    f"out= does not fit the outputs: {need}",
                    where=here(),
                    fix="pass one device array or None per output, of that shape and dtype",
                )
        return listed

    # ------------------------------------------------------------ steps without overhead

    def capture(self, *args: Any, **kwargs: Any) -> Any:
        """Record a call, so that it can be repeated without any work of Python.

        Parameters
        ----------
        args, kwargs : device arrays
            As for a call. The recorded steps read these very arrays: write new data into them.

        Returns
        -------
        step : Captured
            `step(1000)` runs 1000 calls; `step.outputs` are arrays that hold the last results.

        Raises
        ------
        CallError
            If an argument or a shared variable lives in host memory, or if a kernel cannot read an
            argument where it is.
        """
        from .capture import Captured, check_in_place

        arrays = self._arguments.read(args, kwargs)
        check_in_place(self._arguments, args, kwargs, arrays)
        return Captured(self, arrays, self._forms.sizes(arrays))


MOST_CHUNK = 1 << 28  # bytes of a chunk


def _is(a: Any, shape: tuple[int, ...], dtype: np.dtype) -> bool:
    return getattr(a, "shape", None) == shape and a.dtype == dtype and homes.on_device(a)
