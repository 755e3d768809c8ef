"""What is shipped: wheel and sdist hold the same code, a wheel works, a hollow one is not built.

Everything is built from a copy of the tree, so that no stale `build/` can help or harm.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("algebra", "simplify", "emit", "templates", "runtime")
SOURCES = (".py", ".j2", ".c", ".h")
SKIPPED = (".git", ".venv", "build", "dist", ".*_cache", "__pycache__", "*.egg-info", "*.so")
WHEEL = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir"]
SDIST = [sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir"]
USE = """
import closedform as cf
x, y = cf.scalar("x"), cf.scalar("y")
f = cf.function([x, y], x*y + cf.exp(x))
print(float(f(0.0, 3.0)), float(f(1.0, -1.0)))
"""

pytestmark = pytest.mark.xdist_group("wheel")


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True
    )


def built(*command: object, cwd: Path) -> Path:
    """The one file that a build leaves in the folder named by the command's last word."""
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = Path(str(command[-1])).iterdir()
    return file


def copy_of_the_tree(target: Path) -> Path:
    return shutil.copytree(ROOT, target, symlinks=True, ignore=shutil.ignore_patterns(*SKIPPED))


def contents(wheel: Path) -> list[str]:
    return sorted(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture(scope="module")
def wheel(place):
    return built(*WHEEL, place / "direct", cwd=copy_of_the_tree(place / "tree"))


@pytest.fixture(scope="module")
def sdist(place):
    return built(*SDIST, place / "sdist", cwd=copy_of_the_tree(place / "tree2"))


@pytest.fixture(scope="module")
def python(place, wheel):
    """Python of a fresh environment: the wheel is installed, its dependencies are borrowed."""
    venv = place / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=place)
    python = venv / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(python, "-c", code, cwd=place).stdout.strip())
    # A path in a .pth file is searched, but .pth files behind it (our editable install) are not.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", python]
    done = run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=place)
    assert done.returncode == 0, done.stderr
    return python


def test_wheel_holds_every_source_file(wheel):
    inside = set(contents(wheel))
    for folder in FOLDERS:
        files = [path for path in (ROOT / folder).rglob("*") if path.suffix in SOURCES]
        missing = {f"closedform/{path.relative_to(ROOT)}" for path in files} - inside
        assert missing == set()
        assert f"closedform/{folder}/__init__.py" in inside
    assert "closedform/py.typed" in inside


def test_wheel_holds_nothing_else(wheel):
    roots = {name.split("/")[0] for name in contents(wheel)}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"closedform"}


def test_sdist_gives_the_same_wheel(place, sdist, wheel):
    with tarfile.open(sdist) as archive:
        archive.extractall(place / "unpacked", filter="data")
    (tree,) = (place / "unpacked").iterdir()
    assert contents(built(*WHEEL, place / "through", cwd=tree)) == contents(wheel)


def test_lost_links_do_not_build(place):
    tree = copy_of_the_tree(place / "no links")
    for folder in FOLDERS:
        link = tree / "src" / "closedform" / folder
        target = os.readlink(link)
        link.unlink()
        link.write_text(target)  # what git and zip leave where links are not supported
    done = run(*WHEEL, place / "hollow", cwd=tree)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "src/closedform/algebra is a text file" in said
    assert "symbolic link" in said and "Cure:" in said


def test_missing_link_does_not_build(place):
    tree = copy_of_the_tree(place / "one missing")
    (tree / "src" / "closedform" / "templates").unlink()
    done = run(*WHEEL, place / "hollow", cwd=tree)
    assert done.returncode != 0
    assert "src/closedform/templates is missing" in done.stdout + done.stderr


def test_broken_extension_does_not_stop_the_build(place):
    tree = copy_of_the_tree(place / "broken C")
    (tree / "runtime" / "native" / "trampoline.c").write_text("#error not today\n")
    done = run(*WHEEL, place / "pure", cwd=tree)
    assert done.returncode == 0, done.stderr
    assert "was not built: the compiler failed" in done.stdout + done.stderr
    (wheel,) = (place / "pure").iterdir()
    built = [name for name in contents(wheel) if "/_native." in name]
    assert built in ([], ["closedform/runtime/_native.pyi"])


def test_installed_wheel_imports_from_outside(place, python):
    code = "import closedform, closedform.runtime as r; print(closedform.__file__, r.__file__)"
    done = run(python, "-c", code, cwd=place)
    assert done.returncode == 0, done.stderr
    assert all(Path(name).is_relative_to(place / "venv") for name in done.stdout.split())


def test_installed_wheel_finds_its_version(place, python):
    code = "from importlib.metadata import version; import closedform as cf"
    done = run(python, "-c", code + "; assert version('closedform') == cf.__version__", cwd=place)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(
    not Path(sysconfig.get_path("include"), "Python.h").is_file() or not shutil.which("cc"),
    reason="no Python headers or no C compiler: the wheel has no extension",
)
def test_installed_wheel_loads_its_extension(place, python):
    code = "from closedform.runtime import _native as n; print(n.abi_version(), n.__file__)"
    done = run(python, "-c", code, cwd=place)
    assert done.returncode == 0, done.stderr
    assert str(place / "venv") in done.stdout


def test_installed_wheel_compiles_and_runs(place, python):
    if run(python, "-c", "from closedform import function", cwd=place).returncode:
        pytest.skip("closedform.function does not exist yet")
    done = run(python, "-c", USE, cwd=place)
    assert done.returncode == 0, done.stderr
    assert [round(float(word), 9) for word in done.stdout.split()] == [1.0, 1.718281828]
