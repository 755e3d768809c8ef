"""Targets as data: how a C-like language names types, writes literals and spells primitives."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .functions import formats, integer_formats, routines, vectors


@dataclass(frozen=True)
class Target:
    """One row of `TARGETS`.

    types      dtype name -> name of the type in memory
    suffixes   dtype name -> suffix of floating literals and of library functions
    functions  primitive -> format of its spelling; {0}, {1}... are arguments, {f} the suffix, {t}
               the type of the result
    integers   the same where arithmetic of integers is spelled otherwise
    templates  folder of its templates
    vectors    functions that have vector variants to be declared: the first C library version that
               has them, and how many arguments they take
    routines   primitives that are routines of SciPy: name and number of arguments
    """

    name: str
    types: dict[str, str]
    suffixes: dict[str, str]
    functions: dict[str, str]
    templates: str
    integers: dict[str, str] = field(default_factory=dict)
    vectors: dict[str, tuple[str, int]] = field(default_factory=dict)
    routines: dict[str, tuple[str, int]] = field(default_factory=dict)

    def type_of(self, dtype: np.dtype) -> str:
        return self.types[dtype.name]

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
    functions=formats("c"),
    integers=integer_formats("c"),
    templates="c",
    vectors=vectors(),
    routines=routines(),
)

CUDA = Target(
    name="cuda",
    types=C.types | {"float16": "cf_half", "bfloat16": "cf_bfloat"},
    suffixes=C.suffixes,
    functions=formats("cuda"),
    integers=integer_formats("cuda"),
    templates="cuda",
)

TARGETS = {C.name: C, CUDA.name: CUDA}
