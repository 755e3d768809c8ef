"""Facts that Python shares with `native/abi.h`, read from there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

NATIVE = Path(__file__).parent / "native"
"""Headers that emitted source may include, and the source of the driver."""

STATUS = {"CF_OK": 0, "CF_STOPPED": 1, "CF_NO_MEMORY": 2, "CF_BAD_ABI": 3, "CF_REFUSED": 4}


@cache
def header() -> dict[str, int]:
    """Return the numbers that the header defines."""
    text = (NATIVE / "abi.h").read_text()
    found = re.findall(r"^#define (CF_\w+) \(?(-?\d+)\)?", text, re.MULTILINE)
    return {name: int(number) for name, number in found}


def version() -> int:
    """Return the version of the program table that this library emits and runs."""
    return header()["CF_ABI_VERSION"]
