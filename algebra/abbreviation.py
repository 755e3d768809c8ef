"""What is long and stands in a formula more than once gets a name; a name that stands in it once
goes.

Each is done where that leaves less to read (`marks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from .marks import DEFINITION, marks
from .notation import Apply, Formula, Index, Number, Symbol, Temporary, children, rewrite, size

MOST = 1_000  # symbols of formulas that are searched
ROUNDS = 12
Definitions = dict[Formula, Formula]


def abbreviated(
    main: Formula,
    definitions: Definitions,
    name: Callable[[Formula], Temporary],
    keeps: Callable[[Formula], bool],
) -> tuple[Formula, Definitions]:
    """The formula and its definitions, those of later names behind those they are made of.

    Parameters
    ----------
    name : a new temporary for a formula.
    keeps : whether a formula keeps a name that stands in the others once.
    """
    if size(main) + sum(map(size, definitions.values())) > MOST:
        return main, definitions
    main, definitions = _inlined(main, definitions, keeps)
    main, definitions = _hoisted(main, definitions, name)
    for _ in range(ROUNDS):
        found = _repeated(main, definitions)
        if found is None:
            break
        temporary = name(found)
        change = lambda e, f=found, t=temporary: t if e == f else None  # noqa: E731
        old = {t: rewrite(e, change) for t, e in definitions.items()}
        main = rewrite(main, change)
        definitions = _inserted(old, temporary, found)
    return main, definitions


def _inserted(definitions: Definitions, name: Formula, value: Formula) -> Definitions:
    """The definitions with one more, before the first one that needs it."""
    result: Definitions = {}
    for t, e in definitions.items():
        if name not in result and name in set(_parts(e)):
            result[name] = value
        result[t] = e
    return result if name in result else {**result, name: value}


def _inlined(
    main: Formula, definitions: Definitions, keeps: Callable[[Formula], bool]
) -> tuple[Formula, Definitions]:
    """Without the names that stand in the formulas once."""
    everything = (e for f in (main, *definitions.values()) for e in _parts(f))
    uses = Counter(e for e in everything if isinstance(e, Temporary))
    values: Definitions = {}
    kept: Definitions = {}
    change = lambda e: values.get(e) if isinstance(e, Temporary) else None  # noqa: E731
    for t, e in definitions.items():
        new = rewrite(e, change)
        once = isinstance(t, Temporary) and uses[t] == 1 and not keeps(e) and not keeps(new)
        (values if once else kept)[t] = new
    return rewrite(main, change), kept


def _hoisted(
    main: Formula, definitions: Definitions, name: Callable[[Formula], Temporary]
) -> tuple[Formula, Definitions]:
    """With a name for f(t) instead of t, where t stands in nothing else."""
    for _ in range(ROUNDS):
        found = _only_argument(main, definitions)
        if found is None:
            break
        t, applied = found
        new = name(applied)
        value = _replaced(applied, t, definitions[t])
        definitions = {
            (new if k == t else k): (value if k == t else _replaced(e, applied, new))
            for k, e in definitions.items()
        }
        main = _replaced(main, applied, new)
    return main, definitions


def _only_argument(main: Formula, definitions: Definitions) -> tuple[Formula, Formula] | None:
    """A name that only stands in one function of it, more than once, and that function."""
    parents: dict[Formula, list[Formula]] = {}
    for f in (main, *definitions.values()):
        for p in _parts(f):
            for c in children(p):
                if isinstance(c, Temporary):
                    parents.setdefault(c, []).append(p)
    for t, found in parents.items():
        first = found[0]
        if len(found) > 1 and isinstance(first, Apply) and all(p == first for p in found):
            if main != t and t in definitions:
                return t, first
    return None


def _replaced(e: Formula, old: Formula, new: Formula) -> Formula:
    return rewrite(e, lambda t: new if t == old else None)


def _repeated(main: Formula, definitions: Definitions) -> Formula | None:
    """The longest part that is worth a name."""
    counts: Counter[Formula] = Counter()
    for f in (main, *definitions.values()):
        counts.update(e for e in _parts(f) if e is not f)
    best, most = None, 0
    for e, uses in counts.items():
        if uses < 2 or isinstance(e, Symbol | Number | Temporary | Index):
            continue
        cost = marks(e)
        saved = uses * (cost - 1) - cost - DEFINITION
        if saved > 0 and cost > most and not any(isinstance(p, Index) for p in _parts(e)):
            best, most = e, cost
    return best


def _parts(e: Formula) -> Iterator[Formula]:
    """e and everything in it, as often as it stands there."""
    yield e
    for c in children(e):
        yield from _parts(c)
