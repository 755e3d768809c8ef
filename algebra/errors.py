"""Errors. Each message has three parts: what was found, where, and how to fix it."""

from __future__ import annotations

import numpy as np


class ClosedformError(Exception):
    """Base of every error this library raises on purpose.

    found   what was found, with names, values, shapes and dtypes
    where   the user's file and line, or "" if the place is the call itself
    fix     what to write instead
    """

    def __init__(self, found: str, *, where: str = "", fix: str = "") -> None:
        self.found, self.where, self.fix = found, where, fix
        lines = [found, f"  where: {where}" if where else "", f"  fix: {fix}" if fix else ""]
        super().__init__("\n".join(line for line in lines if line))

    def __reduce__(self):
        return _rebuild, (type(self), self.found, self.where, self.fix)


def _rebuild(cls, found, where, fix):
    return cls(found, where=where, fix=fix)


class ShapeError(ClosedformError, ValueError):
    """Shapes, ranks or extents that do not fit."""


class DTypeError(ClosedformError, TypeError):
    """A dtype that is not supported, or a cast that would lose information."""


class ExpressionError(ClosedformError, TypeError):
    """An expression that cannot be built or used in this way."""


class ParseError(ClosedformError, ValueError):
    """A text that is no expression, or that asks for what a text may not."""


class LinAlgError(ClosedformError, np.linalg.LinAlgError):
    """A matrix that is singular, not positive definite, or whose decomposition did not converge."""


class UnknownNameError(ClosedformError, AttributeError):
    """A name that a module or a tensor does not have."""


class DerivativeError(ClosedformError, ValueError):
    """A derivative that does not exist or was not asked for properly."""


class DisconnectedInputError(DerivativeError):
    """A variable that the cost does not depend on."""


class FunctionError(ClosedformError, ValueError):
    """Inputs, outputs, updates or givens that do not make a function."""


class UnusedInputError(FunctionError):
    """An input that no output and no update needs."""


class CallError(ClosedformError, TypeError):
    """A compiled function that is called with wrong arguments."""


class EmitError(ClosedformError, NotImplementedError):
    """A program that a target cannot express yet."""


class CompileError(ClosedformError, RuntimeError):
    """A compiler that is missing, fails or hangs."""


class CacheError(ClosedformError, OSError):
    """A cache directory that cannot be used or must not be trusted."""
