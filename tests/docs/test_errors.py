"""docs/errors.md is what new users read: every mistake is run, and every message has its parts."""

from __future__ import annotations

import builtins
import re
from pathlib import Path

import pytest
from tests.docs.mistakes import FILE, MISTAKES, SETUP, error_of, page

import closedform as cf

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
ROWS = [row for rows in MISTAKES.values() for row in rows]


def test_the_page_is_what_comes_out_now() -> None:
    cure = "run `python -m tests.docs.mistakes > docs/errors.md`"
    assert PAGE.read_text(encoding="utf-8") == page(), cure


def test_there_are_thirty_from_three_libraries() -> None:
    assert len(ROWS) >= 30 and len(MISTAKES) == 3


@pytest.mark.parametrize("title, code", ROWS, ids=[title for title, _ in ROWS])
def test_a_message_says_what_where_and_how_to_fix_it(title: str, code: str) -> None:
    error = error_of(code.strip())
    assert isinstance(error, cf.ClosedformError), type(error)
    assert error.found and error.fix
    place = re.match(rf"{FILE}:(\d+)", error.where)
    assert place, error.where
    assert SETUP.count("\n") < int(place[1]) <= (SETUP + code.strip()).count("\n") + 1
    kinds = [k for k in type(error).__mro__ if getattr(builtins, k.__name__, None) is k]
    assert len(kinds) > 3, "also a kind that Python has, besides Exception"


def test_what_only_a_call_can_show_names_the_line_that_built_it() -> None:
    code = dict(ROWS)["Shapes that do not match, when the function is called"].strip()
    line = [k for k, text in enumerate((SETUP + code).split("\n"), 1) if "x * w" in text]
    assert f"{FILE}:{line[0]}" in str(error_of(code))


SUGGESTED = {
    "cf.sigmiod": "sigmoid", "cf.special.gamaln": "gammaln", "cf.tensor.switsch": "switch",
    "cf.nnet.softmx": "softmax", "cf.linalg.solv": "solve", "cf.linalg.inverse": "cf.linalg.inv",
    "x.summ": "sum", "w.get_valeu": "get_value", "x.detach": "cf.disconnected_grad",
    "cf.Vector": "vector",
}  # fmt: skip


@pytest.mark.parametrize("name", SUGGESTED)
def test_wrong_names_get_a_suggestion(name: str) -> None:
    space = {"cf": cf, "x": cf.vector("x"), "w": cf.shared(1.0)}
    with pytest.raises(cf.UnknownNameError, match=rf"fix: .*\b{re.escape(SUGGESTED[name])}\b"):
        eval(name, space)  # noqa: S307 (a name of ours)
    owner, _, attribute = name.rpartition(".")
    assert not hasattr(eval(owner, space), attribute)  # noqa: S307
