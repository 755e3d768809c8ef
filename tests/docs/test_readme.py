"""Every Python block of the README runs, in order, in one namespace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks() -> list[tuple[int, str]]:
    """Line number of the first line and text of each block."""
    text = README.read_text(encoding="utf-8")
    starts = ((match.start(1), match.group(1)) for match in BLOCK.finditer(text))
    return [(text.count("\n", 0, start), code) for start, code in starts]


def test_readme_has_code():
    assert len(blocks()) >= 2


def test_readme_runs(tmp_path, monkeypatch):
    import closedform

    if not hasattr(closedform, "function"):
        pytest.skip("closedform.function does not exist yet")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "readme"}
    for line, code in blocks():
        # Padded, so that a traceback names the line of README.md.
        exec(compile("\n" * line + code, str(README), "exec"), namespace)
