"""Prepare, check, interleave, take medians."""

from __future__ import annotations

import gc
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import agreement
from .bar import ratio
from .case import Case, Runner

SHORTEST = 3e-2  # seconds that one sample lasts at least: training runs step after step
PAUSE = 0.25  # lets the threads of the contender before stop spinning: some do for 0.2 s


@dataclass(frozen=True)
class Effort:
    """How long a case is measured: rounds between `least` and the case's own, within `seconds`."""

    seconds: float = 25.0
    least: int = 5

    def rounds(self, case: Case, one: float) -> int:
        least = min(self.least, case.rounds)
        return int(np.clip(self.seconds / max(one, 1e-9), least, case.rounds))


QUICK = Effort(seconds=0.5, least=3)


@dataclass
class Outcome:
    """A case's samples by entry; `failure` says why there are none."""

    case: Case
    samples: dict[str, list[float]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    failure: str = ""

    @property
    def ours(self) -> str:
        return next((e.name for e in self.case.entries if e.kind == "ours"), "")

    @property
    def peers(self) -> list[str]:
        return [e.name for e in self.case.entries if e.kind == "peer" and e.name in self.samples]

    def median(self, name: str) -> float:
        return float(np.median(self.samples[name]))

    def ratios(self) -> dict[str, float]:
        """How many times as long as ours every entry takes."""
        if self.ours not in self.samples:
            return {}
        base = self.samples[self.ours]
        return {name: ratio(column, base) for name, column in self.samples.items()}

    def bars(self) -> list[tuple[str, float, bool]]:
        """Each bar that could be judged: its words, the value found, whether it is met."""
        judged = []
        for bar in self.case.bars:
            value = bar.value(self.samples, self.ours, self.peers)
            if value is not None:
                judged.append((bar.text(), value, bar.met(value)))
        return judged


def measure(case: Case, effort: Effort) -> Outcome:
    """Measure a case; what fails is recorded, never raised."""
    outcome = Outcome(case)
    runners = prepared(case, outcome)
    if outcome.ours and outcome.ours not in runners:
        outcome.failure = f"{outcome.ours}: {outcome.absent[outcome.ours]}"
        return outcome
    try:
        agreement.check(runners, case.tolerance)
        outcome.samples = interleaved(runners, case, effort)
    except agreement.Disagreement as error:
        outcome.failure = str(error)
    except Exception as error:  # a contender that stops must not hide the other cases
        outcome.failure = reason(error)
    return outcome


def prepared(case: Case, outcome: Outcome) -> dict[str, Runner]:
    """Runners of all entries that can be made and run once."""
    runners: dict[str, Runner] = {}
    for entry in case.entries:
        try:
            runner = entry.make()
            if runner.measure is None:
                runner.run()
            runners[entry.name] = runner
        except Exception as error:
            outcome.absent[entry.name] = reason(error)
    return runners


def reason(error: Exception) -> str:
    """One line: what stopped a contender, and where."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({last[0].name}, line {last[0].lineno})" if last else ""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}{where}"


def interleaved(runners: dict[str, Runner], case: Case, effort: Effort) -> dict[str, list[float]]:
    """Samples of every runner; the runners take turns within each round."""
    loops = {name: loops_of(runner) for name, runner in runners.items()}
    samples: dict[str, list[float]] = {name: [] for name in runners}
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        one_round(runners, loops, samples)
        rounds = effort.rounds(case, time.perf_counter() - start)
        for _ in range(rounds - 1):
            one_round(runners, loops, samples)
    finally:
        gc.enable()
    return samples


def one_round(
    runners: dict[str, Runner], loops: dict[str, int], samples: dict[str, list[float]]
) -> None:
    for name, runner in runners.items():
        samples[name].append(sample(runner, loops[name]))


def sample(runner: Runner, loops: int) -> float:
    """Seconds of one run, over `loops` runs, after one that is not counted."""
    if runner.measure is not None:
        return runner.measure()
    time.sleep(PAUSE)
    runner.run()  # the first after another library is slower
    return timed(runner.run, loops) / loops


def timed(run: Any, loops: int) -> float:
    turns = range(loops)
    start = time.perf_counter()
    for _ in turns:
        run()
    return time.perf_counter() - start


def loops_of(runner: Runner) -> int:
    """How many runs make a sample long enough for the clock."""
    if runner.measure is not None:
        return 1
    loops = 1
    while (seconds := timed(runner.run, loops)) < SHORTEST:
        loops = max(2 * loops, int(loops * SHORTEST / max(seconds, 1e-9)))
    return loops
