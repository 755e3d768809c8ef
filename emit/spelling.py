"""Scalar expressions as text of a target."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..algebra import scalar
from ..algebra.errors import EmitError
from ..algebra.scalar import HALF, Add, Mul, Pow, Scalar, op
from .functions import ROUTINE, alone, routine, spelled
from .target import Target
from .value import Fetch, Infinity, Load, Parameter, Position, Rows, Size

INT64 = np.dtype(np.int64)


def literal(number, dtype: np.dtype, target: Target) -> str:
    """A number in a dtype: the nearest float, or an exact integer."""
    if dtype.kind != "f":
        assert number.is_integer, f"{number} in integer arithmetic"
        text = str(int(number))
        text = f"{'U' * (dtype.kind == 'u')}INT64_C({text})" if dtype.itemsize == 8 else text
    else:
        value = int(number.p) / int(number.q)
        text = f"{np.float32(value)!s}" if dtype.itemsize == 4 else repr(value)
        text = (text if any(c in text for c in ".en") else text + ".0") + target.suffix(dtype)
    return f"({text})" if number < 0 else text


def identity(op: str | None, dtype: np.dtype) -> str:
    """Neutral element of a reduction."""
    if op in ("sum", "prod"):
        return "0" if op == "sum" else "1"
    if dtype.kind == "f":
        return "-INFINITY" if op == "max" else "INFINITY"
    if dtype.kind == "b":
        return "0" if op == "max" else "1"
    bits = 8 * dtype.itemsize
    if dtype.kind == "u":
        return "0" if op == "max" else f"UINT{bits}_MAX"
    return f"INT{bits}_MIN" if op == "max" else f"INT{bits}_MAX"


class Speller:
    """Spells expressions computed in one dtype.

    places     load or fetch -> (text of the element, dtype in memory)
    positions  Index -> text of an int64 position
    extents    dim -> text of an int64 extent
    externals  name of a library routine -> its number
    """

    def __init__(
        self,
        target: Target,
        dtype: np.dtype,
        places: Callable,
        positions: Callable,
        extents: Callable,
        externals: Callable[[str], int] | None = None,
    ) -> None:
        self.target, self.dtype, self.externals = target, dtype, externals
        self.places, self.positions, self.extents = places, positions, extents
        self.type, self.names = target.type_of(dtype), dict[Scalar, str]()

    def number(self, e) -> str:
        """e as a number of the compute dtype."""
        text = self(e)
        return f"({self.type}){text}" if _is_truth(e) else text

    def truth(self, e) -> str:
        """e as a condition."""
        if _is_truth(e):
            return self(e)
        if isinstance(e, Load | Fetch) and e not in self.names:
            text, dtype = self.places(e)
            return text if dtype.kind == "b" else f"({text} != 0)"
        return f"({self(e)} != 0)"

    def __call__(self, e) -> str:
        if e in self.names:
            return self.names[e]
        if scalar.is_number(e):
            return literal(e, self.dtype, self.target)
        if not isinstance(e, Scalar):
            return "1" if e else "0"
        found = _ATOMS.get(type(e))
        if found is not None:
            return found(self, e)
        name = op(e)
        if name == "Add":
            return self._add(e)
        if name == "Mul":
            return self._mul(e)
        if name == "Pow":
            return self._pow(e.args[0], e.args[1])
        if name == "indicator":
            return f"({self.type}){self.truth(e.args[0])}"
        if (
            name in ("eq", "ne", "lt", "le", "gt", "ge")
            and all(map(_integral, e.args))
            and self.dtype != INT64
        ):
            places = self.places, self.positions, self.extents, self.externals
            return Speller(self.target, INT64, *places)(e)
        return self._function(name, e.args)

    def _function(self, name: str, args) -> str:
        row = scalar.PRIMITIVES.get(name)
        truths = row.truths if row else ()
        texts = [self.truth(a) if k in truths else self.number(a) for k, a in enumerate(args)]
        suffix, routine = self.target.suffix(self.dtype), self._routine(name)
        return self._format(name).format(*texts, f=suffix, t=self.type, r=routine)

    def _routine(self, name: str) -> str:
        """A routine of another library, as what is called."""
        found = routine(name) if self.target.library and not self.target.alone else None
        if found is None:
            return ""
        symbol, arity = found
        assert self.externals is not None, f"{name} is called where no routine can be"
        number = self.externals(f"special.{symbol}/{arity}")
        return ROUTINE.format(types=", ".join(["double"] * arity), number=number)

    def _format(self, name: str) -> str:
        if self.target.alone and routine(name):
            if not alone(name):
                raise EmitError(
                    f"{name} calls SciPy, so the file cannot stand alone",
                    fix="write --emit numpy, compile it with cf.function, or write the expression"
                    " without it",
                )
            return alone(name)
        found = spelled(self.target.name, name, self.dtype.kind != "f")
        if not found:
            raise EmitError(
                f"{name} has no spelling on the target {self.target.name!r}",
                fix="compile for another target, such as target='c'",
            )
        return found

    def _wrapped(self, text: str) -> str:
        """Arithmetic of integers narrower than int wraps, which C does only where it stores."""
        narrow = self.dtype.kind in "iu" and self.dtype.itemsize < 4
        return f"(({self.type}){text})" if narrow else text

    def _add(self, e: Add) -> str:
        parts = []
        for k, t in enumerate(e.args):
            minus, rest = negative(t)
            text = self.number(rest)
            parts.append(
                ("-" if minus and k == 0 else " - " if minus else " + " if k else "") + text
            )
        return self._wrapped(f"({''.join(parts)})")

    def _mul(self, e: Mul) -> str:
        minus, rest = negative(e)
        if minus:
            return self._wrapped(f"(-{self.number(rest)})")
        up = [a for a in e.args if not divides(a)]
        down = [
            Pow(a.args[0], -a.args[1]) if a.args[1] != -1 else a.args[0]
            for a in e.args
            if divides(a)
        ]
        text = "*".join(map(self.number, up)) or literal(scalar.ONE, self.dtype, self.target)
        if down:
            below = "*".join(map(self.number, down))
            text = f"{text}/{f'({below})' if len(down) > 1 else below}"
        return self._wrapped(f"({text})")

    def _pow(self, base, power) -> str:
        if scalar.is_number(power) and power < 0:
            below = base if power == -1 else Pow(base, -power)
            return f"({literal(scalar.ONE, self.dtype, self.target)}/{self.number(below)})"
        if power == HALF:
            return self._function("sqrt", (base,))
        if scalar.is_number(power) and power.is_integer and power <= 4:
            return self._wrapped("(" + "*".join([self.number(base)] * int(power)) + ")")
        return self._function("pow" if self.dtype.kind == "f" else "ipow", (base, power))

    def _load(self, e: Load | Fetch) -> str:
        text, dtype = self.places(e)
        return text if dtype == self.dtype else f"({self.type}){text}"


_ATOMS = {
    Load: Speller._load,
    Fetch: Speller._load,
    Parameter: lambda s, e: (
        f"p{e.content[0]}" if s.dtype.name == "float64" else f"({s.type})p{e.content[0]}"
    ),
    Size: lambda s, e: (
        s.extents(e.content[0]) if s.dtype == INT64 else f"({s.type}){s.extents(e.content[0])}"
    ),
    Position: lambda s, e: (
        s.positions(e.content[0]) if s.dtype == INT64 else f"({s.type}){s.positions(e.content[0])}"
    ),
    Infinity: lambda s, e: "INFINITY",
    Rows: lambda s, e: "rows" if s.dtype == INT64 else f"({s.type})rows",
}


def _is_truth(e) -> bool:
    return (isinstance(e, Scalar) and e.boolean) or not (
        isinstance(e, Scalar) or scalar.is_number(e)
    )


def _integral(e) -> bool:
    """Whether e is arithmetic on positions and extents, which is exact in int64."""
    if scalar.is_number(e):
        return bool(e.is_integer)
    if isinstance(e, Position | Size):
        return True
    return isinstance(e, Add | Mul) and all(map(_integral, e.args))


def divides(e) -> bool:
    """Whether e is spelled as a divisor where it is a factor."""
    return isinstance(e, Pow) and scalar.is_number(e.args[1]) and e.args[1] < 0


def negative(e):
    """(True, -e) if e is a product that begins with -1, else (False, e)."""
    if isinstance(e, Mul) and e.args[0] == -1:
        rest = e.args[1:]
        return True, (Mul(*rest) if len(rest) > 1 else rest[0])
    if scalar.is_number(e) and e < 0:
        return True, -e
    return False, e
