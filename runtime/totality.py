"""What every operation is on every target: a page that is made by trying each one.

`python -m closedform operations` prints it; `docs/operations.md` holds it, and a test compares
both. A cell says what happened, or names the error that refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import closedform

from ..algebra import array_operations
from ..algebra.constructors import tensor as declared
from ..algebra.dtypes import SUPPORTED
from ..algebra.errors import ClosedformError
from ..algebra.gradient import grad
from ..algebra.graph import leaves
from ..algebra.latex import latex
from ..algebra.operations import FAMILIES, Operation
from ..algebra.tensor import Tensor
from ..algebra.text import pp
from ..emit import Unit, compile_unit
from ..emit.device_text import compile_device
from ..simplify.passes import compute_form
from .function import function

COLUMNS = (
    "operation", "NumPy", "derivative", "C", "CUDA", "LaTeX", "text", "no elements", "dtypes",
    "refuses",
)  # fmt: skip
LONG = 56  # characters of a derivative that is still shown
SIZES = {"n": 4, "d": 3, "m": 2, "p": 2, "k": 2}
EMPTY = {**SIZES, "n": 0, "k": 0}
GROUPS = (
    ("bool", ("bool",)),
    ("int", ("int8", "int16", "int32", "int64")),
    ("uint", ("uint8", "uint16", "uint32", "uint64")),
    ("float", ("float32", "float64")),
)

Values = dict[str, Tensor]


@dataclass(frozen=True)
class Entry:
    """An operation to try.

    name     as it is written behind `closedform.`
    call     an example, written out
    meaning  in NumPy's or SciPy's words
    make     the result, or results, of inputs by name
    inputs   shapes by name
    fixed    dtypes of inputs that the operation does not compute with
    """

    name: str
    call: str
    meaning: str
    make: Callable[[Values], Any]
    inputs: dict[str, tuple]
    fixed: dict[str, str]
    elementwise: bool = False

    def values(self, dtype: str = "float64", rank: int | None = None) -> Values:
        """Inputs of a dtype; of the shapes of the entry, or all of one rank."""
        return {
            name: declared(name, ("n",)[:rank] if rank is not None else shape,
                           dtype=self.fixed.get(name, dtype))
            for name, shape in self.inputs.items()
        }  # fmt: skip

    def plain(self, rank: int | None = None) -> Values:
        """Inputs of the first dtype that the operation takes: floats, integers, truth values."""
        for dtype in ("float64", "int64"):
            try:
                self.results(self.values(dtype))
            except ClosedformError:
                continue
            return self.values(dtype, rank)
        return self.values("bool", rank)

    def results(self, values: Values) -> list[Tensor]:
        """All results, in order."""
        found = self.make(values)
        return list(found) if isinstance(found, list | tuple) else [found]


def entries() -> dict[str, list[Entry]]:
    """The operations by family."""
    found = {family: [_elementwise(row) for row in rows] for family, rows in FAMILIES.items()}
    for family, call, meaning in array_operations.rows():
        found.setdefault(family, []).append(_called(call, meaning))
    return found


def _elementwise(row: Operation) -> Entry:
    names = ("x", "y", "z")[: len(row.domain)]
    arguments = ([str(row.order)] if row.order is not None else []) + list(names)
    function = resolved(row.public)
    meaning = f"{row.like}.{row.theirs or row.name}" if row.like else "of its own"
    return Entry(
        row.public,
        f"{row.public}({', '.join(arguments)})",
        f"{meaning}; {row.note}" if row.note else meaning,
        lambda values: function(
            *([row.order] if row.order is not None else []), *(values[n] for n in names)
        ),
        dict.fromkeys(names, ("n",)),
        {"x": "bool"} if row.choice else {},
        True,
    )


def _called(call: str, meaning: str) -> Entry:
    name = call[: call.index("(")]
    text = meaning or f"numpy.{name.removeprefix('tensor.')}"
    read = [n for n in array_operations.SHAPES if re.search(rf"(?<![\w.]){n}\b(?!\()", call)]
    return Entry(
        name,
        call,
        text,
        lambda values: eval(call, _Words(values)),  # noqa: S307 (a row of ours)
        {n: array_operations.SHAPES[n] for n in read},
        {"i": "int64", "b": "bool"},
    )


class _Words(dict):
    """Names of a call: inputs, then words of the door."""

    def __missing__(self, name: str) -> Any:
        return getattr(closedform, name)


def resolved(name: str) -> Any:
    """What a name behind `closedform.` stands for."""
    found: Any = closedform
    for part in name.split("."):
        found = getattr(found, part)
    return found


# ---------------------------------------------------------------- cells


def refusal(error: ClosedformError) -> str:
    return f"refused ({type(error).__name__})"


def derivative(entry: Entry) -> str:
    """The gradient by each input, as text; "0" where it is 0 by convention."""
    values = entry.plain(0 if entry.elementwise else None)
    results = [r for r in entry.results(values) if r.dtype.kind == "f"]
    floats = {n: x for n, x in values.items() if x.dtype.kind == "f"}
    if not results or not floats:
        return code("0")
    cost = sum((r.sum() for r in results[1:]), results[0].sum())
    found = []
    for name, x in floats.items():
        try:
            text = " ".join(pp(grad(cost, x, disconnected_inputs="ignore")).split())
            found.append((name, code(text) if len(text) <= LONG else "yes"))
        except ClosedformError as error:
            found.append((name, refusal(error)))
    if len({text for _, text in found}) == 1:
        return found[0][1]
    return ", ".join(f"by {name}: {text}" for name, text in found)


def unit(entry: Entry) -> Unit:
    """The operation alone, to be emitted."""
    values = entry.plain()
    nodes = tuple(compute_form([r.node for r in entry.results(values)]).outputs)
    inputs = tuple(x.node for x in values.values())
    constants = tuple(x for x in leaves(nodes) if x.spec.kind == "constant")
    return Unit(
        inputs, (), constants, nodes, (), tuple((x.dtype, "C") for x in (*inputs, *constants))
    )


CALL = re.compile(r"\b([a-z]\w*)(?:<\w+>)?\(")


def target(entry: Entry, emit: Callable[[Unit], Any]) -> str:
    """Which functions the kernels of a target call, or why there are none."""
    try:
        program = emit(unit(entry))
        text = program.render()
    except ClosedformError as error:
        return refusal(error)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    body = text[text.rindex("#define CF_FUNCTION") :] if "#define CF_FUNCTION" in text else text
    names = dict.fromkeys(_plain(n) for n in CALL.findall(body))
    library = [f"SciPy's {e.split('.')[-1].split('/')[0]}" for e in
               getattr(program, "externals", ()) if e.startswith("special.")]  # fmt: skip
    math = [n for n in names if n in LIBRARY or n in helpers()]
    found = [*library, *(code(n) for n in math)]
    return ", ".join(dict.fromkeys(found)) or "yes"


def _plain(name: str) -> str:
    helper = re.fullmatch(r"cf_([a-z]+)_\w+", name)
    if helper:
        return helper[1]
    return name[:-1] if name.endswith("f") and name[:-1] in LIBRARY else name


LIBRARY = frozenset(
    "exp exp2 expm1 log log2 log10 log1p cbrt sin cos tan asin acos atan atan2 sinh cosh tanh "
    "asinh acosh atanh hypot sqrt pow fabs floor ceil trunc rint copysign fmod erf erfc erfcx "
    "erfinv erfcinv normcdfinv tgamma lgamma cyl_bessel_i0 cyl_bessel_i1 signbit".split()
)


@cache
def helpers() -> frozenset[str]:
    """Functions of our own that kernels may call."""
    from ..emit.functions import FUNCTIONS

    text = "".join(row.c + (row.cuda or "") + row.integer for row in FUNCTIONS.values())
    return frozenset(re.findall(r"cf_([a-z]+)_\{t\}", text))


def nothing(entry: Entry) -> str:
    """What arrays without elements give."""
    values = entry.plain()
    try:
        results = entry.results(values)
        run = function(list(values.values()), results, mode="FAST_COMPILE",
                       on_unused_input="ignore")  # fmt: skip
        with np.errstate(all="ignore"):
            found = run(*(np.zeros(_extents(x), x.dtype) for x in values.values()))
    except (ClosedformError, IndexError) as error:
        return refusal(error) if isinstance(error, ClosedformError) else "refused (IndexError)"
    return ", ".join(dict.fromkeys(_described(a) for a in found))


def _extents(x: Tensor) -> tuple[int, ...]:
    return tuple(d if isinstance(d, int) else EMPTY[str(d)] for d in x.shape)


def _described(a: np.ndarray) -> str:
    """A shape, and the value where there are elements."""
    if not a.size:
        return f"shape {a.shape}"
    value = a.flat[0]
    same = np.all((a == value) | ((a != a) & (value != value)))
    return f"{value} of shape {a.shape}" if same else f"shape {a.shape}"


def dtypes(entry: Entry) -> tuple[str, str]:
    """(what each kind of dtype gives, what is refused)."""
    found: dict[str, str] = {}
    errors: dict[str, str] = {}
    for dtype in SUPPORTED:
        try:
            results = entry.results(entry.values(dtype))
            found[dtype] = "/".join(dict.fromkeys(r.dtype.name for r in results))
        except ClosedformError as error:
            errors[dtype] = type(error).__name__
    given = ", ".join(_group(name, members, found) for name, members in GROUPS)
    refused = [f"{d} ({e})" for d, e in errors.items()]
    accepted = re.sub(r"(^|, )(?=,|$)", "", ", ".join(x for x in given.split(", ") if x))
    return accepted or "none", ", ".join(_short(refused, errors)) or "complex"


def _group(name: str, members: Iterable[str], found: dict[str, str]) -> str:
    results = {d: found[d] for d in members if d in found}
    if not results:
        return ""
    if all(d == r for d, r in results.items()):
        return name
    kinds = set(results.values())
    return f"{name} → {kinds.pop()}" if len(kinds) == 1 else f"{name} → {_mixed(results)}"


def _mixed(results: dict[str, str]) -> str:
    """Results that depend on the width: their kind."""
    kinds = dict.fromkeys(re.sub(r"\d+", "", r) for r in results.values())
    return "/".join(kinds)


def _short(refused: list[str], errors: dict[str, str]) -> list[str]:
    for name, members in GROUPS:
        if len(members) > 1 and all(d in errors for d in members):
            kind = errors[members[0]]
            first = refused.index(f"{members[0]} ({kind})")
            refused = [r for r in refused if r.split(" ")[0] not in members]
            refused.insert(min(first, len(refused)), f"{name} ({kind})")
    return refused


# ---------------------------------------------------------------- the page


def code(text: str) -> str:
    """Text as code of a cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def formula(text: str) -> str:
    """LaTeX as a cell of a table."""
    one = " ".join(text.split())
    return "$" + one.replace(r"\|", r"\Vert ").replace("|", r"\vert ") + "$"


def cells(entry: Entry) -> tuple[str, ...]:
    """One row of the page, in the order of `COLUMNS`."""
    accepted, refused = dtypes(entry)
    try:
        results = entry.results(entry.plain(0 if entry.elementwise else None))
    except ClosedformError as error:
        reason = refusal(error)
        return (_name(entry), entry.meaning, *[reason] * 6, "none", reason)
    formulas = dict.fromkeys(formula(latex(r)) for r in results)
    texts = dict.fromkeys(" ".join(pp(r).split()) for r in results)
    return (
        _name(entry),
        entry.meaning,
        derivative(entry),
        target(entry, compile_unit),
        target(entry, compile_device),
        ", ".join(formulas),
        ", ".join(map(code, texts)),
        nothing(entry),
        accepted,
        refused,
    )


def _name(entry: Entry) -> str:
    others = aliases().get(entry.name, [])
    return code(entry.call) + (f", also {', '.join(map(code, others))}" if others else "")


@cache
def aliases() -> dict[str, list[str]]:
    """Per name of the door the others that are the same function."""
    found: dict[int, list[str]] = {}
    for name in public():
        found.setdefault(id(resolved(name)), []).append(name)
    return {n: [m for m in names if m != n] for names in found.values() for n in names}


def public() -> Iterator[str]:
    """Functions of the door that make tensors of tensors."""
    for prefix, module in (("", closedform), ("special.", closedform.special)):
        for name in sorted(module.__all__):
            if prefix and getattr(closedform, name, None) is getattr(module, name):
                continue
            if callable(getattr(module, name)):
                yield prefix + name


INTRODUCTION = """# Operations

Every operation, tried: `python -m closedform operations` makes this page, and a test compares both.

* **NumPy**: the function that it means, with that function's values at the edges.
* **derivative**: of the example by each argument, as a formula; by whole arrays, of the sum of the
  result ("yes" where the formula is long).
* **C**, **CUDA**: the functions that kernels call, or that it is refused; "yes" if arithmetic and
  loops are all.
* **no elements**: the example with n = k = 0 (d = 3, m = p = 2).
* **dtypes**: what is accepted, and what becomes of it; a kind alone stays as it is.
* **refuses**: dtypes, with the error that names them. Complex numbers and objects are refused by
  every operation (`DTypeError`).
"""


def page() -> str:
    """The page, in Markdown."""
    lines = [INTRODUCTION]
    for family, rows in entries().items():
        lines += [f"## {family[0].upper()}{family[1:]}", ""]
        lines += [f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS)]
        lines += [f"| {' | '.join(cells(entry))} |" for entry in rows]
        lines.append("")
    return "\n".join(lines)
