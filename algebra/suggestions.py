"""What a wrong name was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import UnknownNameError
from .origin import here

# words of SymPy, Theano, NumPy and others that have another name here -> what to write
ELSEWHERE = {
    "asnumpy": "use .eval({input: value}) for the values",
    "autograd": "use cf.grad(cost, variables)",
    "backward": "use cf.grad(cost, variables)",
    "Variable": "use cf.scalar, cf.vector, cf.matrix or cf.tensor; cf.shared for what is trained",
    "checkpoint": "functions keep what derivatives need; there is nothing to say",
    "compile": "use cf.function(inputs, outputs)",
    "compute_test_value": "errors of shape are raised at the line that writes them",
    "conv2d": "convolutions are not built",
    "detach": "use cf.disconnected_grad(t)",
    "diff": "use cf.grad(cost, variable)",
    "evalf": "use .eval({input: value})",
    "fill_": "tensors do not change: write a new expression",
    "gradient": "use cf.grad(cost, variables)",
    "gradients": "use cf.grad(cost, variables)",
    "integrate": "integrals are not built; SymPy has sympy.integrate",
    "inverse": "use cf.linalg.inv",
    "jacfwd": "use cf.jacobian(t, variable), or cf.jvp along a direction",
    "jacrev": "use cf.jacobian(t, variable), or cf.vjp",
    "jit": "use cf.function(inputs, outputs), which compiles",
    "item": "use .eval({input: value}) for the value",
    "lambdify": "use cf.function(inputs, outputs)",
    "matrix_inverse": "use cf.linalg.inv",
    "n": "use .eval({input: value})",
    "numpy": "use .eval({input: value}) for the values",
    "placeholder": "use cf.vector, cf.matrix or cf.tensor",
    "random": "random numbers are not built: draw with NumPy and pass them as an input",
    "requires_grad": "every tensor has a derivative: use cf.grad(cost, variable)",
    "scan": "loops are not built: write the steps out, or use cumsum, cumprod, linear_recurrence",
    "subs": "use cf.clone(t, {variable: value}), or givens of cf.function",
    "symbols": "use cf.scalars, cf.vectors or cf.matrices",
    "tolist": "use .eval({input: value}) for the values",
    "value": "use .eval({input: value}), or get_value() of a shared variable",
    "value_and_grad": "use cf.function(inputs, [cost, *cf.grad(cost, variables)])",
    "view": "use .reshape(...)",
    "vmap": "write whole arrays: words take axis=, products a batch",
    "xreplace": "use cf.clone(t, {variable: value})",
}
# values of options that others use -> ours
OPTIONS = {"cpu": "c", "gpu": "cuda", "gcc": "c", "DEBUG_MODE": "DebugMode", "py": "numpy"}


def meant(name: str, known: Iterable[str]) -> str:
    """ "did you mean ...?" for names that are close, or ""."""
    import difflib

    known = [k for k in known if not k.startswith("_")]
    close = [k for k in known if k.lower() == name.lower()]
    near = difflib.get_close_matches(name, known, 3, 0.75)
    near = near or difflib.get_close_matches(name, known, 2, 0.6)
    close += [k for k in near if k not in close]
    return f"did you mean {' or '.join(close)}?" if close else ""


def option(value: object, allowed: Iterable[object]) -> str:
    """ "did you mean ...?" for the value of an option, or ""."""
    names = [a for a in allowed if isinstance(a, str)]
    if not isinstance(value, str):
        return ""
    other = OPTIONS.get(value)
    return f"did you mean {other}?" if other in names else meant(value, names)


def absent(owner: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error for an attribute that a module or a handle does not have."""
    if name.startswith("_"):  # asked by Python, NumPy or IPython
        return AttributeError(f"{owner} has no attribute {name!r}")
    known = sorted(known)
    hint = meant(name, known) if ELSEWHERE.get(name) is None else ELSEWHERE[name]
    fix = hint or f"see dir({owner.rpartition(' ')[2]})"
    return UnknownNameError(f"{owner} has no attribute {name!r}", where=here(), fix=fix)
