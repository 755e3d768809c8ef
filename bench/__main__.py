"""`python -m bench NAME [NAME...] [--quick] [--save] [--plot] [--threads N]`; no NAME runs all."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Sequence

from . import threads
from .harness import QUICK, Effort, Outcome
from .harness import measure as measured
from .tasks import TASKS, cases

BUSY = 0.5  # processes that ran before the start
ADVICE = "contenders whose threads spin suffer most; measure again on a quiet machine"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named tasks; return 1 if a case could not be measured."""
    options = parser().parse_args(arguments)
    if options.summary:
        from . import summary

        print(*(f"wrote {path.name}" for path in summary.write()), sep="\n")
        return 0
    count = threads.use(options.threads)
    from . import machine

    facts = machine.facts(count)
    print(f"{facts['processor']}, {count} threads, {facts['compiler']}, {facts['date']}")
    print("columns: median, times ours, fastest")
    if facts["load"] > BUSY:
        print(f"warning: the load was {facts['load']} before the start: {ADVICE}")
    failures = 0
    for task in options.task or TASKS:
        outcomes = run(task, options)
        failures += sum(bool(outcome.failure) for outcome in outcomes)
        keep(task, outcomes, facts, options)
    return int(failures > 0)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    p.add_argument("task", nargs="*", choices=[*TASKS, []], metavar="NAME", help=", ".join(TASKS))
    p.add_argument("--quick", action="store_true", help="small sizes, three rounds")
    p.add_argument("--save", action="store_true", help="write bench/results/NAME.json")
    p.add_argument("--plot", action="store_true", help="draw bench/results/NAME.png")
    p.add_argument("--summary", action="store_true", help="one page of all saved results")
    p.add_argument("--threads", type=int, help="for every library; default: all processors")
    p.add_argument("--seconds", type=float, default=Effort.seconds, help="of rounds, a case")
    return p


def run(task: str, options: argparse.Namespace) -> list[Outcome]:
    from . import report

    effort = QUICK if options.quick else Effort(options.seconds)
    start, outcomes = time.perf_counter(), []
    for case in cases(task, options.quick):
        outcome = measured(case, effort)
        print(report.table(outcome), flush=True)
        outcomes.append(light(outcome))
        gc.collect()
    print(f"\n{task}: {time.perf_counter() - start:.0f} s")
    return outcomes


def light(outcome: Outcome) -> Outcome:
    """The outcome without what makes its entries, which holds the data."""
    for entry in outcome.case.entries:
        object.__setattr__(entry, "make", None)
    return outcome


def keep(
    task: str, outcomes: list[Outcome], facts: dict[str, object], options: argparse.Namespace
) -> None:
    from . import plots, report

    if options.save and (path := report.save(task, outcomes, facts)):
        print(f"saved {path.name}")
    if options.plot and (drawn := plots.draw(task, outcomes)):
        print(f"drew {drawn.name}")


if __name__ == "__main__":
    sys.exit(main())
