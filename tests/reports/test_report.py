"""The report of a run, as a file: what it says, what it weighs, what it does without."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding
from maskwright.errors import RunError, UsageError
from maskwright.evaluation.evaluate import Evaluation
from maskwright.recipe.files import read_recipe, write_recipe
from maskwright.recipe.recipe import with_settings
from maskwright.reports.rendering import LIMIT_BYTES
from maskwright.reports.report import report
from synthetic_run import synthetic_run
from tiny import tiny_dataset

NASTY = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_run(tmp_path_factory.mktemp("whole") / "run", _dataset())


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def test_the_report_is_one_small_file_that_asks_for_nothing(whole: Path) -> None:
    path = report(whole)
    text = _read(path)
    assert path == whole / "report.html"
    assert path.stat().st_size < LIMIT_BYTES
    assert "default-src 'none'" in text
    links = re.findall(r'(?:src|href|action)="([^"]{0,5})', text)
    assert len(links) > 30
    assert [link for link in links if link != "data:" and not link.startswith("#")] == []


def test_it_says_the_score_and_what_stands_behind_it(whole: Path) -> None:
    text = _read(report(whole))
    score = f"{100 * Evaluation.load(whole / 'evaluation' / 'val').scores.mDice:.1f}\u202f%"
    assert f'class="big">{score}<' in text
    assert f"mean Dice of {score}" in text
    for part in ("On 9 photos", "3 findings; 3 samples were left out", "broken.jpg: the file ends too early"):
        assert part in text
    assert "0.412 s an iteration fit the budget" in text
    assert text.count('class="panel"') >= 9


def test_russian_numbers_and_sentences(whole: Path) -> None:
    text = _read(report(whole, lang="ru"))
    assert '<html lang="ru">' in text
    assert re.search(r'class="big">\d+,\d\u202f%', text)
    assert "На 9 фотографиях" in text
    assert "3 замечания; пропущено 3 примера" in text
    assert "The model" not in text


def test_names_of_the_user_never_become_html(tmp_path: Path) -> None:
    dataset = _dataset()
    hostile = replace(
        dataset,
        classes=make_classes(["background", NASTY, 'a"b&c']),
        samples=tuple(replace(sample, id=f"{sample.split}/{NASTY}{sample.id[-1]}") for sample in dataset),
    )
    text = _read(report(synthetic_run(tmp_path / "run", hostile)))
    assert NASTY not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\\u003cscript\\u003e" in text  # in the figures' JSON


def test_the_test_split_has_its_own_table(tmp_path: Path) -> None:
    dataset = _dataset()
    moved = [replace(sample, split="test") if sample.id in ("val/0", "val/1") else sample for sample in dataset]
    run = synthetic_run(tmp_path / "run", replace(dataset, samples=tuple(moved)), judged=("val", "test"))
    text = _read(report(run))
    assert "On 2 photos of the test split" in text
    assert text.count('class="scores"') == 2


@pytest.mark.parametrize(
    "missing",
    ["evaluation", "evaluation/val/gallery", "pictures", "log.jsonl", "data.json", "timings.json", "recipe.yaml",
     "findings.jsonl", "environment.json"],
)  # fmt: skip
def test_a_part_that_is_not_there_is_left_out(folder: Path, missing: str) -> None:
    path = folder / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert "</html>" in _read(report(folder))


def test_the_scores_of_a_diagnosis_do_where_nothing_was_evaluated(folder: Path) -> None:
    told = re.search(r'class="big">([^<]+)', _read(report(folder)))
    (folder / "evaluation").rename(folder / "diagnosis")
    again = re.search(r'class="big">([^<]+)', _read(report(folder)))
    assert told is not None and again is not None and again[1] == told[1]


def test_a_finding_of_a_check_that_is_not_known_here_is_said_as_its_file_says_it(folder: Path) -> None:
    record = Finding("train/0", "from_the_future", 0.4, {"file": "a.png"}).__dict__ | {"format": 1}
    line = json.dumps({**record, "sentence": "a.png: wrong in a new way."})
    with (folder / "findings.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    assert "a.png: wrong in a new way." in _read(report(folder))
    (folder / "findings.jsonl").write_text("no JSON", encoding="utf-8")
    with pytest.raises(RunError, match="this is no finding"):
        report(folder)


def test_photos_that_were_not_learned_from_are_named(folder: Path) -> None:
    names = tuple(f"train/photo-{number}" for number in range(20))
    recipe = with_settings(
        read_recipe(folder / "recipe.yaml"), {"set_aside": names}, source="test", reason="measured: x"
    )
    write_recipe(recipe, folder / "recipe.yaml")
    text = _read(report(folder))
    assert "their masks are in doubt: 20 photos" in text
    assert all(f"<code>{name}</code>" in text for name in names)
    assert "train/photo-11, … (20)" in text  # the table of the recipe names twelve


def test_a_run_that_has_just_begun(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path.name != "format":
            path.unlink()
    assert "Nothing has been measured yet." in _read(report(folder))


def test_a_training_that_goes_on_is_told_as_such(tmp_path: Path) -> None:
    text = _read(report(synthetic_run(tmp_path / "run", _dataset(), ended=False)))
    assert "Training has not ended: iteration 980 of 2,000" in text
    assert "The best weights so far reach a mean Dice of" in text


def test_a_damaged_picture_is_left_out(folder: Path) -> None:
    (folder / "pictures" / "samples_00.jpg").write_bytes(b"no picture")
    assert "</html>" in _read(report(folder))


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        report(tmp_path)


def test_an_unknown_language_is_refused(whole: Path) -> None:
    with pytest.raises(UsageError, match="--lang de"):
        report(whole, lang="de")


def test_a_report_that_fails_leaves_the_old_one(folder: Path) -> None:
    before = report(folder).read_bytes()
    (folder / "evaluation" / "val" / "counts.npz").write_bytes(b"cut off")
    with pytest.raises(RunError, match="counts"):
        report(folder)
    assert (folder / "report.html").read_bytes() == before


def test_reporting_needs_no_torch() -> None:
    code = "import sys, maskwright.reports.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _dataset() -> Dataset:
    return tiny_dataset(train=12, val=9)


def _read(path: Path) -> str:
    """The page without the library that draws the curves."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"<script>/\*\*\n\* plotly\.js.*?</script>", "", text, flags=re.DOTALL)
