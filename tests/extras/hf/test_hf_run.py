"""A model of a repository through the whole program; once it is trained, nobody needs the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from extra_run import whole_way
from hub_cache import COMMIT, use_cache, write_repository

CARD = b"---\nlicense: mit\n---\n# A small model\n"


@pytest.mark.training
def test_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = use_cache(tmp_path / "huggingface", monkeypatch)
    torch.manual_seed(0)
    config = SegformerConfig(
        num_labels=7,
        depths=[1] * 4,
        hidden_sizes=[16, 32, 64, 64],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=64,
    )
    files = {
        "config.json": json.dumps(config.to_dict()).encode(),
        "model.safetensors": save(SegformerForSemanticSegmentation(config).state_dict()),
        "README.md": CARD,
    }
    write_repository(cache, "own/small", files)
    said = whole_way(tmp_path, model="hf:own/small", forget=cache)
    assert said["metrics"]["mDice"] > 0.2
    recipe = (tmp_path / "run" / "recipe.yaml").read_text()
    assert f"weights: hf:own/small@{COMMIT}  # rule: hf:own/small@{COMMIT}: licence MIT" in recipe
    initial = json.loads((tmp_path / "run" / "initial_weights.json").read_text())
    assert (initial["licence"], initial["commercial"]) == ("MIT", "yes")
    assert set(initial["new"].values()) == {"the file tells 7 classes apart, the model 3"}
