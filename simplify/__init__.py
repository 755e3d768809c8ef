"""The same meaning, cheaper, safer and more readable: rules as rows, passes in order.

Reading order:

rule.py              the rule row and pattern variables
match.py             matching, in any order for sums and products
engine.py            rewriting to a fixpoint, memoised by body
arithmetic.py        rows of arithmetic, which are functions
scalar_rows.py       rows of elementary functions
stable_rows.py       rows that keep digits: sigmoid, softplus, expm1, log1p
special_rows.py      rows that keep digits, with special functions: logcosh, hypot, erfc
rows.py              the rule sets
island.py            composed bodies, fused and memoised by pattern
contraction_rows.py  rows of sums of products
node_rows.py         rows across kinds: logsumexp, sums that meet
matrix_rows.py       rows of linear algebra: inverses, determinants, symmetry
compose.py           the traversal that applies all of these
intern.py            occurrences become unique nodes
derive.py            gradients are expanded
passes.py            the order of everything, and the report
reading.py           the reading cost
display_rows.py      scalar rows of the display form
display_choices.py   scalar rows of the display form for choices: what their tests say
factors.py           parts of bodies and of sums of products as nodes
display_sums.py      rows of the display form that split and join sums
display_linalg.py    rows of the display form about symmetric matrices, inverses, determinants
extent_rows.py       rows of the display form about extents and means
display_products.py  row of the display form about the derivative of a product
display_nodes.py     rows over nodes of the display form: softmax, declared structure, slices
display.py           the form to read, and the steps towards it
naming.py            names of intermediates, found again in a display form
expansion_rows.py    rows that multiply out
structure.py         the structure of Hessians: diagonal, products, Kronecker products
verbs.py             simplify, expand, factor, collect, substitute
index_terms.py       canonical form: terms in index notation, and when they are the same
index_form.py        canonical form: from nodes to terms
proof.py             proofs of equality
"""

from __future__ import annotations

import sys as _sys
import types as _types
from typing import Any as _Any

if __name__ != "closedform.simplify":
    raise ImportError("this folder is a part of closedform: write 'import closedform.simplify'")


class _Folder(_types.ModuleType):
    """This folder has the name of its first verb: `closedform.simplify(t)` calls it."""

    def __call__(self, tensor: _Any) -> _Any:
        from .verbs import simplify

        return simplify(tensor)


_sys.modules[__name__].__class__ = _Folder
