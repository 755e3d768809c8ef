"""Functions of tensors, with NumPy's names and meanings."""

from __future__ import annotations

from typing import Any

from . import build, scalar
from .dtypes import BOOL, dtype_of, promote
from .errors import ExpressionError
from .literal import check_fits
from .node import number_node
from .origin import here
from .scalar import HALF, Pow
from .tensor import Tensor, apply, as_tensor, compare, logical, part, power, reduced
from .words import along, named

_DOCS = {
    "exp": "Exponential e**x.",
    "expm1": "exp(x) - 1, accurate near 0.",
    "log": "Natural logarithm; -inf at 0, NaN below.",
    "log1p": "log(1 + x), accurate near 0.",
    "sin": "Sine of an angle in radians.",
    "cos": "Cosine of an angle in radians.",
    "tanh": "Hyperbolic tangent.",
    "sinh": "Hyperbolic sine.",
    "cosh": "Hyperbolic cosine.",
    "sigmoid": "Logistic function 1/(1 + exp(-x)), without overflow.",
    "softplus": "log(1 + exp(x)), without overflow.",
}


def _unary(name: str) -> Any:
    primitive = scalar.CLASSES[name]

    def function(x: Any) -> Tensor:
        return apply(primitive, x, floats=True)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{_DOCS[name]}

    Elementwise; integers give floats, as in NumPy. Derivative: see `partials.PARTIALS`.
    """
    return function


exp, expm1, log, log1p = map(_unary, ("exp", "expm1", "log", "log1p"))
sin, cos, tanh, sinh, cosh = map(_unary, ("sin", "cos", "tanh", "sinh", "cosh"))
sigmoid, softplus = map(_unary, ("sigmoid", "softplus"))


def sqrt(x: Any) -> Tensor:
    """Square root; NaN below 0, derivative infinite at 0."""
    return apply(lambda a: Pow(a, HALF), x, floats=True)


def square(x: Any) -> Tensor:
    """x**2."""
    return power(x, 2)


def absolute(x: Any) -> Tensor:
    """Absolute value; its derivative at 0 is 0."""
    return apply(scalar.absolute, x)


def sign(x: Any) -> Tensor:
    """-1, 0 or 1; its derivative is 0."""
    if part(x)[1] == BOOL:
        raise ExpressionError(
            "the sign of booleans", where=here(), fix="convert with .astype('int64')"
        )
    return apply(scalar.sign_of, x)


def relu(x: Any) -> Tensor:
    """max(x, 0); its derivative at 0 is 0."""
    return apply(scalar.relu, x)


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of two elements; NaN wins. At a tie each side gets half of the derivative."""
    return apply(scalar.maximum, a, b)


def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of two elements; NaN wins. At a tie each side gets half of the derivative."""
    return apply(scalar.minimum, a, b)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """a where the condition holds, else b.

    Nothing leaks from the branch that is not taken, also in derivatives.
    """
    parts = [part(truth(condition)), part(a), part(b)]
    compute, weak = promote([(d, w) for _, d, w in parts[1:]])
    for value, _, _ in parts[1:]:
        check_fits(value, compute)
    node = build.elementwise(scalar.where, parts)
    spec = node.spec.with_(dtype=compute, compute=compute, weak=weak)
    result = type(node).occur(spec, *node.operands, origin=node.origin, equalities=node.equalities)
    return Tensor(result)


def truth(x: Any) -> Any:
    """x as a truth value: whether it differs from 0."""
    return x if part(x)[1] == BOOL else compare(scalar.ne, x, 0)


def eq(a: Any, b: Any) -> Tensor:
    """Elementwise a == b."""
    return compare(scalar.eq, a, b)


def neq(a: Any, b: Any) -> Tensor:
    """Elementwise a != b."""
    return compare(scalar.ne, a, b)


def lt(a: Any, b: Any) -> Tensor:
    """Elementwise a < b."""
    return compare(scalar.lt, a, b)


def le(a: Any, b: Any) -> Tensor:
    """Elementwise a <= b."""
    return compare(scalar.le, a, b)


def gt(a: Any, b: Any) -> Tensor:
    """Elementwise a > b."""
    return compare(scalar.gt, a, b)


def ge(a: Any, b: Any) -> Tensor:
    """Elementwise a >= b."""
    return compare(scalar.ge, a, b)


def logical_and(a: Any, b: Any) -> Tensor:
    """Elementwise a and b; numbers other than 0 are true."""
    return logical(scalar.and_, truth(a), truth(b))


def logical_or(a: Any, b: Any) -> Tensor:
    """Elementwise a or b; numbers other than 0 are true."""
    return logical(scalar.or_, truth(a), truth(b))


def logical_not(a: Any) -> Tensor:
    """Elementwise not a; numbers other than 0 are true."""
    return logical(scalar.not_, truth(a))


# ---------------------------------------------------------------- reductions


def sum(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:  # noqa: A001
    """Sum along axes; booleans and small integers are widened, as in NumPy."""
    return as_tensor(x).sum(axis, dtype, keepdims)


def mean(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Mean along axes."""
    return as_tensor(x).mean(axis, dtype, keepdims)


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:  # noqa: A001
    """Largest element along axes; ties share the derivative equally."""
    return as_tensor(x).max(axis, keepdims)


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:  # noqa: A001
    """Smallest element along axes; ties share the derivative equally."""
    return as_tensor(x).min(axis, keepdims)


def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Index of the first largest element."""
    return as_tensor(x).argmax(axis, keepdims)


def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Index of the first smallest element."""
    return as_tensor(x).argmin(axis, keepdims)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) along axes, without overflow; a slice of -inf gives -inf."""
    make = lambda a, axes: build.reduce("logsumexp", a, axes)  # noqa: E731
    return reduced(as_tensor(x), axis, keepdims, make)


def softmax(x: Any, axis: int = -1) -> Tensor:
    """exp(x)/sum(exp(x)) along an axis, without overflow."""
    x = as_tensor(x)
    result = exp(x - logsumexp(x, axis, keepdims=True))
    return named(result, along("softmax", x, build.axes_of(x.node, axis)), x)


def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """log(softmax(x)) along an axis, accurate where softmax underflows."""
    x = as_tensor(x)
    result = x - logsumexp(x, axis, keepdims=True)
    return named(result, along("log_softmax", x, build.axes_of(x.node, axis)), x)


# ---------------------------------------------------------------- shape and dtype


def transpose(x: Any, axes: Any = None) -> Tensor:
    """Axes permuted (default: reversed)."""
    return as_tensor(x).transpose(axes)


def dimshuffle(x: Any, *pattern: Any) -> Tensor:
    """Permute, insert ("x") and drop axes, as in Theano."""
    return as_tensor(x).dimshuffle(*pattern)


def reshape(x: Any, shape: Any) -> Tensor:
    """The same elements under another shape."""
    return as_tensor(x).reshape(shape)


def cast(x: Any, dtype: Any) -> Tensor:
    """Converted to a dtype."""
    return as_tensor(x).astype(dtype)


def _filled(x: Any, value: int, dtype: Any) -> Tensor:
    x = as_tensor(x)
    return Tensor(number_node(value, x.shape, x.dtype if dtype is None else dtype_of(dtype)))


def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros of the shape (and dtype) of x."""
    return _filled(x, 0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones of the shape (and dtype) of x."""
    return _filled(x, 1, dtype)
