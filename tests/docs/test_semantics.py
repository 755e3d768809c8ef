"""Every numbered sentence of docs/semantics.md is backed by a test whose name carries its number.

`test_4_2_a_learning_rate_is_an_argument` backs 4.2. A test may back several sentences by the marker
`semantics("4.2", ...)`. `python tests/docs/test_semantics.py` prints the table.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = re.compile(r"^(\d+\.\d+) (.*)$", re.MULTILINE)
NAME = re.compile(r"test_(\d+)_(\d+)_")
# sentence -> issue in which it is built
LATER: dict[str, str] = {}


def sentences() -> dict[str, str]:
    """Number -> text of each numbered sentence."""
    text = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
    return dict(SENTENCE.findall(text))


def backing() -> dict[str, list[str]]:
    """Number -> the tests that carry it, as `folder/file.py::name`."""
    found = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in numbers(node):
                    found[number].append(f"{path.relative_to(ROOT / 'tests')}::{node.name}")
    return found


def numbers(test: ast.FunctionDef) -> set[str]:
    named = NAME.match(test.name)
    found = {".".join(named.groups())} if named else set()
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith("mark.semantics"):
            found |= {ast.literal_eval(word) for word in mark.args}
    return found


def test_every_sentence_is_tested_or_later():
    backed = backing()
    missing = [n for n in sentences() if n not in backed and n not in LATER]
    assert missing == [], "sentences of docs/semantics.md without a test"


def test_no_test_carries_a_number_that_no_sentence_has():
    unknown = {n: names for n, names in backing().items() if n not in sentences()}
    assert unknown == {}


def test_what_is_later_is_a_sentence_and_not_tested_yet():
    assert set(LATER) <= set(sentences())
    assert not set(LATER) & set(backing()), "remove it from LATER: it is tested"


def table() -> str:
    backed = backing()
    lines = []
    for number, text in sentences().items():
        lines.append(f"{number}  {text[:80]}")
        lines += [f"       {name}" for name in backed.get(number, [LATER.get(number, "NO TEST")])]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
