"""Display form, and the steps that lead from a cost to its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy

from ..algebra.graph import topological
from ..algebra.node import Gradient, GradientSpec, Leaf, Node, number_node
from .engine import RuleSet
from .passes import compute_form
from .rows import floating_rules, stage_rules


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


def display_forms(nodes: Sequence[Node]) -> list[Node]:
    """The nodes as a person would read them: derivatives expanded, stable, decimals multiplied out
    exactly.
    """
    return list(compute_form(nodes, parameters_as_numbers(nodes)).outputs)


def display_form(node: Node) -> Node:
    """One node as a person would read it."""
    return display_forms([node])[0]


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
    """From a cost as written to its gradient: the expression after each stage that changed it, ten
    lines at most.
    """
    found = [Step("as written", "the cost, with nothing evaluated", cost)]
    _stages(found, cost, "cost")
    spec = GradientSpec(0, 1, cost.dims + wrt.dims, wrt.dtype, False)
    gradient = Gradient.occur(spec, cost, wrt)
    found.append(Step("derive", "differentiate the stable cost in reverse", gradient))
    _stages(found, gradient, "gradient")
    return found[:10]


def _stages(found: list[Step], node: Node, what: str) -> None:
    numbers = parameters_as_numbers([node])
    last: Node | None = None
    for k, (name, text) in enumerate(_STAGES):
        rules: RuleSet = stage_rules(k) if k < len(_STAGES) - 1 else floating_rules()
        result = compute_form([node], numbers, rules=rules)
        new = result.outputs[0]
        if new is not last:
            names = ", ".join(dict.fromkeys(result.report.fired))
            found.append(Step(f"{what}: {name}", f"{text}: {names}" if names else text, new))
        last = new
