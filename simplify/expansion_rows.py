"""Rows of `expand`: products over sums are multiplied out, in bodies and in sums of products."""

from __future__ import annotations

from typing import Any

from ..algebra.node import Contract, Map, Node
from ..algebra.scalar import Add, Mul, Pow, Slot, exp, is_number, log
from .contraction_rows import NodeRule
from .display_sums import split, terms_of
from .rule import Rule, Wild, positive, product, sum_of

MOST = 9  # the largest exponent that is multiplied out
TERMS = 200  # a product with more terms stays

a, b, c = Wild("a"), Wild("b"), Wild("c")
p, q = Wild("p", positive, like="positive"), Wild("q", positive, like="positive")
s0, s1, s2 = Slot(0), Slot(1), Slot(2)


def multiplied_out(x: Any) -> Any:
    """A product with a sum in it as a sum of products."""
    sums = [f for f in x.args if type(f) is Add]
    if not sums:
        return None
    count = 1
    for f in sums:
        count *= len(f.args)
    if count > TERMS:
        return None
    terms: list = [()]
    for f in x.args:
        more = f.args if type(f) is Add else (f,)
        terms = [(*t, u) for t in terms for u in more]
    return sum_of(product(t) for t in terms)


def power_multiplied_out(x: Any) -> Any:
    """(a + b)**n for a small whole n."""
    base, n = x.args
    if type(base) is not Add or not is_number(n) or not n.is_integer or not 2 <= n <= MOST:
        return None
    if len(base.args) ** int(n) > TERMS * 5:
        return None
    found: Any = base
    for _ in range(int(n) - 1):
        found = multiplied_out(Mul(found, base))
    return found


BODIES = (
    Rule("multiply-out", Mul(a, Add(b, c)), Add(Mul(a, b), Mul(a, c)), action=multiplied_out,
         witness=Mul(s0, Add(s1, s2)), source="distributive law", root="Mul"),
    Rule("power-of-sum", Pow(Add(a, b), 2), Add(Mul(a, a), Mul(2, a, b), Mul(b, b)),
         action=power_multiplied_out, witness=Pow(Add(s0, s1), 3), source="binomial theorem"),
    Rule("exp-of-sum", exp(Add(a, b)), Mul(exp(a), exp(b)), source="DLMF 4.2.33"),
    Rule("log-of-product", log(Mul(p, q)), Add(log(p), log(q)), source="DLMF 4.8.1"),
    Rule("log-of-power", log(Pow(p, q)), Mul(q, log(p)), source="DLMF 4.8.5"),
)  # fmt: skip


def distributed(composer: Any, x: Contract) -> Node | None:
    """sum_j f_j (g_j + h_j) is sum_j f_j g_j + sum_j f_j h_j."""
    for k, factor in enumerate(x.operands):
        if not (isinstance(factor, Map) and factor.dtype == x.dtype == factor.spec.compute):
            continue
        terms = terms_of(factor.spec.body)
        if len(terms) > 1:
            return split(composer, x, k, factor, terms)
    return None


CONTRACTION = (
    NodeRule("distribute", "sum_j f_j (g_j + h_j)", "sum_j f_j g_j + sum_j f_j h_j", distributed),
)
