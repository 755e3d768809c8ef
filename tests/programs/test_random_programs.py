"""Random programs agree with NumPy, with themselves on every target, and with their derivatives.

`make fuzz` draws many more; CONTRIBUTING says how a failing one is looked at.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache

import numpy as np
import pytest
from tests.programs import differences, graph_mutations, mutations, reading
from tests.programs.checking import Case, Report, checked, fails
from tests.programs.drawing import drawn, shrunk
from tests.programs.grammar import ASIDE, forms, missing

from closedform.algebra.vocabulary import MATRIX_WORDS, WORDS

BATCH, COUNT = 50, 500
ILL = 0.05  # of programs, at most, may be too ill-conditioned to compare


@cache
def batch(start: int, device: bool) -> tuple[Report, list]:
    programs = [drawn(seed) for seed in range(start, start + BATCH)]
    return checked(programs, device), programs


def agree(start: int, device: bool = False) -> Report:
    """Check a batch; show the simplest program like the first one that is wrong."""
    report, _ = batch(start, device)
    for number in report.wrong:
        shrunk(start + number, lambda program: fails(program, device))
        raise AssertionError(f"seed {start + number}: {report.wrong[number]}")
    return report


together = pytest.mark.xdist_group("random programs")  # for they share what was computed


@together
@pytest.mark.parametrize("start", range(0, COUNT, BATCH))
def test_programs_agree(start: int) -> None:
    report = agree(start)
    assert len(report.ill) <= 3 * ILL * BATCH, f"ill-conditioned: {report.ill}"


@pytest.mark.skipif(not shutil.which("g++"), reason="the shim of CUDA needs g++")
def test_programs_agree_on_the_text_for_cuda() -> None:
    agree(100_000, device=True)


@together
def test_few_draws_are_ill_conditioned() -> None:
    reports = [batch(start, False)[0] for start in range(0, COUNT, BATCH)]
    ill = sum(len(r.ill) for r in reports)
    print(f"{ill} of {COUNT} are ill-conditioned, {sum(len(r.kinks) for r in reports)} near kinks")
    assert ill < ILL * COUNT


@together
def test_nearly_all_texts_are_read_back() -> None:
    unread = sum((batch(start, False)[0].unread for start in range(0, COUNT, BATCH)), Counter())
    print(f"of {COUNT} programs are not read back: {dict(unread)}")
    another = unread.pop(reading.ANOTHER, 0)
    assert another < 0.1 * COUNT
    assert unread.total() < ILL * COUNT


def test_every_word_is_drawn() -> None:
    assert not missing(), "say in grammar.FORMS how these are written"
    count = Counter(line.word for seed in range(1000) for line in drawn(seed).lines)
    assert not [word for word in forms() if not count[word]]
    assert {*WORDS, *(f"linalg.{word}" for word in MATRIX_WORDS)} - ASIDE <= set(count)


def test_a_seed_gives_the_same_program_again() -> None:
    assert [drawn(seed).source() for seed in range(20)] == [drawn(s).source() for s in range(20)]


def test_ranks_dtypes_and_extents() -> None:
    inputs = [x for seed in range(300) for x in drawn(seed).inputs]
    assert {len(x.shape) for x in inputs} == set(range(5))
    assert {x.dtype for x in inputs} == {
        "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float32", "float64",
    }  # fmt: skip
    sizes = {size for x in inputs for size in x.shape}
    assert {0, 1} < sizes
    assert {type(d) for x in inputs for d in x.dims} == {int, str, type(None)}


def test_a_printed_program_runs() -> None:
    program = next(p for p in map(drawn, range(100)) if p.wrt)
    done = subprocess.run([sys.executable, "-c", program.source()], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


HASHES = """
import json, sys
from tests.programs.drawing import drawn
from tests.programs.test_random_programs import hashes
print(json.dumps(hashes(range(*json.loads(sys.argv[1])))))
"""


def hashes(seeds: range) -> list[str]:
    """What names the compiled program of each seed."""
    cases = [Case(drawn(seed)) for seed in seeds]
    return ["" if c.empty else c.emitted.key_text + c.emitted.source for c in cases]


@pytest.mark.semantics("6.5")
def test_6_5_hashes_are_equal_in_another_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HASHES, "[0, 60]"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == hashes(range(60))


# ---------------------------------------------------------------- the check itself


@cache
def sound(start: int, count: int) -> list[Case]:
    """Programs that were found right, and whose kernels mistakes can be put into."""
    report, programs = batch(start, False)
    cases = [Case(p) for n, p in enumerate(programs) if n not in report.wrong]
    return [c for c in cases if mutations.takes(c)][:count]


@together
def test_every_mistake_in_a_kernel_is_noticed() -> None:
    chosen = mutations.mutants(sound(0, 30))
    survived, ran = mutations.survivors(chosen)
    assert not survived, "\n".join(
        f"{m.mistake}: {m.line}\n{m.case.program.source()}" for m in survived
    )
    assert all(ran.values()), f"no program has a place for {[k for k, n in ran.items() if not n]}"


@together
def test_every_mistake_in_a_simplified_graph_is_noticed() -> None:
    cases = sound(0, 30)
    chosen = graph_mutations.of_graphs(cases)
    right = {id(case): case.by_the_simplified_graph() for case in cases}
    survived, ran = graph_mutations.survivors(chosen, right)
    assert not survived, "\n".join(f"{m.mistake}: {m.line}" for m in survived)
    assert set(ran) == set(graph_mutations.GRAPH)


@pytest.mark.skipif(not shutil.which("g++"), reason="the shim of CUDA needs g++")
@together
def test_every_mistake_in_a_text_for_cuda_is_noticed() -> None:
    chosen, right = graph_mutations.of_texts(sound(0, 12))
    survived, ran = graph_mutations.survivors(chosen, right)
    assert not survived, "\n".join(f"{m.mistake}: {m.line}" for m in survived)
    assert set(ran) == set(graph_mutations.CUDA)


@together
@pytest.mark.parametrize("wrong", [1 + 2.0**-20, -1.0, 0.0])
def test_a_wrong_gradient_is_noticed(wrong: float) -> None:
    cases = [c for c in map(Case, batch(0, False)[1]) if c.program.wrt and not (c.empty or c.ill)]
    checked_cases = 0
    for case in cases:
        before, kink = differences.complaint(case)
        slopes = [b.value for b in case.bounds[-len(case.program.wrt) :]]
        if kink or before or not any(np.any(s) for s in slopes):
            continue
        count = len(case.program.wrt)
        case.bounds[-count:] = [b._replace(value=b.value * wrong) for b in case.bounds[-count:]]
        message, kink = differences.complaint(case)
        assert message or kink, case.program.source()
        checked_cases += bool(message)
    assert checked_cases >= 3
