"""What pyproject.toml cannot say: the check of the links, and the optional extension."""

import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
PACKAGE = Path("src", "closedform")
FOLDERS = ("algebra", "simplify", "emit", "templates", "runtime")
NATIVE = PACKAGE / "runtime" / "native"

HOLLOW = """
closedform cannot be built: src/closedform/{folder} is {found}, not a folder with code.
In the repository it is a symbolic link to ../../{folder}. It was lost, probably because this tree
was unpacked or checked out without symbolic links; the wheel would be empty.
Cure: clone again where links work (on Windows: developer mode, `git config core.symlinks true`),
or install from the sdist or a wheel, which contain folders instead of links.
"""
NO_EXTENSION = """
closedform: the call trampoline (closedform.runtime._native) was not built: {reason}.
Everything works without it; a call goes through ctypes and costs a few microseconds more.
Cure: {cure}, then install closedform again.
"""
NO_HEADERS = "install the Python headers (Debian: python3-dev, Fedora: python3-devel)"
NO_COMPILER = "install a C compiler (Debian: gcc, Fedora: gcc, macOS: xcode-select --install)"


def check_links():
    for folder in FOLDERS:
        path = ROOT / PACKAGE / folder
        if not (path / "__init__.py").is_file():
            raise SystemExit(HOLLOW.format(folder=folder, found=kind(path)))


def kind(path):
    if path.is_dir():
        return "a folder without __init__.py"
    if path.is_file():
        return "a text file"
    return "a link to nothing" if path.is_symlink() else "missing"


def note(reason, cure):
    print(NO_EXTENSION.format(reason=reason, cure=cure), file=sys.stderr)


def extensions():
    """The trampoline, or an empty list with the reason on stderr."""
    if not (ROOT / NATIVE / "trampoline.c").is_file():
        note("its source is missing", "use a complete source tree")
        return []
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        note("Python.h is missing", NO_HEADERS)
        return []
    import numpy

    trampoline = Extension(
        "closedform.runtime._native",
        sources=[str(NATIVE / name) for name in ("trampoline.c", "driver.c", "pool.c")],
        depends=sorted(str(path.relative_to(ROOT)) for path in (ROOT / NATIVE).glob("*.[ch]")),
        include_dirs=[numpy.get_include(), str(NATIVE)],
        extra_compile_args=[] if sys.platform == "win32" else ["-O2", "-pthread"],
        extra_link_args=[] if sys.platform == "win32" else ["-pthread"],
        optional=True,
    )
    return [trampoline]


class OptionalBuild(build_ext):
    """Build the extension; where that fails, say why and go on."""

    def build_extension(self, ext):
        try:
            super().build_extension(ext)
        except Exception as error:
            note(f"the compiler failed ({error})", NO_COMPILER)
            raise


check_links()
setup(ext_modules=extensions(), cmdclass={"build_ext": OptionalBuild})
