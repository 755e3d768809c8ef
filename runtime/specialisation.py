"""One compiled form of a function: for given storage dtypes and layouts (semantics 4.3, 9.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..algebra.dims import Extent
from ..algebra.node import Leaf
from ..emit.program import THIN, Program, Unit
from . import externals, loader
from .extents import Sizes
from .forms import Forms
from .layout import layout
from .native import Entry

LARGE = 1000  # an extent from which small ones are worth a binary of their own


class Kind(NamedTuple):
    """What a binary is specialised to; every field reaches the cache key.

    storage  dtype and layout of each input
    baked    extents that are constants of the text: the small ones, where another one is large
    """

    storage: tuple[tuple[np.dtype, str], ...]
    baked: tuple[tuple[Extent, int], ...] = ()


def default_kind(forms: Forms) -> Kind:
    """Declared dtypes, C order, large extents."""
    return Kind(tuple((x.dtype, "C") for x in forms.inputs))


def kind_of(forms: Forms, arrays: Sequence[np.ndarray], sizes: Sizes) -> Kind:
    """How the arrays of a call are stored, and which extents are small."""
    leaves = forms.same((*forms.inputs, *forms.shared))
    dims = dict.fromkeys(d for x in leaves for d in x.dims if not isinstance(d, int))
    found = {d: sizes(d) for d in dims}
    large = max(found.values(), default=0) >= LARGE
    baked = tuple((d, n) for d, n in found.items() if n <= THIN) if large else ()
    return Kind(tuple((a.dtype, layout(a)) for a in arrays), baked)


def unit_of(forms: Forms, kind: Kind) -> Unit:
    """Return what is to be compiled."""
    nodes = forms.simplified.outputs
    count = len(forms.signature.outputs)
    constants = forms.constants
    held = tuple((x.dtype, "C") for x in (*forms.shared, *constants))
    return Unit(
        forms.same(forms.inputs),
        forms.same(forms.shared),
        constants,
        tuple(nodes[:count]),
        tuple(nodes[count:]),
        (*kind.storage, *held),
        kind.baked,
    )


@dataclass(frozen=True)
class Specialisation:
    """A program in memory, bound to the state of a function.

    sizes  extents of its first call
    """

    kind: Kind
    program: Program
    loaded: loader.Loaded
    entry: Entry
    sizes: Sizes

    def first_call(self, deterministic: bool) -> Any:
        """The call it was made for, as `explain` shows costs."""
        from .costs import Call

        return Call(self.sizes, "the first call", self.loaded.address, "", deterministic)


def emitted(forms: Forms, kind: Kind) -> Program:
    """Return the program for a kind of call; nothing is compiled."""
    from ..emit import compile_unit

    return compile_unit(unit_of(forms, kind))


def specialise(forms: Forms, kind: Kind, sizes: Sizes, deterministic: bool) -> Specialisation:
    """Compile a function for a kind of call, or find it compiled."""
    program = emitted(forms, kind)
    loaded = loader.load(program, forms.soundness)
    entry = _entry(forms, program, loaded, deterministic)
    return Specialisation(kind, program, loaded, entry, sizes)


def _entry(forms: Forms, program: Program, loaded: loader.Loaded, deterministic: bool) -> Entry:
    signature = forms.signature
    return Entry(
        loaded.address,
        loaded.owner,
        [(a.kind, a.dtype.num, a.dims, a.layout) for a in program.arguments],
        [-1 if d is None else d for d in program.dims],
        cells=_cells(forms.shared),
        constants=[x.payload for x in forms.constants],
        parameters=program.parameters,
        externals=externals.addresses(program.externals),
        update_cells=_cells(signature.targets),
        result=signature.result,
        deterministic=deterministic,
    )


def _cells(leaves: Sequence[Leaf]) -> list[list[Any]]:
    return [x.payload.cell for x in leaves]
