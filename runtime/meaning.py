"""Bodies evaluated with NumPy; what each primitive means is a row of `numpy_table`.

A body is compiled once per compute dtype to a flat list of steps over registers. Sums, products and
powers are spelled as what they mean: `Mul(x, Pow(y, -1))` divides, and the `log1p` of a `softplus`
inside a sum is added last, so that `softplus(z) - y*z` keeps its digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..algebra.scalar import (
    HALF,
    MINUS_ONE,
    ONE,
    PRIMITIVES,
    Pow,
    Scalar,
    Slot,
    is_number,
    op,
    subexpressions,
)
from .numpy_table import CONSTANTS, NUMPY, tail

Array = Any  # ndarray or NumPy scalar


# exponent -> how the power is spelled; every other exponent is np.power
POWERS: dict[Any, Callable[[Array], Array]] = {ONE: np.positive, ONE + 1: np.square, HALF: np.sqrt}


def number(value: Any, dtype: np.dtype) -> Array:
    """Return a rational number of a body in a compute dtype; integers wrap as NumPy's do."""
    if not is_number(value):
        return np.asarray(bool(value))
    if dtype.kind in "iu":
        return np.asarray(int(value) % 2**64, np.uint64).astype(dtype)
    return np.asarray(value.p / value.q).astype(dtype)


def is_truth(e: Any) -> bool:
    """Whether an expression is a truth value by construction."""
    return isinstance(e, Scalar) and not isinstance(e, Slot) and PRIMITIVES[op(e)].boolean


def _divides(e: Any) -> bool:
    """Whether a factor belongs below the fraction bar."""
    return isinstance(e, Pow) and is_number(e.args[1]) and e.args[1] < 0


class Body:
    """A body ready to be evaluated on arrays that broadcast against each other.

    Attributes
    ----------
    steps : list of (function, registers it reads)
        One per register; a step that reads no register gets the operands.
    """

    def __init__(self, body: Any, compute: np.dtype) -> None:
        self.compute = compute
        self.steps: list[tuple[Callable[..., Array], tuple[int, ...]]] = []
        self._known: dict[Any, int] = {}
        for e in subexpressions(body):
            if isinstance(e, Scalar) and not isinstance(e, Slot):
                self._known[e, is_truth(e)] = self._operation(e)
        self._result = self._read(body, is_truth(body) or compute.kind == "b")

    def __call__(self, operands: Sequence[Array]) -> Array:
        """Return the value."""
        registers: list[Array] = []
        for function, reads in self.steps:
            registers.append(
                function(*(registers[k] for k in reads)) if reads else function(operands)
            )
        return registers[self._result]

    def _step(self, function: Callable[..., Array], *reads: int) -> int:
        self.steps.append((function, reads))
        return len(self.steps) - 1

    def _read(self, e: Any, truth: bool = False) -> int:
        """Return the register that holds e: as a truth value, or in the compute dtype."""
        if (e, truth) not in self._known:
            self._known[e, truth] = self._convert(e, np.dtype(bool) if truth else self.compute)
        return self._known[e, truth]

    def _convert(self, e: Any, dtype: np.dtype) -> int:
        if isinstance(e, Slot):
            return self._step(lambda operands: operands[e.index].astype(dtype, copy=False))
        if not isinstance(e, Scalar):
            value = number(e, dtype)
            return self._step(lambda operands: value)
        held = self._known[e, is_truth(e)]
        return self._step(lambda x: np.asarray(x).astype(dtype, copy=False), held)

    def _operation(self, e: Scalar) -> int:
        name = op(e)
        if name in SPELLED:
            return SPELLED[name](self, e)
        if name in CONSTANTS:
            value = np.asarray(CONSTANTS[name]).astype(self.compute)
            return self._step(lambda operands: value)
        truths = PRIMITIVES[name].truths
        reads = [self._read(a, k in truths) for k, a in enumerate(e.args)]
        if name == "indicator":
            return self._step(lambda x: np.asarray(x).astype(self.compute), *reads)
        return self._step(NUMPY[name], *reads)

    def _sum(self, e: Scalar) -> int:
        first, last = [], []
        for t in e.args:
            if op(t) == "softplus":
                x = self._read(t.args[0])
                first.append(self._step(NUMPY["relu"], x))
                last.append(self._step(tail, x))
            else:
                first.append(self._read(t))
        return self._step(NUMPY["Add"], *first, *last)

    def _product(self, e: Scalar) -> int:
        """A product: a leading -1 negates, negative powers divide."""
        floats = self.compute.kind == "f"
        under = [self._power(a.args[0], -a.args[1]) for a in e.args if floats and _divides(a)]
        over = [a for a in e.args if not (floats and _divides(a))]
        negates = len(over) > 1 and over[0] is MINUS_ONE
        result = self._multiply([self._read(a) for a in over[negates:]] or [self._read(ONE)])
        if under:
            result = self._step(np.true_divide, result, self._multiply(under))
        return self._step(np.negative, result) if negates else result

    def _multiply(self, registers: list[int]) -> int:
        return self._step(NUMPY["Mul"], *registers) if len(registers) > 1 else registers[0]

    def _power(self, base: Any, exponent: Any) -> int:
        if is_number(exponent) and exponent in POWERS:
            return self._step(POWERS[exponent], self._read(base))
        if is_number(exponent) and -exponent in POWERS and self.compute.kind == "f":
            below = self._power(base, -exponent)
            return self._step(np.true_divide, self._read(ONE), below)
        return self._step(NUMPY["Pow"], self._read(base), self._read(exponent))


SPELLED: dict[str, Callable[[Body, Scalar], int]] = {
    "Add": Body._sum,
    "Mul": Body._product,
    "Pow": lambda body, e: body._power(*e.args),
}


@lru_cache(4096)
def compiled(body: Any, compute: np.dtype) -> Body:
    """Return the body ready to be evaluated; equal bodies are compiled once."""
    return Body(body, compute)
