"""The shape of the repository: links, guards, direction of imports, nothing private in files."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("algebra", "simplify", "emit", "templates", "runtime")
ORDER = ("algebra", "simplify", "emit", "runtime")
MODULES = [path for folder in ORDER for path in sorted((ROOT / folder).rglob("*.py"))]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> set[str]:
    """Absolute names of everything that a module imports, at any depth of its code."""
    package = ("closedform", *path.relative_to(ROOT).parts[:-1])
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            base = ".".join(filter(None, (above, node.module)))
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def users(library: str) -> list[str]:
    roots = {path: {name.split(".")[0] for name in imported(path)} for path in MODULES}
    return [named(path) for path, names in roots.items() if library in names]


def tracked() -> list[Path]:
    git = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if git.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in git.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


@pytest.mark.parametrize("folder", FOLDERS)
def test_link_is_a_folder_with_content(folder):
    link = ROOT / "src" / "closedform" / folder
    assert link.is_dir()
    assert (link / "__init__.py").samefile(ROOT / folder / "__init__.py")


@pytest.mark.parametrize("folder", FOLDERS)
def test_top_level_twin_is_refused(folder):
    code = [sys.executable, "-c", f"import {folder}"]
    run = subprocess.run(code, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode != 0
    assert "ImportError" in run.stderr
    assert f"import closedform.{folder}" in run.stderr


def test_package_is_this_checkout():
    import closedform

    assert Path(closedform.__file__).resolve().is_relative_to(ROOT)


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_imports_flow_one_way(path):
    stage = path.relative_to(ROOT).parts[0]
    allowed = set(ORDER[: ORDER.index(stage) + 1])
    ours = {name for name in imported(path) if name.split(".")[0] == "closedform"}
    parts = {name.split(".")[1] for name in ours - {"closedform"}}
    assert parts <= allowed, f"{stage} may import {sorted(allowed)}, not {sorted(parts - allowed)}"
    if "closedform" in ours:
        assert parts, "a stage imports stages, never the door"


def test_stages_do_not_import_their_twins():
    assert [(name, users(name)) for name in FOLDERS if users(name)] == []


def test_templates_hold_no_code():
    code = [path for path in (ROOT / "templates").rglob("*.py") if path.name != "__init__.py"]
    assert code == []


def test_jinja2_is_imported_in_one_file_of_emit():
    files = users("jinja2")
    assert len(files) <= 1
    assert all(name.startswith("emit/") for name in files)


@pytest.mark.parametrize("library", ["cupy", "ctypes"])
def test_machine_libraries_stay_in_runtime(library):
    assert [name for name in users(library) if not name.startswith("runtime/")] == []


def test_no_machine_paths_in_tracked_files():
    private = re.compile(r"(?<![\w.])/(?:root|work|Users|home|workspace|opt)/\w")
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", errors="replace")
        lines = enumerate(text.splitlines(), start=1)
        found += [f"{named(path)}:{number}" for number, line in lines if private.search(line)]
    assert found == []
