"""A bar: a ratio of medians that is promised, or a limit on one figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Samples = Mapping[str, list[float]]


@dataclass(frozen=True)
class Bar:
    """What is promised of an entry.

    Attributes
    ----------
    limit : the ratio or figure
    sense : "ahead": the fastest of `against` takes at least `limit` times as long as `subject`;
        "within": `subject` takes at most `limit` times as long as the fastest of `against`;
        "below": the figure of `subject` is at most `limit`
    against : names of entries, or "peers"; entries that are absent do not count
    subject : an entry; None is the first one of ours
    """

    limit: float
    sense: str = "ahead"
    against: tuple[str, ...] = ("peers",)
    subject: str | None = None

    def value(self, samples: Samples, ours: str, peers: list[str]) -> float | None:
        """Return the figure to compare with the limit; None where there is nothing to compare."""
        subject = self.subject or ours
        if subject not in samples:
            return None
        if self.sense == "below":
            return float(np.median(samples[subject]))
        names = peers if self.against == ("peers",) else list(self.against)
        present = [name for name in names if name in samples and name != subject]
        if not present:
            return None
        best = min(present, key=lambda name: np.median(samples[name]))
        quotient = ratio(samples[best], samples[subject])
        return quotient if self.sense == "ahead" else 1 / quotient

    def met(self, value: float) -> bool:
        """Whether a value keeps the promise."""
        return value >= self.limit if self.sense == "ahead" else value <= self.limit

    def text(self) -> str:
        """The promise in words, without its value."""
        subject = f"{self.subject}: " if self.subject else ""
        against = "the best peer" if self.against == ("peers",) else " or ".join(self.against)
        if self.sense == "below":
            return f"{subject}at most {self.limit:g}"
        words = "at least {:g} times faster than" if self.sense == "ahead" else "within {:g} of"
        return f"{subject}{words.format(self.limit)} {against}"


def ratio(over: list[float], under: list[float]) -> float:
    """Median of the quotients round by round, which a drifting machine disturbs least."""
    return float(np.median(np.divide(over, under)))
