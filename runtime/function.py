"""`function`: from expressions to something that can be called (semantics 9)."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from ..algebra.build import here
from ..algebra.dtypes import config
from ..algebra.errors import CompileError, EmitError, FunctionError, LinAlgError
from ..algebra.suggestions import meant, option
from ..algebra.tensor import Tensor, check_name
from . import explain, homes, results, signature, specialisation, toolchain
from .arguments import Arguments
from .extents import Sizes
from .forms import Forms
from .interpreter import Interpreter
from .native import Callable, commit
from .printing import Printing, marked
from .signature import In

MODES = (None, "FAST_RUN", "FAST_COMPILE", "DebugMode", "NanGuardMode")
CHECKED = ("DebugMode", "NanGuardMode")
TARGETS = (None, "c", "numpy", "cuda")
OPTIONS = (
    "inputs outputs updates givens name mode target on_unused_input allow_input_downcast soundness "
    "deterministic"
).split()
KEPT = 8  # specialisations of one function
_warned: set[str] = set()


class Function(Callable):
    """A function of arrays, made by `function`.

    Attributes
    ----------
    name : str or None
    inputs, outputs : lists of Tensor
        As written; `outputs` without the new values of shared variables.
    shared : list of SharedVariable
        What it reads or updates.
    mode, target : str
    """

    def __init__(self, forms: Forms, options: dict[str, Any]) -> None:
        super().__init__(self._slow)
        self._forms, self._options = forms, options
        self.name: str | None = options["name"]
        self.mode: str = options["mode"] or "FAST_RUN"
        written = self.mode == "FAST_COMPILE"
        self.target: str = "numpy" if written else options["target"] or config.target
        self._arguments = Arguments(
            forms.signature.parameters,
            options["allow_input_downcast"],
            lambda p: forms.line(p.leaf),
        )
        self._special: OrderedDict[Any, specialisation.Specialisation] = OrderedDict()

    # ------------------------------------------------------------ facts

    @property
    def inputs(self) -> list[Tensor]:
        return [Tensor(x) for x in self._forms.inputs]

    @property
    def outputs(self) -> list[Tensor]:
        return [Tensor(x) for x in self._forms.signature.outputs]

    @property
    def shared(self) -> list[Tensor]:
        from .shared import SharedVariable

        return [SharedVariable(x) for x in self._forms.shared]

    @property
    def source(self) -> str:
        """The source text: of every kernel made so far, or of the default one before any call."""
        if self.target == "numpy":
            return self._interpreter().listing()
        return "\n".join(program.source for _, program, _ in self._kernels())

    def explain(self, *examples: Any) -> str:
        """Return what is computed, what was rewritten, and the plan and cost of each kernel.

        Costs are those of the first call of each kernel made so far: how often each array is read
        from memory, bytes moved, operations, panels against the cache, threads, and a bound on the
        time. Before any call they are counts over the extents.

        Parameters
        ----------
        examples : array_like, optional
            Arguments as for a call: plan and cost are then those of the kernel that they would run,
            which is compiled for it. Their contents do not matter.
        """
        forms = self._forms
        lines = explain.head(self.name, forms, self.target)
        lines += explain.promotions(forms) + explain.passes(forms.simplified.report)
        if self.target == "c":
            for kind, program, call in self._kernels(examples):
                lines += explain.program_lines(forms, kind, program, call)
        lines += [f"cache key {s.loaded.key}" for s in self._special.values()]
        return "\n".join(lines)

    def _kernels(self, examples: tuple = ()) -> list[tuple[Any, Any, Any]]:
        """Per kernel: what it is specialised to, its program, and a call of it if there was one."""
        forms, deterministic = self._forms, self._options["deterministic"]
        if examples:
            arrays = self._arguments.read(examples, {})
            sizes = forms.sizes(arrays)
            kind = specialisation.kind_of(forms, arrays, sizes)
            return [(kind, *explain.of_examples(forms, kind, sizes, deterministic))]
        made = [(s.kind, s.program, s.first_call(deterministic)) for s in self._special.values()]
        kind = specialisation.default_kind(forms)
        return made or [(kind, specialisation.emitted(forms, kind), None)]

    def profile(self, *examples: Any, calls: int = 10) -> Any:
        """Return where the time of a call goes: per loop of a fold and per library call.

        Nothing is changed: new values of shared variables are thrown away.

        Parameters
        ----------
        examples : array_like
            Arguments as for a call.
        calls : int
            How many calls are timed; times are medians.

        Returns
        -------
        Profile
            `rows` (text, runs, seconds) and `seconds` of a call, on one thread; print it. On the
            NumPy target a row is an operation; on a device it is a launch, between two events.

        Raises
        ------
        CallError
            For arguments that do not fit.
        """
        from . import profiling

        forms = self._forms
        arrays = self._arguments.read(examples, {})
        sizes = forms.sizes(arrays)
        values = forms.values(arrays)
        if forms.extents.empty(sizes):
            return profiling.interpreted(forms.written, values, sizes, calls)
        if self.target == "c":
            kind = specialisation.kind_of(forms, arrays, sizes)
            try:
                return profiling.compiled(forms, self._specialised(kind, sizes), arrays, calls)
            except (CompileError, EmitError) as error:
                self._without_kernel(error)
        if self.mode != "FAST_COMPILE":
            values = forms.translated(values)
        return profiling.interpreted(self._interpreter(), values, sizes, calls)

    def copy(self, swap: Any = None, *, delete_updates: bool = False, name: Any = None) -> Any:
        """Return the same function over other shared variables.

        Parameters
        ----------
        swap : dict, optional
            From shared variables of this function to those that stand for them.
        delete_updates : bool
            Whether the copy updates nothing.
        name : str, optional
            Of the copy; default: the name of this function.
        """
        from .copying import copied

        options = {**self._options, "name": self.name if name is None else check_name(name)}
        return made(copied(self._forms, swap, delete_updates), options)

    def __repr__(self) -> str:
        names = ", ".join(p.shown for p in self._forms.signature.parameters)
        return f"<closedform function {self.name or ''}({names}), target {self.target}>"

    def __reduce__(self) -> Any:
        from .pickling import reduced

        return reduced(self._forms, self._options)

    # ------------------------------------------------------------ calls

    def _slow(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Serve every call that no compiled entry takes as it is."""
        out = kwargs.pop("out", None)
        arrays = self._arguments.read(args, kwargs)
        sizes = self._forms.sizes(arrays)
        if self.mode == "DebugMode":
            return self._debugged(arrays, sizes, out)
        if self.mode == "NanGuardMode":
            from .guard import guarded

            return guarded(self._forms, arrays, sizes, lambda: self._run(arrays, sizes, out))
        return self._run(arrays, sizes, out)

    def _debugged(self, arrays: list[np.ndarray], sizes: Sizes, out: Any) -> Any:
        from . import debug

        values = self._forms.values(arrays)
        written = debug.expected(self._forms, arrays, sizes)
        result = self._run(arrays, sizes, out)
        wanted = self._forms.signature
        found = results.listed(wanted.result, result)
        found += [x.payload.cell[0] for x in wanted.targets]
        begins = lambda: debug.beginning(self._forms, values, sizes)  # noqa: E731
        debug.compare_forms(self._forms, written, found, "compiled", begins)
        return result

    def _run(self, arrays: list[np.ndarray], sizes: Sizes, out: Any) -> Any:
        if self.mode == "FAST_COMPILE" or self._forms.empty(sizes):
            return self._interpret(self._forms.written, arrays, out)
        if self.target == "c":
            return self._compiled(arrays, sizes, out)
        return self._interpret(self._interpreter(), arrays, out)

    def _interpreter(self) -> Interpreter:
        return self._forms.written if self.mode == "FAST_COMPILE" else self._forms.computed

    def _interpret(self, interpreter: Interpreter, arrays: Sequence[np.ndarray], out: Any) -> Any:
        """Calls behave as if made one after another: one that was overtaken computes again."""
        wanted = self._forms.signature
        cells = [x.payload.cell for x in self._forms.shared]
        targets = [x.payload.cell for x in wanted.targets]
        count = len(wanted.outputs)
        while True:
            seen = [value for (value,) in list(map(list.copy, cells))]  # of one moment
            sizes = self._forms.sizes(arrays, seen)
            given = self._checked_out(out, sizes)
            found = self._interpreted(interpreter, arrays, seen, sizes)
            results.check_updates(wanted.targets, found[count:])
            if not targets or commit(cells, seen, targets, found[count:]):
                outputs = results.fill(given, found[:count])
                return results.structured(wanted.result, outputs)

    def _interpreted(
        self,
        interpreter: Interpreter,
        arrays: Sequence[np.ndarray],
        seen: Sequence[np.ndarray],
        sizes: Sizes,
    ) -> list[np.ndarray]:
        forms = self._forms
        values = forms.values(arrays, seen)
        if interpreter is not forms.written:
            values = forms.translated(values)
        try:
            found = interpreter.run(values, sizes)
        except LinAlgError:
            if interpreter is forms.written:
                raise
            return self._interpreted(forms.written, arrays, seen, sizes)  # names the line
        return results.owned(found, (*arrays, *values.values(), *forms.held()))

    def _checked_out(self, out: Any, sizes: Sizes) -> list[Any]:
        nodes = self._forms.signature.outputs
        if out is None:
            return [None] * len(nodes)
        shapes = [tuple(map(sizes, x.dims)) for x in nodes]
        return results.check_out(out, shapes, [x.dtype for x in nodes])

    def _compiled(self, arrays: list[np.ndarray], sizes: Sizes, out: Any) -> Any:
        given = self._checked_out(out, sizes)
        try:
            special = self._specialised(specialisation.kind_of(self._forms, arrays, sizes), sizes)
        except (CompileError, EmitError) as error:
            self._without_kernel(error)
            return self._interpret(self._interpreter(), arrays, out)
        try:
            found = special.entry.run(tuple(arrays))
        except ValueError:
            now = self._forms.sizes(arrays)
            if specialisation.kind_of(self._forms, arrays, now) == special.kind:
                raise
            return self._run(arrays, now, out)  # extents of a shared value changed meanwhile
        except RuntimeError:
            if not special.program.refuses:
                raise
            return self._interpret(self._forms.written, arrays, out)  # says what and where
        if out is None:
            return found
        result = self._forms.signature.result
        outputs = results.fill(given, results.listed(result, found))
        return results.structured(result, outputs)

    def _specialised(
        self, kind: specialisation.Kind, sizes: Sizes
    ) -> specialisation.Specialisation:
        with self._forms.lock:
            special = self._special.get(kind)
            if special is None:
                deterministic = self._options["deterministic"]
                special = specialisation.specialise(self._forms, kind, sizes, deterministic)
                self._special[kind] = special
                while len(self._special) > KEPT:
                    self._special.popitem(last=False)
                slow = self._forms.extents.surplus or special.program.refuses
                if not slow and self.mode not in CHECKED:
                    self.add_entry(special.entry)
            return special

    def _without_kernel(self, error: CompileError | EmitError) -> None:
        """Run on the NumPy target from now on, and say so; a compiler that fails raises.

        A missing compiler is said once per process.
        """
        missing = error.fix == toolchain.NO_COMPILER
        if self._options["target"] == "c" or not (missing or isinstance(error, EmitError)):
            raise error
        if not missing or "compiler" not in _warned:
            _warned.update(["compiler"] if missing else [])
            text = f"{error.found}: this runs on the NumPy target, which is slower. {error.fix}"
            warnings.warn(text, RuntimeWarning, stacklevel=4)
        self.target = "numpy"


def function(
    inputs: Any,
    outputs: Any = None,
    updates: Any = None,
    givens: Any = None,
    *,
    name: str | None = None,
    mode: str | None = None,
    target: str | None = None,
    on_unused_input: str = "raise",
    allow_input_downcast: bool | None = None,
    soundness: str = "real",
    deterministic: bool = False,
    **other: Any,
) -> Any:
    """Make a function of arrays from expressions.

    Parameters
    ----------
    inputs : list of Tensor or In
        What a call passes, in order. Plain SymPy symbols are elementwise arguments of any rank.
    outputs : Tensor, list, dict or None
        What a call returns: an array, a list, a dict, or None.
    updates : dict or list of pairs (shared variable, new value)
        All are computed from old values, and applied together after each call.
    givens : dict or list of pairs (variable or expression, replacement)
    name : str, optional
        Shown by `explain` and messages.
    mode : {None, "FAST_RUN", "FAST_COMPILE", "DebugMode", "NanGuardMode"}
        "FAST_COMPILE" evaluates the graph as written, in NumPy; "DebugMode" also compares it with
        the compiled form at every call; "NanGuardMode" refuses calls that meet NaN, infinity or
        huge numbers.
    target : {None, "c", "numpy", "cuda"}
        Default: `config.target`.
    on_unused_input : {"raise", "warn", "ignore"}
    allow_input_downcast : bool, optional
        True: values are converted even if that loses information. False: never. None: only Python
        numbers are.
    soundness : {"real", "bits", "fast"}
        How far rewriting may go.
    deterministic : bool
        Whether results must not depend on the number of threads.

    Raises
    ------
    FunctionError
        For what does not make a function; the message names the line.

    >>> import closedform as cf
    >>> x = cf.scalar("x")
    >>> f = cf.function([x], x**2, mode="FAST_COMPILE")
    >>> f(3)
    array(9.)
    """
    if other:
        hints = filter(None, [meant(o, OPTIONS) for o in other])
        raise FunctionError(
            f"unknown keyword of function: {', '.join(map(repr, other))}",
            where=here(),
            fix=" ".join((*hints, "see help(cf.function)")),
        )
    _one_of("mode", mode, MODES)
    _one_of("target", target, TARGETS)
    _one_of("on_unused_input", on_unused_input, ("raise", "warn", "ignore"))
    _one_of("allow_input_downcast", allow_input_downcast, (None, True, False))
    _one_of("soundness", soundness, ("real", "bits", "fast"))
    options = {
        "name": check_name(name),
        "mode": mode,
        "target": target,
        "allow_input_downcast": allow_input_downcast,
        "soundness": soundness,
        "deterministic": bool(deterministic),
    }
    if _plain(inputs):
        from .elementwise import Elementwise

        return Elementwise(inputs, outputs, updates, givens, on_unused_input, options)
    wanted = signature.read(inputs, outputs, updates, givens)
    return made(Forms(wanted, on_unused_input, soundness), options)


def made(forms: Forms, options: dict[str, Any]) -> Any:
    """Return a function for the target that the options name."""
    if marked(forms):
        return Printing(forms, options, made_plain)
    return made_plain(forms, options)


def made_plain(forms: Forms, options: dict[str, Any]) -> Function:
    """Return a function that prints nothing."""
    target = options["target"] or config.target
    if target == "cuda" and options["mode"] != "FAST_COMPILE":
        from .cuda import CudaFunction

        return CudaFunction(forms, options)
    homes.check_homes(forms.shared, "c" if target == "cuda" else target)
    return Function(forms, options)


def _plain(inputs: Any) -> bool:
    """Whether an input is a plain SymPy symbol."""
    items = inputs if isinstance(inputs, list | tuple) else [inputs]
    found = [i.variable if isinstance(i, In) else i for i in items]
    return any(isinstance(i, sympy.Symbol) for i in found)


def _one_of(what: str, value: Any, allowed: Sequence[Any]) -> None:
    if not any(value is a or (isinstance(a, str) and value == a) for a in allowed):
        raise FunctionError(
            f"{what}={value!r}",
            where=here(),
            fix=f"{option(value, allowed)} use one of {', '.join(map(repr, allowed))}".strip(),
        )
