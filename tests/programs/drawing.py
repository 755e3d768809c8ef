"""The strategy: well-typed programs over the whole vocabulary.

A line is kept if both closedform and NumPy accept it, and if its value is finite and moderate; else
another one is drawn, so that every example is a program. What only closedform refuses is
remembered.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine
from hypothesis.internal.conjecture.providers import HypothesisProvider
from tests.programs.grammar import NoFit, Source, Value, forms
from tests.programs.meaning import REFERENCE
from tests.programs.program import Input, Line, Program, needed

import closedform as cf
from closedform.simplify.derive import Deriver

MOST_ELEMENTS = 400
LARGEST = 1e4
SHRINKING = 60  # seconds, at most
FORMS = forms()
COMMON = ["add", "multiply", "scaled", "subtract", "sum", "getitem", "dot", "divide", "mean"]
WORDS = [*COMMON, *FORMS, *COMMON, *COMMON, *(w for w in FORMS if w.startswith("linalg."))]
DTYPES = ["float64"] * 9 + ["float32"] * 4 + ["int64", "int32", "bool"] * 2
DTYPES += ["int8", "int16", "uint8", "uint16", "uint32", "uint64"]
SHAPES = ((), ("n",), ("n", "m"), ("n", 1), (1, "m"), ("m",), ("m", "k"), ("n", "n"), (3,), (None,))
SHAPES += (("n", "m", "k"), ("k", "n", "m"), (2, "n"), ("n", None), ("k", 1, "n"), ("n", 2, 1, "m"))
SHAPES += (("k", "n", "m", 2), (1, 1), (None, "m", 2))
EXTENTS = ((5, 4, 3), (3, 2, 5), (17, 3, 2), (7, 9, 4), (33, 4, 1), (4, 1, 6), (3, 0, 2), (0, 3, 2))
NUMPY_REFUSES = (TypeError, ValueError, IndexError, ZeroDivisionError, AttributeError)


@st.composite
def inputs(draw: Callable) -> tuple[Input, ...]:
    """Inputs of ranks 0 to 4; extents are numbers, names, or unknown."""
    named = dict(zip(("n", "m", "k"), draw(st.sampled_from(EXTENTS)), strict=True))
    found = []
    for number in range(draw(st.integers(1, 3))):
        dims = draw(st.sampled_from(SHAPES))
        sizes = {**named, None: named["n"] if named["n"] > 1 else 2}
        shape = tuple(d if isinstance(d, int) else sizes[d] for d in dims)
        found.append(Input(f"x{number}", dims, draw(st.sampled_from(DTYPES)), shape))
    return tuple(found)


@st.composite
def programs(draw: Callable, most: int = 14) -> Program:
    """A program of some lines, one to three outputs, and perhaps a gradient."""
    given_inputs = draw(inputs())
    number = draw(st.integers(0, 999))
    scope: dict[str, Any] = {"cf": cf, "np": np}
    arrays: dict[str, Any] = {"cf": REFERENCE, "np": np}
    values, lines, refused = [], [], []
    for x in given_inputs:
        arrays[x.name] = x.array(number)
        scope[x.name] = cf.tensor(x.name, x.dims, x.dtype)
        values.append(Value(x.name, scope[x.name], arrays[x.name]))
    for _ in range(draw(st.integers(1, most))):
        word = draw(st.sampled_from(WORDS))
        try:
            written = FORMS[word](word, Source(draw, values))
        except NoFit:
            continue
        name = f"v{len(lines) + 1}"
        line = Line(name, word, written.text, written.reference, written.reads)
        value = _tried(line, scope, arrays, refused)
        if value is not None:
            lines.append(line)
            values.append(value)
            scope[name], arrays[name] = value.tensor, value.array
            if value.tensor.ndim != value.array.ndim:
                break  # that is wrong, and the check will say so
    made = [v for v in values if v.name[0] == "v"] or values[-1:]
    last = made[-1]
    unread = {v.name for v in made} - {name for line in lines for name in line.reads}
    others = sorted(unread - {last.name}, reverse=True)
    outputs = (last.name, *others[: draw(st.integers(0, 2))])
    kept, read = needed(lines, outputs)
    used = tuple(x for x in given_inputs if x.name in read) or given_inputs[:1]
    wrt = _differentiated(draw, last, kept, used, scope)
    return Program(
        used, tuple(kept), outputs, number, last.name if wrt else "", wrt, tuple(refused)
    )


def _tried(line: Line, scope: dict, arrays: dict, refused: list[str]) -> Value | None:
    """The value of a line, if it has one and it is moderate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            array = line.of_arrays(arrays)
        except NUMPY_REFUSES:
            return None
    if array.dtype.kind not in "fiub" or array.dtype.itemsize == 2 and array.dtype.kind == "f":
        return None
    if array.ndim > 4 or array.size > MOST_ELEMENTS:
        return None
    if not np.isfinite(array).all() or (np.abs(array.astype(float)) > LARGEST).any():
        return None
    try:
        tensor = line.of(scope)
    except cf.ClosedformError as error:
        refused.append(f"{line.word}: {error}")
        return None
    return Value(line.name, tensor, array)


def _differentiated(
    draw: Callable, last: Value, lines: list[Line], used: tuple[Input, ...], scope: dict
) -> tuple[str, ...]:
    """The inputs to differentiate by: floats that the last value depends on smoothly."""
    if last.kind != "f" or not last.array.size or not draw(st.booleans()):
        return ()
    found = []
    cost = cf.sum(cf.square(last.tensor))
    _, read = needed(lines, [last.name])
    for x in used:
        if x.dtype.startswith("float") and x.name in read:
            try:
                Deriver().run([cf.grad(cost, scope[x.name]).node])
            except cf.ClosedformError:
                continue
            found.append(x.name)
    return tuple(found)


# ---------------------------------------------------------------- the example of a seed


def drawn(number: int) -> Program:
    """The program that a seed gives."""
    found: list[Program] = []
    _example(number, found.append)
    return found[-1]


def shrunk(number: int, complaint: Callable[[Program], str]) -> None:
    """Let Hypothesis look for the simplest program of a seed that there is a complaint about.

    Raises
    ------
    AssertionError
        With the complaint and the text of that program.
    """

    def judged(program: Program) -> None:
        message = complaint(program)
        assert not message, f"seed {number}: {message}\n\n{program.source()}\n"

    _example(number, judged, Phase.shrink)


def _example(number: int, take: Callable[[Program], None], *phases: Phase) -> None:
    """Two examples: the simplest one that there is, then one of the seed's."""

    @seed(number)
    @settings(
        max_examples=2,
        database=None,
        deadline=None,
        phases=(Phase.generate, *phases),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(programs())
    def example(program: Program) -> None:
        take(program)

    # else it also draws numbers that stand in whatever modules happen to be imported
    plain = mock.patch.object(HypothesisProvider, "_maybe_draw_constant", lambda *args, **kw: None)
    patient = mock.patch.object(engine, "MAX_SHRINKING_SECONDS", SHRINKING)
    with plain, patient:
        example()
