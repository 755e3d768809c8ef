"""Rows of linear algebra: inverses and determinants of transposes and inverses, symmetric matrices,
systems instead of inverses, and what a textbook writes.

`CONTRACTION`, `CALLS` and `ACROSS` serve every form. `APPLIED` serves the compute form alone: an
inverse that is only applied becomes the solution of a system. What is `SHOWN` turns that around,
for a person reads inverses; more rows of that kind are in `display_linalg`.
"""

from __future__ import annotations

from typing import Any

import sympy

from ..algebra.node import (
    Call,
    CallSpec,
    Contract,
    Leaf,
    Map,
    Node,
    contract_node,
    map_node,
    number_node,
)
from ..algebra.scalar import MINUS_ONE, Mul, Pow, Slot, log, replace, subexpressions
from .contraction_rows import NodeRule, rebuild, summed, without
from .display_linalg import inverse_of_inverse, symmetric, symmetric_view

Labels = tuple[int, ...]
LONGEST = 4  # powers up to this are shown as products, which may cancel
CUTOFF = sympy.Rational(1, 10**15)  # of a pseudo-inverse: NumPy's default
# f(A') = f(A)', and f of a symmetric matrix is symmetric
EQUIVARIANT = ("inv", "pinv", "matrix_power", "expm")
INVARIANT = ("det", "logdet", "slogdet")  # f(A') = f(A)


def called(name: str, dtype: Any, dims: tuple, *operands: Node, params: tuple = ()) -> Call:
    return Call(CallSpec(name, params, 0, dims, dtype, False), *operands)


def is_call(x: Node, *names: str) -> bool:
    return isinstance(x, Call) and x.spec.routine in names


def turned(x: Node) -> Node:
    """The view with the last two axes exchanged."""
    index = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    dims = tuple(x.dims[k] for k in index)
    return map_node(Slot(0), (index,), dims, x.dtype, x)


def untransposed(x: Node) -> Node | None:
    """What x is the transpose of, as a view, in its last two axes."""
    if not (isinstance(x, Map) and isinstance(x.spec.body, Slot) and x.ndim > 1):
        return None
    index = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    (a,) = x.operands
    return a if x.spec.indices[0] == index and a.dtype == x.dtype else None


# ---------------------------------------------------------------- functions of one matrix


def of_transpose(composer: Any, x: Node) -> Node | None:
    """inv(A') is inv(A)', det(A') is det(A)."""
    if not is_call(x, *EQUIVARIANT, *INVARIANT):
        return None
    a = untransposed(x.operands[0])
    if a is None:
        return None
    if x.spec.routine in INVARIANT:
        return composer.normal(Call(x.spec, a))
    dims = (*x.dims[:-2], x.dims[-1], x.dims[-2])
    inner = Call(x.spec.with_(dims=dims), a, *x.operands[1:])
    return composer.normal(turned(composer.normal(inner)))


def inverse_of_orthogonal(composer: Any, x: Node) -> Node | None:
    a = x.operands[0] if is_call(x, "inv") else None
    if isinstance(a, Leaf) and "orthogonal" in a.spec.facts:
        return composer.normal(turned(a))
    return None


def of_inverse(composer: Any, x: Node) -> Node | None:
    """det(inv(A)) is 1/det(A), logdet(inv(A)) is -logdet(A)."""
    if not (is_call(x, "det", "logdet") and is_call(x.operands[0], "inv")):
        return None
    value = Call(x.spec, *x.operands[0].operands)
    body = Pow(Slot(0), -1) if x.spec.routine == "det" else Mul(MINUS_ONE, Slot(0))
    every = tuple(range(x.ndim))
    return composer.normal(map_node(body, (every,), x.dims, x.dtype, composer.normal(value)))


def log_of_det(composer: Any, x: Map) -> Node | None:
    """log(det(A)) is logdet(A), which does not overflow."""
    body = x.spec.body
    for e in subexpressions(body):
        a = x.operands[e.args[0].index] if type(e) is log and type(e.args[0]) is Slot else None
        if a is None or not is_call(a, "det"):
            continue
        new = Slot(len(x.operands))
        index = x.spec.indices[e.args[0].index]
        value = composer.normal(Call(a.spec.with_(routine="logdet"), *a.operands))
        spec = x.spec.with_(body=replace(body, {e: new}), indices=(*x.spec.indices, index))
        return composer.normal(Map(spec, *x.operands, value))
    return None


# ---------------------------------------------------------------- systems instead of inverses


def applied_inverse(composer: Any, x: Contract) -> Node | None:
    """inv(A) b is solve(A, b): no inverse is formed where it is only applied."""
    inverses = [k for k, a in enumerate(x.operands) if is_call(a, "inv")]
    choices = []
    for k in inverses:
        labels = x.spec.indices[k]
        for side in (-1, -2):
            found = _applied_to(x, k, labels, labels[side], labels[-3 - side])
            if found is not None:
                choices.append((len(found[1]), k, side, found))
    if not choices:
        return None
    _, k, side, (others, rest, lead) = min(choices, key=lambda c: c[:3])
    return _solved(composer, x, k, side, others, rest, lead)


def _applied_to(
    x: Contract, k: int, labels: Labels, gone: int, stays: int
) -> tuple[list[int], Labels, Labels] | None:
    """(operands with the summed label, at most one label that they have besides, batch)."""
    lead = labels[:-2]
    others = [j for j, i in enumerate(x.spec.indices) if j != k and gone in i]
    if gone not in summed(x) or gone == stays or not others or len(set(labels)) < len(labels):
        return None
    found = {t for j in others for t in x.spec.indices[j]} - {gone}
    rest = tuple(sorted(found - set(lead)))
    repeated = any(len(set(x.spec.indices[j])) < len(x.spec.indices[j]) for j in others)
    if len(rest) > 1 or not set(lead) <= found or repeated or x.dtype != x.operands[k].dtype:
        return None
    lone = x.operands[others[0]] if len(others) == 1 else None
    return None if lone is not None and is_call(lone, "inv") else (others, rest, lead)


def _solved(
    composer: Any, x: Contract, k: int, side: int, others: list[int], rest: Labels, lead: Labels
) -> Node:
    inverse, labels = x.operands[k], x.spec.indices[k]
    gone, stays = labels[side], labels[-3 - side]
    (a,) = inverse.operands
    matrix = a if side == -1 else composer.normal(turned(a))
    out = (*lead, gone, *rest)
    order = list(dict.fromkeys([*out, *(t for j in others for t in x.spec.indices[j])]))
    number = {t: n for n, t in enumerate(order)}
    right = contract_node(
        tuple(tuple(number[t] for t in x.spec.indices[j]) for j in others),
        tuple(number[t] for t in out),
        tuple(x.spec.sizes[t] for t in order),
        x.dtype,
        *(x.operands[j] for j in others),
    )
    value = composer.normal(right)
    if not rest:
        dims = (*value.dims, 1)
        value = composer.normal(
            map_node(Slot(0), (tuple(range(value.ndim)),), dims, x.dtype, value)
        )
    dims = (*(x.spec.sizes[t] for t in (*lead, stays)), value.dims[-1])
    solution: Node = composer.normal(called("solve", x.dtype, dims, matrix, value))
    sizes = list(x.spec.sizes)
    last = rest or (len(sizes),)
    sizes += [] if rest else [1]
    kept = [j for j in range(len(x.operands)) if j != k and j not in others]
    indices = [x.spec.indices[j] for j in kept]
    indices.insert(min(k, *others) if kept else 0, (*lead, stays, *last))
    operands = [x.operands[j] for j in kept]
    operands.insert(min(k, *others) if kept else 0, solution)
    return rebuild(x, indices, operands, sizes=sizes)


# ---------------------------------------------------------------- what a textbook writes


def shown_inverse(composer: Any, x: Node) -> Node | None:
    """solve(A, B) is read as the inverse of A times B."""
    if not is_call(x, "solve"):
        return None
    a, b = x.operands
    inverse = composer.normal(called("inv", x.dtype, a.dims, a))
    lead = tuple(range(x.ndim - 2))
    i, k, j = range(x.ndim - 2, x.ndim + 1)
    left = (*lead[len(lead) - a.ndim + 2 :], i, j)
    sizes = (*x.dims, x.dims[-2])
    indices = (left, (*lead, j, k))
    return composer.normal(
        contract_node(indices, (*lead, i, k), sizes, x.dtype, inverse, b, weak=x.spec.weak)
    )


def written_out(composer: Any, x: Node) -> Node | None:
    """A^n is a product: the printers show its factors as a power."""
    if not is_call(x, "matrix_power") or x.ndim != 2 or x.spec.params[0] > LONGEST:
        return None
    n = x.spec.params[0]
    indices = tuple((k, k + 1) for k in range(n))
    sizes = (x.dims[0],) * (n + 1)
    return composer.normal(contract_node(indices, (0, n), sizes, x.dtype, *x.operands * n))


def pseudo_inverse(composer: Any, x: Contract) -> Node | None:
    """P (P' P)^-1 is the transpose of the pseudo-inverse of P, (P P')^-1 P too."""
    for k, a in enumerate(x.operands):
        found = _gram(a.operands[0]) if is_call(a, "inv") and a.ndim == 2 else None
        if found is None or len(set(x.spec.indices[k])) < 2:
            continue
        p, side = found  # the Gram matrix is summed over this axis of p
        for j, b in enumerate(x.operands):
            for s in set(x.spec.indices[k]) & summed(x):
                labels = x.spec.indices[j]
                if b is not p or labels[1 - side] != s or labels[side] == s:
                    continue
                if sum(i.count(s) for i in x.spec.indices) != 2:
                    continue
                (stays,) = set(x.spec.indices[k]) - {s}
                dims = p.dims[::-1]
                cutoff = number_node(CUTOFF, (), x.dtype)
                value = composer.normal(called("pinv", x.dtype, dims, p, cutoff))
                ends = (stays, labels[side])
                indices, operands = without(x, k)
                j -= j > k
                indices[j], operands[j] = ends if side == 0 else ends[::-1], value
                return rebuild(x, indices, operands)
    return None


def _gram(a: Node) -> tuple[Node, int] | None:
    """(P, axis that is summed) of P' P or P P'."""
    if not (isinstance(a, Contract) and len(a.operands) == 2 and a.ndim == 2):
        return None
    (p, q), ((i, j), (k, m)) = (
        a.operands,
        (a.spec.indices if all(len(t) == 2 for t in a.spec.indices) else ((0, 0), (1, 1))),
    )
    if p is not q or len(summed(a)) != 1:
        return None
    (s,) = summed(a)
    if i == k == s and {j, m} == set(a.spec.out):
        return p, 0
    return (p, 1) if j == m == s and {i, k} == set(a.spec.out) else None


CONTRACTION = (
    NodeRule("symmetric", "A'", "A", symmetric, source="declared, or A is made of B and B'"),
)
CALLS = (
    NodeRule("inverse-of-inverse", "inv(inv(A))", "A", inverse_of_inverse, source="definition"),
    NodeRule("of-transpose", "inv(A')", "inv(A)'", of_transpose, source="Matrix Cookbook (3)"),
    NodeRule("inverse-of-orthogonal", "inv(Q)", "Q'", inverse_of_orthogonal, source="declared"),
    NodeRule("of-inverse", "logdet(inv(A))", "-logdet(A)", of_inverse, source="Cookbook (21)"),
)
ACROSS = (
    NodeRule("symmetric-view", "A'", "A", symmetric_view, source="as above"),
    NodeRule("log-of-determinant", "log(det(A))", "logdet(A)", log_of_det, source="definition"),
)
APPLIED = (
    NodeRule("applied-inverse", "inv(A) b", "solve(A, b)", applied_inverse, source="Higham 2002"),
)
SHOWN_CONTRACTION = (
    NodeRule("pseudo-inverse", "P (P'P)^-1", "pinv(P)'", pseudo_inverse, source="full rank"),
)
SHOWN_CALLS = (
    NodeRule("shown-inverse", "solve(A, B)", "inv(A) B", shown_inverse, source="definition"),
    NodeRule("written-out", "A^2", "A A", written_out, source="definition"),
)
