"""maskwright compare: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compared_runs import counts_of, judged_run
from maskwright.cli.main import answer


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    made = [judged_run(Path(f"a{seed}"), counts_of(0.88, seed), settings={"seed": seed}) for seed in range(3)]
    made += [
        judged_run(
            Path(f"b{seed}"),
            counts_of(0.60, 10 + seed),
            settings={
                "seed": seed,
                "lr": 0.01,
                "weights": f"/somewhere/very/far/away/weights-of-{'x' * 30}.safetensors",
            },
            course=(0.3, 0.7, 0.6, 0.6),
        )
        for seed in range(3)
    ]
    return [str(each) for each in made]


def test_it_prints_the_table_the_pairs_and_the_verdict(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["compare", *runs]) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0] == "val, 60 photos"
    assert lines[1].split() == [
        "Run", "Recipe", "iterations", "aAcc", "mIoU", "mDice", "background", "cat", "dog", "s/iteration", "MB",
        "ms/photo",
    ]  # fmt: skip
    assert lines[3].split()[:3] == ["a0", "A", "300"] and lines[3].split()[-3:] == ["0.500", "–", "–"]
    assert "a0 − b0" in printed and "better" in printed and "not distinguishable" in printed
    assert "Recipe A: a0, a1, a2 (mean mDice " in printed
    assert any(line.split() == ["lr", "0.0006", "0.01"] for line in lines)
    assert any(line.startswith("weights ") and line.endswith("…xxxxxxxxxxx.safetensors") for line in lines)
    assert "All runs were trained on the same data." in printed
    assert "b0 was trained past its best" in printed
    assert "Recipe A is better than recipe B by " in printed


def test_it_answers_in_json_and_russian(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["compare", *runs, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert [group["runs"] for group in value["recipes"]] == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]
    assert value["recipe_pairs"][0]["verdict"] == "better" and len(value["pairs"]) == 15
    assert answer(["compare", *runs[:2], "--lang", "ru"]) == 0
    assert "на этих снимках неразличимы" in capsys.readouterr().out


def test_many_pairs_are_cut_short(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    more = judged_run(Path("c"), counts_of(0.7, 40))
    assert answer(["compare", *runs, str(more)]) == 0
    assert "... and 6 more, all on the page and with --json" in capsys.readouterr().out


def test_it_writes_a_page_beside_nothing_else(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(Path.cwd().rglob("*"))
    assert answer(["compare", *runs[:2], "-o", "pages/two.html"]) == 0
    assert "Page: pages/two.html" in capsys.readouterr().out
    page = Path("pages/two.html")
    assert sorted(Path.cwd().rglob("*")) == sorted([*before, page.parent.absolute(), page.absolute()])


def test_wrong_use_is_answered_with_the_way_out(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["compare", runs[0]]) == 2
    assert "at least two runs" in capsys.readouterr().err
    assert answer(["compare", *runs, "--split", "test"]) == 2
    assert "maskwright compare RUN RUN --data DATA" in capsys.readouterr().err
    other = judged_run(Path("other"), counts_of(0.7, 40), digest="d2")
    assert answer(["compare", runs[0], str(other), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "UsageError"
