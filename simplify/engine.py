"""The rewriting engine for bodies: bottom-up, to a fixpoint, memoised by body.

Bodies are unique objects, so a memo keyed by the body is exact, and it is shared by every node with
the same pattern.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..algebra import scalar
from ..algebra.scalar import Scalar, Slot
from .match import match_root
from .rule import ADMITTED, Rule, Wild, fill, product, sum_of

LIMIT = 200  # rewrites in a row of one expression
MEMO = 100_000  # entries before a memo starts anew
NOTHING: frozenset[str] = frozenset()

_operations: dict[Any, frozenset[str]] = {}


def operations(e: Any) -> frozenset[str]:
    """Names of all operations in e."""
    if not isinstance(e, Scalar) or isinstance(e, Slot | Wild):
        return NOTHING
    found = _operations.get(e)
    if found is None:
        if len(_operations) > MEMO:
            _operations.clear()
        found = frozenset((scalar.op(e),)).union(*map(operations, e.args))
        _operations[e] = found
    return found


def _needed(pattern: Any) -> frozenset[str]:
    """Operations that a match must contain; a product may match without being one."""
    return operations(pattern) - {"Mul"}


class RuleSet:
    """Rows, filtered by soundness and indexed by root operation, with the memo of what they do."""

    def __init__(self, rules: Iterable[Rule], soundness: str = "real") -> None:
        self.rules = tuple(r for r in rules if r.soundness in ADMITTED[soundness])
        self.by_root: dict[str, list[tuple[Rule, frozenset[str]]]] = {}
        for rule in self.rules:
            needs = NOTHING if rule.action else _needed(rule.left)
            self.by_root.setdefault(rule.operation, []).append((rule, needs))
        self.trivial = frozenset(r.name for r in self.rules if r.trivial)
        self._memo: dict[Any, tuple[Any, frozenset[str]]] = {}

    def normal(self, e: Any, trace: list | None = None) -> tuple[Any, frozenset[str]]:
        """The fixpoint of e and the names of the rows that led there."""
        if not isinstance(e, Scalar) or isinstance(e, Slot):
            return e, NOTHING
        if len(self._memo) > MEMO:
            self._memo.clear()
        return self._normal(e, (), {} if trace is not None else self._memo, trace)

    def _normal(self, e: Any, chain: tuple[str, ...], memo: dict, trace: list | None):
        if not isinstance(e, Scalar) or isinstance(e, Slot):
            return e, NOTHING
        found = memo.get(e)
        if found is not None:
            return found
        args, fired = [], NOTHING
        for a in e.args:
            new, names = self._normal(a, (), memo, trace)
            args.append(new)
            fired |= names
        same = all(a is b for a, b in zip(args, e.args, strict=True))
        done = e if same else type(e)(*args)
        step = self._step(done)
        if step is not None:
            rule, new = step
            assert len(chain) < LIMIT, f"rows undo each other: {', '.join(sorted(set(chain)))}"
            if trace is not None:
                trace.append((rule, done, new))
            done, names = self._normal(new, (*chain, rule.name), memo, trace)
            fired |= names | {rule.name}
        memo[e] = done, fired
        memo.setdefault(done, (done, NOTHING))
        return done, fired

    def _step(self, e: Any) -> tuple[Rule, Any] | None:
        rows = self.by_root.get(scalar.op(e))
        if rows:
            present = operations(e)
            for rule, needs in rows:
                if needs <= present:
                    new = apply(rule, e)
                    if new is not None and new is not e:
                        return rule, new
        return None


def apply(rule: Rule, e: Any) -> Any:
    """What one row makes of e at its root, or None."""
    if rule.action:
        return rule.action(e)
    for bound, used in match_root(rule.left, e):
        if rule.condition is None or rule.condition(**{w.name: v for w, v in bound.items()}):
            new = fill(rule.right, bound)
            return new if used is None else _put(e, used, new)
    return None


def _put(e: Any, used: tuple, new: Any) -> Any:
    """e with the used terms replaced by `new`, at the place of the first of them."""
    first = min(used)
    terms = [new if k == first else a for k, a in enumerate(e.args) if k == first or k not in used]
    return sum_of(terms) if isinstance(e, scalar.Add) else product(terms)


def rewrite(body: Any, rules: RuleSet, trace: list | None = None) -> Any:
    """The body, rewritten to a fixpoint of the rules.

    trace   a list that receives (rule, before, after) for every rewrite, in order

    Raises AssertionError, naming the rows, if rows undo each other.
    """
    return rules.normal(body, trace)[0]
