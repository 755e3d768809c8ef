"""Every Python block of the README runs, in order, and prints the text block that follows it."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)


def blocks() -> list[tuple[int, str, str]]:
    """Number of lines before each block, its code, and what it is said to print."""
    text = README.read_text(encoding="utf-8")
    found = BLOCK.finditer(text)
    return [(text.count("\n", 0, m.start(1)), m.group(1), m.group(2) or "") for m in found]


def test_readme_has_code_and_what_it_prints():
    assert len(blocks()) >= 2
    assert sum(bool(printed) for _, _, printed in blocks()) >= 2


def test_every_block_of_code_is_seen():
    assert len(blocks()) == README.read_text(encoding="utf-8").count("```python")


def test_readme_runs_and_prints_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "readme"}
    for line, code, printed in blocks():
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            # Padded, so that a traceback names the line of README.md.
            exec(compile("\n" * line + code, "README.md", "exec"), namespace)
        assert output.getvalue() == printed, f"block at line {line + 1} of README.md"
