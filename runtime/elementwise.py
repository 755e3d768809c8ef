"""Functions of plain SymPy symbols: elementwise arguments of any rank (semantics 5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy

from ..algebra.build import here
from ..algebra.constructors import tensor
from ..algebra.dtypes import config
from ..algebra.errors import FunctionError
from ..algebra.sympy_bridge import from_sympy
from ..algebra.tensor import Tensor
from .signature import In


class Elementwise:
    """A function of SymPy expressions; compiled once per ranks of its arguments.

    Arguments broadcast as in NumPy: their ranks, and which of their axes have extent 1, choose the
    compiled function.
    """

    def __init__(
        self, inputs: Any, outputs: Any, updates: Any, givens: Any, unused: str, options: dict
    ) -> None:
        items = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        self._inputs = [i if isinstance(i, In) else In(i) for i in items]
        self._symbols = [i.variable for i in self._inputs]
        self._outputs, self._options = outputs, options
        self.name = options["name"]
        self._functions: dict[Any, Any] = {}
        if updates or givens:
            raise FunctionError(
                "updates or givens with plain SymPy symbols as inputs",
                where=here(),
                fix="declare the inputs with cf.scalar, cf.vector or cf.matrix",
            )
        for s in self._symbols:
            if not isinstance(s, sympy.Symbol):
                raise FunctionError(
                    f"the inputs mix plain SymPy symbols with {s!r}",
                    where=here(),
                    fix="use either SymPy symbols or tensors",
                )
        self._check(unused)

    def _check(self, unused: str) -> None:
        found = [sympy.sympify(e) for e in self._listed()]
        free = set().union(*(e.free_symbols for e in found)) if found else set()
        missing = sorted(map(str, free - set(self._symbols)))
        if missing:
            raise FunctionError(
                f"the expression needs {missing[0]}, which is not among the inputs",
                where=here(),
                fix="add it to inputs",
            )
        for s in self._symbols:
            if s not in free and unused != "ignore":
                from .forms import complain

                complain(f"nothing needs the input {s}", unused)

    def _listed(self) -> list[Any]:
        if self._outputs is None:
            return []
        if isinstance(self._outputs, Mapping):
            return list(self._outputs.values())
        return list(self._outputs) if isinstance(self._outputs, list | tuple) else [self._outputs]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function for the ranks of these arguments."""
        key = tuple(tuple(s == 1 for s in np.shape(a)) for a in self._given(args, kwargs))
        if key not in self._functions:
            self._functions[key] = self._made(key)
        return self._functions[key](*args, **kwargs)

    def _given(self, args: tuple, kwargs: dict[str, Any]) -> list[Any]:
        """One value per input; what is missing or too much is for the function itself to refuse."""
        names = [i.name or str(i.variable) for i in self._inputs]
        rest = [kwargs.get(n, i.value) for n, i in zip(names, self._inputs, strict=True)]
        return [*args, *rest[len(args) :]][: len(names)]

    def _made(self, key: tuple[tuple[bool, ...], ...]) -> Any:
        from .function import function

        inputs, mapping = [], {}
        for item, axes in zip(self._inputs, key, strict=True):
            name = item.name or str(item.variable)
            variable = tensor(name, [1 if one else None for one in axes], config.floatX)
            mapping[item.variable] = variable
            inputs.append(In(variable, item.value, name))
        return function(
            inputs, self._translated(mapping), on_unused_input="ignore", **self._options
        )

    def _translated(self, mapping: dict[sympy.Symbol, Tensor]) -> Any:
        outputs = self._outputs
        if isinstance(outputs, Mapping):
            return {k: from_sympy(sympy.sympify(e), mapping) for k, e in outputs.items()}
        if isinstance(outputs, list | tuple):
            return [from_sympy(sympy.sympify(e), mapping) for e in outputs]
        return None if outputs is None else from_sympy(sympy.sympify(outputs), mapping)

    @property
    def source(self) -> str:
        """The source of every form made so far, or of that for scalars."""
        if not self._functions:
            return self._made(tuple(() for _ in self._inputs)).source
        return "\n".join(f.source for f in self._functions.values())

    def explain(self) -> str:
        """Return what every form made so far computes, or that for scalars."""
        forms = list(self._functions.values()) or [self._made(tuple(() for _ in self._inputs))]
        return "\n\n".join(f.explain() for f in forms)

    def __repr__(self) -> str:
        names = ", ".join(map(str, self._symbols))
        return f"<closedform elementwise function {self.name or ''}({names})>"
