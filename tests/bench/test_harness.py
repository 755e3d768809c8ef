"""The logic of the measurements; nothing here is timed against a limit, and no peer is imported."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bench import report
from bench.__main__ import main
from bench.agreement import Disagreement, check, same
from bench.bar import Bar, ratio
from bench.case import Case, Entry, Kind, Runner, measured
from bench.fresh import figure
from bench.harness import Effort, Outcome, loops_of, measure
from bench.tasks import TASKS

SHORT = Effort(seconds=0.0, least=2)


def entry(name: str, value: Any, kind: Kind = "peer", **outputs: Any) -> Entry:
    arrays = {"value": np.asarray(value)} | outputs
    return Entry(name, lambda: Runner(lambda: arrays, lambda found: found), kind)


def figures(*columns: tuple[str, Kind, list[float]]) -> Case:
    """A case whose entries report given figures, one a round."""
    rounds = len(columns[0][2])
    entries = [Entry(name, measured(iter(column).__next__), kind) for name, kind, column in columns]
    return Case("figures", entries, rounds=rounds, facts={"n": 3})


def refuse() -> Runner:
    raise ImportError("not installed")


def test_contenders_that_agree_are_measured() -> None:
    case = Case("sum", [entry("ours", [1.0, 2.0], "ours"), entry("peer", [1.0, 2.0])])
    outcome = measure(case, SHORT)
    assert not outcome.failure
    assert {name: len(column) for name, column in outcome.samples.items()} == {"ours": 2, "peer": 2}


def test_a_wrong_contender_stops_the_case_and_is_named() -> None:
    case = Case("sum", [entry("ours", [1.0, 2.0], "ours"), entry("peer", [1.0, 2.001])])
    outcome = measure(case, SHORT)
    assert "peer and ours differ in 'value'" in outcome.failure
    assert not outcome.samples


def test_every_shared_output_is_compared() -> None:
    right, wrong = entry("a", 1.0, g=np.ones(3)).make(), entry("b", 1.0, g=np.zeros(3)).make()
    with pytest.raises(Disagreement, match="b and a differ in 'g'"):
        check({"a": right, "b": wrong}, 1e-9)


def test_contenders_without_a_common_output_disagree() -> None:
    runner = Runner(lambda: {"other": np.ones(1)}, lambda found: found)
    with pytest.raises(Disagreement, match="no output in common"):
        check({"a": entry("a", 1.0).make(), "b": runner}, 1e-9)


def test_the_check_starts_from_the_first_state() -> None:
    state = [0.0]

    def run() -> dict[str, np.ndarray]:
        state[0] += 1
        return {"value": np.array(state[0])}

    counter = Runner(run, lambda found: found, lambda: state.__setitem__(0, 0.0))
    counter.run()
    check({"one": entry("one", 1.0).make(), "counter": counter}, 1e-12)


@pytest.mark.parametrize(
    ("found", "expected"),
    [(np.ones(2), np.ones(3)), (np.nan, 1.0), (np.array([True, False]), np.array([True, True]))],
)
def test_shapes_nan_and_decisions_count(found: Any, expected: Any) -> None:
    with pytest.raises(AssertionError):
        same(found, expected, 1e-3)


def test_a_rare_flipped_decision_is_rounding() -> None:
    decisions = np.zeros(10_000, bool)
    flipped = decisions.copy()
    flipped[7] = True
    same(flipped, decisions, 1e-9)


def test_an_absent_peer_is_recorded_and_ours_is_still_measured() -> None:
    case = Case("sum", [entry("ours", 1.0, "ours"), Entry("peer", refuse)])
    outcome = measure(case, SHORT)
    assert list(outcome.samples) == ["ours"]
    assert "not installed" in outcome.absent["peer"]


def test_a_case_without_ours_fails() -> None:
    case = Case("sum", [Entry("ours", refuse, "ours"), entry("peer", 1.0)])
    assert "not installed" in measure(case, SHORT).failure


def test_ratios_are_medians_of_rounds() -> None:
    case = figures(("ours", "ours", [1.0, 2.0, 4.0]), ("peer", "peer", [3.0, 6.0, 20.0]))
    outcome = measure(case, Effort())
    assert outcome.ratios() == {"ours": 1.0, "peer": 3.0}
    np.testing.assert_allclose(ratio([2, 2, 9], [1, 2, 3]), 2)


def samples(**columns: list[float]) -> dict[str, list[float]]:
    return columns


@pytest.mark.parametrize(
    ("bar", "value", "met"),
    [
        (Bar(2.0), 3.0, True),
        (Bar(3.5), 3.0, False),
        (Bar(1.2, "within", ("read",)), 2.0, False),
        (Bar(2.5, "within", ("read", "absent")), 2.0, True),
        (Bar(1.0, "below"), 1.0, True),
        (Bar(4.0, "below", subject="slow"), 5.0, False),
    ],
)
def test_bars(bar: Bar, value: float, met: bool) -> None:
    found = bar.value(
        samples(ours=[1.0, 1.0], fast=[3.0, 3.0], slow=[5.0, 5.0], read=[0.5, 0.5]),
        "ours",
        ["slow", "fast"],
    )
    assert found is not None
    np.testing.assert_allclose(found, value)
    assert bar.met(found) is met


def test_a_bar_with_nothing_to_compare_is_not_judged() -> None:
    assert Bar(2.0).value(samples(ours=[1.0]), "ours", []) is None
    assert Bar(2.0, subject="absent").value(samples(ours=[1.0]), "ours", []) is None


def test_json_round_trip(tmp_path: Any) -> None:
    case = figures(("ours", "ours", [1.0, 2.0]), ("peer", "peer", [2.0, 4.0]))
    good, bad = measure(case, Effort()), Outcome(case, failure="peer and ours differ")
    path = report.save("task", [good, bad], {"processor": "any"}, tmp_path)
    assert path is not None
    kept = report.load(path)
    assert kept == json.loads(path.read_text())
    assert kept["machine"] == {"processor": "any"}
    (saved,) = kept["cases"]
    assert saved["entries"]["peer"] == {"kind": "peer", "median": 3.0, "samples": [2.0, 4.0]}
    assert saved["times ours"]["peer"] == 2.0


def test_nothing_is_saved_when_nothing_was_measured(tmp_path: Any) -> None:
    outcome = Outcome(figures(("ours", "ours", [1.0])), failure="no")
    assert report.save("task", [outcome], {}, tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_tables_show_failures_absences_and_bars() -> None:
    case = Case("sum", [entry("ours", 1.0, "ours"), Entry("peer", refuse)], bars=(Bar(9, "below"),))
    outcome = measure(case, SHORT)
    text = report.table(outcome)
    assert "absent: ImportError: not installed" in text
    assert "(at most 9)" in text
    outcome.failure = "they differ"
    assert "NOT MEASURED: they differ" in report.table(outcome)


@pytest.mark.parametrize(
    ("figure", "unit", "text"),
    [
        (2e-9, "s", "2 ns"),
        (1.5e-5, "s", "15 us"),
        (0.25, "s", "250 ms"),
        (3.0, "s", "3 s"),
        (4e6, "B", "4.0 MB"),
    ],
)
def test_figures_read_well(figure: float, unit: str, text: str) -> None:
    assert report.shown(figure, unit) == text


def test_short_runs_are_repeated() -> None:
    assert loops_of(Runner(lambda: None)) > 100
    assert loops_of(measured(lambda: 1.0)()) == 1


def test_an_unknown_task_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert "logistic" in capsys.readouterr().err


def test_every_task_has_a_module() -> None:
    import importlib.util

    for name in TASKS.values():
        assert importlib.util.find_spec(f"bench.tasks.{name}"), name


def test_a_failing_process_says_why() -> None:
    with pytest.raises(RuntimeError, match="ModuleNotFoundError|No module named"):
        figure("no_such_script")


def test_importing_the_harness_imports_no_peer() -> None:
    import subprocess
    import sys

    code = "import sys, bench.__main__, bench.step; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "jax", "numba", "pytensor", "closedform"} & set(done.stdout.split())


def maker(value: float) -> Callable[[], Runner]:
    return measured(lambda: value)


def test_the_first_of_ours_is_judged() -> None:
    entries = [
        Entry("a", maker(1.0), "ours"),
        Entry("b", maker(2.0), "ours"),
        Entry("c", maker(3.0)),
    ]
    outcome = measure(Case("two", entries, bars=(Bar(3.0),)), SHORT)
    assert outcome.ours == "a"
    assert outcome.bars() == [("at least 3 times faster than the best peer", 3.0, True)]
