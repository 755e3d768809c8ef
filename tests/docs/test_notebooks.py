"""Every notebook runs from its first cell to its last, in a fresh kernel of this interpreter.

What a stored output says is what comes out, but for cells with the tag `varies`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS_PER_CELL = 300


@pytest.fixture
def own_kernel(tmp_path, monkeypatch):
    """A kernel spec `python3` that starts this interpreter, before any that the user has."""
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    words = ", ".join(f'"{word}"' for word in command)
    spec = f'{{"argv": [{words}], "display_name": "Python 3", "language": "python"}}'
    (folder / "kernel.json").write_text(spec)
    monkeypatch.setenv("JUPYTER_PATH", os.fspath(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", os.fspath(tmp_path / "ipython"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_runs(path, tmp_path, own_kernel):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)
    stored = outputs(notebook)
    resources = {"metadata": {"path": os.fspath(tmp_path)}}
    nbclient.NotebookClient(
        notebook, timeout=SECONDS_PER_CELL, kernel_name="python3", resources=resources
    ).execute()
    found = outputs(notebook)
    assert stored == {number: found.get(number) for number in stored}


def outputs(notebook) -> dict[int, str]:
    """What cells show, as text, by number of the cell; not of those with the tag `varies`."""
    steady = {
        number: cell
        for number, cell in enumerate(notebook.cells)
        if cell.get("outputs") and "varies" not in cell.metadata.get("tags", [])
    }
    return {n: "".join(t for o in cell.outputs for t in texts(o)) for n, cell in steady.items()}


def texts(output) -> list[str]:
    if output.output_type == "stream":
        return [output.text]
    return [text for _, text in sorted(output.get("data", {}).items())]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_stores_no_paths_and_no_pictures(path):
    nbformat = pytest.importorskip("nbformat")
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            assert not {"image/png", "image/svg+xml"} & set(output.get("data", {}))
            assert not any(word in text for text in texts(output) for word in ("/tmp/", "/home/"))
    assert path.stat().st_size < 200_000
