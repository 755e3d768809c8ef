"""Whether ASCII text says what a program means: `cf.parse` reads it as a graph of the same value.

Texts are of the display form, whose operations may lose other digits. So the values of both graphs
in the wider type must agree within the bounds of both running error analyses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.programs.bound import WIDE, Bound
from tests.programs.rounding import analysed

import closedform as cf
from closedform.algebra.constructors import tensor
from closedform.algebra.dims import Dim, dims_in
from closedform.algebra.graph import topological
from closedform.runtime.forms import Forms
from closedform.runtime.signature import read

NOTHING = "an axis without elements, of which all but the first are written"
# errors of `cf.parse` on what is printed, and why they are none of the printer's: the text is right
UNREADABLE: dict[str, str] = {
    "is not an extent": "an unknown extent that nothing in the text has",
    "follows from no argument": "an unknown extent that nothing in the text has",
    "the shape would depend on values": "an unknown extent that nothing in the text has",
    "which is not among the inputs": "an unknown extent that nothing in the text has",
    "a slice with the bound": "a slice whose start is the extent of an axis",
    "cannot reshape": "a shape that only the arrays of a call show to be right",
    "a slice, reshape or join gives": NOTHING,
}
ANOTHER = "another dtype, for a text says none of literals and counts"


def complaint(case: Any) -> tuple[str, list[str]]:
    """What is wrong with the texts of the outputs, or ""; and reasons why some are not read."""
    reasons = []
    for t, written in zip(case.outputs, case.bounds, strict=True):
        text = cf.pp(t, form="ascii", kinks=True)
        names, given = _names(case, t)
        try:
            found = cf.parse(text, names)
            b = _bound([names[name] for name in given], list(given.values()), found)
        except cf.ClosedformError as error:
            reason = next((why for part, why in UNREADABLE.items() if part in error.found), "")
            if not reason:
                return f"the text\n{text}\nis not read back: {error}", reasons
            reasons.append(reason)
            continue
        if b.value.shape != written.value.shape and not written.value.size:
            reasons.append(
                "an axis that has no elements, where one is added to those after the first"
            )
        elif message := _differs(b, written):
            return f"the text\n{text}\n{message}", reasons
        elif found.dtype != t.dtype:
            reasons.append(ANOTHER)
    return "", reasons


def _names(case: Any, t: cf.Tensor) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The inputs of an output anew with the names of its extents, and the arrays of the inputs."""
    order = topological([t.node])
    dims = [d for x in order for d in dims_in((x.dims, x.spec.content))]
    names: dict[str, Any] = {d.name: d for d in dims if isinstance(d, Dim)}
    given = {}
    for x, array in zip(case.inputs, case.arrays, strict=True):
        if x.node in order:
            names[x.name], given[x.name] = tensor(x.name, x.shape, x.dtype), array
    for d in [d for d in names.values() if isinstance(d, Dim)]:  # a text may have no array of it
        carrier = f"size_{d.name}"
        names[carrier], given[carrier] = tensor(carrier, (d,)), np.zeros(case.sizes(d))
    return names, given


def _bound(inputs: list[cf.Tensor], arrays: list[np.ndarray], found: cf.Tensor) -> Bound:
    """The bound of what was read, for the arrays of its inputs."""
    forms = Forms(read(inputs, [found], None, None), "ignore", "real")
    (root,) = (forms.written.order[k] for k in forms.written._roots)
    return analysed([root], forms.values(arrays), forms.sizes(arrays))[0]


def _differs(b: Bound, written: Bound) -> str:
    """How two results differ, or ""."""
    if b.value.shape != written.value.shape:
        return f"has shape {b.value.shape}, not {written.value.shape}"
    with np.errstate(all="ignore"):
        distance = np.abs(b.value.astype(WIDE) - written.value.astype(WIDE))
        far = ~(distance <= (b.error + written.error) * (1 + 2.0**-6))
        vague = (b.error == np.inf) | (written.error == np.inf)
        far &= ~vague & np.isfinite(written.value.astype(WIDE))
    if not far.any():
        return ""
    at = np.unravel_index(np.argmax(far), far.shape)
    return f"is {b.value[at]!r} at {tuple(map(int, at))}, not {written.value[at]!r}"
