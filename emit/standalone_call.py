"""The call of a C or CUDA file: names, shapes and faults of its arrays, and what its check does."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..algebra.array_names import spelled
from ..algebra.dims import Extent, FreshDim, evaluate, show
from ..algebra.notation import Symbol
from .program import Program, Unit
from .standalone import Content, refuse

FLOAT64 = np.dtype(np.float64)
LENGTHS = (67, 19, 3)  # of axes in the check: the longest with which arrays stay below MOST
MOST = 1_000_000
GENERAL = (  # statuses of every file, in the order of the enum of standalone_frame.c.j2
    "no error",
    "there is not enough memory",
    "a position is out of range, or a matrix is singular",
    "a slice has no elements",
)
# keywords of C and C++, names that a file uses itself, and macros of its headers
WORDS = frozenset(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const
    constexpr const_cast continue decltype default delete do double dynamic_cast else enum explicit
    export extern false float for friend goto if inline int long mutable namespace new noexcept not
    not_eq nullptr operator or or_eq private protected public register reinterpret_cast restrict
    return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
    wchar_t while xor xor_eq
    input output evaluate explain fitting run
    NAN NULL EOF INFINITY BUFSIZ NFDBITS unix linux stdin stdout stderr errno math_errhandling
    """.split()
)
MACRO = re.compile(r"_|cf_|cuda|[LP]_tmp|[A-Z][A-Z0-9]*_(?!\d+$)[A-Z0-9_]*$")  # others


@dataclass(frozen=True)
class Row:
    """An array of the call, as templates take it.

    name     in the file; shown: as the user wrote it
    dims     numbers of its extents
    fault    number of its first fault: there is no data; then one for each axis
    address, shape  texts in `evaluate`
    """

    name: str
    shown: str
    dims: tuple[int, ...]
    fault: int
    address: str
    shape: str


def unit(content: Content, language: str) -> Unit:
    """What is to be compiled: the cost and its derivatives in one program.

    Raises EmitError for what is not computed in double precision.
    """
    for f in content.formulas:
        if f.value.dtype != FLOAT64:
            raise refuse(
                language,
                f"{f.what} has dtype {f.value.dtype}, and a file computes in double precision",
                content.where,
                "write 1.0*(...) for a number in the place of a truth value",
            )
    leaves = tuple(x.node for x in content.inputs.values())
    return Unit(leaves, (), (), content.outputs, (), tuple((x.dtype, "C") for x in leaves))


def values(
    content: Content, program: Program, dims: Sequence[Extent], lengths: Sequence[int | None]
) -> dict[str, Any]:
    """What the templates of the call and of its check need.

    Parameters
    ----------
    dims : the extents in the order of their numbers
    lengths : those that are fixed, else None
    """
    shown = [*content.inputs, *(f.name for f in content.formulas)]
    rows, faults = _rows(shown, program, dims, lengths)
    count = len(content.inputs)
    given = [_parameter(r, k < count) for k, r in enumerate(rows)]
    number = {f.name: k for k, f in enumerate(content.formulas)}
    places = list(content.inputs)
    checks = [
        {"name": f.name, "derivative": number[f.name], "function": number[f.of],
         "variable": places.index(f.wrt)}
        for f in content.formulas if f.of
    ]  # fmt: skip
    return {
        "arrays": rows,
        "faults": faults,
        "rank": max(len(r.dims) for r in rows),
        "dims": len(dims),
        "inputs": count,
        "outputs": len(content.formulas),
        "results": content.formulas,
        "signature": ", ".join(given),
        "passed": [_passed(r, k, count) for k, r in enumerate(rows)],
        "shaped": {"input" if k < count else "output" for k, r in enumerate(rows) if r.dims},
        "fixed": [n or 0 for n in lengths],
        "checks": checks,
    }


def _rows(
    shown: Sequence[str], program: Program, dims: Sequence[Extent], lengths: Sequence[int | None]
) -> tuple[list[Row], list[str]]:
    taken: set[str] = set()
    faults, rows = list(GENERAL), []
    bound: dict[int, str] = {}  # the axis that an extent is first met at
    for name, argument in zip(shown, program.arguments, strict=True):
        plain = identifier(name, taken)
        taken.add(plain)
        output = argument.kind == "output"
        address = plain if output and not argument.dims else f"{plain}.data"
        address = address if argument.dims or output else f"&{plain}"
        shape = f"{plain}.shape" if argument.dims else "NULL"
        rows.append(Row(plain, name, argument.dims, len(faults), address, shape))
        faults.append(f"{name}: its data is NULL")
        for axis, d in enumerate(argument.dims):
            faults.append(f"{name}: axis {axis} must {_must(dims[d], lengths[d], bound.get(d))}")
            bound.setdefault(d, f"axis {axis} of {name}")
    return rows, faults


def _must(dim: Extent, length: int | None, first: str | None) -> str:
    """What the length of an axis must be."""
    name = "" if show(dim) in ("?", str(length)) else f" ({show(dim)})"
    if length is not None:
        return f"be {length}{name}"
    if first is None and not isinstance(dim, FreshDim):
        return f"be 1 or more{name}"
    return f"be as long as {first}{name}" if first else f"follow from the inputs{name}"


def identifier(name: str, taken: set[str]) -> str:
    """A name that means nothing else in C or C++."""
    plain = spelled(Symbol(name, 0))
    while plain in WORDS | taken or MACRO.match(plain):
        plain = f"{plain}_" if not MACRO.match(plain) else f"x{plain}"
    return plain


def _parameter(row: Row, is_input: bool) -> str:
    if row.dims:
        return f"{'input' if is_input else 'output'} {row.name}"
    return f"double {'' if is_input else '*'}{row.name}"


def _passed(row: Row, number: int, inputs: int) -> str:
    """The argument in the call of the check."""
    given = number < inputs
    place = f"data[{number}]" if given else f"results[{number - inputs}]"
    if not row.dims:
        return f"*{place}" if given else place
    return f"as_{'input' if given else 'output'}({place}, {number}, extent)"


def number(x: float) -> str:
    """A double as C and C++ write it."""
    words = {math.inf: "INFINITY", -math.inf: "-INFINITY"}
    return "NAN" if math.isnan(x) else words.get(x, repr(x))


def sizes(given: Mapping[Extent, int]) -> Callable[[Extent], int]:
    """What finds any extent, from those that are given."""
    found = dict(given)

    def size(d: Extent) -> int:
        if isinstance(d, int):
            return d
        if d not in found:
            found[d] = evaluate(d.definition, size)  # type: ignore[union-attr]
        return found[d]

    return size


def lengths(content: Content, program: Program, dims: Sequence[Extent]) -> list[int]:
    """Extents for the check: different ones, so long that loops of vectors and panels are run."""
    free = sorted({d for x in content.inputs.values() for d in x.shape if not isinstance(d, int)},
                  key=str)  # fmt: skip
    for base in LENGTHS:
        found = [*map(sizes({d: base + k % 5 for k, d in enumerate(free)}), dims)]
        if all(math.prod(found[d] for d in a.dims) <= MOST for a in program.arguments):
            break
    return found
