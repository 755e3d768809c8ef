"""`python -m closedform derive`: the derivative of a text, as a formula or as a file that runs."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..algebra.array_names import RESERVED, spelled
from ..algebra.errors import EmitError, ParseError
from ..algebra.gradient import hessian, jacobian
from ..algebra.latex import latex
from ..algebra.notation import Symbol
from ..algebra.origin import reading
from ..algebra.parsing import inputs, parse
from ..algebra.suggestions import meant
from ..algebra.tensor import Tensor
from ..algebra.text import pp
from ..emit.standalone import Formula, numpy_file

EPILOG = """\
example:
  python -m closedform derive "sum(log(1 + exp(-y*(X@w))))" --wrt w \\
      --shape X=n,d --shape w=d --shape y=n

Names without --shape are scalars. A text that begins with a minus sign is fine.
"""


def add(commands: Any) -> None:
    """Declare the command."""
    text = "the derivative of an expression, as a formula or as a file that runs"
    p = commands.add_parser(
        "derive",
        help=text,
        description=f"Print {text}.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("text", help="an expression, written as for NumPy")
    p.add_argument("--wrt", action="append", required=True, metavar="NAME", help="by what; again "
                   "for several")  # fmt: skip
    p.add_argument("--shape", action="append", default=[], type=declaration, metavar="NAME=n,d",
                   help="extents of a variable: names or numbers")  # fmt: skip
    p.add_argument("--hessian", action="store_true", help="the second derivative")
    p.add_argument("--latex", action="store_true", help="print LaTeX")
    p.add_argument("--emit", choices=("numpy", "c", "cuda"), help="print a file that runs on its "
                   "own, with a check of the derivative (only numpy is built so far)")  # fmt: skip
    p.add_argument("--output", type=Path, metavar="FILE", help="write the file there")
    p.set_defaults(run=run)


def positional(arguments: Sequence[str]) -> list[str]:
    """Arguments in which a text that begins with a minus sign is not taken for an option."""
    option = re.compile(r"--|-[A-Za-z]$")
    return [a if not a.startswith("-") or option.match(a) else f" {a}" for a in arguments]


def declaration(text: str) -> tuple[str, tuple[str | int, ...]]:
    """`X=n,5` as ("X", ("n", 5)); nothing, or (), after the sign is a scalar."""
    name, sign, shape = text.partition("=")
    items = [s.strip() for s in shape.strip().removeprefix("(").removesuffix(")").split(",")]
    items = [s for s in items if s]
    plain = all(re.fullmatch(r"\d{1,18}|[^\W\d]\w*", s) for s in items)
    if not sign or not name.strip().isidentifier() or not plain:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=n,d or NAME=5,3")
    return name.strip(), tuple(int(s) if s.isdigit() else s for s in items)


def run(options: argparse.Namespace) -> int:
    """Print what was asked for."""
    with reading(options.text.strip()):
        cost = parse(options.text, **_shapes(options))
        known = inputs(cost)
        for name in options.wrt:
            if name not in known:
                raise ParseError(
                    f"--wrt {name}: the expression has no such variable",
                    fix=meant(name, known) or f"it has {', '.join(known) or 'none'}",
                )
        if options.emit or options.output:
            return _emit(options, cost, known)
        wanted = {name: _derivative(cost, known[name], options.hessian) for name in options.wrt}
        show = latex if options.latex else pp
        for name, value in wanted.items():
            label = f"{name}: " if len(wanted) > 1 else ""
            print(f"{label}{show(value)}")
    return 0


def _emit(options: argparse.Namespace, cost: Tensor, known: Mapping[str, Tensor]) -> int:
    """Print or write a file that needs no closedform."""
    if options.emit != "numpy" or options.latex:
        found = f"--emit {options.emit}" if options.emit else "--output without --emit"
        raise EmitError(
            f"{found}{' --latex' * options.latex}: the only file that is built is of NumPy text",
            where=f"in the options for {options.text.strip()}",
            fix="write --emit numpy; cf.function(inputs, outputs).source has the C of a function",
        )
    text = _file(options, cost, known)
    if options.output is None:
        print(text, end="")
        return 0
    try:
        options.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EmitError(
            f"{options.output} cannot be written: {error.strerror}",
            where="in --output",
            fix="name a file in a folder that exists and that you may write to",
        ) from None
    return 0


def _file(options: argparse.Namespace, cost: Tensor, known: Mapping[str, Tensor]) -> str:
    for name in known:
        if name in RESERVED or spelled(Symbol(name, 0)) != name:
            raise EmitError(
                f"--emit numpy: the variable {name!r} has no plain name in a file",
                where=f"in {options.text.strip()}",
                fix="call it something else, in ASCII letters",
            )
    formulas = [Formula("cost", "the cost", pp(cost, form="ascii"))]
    header: list[str] = []
    for name in dict.fromkeys(options.wrt):
        suffix = f"_{name}" if len(set(options.wrt)) > 1 else ""
        first = ("jacobian" if cost.ndim else "gradient") + suffix
        orders = [(first, "cost", "derivative"), (f"hessian{suffix}", first, "second derivative")]
        for word, of, what in orders[: 1 + options.hessian]:
            value = _derivative(cost, known[name], what != "derivative")
            header += f"{word}: {pp(value)}".splitlines()
            text = pp(value, form="ascii")
            formulas.append(Formula(word, f"the {what} of the cost by {name}", text, of, name))
    shapes = {
        n: tuple(e if isinstance(e, int) else str(e) for e in x.shape) for n, x in known.items()
    }
    return numpy_file(" ".join(options.text.split()), header, shapes, formulas)


def _shapes(options: argparse.Namespace) -> dict[str, tuple]:
    found: dict[str, tuple] = {}
    for name, shape in options.shape:
        if found.setdefault(name, shape) != shape:
            raise ParseError(f"two shapes for {name!r}", fix="give --shape once per variable")
    return found


def _derivative(cost: Tensor, wrt: Tensor, second: bool) -> Tensor:
    return hessian(cost, wrt) if second else jacobian(cost, wrt)
