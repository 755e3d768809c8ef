"""Building formulas: sums and chains are flat, scalars stand in front, identities vanish."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction

from .notation import (
    ZERO,
    Apply,
    Chain,
    Formula,
    Hadamard,
    Identity,
    Infix,
    Kronecker,
    MatrixPower,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Symbol,
    Temporary,
    Transpose,
    children,
    remembered,
    rewrite,
)
from .primitives import PRIMITIVES


def parts(e: Formula) -> Product:
    """e as coefficient * scalars / below * array."""
    if isinstance(e, Product):
        return e
    if isinstance(e, Number):
        return Product(e.value)
    if e.rank == 0:
        return Product(Fraction(1), (e,))
    return Product(Fraction(1), (), (), e)


def product(factors: Iterable[Formula], array: Formula | None = None) -> Formula:
    """Scalars times an array (or nothing)."""
    coefficient = Fraction(1)
    scalars: list[Formula] = []
    below: list[Formula] = []
    for f in [*factors, *([array] if array is not None else [])]:
        p = parts(f)
        coefficient *= p.coefficient
        scalars.extend(p.scalars)
        below.extend(p.below)
    core = parts(array).array if array is not None else None
    if core is not None:
        scalars = [_norm(s) for s in scalars]
    scalars, below = merged(scalars), merged(below)
    if coefficient == 0:
        return ZERO
    if coefficient == 1 and not scalars and not below and core is not None:
        return core
    if core is None and not below:
        if not scalars:
            return Number(coefficient)
        if coefficient == 1 and len(scalars) == 1:
            return scalars[0]
    return Product(coefficient, tuple(scalars), tuple(below), core)


def _norm(e: Formula) -> Formula:
    """x'x as a squared norm: beside an array it would read as one more product of arrays."""
    if isinstance(e, Chain) and len(e.factors) == 2 and e.factors[0] == Transpose(e.factors[1]):
        return Power(Apply("norm", (e.factors[1],), 0), Number(Fraction(2)))
    return e


def merged(factors: list[Formula]) -> list[Formula]:
    """Equal scalars as one power."""
    counts: dict[Formula, Fraction] = {}
    for f in factors:
        fixed = isinstance(f, Power) and isinstance(f.exponent, Number)
        base, k = (f.base, f.exponent.value) if fixed else (f, Fraction(1))  # type: ignore[attr-defined]
        counts[base] = counts.get(base, Fraction(0)) + k
    if len(counts) == len(factors):
        return factors
    return [base if k == 1 else Power(base, Number(k)) for base, k in counts.items() if k]


def transposes(e: Formula) -> int:
    """How many transposes of matrices there are to read, outside of functions."""
    if isinstance(e, Transpose):
        return e.base.rank == 2
    if isinstance(e, Chain):
        return sum(map(transposes, e.factors))
    return transposes(e.array) if isinstance(e, Product) and e.array is not None else 0


@remembered
def ordered(e: Formula) -> Formula:
    """e with the terms of every sum in one order, to compare."""

    def change(t: Formula) -> Formula | None:
        return Sum(tuple(sorted(map(ordered, t.terms), key=repr))) if isinstance(t, Sum) else None

    return rewrite(e, change)


def hadamard(factors: Iterable[Formula]) -> Formula:
    """Elementwise product of arrays of one shape."""
    scalars: list[Formula] = []
    above: list[Formula] = []
    below: list[Formula] = []
    for f in factors:
        p = parts(f)
        scalars.append(dataclasses.replace(p, array=None))
        core = p.array
        if isinstance(core, Hadamard):
            above.extend(core.factors)
            below.extend(core.below)
        elif core is not None:
            above.append(core)
    if not above and not below:
        return product(scalars)
    above.sort(key=_is_composed)  # names first; the others stay in order
    core = above[0] if len(above) == 1 and not below else Hadamard(tuple(above), tuple(below))
    return product(scalars, core)


def powers(factors: list[Formula]) -> list[Formula]:
    """Equal names of matrices next to each other as a power."""
    found: list[Formula] = []
    for f in factors:
        last = _matrix_power(found[-1]) if found else None
        own = _matrix_power(f)
        alike = last and own and last[0] == own[0] and last[2] == own[2]
        if last and own and alike and last[1] * own[1] > 0:
            power = MatrixPower(own[0], str(last[1] + own[1]))
            found[-1] = Transpose(power) if own[2] else power
        else:
            found.append(f)
    return found


def _matrix_power(e: Formula) -> tuple[Formula, int, bool] | None:
    """(matrix, exponent, transposed) of a power, or of the name of a matrix, else None."""
    turned = isinstance(e, Transpose)
    base = e.base if isinstance(e, Transpose) else e
    if isinstance(base, MatrixPower) and base.exponent.lstrip("-").isdigit():
        return base.base, int(base.exponent), turned
    return (base, 1, turned) if isinstance(base, Symbol) and base.rank == 2 else None


def _scaled_on_both_sides(factors: list[Formula]) -> list[Formula]:
    """diag(u) E diag(v) as the elementwise product of u v' and E, if E is written elementwise."""
    for k in range(len(factors) - 2):
        left, middle, right = factors[k : k + 3]
        if _is_diag(left) and _is_diag(right) and _is_elementwise(middle):
            outer = chain([left.args[0], transpose(right.args[0])], 2)  # type: ignore[attr-defined]
            return [*factors[:k], hadamard([outer, middle]), *factors[k + 3 :]]
    return factors


def _is_diag(e: Formula) -> bool:
    return isinstance(e, Apply) and e.word == "diag" and e.rank == 2


def _is_elementwise(e: Formula) -> bool:
    if isinstance(e, Apply):
        return e.rank == 2 and e.word != "diag"
    return isinstance(e, Hadamard | Power | Sum)


def _is_composed(e: Formula) -> bool:
    return not isinstance(e, Symbol | Temporary)


def chain(factors: Iterable[Formula], order: int) -> Formula:
    """Matrix product; identities vanish, scalars move to the front."""
    scalars: list[Formula] = []
    flat: list[Formula] = []
    for f in factors:
        p = parts(f)
        scalars.append(dataclasses.replace(p, array=None))
        core = p.array
        if core is not None:
            flat.extend(core.factors if isinstance(core, Chain) else (core,))
    rest = powers([f for f in flat if not isinstance(f, Identity)] or flat[:1])
    rest = _scaled_on_both_sides(_applied_to_ones(rest))
    core = rest[0] if len(rest) == 1 else Chain(tuple(rest), order)
    return product([*scalars, core]) if core.rank == 0 else product(scalars, core)


def _applied_to_ones(factors: list[Formula]) -> list[Formula]:
    """diag(v) 1 as v, and 1' diag(v) as v'."""
    found: list[Formula] = []
    for f in factors:
        last = found[-1] if found else None
        if isinstance(f, Ones) and last is not None and _is_diag(last):
            found[-1:] = _factors(last.args[0])  # type: ignore[attr-defined]
        elif last == Transpose(Ones()) and _is_diag(f):
            found[-1:] = _factors(transpose(f.args[0]))  # type: ignore[attr-defined]
        else:
            found.append(f)
    return found


def _factors(e: Formula) -> tuple[Formula, ...]:
    return e.factors if isinstance(e, Chain) else (e,)


def transpose(e: Formula, alone: bool = False) -> Formula:
    """e with its two axes exchanged; a vector becomes a row, a symmetric matrix stays as it is.

    Parameters
    ----------
    alone : nothing will stand beside the result, so that a sum needs no parentheses.
    """
    if alone and isinstance(e, Sum):
        return _of_sum(e, 1)
    if isinstance(e, Transpose):
        return e.base
    if e.rank == 0 or isinstance(e, Identity):
        return e
    if isinstance(e, Chain):
        return Chain(tuple(transpose(f) for f in reversed(e.factors)), e.order)
    if isinstance(e, Product):
        return dataclasses.replace(e, array=e.array and transpose(e.array))
    row = TURNED.get(type(e)) if e.rank == 2 else None
    return row(e) if row else Transpose(e)


def symmetric(e: Formula) -> bool:
    """Whether a matrix is seen to equal its transpose: declared, or by how it is written."""
    return e.rank == 2 and transpose(e) == e


def _of_name(e: Symbol | Temporary) -> Formula:
    return e if e.symmetric else Transpose(e)


def _of_sum(e: Sum, more: int = 0) -> Formula:
    """The sum of the transposes, unless more than that many are added; one, where a term has none
    because it is symmetric.
    """
    turned = tuple(map(transpose, e.terms))
    if _alike(turned, e.terms):
        return e
    more = more or any(t.rank == 2 and t == u for t, u in zip(turned, e.terms, strict=True))
    fewer = sum(map(transposes, turned)) <= sum(map(transposes, e.terms)) + more
    return Sum(turned) if fewer and all(t.rank == 2 for t in e.terms) else Transpose(e)


def _of_hadamard(e: Hadamard) -> Formula:
    same = all(_alike(tuple(map(transpose, fs)), fs) for fs in (e.factors, e.below))
    return e if same else Transpose(e)


def _alike(one: tuple[Formula, ...], other: tuple[Formula, ...]) -> bool:
    """Whether they are the same in another order."""
    return Counter(map(ordered, one)) == Counter(map(ordered, other))


def _of_matrix_power(e: MatrixPower) -> Formula:
    return e if symmetric(e.base) else Transpose(e)


def _of_elementwise(e: Power | Infix | Apply) -> Formula:
    return e if all(a.rank == 0 or symmetric(a) for a in children(e)) else Transpose(e)


def _of_function(e: Apply) -> Formula:
    """diag(v) is symmetric; so is an elementwise function of what is, and its exponential."""
    elementwise = e.axis is None and (e.word in PRIMITIVES or e.word in ("sqrt", "expm"))
    return e if e.word == "diag" else _of_elementwise(e) if elementwise else Transpose(e)


def _of_kronecker(e: Kronecker) -> Formula:
    """The transpose of a matrix over pairs of indices."""
    return Kronecker(transpose(e.left), transpose(e.right), 2)


TURNED: dict[type, Callable] = {
    Symbol: _of_name, Temporary: _of_name, Sum: _of_sum, Hadamard: _of_hadamard,
    MatrixPower: _of_matrix_power, Power: _of_elementwise, Infix: _of_elementwise,
    Apply: _of_function, Kronecker: _of_kronecker,
}  # fmt: skip


def power(base: Formula, exponent: Formula) -> Formula:
    """base**exponent; negative exponents divide, 1/2 is a square root."""
    if not isinstance(exponent, Number):
        return Power(base, exponent)
    value = exponent.value
    if value < 0:
        inner = power(base, Number(-value))
        return Hadamard((), (inner,)) if inner.rank else reciprocal(inner)
    if value == 1:
        return base
    return Apply("sqrt", (base,), base.rank) if value == Fraction(1, 2) else Power(base, exponent)


def reciprocal(e: Formula) -> Formula:
    """1/e for a scalar."""
    p = parts(e)
    if p.coefficient == 0:
        return Power(e, Number(Fraction(-1)))
    return product([Product(1 / p.coefficient, p.below, p.scalars)])


def diag(e: Formula) -> Formula:
    """The diagonal matrix of a vector; scalars move to the front."""
    p = parts(e)
    scalars = dataclasses.replace(p, array=None)
    if p.array is None or isinstance(p.array, Ones):
        return product([scalars], Identity())
    return product([scalars], Apply("diag", (p.array,), 2))
