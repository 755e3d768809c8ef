"""A graph as a formula: nodes in display form become `notation`.

Every node is read once, operands first. Its `View` is a formula and the axes of the node along
which the formula runs, so that transposition and broadcasting cost nothing until they are written.
What matrix notation cannot say is written with indices. A formula that is long, or long and used
twice, becomes a temporary under "where".
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from . import routine_notation
from .abbreviation import abbreviated
from .bodies import body_formula
from .dims import Extent
from .dims import product as merged
from .display_request import SHOWN_AS_IT_IS
from .factorgraph import Labelled, Unsayable, contraction
from .graph import topological
from .names import Names, Spell, is_variable
from .node import (
    Call,
    Contract,
    Gather,
    Gradient,
    Join,
    Layout,
    Leaf,
    Map,
    Mark,
    Node,
    Reduce,
    Tangent,
)
from .normal_form import chain, parts, product, symmetric, transpose
from .notation import (
    ZERO,
    Apply,
    Document,
    Entries,
    Formula,
    Identity,
    Index,
    IndexSum,
    Kronecker,
    Literal,
    Number,
    Ones,
    Slice,
    Temporary,
    Unit,
    children,
    rewrite,
    size,
)
from .routines import ROUTINES
from .softmax_notation import is_softmax, log_softmax
from .subscripts import slice_items
from .triangle_notation import triangle
from .view import View, constant, entry, full, narrow, squeezed, whole
from .wrapping import unwrapped

SHARED_SIZE = 12  # a formula of this size that is used twice is named
LONG_SIZE = 60  # a formula of this size is named
WRITTEN_OUT = 8  # elements of an unnamed constant that is written out
DIAG_SIZE = 8  # a longer argument of diag is named


def common_names(nodes: Iterable[Node], spell: Spell) -> Names:
    """Names of variables and extents for formulas that are read together, the first one first."""
    names = Names(spell)
    for node in nodes:
        _Transcriber(node, names, False).document()
        names.forget_temporaries()
    return names


def transcribe(
    node: Node,
    spell: Spell,
    keep_names: bool = False,
    common: Names | None = None,
    as_typed: bool = False,
) -> Document:
    """The formula of a node in display form.

    Parameters
    ----------
    spell : how the printer writes symbols; decides which names clash.
    keep_names : show intermediates that have a name by it, and define them under "where".
    common : names that are given already; default: the node's own.
    as_typed : what terms of a sum have in common stays in each of them.
    """
    names = common.copy() if common else Names(spell)
    return _Transcriber(node, names, keep_names, as_typed).document()


class _Transcriber:
    def __init__(self, node: Node, names: Names, keep_names: bool, as_typed: bool = False) -> None:
        self.node, self.keep_names = node, keep_names
        self.as_typed = as_typed or node in SHOWN_AS_IT_IS
        self.shortened: set[Formula] = set()
        self.order = topological([node])
        self.names = names
        self.names.claim(x for x in self.order if is_variable(x))
        self.uses = Counter(a for x in self.order for a in x.operands)
        self.views: dict[Node, View] = {}
        self.definitions: dict[Formula, Formula] = {}
        self.known: dict[Formula, Temporary] = {}
        self.keys = itertools.count()

    def document(self) -> Document:
        for x in self.order:
            view = self._read(x)
            self.views[x] = view if x is self.node else self._cut(x, view)
        main = whole(self.views[self.node], self.node.dims)
        wanted = {t: self.definitions[t] for t in _needed(main, self.definitions)}
        main, self.definitions = abbreviated(main, wanted, self._new_name, self._keeps)
        needed = list(self.definitions)
        rename = self.names.temporaries(t for t in needed if isinstance(t, Temporary))
        finish = lambda e: rewrite(e, lambda t: rename.get(t) if isinstance(t, Temporary) else None)  # noqa: E731
        pairs = tuple((finish(t), finish(self.definitions[t])) for t in needed)
        return Document(finish(main), pairs, frozenset(self.names.used))

    def _read(self, x: Node) -> View:
        try:
            return narrow(ROWS[type(x)](self, x), x.dims)
        except Unsayable:
            return narrow(self._indexed(x), x.dims)

    # ------------------------------------------------------------ temporaries
    def _cut(self, x: Node, view: View) -> View:
        """The view, or a name for it."""
        if self.keep_names and x.label and not isinstance(x, Leaf):
            value = whole(view, x.dims)
            symbol = replace(self.names.variable(x), symmetric=symmetric(value))
            self.definitions[symbol] = value
            return View(symbol, tuple(range(x.ndim)))
        length = size(view.formula)
        if length >= LONG_SIZE or (length >= SHARED_SIZE and self.uses[x] > 1):
            return View(self.temporary(view.formula), view.axes)
        return view

    def _keeps(self, e: Formula) -> bool:
        """Whether a formula has a name wherever it stands."""
        return size(e) >= LONG_SIZE or e in self.shortened

    def _new_name(self, e: Formula) -> Temporary:
        return Temporary(next(self.keys), e.rank, symmetric(e))

    def temporary(self, e: Formula) -> Temporary:
        """A name for a formula; equal formulas have one name."""
        if e not in self.known:
            self.known[e] = self._new_name(e)
            self.definitions[self.known[e]] = e
        return self.known[e]

    def shorten(self, e: Formula) -> Formula:
        if size(e) <= DIAG_SIZE:
            return e
        self.shortened.add(e)
        return self.temporary(e)

    # ------------------------------------------------------------ one row per kind
    def _leaf(self, x: Leaf) -> View:
        kind = x.spec.kind
        if kind == "parameter":
            return View(Number(x.spec.value))
        if kind == "dim":
            return View(self.names.extent(x.spec.value))
        if kind == "iota":
            return View(Apply("arange", (self.names.extent(x.spec.value),), 1), (0,))
        if kind == "delta":
            return View(Identity(), (0, 1))
        if kind == "constant" and x.ndim == 0 and not x.label:
            return View(constant(x.payload))
        if kind == "constant" and not x.label and 0 < x.payload.size <= WRITTEN_OUT and x.ndim <= 2:
            return View(Literal(_numbers(x.payload.tolist()), x.ndim), tuple(range(x.ndim)))
        return squeezed(self.names.variable(x), x.dims)

    def _operands(self, x: Node, indices: Sequence[Sequence]) -> list[Labelled]:
        views = [self.views[a] for a in x.operands]
        return [
            Labelled(v.formula, tuple(i[k] for k in v.axes))
            for v, i in zip(views, indices, strict=True)
        ]

    def _map(self, x: Map) -> View:
        operands = self._operands(x, x.spec.indices)
        special = self._special(x, operands)
        found = body_formula(x.spec.body, operands, self.shorten, special, self.as_typed)
        return View(found.formula, found.labels)

    def _special(self, x: Map, operands: list[Labelled]) -> Callable:
        """What reads the words that several primitives make together."""

        def special(e, walk) -> Labelled | None:
            found = log_softmax(x, operands, e, walk, self.views, self.definitions)
            return found or triangle(x, e, walk)

        return special

    def _contract(self, x: Contract) -> View:
        spec = x.spec
        wide = [t for t, d in enumerate(spec.sizes) if d != 1]
        extents = {t: self.names.extent(spec.sizes[t]) for t in wide}
        out = tuple(t for t in spec.out if t in extents)
        operands = self._operands(x, spec.indices)
        used = set().union(*(o.labels for o in operands), (t for t in extents if t not in out))
        shown = tuple(t for t in out if t in used)
        formula = contraction(
            operands, shown, {t: e for t, e in extents.items() if t in used}, self.shorten
        )
        return View(formula, tuple(spec.out.index(t) for t in shown))

    def _reduce(self, x: Reduce) -> View:
        (a,), spec = x.operands, x.spec
        view = self.views[a]
        if not set(spec.axes) <= set(view.axes):
            view = full(view, a.dims)
        axis = tuple(p for p, k in enumerate(view.axes) if k in spec.axes)
        rest = [k for k in view.axes if k not in spec.axes]
        word = {"max": "amax", "min": "amin"}.get(spec.op, spec.op)
        formula = Apply(word, (view.formula,), len(rest), axis if rest else None)
        left = [k for k in range(a.ndim) if k not in spec.axes]
        return View(formula, tuple(left.index(k) for k in rest))

    def _layout(self, x: Layout) -> View:
        (a,), spec = x.operands, x.spec
        if spec.op == "reshape" and a.ndim == 4 and x.ndim == 2:
            found = _kronecker(self.views[a], a.dims, x.dims)
            if found is not None:
                return View(found, (0, 1))
        view = full(self.views[a], a.dims)
        if spec.op == "reshape":
            return self._reshape(x, view, a.dims)
        inner, outer = (a, x) if spec.op == "slice" else (x, a)
        items = slice_items(spec.params, inner.dims, outer.dims)
        if view.axes != tuple(range(a.ndim)):
            raise Unsayable
        if spec.op == "embed" and not a.ndim and x.ndim == 1:
            return View(product([view.formula], Unit(items[0])), (0,))
        formula = Slice(view.formula, items, x.ndim, padded=spec.op == "embed")
        return View(formula, tuple(range(x.ndim)))

    def _reshape(self, x: Layout, view: View, old: tuple[Extent, ...]) -> View:
        wide = [k for k, d in enumerate(x.dims) if d != 1]
        before = [k for k, d in enumerate(old) if d != 1 or k in view.axes]
        if [x.dims[k] for k in wide] == [old[k] for k in before]:
            return View(view.formula, tuple(wide[before.index(k)] for k in view.axes))
        if list(view.axes) != before:
            raise Unsayable
        shape = Apply("", tuple(self.names.extent(d) for d in x.dims), 0)
        return View(Apply("reshape", (view.formula, shape), x.ndim), tuple(range(x.ndim)))

    def _applied(self, x: Node, word: str, axis: tuple[int, ...] | None = None) -> View:
        """A function of whole arrays."""
        args = tuple(whole(self.views[a], a.dims) for a in x.operands)
        wide = tuple(k for k, d in enumerate(x.dims) if d != 1)
        return View(Apply(word, args, len(wide), axis), wide)

    def _join(self, x: Join) -> View:
        views = [self.views[a] for a in x.operands]
        for a, v in zip(x.operands, views, strict=True):
            if v.formula != ZERO and a.ndim <= 2:  # a block of zeros is a 0
                self.views[a] = full(v, a.dims)
        found = self._applied(x, "concatenate", (x.spec.axis,))
        self.views.update(zip(x.operands, views, strict=True))
        return found

    def _gather(self, x: Gather) -> View:
        operands = [x.operands[0], *map(unwrapped, x.operands[1:])]
        array, *positions = (whole(self.views[a], a.dims) for a in operands)
        rest = iter(positions)
        items = tuple(next(rest) if k is None else ":" for k in x.spec.along)
        wide = tuple(k for k, d in enumerate(x.dims) if d != 1)
        return View(Slice(array, items, len(wide)), wide)

    def _call(self, x: Call) -> View:
        args = tuple(whole(self.views[a], a.dims) for a in map(unwrapped, x.operands))
        found = routine_notation.formula(x, args)
        wide = tuple(k for k, d in enumerate(x.dims) if d != 1)
        if found is not None and found.rank == len(wide):
            return View(found, wide)
        spec = x.spec
        return self._applied(x, ROUTINES[spec.routine].results[spec.output] or spec.routine)

    def _mark(self, x: Mark) -> View:
        return self.views[x.operands[0]]

    def _tangent(self, x: Tangent) -> View:
        return self._applied(x, "jvp")

    def _gradient(self, x: Gradient) -> View:
        target = x.operands[1 + x.spec.number]
        args = tuple(whole(self.views[a], a.dims) for a in (x.operands[0], target))
        return View(Apply("grad", args, x.ndim), tuple(range(x.ndim)))

    # ------------------------------------------------------------ indices
    def _indexed(self, x: Node) -> View:
        """The elements of a node as a formula of indices."""
        labels = range(len(x.spec.sizes)) if isinstance(x, Contract) else range(x.ndim)
        index = {t: Index(next(self.keys)) for t in labels}
        out = x.spec.out if isinstance(x, Contract) else tuple(labels)
        shown = [t for k, t in enumerate(out) if x.dims[k] != 1]
        body = (
            self._entry_of_array(x, index)
            if isinstance(x, Layout | Reduce)
            else self._entry_of(x, index)
        )
        if not shown:
            return View(body)
        axes = tuple(k for k, d in enumerate(x.dims) if d != 1)
        return View(Entries(body, tuple(index[t] for t in shown)), axes)

    def _entry_of(self, x: Node, index: dict[int, Index]) -> Formula:
        operands = self._operands(x, x.spec.indices)
        at = lambda o: Labelled(entry(o.formula, [index[t] for t in o.labels]))  # noqa: E731
        entries = [at(o) for o in operands]
        if isinstance(x, Map):
            return self._of_entries(x, operands, entries, at)
        carried = set().union(*(o.labels for o in operands))
        summed = [t for t, d in enumerate(x.spec.sizes) if t not in x.spec.out and d != 1]
        repeats = [self.names.extent(x.spec.sizes[t]) for t in summed if t not in carried]
        body = product([*repeats, *(e.formula for e in entries)])
        over = tuple(index[t] for t in summed if t in carried)
        return IndexSum(over, body) if over else body

    def _of_entries(self, x: Map, operands: list, entries: list, at: Callable) -> Formula:
        """The body of a Map of elements; a softmax is read as an array."""
        arrays = partial(body_formula, operands=operands, shorten=self.shorten)

        def special(e, walk) -> Labelled | None:
            try:
                found = arrays(e, special=self._special(x, operands))
            except Unsayable:
                return None
            return at(found) if is_softmax(found.formula) else None

        return body_formula(x.spec.body, entries, self.shorten, special, self.as_typed).formula

    def _entry_of_array(self, x: Layout | Reduce, index: dict[int, Index]) -> Formula:
        """Slices, reshapes and reductions of an array that is repeated along an axis: of a name for
        it.
        """
        (a,) = x.operands
        axes = tuple(range(a.ndim))
        if x.spec.op == "reshape":
            axes = tuple(k for k in axes if a.dims[k] != 1 or k in self.views[a].axes)
        before = self.views[a]
        self.views[a] = View(self.temporary(_written_out(before, axes)), axes)
        view = self._layout(x) if isinstance(x, Layout) else self._reduce(x)
        self.views[a] = before
        return entry(view.formula, [index[k] for k in view.axes])


ROWS = {
    Leaf: _Transcriber._leaf, Map: _Transcriber._map, Contract: _Transcriber._contract,
    Reduce: _Transcriber._reduce,
    Layout: _Transcriber._layout, Join: _Transcriber._join, Gather: _Transcriber._gather,
    Call: _Transcriber._call, Mark: _Transcriber._mark, Gradient: _Transcriber._gradient,
    Tangent: _Transcriber._tangent,
}  # fmt: skip


def _kronecker(view: View, old: tuple[Extent, ...], new: tuple[Extent, ...]) -> Formula | None:
    """An array with elements a_ik b_jl as a matrix over the pairs (i, j) and (k, l)."""
    if new != (merged(old[:2]), merged(old[2:])) or 1 in old:
        return None
    if isinstance(view.formula, Kronecker) and view.axes == (0, 1, 2, 3):
        return replace(view.formula, order=2)
    p = parts(view.formula)
    scalars, core = replace(p, array=None), p.array
    sides: list[Formula] = []
    for pair in ((0, 2), (1, 3)):
        if view.axes == pair and core is not None:
            sides.append(core)
        elif view.axes in ((0, 2), (1, 3)):
            sides.append(chain([Ones(), transpose(Ones())], 2))
    return product([scalars], Kronecker(sides[0], sides[1], 2)) if len(sides) == 2 else None


def _numbers(values) -> Any:
    """Nested lists as tuples of texts."""
    return tuple(map(_numbers, values)) if isinstance(values, list) else f"{values:g}"


def _written_out(view: View, axes: tuple[int, ...]) -> Formula:
    """The array of a view along these axes, element by element where it is repeated."""
    if view.axes == axes:
        return view.formula
    index = {k: Index(-1 - k) for k in axes}
    body = entry(view.formula, [index[k] for k in view.axes])
    return Entries(body, tuple(index.values()))


def _needed(main: Formula, definitions: dict[Formula, Formula]) -> list[Formula]:
    """What the formula needs, directly or through other definitions, in the order of definition."""
    found: set[Formula] = set()
    stack = [main]
    while stack:
        e = stack.pop()
        if e in definitions and e not in found:
            found.add(e)
            stack.append(definitions[e])
        stack.extend(children(e))
    return [t for t in definitions if t in found]
