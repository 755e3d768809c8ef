"""`python -m bench gpu`: without a device it says why it measures nothing; what it would measure is
made and compared here at small sizes, with the stand-in for CuPy. No time is looked at."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from bench.tasks import gpu
from tests.cuda.standin import StandIn
from tests.cuda.test_cupy_device import pytestmark, stand_in  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]


class Drawing:
    """CuPy's generator of random numbers, on the stand-in's memory."""

    def __init__(self, module: StandIn, seed: int) -> None:
        self.module, self.random = module, np.random.default_rng(seed)

    def standard_normal(self, shape, dtype):
        return self.module.put(self.random.standard_normal(shape, dtype=dtype))

    def integers(self, low, high, count):
        return self.module.put(self.random.integers(low, high, count))


@pytest.fixture
def cupy(monkeypatch):
    module = StandIn()
    for name in ("arange", "copyto", "empty_like", "exp", "logaddexp", "tanh", "uint8", "ones"):
        setattr(module, name, getattr(np, name))
    module.ones = lambda n: module.put(np.ones(n))
    module.random = types.SimpleNamespace(default_rng=lambda seed: Drawing(module, seed))
    module.fuse = lambda: lambda f: f
    device = module.cuda.Device
    module.cuda.Device = lambda number=0: types.SimpleNamespace(
        **vars(device(number)), synchronize=lambda: None
    )
    yield from stand_in(monkeypatch, module)


CASES = {
    "logistic": lambda: gpu.logistic(90, 28, "float32"),
    "logistic float64": lambda: gpu.logistic(40, 784, "float64"),
    "softmax": lambda: gpu.softmax(60, 40, 10),
    "perceptron": lambda: gpu.perceptron(60, 40, 30, 10),
    "elementwise": lambda: gpu.elementwise(1000),
    "captured": lambda: gpu.captured(30, 20, 35),
    "calls": gpu.calls,
    "streamed": lambda: gpu.streamed(500, 20),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_measured_computes_and_agrees(cupy, name):
    case = CASES[name]()
    results = {}
    for entry in case.entries:
        if "torch" in entry.name or entry.name == "jax":
            continue
        runner = entry.make()
        if runner.measure is not None:
            assert runner.measure() > 0
            continue
        found = runner.run()
        if runner.read is not None:
            results[entry.name] = runner.read(found)
    ours = results.get("closedform", {})
    for other in results.values():
        for k, value in other.items():
            scale = float(np.abs(ours[k]).max())
            np.testing.assert_allclose(value, ours[k], rtol=1e-4, atol=1e-5 * scale)
    assert name in ("calls", "streamed") or np.isfinite(next(iter(ours.values()))).all()


def test_every_case_names_the_device(cupy, monkeypatch):
    monkeypatch.setattr(gpu, "planned", lambda quick: [("elementwise", CASES["elementwise"])])
    monkeypatch.setattr(cupy, "__version__", "14.0", raising=False)
    (case,) = gpu.cases(quick=True)
    assert case.facts["device"] == "stand-in" and case.facts["cupy"].endswith("14.0")
    assert case.facts["n"] == 1000 and case.facts["driver"] == 13000


def test_the_budget_leaves_cases_out(cupy, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "BUDGET", -1)
    assert list(gpu.cases(quick=True)) == []
    assert "gpu: streamed is left out" in capsys.readouterr().out


def test_every_case_of_the_issue_is_planned():
    names = [name for name, _ in gpu.planned(quick=False)]
    wanted = [f"logistic {d}" for d in (28, 128, 784, 1024, 2048, 8192)]
    wanted += ["logistic float64", "softmax", "perceptron", "elementwise", "a call", "streamed"]
    assert set(wanted + ["steps 256", "steps 8192"]) == set(names)
    assert gpu.BUDGET < 8 * 60


def test_without_a_device_the_reason_is_printed():
    words = [sys.executable, "-m", "bench", "gpu", "--quick"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if "gpu: nothing is measured: " not in done.stdout:
        pytest.skip("there is a device")
    assert done.returncode == 0, done.stderr
