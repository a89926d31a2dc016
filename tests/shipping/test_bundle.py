"""What a bundle holds, that it predicts like its run however it is carried, and what its card says."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import maskwright
from drawn_run import drawn_run
from maskwright.errors import RunError, UsageError
from maskwright.evaluation.evaluate import Evaluation, evaluate
from maskwright.inference.opening import opened
from maskwright.reports.markdown import escaped
from maskwright.shipping.bundle import data_of, photos_of
from maskwright.shipping.facts import read_facts
from maskwright.storage import file_digest, read_json, write_json
from maskwright.training.run import Run
from tiny import tiny_dataset

DATA = tiny_dataset(train=6, val=8)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that was judged, with an export of its weights, one of other weights and two folders that are none."""
    made = drawn_run(tmp_path_factory.mktemp("runs") / "pets", DATA, tta_flip=True)
    evaluate(maskwright.load(made.folder), DATA).save(made.folder / "evaluation" / "val")
    digests = {"onnx": file_digest(made.best_weights), "openvino": "0" * 64}
    digests |= {".openvino-int8.0123abcd.tmp": digests["onnx"], "my export": digests["onnx"]}
    network = {"digest": hashlib.sha256(b"a network").hexdigest(), "bytes": 9}
    for name, digest in digests.items():
        about = {"format": 1, "made_from": {"weights": digest}, "files": {"model.onnx": network}}
        write_json(made.folder / "exports" / name / "export.json", about)
        (made.folder / "exports" / name / "model.onnx").write_bytes(b"a network")
    (made.folder / "exports" / "onnx" / "my notes.txt").write_text("mine")
    return made


@pytest.fixture(scope="module")
def bundle(run: Run) -> Path:
    return maskwright.bundle(run).path


def test_a_bundle_holds_all_that_predicting_needs(run: Run, bundle: Path) -> None:
    assert bundle == run.folder / "bundle"
    told = json.loads((bundle / "bundle.json").read_text())
    present = {path.relative_to(bundle).as_posix(): path for path in bundle.rglob("*") if path.is_file()}
    assert set(told["files"]) == set(present) - {"bundle.json"}
    for name, listed in told["files"].items():
        assert listed == {"sha256": file_digest(present[name]), "bytes": present[name].stat().st_size}
    assert set(told["files"]) == {
        *(
            "weights.safetensors",
            "classes.yaml",
            "recipe.yaml",
            "preprocessing.json",
            "data.json",
            "card.md",
            "card.html",
        ),
        *("exports/onnx/export.json", "exports/onnx/model.onnx"),
    }, "the export of other weights stays at home, and what is none"
    assert told["format"] == 2 and told["made"]["maskwright"] == maskwright.__version__ and told["name"] == "pets"
    assert told["licences"] == {
        "maskwright": "Apache-2.0", "weights": "own", "commercial": "yes", "data": "not stated",
    }  # fmt: skip


def test_scores_come_with_their_intervals_and_only_of_these_weights(run: Run, bundle: Path, tmp_path: Path) -> None:
    facts, evaluation = read_facts(bundle), Evaluation.load(run.folder / "evaluation" / "val")
    score = facts.scores["val"]
    assert score.metrics["mDice"] == pytest.approx(evaluation.scores.mDice)
    assert score.interval("mDice") == pytest.approx(evaluation.intervals["mDice"])
    assert score.interval("dice", 2) == pytest.approx(evaluation.intervals["dice"][2], nan_ok=True)
    assert (score.images, score.without_objects) == (8, 0) and facts.outdated == ()
    other = drawn_run(tmp_path / "other", DATA, seed=1)
    shutil.copytree(run.folder / "evaluation", other.folder / "evaluation")
    path = maskwright.bundle(other).path
    assert read_facts(path).scores == {} and read_facts(path).outdated == ("val",)
    card = (path / "card.md").read_text()
    assert "How well it does was not measured" in card and "measured with other weights" in card


def test_what_is_known_of_the_data_comes_along_but_not_where_they_lay(run: Run, bundle: Path) -> None:
    data = json.loads((run.folder / "data.json").read_text())
    write_json(run.folder / "data.json", {**data, "path": "/home/somebody/secret/pets"})
    maskwright.bundle(run)
    assert "/home/somebody" not in "".join(path.read_text(errors="replace") for path in bundle.glob("*.*"))
    assert data_of(bundle) == data_of(run.folder) == {name: DATA.digest(name) for name in ("train", "val")}
    assert photos_of(bundle) == photos_of(run.folder) and len(photos_of(bundle)["val"]) == 8


def test_folder_zip_and_folder_again_predict_the_same(run: Run, bundle: Path, tmp_path: Path) -> None:
    packed = maskwright.bundle(bundle, out=tmp_path / "pets.zip").path
    again = maskwright.bundle(packed, out=tmp_path / "again").path
    direct = maskwright.bundle(run, out=tmp_path / "direct.zip").path
    twice = maskwright.bundle(str(bundle), out=tmp_path / "twice.zip").path
    assert twice.read_bytes() == packed.read_bytes(), "the same bundle is the same file"
    image = tiny_dataset(size_hw=(70, 45)).samples[0].image()
    expected = maskwright.load(run.folder)(image)
    for path in (bundle, packed, again, direct):
        predictor = maskwright.load(path)
        assert np.array_equal(predictor(image), expected)
        assert predictor.digest == maskwright.load(run.folder).digest
        assert np.array_equal(predictor.mask(image), expected.argmax(0))


def test_preprocessing_can_be_followed_without_maskwright(run: Run, bundle: Path) -> None:
    """By its numbers alone a photo becomes what the network is given, and its answer what the predictor says."""
    import torch
    from torch.nn import functional

    from maskwright.models import build_for
    from maskwright.models.loading import load_into

    told = json.loads((bundle / "preprocessing.json").read_text())
    model = build_for(run.recipe, classes=3).eval()
    load_into(model, bundle / "weights.safetensors")
    image = DATA.samples[0].image()
    assert told["colour_order"] == "RGB" and told["resize"] is None and told["multiple_of_px"] == 1
    mean, std = (np.asarray(told["normalise"][key], np.float32) for key in ("mean", "std"))
    tensor = torch.from_numpy((image.astype(np.float32) - mean) / std).permute(2, 0, 1)[None]
    assert told["looks"]["scales"] == [1.0] and told["looks"]["mirrored_too"]
    with torch.inference_mode():
        looks = [model(tensor), model(tensor.flip(3)).flip(3)]
        sized = [functional.interpolate(one, size=image.shape[:2], mode="bilinear") for one in looks]
        probs = torch.stack([one.softmax(1) for one in sized]).mean(0)[0].numpy()
    assert np.allclose(probs, maskwright.load(bundle)(image), atol=1e-5)
    resized = maskwright.bundle(drawn_run(bundle.parent.parent / "resized", DATA, short_side_px=48)).path
    assert json.loads((resized / "preprocessing.json").read_text())["resize"]["short_side_px"] == 48


def test_the_card_says_what_was_measured(bundle: Path) -> None:
    card = (bundle / "card.md").read_text()
    score = read_facts(bundle).scores["val"]
    assert f"{100 * (score.metrics['mDice'] or 0):.1f}" in card
    for said in (
        "background, square and disc", "mlp-mobilenetv2", "chosen by their score on val", "not judged on a test split",
        "64 × 64 px alone", "disc is on", "looked at 2 times", "licence not stated", "made from the same weights: onnx",
        "maskwright.load", "turned by up to 10°",
    ):  # fmt: skip
        assert said in card, said
    assert "leak" not in card and "audit found" not in card, "only what is known is said"


def test_the_lines_of_the_card_work(bundle: Path, tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", (bundle / "card.md").read_text(), re.DOTALL)[0]
    Image.fromarray(DATA.samples[0].image()).save(tmp_path / "photo.jpg")
    script = code.replace("BUNDLE", str(bundle)).replace("photo.jpg", str(tmp_path / "photo.jpg"))
    script += "\nassert mask.shape == (64, 64) and probabilities.shape[0] == 3\n"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_a_card_in_russian_stays_so_when_it_is_made_anew(run: Run, tmp_path: Path) -> None:
    copied = Run(tmp_path / "pets")
    shutil.copytree(run.folder, copied.folder, ignore=shutil.ignore_patterns("bundle"))
    assert "Пределы" in (maskwright.bundle(copied, lang="ru").path / "card.md").read_text()
    page = (maskwright.bundle(copied).path / "card.html").read_text()
    assert "Пределы" in page and 'lang="ru"' in page
    assert "Limits" in (maskwright.bundle(copied, lang="en").path / "card.html").read_text()
    with pytest.raises(UsageError, match="--lang de"):
        maskwright.bundle(copied, lang="de")


def test_the_licence_of_the_data_is_stated_once(run: Run, tmp_path: Path) -> None:
    copy = Run(shutil.copytree(run.folder, tmp_path / "run"))
    shutil.rmtree(copy.folder / "bundle", ignore_errors=True)
    said = []
    for given in (None, "CC-BY-4.0", None):
        made = maskwright.bundle(copy, data_licence=given)
        said.append(read_json(made.path / "bundle.json")["licences"]["data"])
        assert ("CC-BY-4.0" in (made.path / "card.md").read_text()) == (said[-1] != "not stated")
    assert said == ["not stated", "CC-BY-4.0", "CC-BY-4.0"]
    with pytest.raises(UsageError, match="no name of a licence"):
        maskwright.bundle(copy, data_licence="x" * 201)
    with pytest.raises(UsageError, match="as it is"):
        maskwright.bundle(made.path, out=tmp_path / "again.zip", data_licence="CC0")


def test_names_of_others_are_no_markdown(run: Run, tmp_path: Path) -> None:
    copied = Run(tmp_path / "evil ](http:x) <b>|*")
    shutil.copytree(run.folder, copied.folder, ignore=shutil.ignore_patterns("bundle", "evaluation"))
    classes = yaml.safe_load((copied.folder / "classes.yaml").read_text())
    classes["classes"] = {"<img src=x>": 0, "a|b": 1, "![x](y)": 2}
    (copied.folder / "classes.yaml").write_text(yaml.safe_dump(classes, sort_keys=False))
    (copied.folder / "data.json").unlink()
    card = (maskwright.bundle(copied).path / "card.md").read_text()
    assert not re.search(r"(?<!\\)<|(?<!\\)\]\(", re.sub(r"```.*?```", "", card, flags=re.DOTALL))
    assert "On which data it was trained is not known." in card
    assert escaped("1. a\n# b") == r"1\. a \# b" and escaped("- a") == r"\- a" and escaped("a-b 1.5") == "a-b 1.5"


def test_a_changed_export_is_not_bundled(run: Run, tmp_path: Path) -> None:
    copied = Run(tmp_path / "pets")
    shutil.copytree(run.folder, copied.folder, ignore=shutil.ignore_patterns("bundle"))
    (copied.folder / "exports" / "onnx" / "model.onnx").write_bytes(b"another")
    with pytest.raises(RunError, match=r"model\.onnx: is missing or differs"):
        maskwright.bundle(copied)


def test_what_cannot_be_bundled_is_refused(run: Run, bundle: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.zip"
    taken.write_bytes(b"mine")
    with pytest.raises(UsageError, match="something lies there already"):
        maskwright.bundle(run, out=taken)
    assert taken.read_bytes() == b"mine"
    with pytest.raises(UsageError, match="something lies there already"):
        maskwright.bundle(run, out=tmp_path)
    with pytest.raises(UsageError, match="This is a bundle already"):
        maskwright.bundle(bundle)
    empty = Run(tmp_path / "empty")
    shutil.copytree(run.folder, empty.folder, ignore=shutil.ignore_patterns("bundle", "weights", "evaluation"))
    with pytest.raises(RunError, match="has no weights yet"):
        maskwright.bundle(empty)
    assert not (empty.folder / "bundle").exists() and not list(empty.folder.glob(".*.tmp"))
    broken = tmp_path / "broken"
    shutil.copytree(bundle, broken)
    (broken / "card.md").write_text("other")
    with pytest.raises(RunError, match=r"card\.md has"):
        maskwright.bundle(broken, out=tmp_path / "b.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "empty", "taken.zip"]
    assert opened(bundle).folder == bundle
