"""Text in: NumPy-like expressions, read through a whitelist over Python's syntax (never `eval`)."""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
import warnings
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from . import caret, parse_hints, parse_words
from .constructors import entries, tensor
from .dims import Dim, FreshDim
from .dtypes import dtype_of
from .errors import ExpressionError, ParseError
from .graph import leaves
from .node import input_leaf
from .origin import here
from .parse_tree import Reader
from .suggestions import meant
from .tensor import Tensor, as_tensor

LENGTH = 10_000  # characters
NUMBERS = {"pi": np.pi, "inf": np.inf, "nan": np.nan}  # unless they are declared
DEFINITION = re.compile(r"\s*[^\W\d]\w*\s*=(?!=)")


def parse(text: str, declarations: Mapping[str, Any] | None = None, /, **shapes: Any) -> Tensor:
    """Read an expression written as for NumPy.

    Parameters
    ----------
    text : operators, comparisons, calls of this library's functions by their names (or `np.exp`,
        `tr`, `mpow`), `.T` and other attributes, indices, numbers, and
        `(lambda r: r.T @ r)(X @ w - y)` to name a part. Lines `name = expression` before the
        expression name parts too: what `cf.pp(t, form="ascii")` prints is read back.
    declarations, shapes : what names stand for. A shape, such as `("n", "d")`, `"n"` or `()`, makes
        an input; a tensor is used itself; an array is a constant; an extent such as `X.shape[0]` is
        a number; a Python function of tensors may be called. Names of extents stand for themselves,
        so `sum(y)/n` works where `y=("n",)`; `pi`, `inf` and `nan` are numbers. Every other name
        is a scalar input.

    Returns
    -------
    A tensor; `cf.inputs` gives its variables by name.

    Raises
    ------
    ParseError for text that is no expression, for unknown functions, for what a text may not do and
    for declarations that nothing uses; ShapeError and DTypeError for operands that do not fit. All
    show the text with a caret under the place.

    >>> import closedform as cf
    >>> cost = cf.parse("sum((X@w - y)**2)/2", X=("n", "d"), w=("d",), y=("n",))
    >>> print(cf.pp(cf.grad(cost, cf.inputs(cost)["w"])))
    X^T(Xw - y)
    """
    definitions, text = _lines(text)
    names = {n: _declared(n, v) for n, v in {**(declarations or {}), **shapes}.items()}
    for dim in _dims(names.values()):
        names.setdefault(dim.name, dim)
    reader = Reader(text, names, _undeclared)
    for line in definitions:
        reader.text = line
        reader.define(_statement(line))
    reader.text = text
    tree = cast(ast.Expression, _tree(text, "eval")).body
    value = reader.read(tree)
    reader.check_definitions()
    _check_used(set(shapes), reader.used)
    if isinstance(value, tuple | list | str) or value is None:
        raise reader.error(tree, f"a {type(value).__name__} instead of an expression",
                           "write one expression")  # fmt: skip
    return as_tensor(value)


def inputs(*expressions: Tensor) -> dict[str, Tensor]:
    """The inputs and shared variables of expressions by name, in order of first appearance.

    Raises ExpressionError for variables without a name, and for two with one name.

    >>> import closedform as cf
    >>> list(cf.inputs(cf.parse("w @ x + b", w="d", x="d")))
    ['w', 'x', 'b']
    """
    found: dict[str, Tensor] = {}
    for leaf in leaves([as_tensor(e).node for e in expressions]):
        if leaf.spec.kind not in ("input", "shared"):
            continue
        if leaf.label is None or leaf.label in found:
            what = "an input without a name" if leaf.label is None else "two inputs of one name"
            raise ExpressionError(
                f"{what}{'' if leaf.label is None else f', {leaf.label!r}'}",
                where=here(),
                fix="give every input a name of its own",
            )
        found[leaf.label] = Tensor(leaf)
    return found


def _lines(text: Any) -> tuple[list[str], str]:
    """The lines that define names, and the expression after them on one line."""
    if not isinstance(text, str):
        raise ParseError(
            f"an expression of type {type(text).__name__}", where=here(), fix="give a string"
        )
    if len(text) > LENGTH:
        raise ParseError(
            f"a text of {len(text)} characters",
            where=here(),
            fix=f"use at most {LENGTH}: parse parts, and hand the tensors over by name",
        )
    lines = [" ".join(line.split()) for line in text.split("\n") if line.strip()]
    count = next((k for k, line in enumerate(lines) if not DEFINITION.match(line)), len(lines))
    if count == len(lines):
        name = lines[-1].partition("=")[0].strip() if lines else ""
        fix = f"leave out '{name} =', or write what uses {name} in a line after it"
        raise ParseError(
            f"{'definitions' if lines else 'a text'} without an expression",
            where=here(),
            fix=fix if lines else "write one, as 'x + y'",
        )
    return lines[:count], " ".join(lines[count:])


def _statement(line: str) -> ast.stmt:
    """The syntax tree of a definition."""
    found = cast(ast.Module, _tree(line, "exec")).body
    if len(found) > 1:
        where = str(caret.of_node(line, found[1]))
        raise ParseError("two statements in a line", where=where, fix="write one definition a line")
    return found[0]


def _tree(text: str, mode: str) -> ast.AST:
    """The syntax tree of one expression or definition."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode=mode)
    except SyntaxError as error:
        raise ParseError(
            f"this is no expression: {error.msg}",
            where=str(caret.of_error(text, error)),
            fix=parse_hints.of_syntax(text, error.msg),
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        reason = "it holds a character that no text has" if isinstance(error, ValueError) else (
            "it is nested too deeply"
        )  # fmt: skip
        raise ParseError(
            f"this is no expression: {reason}",
            where=here(),
            fix="parse parts, and hand the tensors over by name",
        ) from None


def _declared(name: Any, value: Any) -> Any:
    """What a declared name stands for."""
    plain = isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)
    if not plain or unicodedata.normalize("NFKC", name) != name:
        raise ParseError(
            f"a declaration of {name!r}", where=here(), fix="use a name as Python has them"
        )
    if isinstance(value, Tensor | Dim | FreshDim):
        return value
    if isinstance(value, np.ndarray):
        return as_tensor(value, name)
    if callable(value):
        return value
    if value is None:
        raise ParseError(
            f"None as the shape of {name!r}",
            where=here(),
            fix="give a shape such as ('n', 'd'), or () for a scalar",
        )
    return tensor(name, entries(value))


def _dims(values: Any) -> list[Dim]:
    """Named extents of declared tensors."""
    return [d for t in values if isinstance(t, Tensor) for d in t.shape if isinstance(d, Dim)]


def _undeclared(name: str) -> Tensor | float:
    """The number or the scalar input that a name without a declaration stands for."""
    parse_words.check_name(name)
    if name in NUMBERS:
        return NUMBERS[name]
    return Tensor(input_leaf((), dtype_of(None), name))


def _check_used(given: set[str], used: set[str]) -> None:
    """Raise ParseError for declarations that the text does not use."""
    for name in sorted(given - used):
        raise ParseError(
            f"{name!r} is declared, and the text does not use it",
            where=here(),
            fix=meant(name, used) or "remove the declaration",
        )
