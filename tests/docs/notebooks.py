"""Run the notebooks anew and store what comes out: `make docs` does it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbclient
import nbformat

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def executed(path: Path, folder: str) -> nbformat.NotebookNode:
    """The notebook after a run from its first cell to its last, in a fresh kernel."""
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=300, record_timing=False, resources={"metadata": {"path": folder}}
    ).execute()
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def main() -> None:
    for path in PATHS:
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(executed(path, folder), path)


if __name__ == "__main__":
    main()
