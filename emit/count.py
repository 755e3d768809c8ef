"""Counts: sums of numbers times products of extents, at given extents or as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ..algebra.dims import Extent

SHOWN = 4  # terms of a count that are written out


class Monomial(NamedTuple):
    """A product of extents that are not numbers, with their powers."""

    factors: frozenset[tuple[Extent, int]]

    @property
    def degree(self) -> int:
        return sum(power for _, power in self.factors)


class Count:
    """A polynomial in extents with nonnegative coefficients.

    terms  coefficient of each product of extents
    """

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[Monomial, float] | None = None) -> None:
        self.terms = {key: c for key, c in (terms or {}).items() if c}

    @classmethod
    def of(cls, coefficient: float, extents: Iterable[Extent] = ()) -> Count:
        """A number times extents; those that are numbers are multiplied in."""
        powers: Counter[Extent] = Counter()
        for d in extents:
            if isinstance(d, int):
                coefficient *= d
            else:
                powers[d] += 1
        return cls({Monomial(frozenset(powers.items())): float(coefficient)})

    def __add__(self, other: Count) -> Count:
        total = dict(self.terms)
        for key, c in other.terms.items():
            total[key] = total.get(key, 0.0) + c
        return Count(total)

    def __mul__(self, number: float) -> Count:
        return Count({key: c * number for key, c in self.terms.items()})

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Count) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __repr__(self) -> str:
        every = dict.fromkeys(d for key in self.terms for d, _ in key.factors)
        return f"Count({self.text({d: str(d) for d in every})})"

    def at(self, size: Callable[[Extent], float]) -> float:
        """The number at given extents."""
        total = 0.0
        for key, c in self.terms.items():
            for d, power in key.factors:
                c *= float(size(d)) ** power
            total += c
        return total

    def text(self, names: Mapping[Extent, str]) -> str:
        """Highest degree first, extents in the order of their names; `4 n d + 12 n + ...`."""
        place = {d: k for k, d in enumerate(names)}
        written = []
        for key, c in self.terms.items():
            ordered = sorted(key.factors, key=lambda factor: place[factor[0]])
            powers = tuple(-dict(key.factors).get(d, 0) for d in names)
            words = [names[d] + (f"^{power}" if power > 1 else "") for d, power in ordered]
            words = words if c == 1 and words else [f"{c:g}", *words]
            written.append((-key.degree, powers, " ".join(words)))
        texts = [text for *_, text in sorted(written)]
        return " + ".join(texts if len(texts) <= SHOWN else [*texts[: SHOWN - 1], "..."]) or "0"
