"""The page of all saved results."""

from __future__ import annotations

from bench import summary
from bench.__main__ import main
from bench.bar import Bar
from bench.case import Case, Entry, measured
from bench.harness import Effort, measure
from bench.report import save


def saved(folder, name, ours, peers, bars=()):
    columns = {"closedform": ("ours", ours)} | {k: ("peer", v) for k, v in peers.items()}
    entries = [Entry(k, measured(iter(v).__next__), kind) for k, (kind, v) in columns.items()]
    case = Case(name, entries, rounds=len(ours), bars=bars)
    save(name, [measure(case, Effort(seconds=0.0, least=len(ours)))], {}, folder)


def test_rows_name_the_fastest_peer_and_judge_bars(tmp_path):
    saved(tmp_path, "a", [1.0, 2.0, 3.0], {"slow": [9.0] * 3, "fast": [3.0, 4.0, 6.0]}, (Bar(2.5),))
    saved(tmp_path, "b", [1e-3], {})
    first, second = summary.rows(tmp_path)
    assert (first.case, first.ours, first.peer, first.times) == ("a", "2 s", "fast", 2.0)
    assert first.bars == ("2 NOT MET (at least 2.5 times faster than the best peer)",)
    assert (second.ours, second.peer) == ("1 ms", "")


def test_the_table_has_a_line_per_case(tmp_path):
    saved(tmp_path, "a", [1.0], {"peer": [3.0]})
    text = summary.table(summary.rows(tmp_path))
    assert "| a | 1 s | peer | 3.00 | |" in text


def test_the_command_writes_the_page(tmp_path, monkeypatch, capsys):
    saved(tmp_path, "a", [1.0], {"peer": [3.0]})
    monkeypatch.setattr(summary.write, "__defaults__", (tmp_path,))
    assert main(["--summary"]) == 0
    assert "wrote summary.md" in capsys.readouterr().out
    assert (tmp_path / "summary.md").read_text() == summary.table(summary.rows(tmp_path))
