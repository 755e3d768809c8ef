"""`python -m closedform derive`: the derivative of a text, as a formula or as a file that runs."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..algebra.errors import EmitError, ParseError
from ..algebra.gradient import hessian, jacobian
from ..algebra.latex import latex
from ..algebra.origin import reading
from ..algebra.parsing import inputs, parse
from ..algebra.suggestions import meant
from ..algebra.tensor import Tensor
from ..algebra.text import pp
from ..emit.standalone import content
from ..emit.standalone_c import c_file
from ..emit.standalone_cuda import cuda_file
from ..emit.standalone_numpy import numpy_file

FILES = {"numpy": numpy_file, "c": c_file, "cuda": cuda_file}  # a writer per language
EPILOG = """\
examples:
  python -m closedform derive "sum(log(1 + exp(-y*(X@w))))" --wrt w \\
      --shape X=n,d --shape w=d --shape y=n
  ... --emit c --output loss.c                             then: cc -O3 loss.c -lm && ./a.out
  ... --emit cuda --size n=60000 --size d=784 > loss.cu    then: nvcc loss.cu && ./a.out

Names without --shape are scalars. A text that begins with a minus sign is fine. Files have the
cost and its derivatives as functions; run as programs, they check the derivatives.
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
    p.add_argument("--wrt", action="append", default=[], metavar="NAME", help="by what: w, or w,b; "
                   "may be left out where there is one variable")  # fmt: skip
    p.add_argument("--shape", action="append", default=[], type=declaration, metavar="NAME=n,d",
                   help="extents of a variable: names or numbers")  # fmt: skip
    p.add_argument("--hessian", action="store_true", help="the second derivative")
    p.add_argument("--latex", action="store_true", help="print LaTeX")
    p.add_argument("--emit", choices=tuple(FILES), help="print a file that runs on its own, "
                   "with a check of the derivative")  # fmt: skip
    p.add_argument("--size", action="append", default=[], type=size, metavar="n=1000",
                   help="for cuda: the number of an extent with a name")  # fmt: skip
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


def size(text: str) -> tuple[str, int]:
    """`n=1000` as ("n", 1000)."""
    name, _, number = (part.strip() for part in text.partition("="))
    if not name.isidentifier() or not re.fullmatch(r"[1-9]\d{0,17}", number):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=1000")
    return name, int(number)


def run(options: argparse.Namespace) -> int:
    """Print what was asked for."""
    with reading(options.text.strip()):
        cost = parse(options.text, **_shapes(options))
        known = inputs(cost)
        names = _names(options, known)
        if options.emit or options.output or options.size:
            return _emit(options, cost, known, names)
        wanted = {name: _derivative(cost, known[name], options.hessian) for name in names}
        show = latex if options.latex else pp
        for name, value in wanted.items():
            label = f"{name}: " if len(wanted) > 1 else ""
            print(f"{label}{show(value)}")
    return 0


def _names(options: argparse.Namespace, known: Mapping[str, Tensor]) -> list[str]:
    """What to differentiate by."""
    names = [name.strip() for names in options.wrt for name in names.split(",") if name.strip()]
    if not names and len(known) != 1:
        raise ParseError(
            f"no --wrt: the expression has {', '.join(known) or 'no variable'}",
            where=f"in the options for {options.text.strip()}",
            fix=f"add --wrt {next(iter(known))}" if known else "name what varies, as in x**2",
        )
    for name in names:
        if name not in known:
            raise ParseError(
                f"--wrt {name}: the expression has no such variable",
                where=f"in the options for {options.text.strip()}",
                fix=meant(name, known) or f"it has {', '.join(known) or 'none'}",
            )
    return list(dict.fromkeys(names)) or list(known)


def _emit(
    options: argparse.Namespace,
    cost: Tensor,
    known: Mapping[str, Tensor],
    names: Sequence[str],
) -> int:
    """Print or write a file that needs no closedform."""
    if options.size and options.emit != "cuda":
        found, fix = "--size without --emit cuda", "leave it out: extents keep their names"
    elif not options.emit:
        found, fix = "--output without --emit", "write --emit numpy, c or cuda"
    else:
        found, fix = "--emit with --latex" * options.latex, "write one: a file holds no LaTeX"
    if found:
        raise EmitError(found, where=f"in the options for {options.text.strip()}", fix=fix)
    title, sizes = " ".join(options.text.split()), dict(options.size)
    made = content(title, cost, known, names, options.hessian, sizes)
    text = FILES[options.emit](made)
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


def _shapes(options: argparse.Namespace) -> dict[str, tuple]:
    found: dict[str, tuple] = {}
    for name, shape in options.shape:
        if found.setdefault(name, shape) != shape:
            raise ParseError(f"two shapes for {name!r}", fix="give --shape once per variable")
    return found


def _derivative(cost: Tensor, wrt: Tensor, second: bool) -> Tensor:
    return hessian(cost, wrt) if second else jacobian(cost, wrt)
