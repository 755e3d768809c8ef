"""Traversals: iterative, memoised by identity, linear in distinct nodes, at any depth."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .node import Derivative, Leaf, Node


def topological(roots: Iterable[Node], stop: Callable[[Node], bool] | None = None) -> list[Node]:
    """Every distinct node that the roots need, operands first, in the order of writing.

    stop   nodes for which it is true are listed, but what they need is not.
    """
    seen: set[Node] = set()
    order: list[Node] = []
    stack: list[tuple[Node, bool]] = [(r, False) for r in reversed(list(roots))]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if stop is None or not stop(node):
                stack.extend((a, False) for a in reversed(node.operands) if a not in seen)
    return order


def leaves(roots: Iterable[Node]) -> list[Leaf]:
    """The leaves that the roots need, in order of first appearance."""
    return [x for x in topological(roots) if isinstance(x, Leaf)]


def depends(roots: Iterable[Node], on: Iterable[Node]) -> set[Node]:
    """The nodes among what the roots need that depend on, or are, one of `on`."""
    found = set(on)
    for x in topological(roots):
        if x not in found and any(a in found for a in x.operands):
            found.add(x)
    return found


def rebuild(
    roots: Iterable[Node],
    build: Callable[[Node, tuple[Node, ...]], Node],
    memo: dict[Node, Node] | None = None,
) -> list[Node]:
    """Each root with `build(node, new operands)` applied to every node, operands first.

    memo   results that are known already (replacements); it is extended.
    """
    roots = list(roots)
    memo = {} if memo is None else memo
    for x in topological(roots, stop=lambda n: n in memo):
        if x not in memo:
            memo[x] = build(x, tuple(memo[a] for a in x.operands))
    return [memo[r] for r in roots]


def same_or_new(node: Node, operands: tuple[Node, ...]) -> Node:
    """The interned node with these operands."""
    if isinstance(node, Leaf):
        return node
    return type(node)(node.spec, *operands)


def replace(roots: Iterable[Node], mapping: dict[Node, Node]) -> list[Node]:
    """The roots, interned, with nodes replaced; a replacement is not searched again."""
    return rebuild(roots, same_or_new, dict(mapping))


def rewire(
    nodes: Iterable[Node], memo: dict[Node, Node], expand: Callable | None = None
) -> list[Node]:
    """The graph as written with nodes replaced; what does not change stays the same occurrence.

    memo     replacements; it is extended
    expand   what to do with a derivative whose operands are replaced already
    """
    nodes = list(nodes)
    for x in topological(nodes, stop=memo.__contains__):
        if x in memo:
            continue
        operands = tuple(memo[a] for a in x.operands)
        if isinstance(x, Derivative) and expand is not None:
            memo[x] = expand(x, operands)
        elif all(a is b for a, b in zip(operands, x.operands, strict=True)):
            memo[x] = x
        else:
            new = type(x).occur(x.spec, *operands, origin=x.origin, equalities=x.equalities)
            new.label, new.payload = x.label, x.payload
            if x.word is not None:
                new.word = x.word._replace(sources=tuple(memo.get(a, a) for a in x.word.sources))
            memo[x] = new
    return [memo[x] for x in nodes]
