"""Names in formulas: every variable gets one that no other variable in the formula has (semantics
6.1).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

from .dims import Dim, Extent
from .node import Leaf, Node
from .notation import Formula, Number, Symbol, Temporary

UNNAMED = ("x", "v", "M", "A")  # by rank; the last for every higher rank
EXTENTS = ("n", "m", "d", "k")
LETTERS = ("i", "j", "k", "l", "p", "q", "r", "s")

Spell = Callable[[Symbol], str]


class Names:
    """Symbols of variables and extents.

    spell   how the printer writes a symbol: two symbols clash if they are written alike, so that
    `w0` and `w_0` are
            told apart where both are typeset as w with a subscript
    """

    def __init__(self, spell: Spell) -> None:
        self._spell = spell
        self.used: set[str] = set()
        self._symbols: dict[object, Symbol] = {}
        self._counts: dict[tuple[str, int], itertools.count] = {}

    def copy(self) -> Names:
        """The same names, to go on from."""
        new = Names(self._spell)
        new.used, new._symbols = set(self.used), dict(self._symbols)
        return new

    def forget_temporaries(self) -> None:
        """Let the next formula number its temporaries from 0."""
        self.used = {self._spell(s) for s in self._symbols.values()}
        self._counts.clear()

    def claim(self, nodes: Iterable[Node]) -> None:
        """Name variables, the user's names first, then extents, then unnamed variables."""
        nodes = [x for x in nodes if x not in self._symbols]
        for x in nodes:
            if x.label:
                self._symbols[x] = _with_facts(self._primed(x.label, x.ndim), x)
        for dim in dict.fromkeys(d for x in nodes for d in x.dims):
            if isinstance(dim, Dim):
                self.extent(dim)
        for x in nodes:
            if not x.label:
                symbol = self._numbered((UNNAMED[min(x.ndim, 3)],), x.ndim)
                self._symbols[x] = _with_facts(symbol, x)

    def variable(self, x: Node) -> Symbol:
        """The symbol of a variable that was claimed, or of a labelled intermediate."""
        if x not in self._symbols:
            self._symbols[x] = self._primed(x.label or UNNAMED[min(x.ndim, 3)], x.ndim)
        return self._symbols[x]

    def extent(self, dim: Extent) -> Formula:
        """An extent: a number, its name, or a letter for an unknown one."""
        if isinstance(dim, int):
            return Number(Fraction(dim))
        if dim not in self._symbols:
            known = isinstance(dim, Dim)
            self._symbols[dim] = self._primed(dim.name, 0) if known else self._numbered(EXTENTS, 0)
        return self._symbols[dim]

    def temporaries(self, keys: Iterable[Temporary]) -> dict[Temporary, Symbol]:
        """t_0, t_1... for scalars and vectors, T_0... for matrices and more."""
        return {t: self._numbered(("t_0" if t.order < 2 else "T_0",), t.order) for t in keys}

    def _take(self, candidates: Iterator[Symbol]) -> Symbol:
        symbol = next(s for s in candidates if self._spell(s) not in self.used)
        self.used.add(self._spell(symbol))
        return symbol

    def _primed(self, name: str, rank: int) -> Symbol:
        primes = (Symbol(name, rank, k) for k in range(4))
        return self._take(itertools.chain(primes, self._suffixed(name, rank, 4)))

    def _numbered(self, names: tuple[str, ...], rank: int) -> Symbol:
        plain = (Symbol(name, rank) for name in names)
        stem = names[0].removesuffix("_0")
        return self._take(itertools.chain(plain, self._suffixed(stem, rank, 1)))

    def _suffixed(self, name: str, rank: int, start: int) -> Iterator[Symbol]:
        """Numbered names; a number that was tried is not tried again."""
        counter = self._counts.setdefault((name, start), itertools.count(start))
        return (Symbol(f"{name}_{k}", rank) for k in counter)


def _with_facts(symbol: Symbol, x: Node) -> Symbol:
    """The symbol of a variable with what transposition has to know of it."""
    known = isinstance(x, Leaf) and "symmetric" in x.spec.facts
    return replace(symbol, symmetric=True) if known else symbol


def is_variable(x: Node) -> bool:
    """Whether a node is shown by a name of its own: an input, a shared variable, an array constant
    or a cut.
    """
    return isinstance(x, Leaf) and x.spec.kind in ("input", "shared", "constant", "cut")
