"""Special functions and activations, under the names of `scipy.special`."""

# ruff: noqa: F401, F403 (names are re-exported)
from .algebra.special import *
from .algebra.special import __all__
