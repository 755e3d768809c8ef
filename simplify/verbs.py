"""Words that rewrite a tensor as its user asks: `simplify`, `expand`, `factor`, `collect`,
`substitute`.

The result means the same as what was given, also at kinks, and can be used like any other tensor.
Formulas show what `expand`, `factor` and `collect` give as it is, not in display form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..algebra import build
from ..algebra.dims import show_shape, unify
from ..algebra.display_request import SHOWN_AS_IT_IS, node_to_show
from ..algebra.errors import ExpressionError, ShapeError
from ..algebra.graph import topological
from ..algebra.node import Derivative, Leaf, Map, Node
from ..algebra.origin import here
from ..algebra.scalar import Add, Mul, Pow, Slot, is_number
from ..algebra.tensor import Tensor, as_tensor
from . import display_nodes, expansion_rows
from .arithmetic import ARITHMETIC, coefficient
from .compose import Composer
from .derive import expand_gradients, rewire
from .display import Displayer, display_form, parameters_as_numbers
from .engine import RuleSet
from .passes import compute_form
from .rule import product, sum_of
from .scalar_rows import ELEMENTARY


def simplify(tensor: Any) -> Tensor:
    """The expression that is least to read, as `latex` shows it (docs/design.md, reading cost).

    Parameters
    ----------
    tensor : also with derivatives in it, which are expanded.

    Returns
    -------
    A tensor of the same shape and dtype, equal to the given one wherever that is defined.

    Raises
    ------
    ExpressionError for what is no tensor.

    >>> import closedform as cf
    >>> x, y = cf.scalar("x"), cf.scalar("y")
    >>> cf.pp(cf.simplify(x * y + x * cf.exp(y) - x * y), "ascii")
    'x*exp(y)'
    """
    return _handle(display_form(node_to_show("simplify", tensor), kinks=True))


class Expander(Composer):
    """The traversal that multiplies out."""

    def __init__(self) -> None:
        rules = RuleSet((*ARITHMETIC, *ELEMENTARY, *expansion_rows.BODIES))
        super().__init__("real", rules, across=False)
        self.contraction_rows = [*self.contraction_rows, *expansion_rows.CONTRACTION]


def expand(tensor: Any) -> Tensor:
    """Products over sums multiplied out, elementwise and in products of matrices.

    Powers of sums up to the ninth, exponentials of sums, and logarithms of products of what is
    positive are expanded, too. A product of more than 200 terms stays.

    >>> import closedform as cf
    >>> A, B, x = cf.matrix("A", shape=("n", "n")), cf.matrix("B", shape=("n", "n")), cf.vector(
    ...     "x", shape="n")
    >>> cf.pp(cf.expand((A + B) @ x), "ascii")
    'A @ x + B @ x'
    """
    node = node_to_show("expand", tensor)
    return _as_asked(expanded(node))


def expanded(node: Node) -> Node:
    start = compute_form([node], parameters_as_numbers([node])).outputs
    (found,) = Expander().run(start)
    return found


def factor(tensor: Any) -> Tensor:
    """What all terms of a sum have in common, in front of it: scalars, elementwise factors, and
    matrices at either end of products.

    >>> import closedform as cf
    >>> A, B, C = (cf.matrix(n, shape=("n", "n")) for n in "ABC")
    >>> cf.pp(cf.factor(A @ B + A @ C), "ascii")
    'A @ (B + C)'
    """
    node = node_to_show("factor", tensor)
    start = compute_form([node], parameters_as_numbers([node])).outputs
    worker = Displayer(kinks=True)
    worker.contraction_rows = [
        r for r in worker.contraction_rows if r not in display_nodes.SPLITTING
    ]
    return _as_asked(worker.run(start)[0])


def collect(tensor: Any, by: Any) -> Tensor:
    """A sum ordered by powers of one of its variables: the factors of each power in one place.

    Parameters
    ----------
    by : a tensor that the expression is made of. Products of matrices are collected by their
        first or last factor.

    Raises
    ------
    ExpressionError if the expression is not made of it.

    >>> import closedform as cf
    >>> x, a, b = cf.scalar("x"), cf.scalar("a"), cf.scalar("b")
    >>> cf.pp(cf.collect(x * (a + x) + b * x, x), "ascii")
    '(a + b)*x + x**2'
    """
    node, variable = node_to_show("collect", tensor), node_to_show("collect", by)
    if variable not in topological([node]):
        raise ExpressionError(
            f"collect by {build.describe(variable)}, which the expression is not made of",
            where=here(),
            fix="give one of its variables or intermediates",
        )
    together = compute_form([node, variable], parameters_as_numbers([node])).outputs
    expanded, target = Expander().run(together)
    if isinstance(expanded, Map) and type(expanded.spec.body) is Add:
        elementwise = _by_powers(expanded, target)
        if elementwise is not None:
            return _as_asked(elementwise)
    worker = Displayer(kinks=True)
    worker.across_rows = tuple(r for r in worker.across_rows if r.name == "joined-sums")
    worker.contraction_rows = [
        r for r in worker.contraction_rows if r not in display_nodes.SPLITTING
    ]
    worker.joins = target
    return _as_asked(worker.run([expanded])[0])


def _by_powers(x: Map, target: Node) -> Node | None:
    """The sum with one term per power of the operand, ascending; None if it does not occur."""
    groups: dict[Any, list[Any]] = {}
    base: Any = None
    for term in x.spec.body.args:
        number, rest = coefficient(term)
        power, others = 0, []
        for f in rest:
            root, k = f.args if type(f) is Pow and is_number(f.args[1]) else (f, 1)
            if isinstance(root, Slot) and x.operands[root.index] is target:
                power, base = power + k, root
            else:
                others.append(f)
        groups.setdefault(power, []).append(product((number, *others)))
    if base is None:
        return None
    terms = [_times(sum_of(groups[k]), base, k) for k in sorted(groups)]
    return Map(x.spec.with_(body=sum_of(terms)), *x.operands)


def _times(factors: Any, base: Any, k: Any) -> Any:
    if k == 0:
        return factors
    power = base if k == 1 else Pow(base, k)
    return power if is_number(factors) and factors == 1 else Mul(factors, power)


def substitute(tensor: Any, replacements: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> Tensor:
    """The expression with tensors in it replaced, all at once.

    Derivatives are taken before: what replaces a variable is where they are evaluated.

    Parameters
    ----------
    replacements : from tensors of the expression, variables or intermediates, to tensors, numbers
        or arrays of the same shape.

    Raises
    ------
    ShapeError for another shape, ExpressionError for a tensor that the expression is not made of.

    >>> import closedform as cf
    >>> x, y = cf.scalar("x"), cf.scalar("y")
    >>> cf.pp(cf.substitute(cf.grad(x**3, x), {x: y + 1}), "ascii")
    '3*(y + 1)**2'
    """
    node = node_to_show("substitute", tensor)
    pairs = replacements.items() if isinstance(replacements, Mapping) else replacements
    order = topological([node])
    memo: dict[Node, Node] = {}
    for old, new in pairs:
        source, target = node_to_show("substitute", old), as_tensor(new).node
        if source not in order:
            raise ExpressionError(
                f"substitute for {build.describe(source)}, which the expression is not made of",
                where=here(),
                fix="give its variables or intermediates",
            )
        memo[source] = _fitting(source, target)
    if any(isinstance(x, Derivative) for x in order):
        (node,) = expand_gradients([node])
    return Tensor(rewire([node], memo)[0])


def _fitting(source: Node, target: Node) -> Node:
    """What replaces a node, converted to its dtype."""
    pairs = list(zip(source.dims, target.dims, strict=False))
    same = len(source.dims) == len(target.dims)
    if not same or any(unify([a, b]) is None for a, b in pairs):
        raise ShapeError(
            f"{build.describe(source)} with shape {show_shape(source.dims)} replaced by one with "
            f"shape {show_shape(target.dims)}",
            where=here(),
            fix="give a replacement of the same shape",
        )
    return target if source.dtype == target.dtype else build.cast(target, source.dtype)


def _handle(node: Node) -> Tensor:
    """A handle on an occurrence of its own, so that a name given to it is given to nothing else."""
    return Tensor(node if isinstance(node, Leaf) else type(node).occur(node.spec, *node.operands))


def _as_asked(node: Node) -> Tensor:
    """The same, which formulas show as it is."""
    result = _handle(node)
    SHOWN_AS_IT_IS.add(result.node)
    return result
