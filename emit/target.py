"""Targets as data: how a C-like language names types, writes literals and spells primitives."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Target:
    """One row of `TARGETS`.

    types      dtype name -> name of the type in memory
    suffixes   dtype name -> suffix of floating literals and of library functions
    functions  primitive -> format of its spelling; {0}, {1}... are arguments, {f} the suffix, {t}
               the type of the result
    templates  folder of its templates
    routines   functions that have vector variants to be declared, and the first C library version
               that has them
    """

    name: str
    types: dict[str, str]
    suffixes: dict[str, str]
    functions: dict[str, str]
    templates: str
    routines: dict[str, str] = field(default_factory=dict)

    def type_of(self, dtype: np.dtype) -> str:
        return self.types[dtype.name]

    def suffix(self, dtype: np.dtype) -> str:
        return self.suffixes.get(dtype.name, "")


_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_LIBRARY = ("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "sinh", "cosh")

C = Target(
    name="c",
    types={
        "float32": "float",
        "float64": "double",
        "bool": "uint8_t",
        **{n: n + "_t" for n in _INTEGERS},
    },
    suffixes={"float32": "f"},
    functions={
        **{name: name + "{f}({0})" for name in _LIBRARY},
        "abs": "cf_abs_{t}({0})",
        "sign": "cf_sign_{t}({0})",
        "relu": "({0} < 0 ? 0 : {0})",
        "maximum": "cf_max_{t}({0}, {1})",
        "minimum": "cf_min_{t}({0}, {1})",
        "sqrt": "sqrt{f}({0})",
        "fabs": "fabs{f}({0})",
        "pow": "pow{f}({0}, {1})",
        "ipow": "cf_ipow_{t}({0}, {1})",
        "eq": "({0} == {1})",
        "ne": "({0} != {1})",
        "lt": "({0} < {1})",
        "le": "({0} <= {1})",
        "gt": "({0} > {1})",
        "ge": "({0} >= {1})",
        "and_": "({0} & {1})",
        "or_": "({0} | {1})",
        "not_": "(!{0})",
        "where": "({0} ? {1} : {2})",
    },
    templates="c",
    routines={
        name: "2, 22" if name in ("exp", "log", "sin", "cos", "pow") else "2, 35"
        for name in (*_LIBRARY, "pow")
    },
)

CUDA = Target(
    name="cuda",
    types=C.types | {"float16": "cf_half", "bfloat16": "cf_bfloat"},
    suffixes=C.suffixes,
    functions=C.functions
    | {
        "abs": "cf_abs<{t}>({0})",
        "sign": "cf_sign<{t}>({0})",
        "maximum": "cf_max<{t}>({0}, {1})",
        "minimum": "cf_min<{t}>({0}, {1})",
        "ipow": "cf_ipow<{t}>({0}, {1})",
    },
    templates="cuda",
)

TARGETS = {C.name: C, CUDA.name: CUDA}
