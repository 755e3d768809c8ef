"""Plain ASCII text of tensors in NumPy's words, which NumPy evaluates and `cf.parse` reads back.

`X.T @ (sigmoid(X @ w) - y)/n + 0.02*w`: operators and functions mean what they mean in NumPy and
scipy.special, with the names of this package. Lines before the last one define what is long or used
twice, operands first: `t_0 = ...` for scalars and vectors, `T_0 = ...` for more axes. An extent is
its name, or the shape of a variable that has it. Every node has a text; nothing is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, cast

import numpy as np
from sympy import factorint

from .array_lines import tidied
from .array_maps import MapWriter, axis_option
from .array_names import RESERVED, number, spelled
from .array_pieces import (
    ATOMIC,
    COMPARED,
    MULTIPLIED,
    NEGATED,
    Contraction,
    Piece,
    call,
    indexed,
    placed,
    times,
)
from .dims import Dim, Extent, FreshDim
from .dtypes import FLOAT64
from .graph import topological
from .names import Names, is_variable
from .node import (
    BOOL,
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
from .notation import Symbol, Temporary
from .routines import ROUTINES
from .subscripts import places_after, slice_items
from .wrapping import unwrapped

SHARED_LENGTH = 24  # a text of this length that is used twice is named
LONG_LENGTH = 240  # a text of this length is named
INLINE = 16  # elements of an unnamed constant that is written out


def array_text(node: Node) -> str:
    """The text of a node in display form; lines before the last one define temporaries."""
    return _Writer(node).text()


class _Writer(MapWriter):
    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node
        self.order = topological([node])
        self.uses = Counter(a for x in self.order for a in set(x.operands))
        self.names = Names(spelled)
        self.names.used |= RESERVED
        self.names.claim(x for x in self.order if is_variable(x))
        self.extents: dict[Extent, str] = {}
        self.lines: list[str] = []
        self.kept: set[str] = set()  # names that users gave

    def text(self) -> str:
        for x in self.order:
            piece = ROWS[type(x)](self, x)
            if piece.strength == ATOMIC and x not in self.loose:
                self.calls[piece.text] = x.ndim
            self.pieces[x] = piece if x is self.node or isinstance(x, Leaf) else self._cut(x, piece)
        main = self.exact(self.node).text
        pairs = [tuple(line.split(" = ", 1)) for line in needed(self.lines, main)]
        lines, main = tidied(pairs, main, self.calls, self.kept, self._new_name)  # type: ignore[arg-type]
        return "\n".join([*(f"{name} = {text}" for name, text in lines), main])

    def _new_name(self, rank: int) -> str:
        (symbol,) = self.names.temporaries([Temporary(0, rank)]).values()
        return spelled(symbol)

    def _cut(self, x: Node, piece: Piece) -> Piece:
        if x.label and piece.text != x.label:
            symbol = self.names.variable(x)
            self.kept.add(spelled(symbol))
            self.lines.append(f"{spelled(symbol)} = {self._whole(x, piece).text}")
            self.loose.discard(x)
            self.flat.discard(x)
            return Piece(spelled(symbol))
        if len(piece.text) < (SHARED_LENGTH if self.uses[x] > 1 else LONG_LENGTH):
            return piece
        if piece.text in self.meaning:
            return piece
        name = self._new_name(x.ndim)
        self.lines.append(f"{name} = {piece.text}")
        self.meaning[name] = piece
        return Piece(name)

    def exact(self, x: Node) -> Piece:
        """The piece of a node with all of its axes."""
        return self._whole(x, self.pieces[x])

    def _whole(self, x: Node, piece: Piece) -> Piece:
        if x not in self.loose:
            return piece
        shape = self.shape(x.dims)
        fixed = {"0": "zeros", "1": "ones"}
        if piece.text in fixed:
            return call(fixed[piece.text], shape, *([f"'{x.dtype}'"] * (x.dtype != FLOAT64)))
        point = ".0" if x.dtype.kind == "f" and piece.text.lstrip("-").isdigit() else ""
        return call("broadcast_to", piece.text + point, shape)

    def shape(self, dims: Sequence[Extent]) -> str:
        return f"({', '.join(map(self.extent, dims))}{',' if len(dims) == 1 else ''})"

    def extent(self, dim: Extent) -> str:
        """A number, a name, arithmetic on others, or the shape of something that has it."""
        if isinstance(dim, int):
            return str(dim)
        if dim not in self.extents:
            self.extents[dim] = self._extent(dim)
        return self.extents[dim]

    def _extent(self, dim: Dim | FreshDim) -> str:
        if isinstance(dim, Dim):
            found = self.names.extent(dim)
            if isinstance(found, Symbol) and spelled(found) == dim.name:
                return dim.name
        for x in self.order:
            if x in self.pieces or is_variable(x):
                if dim in x.dims and x not in self.loose:
                    source = self.pieces.get(x) or Piece(spelled(self.names.variable(x)))
                    return f"{source.inside(ATOMIC)}.shape[{x.dims.index(dim)}]"
        kind, source, *rest = cast(tuple[Any, ...], getattr(dim, "definition", None) or ("", ()))
        parts = [self.extent(d) for d in source] if kind in ("sum", "quotient", "least") else []
        if kind == "sum":
            return f"({' + '.join([*parts, *([str(rest[0])] if rest[0] else [])])})"
        if kind == "quotient":
            return f"({'*'.join(parts)}{f'//{rest[0]}' if rest[0] != 1 else ''})"
        if kind == "least":
            return f"minimum({', '.join([*parts, *([str(rest[0])] if rest[0] >= 0 else [])])})"
        if kind == "length":
            items = ":".join("" if p is None else str(p) for p in rest).removesuffix(":1")
            return f"arange({self.extent(source)})[{items}].shape[0]"
        return spelled(self.names.extent(dim))  # type: ignore[arg-type]

    # ------------------------------------------------------------ leaves
    def _leaf(self, x: Leaf) -> Piece:
        kind, value = x.spec.kind, x.spec.value
        if kind == "parameter":
            return number(value)
        if kind in ("dim", "iota", "delta"):
            extent = self.extent(value)
            return Piece(extent) if kind == "dim" else call(
                "arange" if kind == "iota" else "eye", extent
            )  # fmt: skip
        if kind == "constant" and not x.label and x.payload is not None:
            found = _constant(x.payload)
            if found is not None:
                return found
        return Piece(spelled(self.names.variable(x)))

    # ------------------------------------------------------------ contractions and reductions
    def _contract(self, x: Contract) -> Piece:
        spec = x.spec
        extents = {t: self.extent(d) for t, d in enumerate(spec.sizes)}
        counted = [_counted(self.exact(a), a, x) for a in x.operands]
        factors = list(zip(counted, spec.indices, strict=True))
        piece, full = Contraction(factors, spec.out, extents).written()
        if spec.dtype.kind in "iu" and spec.dtype.itemsize < 8 and "sum(" in piece.text:
            piece = Piece(f"{piece.inside(ATOMIC)}.astype('{spec.dtype}')")  # NumPy's are longer
        if not full:
            self.loose.add(x)
        return piece

    def _reduce(self, x: Reduce) -> Piece:
        (a,) = x.operands
        return call(x.spec.op, self.exact(a).text, *axis_option(x.spec.axes, a.ndim))

    # ------------------------------------------------------------ layouts
    def _layout(self, x: Layout) -> Piece:
        (a,), spec = x.operands, x.spec
        piece = self.exact(a)
        if spec.op == "reshape":
            if not x.ndim:
                return indexed(piece, *["0"] * a.ndim)
            return call("reshape", piece.text, self._reshaped(a.dims, x.dims))
        if spec.op == "slice":
            return indexed(piece, *slice_items(spec.params, a.dims, x.dims, self.extent))
        widths = _widths(x)
        placed_ = call("pad", piece.text, widths) if widths else self._spread(x, piece)
        return Piece(f"{placed_.text} != 0", COMPARED) if x.dtype == BOOL else placed_

    def _reshaped(self, old: Sequence[Extent], new: Sequence[Extent]) -> str:
        """A shape; -1 for an extent that the number of elements does not show to be right."""
        left, right = Counter(_factors(old)), Counter(_factors(new))
        rest = right - left
        if left == right:
            return self.shape(new)
        unsure = [k for k, d in enumerate(new) if Counter(_factors([d])) & rest]
        if not unsure:
            return self.shape(new)
        k = max(unsure, key=lambda k: (isinstance(new[k], FreshDim), -k))
        texts = ["-1" if j == k else self.extent(d) for j, d in enumerate(new)]
        return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"

    def _spread(self, x: Layout, piece: Piece) -> Piece:
        """Zeros with an array written at a slice: products with rows of the identity."""
        letters, inner, selections = "ijklmnopqrs", "", []
        (a,) = x.operands
        if not a.ndim and x.ndim == 1:
            unit = indexed(call("eye", self.extent(x.dims[0])), str(x.spec.params[0][0]))
            return unit if piece.text == "1" else times([piece, unit])
        items = slice_items(x.spec.params, x.dims, a.dims, self.extent)
        for k, item in enumerate(items):
            big, small = letters[k], letters[k].upper()
            rows = f"eye({self.extent(x.dims[k])})[{item}]"
            single = x.spec.params[k][1] is None
            selections.append((big if single else small + big, rows))
            inner += "" if single else small
        subscripts = ",".join([inner, *(s for s, _ in selections)])
        result = f"'{subscripts}->{letters[: len(items)]}'"
        found = call("einsum", result, piece.text, *(r for _, r in selections))
        return found if x.dtype.kind == "f" else Piece(f"{found.text}.astype('{x.dtype}')")

    def _join(self, x: Join) -> Piece:
        parts = ", ".join(self.exact(a).text for a in x.operands)
        return call("concatenate", f"[{parts}]", f"axis={x.spec.axis}")

    def _gather(self, x: Gather) -> Piece:
        array, *positions = x.operands
        along, indices = x.spec.along, x.spec.indices
        kept = [t for t in along if t is not None]
        if len(positions) == 1 and kept == sorted(kept):
            (index,), place = indices, along.index(None)
            new = [t for t in range(x.ndim) if t not in kept]
            if list(index) == new == list(range(place, place + len(new))):
                place_ = self.exact(unwrapped(positions[0])).text
                items = [":" if t is not None else place_ for t in along]
                while items[-1] == ":":
                    items.pop()
                return indexed(self.exact(array), *items)
        frame = tuple(range(x.ndim))
        given = iter(zip(positions, indices, strict=True))
        items = []
        for k, t in enumerate(along):
            if t is None:
                items.append(self._read(*next(given), frame).text)
            else:
                items.append(placed(call("arange", self.extent(array.dims[k])), (t,), frame).text)
        return indexed(self.exact(array), *items)

    # ------------------------------------------------------------ the rest
    def _call(self, x: Call) -> Piece:
        row = CALLS.get(x.spec.routine)
        args = [self.exact(a) for a in x.operands]
        if row:
            return row(self, x, *args)
        several = len(ROUTINES[x.spec.routine].results) > 1
        found = call(x.spec.routine, *(p.text for p in args), *map(str, x.spec.params))
        return indexed(found, str(x.spec.output)) if several else found

    def _mark(self, x: Mark) -> Piece:
        if x.operands[0] in self.loose:
            self.loose.add(x)
        return self.pieces[x.operands[0]]

    def _tangent(self, x: Tangent) -> Piece:
        count = x.spec.count
        value, *rest = (self.exact(a).text for a in x.operands[: 1 + 2 * count])
        return call("jvp", value, f"[{', '.join(rest[:count])}]", f"[{', '.join(rest[count:])}]")

    def _gradient(self, x: Gradient) -> Piece:
        cost, target = x.operands[0], x.operands[1 + x.spec.number]
        word = "jacobian" if cost.ndim else "grad"
        return call(word, self.exact(cost).text, self.exact(target).text)


ROWS: dict[type, Callable] = {
    Leaf: _Writer._leaf, Map: _Writer.map, Contract: _Writer._contract, Reduce: _Writer._reduce,
    Layout: _Writer._layout, Join: _Writer._join, Gather: _Writer._gather, Call: _Writer._call,
    Mark: _Writer._mark, Gradient: _Writer._gradient, Tangent: _Writer._tangent,
}  # fmt: skip


# ---------------------------------------------------------------- words


def _constant(values: np.ndarray) -> Piece | None:
    """An array that is written out; None for one that is too long."""
    if values.ndim:
        if values.size > INLINE or not np.isfinite(values).all():
            return None
        text = np.array2string(values, separator=", ", floatmode="unique", max_line_width=10**6)
        return call("array", text.replace("\n", ""))
    if values.dtype == BOOL:
        return Piece(str(bool(values)))
    value = float(values)
    if np.isfinite(value):
        return number(Fraction(repr(values.item())))
    return Piece("nan") if value != value else Piece("inf") if value > 0 else Piece("-inf", NEGATED)


def _last(word: str) -> Callable:
    return lambda writer, x, *args: call(word, *(p.text for p in args), "axis=-1")


def _scatter_add(writer: _Writer, x: Call, positions: Piece, values: Piece) -> Piece:
    """Rows added at positions: a product with unit vectors."""
    chosen = f"one_hot({positions.text}, {writer.extent(x.dims[-2])}).T"
    found = Piece(f"{chosen} @ {values.inside(NEGATED)}", MULTIPLIED)
    return found if x.dtype.kind == "f" else Piece(f"({found.text}).astype('{x.dtype}')")


def _scatter_last(writer: _Writer, x: Call, positions: Piece) -> Piece:
    """For each place the last k whose position it is, or -1."""
    count, places = (writer.extent(d) for d in (x.operands[0].dims[0], x.dims[0]))
    hit = f"{indexed(positions, ':', 'None').text} == arange({places})"
    return call("max", f"where({hit}, arange({count})[:, None], -1)", "axis=0")


def _solve_triangular(w: _Writer, x: Call, a: Piece, b: Piece) -> Piece:
    lower, unit = (str(bool(p)) for p in x.spec.params)
    return call("solve_triangular", a.text, b.text, f"lower={lower}", f"unit_diagonal={unit}")


def _svd(w: _Writer, x: Call, a: Piece) -> Piece:
    if x.spec.output == 1:
        return call("svdvals", a.text)
    return indexed(call("svd", a.text, "full_matrices=False"), str(x.spec.output))


def _pinv(w: _Writer, x: Call, a: Piece, cutoff: Piece) -> Piece:
    default = x.operands[1].spec
    is_default = getattr(default, "value", getattr(default, "body", None)) == Fraction(1, 10**15)
    return call("pinv", a.text, *([] if is_default else [cutoff.text]))


CALLS: dict[str, Callable[..., Piece]] = {
    "pinv": _pinv,
    "solve_triangular": _solve_triangular,
    "svd": _svd,
    "cumsum": _last("cumsum"),
    "cumprod": _last("cumprod"),
    "argsort": _last("argsort"),
    "recurrence": _last("linear_recurrence"),
    "scatter_add": _scatter_add,
    "scatter_last": _scatter_last,
}


def _widths(x: Layout) -> str | None:
    """The widths of `pad` if they are known, else None."""
    (a,) = x.operands
    pairs = []
    lengths = iter(a.dims)
    for (start, step), big in zip(x.spec.params, x.dims, strict=True):
        if step != 1 or not isinstance(start, int) or start < 0:
            return None
        after = places_after(start, next(lengths), big)
        if after is None:
            return None
        pairs.append((start, after))
    return str(pairs[0]) if len(pairs) == 1 else str(tuple(pairs))


def _counted(piece: Piece, a: Node, x: Node) -> Piece:
    """Truth values as numbers, where NumPy would keep them; small integers as floats in a sum of
    floats."""
    if a.dtype == BOOL and x.dtype != BOOL:
        return Piece(f"1*{piece.inside(NEGATED)}", MULTIPLIED)
    if (
        a.dtype.kind in "iu"
        and x.dtype.kind == "f"
        and all(b.dtype.kind in "iub" for b in x.operands)
    ):
        return Piece(f"{piece.inside(ATOMIC)}.astype('{x.dtype}')")
    return piece


def _factors(dims: Sequence[Extent]) -> list[Extent]:
    """What a number of elements is a product of: names, and the number's own factors of 2, 3..."""
    found: list[Extent] = []
    for d in dims:
        definition: Any = getattr(d, "definition", None) or ("",)
        if definition[0] == "quotient" and definition[2] == 1:
            found += _factors(definition[1])
        elif isinstance(d, int):
            found += sorted(factorint(d, multiple=True))
        else:
            found.append(d)
    return found


def needed(lines: Sequence[str], main: str) -> list[str]:
    """The definitions that the last line needs, directly or through others."""
    found: list[str] = []
    wanted = set(re.findall(r"\w+", main))
    for line in reversed(lines):
        name, _, text = line.partition(" = ")
        if name in wanted:
            found.append(line)
            wanted |= set(re.findall(r"\w+", text))
    return found[::-1]
