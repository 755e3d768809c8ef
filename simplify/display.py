"""Display form, and the steps that lead from a cost to its gradient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sympy

from ..algebra.graph import topological
from ..algebra.node import Gradient, GradientSpec, Leaf, Map, Node, cut_leaf, number_node
from ..algebra.pullback import accumulate
from . import display_nodes, display_sums, matrix_rows
from .compose import Composer
from .derive import derive, rewire
from .engine import RuleSet
from .intern import Interner, unify
from .naming import named_nodes, with_names
from .passes import compute_form
from .rows import derived_rules, display_rules, floating_rules, stage_rules
from .rule import ALMOST


def parameters_as_numbers(nodes: Sequence[Node]) -> dict[Node, Node]:
    """Replacements that turn every float literal into the exact decimal that was typed."""
    return {
        x: number_node(
            sympy.Rational(x.spec.value.numerator, x.spec.value.denominator),
            (),
            x.dtype,
            weak=x.weak,
        )
        for x in topological(nodes)
        if isinstance(x, Leaf) and x.spec.kind == "parameter"
    }


class Displayer(Composer):
    """The traversal of the display form: rows that a textbook would apply to the compute form.

    kinks   whether the formula says what holds at kinks, or only between them (semantics 8.2)
    """

    def __init__(self, kinks: bool = False, weighs: bool = True) -> None:
        rules = display_rules("real" if kinks else "display")
        super().__init__("real", rules)
        certain = display_nodes.CONTRACTION, display_nodes.ACROSS
        weighed = (display_nodes.SPLITTING, display_nodes.JOINING) if weighs else ((), ())
        common = [r for r in self.contraction_rows if r not in matrix_rows.APPLIED]
        shown = matrix_rows.SHOWN_CONTRACTION
        self.contraction_rows = [*common, *certain[0], *shown, *weighed[0]]
        self.single_rows = (*self.single_rows, *display_nodes.SINGLE)
        self.call_rows = (*self.call_rows, *display_nodes.CALLS, *matrix_rows.SHOWN_CALLS)
        across = (*certain[1], *weighed[1], *self.across_rows)
        self.across_rows = tuple(r for r in across if not (kinks and r.soundness == ALMOST))
        # where a rewriting is tried out: what is weighed there is not weighed again
        self.scratch = Displayer(kinks, False) if weighs else self
        self.scratch.shared, self.scratch.compared = self.shared, self.compared
        self.sums: Counter = Counter()
        self.joins: Node | None = None  # what sums are joined by; None for anything

    def map(self, x: Map) -> tuple[Node, frozenset[str]]:
        """As in every form; of whole numbers, too, what extents decide."""
        found, fired = super().map(x)
        if isinstance(found, Map) and found.spec.compute.kind in "iu":
            for row in display_nodes.WHOLE:
                new = row.action(self, found)
                if new is not None:
                    self.fired[row.name] += 1
                    return new, fired | {"across"}
        return found, fired

    def run(self, outputs: Iterable[Node]) -> list[Node]:
        outputs = list(outputs)
        self.sums = self.scratch.sums = display_sums.sums_of(outputs)
        return super().run(outputs)


def display_forms(nodes: Sequence[Node], kinks: bool = False) -> list[Node]:
    """The nodes as a person would read them: derivatives expanded, stable, decimals multiplied out
    exactly, sums split and joined for the least reading cost (`reading`).

    Parameters
    ----------
    kinks : keep what semantics 8.2 says of points where a derivative has a kink; else the formula
        holds between kinks, as in a textbook.
    """
    rules = None if kinks else derived_rules()
    stable = compute_form(nodes, parameters_as_numbers(nodes), rules=rules).outputs
    return Displayer(kinks).run(stable)


def display_form(node: Node, kinks: bool = False, names: bool = False) -> Node:
    """One node as a person would read it; see `display_forms`.

    Parameters
    ----------
    names : keep intermediates that have a name, as occurrences with that label.
    """
    (found,) = display_forms([node], kinks)
    named = named_nodes([node]) if names else []
    if not named:
        return found
    # together with the node, so that extents have the same representatives
    _, *forms = display_forms([node, *named], kinks)
    return with_names([found], [str(x.label) for x in named], forms)[0]


@dataclass(frozen=True)
class Step:
    """One line of a derivation."""

    name: str
    explanation: str
    node: Node


_STAGES = (
    ("collect", "flatten, fold numbers, collect like terms"),
    ("exp and log", "cancel exponentials and logarithms"),
    ("stable", "replace spellings that lose digits or overflow"),
)


def steps(cost: Node, wrt: Node) -> list[Step]:
    """From a cost as written to the display form of its gradient, in ten lines at most: the cost
    until it is stable, its derivative as the pull-backs leave it, and what clean-up makes of that.
    """
    spec = GradientSpec(0, 1, cost.dims + wrt.dims, wrt.dtype, False)
    gradient = Gradient.occur(spec, cost, wrt)
    numbers = parameters_as_numbers([cost])
    interner = Interner(unify([gradient]))
    found = [Step("as written", "the cost, with nothing evaluated", interner.image(cost))]
    variable = wrt
    if not isinstance(wrt, Leaf):
        variable = cut_leaf(interner.image(wrt))
        variable.label = wrt.label
        (cost,) = rewire([cost], {wrt: variable})
        text = "what is differentiated by stands as a variable"
        found.append(Step("cut", text, interner.image(cost)))
    (cost,) = rewire([cost], dict(numbers))
    found += _stages("cost", cost, interner)
    (raw,) = accumulate(found[-1].node, [interner.image(variable)])
    found.append(Step("derive", "pull back through every operation of the stable cost", raw))
    found += _stages("gradient", raw, interner)
    found.append(Step("gradient", "what cf.grad shows", display_form(gradient)))
    return found


def _stages(what: str, node: Node, interner: Interner) -> Iterator[Step]:
    """The node after each stage of rows, each from the start."""
    for k, (name, text) in enumerate(_STAGES):
        rules: RuleSet = stage_rules(k) if k < len(_STAGES) - 1 else floating_rules()
        nodes, fired = derive([node], interner, "real", rules)
        composer = Composer("real", rules)
        (new,) = composer.run(interner.run(nodes))
        names = ", ".join(sorted({*fired, *composer.fired}))
        yield Step(f"{what}: {name}", f"{text}: {names}" if names else text, new)
