r"""Names of users as LaTeX: Greek letters, subscripts, and everything else escaped.

A name made of ASCII letters and digits with underscores is typeset: a Greek letter's name (or
`lam`, `eps`) as the letter, one letter as itself, a longer word upright, digits at its end and
parts after an underscore as a subscript. Any other name is written character by character, so that
no character has a meaning in LaTeX.
"""

from __future__ import annotations

import re
import unicodedata

GREEK = {
    name: "\\" + name
    for name in (
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma "
        "tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
    ).split()
} | {"lam": r"\lambda", "eps": r"\epsilon", "Lam": r"\Lambda"}

ESCAPES = {
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "#": r"\#", "&": r"\&",
    "_": r"\_",
    "^": r"{\wedge}", "~": r"{\sim}", " ": r"\ ", "\n": r"{\hookleftarrow}", "'": r"{\prime}",
    '"': r"{\prime\prime}",
    "-": r"\text{-}", "<": r"{\lt}", ">": r"{\gt}", "`": r"\text{'}",
}  # fmt: skip


def typeset(name: str, primes: int = 0, bold: bool = False) -> str:
    """A name as LaTeX of mathematics mode, with primes; bold but for its subscripts."""
    stem = name.rstrip("'")
    primes += len(name) - len(stem)
    match = re.fullmatch(r"([A-Za-z]+)(\d*)((?:_[A-Za-z0-9]+)*)", _ascii(stem))
    if not match:
        return r"\mathrm{" + "".join(map(_character, stem)) + "}" + "'" * primes
    word, digits, rest = match.groups()
    subscripts = [p for p in (digits, *rest.split("_")) if p]
    tail = "_{" + ",".join(map(_subscript, subscripts)) + "}" if subscripts else ""
    return (_bold(word) if bold else _word(word)) + "'" * primes + tail


def _ascii(name: str) -> str:
    """Greek letters by their names."""
    return "".join(_greek_name(c) or c for c in name) if not name.isascii() else name


def _greek_name(c: str) -> str | None:
    parts = unicodedata.name(c, "").split()
    if len(parts) != 4 or parts[0] != "GREEK" or parts[2] != "LETTER":
        return None
    name = parts[3].lower().replace("lamda", "lambda")
    name = name if parts[1] == "SMALL" else name.capitalize()
    return name if name in GREEK else None


def _word(word: str) -> str:
    if word in GREEK:
        return GREEK[word]
    return word if len(word) == 1 else rf"\mathrm{{{word}}}"


def _bold(word: str) -> str:
    return rf"\boldsymbol{{{GREEK[word]}}}" if word in GREEK else rf"\mathbf{{{word}}}"


def _subscript(text: str) -> str:
    return text if text.isdigit() else _word(text)


def _character(c: str) -> str:
    if c in ESCAPES:
        return ESCAPES[c]
    if c.isascii() and c.isprintable():
        return c
    return (
        rf"\text{{{c}}}"
        if c.isprintable() and not unicodedata.combining(c)
        else rf"\text{{U+{ord(c):04X}}}"
    )
