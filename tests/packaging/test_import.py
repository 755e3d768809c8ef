"""`import closedform` is light: it loads nothing that is only needed later, and starts nothing.

How long it takes beside `import sympy, numpy` is measured by `bench/import_time.py`.
"""

from __future__ import annotations

import subprocess
import sys

LATER = ("scipy", "jinja2", "filelock", "platformdirs", "sklearn", "cupy", "scipy_openblas32")
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty")
CODE = f"""
import sys
started = []
sys.addaudithook(lambda event, args: started.append(event) if event in {STARTS!r} else None)
import closedform
print([name for name in {LATER!r} if name in sys.modules], started)
"""


def test_import_loads_nothing_heavy_and_starts_nothing(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", CODE], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[] []"


def test_import_prints_nothing(tmp_path):
    code = [sys.executable, "-W", "error", "-c", "import closedform"]
    run = subprocess.run(code, cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
