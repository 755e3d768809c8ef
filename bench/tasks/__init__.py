"""Tasks by name. A task yields its cases one at a time, so that their data are freed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from ..case import Case

# task -> module of this folder; each has `cases(quick)`, or `NAME_cases(quick)` where several share
TASKS = {
    "logistic": "logistic",
    "read": "read",
    "softmax": "softmax",
    "poisson": "regressions",
    "hinge": "regressions",
    "huber": "regressions",
    "random_glm": "random_glm",
    "mlp": "mlp",
    "mixture": "mixture",
    "factorisation": "factorisation",
    "rbf": "rbf",
    "hessian": "hessian",
    "standardised": "standardised",
    "elementwise": "elementwise",
    "call": "call",
    "compile": "compile",
    "graph": "graph",
    "formula": "formula",
    "memory": "memory",
    "import": "import_",
    "gpu": "gpu",
}


def cases(task: str, quick: bool) -> Iterator[Case]:
    """The cases of a task, made one by one; quick ones are small."""
    module = importlib.import_module(f".{TASKS[task]}", __name__)
    make = getattr(module, f"{task}_cases", None) or module.cases
    return make(quick)
