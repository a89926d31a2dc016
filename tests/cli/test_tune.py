"""maskwright tune on a real, tiny run, and what follows from it for everything that predicts with the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import maskwright
from drawn import CLASSES, draw_folder
from maskwright.cli.main import answer
from maskwright.errors import RecipeError
from maskwright.inference.postprocess.settings import PostProcess, write_postprocess
from maskwright.reports.language import Language
from maskwright.reports.tuning import tuning_report, value_text, verdict, why

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("data") / "photos", train=8)


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, with evaluations and a bundle."""
    out = tmp_path_factory.mktemp("out") / "run"
    settings = {"iterations": 4, "validation_interval": 2, "threads": 1}
    maskwright.run(data, out, classes=CLASSES.split(","), settings=settings, budget_s=60)
    return out


def test_tune_writes_into_the_run_and_its_bundle(data: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["tune", str(run), str(data), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    kept = json.loads((run / "tuning.json").read_text())
    assert {key: kept[key] for key in value if key != "report"} == {k: v for k, v in value.items() if k != "report"}
    assert (run / "postprocess.yaml").read_text() == (run / "bundle" / "postprocess.yaml").read_text()
    assert "postprocess.yaml" in json.loads((run / "bundle" / "bundle.json").read_text())["files"]
    judged = json.loads((run / "evaluation" / "val" / "metrics.json").read_text())
    assert judged["metrics"]["mDice"] == pytest.approx(value["mDice"]["after"])
    assert "Would post-processing help?" in (run / "report.html").read_text(), "the report is renewed, too"
    page = Path(value["report"]).read_text()
    assert "Would post-processing help?" in page and "one class per photo" in page
    (run / "tuning.json").write_text(json.dumps(kept | {"post": {"temperature": 1.2}}))
    page = tuning_report(run, lang="ru").read_text()
    assert "Помогла бы постобработка?" in page and "Температура подбирается последней" in page
    assert "До и после" not in page, "masks are the same: a table of zeros says nothing"


def test_tune_says_what_it_found_and_refuses_test(data: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["tune", str(run), str(data), "--lang", "ru"]) == 0
    printed = capsys.readouterr().out
    assert "сглаживание вдоль границ" in printed and "postprocess.yaml" in printed
    assert answer(["tune", str(run), str(data), "--split", "test"]) == 2
    assert "post-processing is not fitted on it" in capsys.readouterr().err


def test_whatever_predicts_with_the_run_takes_the_steps(data: Path, run: Path) -> None:
    image = maskwright.read(data, classes=CLASSES.split(",")).samples[0].image()
    plain = maskwright.load(run, postprocess=False)
    post = PostProcess(logit_offsets=(-9, 9, 0))
    write_postprocess(post, run / "postprocess.yaml", classes=plain.classes.names, predictor=plain.digest)
    maskwright.bundle(maskwright.Run(run))
    for folder in (run, run / "bundle"):
        processed = maskwright.load(folder)
        assert (processed.mask(image) == 1).all()
        assert np.array_equal(processed(image).argmax(0), processed.mask(image))
        assert processed.digest != plain.digest
        assert np.array_equal(maskwright.load(folder, postprocess=False)(image), plain(image))
    photo = next((data / "img" / "val").iterdir())
    for name, options in (("with", []), ("without", ["--no-postprocess"])):
        assert answer(["predict", str(run), str(photo), "-o", str(run / name), *options]) == 0
    masks = [next((run / name / "masks").rglob("*.png")).read_bytes() for name in ("with", "without")]
    assert masks[0] != masks[1]


def test_steps_that_were_fitted_for_other_weights_are_refused(run: Path) -> None:
    names = maskwright.load(run, postprocess=False).classes.names
    write_postprocess(PostProcess(temperature=2), run / "postprocess.yaml", classes=names, predictor="0" * 32)
    with pytest.raises(RecipeError, match="fitted for other weights") as caught:
        maskwright.load(run)
    assert "--no-postprocess" in str(caught.value)


def test_a_weight_is_told_as_a_number_and_a_size_as_a_share() -> None:
    language, classes = Language("en", "tuning"), CLASSES.split(",")
    assert value_text("colour_weight", 0.3, classes, language) == "weight 0.30"
    assert "%" in value_text("edge_radius_frac", 0.03, classes, language)


def test_a_gain_that_may_be_chance_is_not_told_as_help() -> None:
    gain = {"gain": 0.01, "low": -0.002, "high": 0.02}
    content: dict[str, Any] = {"images": 9, "post": {"object_score_share": 0.9}, "nested": gain}
    content["mDice"] = {"before": 0.8, "after": 0.81}
    tried = {"name": "object_score_share", "why": "spoken_for", "losers": [], **gain}
    for lang, unsure, helps, reason in (
        ("en", "cannot be told from these", "helps", "show one object a photo"),
        ("ru", "сказать нельзя", "помогает", "в снимке один объект"),
    ):
        language = Language(lang, "tuning")
        assert unsure in verdict(content, language) and helps not in verdict(content, language)
        assert unsure in verdict({**content, "nested": None}, language)
        assert helps in verdict({**content, "nested": {**gain, "low": 0.001}}, language)
        assert reason in why(tried, language)
