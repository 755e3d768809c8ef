"""Parts of bodies and of sums of products as nodes: what rows of the display form are made with."""

from __future__ import annotations

import itertools
import weakref
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..algebra.node import Contract, Map, Node, contract_node, map_node
from ..algebra.scalar import Add, Mul, Scalar, Slot
from .arithmetic import coefficient
from .island import occurrences, renumber

Labels = tuple[int, ...]
Factor = tuple[Node, Labels]
FREE = 1000  # labels of one contraction in a product do not meet those of another


def part(composer: Any, x: Map, e: Any, axes: Labels | None = None) -> Factor:
    """A part of a Map's body as a node of its own, and the axes of x that it runs along."""
    body, order = renumber(e)
    if axes is None:
        axes = tuple(sorted({t for s in order for t in x.spec.indices[s] if t is not None}))
    place = {t: k for k, t in enumerate(axes)}
    indices = tuple(
        tuple(None if t is None else place[t] for t in x.spec.indices[s]) for s in order
    )
    node = map_node(
        body,
        indices,
        tuple(x.dims[t] for t in axes),
        x.dtype,
        *(x.operands[s] for s in order),
        compute=x.spec.compute,
    )
    return composer.normal(node), axes


def key(e: Any, reads: Sequence[tuple]) -> Any:
    """What a body says of its operands, whatever the order of terms and factors."""
    if isinstance(e, Slot):
        return reads[e.index]
    if not isinstance(e, Scalar):
        return e
    parts = [key(a, reads) for a in e.args]
    if isinstance(e, Add | Mul):
        return type(e), frozenset(Counter(parts).items())
    return type(e), tuple(parts)


def reads_of(x: Map) -> list[tuple]:
    return list(zip(x.operands, x.spec.indices, strict=True))


def flat_factors(x: Contract, count: itertools.count) -> list[Factor]:
    """The factors of a contraction with labels that are unique in all of it: axes of the result
    are 0, 1..., summed labels are drawn from `count`; contractions in contractions are taken apart.
    """
    number = {t: k for k, t in enumerate(x.spec.out)}
    for t in range(len(x.spec.sizes)):
        if t not in number:
            number[t] = next(count)
    found: list[Factor] = []
    for a, i in zip(x.operands, x.spec.indices, strict=True):
        labels = tuple(number[t] for t in i)
        if isinstance(a, Contract) and a.dtype == x.dtype and len(set(labels)) == len(labels):
            for b, inner in flat_factors(a, count):
                moved = tuple(labels[t] if t < a.ndim else t for t in inner)
                found.append((b, moved))
        else:
            found.append((a, labels))
    return found


_flattened: weakref.WeakKeyDictionary[Contract, list[Factor]] = weakref.WeakKeyDictionary()


def flattened(x: Contract) -> list[Factor]:
    """The factors of a contraction, summed labels from its rank on; remembered for each."""
    found = _flattened.get(x)
    if found is None:
        found = _flattened[x] = flat_factors(x, itertools.count(x.ndim))
    return list(found)


def term_factors(composer: Any, x: Map, t: Any) -> tuple[Any, list[Any], list[Factor]]:
    """A term of a Map as a number, scalar parts of the body, and the factors of its contractions:
    axes of x are labels 0, 1..., what is summed has labels from x.ndim on.
    """
    number, rest = coefficient(t)
    scalars: list[Any] = []
    factors: list[Factor] = []
    count = itertools.count(x.ndim)
    for f in rest:
        axes = {s for k in occurrences(f) for s in x.spec.indices[k]}
        if not axes:
            scalars.append(f)
            continue
        if isinstance(f, Slot):
            own = read_factors(x, f.index, count)
            if own is not None:
                factors += own
                continue
        factors.append(part(composer, x, f))
    return number, scalars, factors


def read_factors(x: Map, k: int, count: itertools.count | None = None) -> list[Factor] | None:
    """An operand of a Map as factors: axes of the Map are labels 0, 1..., what is summed has labels
    from x.ndim on, drawn from `count`; None if it is not read along different axes.
    """
    index = x.spec.indices[k]
    if None in index or len(set(index)) < len(index):
        return None
    return _flat(x.operands[k], tuple(index), x, count or itertools.count(x.ndim))


def _flat(a: Node, index: Labels, x: Map, count: itertools.count) -> list[Factor]:
    """An operand as factors."""
    if not isinstance(a, Contract) or a.dtype != x.dtype:
        return [(a, index)]
    start = (next(count) + 1) * FREE
    inner = flat_factors(a, itertools.count(start))
    return [(b, tuple(index[t] if t < a.ndim else t for t in ls)) for b, ls in inner]


def contraction(x: Node, factors: list[Factor], out: Labels, sizes: dict) -> Contract:
    order = list(dict.fromkeys([*out, *(t for _, ls in factors for t in ls)]))
    number = {t: k for k, t in enumerate(order)}
    return contract_node(
        tuple(tuple(number[t] for t in ls) for _, ls in factors),
        tuple(number[t] for t in out),
        tuple(sizes[t] for t in order),
        x.dtype,
        *(a for a, _ in factors),
    )
