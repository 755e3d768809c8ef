"""A file of NumPy functions that needs no closedform: cost, derivatives, and a check that runs.

A formula comes in as NumPy text (`pp(t, form="ascii")`); what its names mean is decided here: an
argument, an extent, a function of NumPy, or a row of `DEFINITIONS`. Any other name is refused.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

import numpy as np

from ..algebra.array_names import RESERVED, spelled
from ..algebra.notation import Symbol
from ..algebra.primitives import PRIMITIVES
from ..algebra.text import pp
from ..algebra.version import VERSION
from .numpy_definitions import DEFINITIONS
from .render import fill
from .standalone import Content, Formula, refuse
from .wrapping import WIDTH, comment, wrapped

OWN = {"np", "sys", "checked", "extents"}  # what every function of a file uses
FLOATING = {n for n, row in PRIMITIVES.items() if row.arity and not row.boolean and not row.truths}
CHOOSING = {"where"}  # their truth values stay truth values


@dataclass(frozen=True)
class Function:
    """A formula as the template takes it."""

    name: str
    what: str
    extents: tuple[str, ...]
    lines: tuple[str, ...]
    result: str


def numpy_file(content: Content) -> str:
    """Return the text of a Python file with a function per formula.

    Raises
    ------
    EmitError
        For a name that the file uses itself or cannot have, and for an operation that NumPy does
        not have.
    """
    shapes = content.shapes
    extents = {e for shape in shapes.values() for e in shape if isinstance(e, str)}
    _check_names(content, extents)
    extents -= RESERVED  # written as a shape
    used: set[str] = set()
    functions = [_function(content, f, extents, used) for f in content.formulas]
    checks = ", ".join(f'({f.name}, {f.of}, "{f.wrt}")' for f in content.formulas if f.of)
    text = fill(
        "numpy/unit.py.j2",
        header=comment(content.explained, "#"),
        version=VERSION,
        shapes=[(f'"{name}"', _tuple(shape)) for name, shape in shapes.items()],
        arguments=", ".join(shapes),
        definitions=[text.strip() for name, text in DEFINITIONS.items() if name in used],
        functions=functions,
        checks=checks,
    )
    return wrapped(text, least=1)


def _check_names(content: Content, extents: set[str]) -> None:
    for name in content.inputs:
        if name in RESERVED or spelled(Symbol(name, 0)) != name:
            raise refuse(
                "numpy",
                f"the variable {name!r} has no plain name in a file",
                content.where,
                "call it something else, in ASCII letters",
            )
    for name in [*content.inputs, *extents]:
        if name in OWN or (name in content.inputs and name in extents):
            raise refuse(
                "numpy",
                f"{name!r} would have two meanings in the file",
                content.where,
                "call the variable or the extent something else",
            )


def _tuple(shape: tuple[str | int, ...]) -> str:
    items = [str(e) if isinstance(e, int) else f'"{e}"' for e in shape]
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def _function(content: Content, f: Formula, extents: set[str], used: set[str]) -> Function:
    *definitions, last = pp(f.value, form="ascii").splitlines()
    pairs = [tuple(line.split(" = ", 1)) for line in definitions]
    names = set(content.inputs) | {name for name, _ in pairs}
    truths: set[str] = set()
    found: set[str] = set()
    lines = []
    for name, text in [*pairs, ("", last)]:
        tree = ast.parse(text, mode="eval").body
        if _truth(tree, truths):
            truths.add(name)
        where = f"in {f.what}: {content.title}"
        lines.append(_Qualified(where, names, extents, truths).text(text, tree, used, found))
    *parts, result = map(_bracketed, lines)
    assigned = [f"{name} = {text}" for (name, _), text in zip(pairs, parts, strict=True)]
    return Function(f.name, f.what, tuple(sorted(found)), tuple(assigned), result)


def _bracketed(text: str) -> str:
    """A text in brackets if it is long, so that it can be broken into lines."""
    return f"({text})" if len(text) > WIDTH - 20 else text


@dataclass(frozen=True)
class _Qualified:
    """Expressions with NumPy's prefix in front of NumPy's names."""

    where: str
    names: set[str]
    extents: set[str]
    truths: set[str]

    def text(self, text: str, tree: ast.expr, used: set[str], found: set[str]) -> str:
        put: list[tuple[int, str]] = []  # where to insert what
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                if node.id in self.names:
                    continue
                if node.id in self.extents:
                    found.add(node.id)
                elif node.id in DEFINITIONS:
                    used.add(node.id)
                else:
                    put.append((node.col_offset, self._prefix(node.id)))
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in FLOATING - CHOOSING:
                for a in node.args:
                    if _truth(a, self.truths):  # NumPy would give half precision
                        put += [(a.col_offset, "1.0 * ("), (a.end_col_offset or 0, ")")]
        for place, piece in sorted(put, key=lambda p: p[0], reverse=True):
            text = text[:place] + piece + text[place:]
        return text

    def _prefix(self, name: str) -> str:
        if hasattr(np, name):
            return "np."
        if hasattr(np.linalg, name):
            return "np.linalg."
        raise refuse(
            "numpy",
            f"{name} is no function of NumPy, so the file cannot stand alone",
            self.where,
            "compile it with cf.function, or write the expression without it",
        )


def _truth(e: ast.expr, truths: set[str]) -> bool:
    """Whether an expression has truth values."""
    if isinstance(e, ast.BinOp) and isinstance(e.op, (ast.BitAnd, ast.BitOr)):
        return _truth(e.left, truths)
    if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.Invert):
        return _truth(e.operand, truths)
    if isinstance(e, ast.Subscript):
        return _truth(e.value, truths)
    return isinstance(e, ast.Compare) or (isinstance(e, ast.Name) and e.id in truths)
