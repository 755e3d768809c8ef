"""Special functions and activations, under the names of `scipy.special`."""

# ruff: noqa: F401, F403 (names are re-exported)
from .algebra.special import *
from .algebra.special import __all__
from .algebra.suggestions import absent as _absent


def __getattr__(name: str) -> object:
    raise _absent(f"module {__name__}", name, __all__)
