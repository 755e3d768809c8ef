"""The forms of a function's graph (semantics 1): as written, checked; and the compute form."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..algebra.build import describe, here, place
from ..algebra.dims import Extent, dims_in
from ..algebra.errors import FunctionError, UnusedInputError
from ..algebra.graph import leaves, rebuild, topological
from ..algebra.node import Derivative, Leaf, Map, MapSpec, Node
from ..algebra.scalar import Slot
from .extents import Extents, Sizes, unified, with_operands
from .interpreter import Interpreter
from .signature import Signature


class once(cached_property):
    """A property computed once, also when several threads ask at the same time."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None or self.attrname in instance.__dict__:
            return super().__get__(instance, owner)
        with instance.lock:
            return super().__get__(instance, owner)


class Forms:
    """What a function computes, in every form that some target runs.

    Attributes
    ----------
    signature : Signature
    extents : Extents
        Which extents are equal.
    inputs, shared : tuples of Leaf
        As written.
    order : list of Node
        Everything the function needs, as written, operands first.

    Raises
    ------
    FunctionError
        For inputs that are missing; `UnusedInputError` for those that nothing needs.
    ShapeError
        If lines of the graph contradict each other about extents.
    """

    def __init__(self, signature: Signature, unused: str, soundness: str) -> None:
        self.signature = signature
        self.soundness = soundness
        self.lock = threading.RLock()
        self.inputs = tuple(p.leaf for p in signature.parameters)
        replaced: dict[Node, Node] = {key: _opaque(new) for key, new in signature.givens}
        wanted = (*signature.outputs, *signature.updates)
        self._roots = rebuild(wanted, with_operands, replaced)
        order = topological(self._roots)
        if self._missing(order) and any(isinstance(x, Derivative) for x in order):
            order = self.written.order  # a derivative may need less than what it differentiates
        self.order = order
        self._check_inputs(order, unused)
        self.extents = Extents(order, signature.joined, self.inputs)
        targets = [x for x in signature.targets if x not in order]
        held = [x for x in order if isinstance(x, Leaf) and x.spec.kind == "shared"]
        self.shared = tuple(held + targets)

    def _missing(self, order: Sequence[Node]) -> list[Leaf]:
        given = set(self.inputs)
        every = [x for x in order if isinstance(x, Leaf) and x.spec.kind == "input"]
        return [x for x in every if x not in given]

    def _check_inputs(self, order: Sequence[Node], unused: str) -> None:
        needed = set(order)
        for x in self._missing(order):
            used = next((place(y.origin) for y in order if x in y.operands and y.origin), "")
            raise FunctionError(
                f"the expression needs {describe(x)}, which is not among the inputs",
                where=used or here(),
                fix="add it to inputs, or replace it with givens",
            )
        if unused == "ignore":
            return
        extents = _extents(order)
        for p in self.signature.parameters:
            if p.leaf not in needed and not extents & set(p.leaf.dims):
                complain(f"nothing needs the input {p.shown}", unused)

    def line(self, leaf: Leaf) -> str:
        """Return the user's line that first uses a leaf."""
        return self.extents.used(leaf)

    def sizes(
        self, arrays: Sequence[np.ndarray], held: Sequence[np.ndarray] | None = None
    ) -> Sizes:
        """Return the extents of a call, checked.

        held : values of the shared variables; default: what they hold now.
        """
        now = [x.payload.cell[0] for x in self.shared] if held is None else held
        pairs = zip((*self.inputs, *self.shared), (*arrays, *now), strict=True)
        return self.extents.bind([(x, a.shape) for x, a in pairs])

    def values(
        self, arrays: Sequence[np.ndarray], held: Sequence[np.ndarray] | None = None
    ) -> dict[Any, np.ndarray]:
        """Return inputs and shared variables with the arrays of a call, in declared dtypes.

        held : values of the shared variables; default: what they hold now.
        """
        pairs = zip(self.inputs, arrays, strict=True)
        values: dict[Any, np.ndarray] = {x: a.astype(x.dtype, copy=False) for x, a in pairs}
        now = [x.payload.cell[0] for x in self.shared] if held is None else held
        values.update(zip(self.shared, now, strict=True))
        return values

    def held(self) -> list[np.ndarray]:
        """Return the captured arrays, which results must not alias."""
        return [x.payload for x in self.order if isinstance(x.payload, np.ndarray)]

    # ------------------------------------------------------------ as written

    @once
    def written(self) -> Interpreter:
        """The graph as written, with gradients expanded and nothing rewritten."""
        return Interpreter(_expand(self._roots))

    # ------------------------------------------------------------ compute form

    @once
    def unification(self) -> tuple[list[Node], dict[Node, Node]]:
        """The roots with one dim per extent, and what became of every node."""
        memo: dict[Node, Node] = {}
        unified((*self.inputs, *self.shared), self.extents, memo)
        return unified(self._roots, self.extents, memo), memo

    def same(self, leaves: Sequence[Leaf]) -> tuple[Leaf, ...]:
        """Return leaves as the compute form names them."""
        memo = self.unification[1]
        return tuple(memo[x] for x in leaves)  # type: ignore[misc]

    def translated(self, values: dict[Any, np.ndarray]) -> dict[Any, np.ndarray]:
        """Return values of leaves as written as values of leaves of the compute form."""
        return dict(zip(self.same(tuple(values)), values.values(), strict=True))

    @once
    def simplified(self) -> Any:
        """The compute form: `Simplified(outputs, report)`; outputs, then updates."""
        from ..simplify.passes import compute_form

        return compute_form(self.unification[0], soundness=self.soundness)

    def empty(self, sizes: Sizes) -> bool:
        """Whether an array of a call has no elements: of the graph as written, or of the compute
        form, where a derivative may cut what is whole as written."""
        return self.extents.empty(sizes) or any(sizes(d) == 0 for d in self._cut)

    @once
    def _cut(self) -> tuple[Extent, ...]:
        """Extents of the compute form."""
        order = topological(self.simplified.outputs)
        return tuple(dict.fromkeys(d for x in order for d in x.dims))

    @once
    def constants(self) -> tuple[Leaf, ...]:
        """Captured arrays that the compute form reads."""
        every = leaves(self.simplified.outputs)
        return tuple(x for x in every if x.spec.kind == "constant")

    @once
    def computed(self) -> Interpreter:
        """The compute form on the NumPy target."""
        return Interpreter(self.simplified.outputs)


def _opaque(x: Node) -> Node:
    """An occurrence of its own of what givens puts in: derivatives by it see only it."""
    every = tuple(range(x.ndim))
    spec = MapSpec(Slot(0), (every,), x.dims, x.dtype, x.weak, x.dtype)
    return Map.occur(spec, x, origin=x.origin)


def _extents(order: Sequence[Node]) -> set[Extent]:
    """The extents that nodes take from elsewhere: that no variable among them has."""
    found: dict[Extent, None] = {}
    todo = [d for x in order for d in dims_in((*x.dims, getattr(x.spec, "value", None)))]
    while todo:
        d = todo.pop()
        if d not in found:
            found[d] = None
            todo.extend(dims_in(getattr(d, "definition", None)))
    given = (x for x in order if isinstance(x, Leaf) and x.spec.kind in ("input", "shared"))
    return set(found) - {d for x in given for d in x.dims}


def _expand(roots: Sequence[Node]) -> list[Node]:
    if not any(isinstance(x, Derivative) for x in topological(roots)):
        return list(roots)
    from ..simplify.derive import expand_gradients

    return expand_gradients(roots)


def complain(text: str, unused: str) -> None:
    """Warn or raise about an input that nothing needs."""
    if unused == "warn":
        warnings.warn(f"{text} ({here()})", stacklevel=2)
    else:
        raise UnusedInputError(
            text, where=here(), fix="remove it, or pass on_unused_input='ignore' to keep it"
        )
