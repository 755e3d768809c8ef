"""Softmax in formulas: z - logsumexp(z) reads log_softmax(z), its exponential softmax(z)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .factorgraph import Labelled, Unsayable, aligned
from .node import Map, Node, Reduce
from .normal_form import transpose
from .notation import Apply, Formula
from .scalar import MINUS_ONE, Slot, op
from .sums import left_of, total
from .view import View

WORDS = ("softmax", "log_softmax")


def is_softmax(e: Formula) -> bool:
    return isinstance(e, Apply) and e.word in WORDS


def log_softmax(
    x: Map,
    operands: list[Labelled],
    e,
    walk: Callable[..., Labelled],
    views: Mapping[Node, View],
    definitions: Mapping[Formula, Formula],
) -> Labelled | None:
    """A sum in the body of x less the logsumexp of some of its terms, else None.

    Parameters
    ----------
    operands : the formulas of the operands of x, with labels.
    walk : gives the formula of a subexpression (see `bodies`).
    views, definitions : what the nodes below x and the temporaries stand for.
    """
    for term in e.args if op(e) == "Add" else ():
        slot = _subtracted(x, term)
        if slot is None:
            continue
        lse = _stripped(x.operands[slot])
        if isinstance(lse, Map) and _negated(lse.spec.body):
            lse = lse.operands[lse.spec.body.args[1].index]
        if not (isinstance(lse, Reduce) and lse.spec.op == "logsumexp"):
            continue
        source, axes = views[lse.operands[0]], lse.spec.axes
        try:
            terms, labels = aligned([walk(a) for a in e.args if a is not term])
        except Unsayable:
            continue
        if len(labels) != len(source.axes) or not set(axes) <= set(source.axes):
            continue
        turned = [transpose(t) if t.rank == 2 else t for t in terms], labels[::-1]
        for found, order in ((terms, labels), turned)[: len(labels)]:
            kept = tuple(t for t, k in zip(order, source.axes, strict=True) if k not in axes)
            rest = _left_of(total(found), source.formula, definitions)
            if rest is not None and kept == operands[slot].labels:
                axis = tuple(p for p, k in enumerate(source.axes) if k in axes)
                several = axis if len(order) > 1 else None
                word = Apply("log_softmax", (source.formula,), len(order), several)
                return Labelled(total([word, *rest]), order)
    return None


def _subtracted(x: Map, term) -> int | None:
    """The operand of x that a term subtracts: the slot of -s_k, or of s_k that is itself -a."""
    if isinstance(term, Slot):
        a = _stripped(x.operands[term.index])
        return term.index if isinstance(a, Map) and _negated(a.spec.body) else None
    return term.args[1].index if _negated(term) else None


def _negated(e) -> bool:
    return (
        op(e) == "Mul"
        and len(e.args) == 2
        and e.args[0] == MINUS_ONE
        and isinstance(e.args[1], Slot)
    )


def _stripped(x: Node) -> Node:
    while isinstance(x, Map) and isinstance(x.spec.body, Slot):
        (x,) = x.operands
    return x


def _left_of(
    e: Formula, part: Formula, definitions: Mapping[Formula, Formula]
) -> tuple[Formula, ...] | None:
    """The terms of e without those of a part, which may stand for its definition."""
    found = left_of(e, part)
    return left_of(e, definitions.get(part, part)) if found is None else found
