"""`print_value`: functions that print what is marked, at every call."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ..algebra.node import Mark, Node
from ..algebra.tensor import Tensor
from . import results
from .forms import Forms
from .signature import Signature


def marked(forms: Forms) -> list[Node]:
    """The marks of a function that print, in the order of writing."""
    return [x for x in forms.order if isinstance(x, Mark) and x.spec.op == "print"]


class Printing:
    """A function that delivers what is marked beside its outputs, prints it, and keeps it to
    itself.

    Everything else is as of a `Function`.
    """

    def __init__(self, forms: Forms, options: dict[str, Any], make: Callable[..., Any]) -> None:
        marks = marked(forms)
        self._forms, self._options = forms, options
        self._messages = [x.spec.message for x in marks]
        wanted: Signature = dataclasses.replace(
            forms.signature,
            result="list",
            outputs=(*forms.signature.outputs, *(x.operands[0] for x in marks)),
        )
        self._function = make(Forms(wanted, "ignore", options["soundness"]), options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function and print the marked values."""
        count = len(self._forms.signature.outputs)
        if kwargs.get("out") is not None:
            given = kwargs["out"]
            listed = list(given) if isinstance(given, list | tuple) else [given]
            kwargs["out"] = [*listed, *(None for _ in self._messages)]
        found = self._function(*args, **kwargs)
        for message, value in zip(self._messages, found[count:], strict=True):
            print(f"{message}: {value}" if message else value)
        return results.structured(self._forms.signature.result, found[:count])

    def copy(self, swap: Any = None, *, delete_updates: bool = False, name: Any = None) -> Any:
        """The same function over other shared variables, as of a `Function`."""
        from .copying import copied
        from .function import made

        options = {**self._options, "name": name or self._function.name}
        return made(copied(self._forms, swap, delete_updates), options)

    @property
    def outputs(self) -> list[Tensor]:
        return [Tensor(x) for x in self._forms.signature.outputs]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._function, name)

    def __repr__(self) -> str:
        return repr(self._function)

    def __reduce__(self) -> Any:
        from .pickling import reduced

        return reduced(self._forms, self._options)
