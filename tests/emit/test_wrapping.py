"""Long lines of emitted files: they mean the same, and end where they may."""

from __future__ import annotations

import ast

import pytest

from closedform.emit.wrapping import WIDTH, comment, wrapped

SUM = " + ".join(f"f(x[{k}], 'a b {k}')*y" for k in range(40))


def test_python_ends_lines_within_brackets() -> None:
    text = f"def f(x, y):\n    return ({SUM})\n"
    made = wrapped(text, least=1)
    assert ast.dump(ast.parse(made)) == ast.dump(ast.parse(text))
    assert max(map(len, made.splitlines())) <= WIDTH < max(map(len, text.splitlines()))
    assert all(line.startswith("        ") for line in made.splitlines()[2:])


def test_c_keeps_its_words_and_directives() -> None:
    text = f"#define MACRO(x) {SUM}\n    y = {SUM};\n#pragma once\n"
    made = wrapped(text)
    lines = made.splitlines()
    assert max(map(len, lines)) <= WIDTH and lines[0].endswith(" \\")
    assert made.replace(" \\\n", "\n").split() == text.split()


WORDS = "a b " * 60


@pytest.mark.parametrize("line", ["x" * 300, "a b", "# " + WORDS, f"'{WORDS}'", f"f() {WORDS}"])
def test_what_cannot_be_broken_is_left(line) -> None:
    assert wrapped(line, least=1) == line.rstrip() + "\n"


def test_a_line_ends_after_an_argument_rather_than_in_one() -> None:
    line = f"f({', '.join(f'int64_t argument{k}' for k in range(9))});"
    assert all(part.endswith((",", ";")) for part in wrapped(line).splitlines())


def test_comments_end_where_they_end() -> None:
    lines = comment("a */ b\n\n" + "word " * 40, " *")
    assert lines[:2] == [" * a * / b", " *"] and max(map(len, lines)) <= WIDTH
