"""Targets as data: how a C-like language names types, writes literals and spells primitives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .functions import vectors


@dataclass(frozen=True)
class Target:
    """One row of `TARGETS`.

    types      dtype name -> name of the type in memory
    suffixes   dtype name -> suffix of floating literals and of library functions
    templates  folder of its templates
    library    whether it is linked to the C library and to SciPy
    alone      whether it has the C library alone

    How it spells functions is a column of `functions.FUNCTIONS`.
    """

    name: str
    types: dict[str, str]
    suffixes: dict[str, str]
    templates: str
    library: bool
    alone: bool = False

    def type_of(self, dtype: np.dtype) -> str:
        return self.types[dtype.name]

    @property
    def vectors(self) -> dict[str, tuple[str, int]]:
        """Functions with vector variants to be declared: the first version of the C library that
        has them, and how many arguments they take."""
        return vectors() if self.library else {}

    def suffix(self, dtype: np.dtype) -> str:
        return self.suffixes.get(dtype.name, "")


_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")

C = Target(
    name="c",
    types={
        "float32": "float",
        "float64": "double",
        "bool": "uint8_t",
        **{n: n + "_t" for n in _INTEGERS},
    },
    suffixes={"float32": "f"},
    templates="c",
    library=True,
)

CUDA = Target(
    name="cuda",
    types=C.types | {"float16": "cf_half", "bfloat16": "cf_bfloat"},
    suffixes=C.suffixes,
    templates="cuda",
    library=False,
)

ALONE = replace(C, alone=True)

TARGETS = {C.name: C, CUDA.name: CUDA}
