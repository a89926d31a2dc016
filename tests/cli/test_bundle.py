"""The commands around a bundle: bundle, predict, evaluate, report and open, of a folder and of a zip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

import maskwright
from browser import watched
from drawn_run import drawn_run
from maskwright.cli.main import answer
from maskwright.data.reading import read
from small_folders import split_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CLASSES = "background,cat,dog"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return split_folder(tmp_path_factory.mktemp("data") / "pets", train=2, val=5)


@pytest.fixture(scope="module")
def packed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zipped bundle of a judged run."""
    place = tmp_path_factory.mktemp("runs")
    dataset = read(data, classes=CLASSES.split(","))
    run = drawn_run(place / "pets", dataset)
    maskwright.evaluate(maskwright.load(run.folder), dataset).save(run.folder / "evaluation" / "val")
    return maskwright.bundle(run, out=place / "pets.zip").path


def test_bundle_makes_a_folder_or_a_zip(packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = packed.with_name("pets")
    assert answer(["bundle", str(run), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["bundle"]) == run / "bundle" and set(told["scores"]) == {"val"} and told["exports"] == []
    assert told["bytes"] == sum(path.stat().st_size for path in (run / "bundle").iterdir())
    assert answer(["bundle", str(packed), "-o", str(tmp_path / "unpacked"), "--lang", "ru"]) == 0
    assert "Пакет: " in capsys.readouterr().out and (tmp_path / "unpacked" / "card.html").is_file()
    assert answer(["bundle", str(run), "-o", str(packed)]) == 2
    assert "something lies there already" in capsys.readouterr().err


def test_a_zip_predicts_and_is_judged(
    data: Path, packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = next((data / "images" / "val").iterdir())
    assert answer(["predict", str(packed), str(photo), "-o", str(tmp_path / "out"), "--write", "masks"]) == 0
    assert len(list((tmp_path / "out" / "masks").rglob("*.png"))) == 1
    capsys.readouterr()
    assert answer(["evaluate", str(packed), str(data)]) == 0
    printed = capsys.readouterr().out
    assert "mDice" in printed and "pets.zip does not keep what is said of it" in printed
    assert answer(["diagnose", str(packed), str(data), "--json"]) == 0
    kept = json.loads((packed.with_name("pets") / "evaluation" / "val" / "metrics.json").read_text())
    assert json.loads(capsys.readouterr().out)["metrics"] == pytest.approx(kept["metrics"])


def test_report_writes_the_card_where_it_is_told(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = packed.read_bytes()
    assert answer(["report", str(packed)]) == 2
    assert "a bundle is never changed" in capsys.readouterr().err
    assert answer(["report", str(packed), "-o", str(tmp_path / "card.html"), "--lang", "ru"]) == 0
    assert "Что она различает" in (tmp_path / "card.html").read_text() and packed.read_bytes() == before


def test_open_shows_the_card_made_anew(
    packed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import maskwright.web.serving as serving

    served = {}
    monkeypatch.setattr(serving, "serve", lambda app, listening, *_, **__: served.update(app=app, at=listening))
    assert answer(["open", str(packed), "--no-browser", "--port", "0", "--json"]) == 0
    served["at"].socket.close()
    told = json.loads(capsys.readouterr().out)
    assert "/card?token=" in told["address"] and told["classes"] == CLASSES.split(",")
    client = TestClient(served["app"])
    page = client.get("/card")
    assert page.status_code == 200 and "What it tells apart" in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    assert "Что она различает" in client.get("/card?lang=ru").text
    assert client.get("/card?lang=de").status_code == 422 and client.get("/docs").status_code == 404


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_card_fits_a_phone(chromium: Browser, packed: Path, tmp_path: Path, lang: str, scheme: str) -> None:
    page_file = maskwright.report(packed, out=tmp_path / "card.html", lang=lang)
    page = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)  # type: ignore[arg-type]
    complaints, requests = watched(page)
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("main section").count() == 9 and page.locator("#limits li").count() >= 3
    assert complaints == [] and [address for address in requests if not address.startswith(("file:", "data:"))] == []
    page.close()
