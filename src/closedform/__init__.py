"""Write the model in NumPy's words, read its derivative as a formula, run both as one kernel.

This is the door: it only re-exports. What builds expressions is imported here; what derives,
compiles or prints is imported when it is first used.
"""

from __future__ import annotations

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from . import nnet, special, tensor
from .algebra import late as _late
from .algebra.bits import *
from .algebra.choices import *
from .algebra.constructors import CONSTRUCTORS as _CONSTRUCTORS
from .algebra.dtypes import config
from .algebra.elementwise import *
from .algebra.errors import (
    CacheError,
    CallError,
    ClosedformError,
    CompileError,
    DerivativeError,
    DisconnectedInputError,
    DTypeError,
    EmitError,
    ExpressionError,
    FunctionError,
    LinAlgError,
    ParseError,
    ShapeError,
    UnknownNameError,
    UnusedInputError,
)
from .algebra.functions import (
    amax,
    amin,
    argmax,
    argmin,
    cast,
    dimshuffle,
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    ones_like,
    permute_dims,
    reshape,
    softmax,
    sum,
    transpose,
    zeros_like,
)
from .algebra.gradient import grad, hessian, jacobian
from .algebra.products import dot, einsum, matmul, outer
from .algebra.suggestions import absent as _absent
from .algebra.tensor import Tensor, as_tensor
from .algebra.version import VERSION as _VERSION
from .algebra.vocabulary import WORDS as _WORDS

if _TYPE_CHECKING:
    from . import linalg
    from .algebra.constructors import __getattr__ as _constructor
    from .algebra.latex import latex
    from .algebra.parsing import inputs, parse
    from .algebra.sympy_bridge import from_sympy
    from .algebra.text import pp
    from .runtime.derivation import steps
    from .runtime.equality import equal
    from .runtime.function import Function, function
    from .runtime.shared import SharedVariable, shared
    from .runtime.signature import In
    from .simplify.verbs import collect, expand, factor, substitute

    scalar, vector, row, col = map(_constructor, ("scalar", "vector", "row", "col"))
    matrix, tensor3, tensor4 = map(_constructor, ("matrix", "tensor3", "tensor4"))

__version__ = _VERSION
abs = absolute
globals().update(_CONSTRUCTORS)

# name -> module that has it, imported at first use
_LATER = {
    "Function": ".runtime.function",
    "In": ".runtime.signature",
    "SharedVariable": ".runtime.shared",
    "collect": ".simplify.verbs",
    "expand": ".simplify.verbs",
    "equal": ".runtime.equality",
    "factor": ".simplify.verbs",
    "from_sympy": ".algebra.sympy_bridge",
    "function": ".runtime.function",
    "inputs": ".algebra.parsing",
    "latex": ".algebra.latex",
    "parse": ".algebra.parsing",
    "pp": ".algebra.text",
    "shared": ".runtime.shared",
    "steps": ".runtime.derivation",
    "substitute": ".simplify.verbs",
    **{_name: f".algebra.{_module}" for _name, _module in _WORDS.items()},
}
# imported at first use; `simplify` is the folder, which is called as its first verb
_MODULES = ("linalg", "simplify")
# verb that tensors call -> module and function that do it
_VERBS = {
    "display": (".simplify.display", "display_form"),
    "dot": (".algebra.products", "dot"),
    "eval": (".runtime.evaluation", "evaluate"),
    "latex": (".algebra.latex", "latex"),
    "make_shared": (".runtime.shared", "make_shared"),
    "matmul": (".algebra.products", "matmul"),
    "pp": (".algebra.text", "pp"),
    "shared_state": (".runtime.shared", "shared_state"),
    "structure": (".simplify.structure", "structure"),
    "to_sympy": (".algebra.sympy_bridge", "to_sympy"),
}


def _deferred(module: str, name: str) -> _Any:
    def verb(*args: _Any, **kwargs: _Any) -> _Any:
        return getattr(_importlib.import_module(module, __name__), name)(*args, **kwargs)

    return verb


for _name, (_module, _function) in _VERBS.items():
    _late.bind(_name, _deferred(_module, _function))


def __getattr__(name: str) -> _Any:
    if name in _MODULES:
        return _importlib.import_module(f".{name}", __name__)
    if name not in _LATER:
        raise _absent(f"module {__name__}", name, __dir__())
    value = getattr(_importlib.import_module(_LATER[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_MODULES})


_INNER = ("annotations", "algebra", "simplify", "emit", "runtime")
__all__ = [n for n in (*globals(), *_LATER) if not n.startswith("_") and n not in _INNER]
__all__ += _MODULES
