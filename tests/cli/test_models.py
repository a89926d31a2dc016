"""maskwright models: every architecture with what it costs and what it may start from."""

from __future__ import annotations

import json

import pytest

from maskwright.cli.main import answer
from maskwright.models import ARCHITECTURES


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_table_has_a_row_for_each(lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["models", "--lang", lang, "--size", "64"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2 : 2 + len(ARCHITECTURES)]] == list(ARCHITECTURES)
    assert any("mit-b0" in line and ("commercial" in line or "коммерч" in line) for line in lines)


def test_json_tells_numbers_and_licences(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["models", "--json", "--size", "64"]) == 0
    told = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in told["models"]}
    assert told["size_px"] == 64 and rows["segformer-b0"]["parameters"] == 3714915
    assert {one["commercial"] for one in rows["segformer-b0"]["weights"]} == {"no"}
    assert rows["mlp-mobilenetv2"]["weights"][0]["licence"] == "Apache-2.0"
    assert rows["mlp-mobilenetv2"]["seconds"] is None
