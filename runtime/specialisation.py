"""One compiled form of a function: for given storage dtypes and layouts (semantics 4.3, 9.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..algebra.node import Leaf
from ..emit.program import Program, Unit
from . import loader
from .arguments import layout
from .forms import Forms
from .native import Entry

Storage = tuple[tuple[np.dtype, str], ...]


def default_storage(forms: Forms) -> Storage:
    """Declared dtypes, C order."""
    return tuple((x.dtype, "C") for x in forms.inputs)


def storage_of(arrays: Sequence[np.ndarray]) -> Storage:
    """How the arrays of a call are stored."""
    return tuple((a.dtype, layout(a)) for a in arrays)


def unit_of(forms: Forms, storage: Storage) -> Unit:
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
        (*storage, *held),
    )


@dataclass(frozen=True)
class Specialisation:
    """A program in memory, bound to the state of a function."""

    storage: Storage
    program: Program
    loaded: loader.Loaded
    entry: Entry


def emitted(forms: Forms, storage: Storage) -> Program:
    """Return the program for given storage; nothing is compiled."""
    from ..emit import compile_unit

    return compile_unit(unit_of(forms, storage))


def specialise(forms: Forms, storage: Storage, deterministic: bool) -> Specialisation:
    """Compile a function for given storage, or find it compiled."""
    program = emitted(forms, storage)
    loaded = loader.load(program, forms.soundness)
    return Specialisation(storage, program, loaded, _entry(forms, program, loaded, deterministic))


def _entry(forms: Forms, program: Program, loaded: loader.Loaded, deterministic: bool) -> Entry:
    signature = forms.signature
    assert not program.externals, "library routines are not provided yet"
    return Entry(
        loaded.address,
        loaded.owner,
        [(a.kind, a.dtype.num, a.dims, a.layout) for a in program.arguments],
        [-1 if d is None else d for d in program.dims],
        cells=_cells(forms.shared),
        constants=[x.payload for x in forms.constants],
        parameters=program.parameters,
        update_cells=_cells(signature.targets),
        result=signature.result,
        deterministic=deterministic,
    )


def _cells(leaves: Sequence[Leaf]) -> list[list[Any]]:
    return [x.payload.cell for x in leaves]
