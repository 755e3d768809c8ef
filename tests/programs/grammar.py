"""How each word of the vocabulary is written, given something to draw from.

The elementwise words are rows of `algebra/operations`, and their domains say where they may be
applied; a word on whole arrays is drawn as the others of its module are, unless `FORMS` says how.
So a new row, or a new reduction, is drawn without a change here, and a test names the word that is
not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from tests import operations

from closedform.algebra.operations import OPERATIONS, Operation
from closedform.algebra.scalar import PRIMITIVES
from closedform.algebra.vocabulary import MATRIX_WORDS, MODULES, WORDS


class Value(NamedTuple):
    """What has been drawn so far: a name, its tensor, its array."""

    name: str
    tensor: Any
    array: np.ndarray

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def kind(self) -> str:
        return self.array.dtype.kind


class Text(NamedTuple):
    """A line: `reference` is what it says of arrays, if that is another text."""

    text: str
    reads: tuple[str, ...]
    reference: str = ""


class NoFit(Exception):
    """Nothing that was drawn so far fits."""


class Source:
    """What a line draws from: earlier values, and numbers."""

    def __init__(self, draw: Callable, values: list[Value]) -> None:
        self.draw, self.values = draw, values

    def value(self, rank: int = 0, kinds: str = "fiub", most: int = 4) -> Value:
        """A value of at least (and at most) so many axes, late ones first."""
        found = [v for v in self.values if rank <= v.ndim <= most and v.kind in kinds]
        return self.one(found[::-1])

    def like(self, other: Value, kinds: str = "fiub") -> Value:
        """A value that broadcasts against another one, if there is another one."""
        found = [v for v in self.values if v.kind in kinds and _broadcasts(v, other)]
        return self.one([v for v in found if v is not other][::-1] or found)

    def joining(self, other: Value, left: int, right: int) -> Value:
        """A value whose axis `right` has the extent of the other's axis `left`."""
        found = [
            v
            for v in self.values
            if v.ndim > max(right, -right - 1)
            and v.tensor.shape[right] == other.tensor.shape[left]
            and v.kind in "fiu"
        ]
        return self.one(found[::-1])

    def one(self, items: Any) -> Any:
        if not items:
            raise NoFit
        return self.draw(st.sampled_from(items))

    def whole(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def axis(self, v: Value) -> int:
        """An axis, counted from either end."""
        return self.whole(-v.ndim, v.ndim - 1) if v.ndim else self.one([])

    def axes(self, v: Value) -> str:
        """None, one axis, or several."""
        if not v.ndim:
            return "None"
        pairs = [(0, v.ndim - 1)] if v.ndim > 1 else []
        return str(self.one([self.axis(v), None, *pairs, tuple(range(v.ndim))]))

    def keep(self) -> str:
        return self.one(["", ", keepdims=True"])


def _broadcasts(a: Value, b: Value, last: int = 0) -> bool:
    """Whether the declared extents agree, or are 1; but for those of so many last axes."""
    shapes = ((v.tensor.shape[::-1][last:], v.array.shape[::-1][last:]) for v in (a, b))
    pairs, sizes = (zip(*columns, strict=False) for columns in zip(*shapes, strict=True))
    return all(
        1 in pair
        or (m == n and not (isinstance(pair[0], int) and isinstance(pair[1], int) and m != n))
        for pair, (m, n) in zip(pairs, sizes, strict=False)
    )


# ---------------------------------------------------------------- elementwise words

INFIX = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "floor_divide": "//",
    "remainder": "%", "less": "<", "greater_equal": ">=", "bitwise_and": "&", "left_shift": "<<",
}  # fmt: skip
NEAR = (-3.0, 4.0)  # where values are put that lie outside the domain of what is applied to them


def elementwise(row: Operation, source: Source) -> Text:
    """An operation of the table, on values inside its domain."""
    kinds = accepted(row.public)
    values = [source.value(kinds="b" if row.choice else kinds)]
    while len(values) < len(row.domain):
        values.append(source.like(max(values, key=lambda v: v.ndim), kinds))
    if not all(_broadcasts(v, w) for v, w in itertools.combinations(values, 2)):
        raise NoFit
    orders = PRIMITIVES[row.name].orders if row.name in PRIMITIVES and row.order is None else 0
    args = [
        str(limits[0] + 0.5)  # an order is a number: nothing is differentiated by it
        if k < orders
        else v.name
        if row.choice and k == 0
        else inside(v, *limits)
        for k, (v, limits) in enumerate(zip(values, row.domain, strict=True))
    ]
    reads = tuple(v.name for v in values[orders:])
    if row.name in INFIX and source.one([True, False]):
        return Text(f"({args[0]} {INFIX[row.name]} {args[1]})", reads)
    args = [str(row.order)] * (row.order is not None) + args
    plain = f"cf.{row.public}({', '.join(args)})"
    without_order = f"cf.{row.public}({', '.join(args[row.order is not None :])})"
    return Text(plain, reads, without_order)


@cache
def accepted(public: str) -> str:
    """The kinds of dtypes that an operation takes."""
    row = OPERATIONS[public]
    ones = {
        kind: np.ones(1, dtype) for kind, dtype in zip("fiub", ("f8", "i8", "u8", "?"), strict=True)
    }
    columns = {kind: [one] * len(row.domain) for kind, one in ones.items()}
    if row.choice:
        return "fiub"
    return "".join(k for k, c in columns.items() if operations.expected(row, c) is not None)


def inside(v: Value, low: float, high: float) -> str:
    """A value, moved by a sine into an interval where it is not."""
    near = max(low, NEAR[0]), min(high, NEAR[1])
    middle, half = round(sum(near) / 2, 4), math.floor((near[1] - near[0]) * 450) / 1000
    margin = 0.05 * half if v.kind == "f" else 0  # functions are steep at the ends of their domain
    if not v.array.size or (low + margin <= v.array.min() and v.array.max() <= high - margin):
        return v.name
    return f"({middle:g} + {half:g}*cf.sin({v.name}))"


def scaled(source: Source) -> Text:
    """Arithmetic with a number."""
    v = source.value(kinds="fi")
    form = source.one(
        [
            "2*{}",
            "{} + 1",
            "0.5*{}",
            "1 - {}",
            "{}/3",
            "-{}",
            "{}**2",
            "{} - 0.25",
            "{}/{}.shape[0]",
        ]
    )
    if "shape" in form and not v.ndim:
        raise NoFit
    return Text(form.format(v.name, v.name), (v.name,))


# ---------------------------------------------------------------- words on whole arrays

Form = Callable[[str, Source], Text]


def _unary(template: str, rank: int = 0, kinds: str = "fiub", most: int = 4) -> Form:
    """A word of one array; the template may name {x}, {axis}, {axes}, {keep} and {word}."""

    def form(word: str, source: Source) -> Text:
        v = source.value(rank, kinds, most)
        axis = source.axis(v) if "{axis}" in template else ""
        axes = source.axes(v) if "{axes}" in template else ""
        keep = source.keep() if "{keep}" in template else ""
        small = source.whole(-1, 2) if "{k}" in template else ""
        text = template.format(word=word, x=v.name, axis=axis, axes=axes, keep=keep, k=small)
        return Text(text, (v.name,))

    return form


def _pair(template: str, left: int, right: int, rank: int = 1, most: int = 4) -> Form:
    """A product of two arrays whose axes `left` and `right` are summed together."""

    def form(word: str, source: Source) -> Text:
        a = source.value(rank, "fiu", most)
        b = source.joining(a, left, right if rank > 1 else -1)
        return Text(template.format(word=word, x=a.name, y=b.name), (a.name, b.name))

    return form


def _product(word: str, source: Source) -> Text:
    """dot and matmul: the last axis against the last but one, or the only one."""
    a = source.value(1, "fiu")
    b = source.joining(a, -1, source.one([-2, -1]))
    if not _broadcasts(a, b, 2):
        raise NoFit
    text = source.one(["({x} @ {y})", "cf.{word}({x}, {y})"])
    return Text(text.format(word=word, x=a.name, y=b.name), (a.name, b.name))


def _einsum(word: str, source: Source) -> Text:
    v = source.value(2, "fiu", 3)
    w = source.joining(v, -1, -1)
    if w.ndim > 2:
        raise NoFit
    left, right = "ab"[: v.ndim - 1] + "c", "d"[: w.ndim - 1] + "c"
    out = source.one([left[0], left + right[:-1], right[:-1], "", left[::-1]])
    return Text(f'cf.einsum("{left},{right}->{out}", {v.name}, {w.name})', (v.name, w.name))


def _recurrence(source: Source) -> Text:
    v = source.value(1, "fi")
    w = source.like(v, "fi")
    text = f"cf.linear_recurrence({v.name}, {w.name}, -1)"
    return Text(text, (v.name, w.name))


def _outer(word: str, source: Source) -> Text:
    a, b = source.value(kinds="fiu", most=2), source.value(kinds="fiu", most=2)
    return Text(f"cf.{word}({a.name}, {b.name})", (a.name, b.name))


def _permuted(word: str, source: Source) -> Text:
    v = source.value(1)
    order = source.draw(st.permutations(range(v.ndim)))
    if word == "transpose":
        return Text(f"cf.transpose({v.name}, {tuple(order)})", (v.name,))
    pattern = [repr(p) for p in order]
    if v.ndim < 4:
        pattern.insert(source.whole(0, v.ndim), repr("x"))
    return Text(f"cf.dimshuffle({v.name}, {', '.join(pattern)})", (v.name,))


def _axis_pair(word: str, source: Source) -> Text:
    v = source.value(2)
    return Text(f"cf.{word}({v.name}, {source.axis(v)}, {source.axis(v)})", (v.name,))


def _squeeze(word: str, source: Source) -> Text:
    found = [(v, k) for v in source.values for k, d in enumerate(v.tensor.shape) if d == 1]
    v, k = source.one(found)
    return Text(f"cf.squeeze({v.name}, {k})", (v.name,))


def _reshape(word: str, source: Source) -> Text:
    v = source.value(1)
    forms = ["{x}.reshape(-1)", "{x}.reshape((1, -1))", "cf.reshape({x}, ({x}.shape[0], -1))"]
    return Text(source.one(forms).format(x=v.name), (v.name,))


KEYS = ("1:", "::-1", ":-1:2", "0", "-1", "-3:", "None", "..., None", "::2", "1:1")


def _index(word: str, source: Source) -> Text:
    """Slices, positions, new axes, arrays of positions."""
    v = source.value(1)
    key = source.one(KEYS)
    if source.one([False, True]):
        last = source.one(["[0, -1]", "[[0, 1], [1, 0]]", "::-1"])
        key = last if v.ndim == 1 else f"{source.one([':', '1:', '-1'])}, {last}"
    return Text(f"{v.name}[{key}]", (v.name,))


def _masked(word: str, source: Source) -> Text:
    v = source.value(1, "f")
    text = f"cf.where({v.name} > 0, {v.name}, -0.5*{v.name})"
    return Text(text, (v.name,))


def _written(word: str, source: Source) -> Text:
    """set_subtensor and inc_subtensor: of a part by a number, or by a value that fits."""
    v = source.value(1, "fi")
    key = source.one(["0", "1:", "::-2", "[0, 0]", "[-1, 0]"])
    value = source.one(["1", f"{v.name}[-1]"]) if v.ndim > 1 or key == "0" else "2"
    adds = ", True" if word.startswith("inc") else ""
    text = f"cf.{word}({v.name}[{key}], {value})"
    return Text(text, (v.name,), f"cf.placed({v.name}, np.s_[{key}], {value}{adds})")


def _taken(word: str, source: Source) -> Text:
    v = source.value(1)
    axis = source.axis(v)
    if word == "take":
        where = source.one(
            ["[0, -1]", "[[0], [1]]", f"cf.argsort({v.name}[0])" if v.ndim > 1 else "0"]
        )
        where = f"np.array({where})" if where[0] in "[0" else where
        axis = -1 if "argsort" in where else axis
        return Text(f"cf.take({v.name}, {where}, {axis})", (v.name,))
    return Text(f"cf.{word}({v.name}, cf.argsort({v.name}, {axis}), {axis})", (v.name,))


def _joined(word: str, source: Source) -> Text:
    v = source.value(1 if word != "stack" else 0, most=3)
    same = [w for w in source.values if w.tensor.shape == v.tensor.shape]
    w = source.one(same[::-1])
    axis = source.whole(0, v.ndim - (word != "stack"))
    return Text(f"cf.{word}([{v.name}, {w.name}], {axis})", (v.name, w.name))


def _stacked(arguments: str, rank: int, which: str = "", most: int = 3) -> Form:
    """A word of two arrays of one shape."""

    def form(word: str, source: Source) -> Text:
        v = source.value(rank, most=most)
        w = source.one([w for w in source.values if w.tensor.shape == v.tensor.shape][::-1])
        given = arguments.format(x=v.name, y=w.name)
        return Text(f"cf.{word}({given}){which}", (v.name, w.name))

    return form


def _crossed(word: str, source: Source) -> Text:
    v = source.value(kinds="f", most=3)
    x = v.name
    if not v.ndim or v.tensor.shape[-1] != 3:
        x = f"cf.stack([{v.name}, cf.sin({v.name}), 1 - {v.name}], -1)"
    return Text(f"cf.cross({x}, cf.flip({x}, -1))", (v.name,))


def _split(word: str, source: Source) -> Text:
    v = source.value(1)
    axis = source.whole(0, v.ndim - 1)
    parts = source.one([n for n in (1, 2, 3) if v.array.shape[axis] % n == 0] + ["[1]"])
    return Text(f"cf.split({v.name}, {parts}, {axis})[0]", (v.name,))


def _created(template: str, reference: str = "") -> Form:
    """An array made for the extents of another one."""

    def form(word: str, source: Source) -> Text:
        v = source.value(1, most=3)
        text = template.format(word=word, x=v.name)
        return Text(text, (v.name,))

    return form


FORMS: dict[str, Form] = {
    # reductions
    **dict.fromkeys(("argmax", "argmin"), _unary("cf.{word}({x}, {axis}{keep})", 1)),
    **dict.fromkeys(("cumsum", "cumprod"), _unary("cf.{word}({x}, {axis})", 1)),
    "linear_recurrence": lambda word, source: _recurrence(source),
    **dict.fromkeys(("softmax", "log_softmax"), _unary("cf.{word}({x}, {axis})", 1)),
    "norm": _unary("cf.norm({x}, axis={axis})", 1, "fi"),
    "ptp": _unary("cf.ptp({x}, {axis}{keep})", 1, "fiu"),
    # axes and shapes
    "transpose": _permuted,
    "dimshuffle": _permuted,
    **dict.fromkeys(("swapaxes", "moveaxis"), _axis_pair),
    "expand_dims": _unary("cf.expand_dims({x}, {axis})", 1, most=3),
    "squeeze": _squeeze,
    "broadcast_to": _unary("cf.broadcast_to({x}, (2, *{x}.shape))", 1, most=3),
    "flip": _unary("cf.flip({x}, {axes})", 1),
    "ravel": _unary("cf.ravel({x})"),
    "flipud": _unary("cf.flipud({x})", 1),
    **dict.fromkeys(("fliplr", "matrix_transpose"), _unary("cf.{word}({x})", 2)),
    "rot90": _unary("cf.rot90({x}, {k})", 2),
    **dict.fromkeys(("atleast_1d", "atleast_2d", "atleast_3d"), _unary("cf.{word}({x})")),
    # statistics
    "average": _unary("cf.average({x}, {axis})", 1, "fiu"),
    "median": lambda word, source: _median(source),
    "trapezoid": _unary("cf.trapezoid({x}, axis={axis})", 1, "fi"),
    **dict.fromkeys(("cov", "corrcoef"), lambda word, source: _correlated(word, source)),
    "reshape": _reshape,
    # creation
    **dict.fromkeys(("zeros", "ones"), _created("(cf.{word}(({x}.shape[0], 2)) + 1)")),
    "full": _created("cf.full((2, {x}.shape[0]), 2.5)"),
    "full_like": _unary("(cf.full_like({x}, 3) * {x})", kinds="fi"),
    **dict.fromkeys(("zeros_like", "ones_like"), _unary("(cf.{word}({x}) + {x})")),
    "eye": _unary("cf.eye({x}.shape[0], 3, {k})", 1),
    "identity": _created("cf.identity({x}.shape[0])"),
    "arange": _unary("cf.arange({x}.shape[0])", 1),
    "tri": _created("cf.tri({x}.shape[0], 3)"),
    "logspace": _unary("cf.logspace(0, cf.tanh(cf.sum({x})), 5)", kinds="f"),
    "linspace": _unary("cf.linspace(cf.sum({x}), 2, 5)", kinds="f"),
    "one_hot": _unary("cf.one_hot(cf.argmax({x}, {axis}), 3)", 1, most=3),
    **dict.fromkeys(("tril", "triu"), _unary("cf.{word}({x}, {k})", 2)),
    **dict.fromkeys(("diagonal", "trace"), _unary("cf.{word}({x}, {k})", 2)),
    "diag": _unary("cf.diag({x}, {k})", 1, most=2),
    # gathering
    "take": _taken,
    "take_along_axis": _taken,
    **dict.fromkeys(("set_subtensor", "inc_subtensor"), _written),
    **dict.fromkeys(("sort", "argsort"), _unary("cf.{word}({x}, {axis})", 1)),
    "getitem": _index,
    "mask": _masked,
    # joining
    **dict.fromkeys(("concatenate", "concat", "stack"), _joined),
    **dict.fromkeys(("hstack", "vstack", "dstack", "column_stack"), _stacked("[{x}, {y}]", 1)),
    "append": _stacked("{x}, {y}", 0),
    "broadcast_arrays": _stacked("{x}, {y}", 0, "[0]"),
    "meshgrid": _stacked("{x}, {y}", 1, "[1]", most=1),
    "split": _split,
    "repeat": _unary("cf.repeat({x}, 2, {axis})", 1),
    "tile": _unary("cf.tile({x}, (2, 1))", 1, most=3),
    "roll": _unary("cf.roll({x}, {k}, {axis})", 1),
    "pad": _unary("cf.pad({x}, 1)", 1, "fi", most=2),
    "diff": _unary("cf.diff({x}, 1, {axis})", 1),
    # products
    **dict.fromkeys(("dot", "matmul"), _product),
    "inner": _pair("cf.{word}({x}, {y})", -1, -1, most=2),
    "tensordot": _pair("cf.{word}({x}, {y}, ([-1], [-1]))", -1, -1, most=3),
    "vdot": _unary("cf.vdot({x}, {x})", kinds="fi"),
    "vecdot": _unary("cf.vecdot({x}, {x})", 1, "fi"),
    "cross": _crossed,
    "einsum": _einsum,
    **dict.fromkeys(("outer", "kron"), _outer),
    # conversion
    "cast": lambda word, source: _cast(source),
    "scaled": lambda word, source: scaled(source),
}
BY_MODULE: dict[str, Form] = {
    "reductions": _unary("cf.{word}({x}, {axes}{keep})"),
    "statistics": _unary("cf.{word}({x}, {axes}{keep})", kinds="fi"),
}
# words that have no value of their own to compare: copies, undefined values, printing, and what
# changes derivatives on purpose
ASIDE = frozenset(
    (*MODULES["cloning"].split(), *MODULES["differentiation"].split(), "empty", "empty_like")
    + (*MODULES["identities"].split(),)
)
METHODS = ("sum", "mean", "max", "min", "logsumexp")  # reductions that are older than `vocabulary`


def _median(source: Source) -> Text:
    v = source.value(1, "fiu")
    if not v.array.size:
        raise NoFit  # a median of nothing is refused
    return Text(f"cf.median({v.name}, {source.axis(v)})", (v.name,))


def _correlated(word: str, source: Source) -> Text:
    v = source.value(2, "f", 2)
    if v.array.shape[0] == 1 != v.tensor.shape[0]:
        raise NoFit  # NumPy drops the axes of a single row, whose extent is a symbol here
    return Text(f"cf.{word}({v.name})", (v.name,))


def _cast(source: Source) -> Text:
    v = source.value()
    target = source.one(["float64", "float32", "int64", "int32", "int8", "uint8", "bool"])
    if v.kind in "fi" and target.startswith("u") and (v.array < 0).any():
        raise NoFit  # of a negative float the result is undefined
    return Text(f'cf.cast({v.name}, "{target}")', (v.name,))


def forms() -> dict[str, Form]:
    """Every word, and how it is written."""
    found: dict[str, Form] = {
        public: lambda word, source: elementwise(OPERATIONS[word], source) for public in OPERATIONS
    }
    found |= {
        word: BY_MODULE[module]
        for word, module in WORDS.items()
        if module in BY_MODULE and word not in found
    }
    found |= dict.fromkeys(METHODS, BY_MODULE["reductions"])
    from tests.programs.solving import LINALG  # which is written in terms of this file

    return found | FORMS | LINALG


def missing() -> list[str]:
    """Words of the vocabulary that are never drawn."""
    known = forms()
    words = [*WORDS, *(f"linalg.{word}" for word in MATRIX_WORDS)]
    return [word for word in words if word not in known and word not in ASIDE]
