"""What the tutorial calls `T.nnet`: activations and losses of neural networks."""

from __future__ import annotations

from typing import Any

from .algebra import build
from .algebra.errors import ShapeError
from .algebra.functions import clip, eq, log, log_softmax, relu, sigmoid, softmax, softplus
from .algebra.node import iota_leaf
from .algebra.special import elu, selu, softsign
from .algebra.suggestions import absent as _absent
from .algebra.tensor import Tensor, as_tensor

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "elu",
    "hard_sigmoid",
    "log_softmax",
    "logsoftmax",
    "relu",
    "selu",
    "sigmoid",
    "sigmoid_binary_crossentropy",
    "softmax",
    "softplus",
    "softsign",
]
logsoftmax = log_softmax


def __getattr__(name: str) -> Any:
    raise _absent(f"module {__name__}", name, __all__)


def hard_sigmoid(x: Any) -> Tensor:
    """0.2*x + 0.5, but at least 0 and at most 1: a line instead of the sigmoid."""
    return clip(0.2 * as_tensor(x) + 0.5, 0, 1)


def binary_crossentropy(output: Any, target: Any) -> Tensor:
    """Return -target*log(output) - (1 - target)*log(1 - output), elementwise.

    >>> import closedform as cf
    >>> z, y = cf.vectors("z", "y", shape="n")
    >>> cf.nnet.binary_crossentropy(cf.sigmoid(z), y).shape
    (n,)
    """
    output = as_tensor(output)
    return -(target * log(output) + (1 - as_tensor(target)) * log(1 - output))


def sigmoid_binary_crossentropy(output: Any, target: Any) -> Tensor:
    """`binary_crossentropy` of sigmoid(output)."""
    output = as_tensor(output)
    return softplus(output) - target * output


def categorical_crossentropy(output: Any, target: Any) -> Tensor:
    """Return -log of the probability that each row of `output` gives its class.

    Parameters
    ----------
    output : Tensor
        Probabilities of shape (n, classes).
    target : Tensor
        Integers of shape (n,), or weights of the shape of `output`.
    """
    output, target = as_tensor(output), as_tensor(target)
    if target.ndim == output.ndim - 1 and target.dtype.kind in "iu":
        classes = Tensor(iota_leaf(output.shape[-1]))
        target = eq(target.dimshuffle(*range(target.ndim), "x"), classes).astype(output.dtype)
    if target.ndim != output.ndim:
        raise ShapeError(
            f"categorical_crossentropy of {output.ndim} axes against {target.ndim} of dtype "
            f"{target.dtype}",
            where=build.here(),
            fix="give integer classes with one axis less, or weights of the same shape",
        )
    return -(target * log(output)).sum(axis=-1)
