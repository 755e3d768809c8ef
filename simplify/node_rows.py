"""Rows across kinds: logsumexp, softmax, sums that meet, layouts that do nothing."""

from __future__ import annotations

from typing import Any

from ..algebra.node import (
    Contract,
    Layout,
    Map,
    Node,
    Reduce,
    ReduceSpec,
    contract_node,
    map_node,
    number_node,
)
from ..algebra.pullback import reverses
from ..algebra.scalar import (
    NONNEGATIVE,
    Add,
    Mul,
    Pow,
    Scalar,
    Slot,
    exp,
    is_number,
    log,
    replace,
    subexpressions,
)
from .arithmetic import coefficient
from .contraction_rows import NodeRule, summed
from .engine import operations
from .island import read_at
from .rule import negative, product, sum_of

LOGARITHMS = frozenset(("log", "log1p", "softplus", "log1mexp"))


def normal(composer: Any, x: Node) -> Node:
    """A Reduce or Layout over operands in compute form."""
    for row in composer.single_rows:
        new = row.action(composer, x)
        if new is not None:
            composer.fired[row.name] += 1
            return new
    return x


def of_call(composer: Any, x: Node) -> Node:
    """A routine over operands in compute form."""
    for row in composer.call_rows:
        new = row.action(composer, x)
        if new is not None:
            composer.fired[row.name] += 1
            return new
    return x


def across(composer: Any, x: Map) -> Node | None:
    """What rows across kinds make of an island, in compute form; None if none applies."""
    for row in composer.across_rows:
        new = row.action(composer, x)
        if new is not None:
            composer.fired[row.name] += 1
            return new
    return None


# ---------------------------------------------------------------- one operand


def same_reshape(composer: Any, x: Node) -> Node | None:
    a = x.operands[0]
    if isinstance(x, Layout) and x.spec.op == "reshape":
        if a.dims == x.dims:
            return a
        if isinstance(a, Layout) and a.spec.op == "reshape":
            return composer.normal(Layout(x.spec, *a.operands))
    return None


def reversed_twice(composer: Any, x: Node) -> Node | None:
    a = x.operands[0]
    if isinstance(x, Layout) and isinstance(a, Layout) and reverses(x) and reverses(a):
        steps = zip(x.spec.params, a.spec.params, strict=True)
        if all(one[1] == other[1] for one, other in steps):
            return a.operands[0]
    return None


def layout_of_number(composer: Any, x: Node) -> Node | None:
    a = x.operands[0]
    if isinstance(x, Layout) and isinstance(a, Map) and is_number(a.spec.body):
        if x.spec.op != "embed" or a.spec.body == 0:
            return number_node(a.spec.body, x.dims, x.dtype)
    return None


# ---------------------------------------------------------------- logsumexp


def softmax(composer: Any, x: Map) -> Node | None:
    """log(sum(exp(u))) is logsumexp(u), and exp(u)/sum(exp(u)) is exp(u - logsumexp(u))."""
    if not operations(x.spec.body) & {"log", "Pow"}:
        return None
    sums = [k for k, a in enumerate(x.operands) if _exponent(a) is not None]
    found = _rewritten(composer, x, sums) if sums else None
    if found is None and sums and "Pow" in operations(x.spec.body):
        seen = composer.through(
            x, exp
        )  # exponentials that are values of their own, because they are also summed
        if seen is not None:
            sums = [k for k, a in enumerate(seen.operands) if _exponent(a) is not None]
            found = _rewritten(composer, seen, sums)
    return found


def _rewritten(composer: Any, x: Map, sums: list[int]) -> Node | None:
    body = x.spec.body
    for k in sums:
        a = x.operands[k]
        inner = _exponent(a)
        if inner is None:
            continue
        new_slot = Slot(len(x.operands))
        if _unexp(body, k, new_slot) is body:
            continue
        u, axes, kept = inner
        reduce, index = _logsumexp(composer, a, u, axes, kept)
        place = read_at(x.spec.indices[k], index)
        return _shifted(composer, x, k, u, axes) or _replace(
            composer, x, _unexp(body, k, new_slot), reduce, place
        )
    return None


def _exponent(a: Node) -> tuple[Map, tuple[int, ...], tuple[int, ...]] | None:
    """For a sum of exponentials: (Map of the exponent, axes summed, axes kept), else None."""
    if not isinstance(a, Contract) or len(a.operands) != 1 or not isinstance(a.operands[0], Map):
        return None
    (m,), (labels,) = a.operands, a.spec.indices
    inside = summed(a)
    if type(m.spec.body) is not exp or m.dtype != a.dtype or m.spec.compute != a.dtype:
        return None
    if not inside or set(labels) != set(range(len(a.spec.sizes))) or len(set(labels)) < len(labels):
        return None
    axes = tuple(k for k, t in enumerate(labels) if t in inside)
    return m, axes, tuple(k for k, t in enumerate(labels) if t not in inside)


def _logsumexp(composer: Any, a: Contract, m: Map, axes: tuple, kept: tuple) -> tuple[Node, tuple]:
    """The Reduce node, and per axis of it the axis of `a`."""
    u = composer.normal(Map(m.spec.with_(body=m.spec.body.args[0]), *m.operands))
    dims = tuple(m.dims[k] for k in kept)
    node = Reduce(ReduceSpec("logsumexp", axes, dims, a.dtype, False), u)
    labels = a.spec.indices[0]
    return composer.normal(node), tuple(a.spec.out.index(labels[k]) for k in kept)


def _replace(composer: Any, x: Map, body: Any, new: Node, place: tuple) -> Node:
    spec = x.spec.with_(body=body, indices=(*x.spec.indices, place))
    return composer.normal(Map(spec, *x.operands, new))


def _unexp(e: Any, k: int, total: Any) -> Any:
    """e with slot k, a sum of exponentials, written as exp(total) where that meets a log or another
    exp.
    """
    if not isinstance(e, Scalar) or isinstance(e, Slot):
        return e
    args = [_unexp(a, k, total) for a in e.args]
    new = e if all(a is b for a, b in zip(args, e.args, strict=True)) else type(e)(*args)
    if type(new) is log:
        return _from_log(new, k, total)
    return _from_product(new, k, total) if type(new) is Mul else new


def _power_of(f: Any, k: int) -> Any:
    """r if f is slot k to the power r, else None."""
    if isinstance(f, Slot):
        return 1 if f.index == k else None
    if (
        type(f) is Pow
        and is_number(f.args[1])
        and isinstance(f.args[0], Slot)
        and f.args[0].index == k
    ):
        return f.args[1]
    return None


def _from_log(e: Any, k: int, total: Any) -> Any:
    inner = e.args[0]
    factors = inner.args if type(inner) is Mul else (inner,)
    powers = [_power_of(f, k) for f in factors]
    found = [p for p in powers if p is not None]
    if not found:
        return e
    rest = [f for f, p in zip(factors, powers, strict=True) if p is None]
    terms = [log(product(rest))] if rest else []
    return sum_of([*terms, product((found[0], total))])


def _from_product(e: Any, k: int, total: Any) -> Any:
    powers = [_power_of(f, k) for f in e.args]
    exps = [j for j, f in enumerate(e.args) if type(f) is exp]
    hits = [j for j, p in enumerate(powers) if p is not None and p < 0]
    if not exps or not hits:
        return e
    merged = exp(sum_of((e.args[exps[0]].args[0], product((powers[hits[0]], total)))))
    return product(merged if j == exps[0] else f for j, f in enumerate(e.args) if j != hits[0])


def _shifted(composer: Any, x: Map, k: int, m: Map, axes: tuple) -> Node | None:
    """The same for sum(exp(u - max(u))), where the shift cancels in the result."""
    shift = _shift(m, axes)
    if shift is None:
        return None
    j, sign = shift
    a = x.operands[k]
    exponent = sum_of(t for t in m.spec.body.args[0].args if coefficient(t)[1] != (_slot(m, j),))
    plain = Map(m.spec.with_(body=exp(exponent)), *m.operands)
    kept = tuple(t for t in range(m.ndim) if t not in axes)
    reduce, index = _logsumexp(composer, a, plain, axes, kept)
    place = read_at(x.spec.indices[k], index)
    of_shift = tuple(None if t is None else place[kept.index(t)] for t in m.spec.indices[j])
    total, moved = Slot(len(x.operands)), Slot(len(x.operands) + 1)
    body = _unexp(x.spec.body, k, sum_of((total, moved if sign > 0 else negative(moved))))
    spec = x.spec.with_(body=body, indices=(*x.spec.indices, place, of_shift))
    new = composer.normal(Map(spec, *x.operands, reduce, m.operands[j]))
    return None if m.operands[j] in new.operands else new


def _slot(m: Map, j: int) -> Slot:
    return next(s for s in _slots(m.spec.body) if s.index == j)


def _slots(e: Any) -> list[Slot]:
    if isinstance(e, Slot):
        return [e]
    return [s for a in e.args for s in _slots(a)] if isinstance(e, Scalar) else []


def _shift(m: Map, axes: tuple) -> tuple[int, int] | None:
    """(operand, sign) of a term +-max(...) of the exponent that is constant along the sum."""
    exponent = m.spec.body.args[0]
    if type(exponent) is not Add:
        return None
    for t in exponent.args:
        number, rest = coefficient(t)
        if len(rest) == 1 and isinstance(rest[0], Slot) and number in (1, -1):
            j = rest[0].index
            a = m.operands[j]
            if (
                isinstance(a, Reduce)
                and a.spec.op == "max"
                and not set(axes) & set(m.spec.indices[j])
            ):
                return j, int(number)
    return None


# ---------------------------------------------------------------- sums that meet


def sums_meet(composer: Any, x: Map) -> Node | None:
    """sum(f) + sum(g) is sum(f + g), if something cancels or becomes stable by it."""
    if type(x.spec.body) is not Add:
        return None
    groups: dict[Any, list] = {}
    for t in x.spec.body.args:
        found = _summand(x, t)
        if found is not None:
            number, rest, k = found
            a = x.operands[k]
            key = (frozenset(rest), x.spec.indices[k], _space(a))
            groups.setdefault(key, []).append((number, rest, k, t))
    for members in groups.values():
        if len(members) > 1:
            new = _merge(composer, x, members)
            if new is not None:
                return new
    return None


def _space(a: Contract) -> tuple:
    """Extents of the result and of what is summed."""
    return a.dims, tuple(a.spec.sizes[t] for t in sorted(summed(a), key=_first(a)))


def _first(a: Contract) -> Any:
    order = {t: n for n, t in reversed(list(enumerate(t for i in a.spec.indices for t in i)))}
    return lambda t: order.get(t, len(order))


def _summand(x: Map, t: Any) -> tuple | None:
    """(number, cofactors, operand) of a term that is a multiple of a sum with a logarithm or
    exponential in it.
    """
    number, rest = coefficient(t)
    for j, f in enumerate(rest):
        if isinstance(f, Slot):
            a = x.operands[f.index]
            if (
                isinstance(a, Contract)
                and summed(a)
                and any(
                    isinstance(b, Map) and operations(b.spec.body) & LOGARITHMS for b in a.operands
                )
            ):
                return number, rest[:j] + rest[j + 1 :], f.index
    return None


def _merge(composer: Any, x: Map, members: list) -> Node | None:
    first = x.operands[members[0][2]]
    rank = len(first.dims)
    terms: list = []
    operands: list[Node] = []
    indices: list[tuple] = []
    for number, _, k, _ in members:
        a = x.operands[k]
        inner = sorted(summed(a), key=_first(a))
        place = {t: n for n, t in enumerate((*a.spec.out, *inner))}
        factors = []
        for b, labels in zip(a.operands, a.spec.indices, strict=True):
            factors.append(Slot(len(operands)))
            operands.append(b)
            indices.append(tuple(place[t] for t in labels))
        terms.append(product((number, *factors)))
    outer, inner_dims = _space(first)
    together = map_node(Add(*terms), tuple(indices), (*outer, *inner_dims), first.dtype, *operands)
    summand, fired = composer.map(together)
    if not fired - {"equal-bases", "across"}:
        return None
    every = tuple(range(summand.ndim))
    total = composer.normal(
        contract_node((every,), every[:rank], summand.dims, first.dtype, summand)
    )
    used = [t for *_, t in members]
    merged = product((*members[0][1], Slot(len(x.operands))))
    body = sum_of(
        merged if t is used[0] else t for t in x.spec.body.args if t is used[0] or t not in used
    )
    return _replace(composer, x, body, total, x.spec.indices[members[0][2]])


# ---------------------------------------------------------------- norms


def square_of_norm(composer: Any, x: Map) -> Node | None:
    """norm(x)**2 is the sum of the squares, which has a derivative everywhere."""
    for e in subexpressions(x.spec.body):
        if type(e) is not Pow or not isinstance(e.args[0], Slot):
            continue
        power, a = e.args[1], x.operands[e.args[0].index]
        if not (isinstance(a, Reduce) and a.spec.op == "norm" and a not in composer.shared):
            continue
        if not is_number(power) or not power.is_integer or power <= 0 or power % 2:
            continue
        (b,) = a.operands
        every = tuple(range(b.ndim))
        out = tuple(k for k in every if k not in a.spec.axes)
        squares = composer.normal(contract_node((every, every), out, b.dims, a.dtype, b, b))
        slot = Slot(len(x.operands), NONNEGATIVE)
        body = replace(x.spec.body, {e: slot if power == 2 else Pow(slot, power / 2)})
        return _replace(composer, x, body, squares, x.spec.indices[e.args[0].index])
    return None


SINGLE = (
    NodeRule(
        "same-reshape", "reshape(reshape(x))", "reshape(x)", same_reshape, source="definition"
    ),
    NodeRule("reversed-twice", "x[::-1][::-1]", "x", reversed_twice, source="definition"),
    NodeRule("layout-of-number", "reshape(c)", "c", layout_of_number, source="definition"),
)
ACROSS = (
    NodeRule(
        "logsumexp",
        "log(sum(exp(u))), exp(u)/sum(exp(u))",
        "logsumexp(u), exp(u - logsumexp(u))",
        softmax,
        source="Blanchard, Higham, Higham 2021",
    ),
    NodeRule("square-of-norm", "norm(x)**2", "sum(x**2)", square_of_norm, source="definition"),
    NodeRule("sums-meet", "sum(f) + sum(g)", "sum(f + g)", sums_meet),
)
