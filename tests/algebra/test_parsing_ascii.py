"""What ASCII text prints is read back: the same values at random points, by name where it is not.

Texts are read with the shapes of the inputs alone, as somebody who has only the text would.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.acceptance import problems
from tests.algebra.test_formulas import GOLDEN
from tests.catalogue import CASES

import closedform as cf
from closedform.algebra.array_names import RESERVED

SIZES = {"n": 5, "d": 4, "k": 3, "m": 6}
# what cannot be read, and why: the error says so
UNREADABLE: dict[str, str] = {}


def printed_name(t: cf.Tensor) -> str:
    """The name of an input in ASCII text: one that a function has gets an underscore."""
    return f"{t.name}_" if t.name in RESERVED or t.name in USED_PI else t.name


USED_PI = {"pi"}


def check(t: cf.Tensor, values: dict[str, np.ndarray]) -> None:
    """Print, read, and compare values at one point."""
    known = cf.inputs(t)
    text = cf.pp(t, form="ascii")
    names = {printed_name(x): name for name, x in known.items()}
    read = cf.parse(text, {new: known[old].shape for new, old in names.items()})
    again = cf.inputs(read)
    assert set(again) <= set(names), text
    f = cf.function([*known.values()], t, target="numpy", on_unused_input="ignore")
    g = cf.function([*again.values()], read, target="numpy", on_unused_input="ignore")
    want = f(*(values[n] for n in known))
    found = g(*(values[names[n]] for n in again))
    assert np.shape(found) == np.shape(want), text
    assert_allclose(found, want, rtol=1e-9, atol=1e-9, err_msg=text)


def drawn(t: cf.Tensor) -> dict[str, np.ndarray]:
    """Positive values for the inputs of a formula, and positions; promises are kept."""
    rng = np.random.default_rng(7)
    found = {}
    for name, x in cf.inputs(t).items():
        shape = [SIZES[e.name] for e in x.shape]
        a = rng.uniform(0.3, 1.0, shape)
        if x.dtype.kind == "i":
            a = rng.integers(0, 4, shape)
        elif name == "T":
            a = np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
        elif name == "Q":
            a = np.linalg.qr(a)[0]
        elif len(shape) == 2 and shape[0] == shape[1]:
            a = a + a.T if name == "S" else a
            a = a + 4 * np.eye(len(a))
        found[name] = a
    return found
